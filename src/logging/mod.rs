//! How the lines of the log are written: for people, or as JSON.
//!
//! A line is a line whatever is in it: characters that could end it, or that a terminal
//! would obey, are written as `\u{1b}` in text and as `\u001b` in JSON.

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

/// What is logged unless somebody says otherwise. Actix writes a line for each request that it
/// cannot read: a nuisance that anybody could make as loud as they like.
const DEFAULT: &str = "info,actix_server=warn,actix_http=off,actix_multipart=off";

/// The target of the access log: a line for each request.
pub(crate) const ACCESS: &str = concat!(env!("CARGO_PKG_NAME"), "::access");

/// Begins to log to the error output what the filter lets through (in `RUST_LOG`'s language).
/// Panics are logged too. The process can begin once.
pub fn start(format: LogFormat, filter: Option<&str>) {
    let mut builder = Builder::new();
    // The pool repeats a cause several times a second; the database module tells of it once.
    builder.filter_module("r2d2", log::LevelFilter::Off);
    builder.parse_filters(filter.unwrap_or(DEFAULT));
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

/// Writes a line. The style is for its level, where the format has one.
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

/// Whether a character may stand in a line as it is: not those that end a line, steer a
/// terminal, or turn the direction of what follows.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a text is harmless as it is: told at a glance for what most texts are made of.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
