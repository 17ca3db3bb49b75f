//! A log as data: its lines in order, the runs that they belong to, what they cover, and their histograms merged.
//!
//! ```text
//! files ─▶ raw lines ─▶ parsed, several at once ─▶ linked to the line before ─▶ chunks, in order ─▶ command
//!                                                                                   └─▶ Merged: histograms by timer
//! ```
//!
//! [`read`] hands the lines over chunk by chunk, so that a month of minutes needs no more memory than an hour.

mod histogram;
mod last;
mod line;
mod merged;
mod progress;
mod read;
mod series;
mod span;
mod warnings;

#[cfg(test)]
mod tests;

pub(crate) use histogram::{Decoder, empty, millis};
pub(crate) use last::parse_last;
pub(crate) use line::{Line, Place};
pub(crate) use merged::{Distribution, Merged};
pub(crate) use read::{ReadError, Reading, read};
pub(crate) use series::Series;
pub(crate) use span::Span;
pub(crate) use warnings::{Tally, warn};

/// Where the log is unless a command is told otherwise.
pub(crate) const DEFAULT_LOG: &str = "logs/metrics.json";
