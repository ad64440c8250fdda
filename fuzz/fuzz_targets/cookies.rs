//! Fuzzes the parser of the Cookie headers of a request.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bienvenue::http::fuzzing::cookies(input));
