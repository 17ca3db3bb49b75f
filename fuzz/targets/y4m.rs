//! The reader of YUV4MPEG2.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tachograph_tests::properties::y4m(bytes));
