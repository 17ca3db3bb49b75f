//! The calls by name, which take any text and any number.

use std::collections::BTreeMap;
use std::time::Duration;

use tachograph::{
    MetricsCollector, MetricsCollectorBuilder, MetricsSnapshot, RecordError, TimerStats,
    VirtualTime,
};

use super::bytes::Bytes;
use super::{NoProbe, assert_one_line};
use crate::{assert_same_statistics, oracle};

const WINDOW: usize = 8;
/// Longest duration that a sample holds, nanoseconds: 2^60 ticks.
const LONGEST: u64 = 1 << 60;
const COUNTERS: [&str; 4] = [
    "frames_processed",
    "motion_detected",
    "events_created",
    "events_suppressed",
];
const TIMERS: [&str; 3] = [
    "coreml_inference",
    "llm_inference",
    "frame_processing_latency",
];

/// Any name is registered as the rule for names says or refused; any call by any name with any bits is recorded exactly or refused and
/// counted as rejected; and every snapshot is what the calls so far make.
///
/// # Panics
/// It is not so.
pub fn by_name(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let mut model = Model::default();
    let time = VirtualTime::new();
    let builder = MetricsCollector::builder()
        .window(WINDOW)
        .without_log()
        .quiet();
    let mut builder = builder.time_source(time.clone()).probe(NoProbe);
    for _ in 0..bytes.below(4) {
        model.register(&mut builder, &mut bytes);
    }
    let collector = builder.build().expect("nothing in it can be refused");
    while !bytes.is_empty() {
        match bytes.below(8) {
            0 => model.increment(&collector, &mut bytes),
            1 => model.add(&collector, &mut bytes),
            2 | 3 => model.record(&collector, &mut bytes),
            4 => model.record_inference(&collector, &mut bytes),
            5 => model.record_latency(&collector, &mut bytes),
            6 => time.advance(Duration::from_millis(bytes.byte().into())),
            _ if bytes.below(8) == 0 => {
                collector.reset();
                model.reset();
            }
            _ => model.check(&collector.collect()),
        }
    }
    model.check(&collector.collect());
    collector.status_table();
}

/// What the calls so far make.
struct Model {
    counters: BTreeMap<String, u64>,
    /// Nanoseconds, oldest first.
    timers: BTreeMap<String, Vec<u64>>,
    rejected: u64,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            counters: COUNTERS.map(|name| (name.to_owned(), 0)).into(),
            timers: TIMERS.map(|name| (name.to_owned(), Vec::new())).into(),
            rejected: 0,
        }
    }
}

impl Model {
    fn register(&mut self, builder: &mut MetricsCollectorBuilder, bytes: &mut Bytes<'_>) {
        let name = bytes.text(70);
        let taken = self.counters.contains_key(&name) || self.timers.contains_key(&name);
        let good = is_good(&name) && !taken;
        let error = if bytes.below(2) == 0 {
            self.counters.extend(good.then(|| (name.clone(), 0)));
            builder.counter(&name).err()
        } else {
            self.timers.extend(good.then(|| (name.clone(), Vec::new())));
            builder.timer(&name).err()
        };
        assert_eq!(error.is_none(), good, "{name:?}: {error:?}");
        if let Some(error) = error {
            assert_one_line(&error.to_string());
        }
    }

    /// A name: arbitrary, or one that exists, or the beginning of one.
    fn name(&self, bytes: &mut Bytes<'_>) -> String {
        let known = self.counters.keys().chain(self.timers.keys());
        let name = known
            .cycle()
            .nth(bytes.below(32))
            .cloned()
            .unwrap_or_default();
        match bytes.below(8) {
            0 => bytes.text(40),
            1 => name.strip_suffix("_inference").unwrap_or(&name).to_owned(),
            _ => name,
        }
    }

    fn increment(&mut self, collector: &MetricsCollector, bytes: &mut Bytes<'_>) {
        let name = self.name(bytes);
        self.counted(&name, 1, collector.increment_counter(&name));
    }

    fn add(&mut self, collector: &MetricsCollector, bytes: &mut Bytes<'_>) {
        let (name, n) = (self.name(bytes), bytes.number());
        self.counted(&name, n, collector.add_to_counter(&name, n));
    }

    fn counted(&mut self, name: &str, n: u64, result: Result<(), RecordError>) {
        let counter = self.counters.get_mut(name);
        assert_eq!(result.is_ok(), counter.is_some(), "{name:?}: {result:?}");
        if let Some(counter) = counter {
            *counter = counter.wrapping_add(n);
        }
        self.refused(result);
    }

