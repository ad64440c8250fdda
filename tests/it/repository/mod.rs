//! The sources, documents and examples of the repository agree with each other.

mod architecture;
mod client_examples;
mod corpus;
mod guides;
mod integration_examples;
mod migrate_guide;
mod packages;
mod plain_words;
mod programs;
mod readme;
mod requirements;
mod runbook;
mod transcripts;
