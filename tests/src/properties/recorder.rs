//! Any order of the recorder's calls.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use tachograph_hotpath::{
    Clock, Counter, Frame, ManualTime, Outcome, Recorder, Registry, RegistryOptions, SchemaBuilder,
    Scope, Stamp, Timer,
};
use tachograph_reducer::Reducer;

use super::bytes::Bytes;
use super::ledger::{
    CUSTOM_COUNTER, CUSTOM_TIMER, TIMERS, assert_agrees, assert_frames, assert_percentiles,
};
use super::model::{self, Model, TRACES};

/// Recorders at once.
const RECORDERS: usize = 3;
/// Samples that saturate. Sixteen of them between two reductions would be too many for the running sum, see `MAX_SAMPLE_TICKS`.
const ENDLESS: u32 = 15;
/// Samples in a row: more than the largest ring here holds.
const BURST: usize = 256;
const WINDOWS: [usize; 6] = [1, 2, 3, 7, 30, 100];

/// Whatever is called in whatever order (scopes and frames started on several recorders, nested or not; stopped, cancelled, dropped,
/// forgotten, unwound by a panic; recorders given back and taken anew; metrics of another schema; resets), counters, outcomes, windows,
/// lifetimes, what is in flight and the slowest frames are those of a naive model at every reduction.
///
/// # Panics
/// They are not.
pub fn recorder(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let window = WINDOWS[bytes.below(WINDOWS.len())];
    let mut program = Program::new(bytes, window);
    let mut recorders: [Option<Owned>; RECORDERS] = [None, None, None];
    while !program.bytes.is_empty() {
        program.replace(&mut recorders);
        program.run(&recorders);
    }
    for recorder in recorders.into_iter().flatten() {
        program.model.give_back(recorder.lane);
    }
    program.reduce();
}

struct Owned {
    recorder: Recorder,
    lane: usize,
}

/// A scope or a frame that has not ended, with its model.
#[expect(
    clippy::large_enum_variant,
    reason = "a handful at a time, and a box would be one more thing to look through"
)]
enum Open<'r> {
    Scope(Scope<'r>, model::Scope),
    Frame(Frame<'r>, model::Frame),
}

struct Program<'b> {
    bytes: Bytes<'b>,
    time: ManualTime,
    registry: Registry,
    reducer: Reducer,
    model: Model,
    /// By index; those after the first five are of another, larger schema.
    counters: Vec<Counter>,
    /// By index; those after the first nine are of another, larger schema.
    timers: Vec<Timer>,
    endless: u32,
    reductions: u64,
}

impl<'b> Program<'b> {
    fn new(bytes: Bytes<'b>, window: usize) -> Self {
        let mut builder = SchemaBuilder::new();
        let own = builder
            .counter(CUSTOM_COUNTER)
            .and(builder.timer(CUSTOM_TIMER));
        own.expect("good names");
        let schema = builder.clone().build();
        let model = Model::new(window, schema.counters().len(), schema.timers().len());
        for number in 0..40 {
            let name = format!("of_another_schema_{number}");
            builder.counter(&name).expect("a good name");
            builder.timer(&format!("{name}_too")).expect("a good name");
        }
        let larger = builder.build();
        let (clock, time) = Clock::manual();
        let options = RegistryOptions {
            window,
            frames: TRACES,
            clock,
        };
        let registry = Registry::new(schema, options);
        Self {
            bytes,
            time,
            reducer: Reducer::new(registry.clone()),
            registry,
            model,
            counters: larger.counter_handles().collect(),
            timers: larger.timer_handles().collect(),
            endless: 0,
            reductions: 0,
        }
    }

    /// Gives recorders back, forgets them, and takes new ones.
    fn replace(&mut self, recorders: &mut [Option<Owned>; RECORDERS]) {
        for place in recorders {
            match self.bytes.below(8) {
                0..=2 => {}
                3 => mem::forget(place.take()),
                _ => {
                    let owned = place.take();
                    if let Some(owned) = owned {
                        self.model.give_back(owned.lane);
                    }
                }
            }
            if place.is_none() && self.bytes.below(4) > 0 {
                let lane = self.model.take_lane();
                let recorder = self.registry.recorder();
                *place = Some(Owned { recorder, lane });
            }
        }
    }

