//! Times as ratios to something measured in the same run, so that a slower machine changes nothing.
//!
//! One attempt is [`ROUNDS`] rounds of: the operation, the reference, the operation again. The operation's two times against each
//! other are the null control: the same thing measured twice. Where it says "different", the machine is too noisy and the
//! attempt does not count.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::verdict::{Check, Row, Verdict};

/// Rounds of one attempt that count.
pub const ROUNDS: usize = 31;
/// Attempts until it is left undecided.
const ATTEMPTS: usize = 6;
/// Attempts that must say "too slow" before it is believed; one that says otherwise is enough.
const REFUSALS: usize = 2;
/// The null control may be off by the slack of the limit, and by no more than this.
const MOST_CONTROL: f64 = 0.25;

/// One gated ratio. `ops ratio NAME` makes an attempt at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ratio {
    /// A scope to two clock reads.
    Scope,
    /// A stage change to one clock read.
    Stage,
    /// A count to a relaxed load and store.
    Count,
    /// A count while another thread counts too, to a count alone.
    CountBeside,
    /// A frame of 4 stages to 6 clock reads and 20 ns.
    Frame4,
    /// A cached read to reading and cloning an `RwLock<Arc>`.
    CachedLoad,
}

impl Ratio {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Scope,
        Self::Stage,
        Self::Count,
        Self::CountBeside,
        Self::Frame4,
        Self::CachedLoad,
    ];

    /// Its name on the command line and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Stage => "stage",
            Self::Count => "count",
            Self::CountBeside => "count_beside",
            Self::Frame4 => "frame_4",
            Self::CachedLoad => "cached_load",
        }
    }

    /// What it is measured against.
    pub const fn reference(self) -> &'static str {
        match self {
            Self::Scope => "2 clock reads",
            Self::Stage => "clock read",
            Self::Count => "load + store",
            Self::CountBeside => "count alone",
            Self::Frame4 => "6 clock reads + 20 ns",
            Self::CachedLoad => "RwLock<Arc>",
        }
    }

    /// What the project wants to reach.
    pub const fn target(self) -> f64 {
        match self {
            Self::Scope | Self::CountBeside => 1.10,
            Self::Stage => 1.25,
            Self::Count => 1.2,
            Self::Frame4 => 1.0,
            Self::CachedLoad => 0.2,
        }
    }

    /// What the gate refuses beyond: the target, slack for noise, and for processors that read their counter faster than they
    /// store: there the same instructions weigh more.
    pub const fn limit(self) -> f64 {
        match self {
            Self::Scope | Self::Count | Self::CountBeside => 1.5,
            Self::Stage => 1.8,
            Self::Frame4 => 2.0,
            Self::CachedLoad => 1.0 / 3.0,
        }
    }

    /// How far the null control may be from 1.
    fn most_control(self) -> f64 {
        (self.limit() / self.target() - 1.0).min(MOST_CONTROL)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Ratio {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.ok_or_else(|| format!("no ratio is named {name:?}"))
    }
}

/// Medians over the rounds of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The operation to the reference.
    pub ratio: f64,
    /// The operation measured twice, the second to the first: 1 on a quiet machine.
    pub control: f64,
    /// One call of the operation, in nanoseconds; for information.
    pub nanos: f64,
}

/// What several attempts say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// The attempt it rests on; of an undecided one, the last.
    pub attempt: Option<Attempt>,
}

/// Makes attempts until they decide, and no more than a few.
///
/// # Errors
/// An attempt could not be made.
pub fn decide<E>(
    ratio: Ratio,
    mut attempt: impl FnMut() -> Result<Attempt, E>,
) -> Result<Decision, E> {
    let mut refusals = 0;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let made = attempt()?;
        last = Some(made);
        let quiet = (made.control - 1.0).abs() <= ratio.most_control();
        if !quiet {
            continue;
        }
        if made.ratio <= ratio.limit() {
            let verdict = Verdict::Ok;
            return Ok(Decision {
                verdict,
                attempt: last,
            });
        }
        refusals += 1;
        if refusals == REFUSALS {
            let verdict = Verdict::Fail;
            return Ok(Decision {
                verdict,
                attempt: last,
            });
        }
    }
    Ok(Decision {
        verdict: Verdict::Undecided,
        attempt: last,
    })
}

impl Decision {
    /// Its line in the table.
    pub fn row(&self, ratio: Ratio) -> Row {
        let now = self.attempt.map_or_else(
            || "-".to_owned(),
            |it| format!("{:.2} ({:.1} ns)", it.ratio, it.nanos),
        );
        let change = self.attempt.map_or_else(String::new, |it| {
            format!("target {:.2}, control {:.2}", ratio.target(), it.control)
        });
        Row {
            check: Check::Time,
            operation: format!("{ratio} / {}", ratio.reference()),
            baseline: format!("at most {:.2}", ratio.limit()),
            now,
            change,
            verdict: self.verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Decides on attempts of (ratio, control) for a limit of 1.5; also says how many were made.
    fn verdict(attempts: &[(f64, f64)]) -> (Verdict, usize) {
        let mut made = 0;
        let decision = decide(Ratio::Scope, || {
            let (ratio, control) = attempts[made % attempts.len()];
            made += 1;
            Ok::<_, Infallible>(Attempt {
                ratio,
                control,
                nanos: 20.0,
            })
        });
        (decision.unwrap().verdict, made)
    }

    #[test]
    fn two_quiet_attempts_refuse_and_one_accepts() {
        assert_eq!(verdict(&[(1.05, 1.0)]), (Verdict::Ok, 1));
        assert_eq!(verdict(&[(1.6, 1.0)]), (Verdict::Fail, 2));
        assert_eq!(verdict(&[(1.6, 1.0), (1.05, 1.01)]), (Verdict::Ok, 2));
    }

    #[test]
    fn a_noisy_machine_decides_nothing() {
        for noise in [0.7, 1.4, f64::NAN] {
            assert_eq!(verdict(&[(1.05, noise)]), (Verdict::Undecided, ATTEMPTS));
            assert_eq!(verdict(&[(9.0, noise)]), (Verdict::Undecided, ATTEMPTS));
        }
        assert_eq!(
            verdict(&[(9.0, 1.9), (9.0, 1.0), (9.0, 0.5)]),
            (Verdict::Fail, 5)
        );
    }

    #[test]
    fn names_lead_back_and_limits_leave_slack() {
        for ratio in Ratio::ALL {
            assert_eq!(ratio.name().parse(), Ok(ratio));
            assert!(ratio.limit() > ratio.target(), "{ratio}");
        }
    }
}
