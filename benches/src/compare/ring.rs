//! Putting a sample (two words) into a ring of 2048.
//!
//! A queue that refuses when it is full is emptied between two timed parts, so only its pushes are timed; one that
//! overwrites its oldest needs no emptying.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel;
use crossbeam::queue::ArrayQueue;
use tachograph_hotpath::SampleRing;

use crate::compare::candidate::{Candidate, Kind, Operation, timed};
use crate::compare::rivals::shared;

const CAPACITY: usize = 2048;

/// A sample: the number of the push that made it, and a duration.
type Sample = (u64, u64);

pub(crate) fn operation() -> Operation {
    let candidates = vec![
        ours(),
        rtrb(),
        array_queue("crossbeam ArrayQueue force_push", |queue, sample| {
            queue.force_push(sample);
        }),
        channel(),
    ];
    Operation::new("ring", "put a value in a ring", candidates)
}

fn ours() -> Candidate {
    let (ring, writer) = SampleRing::new(CAPACITY);
    let mut next = 0;
    Candidate::counting(
        "tachograph",
        Kind::Ours,
        move || {
            writer.push(next, 85);
            next += 1;
        },
        move || ring.count(),
    )
}

/// Times pushes in parts that fit, and empties the queue in between.
fn in_parts(n: u64, mut part: impl FnMut(u64) -> Duration, mut empty: impl FnMut()) -> Duration {
    let full = CAPACITY as u64;
    let sizes = (0..n.div_ceil(full)).map(|k| full.min(n - k * full));
    sizes
        .map(|size| {
            empty();
            part(size)
        })
        .sum()
}

fn rtrb() -> Candidate {
    let (mut producer, consumer) = rtrb::RingBuffer::<Sample>::new(CAPACITY);
    let consumer = shared((consumer, 0_u64));
    let counted = Rc::clone(&consumer);
    let drain = |reader: &mut (rtrb::Consumer<Sample>, u64)| {
        while let Ok((number, _)) = reader.0.pop() {
            reader.1 = number + 1;
        }
    };
    let mut next = 0;
    let push = move || {
        _ = producer.push((next, 85));
        next += 1;
    };
    Candidate::batches(
        "rtrb",
        Kind::Rival,
        emptied(push, move || drain(&mut consumer.borrow_mut())),
        move || {
            drain(&mut counted.borrow_mut());
            counted.borrow().1
        },
    )
    .of("rtrb")
}

/// A body that is timed in parts.
fn emptied(mut push: impl FnMut(), mut empty: impl FnMut()) -> impl FnMut(u64) -> Duration {
    move |n| in_parts(n, |size| timed(size, &mut push), &mut empty)
}

fn array_queue(
    name: &'static str,
    put: impl Fn(&ArrayQueue<Sample>, Sample) + 'static,
) -> Candidate {
    let queue = Arc::new(ArrayQueue::new(CAPACITY));
    let counted = Arc::clone(&queue);
    let mut next = 0;
    let mut seen = 0;
    Candidate::counting(
        name,
        Kind::Rival,
        move || {
            put(&queue, (next, 85));
            next += 1;
        },
        move || {
            while let Some((number, _)) = counted.pop() {
                seen = number + 1;
            }
            seen
        },
    )
    .of("crossbeam-queue")
}

fn channel() -> Candidate {
    let (sender, receiver) = channel::bounded::<Sample>(CAPACITY);
    let seen = shared(0_u64);
    let counted = (receiver.clone(), Rc::clone(&seen));
    let drain = |receiver: &channel::Receiver<Sample>, seen: &mut u64| {
        for (number, _) in receiver.try_iter() {
            *seen = number + 1;
        }
    };
    let mut next = 0;
    let push = move || {
        _ = sender.try_send((next, 85));
        next += 1;
    };
    Candidate::batches(
        "crossbeam channel",
        Kind::Rival,
        emptied(push, move || drain(&receiver, &mut seen.borrow_mut())),
        move || {
            drain(&counted.0, &mut counted.1.borrow_mut());
            *counted.1.borrow()
        },
    )
    .of("crossbeam-channel")
}
