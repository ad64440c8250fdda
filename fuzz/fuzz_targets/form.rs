//! Fuzzes the parser of an HTTP form.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bienvenue::http::fuzzing::form(input));
