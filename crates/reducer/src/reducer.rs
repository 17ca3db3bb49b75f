//! From what was merged to a published snapshot.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hdrhistogram::Histogram;
use tachograph_hotpath::{Counter, MAX_TRACED_STAGES, Registry, Stamp, Timer, metrics};

use crate::frames::TracedFrame;
use crate::lifetime::histogram;
use crate::merge::Merge;
use crate::publish::{Publisher, SnapshotReader};
use crate::snapshot::{FrameRecord, FrameStage, InFlightStage, MetricsSnapshot, TimerStats};
use crate::timeline::ClockJump;

/// Merges the lanes of a registry, keeps the windows, computes the statistics and publishes snapshots.
///
/// Deterministic: it is told what time it is. A steady state (no new lane, no reader that hoards snapshots) allocates nothing.
#[derive(Debug)]
pub struct Reducer {
    merge: Merge,
    publisher: Publisher<MetricsSnapshot, ArcSwap<MetricsSnapshot>>,
    /// Snapshots published so far.
    sequence: u64,
    /// When the last one was made.
    reduced_at: Stamp,
    /// What runs in a frame that has not started a stage.
    between_stages: Arc<str>,
    /// Room for the histogram of one interval.
    scratch: Histogram<u64>,
}

impl Reducer {
    /// A reducer of all lanes of `registry`. Use one per registry: each frame trace is given out once.
    pub fn new(registry: Registry) -> Self {
        Self {
            merge: Merge::new(registry),
            publisher: Publisher::new(ArcSwap::default()),
            sequence: 0,
            reduced_at: Stamp::from_ticks(0),
            between_stages: Arc::from("frame"),
            scratch: histogram(),
        }
    }

    /// A reader of what this reducer publishes.
    pub fn reader(&self) -> SnapshotReader {
        SnapshotReader::new(self.publisher.current())
    }

    /// Takes in everything that was recorded before the call and publishes a snapshot of it.
    ///
    /// Cost: grows with the number of lanes, timers and new samples.
    pub fn reduce(&mut self, now: Stamp) -> Arc<MetricsSnapshot> {
        self.reduce_with(now, |_| {})
    }

    /// Like [`Reducer::reduce`]; `fill_in` completes the snapshot with what does not come from lanes. It must set every
    /// such field: it finds there what some earlier call wrote.
    pub fn reduce_with(
        &mut self,
        now: Stamp,
        fill_in: impl FnOnce(&mut MetricsSnapshot),
    ) -> Arc<MetricsSnapshot> {
        self.merge.take_in();
        self.sequence += 1;
        self.reduced_at = now;
        let view = View::of(&self.merge, now, &self.between_stages);
        self.publisher.publish(|snapshot| {
            snapshot.sequence = self.sequence;
            snapshot.version = Cow::Borrowed(env!("CARGO_PKG_VERSION"));
            view.write(snapshot);
            fill_in(snapshot);
        })
    }

    /// Says that the clock jumped since the last reduction; the next one is to be at `jump.after`. Windows stay in the order in
    /// which things happened, and a jump ahead is taken out of the durations that span it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tachograph_hotpath::{Clock, Registry, RegistryOptions, SchemaBuilder, Stamp, metrics};
    /// use tachograph_reducer::{ClockJump, Reducer};
    ///
    /// let (clock, time) = Clock::manual();
    /// let options = RegistryOptions { clock: clock.clone(), ..RegistryOptions::default() };
    /// let registry = Registry::new(SchemaBuilder::new().build(), options);
    /// let (recorder, mut reducer) = (registry.recorder(), Reducer::new(registry));
    /// let stage = recorder.start(metrics::LLM_INFERENCE);
    /// let before = clock.now();
    /// reducer.reduce(before);
    /// time.advance(Duration::from_hours(3)); // the machine sleeps, the counter goes on
    /// time.advance(Duration::from_millis(80));
    /// drop(stage);
    /// let after = clock.now();
    /// reducer.clock_jumped(ClockJump { before, after, elapsed: 80_000_000 });
    /// assert_eq!(reducer.reduce(after).llm_inference.max, 80.0);
    /// ```
    pub fn clock_jumped(&mut self, jump: ClockJump) {
        self.merge.timeline.jump(jump);
    }

