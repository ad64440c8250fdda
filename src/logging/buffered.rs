//! A log whose access lines wait until they are flushed together.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use env_logger::Logger;
use env_logger::fmt::style::Style;
use log::{Log, Metadata, Record, SetLoggerError};

use super::ACCESS;
use crate::config::LogFormat;

/// The capacity that a line begins with, in bytes; most are shorter.
const LINE: usize = 512;

/// Writes what `env_logger` selects to the error output. Access lines wait for
/// [`Log::flush`]; any other line is written at once, after those that wait.
pub(super) struct BufferedLog {
    filter: Logger,
    format: LogFormat,
    waiting: Mutex<Vec<u8>>,
}

impl BufferedLog {
    /// Makes it the log of the process.
    pub(super) fn install(filter: Logger, format: LogFormat) -> Result<(), SetLoggerError> {
        log::set_max_level(filter.filter());
        log::set_boxed_logger(Box::new(Self {
            filter,
            format,
            waiting: Mutex::default(),
        }))
    }
}

impl Log for BufferedLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.filter.matches(record) {
            return;
        }
        let mut line = Vec::with_capacity(LINE);
        if super::write(&mut line, self.format, record, Style::new()).is_err() {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend_from_slice(&line);
        drop(waiting);
        if record.target() != ACCESS {
            self.flush();
        }
    }

    fn flush(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.is_empty() {
            // A log that cannot be written stops nothing.
            io::stderr().write_all(&waiting).unwrap_or_default();
            waiting.clear();
        }
    }
}
