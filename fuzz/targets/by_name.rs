//! The collector's calls by name.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tachograph_tests::properties::by_name(bytes));