    /// Computes the lifetime percentiles of the next snapshots anew. Costs a pass over each histogram that changed, tens of
    /// microseconds, so it is not part of every reduction.
    pub fn refresh_lifetime(&mut self) {
        for timer in &mut self.merge.timers {
            timer.lifetime.refresh();
        }
    }

    /// What each timer recorded since the last call, as HdrHistogram V2 (compressed, base64; nanoseconds). Timers without
    /// samples are left out.
    pub fn take_interval_histograms(&mut self) -> BTreeMap<Arc<str>, String> {
        self.histograms(true)
    }

    /// The same, without taking it: the next call has it again.
    pub fn interval_histograms(&mut self) -> BTreeMap<Arc<str>, String> {
        self.histograms(false)
    }

    fn histograms(&mut self, take: bool) -> BTreeMap<Arc<str>, String> {
        let Self { merge, scratch, .. } = self;
        let names = merge.registry.schema().timers().iter();
        let timers = names.zip(&mut merge.timers);
        timers
            .filter_map(|(name, timer)| {
                Some((Arc::clone(name), timer.lifetime.interval(scratch, take)?))
            })
            .collect()
    }

    /// The newest frames as of the last reduction, oldest first; at most 256 over all lanes. Costs an allocation per frame.
    pub fn newest_frames(&self) -> Vec<FrameRecord> {
        let mut records = Vec::new();
        let view = View::of(&self.merge, self.reduced_at, &self.between_stages);
        view.write_frames(&mut records, self.merge.frames.newest());
        records
    }

    /// Starts all statistics anew. Nothing is written to a lane: what was recorded so far becomes a baseline to subtract.
    pub fn reset(&mut self) {
        self.merge.reset();
    }
}

/// What one snapshot is made of.
#[derive(Clone, Copy)]
struct View<'a> {
    merge: &'a Merge,
    now: Stamp,
    between_stages: &'a Arc<str>,
}

impl<'a> View<'a> {
    fn of(merge: &'a Merge, now: Stamp, between_stages: &'a Arc<str>) -> Self {
        Self {
            merge,
            now,
            between_stages,
        }
    }

    fn write(&self, snapshot: &mut MetricsSnapshot) {
        self.write_counts(snapshot);
        self.write_timers(snapshot);
        self.write_in_flight(snapshot);
        let slowest = self.merge.frames.slowest();
        self.write_frames(&mut snapshot.slowest_frames, slowest.iter());
        snapshot.frames_untraced = self.merge.frames.untraced();
        snapshot.samples_pending = self.merge.pending();
        snapshot.samples_counted = self.merge.counted;
        snapshot.samples_overwritten = self.merge.overwritten;
        snapshot.samples_recorded =
            self.merge.counted + self.merge.overwritten + snapshot.samples_pending;
    }

    /// A frame raises the cell of its outcome and nothing else; all totals of frames are sums of those five, so they agree
    /// in every snapshot.
    fn write_counts(&self, snapshot: &mut MetricsSnapshot) {
        let by_hand = |counter: Counter| self.merge.count(counter);
        let [idle, motion, suppressed, event, failed] = self.merge.outcomes();
        let with_motion = motion + suppressed + event + self.merge.failed_after_motion();
        let frames = idle + motion + suppressed + event + failed;
        // What is counted by hand may be anything, and counters wrap.
        snapshot.frames_processed = by_hand(metrics::FRAMES_PROCESSED).wrapping_add(frames);
        snapshot.motion_detected = by_hand(metrics::MOTION_DETECTED).wrapping_add(with_motion);
        snapshot.motion_hit_rate = percent(snapshot.motion_detected, snapshot.frames_processed);
        snapshot.events_created = by_hand(metrics::EVENTS_CREATED).wrapping_add(event);
        snapshot.events_suppressed = by_hand(metrics::EVENTS_SUPPRESSED).wrapping_add(suppressed);
        snapshot.frames_idle = idle;
        snapshot.frames_motion = motion;
        snapshot.frames_failed = failed;
        snapshot.samples_rejected = self.merge.rejected();
        for (handle, name) in self.merge.registry.schema().custom_counters() {
            put(&mut snapshot.custom.counters, name, by_hand(handle));
        }
    }

