//! Writes log records as lines for people.

use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};

use env_logger::fmt::style::Style;
use log::Record;
use log::kv::{Error, Key, Value, VisitSource, VisitValue};

use super::{is_harmless, is_plain};

/// Writes `[time level target] message key=value ...`, with this style for the level.
pub(super) fn write(
    out: &mut impl Write,
    time: impl Display,
    record: &Record<'_>,
    style: Style,
) -> io::Result<()> {
    let level = record.level();
    write!(out, "[{time} {style}{level:<5}{style:#} ")?;
    escaped(out, record.target())?;
    out.write_all(b"] ")?;
    match record.args().as_str() {
        Some(message) => escaped(out, message)?,
        None => write!(out, "{}", Escaped(record.args()))?,
    }
    record
        .key_values()
        .visit(&mut Pairs(out))
        .map_err(io::Error::other)?;
    out.write_all(b"\n")
}

/// Writes a text with all unsafe characters escaped.
fn escaped(out: &mut impl Write, text: &str) -> io::Result<()> {
    if is_plain(text) {
        return out.write_all(text.as_bytes());
    }
    write!(out, "{}", Escaped(text))
}

struct Pairs<'a, W>(&'a mut W);

impl<'kvs, W: Write> VisitSource<'kvs> for Pairs<'_, W> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        value.visit(Pair {
            key: key.as_str(),
            out: self.0,
        })
    }
}

struct Pair<'a, W> {
    key: &'a str,
    out: &'a mut W,
}

impl<W: Write> Pair<'_, W> {
    /// Writes a value that needs neither quotes nor escapes.
    fn bare(&mut self, value: impl Display) -> Result<(), Error> {
        Ok(write!(self.out, " {}={value}", self.key)?)
    }
}

impl<W: Write> VisitValue<'_> for Pair<'_, W> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        self.visit_str(&value.to_string())
    }

    /// A null value is left out.
    fn visit_null(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        self.bare(value)
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        self.bare(value)
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), Error> {
        self.bare(value)
    }

    fn visit_str(&mut self, text: &str) -> Result<(), Error> {
        if !text.is_empty() && text.bytes().all(is_bare) {
            for part in [" ", self.key, "=", text] {
                self.out.write_all(part.as_bytes())?;
            }
            return Ok(());
        }
        let text = Escaped(text).to_string();
        if text.is_empty() || text.contains([' ', '"', '=']) {
            let text = text.replace('"', "\\\"");
            self.bare(format_args!("\"{text}\""))
        } else {
            self.bare(text)
        }
    }
}

/// Whether a character may stand in a value without quotes and without an escape.
fn is_bare(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'=')
}

/// Displays a text with all unsafe characters escaped.
struct Escaped<T>(T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if is_plain(text) {
            return self.0.write_str(text);
        }
        let mut left = text;
        while let Some((at, c)) = left.char_indices().find(|(_, c)| !is_harmless(*c)) {
            let (before, rest) = left.split_at(at);
            self.0.write_str(before)?;
            write!(self.0, "{}", c.escape_default())?;
            left = rest.strip_prefix(c).unwrap_or_default();
        }
        self.0.write_str(left)
    }
}

#[cfg(test)]
mod tests {
    use log::kv::Source as _;

    use super::*;

    #[test]
    fn r74_a_value_cannot_forge_another_pair() {
        for (value, written) in [
            ("gone", " reason=gone"),
            ("", " reason=\"\""),
            ("gone away", " reason=\"gone away\""),
            ("user_id=1", " reason=\"user_id=1\""),
            ("\"gone\"", " reason=\"\\\"gone\\\"\""),
            ("\" user_id=\"1", " reason=\"\\\" user_id=\\\"1\""),
        ] {
            let mut line = Vec::new();
            ("reason", value).visit(&mut Pairs(&mut line)).unwrap();
            assert_eq!(String::from_utf8(line).unwrap(), written);
        }
    }

    #[test]
    fn r74_line_ends_and_terminal_controls_are_escaped() {
        for (text, escaped) in [
            ("plain, é and 🦀", "plain, é and 🦀"),
            ("a\r\n[INFO] b", "a\\r\\n[INFO] b"),
            ("\u{1b}[31m\u{9b}31m", "\\u{1b}[31m\\u{9b}31m"),
            (
                "\u{2028}\u{2029}\u{202e}\0\u{7f}",
                "\\u{2028}\\u{2029}\\u{202e}\\u{0}\\u{7f}",
            ),
        ] {
            assert_eq!(Escaped(text).to_string(), escaped);
        }
    }
}
