//! The tests of Bienvenue, one binary. A database each, so that they run beside each other.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a test that meets the unexpected has failed"
)]

mod support;

mod auth;
mod bcrypt_lanes;
mod cli;
mod config;
mod db;
mod foreign_hashes;
mod http;
mod mail;
mod passkeys;
mod repository;
mod server;