    fn write_timers(&self, snapshot: &mut MetricsSnapshot) {
        let schema = self.merge.registry.schema();
        let nanos_per_tick = self.merge.registry.clock().nanos_per_tick();
        let now = self.merge.timeline.now(self.now.ticks());
        let stats = |timer: Timer| {
            let state = self.merge.timers.get(timer.index());
            state.map_or_else(TimerStats::default, |state| {
                state.window.stats(now, nanos_per_tick)
            })
        };
        snapshot.coreml_inference = stats(metrics::COREML_INFERENCE);
        snapshot.llm_inference = stats(metrics::LLM_INFERENCE);
        snapshot.frame_processing_latency = stats(metrics::FRAME_LATENCY);
        snapshot.frame_idle = stats(metrics::FRAME_IDLE);
        snapshot.frame_motion = stats(metrics::FRAME_MOTION);
        snapshot.frame_suppressed = stats(metrics::FRAME_SUPPRESSED);
        snapshot.frame_event = stats(metrics::FRAME_EVENT);
        snapshot.frame_failed = stats(metrics::FRAME_FAILED);
        for (handle, name) in schema.custom_timers() {
            put(&mut snapshot.custom.timers, name, stats(handle));
        }
        for (name, state) in schema.timers().iter().zip(&self.merge.timers) {
            put(
                &mut snapshot.lifetime,
                name,
                state.lifetime.stats(nanos_per_tick),
            );
        }
    }

    fn write_in_flight(&self, snapshot: &mut MetricsSnapshot) {
        let timers = self.merge.registry.schema().timers();
        snapshot.in_flight.clear();
        let running = self.merge.lanes.iter().filter_map(|lane| lane.in_flight());
        snapshot.in_flight.extend(running.filter_map(|running| {
            let name = match running.timer {
                // One of another schema has no name here, and what it measures is refused.
                Some(timer) => timers.get(timer.index())?,
                None => self.between_stages,
            };
            let since = running.since.ticks();
            let ticks = self.merge.timeline.since(since, self.now.ticks());
            let elapsed = self.merge.registry.clock().nanos(ticks);
            Some(InFlightStage {
                stage: Arc::clone(name),
                for_ms: elapsed as f64 / 1e6,
            })
        }));
    }
}

impl View<'_> {
    /// Writes over what stands there, so that its lists are used again.
    fn write_frames<'f>(
        &self,
        records: &mut Vec<FrameRecord>,
        frames: impl ExactSizeIterator<Item = &'f TracedFrame>,
    ) {
        records.resize_with(frames.len(), FrameRecord::default);
        for (record, frame) in records.iter_mut().zip(frames) {
            self.write_frame(record, frame);
        }
    }

    fn write_frame(&self, record: &mut FrameRecord, frame: &TracedFrame) {
        let clock = self.merge.registry.clock();
        let millis = |ticks: u64| clock.nanos(ticks) as f64 / 1e6;
        let trace = &frame.trace;
        let since_start = |stamp: Stamp| stamp.ticks().saturating_sub(trace.start.ticks());
        let now = self.merge.timeline.now(self.now.ticks());
        let age = now.saturating_sub(frame.entry.end());
        record.lane = frame.lane as u64;
        record.number = trace.number;
        record.outcome = Cow::Borrowed(trace.outcome.name());
        record.event_id = trace.event_id();
        record.ms = millis(frame.entry.ticks());
        record.age_s = clock.nanos(age) as f64 / 1e9;
        record.motion_ms = trace.motion().map(|motion| millis(since_start(motion)));
        record.is_truncated = trace.is_truncated();
        record.stages.clear();
        record.stages.reserve(MAX_TRACED_STAGES);
        let names = self.merge.registry.schema().timers();
        record.stages.extend(trace.stages().filter_map(|stage| {
            Some(FrameStage {
                // One of another schema has no name here.
                stage: Arc::clone(names.get(stage.timer.index())?),
                start_ms: millis(since_start(stage.start)),
                ms: millis(stage.ticks),
            })
        }));
    }
}

/// `part` in percent of `whole`; `None` of nothing.
fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

/// Sets an entry; allocates only when it is new.
fn put<T>(map: &mut BTreeMap<Arc<str>, T>, name: &Arc<str>, value: T) {
    match map.get_mut(name) {
        Some(place) => *place = value,
        None => _ = map.insert(Arc::clone(name), value),
    }
}
