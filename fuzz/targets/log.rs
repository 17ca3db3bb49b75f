//! The log: reading, repairing, going on.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tachograph_tests::properties::log(bytes));
