//! What a command prints.

use std::io::{self, Write};

/// Writes a command's result to the standard output.
pub(super) fn print(text: &str) {
    // A reader that has closed the output does not want it.
    drop(io::stdout().write_all(text.as_bytes()));
}

/// Writes an explanation for people to the error output: scripts read the result alone.
pub(super) fn explain(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}
