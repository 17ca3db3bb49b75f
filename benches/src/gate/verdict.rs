//! What one comparison says.

use std::fmt;

/// Growth that is still accepted, in percent; and the shrinking from which on a new baseline is advised.
pub const TOLERANCE_PERCENT: f64 = 2.0;

/// What was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Instructions per call.
    Instructions,
    /// Allocations in a thousand calls.
    Allocations,
    /// Locked instructions in the machine code.
    Locked,
    /// Calls of the allocator or of a panic in the machine code.
    Calls,
    /// Time, as a ratio to something measured in the same run.
    Time,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Instructions => "instructions",
            Self::Allocations => "allocations",
            Self::Locked => "locked instructions",
            Self::Calls => "panics, allocator calls",
            Self::Time => "time",
        })
    }
}

/// How a comparison ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not worse.
    Ok,
    /// Better by more than the tolerance: the baseline should be renewed, or the gain can be lost unseen.
    Better,
    /// Worse: the gate refuses.
    Fail,
    /// The baseline does not know it: the gate refuses until it is renewed.
    New,
    /// The baseline knows it and it is gone: the gate refuses until it is renewed.
    Gone,
    /// The machine was too noisy to tell.
    Undecided,
    /// A tool is missing.
    Skipped,
}

impl Verdict {
    /// Whether the gate refuses.
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::Fail | Self::New | Self::Gone)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Better => "ok, better: renew",
            Self::Fail => "FAIL",
            Self::New => "FAIL: not in the baseline",
            Self::Gone => "FAIL: only in the baseline",
            Self::Undecided => "UNDECIDED: too noisy",
            Self::Skipped => "SKIPPED",
        })
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What was compared.
    pub check: Check,
    /// Of what.
    pub operation: String,
    /// What it may be.
    pub baseline: String,
    /// What it is.
    pub now: String,
    /// How far they are apart.
    pub change: String,
    /// What follows.
    pub verdict: Verdict,
}

/// Compares instructions per call with the baseline; `tolerance` is in percent.
pub fn grown(operation: &str, baseline: Option<f64>, now: Option<f64>, tolerance: f64) -> Row {
    let text = |count: Option<f64>| count.map_or_else(|| "-".to_owned(), |n| format!("{n:.1}"));
    let change = baseline
        .zip(now)
        .map(|(then, now)| (now - then) / then * 100.0);
    let verdict = match (baseline, now, change) {
        (None, _, _) => Verdict::New,
        (_, None, _) => Verdict::Gone,
        (_, _, Some(change)) if change < -tolerance => Verdict::Better,
        (_, _, Some(change)) if change <= tolerance => Verdict::Ok,
        // Also what is not a number.
        _ => Verdict::Fail,
    };
    Row {
        check: Check::Instructions,
        operation: operation.to_owned(),
        baseline: text(baseline),
        now: text(now),
        change: change.map_or_else(String::new, |percent| format!("{percent:+.1} %")),
        verdict,
    }
}

/// Compares a count that may not grow at all.
pub(super) fn at_most(check: Check, operation: &str, allowed: u64, now: u64) -> Row {
    Row {
        check,
        operation: operation.to_owned(),
        baseline: allowed.to_string(),
        now: now.to_string(),
        change: if now == allowed {
            String::new()
        } else {
            format!("{:+}", i128::from(now) - i128::from(allowed))
        },
        verdict: match now.cmp(&allowed) {
            std::cmp::Ordering::Less => Verdict::Better,
            std::cmp::Ordering::Equal => Verdict::Ok,
            std::cmp::Ordering::Greater => Verdict::Fail,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(baseline: impl Into<Option<f64>>, now: impl Into<Option<f64>>) -> Verdict {
        grown("count", baseline.into(), now.into(), TOLERANCE_PERCENT).verdict
    }

    #[test]
    fn more_than_two_percent_is_refused() {
        assert_eq!(verdict(100.0, 102.0), Verdict::Ok);
        assert_eq!(verdict(100.0, 102.1), Verdict::Fail);
        assert_eq!(verdict(14.0, 15.0), Verdict::Fail);
        assert_eq!(verdict(100.0, 98.0), Verdict::Ok);
        assert_eq!(verdict(100.0, 97.9), Verdict::Better);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        assert_eq!(verdict(None, 1.0), Verdict::New);
        assert_eq!(verdict(1.0, None), Verdict::Gone);
        assert_eq!(verdict(0.0, 0.0), Verdict::Fail);
        assert_eq!(verdict(1.0, f64::NAN), Verdict::Fail);
        for verdict in [Verdict::New, Verdict::Gone, Verdict::Fail] {
            assert!(verdict.is_refusal());
        }
    }

    #[test]
    fn one_more_is_one_too_many() {
        let verdict = |now| at_most(Check::Allocations, "scope", 0, now).verdict;
        assert_eq!((verdict(0), verdict(1)), (Verdict::Ok, Verdict::Fail));
    }
}
