//! Benchmarks of tachograph; see `benches/`.
