//! loom models: every interleaving, and every value that a weak memory may show, of the few threads that meet in a lane.
//!
//! Run them with `ci/loom.sh`; `ci/mutants.py` weakens what they prove and requires them to fail. Which model proves which
//! edge: `docs/orderings.md`.

use loom::thread;

use crate::exploration::{explore, explore_up_to};
use crate::sync::Arc;
use crate::{
    Clock, Counter, Cursor, Lane, Outcome, Recorder, Registry, RegistryOptions, Sample, SampleRing,
    SampleWriter, SchemaBuilder, Stamp, metrics,
};

const FIRST: Counter = metrics::FRAMES_PROCESSED;
const SECOND: Counter = metrics::MOTION_DETECTED;

/// What a reader has got from a ring whose n-th sample (from 0) ends at n + 1 and lasts n + 1.
struct Seen {
    stride: u64,
    cursor: Cursor,
    samples: Vec<Sample>,
    overwritten: u64,
}

impl Seen {
    /// Reads in strides of so many samples: of one, and a model of few samples has several.
    fn in_strides_of(stride: u64) -> Self {
        Self {
            stride,
            cursor: Cursor::default(),
            samples: Vec::new(),
            overwritten: 0,
        }
    }

    fn read(&mut self, ring: &SampleRing, newest: usize) {
        let (before, had) = (self.cursor.count(), self.samples.len());
        let overwritten = ring.read_interrupted(
            &mut self.cursor,
            newest,
            &mut self.samples,
            self.stride,
            &mut || {},
        );
        let delivered = (self.samples.len() - had) as u64;
        let due = self.cursor.count() - before;
        assert_eq!(delivered + overwritten, due, "none is lost or doubled");
        assert!(
            delivered >= due.min(newest as u64),
            "{delivered} of the newest {newest}"
        );
        assert_eq!(
            self.cursor.sum(),
            (1..=self.cursor.count()).sum::<u64>(),
            "the sum belongs to the count"
        );
        for sample in &self.samples[had..] {
            let whole = (sample.index + 1, sample.index + 1);
            assert_eq!((sample.end, sample.ticks), whole, "torn");
        }
        assert!(
            self.samples
                .windows(2)
                .all(|pair| pair[0].index < pair[1].index)
        );
        self.overwritten += overwritten;
    }
}

fn push(writer: &SampleWriter, samples: u64) {
    for n in writer.count() + 1..=writer.count() + samples {
        writer.push(n, n);
    }
}

#[test]
fn a_reader_never_sees_a_torn_sample() {
    explore(1_200, || {
        let (ring, writer) = SampleRing::new(2);
        let thread = thread::spawn(move || push(&writer, 3));
        let mut seen = Seen::in_strides_of(1);
        seen.read(&ring, 0);
        thread.join().unwrap();
        seen.read(&ring, 0);
        assert_eq!(seen.cursor.count(), 3);
        assert_eq!(seen.samples.len() as u64 + seen.overwritten, 3);
    });
}

/// The ring is lapped while it is read, so that the reader must copy again to deliver what it promised.
#[test]
fn the_newest_are_delivered_although_the_writer_overtakes() {
    explore_up_to(3, 170_000, || {
        let (ring, writer) = SampleRing::new(4);
        push(&writer, 4);
        let thread = thread::spawn(move || push(&writer, 4));
        let mut seen = Seen::in_strides_of(4);
        seen.read(&ring, 2);
        thread.join().unwrap();
        seen.read(&ring, 2);
        assert_eq!(seen.cursor.count(), 8);
    });
}

/// While no more samples arrive than the ring holds besides the one being written, each is delivered.
#[test]
fn nothing_is_dropped_that_was_not_overwritten() {
    explore(43, || {
        let (ring, writer) = SampleRing::new(4);
        let mut seen = Seen::in_strides_of(1);
        push(&writer, 1);
        seen.read(&ring, 2);
        let thread = thread::spawn(move || push(&writer, 3));
        seen.read(&ring, 2);
        thread.join().unwrap();
        seen.read(&ring, 2);
        assert_eq!((seen.samples.len(), seen.overwritten), (4, 0));
    });
}

fn registry() -> Registry {
    let options = RegistryOptions {
        window: 1,
        frames: 1,
        clock: Clock::manual().0,
    };
    Registry::new(SchemaBuilder::new().build(), options)
}

fn lanes(registry: &Registry) -> Vec<Arc<Lane>> {
    let mut lanes = Vec::new();
    registry.lanes(&mut lanes);
    lanes
}

#[test]
fn of_two_counters_raised_in_order_the_second_is_never_ahead() {
    explore(50, || {
        let registry = registry();
        let recorder = registry.recorder();
        let lane = lanes(&registry).remove(0);
        let thread = thread::spawn(move || {
            for _ in 0..2 {
                recorder.increment(FIRST);
                recorder.increment(SECOND);
            }
        });
        let second = lane.counter(SECOND);
        let first = lane.counter(FIRST);
        assert!(second <= first, "{second} before {first}");
        thread.join().unwrap();
        assert_eq!((lane.counter(FIRST), lane.counter(SECOND)), (2, 2));
    });
}

