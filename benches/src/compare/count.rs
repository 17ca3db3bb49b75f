//! Raising a counter, alone and while a second thread raises it too.
//!
//! Left out are counters that no other thread can read until they are flushed (the `local` ones of `prometheus`) or that
//! want exclusive access (`inc_mut` of `measured`): that is other work.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::metrics::counter::Counter as ClientCounter;
use tachograph::metrics as names;

use crate::compare::candidate::{Candidate, Kind, Operation};
use crate::compare::rivals;
use crate::fixture;

/// Whether a second thread counts too.
#[derive(Clone, Copy, PartialEq)]
enum Threads {
    One,
    Two,
}

impl Threads {
    /// A candidate whose companion, if there is one, does the same.
    fn candidate<B: FnMut() + Send + 'static>(
        self,
        name: &'static str,
        kind: Kind,
        mut body: impl FnMut() -> B,
        count: impl FnMut() -> u64 + 'static,
    ) -> Candidate {
        let candidate = Candidate::counting(name, kind, body(), count);
        match self {
            Self::One => candidate,
            Self::Two => candidate.beside(body()),
        }
    }
}

pub(crate) fn alone() -> Operation {
    Operation::new("count", "count", candidates(Threads::One))
}

pub(crate) fn beside_another_thread() -> Operation {
    let mut candidates = candidates(Threads::Two);
    candidates.insert(1, ours(ALONE, Threads::One));
    Operation::new(
        "count_2",
        "count while a second thread counts too",
        candidates,
    )
}

/// Ours without a second thread, in the same rounds.
pub(crate) const ALONE: &str = "tachograph, alone";
/// What one writer needs at least.
pub(crate) const LOAD_STORE: &str = "plain load + store";

fn candidates(threads: Threads) -> Vec<Candidate> {
    let mut candidates = vec![ours("tachograph", threads)];
    if threads == Threads::One {
        candidates.push(load_store());
    }
    candidates.extend([
        shared_atomic(threads),
        measured(threads),
        metriken(threads),
        metriken_sharded(threads),
        prometheus(threads),
        prometheus_client(threads),
        metrics_lib(threads),
        metrics_lib_sharded(threads),
        metrics_rs(threads),
        open_telemetry(threads),
    ]);
    candidates
}

fn ours(name: &'static str, threads: Threads) -> Candidate {
    let collector = Arc::new(fixture::quiet_collector());
    let seen = Arc::clone(&collector);
    threads.candidate(
        name,
        Kind::Ours,
        move || {
            let recorder = collector.recorder();
            move || recorder.increment(names::FRAMES_PROCESSED)
        },
        move || seen.collect().frames_processed,
    )
}

fn load_store() -> Candidate {
    let cell = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&cell);
    Candidate::counting(
        LOAD_STORE,
        Kind::Floor,
        move || cell.store(cell.load(Relaxed).wrapping_add(1), Relaxed),
        move || seen.load(Relaxed),
    )
}

fn shared_atomic(threads: Threads) -> Candidate {
    let cell = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&cell);
    threads.candidate(
        "shared AtomicU64",
        Kind::Rival,
        move || {
            let cell = Arc::clone(&cell);
            move || _ = cell.fetch_add(1, Relaxed)
        },
        move || seen.load(Relaxed),
    )
}

fn measured(threads: Threads) -> Candidate {
    let counter = Arc::new(measured::Counter::new());
    let seen = Arc::clone(&counter);
    threads
        .candidate(
            "measured",
            Kind::Rival,
            move || {
                let counter = Arc::clone(&counter);
                move || counter.inc()
            },
            move || rivals::measured_value(&*seen, "m"),
        )
        .of("measured")
}

fn metriken(threads: Threads) -> Candidate {
    let counter = Arc::new(metriken::Counter::new());
    let seen = Arc::clone(&counter);
    threads
        .candidate(
            "metriken",
            Kind::Rival,
            move || {
                let counter = Arc::clone(&counter);
                move || _ = counter.increment()
            },
            move || seen.value(),
        )
        .of("metriken")
}

fn metriken_sharded(threads: Threads) -> Candidate {
    let group = Arc::new(metriken::ShardedCounterGroup::new(1));
    let seen = Arc::clone(&group);
    threads
        .candidate(
            "metriken, sharded",
            Kind::Rival,
            move || {
                let group = Arc::clone(&group);
                move || _ = group.increment(0)
            },
            move || seen.value(0).unwrap_or_default(),
        )
        .of("metriken")
}

fn prometheus(threads: Threads) -> Candidate {
    let counter = prometheus::IntCounter::new("m", "A metric").expect("a good name");
    let seen = counter.clone();
    threads
        .candidate(
            "prometheus",
            Kind::Rival,
            move || {
                let counter = counter.clone();
                move || counter.inc()
            },
            move || seen.get(),
        )
        .of("prometheus")
}

fn prometheus_client(threads: Threads) -> Candidate {
    let counter = ClientCounter::<u64>::default();
    let seen = counter.clone();
    threads
        .candidate(
            "prometheus-client",
            Kind::Rival,
            move || {
                let counter = counter.clone();
                move || _ = counter.inc()
            },
            move || seen.get(),
        )
        .of("prometheus-client")
}

fn metrics_lib(threads: Threads) -> Candidate {
    let counter = Arc::new(metrics_lib::Counter::new());
    let seen = Arc::clone(&counter);
    threads
        .candidate(
            "metrics-lib",
            Kind::Rival,
            move || {
                let counter = Arc::clone(&counter);
                move || counter.inc()
            },
            move || seen.get(),
        )
        .of("metrics-lib")
}

fn metrics_lib_sharded(threads: Threads) -> Candidate {
    // Its most: with one shard a CPU, two threads that were started one after the other often meet in the same.
    let counter = Arc::new(metrics_lib::ShardedCounter::with_shards(64));
    let seen = Arc::clone(&counter);
    threads
        .candidate(
            "metrics-lib, sharded",
            Kind::Rival,
            move || {
                let counter = Arc::clone(&counter);
                move || counter.inc()
            },
            move || seen.get(),
        )
        .of("metrics-lib")
}

fn metrics_rs(threads: Threads) -> Candidate {
    let handle = rivals::metrics_recorder();
    let name = match threads {
        Threads::One => "count",
        Threads::Two => "count_2",
    };
    threads
        .candidate(
            "metrics",
            Kind::Rival,
            move || {
                let counter = metrics::counter!(name);
                move || counter.increment(1)
            },
            move || rivals::value_in(&handle.render(), name),
        )
        .of("metrics")
}

fn open_telemetry(threads: Threads) -> Candidate {
    let (meter, count) = rivals::open_telemetry();
    let counter = meter.u64_counter("m").build();
    threads
        .candidate(
            "opentelemetry",
            Kind::Rival,
            move || {
                let bound = counter.bind(&[]);
                move || bound.add(1)
            },
            count,
        )
        .of("opentelemetry_sdk")
}
