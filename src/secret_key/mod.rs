//! Secrets that the database holds encrypted, and the key for them, which it does not hold.
//!
//! A [`KeyRing`] encrypts under its first key and decrypts under any of its keys. A
//! [`KeyFile`] is where one is kept: a file that the operator names, or one beside a SQLite file.
//! The key's file is read when it is needed, and again when a secret turns up that was
//! encrypted under a key that was not in it before, so that a running service follows
//! `bienvenue keys rotate`.

mod file;
mod ring;

pub use file::{KeyFile, KeyFileError};
pub use ring::{KeyId, KeyRing, KeyRingError, Purpose, UnsealError};