    /// Calls whatever the bytes say until they say that recorders are replaced.
    fn run(&mut self, recorders: &[Option<Owned>; RECORDERS]) {
        let mut open: [Vec<Open<'_>>; RECORDERS] = Default::default();
        while !self.bytes.is_empty() {
            let number = self.bytes.below(RECORDERS);
            let call = self.bytes.below(32);
            match (&recorders[number], call) {
                (_, 0) => break,
                (_, 1..=4) => self.advance(),
                (_, 5 | 6) => self.reduce(),
                (_, 7) => self.refresh(),
                (_, 8) if self.bytes.below(4) == 0 => self.reset(),
                (Some(owned), 9..=15) => self.start(owned, &mut open[number]),
                (Some(owned), 16..=26) => self.go_on(owned, &mut open[number]),
                (Some(owned), 27) => self.unwind(owned, &mut open[number]),
                (Some(owned), _) => self.record(owned),
                (None, _) => {}
            }
        }
        for (recorder, open) in recorders.iter().zip(open) {
            for open in open.into_iter().rev() {
                let owned = recorder.as_ref().expect("only a recorder starts anything");
                self.end_dropped(owned.lane, open);
            }
        }
    }

    fn advance(&mut self) {
        let nanos = self.bytes.number() >> 24;
        self.time.advance(Duration::from_nanos(nanos));
        self.model.now += nanos;
    }

    fn timer(&mut self) -> usize {
        match self.bytes.byte() {
            255 => self.timers.len() - 1,
            byte => usize::from(byte) % (TIMERS.len() + 1),
        }
    }

    fn start<'r>(&mut self, owned: &'r Owned, open: &mut Vec<Open<'r>>) {
        open.push(if self.bytes.below(2) == 0 {
            let timer = self.timer();
            let scope = owned.recorder.start(self.timers[timer]);
            Open::Scope(scope, self.model.start_scope(owned.lane, timer))
        } else {
            let frame = owned.recorder.frame();
            let model = self.model.start_frame(owned.lane);
            assert_eq!(frame.number(), model.trace.number);
            Open::Frame(frame, model)
        });
    }

