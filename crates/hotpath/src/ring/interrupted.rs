//! Reads with the writer coming in between: at every point by rule, and for real.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "here it is the reader that waits and prints"
)]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::{Cursor, STRIDE, Sample, SampleRing, SampleWriter};
use crate::sync::{Arc, Release};

/// The duration of the sample at `index`; no two consecutive ones are equal.
const fn ticks(index: u64) -> u64 {
    7 + index * index
}

const fn end(index: u64) -> u64 {
    1_000 + index
}

/// [`SampleWriter::push`] in slow motion: a word, the other word, `tail`; and the next sample.
struct SlowWriter {
    writer: SampleWriter,
    steps: u64,
}

impl SlowWriter {
    fn step(&mut self, steps: u64) {
        for step in self.steps..self.steps + steps {
            let (index, ring) = (step / STEPS, &self.writer.ring);
            let slot = ring.slot(index).expect("every index has a slot");
            match step % STEPS {
                0 => slot.end.store(end(index), Release),
                1 => slot.sum.store(sum_before(index + 1), Release),
                _ => ring.tail.set(index + 1),
            }
        }
        self.steps += steps;
    }
}

/// Steps that a sample takes.
const STEPS: u64 = 3;

fn sum_before(index: u64) -> u64 {
    // The sum of 7 + index² over all before.
    7 * index + index * index.saturating_sub(1) * (2 * index).saturating_sub(1) / 6
}

/// What is read: a ring with samples in it, and a cursor that has seen some of them.
#[derive(Clone, Copy, Debug)]
struct Situation {
    capacity: usize,
    stride: u64,
    newest: u64,
    /// Samples that the cursor is behind of.
    seen: u64,
    /// Steps that the writer has taken when the read begins.
    steps: u64,
}

impl Situation {
    /// Samples in the ring when the read begins.
    fn written(&self) -> u64 {
        self.steps / STEPS
    }
}

/// What came of a read.
#[derive(Clone, Copy, Debug, Default)]
struct Course {
    /// Points at which the writer could come in.
    points: u64,
    /// Whether the copy was begun anew.
    again: bool,
    /// Samples lost that were whole when the read began.
    lost: u64,
}

/// Reads while the writer takes `steps(point)` steps at each point, and checks everything that a read promises.
fn read_while(situation: Situation, steps: impl Fn(u64) -> u64) -> Course {
    let (ring, writer) = SampleRing::new(situation.capacity);
    let mut writer = SlowWriter { writer, steps: 0 };
    let mut cursor = Cursor::default();
    writer.step(situation.seen * STEPS);
    ring.read(&mut cursor, 1, &mut Vec::new());
    writer.step(situation.steps - writer.steps);
    let (mut points, mut out) = (0, Vec::new());
    let mut pause = || {
        writer.step(steps(points));
        points += 1;
    };
    let newest = usize::try_from(situation.newest).expect("it is small");
    let overwritten =
        ring.read_interrupted(&mut cursor, newest, &mut out, situation.stride, &mut pause);
    check(situation, &ring, cursor, &out, overwritten);

    // The cursor is good for another read.
    let before = cursor.count();
    let gone = ring.read(&mut cursor, 0, &mut out);
    check_samples(situation, &out);
    assert_eq!(cursor.sum(), sum_before(ring.count()), "{situation:?}");
    let whole = situation.seen.max(oldest(&ring, situation.written()));
    Course {
        points,
        again: before > situation.written(),
        lost: (situation.seen + overwritten).saturating_sub(whole) + gone,
    }
}

/// The oldest sample whose duration can be read when `tail` were written and the one before was not seen.
fn oldest(ring: &SampleRing, tail: u64) -> u64 {
    match tail.saturating_sub(ring.capacity() - 1) {
        0 => 0,
        whole => whole + 1,
    }
}

