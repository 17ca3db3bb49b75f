//! What reading the latest snapshot costs, quietly and while another thread replaces it ten times a second.
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tachograph::SnapshotReader;
use tachograph_benches::fixture::Lanes;

/// Both ways to read, each checked against what was published last.
fn ways(c: &mut Criterion, when: &str, reader: &SnapshotReader) {
    let mut group = c.benchmark_group(format!("read_{when}"));
    let mut cached = reader.cached();
    let published = reader.load_full().sequence;
    assert!(published > 0 && reader.load().sequence >= published);
    assert!(cached.load().sequence >= published);
    group.bench_function("load", |b| b.iter(|| reader.load().sequence));
    group.bench_function("cached", |b| b.iter(|| cached.load().sequence));
    group.bench_function("load_full", |b| b.iter(|| reader.load_full().sequence));
}

fn quiet(c: &mut Criterion) {
    let lanes = Lanes::new(4, 3);
    ways(c, "quiet", &lanes.reducer.reader());
}

fn publishing(c: &mut Criterion) {
    let mut lanes = Lanes::new(4, 3);
    let reader = lanes.reducer.reader();
    let first = reader.load().sequence;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                lanes.reduce();
                thread::sleep(Duration::from_millis(100));
            }
        });
        while reader.load().sequence == first {
            thread::yield_now();
        }
        ways(c, "publishing", &reader);
        done.store(true, Relaxed);
    });
}

criterion_group!(benches, quiet, publishing);
criterion_main!(benches);
