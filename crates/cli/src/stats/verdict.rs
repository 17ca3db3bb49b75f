//! Verdicts, and the exit codes that follow from them.

use std::process::ExitCode;

use serde::Serialize;

/// What the evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The whole interval is on the good side.
    Pass,
    /// The whole interval is on the bad side.
    Fail,
    /// The interval lies on both sides, or there is none.
    NotEnoughEvidence,
}

impl Verdict {
    /// Of something that is wrong where `is_bad` holds at both ends of its interval, and right where it holds at neither.
    pub(crate) fn of(low: f64, high: f64, is_bad: impl Fn(f64) -> bool) -> Self {
        match (is_bad(low), is_bad(high)) {
            (false, false) => Self::Pass,
            (true, true) => Self::Fail,
            _ => Self::NotEnoughEvidence,
        }
    }

    /// The character that stands for it.
    pub(crate) const fn mark(self) -> char {
        match self {
            Self::Pass => '✓',
            Self::Fail => '✗',
            Self::NotEnoughEvidence => '?',
        }
    }

    /// It in words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotEnoughEvidence => "not enough evidence",
        }
    }

    /// 0, 1 or 3.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::NotEnoughEvidence => 3,
        })
    }
}

/// Of several: failed if any has, else without enough evidence if any is.
pub(crate) fn overall(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    let worst = |worse: Verdict, verdict: Verdict| match (worse, verdict) {
        (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
        (Verdict::Pass, Verdict::Pass) => Verdict::Pass,
        _ => Verdict::NotEnoughEvidence,
    };
    verdicts.into_iter().fold(Verdict::Pass, worst)
}
