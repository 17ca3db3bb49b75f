//! The configuration: TOML, environment variables, targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tachograph_tests::properties::config(bytes));
