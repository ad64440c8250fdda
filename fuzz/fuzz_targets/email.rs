//! Fuzzes the parser of an email address.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bienvenue::domain::fuzzing::email(input));
