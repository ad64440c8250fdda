//! The output of commands.

use std::io::{self, Write};

use serde::Serialize;

/// Writes a command's result to standard output.
pub(super) fn print(text: &str) {
    // If the reader has closed the output, there is nothing to report.
    drop(io::stdout().write_all(text.as_bytes()));
}

/// Writes an object as JSON, on one line.
pub(super) fn print_json(object: &impl Serialize) {
    match serde_json::to_string(object) {
        Ok(line) => print(&format!("{line}\n")),
        Err(error) => log::error!("a result cannot be written as JSON: {error}"),
    }
}

/// Writes an explanation for people to standard error, so that scripts read only the result.
pub(super) fn explain(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}