fn check(situation: Situation, ring: &SampleRing, cursor: Cursor, out: &[Sample], gone: u64) {
    let context = format!("{situation:?}");
    let (seen, tail) = (situation.seen, cursor.count());
    assert!(
        (situation.written()..=ring.count()).contains(&tail),
        "{context}"
    );
    assert_eq!(cursor.sum(), sum_before(tail), "{context}");
    let delivered = out.len() as u64;
    assert_eq!(seen + gone + delivered, tail, "{context}");
    assert_eq!(
        out.first().map_or(tail, |sample| sample.index),
        seen + gone,
        "{context}"
    );
    check_samples(situation, out);
    let least = situation.newest.min(ring.capacity() - 2).min(tail - seen);
    assert!(delivered >= least, "{context}: {delivered} of {least}");
    if tail == situation.written() {
        // It was not begun anew, so all that was whole to the end is there.
        let whole = seen.max(oldest(ring, ring.count()));
        assert!(seen + gone <= whole, "{context}: {gone} are missing");
    }
}

fn check_samples(situation: Situation, out: &[Sample]) {
    for sample in out {
        let index = sample.index;
        let exact = Sample {
            end: end(index),
            ticks: ticks(index),
            index,
        };
        assert_eq!(*sample, exact, "{situation:?}");
    }
    assert!(out.is_sorted_by(|a, b| a.index < b.index), "{situation:?}");
}

/// Every capacity, stride, number asked for and state of the cursor that is worth telling apart.
fn situations(capacities: &[usize]) -> impl Iterator<Item = Situation> {
    let sized = capacities.iter().flat_map(|&capacity| {
        let most = capacity as u64 - 1;
        let asked = (0..=most).filter(move |newest| newest % 3 == 0 || most <= 3);
        asked.flat_map(move |newest| [1, 2, STRIDE].map(|stride| (capacity, stride, newest)))
    });
    sized.flat_map(|(capacity, stride, newest)| {
        // Around the ring twice; the writer in the middle of a sample or not.
        let steps = 0..=(2 * capacity as u64 + 1) * STEPS;
        let steps = steps.filter(move |steps| capacity <= 4 || steps % 7 < 3);
        let states = steps.flat_map(|steps| (0..=steps / STEPS).map(move |seen| (seen, steps)));
        states.map(move |(seen, steps)| Situation {
            capacity,
            stride,
            newest,
            seen,
            steps,
        })
    })
}

/// Reads that went a certain way.
#[derive(Debug, Default)]
struct Tally {
    all: u64,
    again: u64,
    lossy: u64,
}

impl Tally {
    fn count(&mut self, course: Course) {
        self.all += 1;
        self.again += u64::from(course.again);
        self.lossy += u64::from(course.lost > 0);
    }
}

/// Every number of steps up to once around the ring and a little further; of a ring that is not small those that matter.
fn bursts(capacity: u64) -> impl Iterator<Item = u64> {
    let lap = capacity * STEPS;
    let interesting = move |&steps: &u64| capacity <= 4 || steps <= 4 || steps + 7 > lap;
    (0..=lap + 4).filter(interesting)
}

#[test]
fn a_writer_that_comes_in_once_at_any_point_and_stops_at_any_other() {
    let mut tally = Tally::default();
    for situation in situations(if cfg!(miri) { &[2] } else { &[2, 4, 8] }) {
        for steps in bursts(situation.capacity as u64) {
            for point in 0.. {
                let course = read_while(situation, |at| if at == point { steps } else { 0 });
                tally.count(course);
                if point >= course.points {
                    break;
                }
            }
        }
    }
    println!("{tally:?}");
    assert!(cfg!(miri) || tally.all > 200_000 && tally.again > 20_000 && tally.lossy > 20_000);
}

#[test]
fn a_writer_that_comes_in_twice() {
    let mut tally = Tally::default();
    let bursts = [1, 14];
    for situation in situations(if cfg!(miri) { &[2] } else { &[2, 4] }) {
        // Begun anew, it has as many points once more.
        let points = 2 * read_while(situation, |_| 0).points;
        for (first, second) in (0..points).flat_map(|n| (n + 1..points).map(move |m| (n, m))) {
            for (one, two) in bursts.into_iter().flat_map(|n| bursts.map(|m| (n, m))) {
                let steps = |at| match at {
                    at if at == first => one,
                    at if at == second => two,
                    _ => 0,
                };
                tally.count(read_while(situation, steps));
            }
        }
    }
    println!("{tally:?}");
    assert!(cfg!(miri) || tally.all > 200_000 && tally.again > 20_000);
}

