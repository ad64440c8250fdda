//! The output of commands.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

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

/// How often the progress is shown again.
const EACH: Duration = Duration::from_millis(200);

/// The progress of a long command on standard error, if that is a terminal. It is cleared at the
/// end.
pub(super) struct Progress {
    what: &'static str,
    done: usize,
    shown_at: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    /// Nothing is done yet. `what` is counted.
    pub(super) fn new(what: &'static str) -> Self {
        Self {
            what,
            done: 0,
            shown_at: None,
            is_shown: io::stderr().is_terminal(),
        }
    }

    /// Counts what was done, and shows it from time to time.
    pub(super) fn add(&mut self, count: usize) {
        self.done += count;
        let now = Instant::now();
        let is_due = |at: Instant| now.duration_since(at) >= EACH;
        if self.is_shown && self.shown_at.is_none_or(is_due) {
            self.shown_at = Some(now);
            explain(&format!("\r{} {}\x1b[K", self.done, self.what));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown_at.is_some() {
            explain("\r\x1b[K");
        }
    }
}
