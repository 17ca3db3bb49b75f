//! How sure a number is, and whether two differ by more than chance. Methods and sources: `docs/check-and-compare.md`.

mod change;
mod estimate;
mod ranks;
#[cfg(test)]
mod simulation;
mod verdict;

pub(crate) use change::{difference, relative};
pub(crate) use estimate::Estimate;
pub(crate) use verdict::{Verdict, overall};

/// The share of intervals that hold the true value, if the assumptions hold.
pub(crate) const CONFIDENCE: f64 = 0.95;
/// The quantile of the normal distribution between whose negative and itself that share lies.
const Z: f64 = 1.959_963_984_540_054;
