//! How the lines of the log are written: for people, or as JSON.
//!
//! A line is a line whatever is in it: characters that could end it, or that a terminal
//! would obey, are written as `\u{1b}` in text and as `\u001b` in JSON.

mod json;
mod text;

use std::io::{self, IsTerminal};
use std::panic;

use env_logger::{Builder, WriteStyle};

use crate::config::LogFormat;

/// What is logged unless somebody says otherwise. Actix writes a line for each request that it
/// cannot read: a nuisance that anybody could make as loud as they like.
const DEFAULT: &str = "info,actix_server=warn,actix_http=off,actix_multipart=off";

/// Begins to log to the error output what the filter lets through (in `RUST_LOG`'s language).
/// Panics are logged too. The process can begin once.
pub fn start(format: LogFormat, filter: Option<&str>) {
    let mut builder = Builder::new();
    // The pool repeats a cause several times a second; the database module tells of it once.
    builder.filter_module("r2d2", log::LevelFilter::Off);
    builder.parse_filters(filter.unwrap_or(DEFAULT));
    let is_terminal = io::stderr().is_terminal();
    match format {
        LogFormat::Text if is_terminal => builder.format(text::coloured),
        LogFormat::Text => builder.format(text::plain),
        LogFormat::Json => builder.format(json::write),
    };
    if !is_terminal {
        // There are no colours in it: nothing has to look for them byte by byte.
        builder.write_style(WriteStyle::Always);
    }
    builder.init();
    panic::set_hook(Box::new(|panic| log::error!("{panic}")));
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
