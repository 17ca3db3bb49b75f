//! The histograms of many lines, added up by timer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hdrhistogram::Histogram;
use rayon::prelude::*;
use tachograph::BUILT_IN_TIMERS;

use super::histogram::{Decoder, empty};
use super::{Line, Tally};

/// Timers that are kept at most, so that a log that is not ours cannot fill the memory. A collector of ours has some dozens.
const MAX_TIMERS: usize = 512;

/// All timers of a log, each with the sum of its histograms.
#[derive(Default)]
pub(crate) struct Merged {
    /// The only timers to decode; `None`: all.
    wanted: Option<BTreeSet<String>>,
    timers: BTreeMap<Arc<str>, Sum>,
    /// Histograms that are no histograms.
    pub(super) bad: Tally,
    /// Timers beyond [`MAX_TIMERS`].
    left_out: Tally,
}

/// One timer's.
struct Sum {
    distribution: Distribution,
    decoder: Decoder,
}

impl Merged {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Of these timers alone, which saves the time for the others.
    pub(crate) fn of<'a>(timers: impl Iterator<Item = &'a str>) -> Self {
        Self {
            wanted: Some(timers.map(str::to_owned).collect()),
            ..Self::default()
        }
    }

    /// Adds what some lines recorded: several timers at once, each in the order of the lines.
    pub(crate) fn add(&mut self, lines: &[Line]) {
        for line in lines {
            self.find_timers(line);
        }
        let bad: Vec<Tally> = self
            .timers
            .par_iter_mut()
            .map(|(name, sum)| sum.add(name, lines))
            .collect();
        for tally in bad {
            self.bad.append(tally);
        }
    }

    /// The sum of a timer; `None` if no line has a timer of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Distribution> {
        self.timers.get(name).map(|sum| &sum.distribution)
    }

    /// All timers: the built-in ones in their order, then the others by name.
    pub(crate) fn timers(&self) -> impl Iterator<Item = (&str, &Distribution)> {
        let built_in = BUILT_IN_TIMERS
            .iter()
            .filter_map(|name| self.timers.get_key_value(*name));
        let others = self.timers.iter();
        let others = others.filter(|(name, _)| !BUILT_IN_TIMERS.contains(&name.as_ref()));
        built_in
            .chain(others)
            .map(|(name, sum)| (name.as_ref(), &sum.distribution))
    }

    /// Says on standard error what was left out, if anything.
    pub(crate) fn warn(&self) {
        self.bad.warn("more histograms are skipped");
        self.left_out.warn("more timers are left out");
    }

    fn find_timers(&mut self, line: &Line) {
        let snapshot = &line.snapshot;
        let timers = snapshot
            .histograms
            .keys()
            .chain(snapshot.custom.timers.keys());
        for name in timers.chain(snapshot.lifetime.keys()) {
            let wanted = self.wanted.as_ref();
            if self.timers.contains_key(name) || wanted.is_some_and(|it| !it.contains(&**name)) {
                continue;
            }
            if self.timers.len() < MAX_TIMERS {
                self.timers.insert(Arc::clone(name), Sum::new());
            } else {
                self.left_out.add(|| {
                    format!(
                        "{}: timer {name} is left out, there are {MAX_TIMERS} already",
                        line.place
                    )
                });
            }
        }
    }
}

impl Sum {
    fn new() -> Self {
        Self {
            distribution: Distribution::new(),
            decoder: Decoder::new(),
        }
    }

    fn add(&mut self, name: &str, lines: &[Line]) -> Tally {
        let mut bad = Tally::default();
        for line in lines {
            let Some(text) = line.snapshot.histograms.get(name) else {
                continue;
            };
            let sum = self.distribution.histogram_mut();
            if let Err(error) = self.decoder.add_to(sum, text) {
                bad.add(|| {
                    format!(
                        "{}: the histogram of {name} is skipped: {error}",
                        line.place
                    )
                });
            }
        }
        bad
    }
}

/// What a timer recorded: a histogram of nanoseconds, with three significant digits. The counts are exact.
#[derive(Default)]
pub(crate) struct Distribution {
    histogram: Option<Box<Histogram<u64>>>,
}

impl Distribution {
    pub(crate) fn new() -> Self {
        Self { histogram: None }
    }

    /// The histogram, for those that add to it. It takes 180 KiB as soon as something is there.
    pub(crate) fn histogram_mut(&mut self) -> &mut Histogram<u64> {
        self.histogram.get_or_insert_with(|| Box::new(empty()))
    }

    /// The histogram; `None` if nothing was ever recorded.
    pub(crate) fn histogram(&self) -> Option<&Histogram<u64>> {
        self.histogram
            .as_deref()
            .filter(|histogram| !histogram.is_empty())
    }

    /// Samples.
    pub(crate) fn count(&self) -> u64 {
        self.histogram().map_or(0, Histogram::len)
    }
}
