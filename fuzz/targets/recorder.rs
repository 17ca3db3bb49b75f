//! Any order of the recorder's calls.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tachograph_tests::properties::recorder(bytes));
