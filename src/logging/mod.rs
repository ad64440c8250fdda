//! The log on standard error, as text or as JSON.
//!
//! Each record is exactly one line: characters that would end the line, or that a terminal
//! would obey, are escaped as `\u{1b}` in text and as `\u001b` in JSON.

mod buffered;
mod json;
mod text;

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::time::SystemTime;

use env_logger::Builder;
use env_logger::fmt::style::Style;
use log::Record;

use crate::config::LogFormat;
use buffered::BufferedLog;

/// The default filter of the service. Actix's own lines are off: it logs one for each malformed request, with
/// which any client could flood the log.
pub const SERVICE_FILTER: &str = "info,actix_server=warn,actix_http=off,actix_multipart=off";

/// The default filter of all other commands: warnings, and the audit events of what they do.
pub const COMMAND_FILTER: &str = concat!("warn,", env!("CARGO_PKG_NAME"), "::events=info");

/// The target of the access log, which has one line per request.
pub(crate) const ACCESS: &str = concat!(env!("CARGO_PKG_NAME"), "::access");

/// Starts logging to standard error, panics included. The filter has the syntax of `RUST_LOG`.
/// Only the first call in a process installs the logger.
pub fn start(format: LogFormat, filter: &str) {
    let mut builder = Builder::new();
    // The pool would log an outage several times a second; `db` logs when it begins and ends.
    builder.filter_module("r2d2", log::LevelFilter::Off);
    builder.parse_filters(filter);
    let installed = if io::stderr().is_terminal() {
        builder.format(move |out, record| {
            let style = out.default_level_style(record.level());
            write(out, format, record, style)
        });
        builder.try_init()
    } else {
        BufferedLog::install(builder.build(), format)
    };
    installed.unwrap_or_default();
    panic::set_hook(Box::new(|panic| log::error!("{panic}")));
}

/// Writes a record as one line. Only the text format uses the style, for the level.
fn write(
    out: &mut impl Write,
    format: LogFormat,
    record: &Record<'_>,
    style: Style,
) -> io::Result<()> {
    let time = humantime::format_rfc3339_millis(SystemTime::now());
    match format {
        LogFormat::Text => text::write(out, time, record, style),
        LogFormat::Json => json::write(out, time, record),
    }
}

/// Whether a character needs no escape: it does not end a line, control a terminal, or change
/// the direction of text.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a text is printable ASCII: a fast check, which most texts pass, that none of its
/// characters needs an escape.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
