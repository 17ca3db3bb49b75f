//! What a reduction costs, by lanes and timers: with nothing new, and with 1000 new samples in every timer of every lane.
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tachograph_benches::fixture::Lanes;

/// New samples in each timer of each lane.
const NEW: usize = 1000;

fn sizes() -> impl Iterator<Item = (usize, usize)> {
    let lanes = [1, 4, 16, 64].into_iter();
    lanes.flat_map(|lanes| [3, 8, 32].map(|timers| (lanes, timers)))
}

fn idle(c: &mut Criterion) {
    let mut group = c.benchmark_group("reduce_idle");
    for (lanes, timers) in sizes() {
        let mut fixture = Lanes::new(lanes, timers);
        let before = fixture.reduce();
        assert_eq!(fixture.reduce(), before, "nothing is new");
        let id = BenchmarkId::from_parameter(format!("{lanes}x{timers}"));
        group.bench_function(id, |b| b.iter(|| fixture.reduce()));
    }
}

/// Throughput is samples per second.
fn with_new_samples(c: &mut Criterion) {
    let mut group = c.benchmark_group("reduce_1000_new");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    for (lanes, timers) in sizes() {
        let samples = (lanes * timers * NEW) as u64;
        let mut fixture = Lanes::new(lanes, timers);
        group.throughput(Throughput::Elements(samples));
        let id = BenchmarkId::from_parameter(format!("{lanes}x{timers}"));
        group.bench_function(id, |b| {
            b.iter_custom(|n| (0..n).map(|_| one(&mut fixture, samples)).sum());
        });
    }
}

/// Fills, reduces and checks; only the reduction is timed.
fn one(fixture: &mut Lanes, samples: u64) -> Duration {
    let before = fixture.reduce();
    fixture.fill(NEW);
    let start = Instant::now();
    let after = fixture.reduce();
    let took = start.elapsed();
    assert_eq!(after - before, samples, "all are taken in");
    took
}

criterion_group!(benches, idle, with_new_samples);
criterion_main!(benches);
