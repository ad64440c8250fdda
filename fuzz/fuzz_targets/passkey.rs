//! Fuzzes the verifier of passkeys: credentials, authenticator data and public keys.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bienvenue::webauthn::fuzzing::passkey(input));
