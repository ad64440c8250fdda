use std::io::{self, Write};

/// Writes what was asked for to the standard output.
pub(super) fn print(text: &str) {
    // Who closed the output does not want to read it.
    drop(io::stdout().write_all(text.as_bytes()));
}
