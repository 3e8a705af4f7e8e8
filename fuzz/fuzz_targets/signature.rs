//! See `src/fuzzing.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| user_relationships::fuzzing::signature(data));
