//! The tests of Bienvenue, one binary. A database each, so that they run beside each other.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets the unexpected has failed"
)]

mod support;

mod forms;
mod programs;
mod wire;