    /// Does something with one of the open scopes and frames; with the innermost as a rule.
    fn go_on<'r>(&mut self, owned: &'r Owned, open: &mut Vec<Open<'r>>) {
        let Some(last) = open.len().checked_sub(1) else {
            return;
        };
        let place = match self.bytes.byte() {
            byte @ 0..64 => usize::from(byte) % open.len(),
            _ => last,
        };
        match (open.remove(place), self.bytes.below(8)) {
            (Open::Scope(scope, model), call) => self.end_scope(owned.lane, scope, &model, call),
            (Open::Frame(mut frame, mut model), call @ 0..5) => {
                self.in_frame(&mut frame, &mut model, call);
                open.insert(place, Open::Frame(frame, model));
            }
            (Open::Frame(frame, model), 5 | 6) => {
                let outcome = Outcome::ALL[self.bytes.below(5)];
                frame.finish(outcome);
                self.model.end_frame(model, outcome);
            }
            (Open::Frame(frame, _), _) if self.bytes.below(4) == 0 => mem::forget(frame),
            (frame, _) => self.end_dropped(owned.lane, frame),
        }
    }

    fn in_frame(&mut self, frame: &mut Frame<'_>, model: &mut model::Frame, call: usize) {
        match call {
            0..3 => {
                let timer = self.timer();
                frame.stage(self.timers[timer]);
                self.model.stage(model, timer);
            }
            3 => {
                frame.motion();
                model.trace.motion.get_or_insert(self.model.now);
            }
            _ => {
                let id = self.bytes.number();
                frame.event_id(id);
                model.trace.event_id = Some(id);
            }
        }
    }

    fn end_scope(&mut self, lane: usize, scope: Scope<'_>, model: &model::Scope, call: usize) {
        match call {
            0 => {
                scope.cancel();
                self.model.end_scope(lane, model, false);
            }
            1 => mem::forget(scope),
            2 => {
                drop(scope);
                self.model.end_scope(lane, model, true);
            }
            _ => {
                let found = scope.stop();
                let expected = self.model.end_scope(lane, model, true);
                assert_eq!(found, Duration::from_nanos(expected));
            }
        }
    }

    fn end_dropped(&mut self, lane: usize, open: Open<'_>) {
        match open {
            Open::Scope(scope, model) => {
                drop(scope);
                self.model.end_scope(lane, &model, true);
            }
            Open::Frame(frame, model) => {
                drop(frame);
                self.model.end_frame(model, Outcome::Failed);
            }
        }
    }

    /// Starts a few more scopes and frames, and has a panic unwind through them.
    fn unwind<'r>(&mut self, owned: &'r Owned, open: &mut Vec<Open<'r>>) {
        let outer = open.len();
        for _ in 0..self.bytes.below(3) {
            self.start(owned, open);
        }
        let (mut guards, mut models) = (Vec::new(), Vec::new());
        for open in open.drain(outer..) {
            let (guard, model) = match open {
                Open::Scope(scope, model) => ((Some(scope), None), (Some(model), None)),
                Open::Frame(frame, model) => ((None, Some(frame)), (None, Some(model))),
            };
            guards.push(guard);
            models.push(model);
        }
        let panicked = catch_unwind(AssertUnwindSafe(|| fall(&mut guards.into_iter())));
        assert!(panicked.is_err());
        for (scope, frame) in models.into_iter().rev() {
            if let Some(scope) = scope {
                self.model.end_scope(owned.lane, &scope, true);
            }
            if let Some(frame) = frame {
                self.model.end_frame(frame, Outcome::Failed);
            }
        }
    }

    fn record(&mut self, owned: &Owned) {
        let timer = self.timer();
        let (recorder, handle) = (&owned.recorder, self.timers[timer]);
        match self.bytes.below(8) {
            0 | 1 => self.count(recorder),
            2 if self.endless < ENDLESS => {
                self.endless += 1;
                recorder.record(handle, Duration::MAX);
                self.model.record(owned.lane, timer, u64::MAX);
            }
            3 => {
                let start = self.bytes.number();
                recorder.record_between(handle, Stamp::from_ticks(start), recorder.now());
                let ticks = self.model.now.saturating_sub(start);
                self.model.record(owned.lane, timer, ticks);
            }
            4 => {
                let scope = self.model.start_scope(owned.lane, timer);
                assert_eq!(recorder.time(handle, || 7), 7);
                self.model.end_scope(owned.lane, &scope, true);
            }
            5 => {
                for nanos in 0..self.bytes.below(BURST) as u64 {
                    recorder.record(handle, Duration::from_nanos(nanos * nanos));
                    self.model.record(owned.lane, timer, nanos * nanos);
                }
            }
            _ => {
                let nanos = self.bytes.number() >> 8;
                recorder.record(handle, Duration::from_nanos(nanos));
                self.model.record(owned.lane, timer, nanos);
            }
        }
    }

    fn count(&mut self, recorder: &Recorder) {
        let counter = match self.bytes.byte() {
            255 => self.counters.len() - 1,
            byte => usize::from(byte) % 7,
        };
        if self.bytes.below(2) == 0 {
            recorder.increment(self.counters[counter]);
            self.model.add(counter, 1);
        } else {
            let n = self.bytes.number();
            recorder.add(self.counters[counter], n);
            self.model.add(counter, n);
        }
    }

    fn reduce(&mut self) {
        self.model.take_in();
        self.endless = 0;
        self.reductions += 1;
        let snapshot = self.reducer.reduce(self.registry.clock().now());
        assert_eq!(snapshot.sequence, self.reductions);
        assert_agrees(&snapshot, &self.model);
        let slowest = self.model.slowest();
        assert_frames(&snapshot.slowest_frames, &slowest, self.model.now);
        assert_eq!(snapshot.frames_untraced, self.model.untraced());
    }

    /// What a log line needs besides a reduction.
    fn refresh(&mut self) {
        self.reduce();
        // A window of frames may be larger than what is kept of the newest.
        let newest = self.reducer.newest_frames();
        let frames = &self.model.totals.frames;
        let shared = newest.len().min(frames.len());
        let frames: Vec<_> = frames[frames.len() - shared..].iter().collect();
        assert_frames(&newest[newest.len() - shared..], &frames, self.model.now);
        self.reducer.refresh_lifetime();
        self.reductions += 1;
        let snapshot = self.reducer.reduce(self.registry.clock().now());
        assert_percentiles(&snapshot, &self.model.totals);
        let taken = self.reducer.take_interval_histograms();
        for (name, timer) in TIMERS.iter().zip(&mut self.model.totals.timers) {
            assert_eq!(
                taken.contains_key(*name),
                timer.seen.len() > timer.taken,
                "{name}"
            );
            timer.taken = timer.seen.len();
        }
    }

    fn reset(&mut self) {
        self.reducer.reset();
        self.model.reset();
        self.endless = 0;
    }
}

/// Panics with all of them in local variables: the last goes first.
fn fall<T>(guards: &mut impl Iterator<Item = T>) {
    let Some(_guard) = guards.next() else {
        // Without the panic hook, which would print a message for each.
        resume_unwind(Box::new(()));
    };
    fall(guards);
}
