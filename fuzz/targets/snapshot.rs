//! The snapshot as JSON, and its display.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tachograph_tests::properties::snapshot(bytes));
