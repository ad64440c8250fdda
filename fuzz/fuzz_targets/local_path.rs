//! Fuzzes the check of local paths (`next`).

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bienvenue::domain::fuzzing::local_path(input));
