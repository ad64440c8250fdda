//! Fuzzes the check of URLs of applications (`next`).

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bienvenue::domain::fuzzing::app_url(input));
