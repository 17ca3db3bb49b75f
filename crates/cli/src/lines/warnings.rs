//! What is wrong with a log without keeping it from being read.

use std::fmt;
use std::io::{self, Write as _};

use tachograph::format::clean;

/// Prints a warning on standard error, in one line that cannot steer the terminal.
pub(crate) fn warn(sentence: &dyn fmt::Display) {
    let sentence = clean(&sentence.to_string());
    let _ = writeln!(io::stderr(), "tacho: warning: {sentence}");
}

/// Troubles of one kind: the first in words, and how many there were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    first: Option<String>,
    count: u64,
}

impl Tally {
    /// Counts one; only the first is put into words.
    pub(crate) fn add(&mut self, sentence: impl FnOnce() -> String) {
        self.first.get_or_insert_with(sentence);
        self.count += 1;
    }

    /// Counts those of another one, which came later.
    pub(crate) fn append(&mut self, later: Self) {
        self.count += later.count;
        if let (None, Some(first)) = (&self.first, later.first) {
            self.first = Some(first);
        }
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The first in words.
    pub(crate) fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// Says the first, and how many `more` there are; nothing if there is none.
    pub(crate) fn warn(&self, more: &str) {
        match (&self.first, self.count) {
            (None, _) => {}
            (Some(first), 0 | 1) => warn(first),
            (Some(first), count) => warn(&format_args!("{first}; {} {more}", count - 1)),
        }
    }
}