/// What runs is one word, so its halves cannot be mixed up; it is never older than the counts that were read before it, nor
/// newer than those that are read after it.
#[test]
fn what_is_in_flight_was_started_and_is_no_older_than_the_counts() {
    explore(850, || {
        let registry = registry();
        let recorder = registry.recorder();
        let lane = lanes(&registry).remove(0);
        let [outer, inner] = [metrics::COREML_INFERENCE, metrics::LLM_INFERENCE];
        let thread = thread::spawn(move || {
            let outer = recorder.start(outer);
            let inner = recorder.start(inner);
            recorder.increment(FIRST);
            inner.cancel();
            recorder.increment(SECOND);
            outer.cancel();
        });
        let (second, first) = (lane.counter(SECOND), lane.counter(FIRST));
        let running = lane.in_flight().map(|running| {
            assert_eq!(running.since, Stamp::from_ticks(0));
            running.timer.expect("no frame was started")
        });
        // What ran when the newest count that was seen was made, or something later.
        match (first, second) {
            (0, _) => {}
            (_, 0) => assert!(running.is_none_or(|timer| timer == outer || timer == inner)),
            _ => assert!(running.is_none_or(|timer| timer == outer)),
        }
        if first > 0 && second == 0 && running.is_none() {
            assert_eq!(lane.counter(SECOND), 1, "nothing runs only after the end");
        }
        thread.join().unwrap();
        assert_eq!(lane.in_flight(), None);
    });
}

/// Counts, samples and frames as one owner of a lane makes them.
fn work(recorder: &Recorder) {
    recorder.increment(FIRST);
    let end = recorder.now();
    recorder.record_between(metrics::LLM_INFERENCE, end, end);
    recorder.frame().finish(Outcome::Idle);
}

/// Everything that `owners` calls of [`work`] made, on however many lanes.
fn assert_accounted(lanes: &[Arc<Lane>], owners: u64) {
    let sum = |of: &dyn Fn(&Lane) -> u64| lanes.iter().map(|lane| of(lane)).sum::<u64>();
    assert_eq!(sum(&|lane| lane.counter(FIRST)), owners);
    assert_eq!(sum(&|lane| lane.outcomes(Outcome::Idle, false)), owners);
    let ring = |lane: &Lane| lane.ring(metrics::LLM_INFERENCE).unwrap().count();
    assert_eq!(sum(&ring), owners);
    for lane in lanes {
        assert_eq!(lane.in_flight(), None);
        let newest = lane.pop_frame().map(|frame| frame.number + 1);
        assert_eq!(
            newest.unwrap_or(0),
            lane.counter(FIRST),
            "frame numbers go on"
        );
    }
}

/// A lane goes from one thread to another; the cells that only owners touch are loom's, which refuses an access that is not
/// ordered after the one before it.
#[test]
fn a_lane_goes_from_thread_to_thread_whole() {
    explore(95, || {
        let registry = registry();
        let own = |registry: Registry| move || work(&registry.recorder());
        let threads = [(); 2].map(|()| thread::spawn(own(registry.clone())));
        for thread in threads {
            thread.join().unwrap();
        }
        let lanes = lanes(&registry);
        assert!((1..=2).contains(&lanes.len()), "{} lanes", lanes.len());
        assert_accounted(&lanes, 2);
    });
}

/// The last store of the old owner comes before the first of the new one: what it runs is not wiped out.
#[test]
fn a_former_owner_writes_nothing_more() {
    explore(8, || {
        let registry = registry();
        let former = registry.recorder();
        let thread = thread::spawn(move || drop(former));
        let recorder = registry.recorder();
        let scope = recorder.start(metrics::LLM_INFERENCE);
        thread.join().unwrap();
        let running = lanes(&registry)
            .iter()
            .filter(|lane| lane.in_flight().is_some())
            .count();
        assert_eq!(running, 1);
        scope.cancel();
    });
}

/// A reader that looks on while a lane is retired and taken again sees its samples go on, none lost or doubled.
#[test]
fn a_reader_sees_nothing_of_a_handover() {
    explore(43, || {
        let registry = registry();
        drop(registry.recorder());
        let lane = lanes(&registry).remove(0);
        let taker = registry.clone();
        let thread = thread::spawn(move || {
            for n in 1..=3 {
                let recorder = taker.recorder();
                let (start, end) = (Stamp::from_ticks(0), Stamp::from_ticks(n));
                recorder.record_between(metrics::LLM_INFERENCE, start, end);
            }
        });
        let ring = lane.ring(metrics::LLM_INFERENCE).unwrap();
        let mut seen = Seen::in_strides_of(1);
        seen.read(ring, 2);
        thread.join().unwrap();
        seen.read(ring, 2);
        assert_eq!((seen.samples.len(), seen.overwritten), (3, 0));
        assert_eq!(lanes(&registry).len(), 1, "the lane was used again");
    });
}
