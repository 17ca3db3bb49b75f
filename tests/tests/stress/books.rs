//! What was really recorded, and those who record it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;

use tachograph_hotpath::metrics::{COREML_INFERENCE, LLM_INFERENCE};
use tachograph_hotpath::{Counter, Outcome, Recorder, Registry, Stamp};
use tachograph_reducer::{BUILT_IN_TIMERS, MetricsSnapshot};
use tachograph_tests::Random;

/// The end of the first sample; those after it follow tick by tick, over all threads. So no two ends are equal and which samples are
/// the newest is known without keeping any.
pub(crate) const BASE: u64 = 1 << 40;

/// The length of the sample with this end, ticks: looks random, so that any other sample in its place shows.
pub(crate) const fn length(end: u64) -> u64 {
    let mixed = end.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)) >> 28
}

/// What was recorded, over all threads.
#[derive(Debug)]
pub(crate) struct Books {
    counter: Counter,
    /// Samples of known length that were begun.
    pub(crate) ends: AtomicU64,
    /// … of lives that are over, so that each snapshot from now on has them.
    pub(crate) finished: AtomicU64,
    outcomes: [AtomicU64; 5],
    /// Failed frames that had seen motion.
    failed_after_motion: AtomicU64,
    /// Stages and scopes of the other timer.
    other: AtomicU64,
    /// Counted by hand.
    beats: AtomicU64,
    /// Recorders that came.
    pub(crate) lives: AtomicU64,
    /// … and went by a panic.
    pub(crate) panics: AtomicU64,
    at_once: AtomicU64,
    /// The most recorders that there were at once, or a few more.
    pub(crate) most_at_once: AtomicU64,
    pub(crate) running: AtomicBool,
    /// Until then workers go on when their work is done.
    pub(crate) may_end: AtomicBool,
}

impl Books {
    /// Empty ones; `counter` is the one called `beats`.
    pub(crate) fn new(counter: Counter, may_end: bool) -> Self {
        Self {
            counter,
            ends: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            outcomes: Default::default(),
            failed_after_motion: AtomicU64::new(0),
            other: AtomicU64::new(0),
            beats: AtomicU64::new(0),
            lives: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            at_once: AtomicU64::new(0),
            most_at_once: AtomicU64::new(0),
            running: AtomicBool::new(true),
            may_end: AtomicBool::new(may_end),
        }
    }

    /// The snapshot has what the books have.
    pub(crate) fn assert_agree(&self, snapshot: &MetricsSnapshot) {
        let [idle, motion, suppressed, event, failed] =
            self.outcomes.each_ref().map(|count| count.load(SeqCst));
        let frames = idle + motion + suppressed + event + failed;
        let with_motion = motion + suppressed + event + self.failed_after_motion.load(SeqCst);
        let found = [
            snapshot.frames_idle,
            snapshot.frames_motion,
            snapshot.events_suppressed,
            snapshot.events_created,
            snapshot.frames_failed,
            snapshot.frames_processed,
            snapshot.motion_detected,
        ];
        let kept = [idle, motion, suppressed, event, failed, frames, with_motion];
        assert_eq!(found, kept);
        assert_eq!(snapshot.custom.counters["beats"], self.beats.load(SeqCst));
        let found = BUILT_IN_TIMERS.map(|name| snapshot.lifetime[name].count);
        let ends = [self.ends.load(SeqCst), self.other.load(SeqCst), event];
        let kept = [&ends[..], &[idle, motion, suppressed, event, failed]].concat();
        assert_eq!(found[..], kept);
        assert_eq!(snapshot.samples_recorded, kept.iter().sum::<u64>());
        assert_eq!(
            (snapshot.samples_pending, snapshot.samples_rejected),
            (0, 0)
        );
    }

    fn count(&self, outcome: Outcome, after_motion: bool) {
        self.outcomes[outcome as usize].fetch_add(1, SeqCst);
        if outcome == Outcome::Failed && after_motion {
            self.failed_after_motion.fetch_add(1, SeqCst);
        }
    }

    /// Before a recorder is taken.
    fn come(&self) {
        let at_once = self.at_once.fetch_add(1, SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, SeqCst);
    }

    /// After a recorder was given back.
    fn go(&self, samples: u64) {
        self.finished.fetch_add(samples, SeqCst);
        self.at_once.fetch_sub(1, SeqCst);
        self.lives.fetch_add(1, SeqCst);
    }
}

/// Has `lives` recorders come and go, one after the other.
pub(crate) fn work(registry: &Registry, books: &Books, lives: u64, seed: u64) {
    let mut random = Random::new(seed + 1);
    let mut done = 0;
    while done < lives || !books.may_end.load(SeqCst) {
        books.come();
        let recorder = registry.recorder();
        // Most are short; some go around a whole ring.
        let samples = match random.below(500) {
            0 => 5_000,
            n => n % 40,
        };
        match random.below(20) {
            0 => thread::scope(|scope| {
                // A thread of its own, which ends well.
                scope
                    .spawn(|| live(recorder, books, samples))
                    .join()
                    .unwrap();
            }),
            1 => thread::scope(|scope| {
                let thread = scope.spawn(|| die(recorder, books, samples));
                assert!(thread.join().is_err(), "it panics");
            }),
            2 | 3 => {
                let panicked = catch_unwind(AssertUnwindSafe(|| die(recorder, books, samples)));
                assert!(panicked.is_err(), "it panics");
            }
            _ => live(recorder, books, samples),
        }
        books.go(samples);
        done += 1;
    }
}

fn record(recorder: &Recorder, books: &Books, samples: u64) {
    for _ in 0..samples {
        let end = BASE + books.ends.fetch_add(1, SeqCst);
        let start = Stamp::from_ticks(end - length(end));
        recorder.record_between(COREML_INFERENCE, start, Stamp::from_ticks(end));
        recorder.add(books.counter, end % 7);
        books.beats.fetch_add(end % 7, SeqCst);
    }
}

/// Records samples and a frame, and gives the recorder back.
#[expect(clippy::needless_pass_by_value, reason = "it is dropped here")]
fn live(recorder: Recorder, books: &Books, samples: u64) {
    record(&recorder, books, samples);
    let outcome = Outcome::ALL[usize::try_from(samples % 5).unwrap()];
    let mut frame = recorder.frame();
    if outcome != Outcome::Idle {
        frame.motion();
    }
    frame.stage(LLM_INFERENCE);
    frame.finish(outcome);
    books.count(outcome, true);
    books.other.fetch_add(1, SeqCst);
}

/// Records half the samples, and the other half in a frame in a stage in a scope, where it panics; without the panic's message.
#[expect(clippy::needless_pass_by_value, reason = "the panic drops it")]
fn die(recorder: Recorder, books: &Books, samples: u64) {
    record(&recorder, books, samples / 2);
    let mut frame = recorder.frame();
    let motion = samples.is_multiple_of(2);
    if motion {
        frame.motion();
    }
    frame.stage(LLM_INFERENCE);
    let _scope = recorder.start(LLM_INFERENCE);
    record(&recorder, books, samples - samples / 2);
    books.count(Outcome::Failed, motion);
    books.other.fetch_add(2, SeqCst);
    books.panics.fetch_add(1, SeqCst);
    resume_unwind(Box::new("on purpose"));
}
