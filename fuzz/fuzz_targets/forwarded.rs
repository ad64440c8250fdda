//! Fuzzes the parser of the Forwarded and X-Forwarded-* headers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bienvenue::http::fuzzing::forwarded(input));
