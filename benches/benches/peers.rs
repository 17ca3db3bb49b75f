//! The candidates of the `compare` binary under criterion, for its statistics over time. The published comparison is the
//! binary's: it interleaves them.
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tachograph_benches::compare::OPERATIONS;

fn peers(c: &mut Criterion) {
    for (id, make) in OPERATIONS {
        let mut operation = make();
        let mut group = c.benchmark_group(id);
        group
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1));
        for candidate in &mut operation.candidates {
            candidate.check_first();
            group.bench_function(candidate.name(), |b| {
                b.iter_custom(|iterations| candidate.run(iterations));
            });
            candidate.check_last();
        }
    }
}

criterion_group!(benches, peers);
criterion_main!(benches);