    fn record(&mut self, collector: &MetricsCollector, bytes: &mut Bytes<'_>) {
        let (name, millis) = (self.name(bytes), millis(bytes));
        self.timed(Some(&name), millis, collector.record_time(&name, millis));
    }

    fn record_inference(&mut self, collector: &MetricsCollector, bytes: &mut Bytes<'_>) {
        let (model, millis) = (self.name(bytes), millis(bytes));
        let names = [model.clone(), format!("{model}_inference")];
        let name = names.iter().find(|name| self.timers.contains_key(*name));
        let result = collector.record_inference_time(&model, millis);
        self.timed(name.map(String::as_str), millis, result);
    }

    fn record_latency(&mut self, collector: &MetricsCollector, bytes: &mut Bytes<'_>) {
        let millis = millis(bytes);
        self.timed(
            Some(TIMERS[2]),
            millis,
            collector.record_frame_latency(millis),
        );
    }

    fn timed(&mut self, name: Option<&str>, millis: f64, result: Result<(), RecordError>) {
        let good = millis.is_finite() && millis >= 0.0;
        let samples = name
            .and_then(|name| self.timers.get_mut(name))
            .filter(|_| good);
        assert_eq!(
            result.is_ok(),
            samples.is_some(),
            "{name:?} {millis}: {result:?}"
        );
        if let Some(samples) = samples {
            samples.push(nanos(millis));
        }
        self.refused(result);
    }

    fn refused(&mut self, result: Result<(), RecordError>) {
        if let Err(error) = result {
            self.rejected += 1;
            assert_one_line(&error.to_string());
        }
    }

    fn reset(&mut self) {
        self.rejected = 0;
        self.counters.values_mut().for_each(|counter| *counter = 0);
        self.timers.values_mut().for_each(Vec::clear);
    }

    fn check(&self, snapshot: &MetricsSnapshot) {
        assert_eq!(snapshot.samples_rejected, self.rejected);
        let built_in = [
            snapshot.frames_processed,
            snapshot.motion_detected,
            snapshot.events_created,
            snapshot.events_suppressed,
        ];
        for (name, &expected) in &self.counters {
            let custom = snapshot.custom.counters.get(name.as_str()).copied();
            let place = COUNTERS.iter().position(|built_in| built_in == name);
            assert_eq!(
                place.map(|place| built_in[place]).or(custom),
                Some(expected),
                "{name}"
            );
        }
        let recorded: usize = self.timers.values().map(Vec::len).sum();
        assert_eq!(snapshot.samples_recorded, recorded as u64);
        for (name, samples) in &self.timers {
            let newest = &samples[samples.len().saturating_sub(WINDOW)..];
            assert_same_statistics(statistics(snapshot, name), &oracle(newest), name);
            assert_eq!(snapshot.lifetime[name.as_str()].count, samples.len() as u64);
        }
    }
}

fn statistics<'a>(snapshot: &'a MetricsSnapshot, name: &str) -> &'a TimerStats {
    match name {
        "coreml_inference" => &snapshot.coreml_inference,
        "llm_inference" => &snapshot.llm_inference,
        "frame_processing_latency" => &snapshot.frame_processing_latency,
        _ => &snapshot.custom.timers[name],
    }
}

/// Any bits; half of them a usual time.
fn millis(bytes: &mut Bytes<'_>) -> f64 {
    match bytes.below(4) {
        0 | 1 => f64::from(bytes.byte()) / 8.0,
        2 => [
            f64::NAN,
            f64::INFINITY,
            -1.0,
            -0.0,
            1e300,
            f64::MIN_POSITIVE,
        ][bytes.below(6)],
        _ => f64::from_bits(bytes.word()),
    }
}

/// To the nearest nanosecond, as long as a sample can be.
fn nanos(millis: f64) -> u64 {
    let duration = Duration::try_from_secs_f64(millis / 1e3).unwrap_or(Duration::MAX);
    u64::try_from(duration.as_nanos()).map_or(LONGEST, |nanos| nanos.min(LONGEST))
}

fn is_good(name: &str) -> bool {
    let (first, rest) = name.split_at_checked(1).unwrap_or_default();
    let lower = |c: char| c.is_ascii_lowercase();
    !first.is_empty()
        && first.chars().all(lower)
        && rest
            .chars()
            .all(|c| lower(c) || c.is_ascii_digit() || c == '_')
        && name.len() <= 64
}
