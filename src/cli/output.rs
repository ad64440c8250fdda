//! The output of commands.

use std::io::{self, Write};

/// Writes a command's result to standard output.
pub(super) fn print(text: &str) {
    // If the reader has closed the output, there is nothing to report.
    drop(io::stdout().write_all(text.as_bytes()));
}

/// Writes an explanation for people to standard error, so that scripts read only the result.
pub(super) fn explain(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}
