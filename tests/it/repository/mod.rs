//! The sources, documents and examples of the repository agree with each other.

mod architecture;
mod client_examples;
mod corpus;
mod integration_examples;
mod packages;
mod plain_words;
mod programs;
mod readme;
mod requirements;
mod runbook;
mod transcripts;
