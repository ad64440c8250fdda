//! Fuzzes the parser of a stored password hash.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bienvenue::auth::fuzzing::stored_hash(input));