/// Nothing is asked for, and the slot that holds the last sum is overwritten: the next duration was once the difference to a
/// newer sample's sum.
#[test]
fn a_last_sum_that_is_overwritten_while_nothing_is_asked_for() {
    for (point, steps) in (0..4).flat_map(|point| (1..30).map(move |steps| (point, steps))) {
        let situation = Situation {
            capacity: 4,
            stride: STRIDE,
            newest: 0,
            seen: 0,
            steps: STEPS,
        };
        read_while(situation, |at| if at == point { steps } else { 0 });
    }
}

/// A ring of the usual size is read in one or two goes while its writer is nearly twice as fast as the reader.
#[test]
fn a_writer_that_is_nearly_twice_as_fast() {
    for tenths in 0..=19 {
        let situation = Situation {
            capacity: 2048,
            stride: STRIDE,
            newest: 1000,
            seen: 5,
            steps: 3_000 * STEPS,
        };
        // Two points for each slot.
        let samples = |at| at * tenths / 20;
        let steps = |at| (samples(at + 1) - samples(at)) * STEPS;
        let course = read_while(situation, steps);
        assert_eq!(course.again, tenths >= 10, "{tenths} tenths");
        let two_goes = 2 * (2048 + 1001) + 2 * 3000 / STRIDE;
        assert!(course.points < two_goes, "{tenths} tenths: {course:?}");
    }
}

/// How real threads got in each other's way.
#[derive(Debug, Default)]
struct Preempted {
    /// Copies in the middle of which the writer went around the whole ring.
    lapped: u64,
    /// Reads that were begun anew.
    again: u64,
}

/// Reads again and again from the beginning while another thread pushes; `pause` is called in the middle of the copies.
fn race(until: impl Fn(&Preempted) -> bool, pause: impl Fn(u64)) -> Preempted {
    let (ring, writer) = SampleRing::new(2048);
    let running = Arc::new(AtomicBool::new(true));
    let still = Arc::clone(&running);
    let thread = std::thread::spawn(move || {
        while still.load(Relaxed) {
            let n = writer.count() + 1;
            writer.push(n, n);
        }
    });
    let (mut found, mut out, mut points) = (Preempted::default(), Vec::new(), 0_u64);
    while !until(&found) {
        let (mut cursor, mut last, mut first, mut laps) = (Cursor::default(), None, None, 0);
        out.clear();
        let overwritten = ring.read_interrupted(&mut cursor, 1000, &mut out, STRIDE, &mut || {
            points += 1;
            pause(points);
            let now = ring.count();
            first.get_or_insert(now);
            laps += u64::from(last.is_some_and(|last| now > last + ring.capacity()));
            last = Some(now);
        });
        let (tail, delivered) = (cursor.count(), out.len() as u64);
        assert_eq!(overwritten + delivered, tail);
        assert!(delivered >= tail.min(1000));
        assert_eq!(cursor.sum(), tail.wrapping_mul(tail + 1) / 2);
        for (index, sample) in (overwritten..).zip(&out) {
            let (end, ticks) = (index + 1, index + 1);
            assert_eq!(*sample, Sample { end, ticks, index });
        }
        found.lapped += u64::from(laps > 0);
        // `first` was seen after the tail that the read began with.
        found.again += u64::from(first.is_some_and(|first| tail > first));
    }
    running.store(false, Relaxed);
    thread.join().expect("the writer cannot panic");
    found
}

#[test]
fn a_reader_that_sleeps_in_the_middle_of_a_copy() {
    let enough = if cfg!(miri) { 1 } else { 50 };
    let found = race(
        |found| found.lapped >= enough && found.again >= enough,
        |points| {
            if points % 4_999 == 0 {
                std::thread::sleep(std::time::Duration::from_micros(50));
            }
        },
    );
    println!("{found:?}");
}

/// On a single core every switch to the writer comes in the middle of a copy. `ci/stress.sh` runs it there.
#[test]
fn a_reader_that_shares_its_only_core_with_the_writer() {
    if std::thread::available_parallelism().map_or(1, usize::from) > 1 {
        println!("there is more than one core");
        return;
    }
    let started = std::time::Instant::now();
    let enough = |found: &Preempted| found.lapped >= 20 && found.again >= 10;
    let found = race(
        |found| enough(found) || started.elapsed().as_secs() >= 20,
        |_| {},
    );
    println!("{found:?} in {:?}", started.elapsed());
    assert!(
        enough(&found),
        "the reader was hardly ever preempted: {found:?}"
    );
}
