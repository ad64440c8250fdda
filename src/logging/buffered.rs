//! A logger that buffers access log lines and writes all others at once.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use env_logger::Logger;
use env_logger::fmt::style::Style;
use log::{Log, Metadata, Record, SetLoggerError};

use super::ACCESS;
use crate::config::LogFormat;

/// The initial capacity for a line, in bytes. Most lines are shorter.
const LINE: usize = 512;

/// Writes the records that `env_logger` selects to standard error. Access log lines wait for
/// [`Log::flush`]; any other line is written at once, after the waiting ones.
pub(super) struct BufferedLog {
    filter: Logger,
    format: LogFormat,
    waiting: Mutex<Vec<u8>>,
}

impl BufferedLog {
    /// Installs the logger for the whole process.
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
            // If the log cannot be written, the service continues.
            io::stderr().write_all(&waiting).unwrap_or_default();
            waiting.clear();
        }
    }
}
