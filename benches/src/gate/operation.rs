//! What is gated: the calls that a frame loop makes, and what is done beside it.

use std::fmt;
use std::str::FromStr;

/// One gated operation. `ops NAME N` performs it `N` times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Raises a counter.
    Count,
    /// Records a duration as ending now.
    Record,
    /// Records the time between two readings that the caller has.
    RecordBetween,
    /// Starts and ends a scope.
    Scope,
    /// Changes the stage of a running frame.
    Stage,
    /// A frame with one stage.
    Frame1,
    /// A frame with four stages.
    Frame4,
    /// A frame with eight stages.
    Frame8,
    /// Raises a counter by its name.
    ByName,
    /// Reads the newest snapshot.
    Load,
    /// Reads the newest snapshot through a local copy of its pointer.
    CachedLoad,
    /// Reduces 4 lanes of 3 timers in which nothing happened.
    ReduceIdle,
    /// Records 1000 samples, 250 on each of 4 lanes.
    Record1000,
    /// Reduces 4 lanes of 3 timers with 1000 new samples; recording them is subtracted.
    Reduce1000,
}

/// Two numbers of repetitions: the difference of what they cost is free of start and end of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetitions {
    /// The smaller one.
    pub less: u64,
    /// The larger one.
    pub more: u64,
}

impl Operation {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 14] = [
        Self::Count,
        Self::Record,
        Self::RecordBetween,
        Self::Scope,
        Self::Stage,
        Self::Frame1,
        Self::Frame4,
        Self::Frame8,
        Self::ByName,
        Self::Load,
        Self::CachedLoad,
        Self::ReduceIdle,
        Self::Record1000,
        Self::Reduce1000,
    ];

    /// Its name on the command line, in the baseline and in the table; also of its function in `ops`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Record => "record",
            Self::RecordBetween => "record_between",
            Self::Scope => "scope",
            Self::Stage => "stage",
            Self::Frame1 => "frame_1",
            Self::Frame4 => "frame_4",
            Self::Frame8 => "frame_8",
            Self::ByName => "by_name",
            Self::Load => "load",
            Self::CachedLoad => "cached_load",
            Self::ReduceIdle => "reduce_idle",
            Self::Record1000 => "record_1000",
            Self::Reduce1000 => "reduce_1000",
        }
    }

    /// How often it is performed to count its instructions.
    pub const fn repetitions(self) -> Repetitions {
        match self {
            Self::ReduceIdle | Self::Record1000 | Self::Reduce1000 => Repetitions {
                less: 20,
                more: 220,
            },
            _ => Repetitions {
                less: 1_000,
                more: 11_000,
            },
        }
    }

    /// What `ops` does besides in every repetition; its instructions are subtracted.
    pub const fn subtract(self) -> Option<Self> {
        match self {
            Self::Reduce1000 => Some(Self::Record1000),
            _ => None,
        }
    }

    /// Whether its machine code is looked at: what runs inside the frame loop.
    pub const fn is_in_the_loop(self) -> bool {
        matches!(
            self,
            Self::Count | Self::Record | Self::RecordBetween | Self::Scope | Self::Stage
        ) || self.pushes_a_frame()
    }

    /// Whether it hands a frame's trace to the lane's crossbeam queue: the one exception to "no locked instruction".
    pub const fn pushes_a_frame(self) -> bool {
        matches!(self, Self::Frame1 | Self::Frame4 | Self::Frame8)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.ok_or_else(|| format!("no operation is named {name:?}"))
    }
}
