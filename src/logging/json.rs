//! Writes log records as JSON, one object per line.

use std::fmt::Display;
use std::io::{self, Write};

use log::Record;
use log::kv::{self, Key, Value, VisitSource, VisitValue};
use serde::ser::{SerializeMap, Serializer as _};
use serde_json::Serializer;

use super::{is_harmless, is_plain};

/// Writes a record as one line: time, level, target, message, and the record's key-value pairs.
pub(super) fn write(
    out: &mut impl Write,
    time: impl Display,
    record: &Record<'_>,
) -> io::Result<()> {
    object(&mut *out, time, record)?;
    out.write_all(b"\n")
}

fn object(out: impl Write, time: impl Display, record: &Record<'_>) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Escaping);
    let mut object = serializer.serialize_map(None)?;
    object.serialize_entry("ts", &format_args!("{time}"))?;
    object.serialize_entry("level", record.level().as_str())?;
    object.serialize_entry("target", record.target())?;
    object.serialize_entry("message", &format_args!("{}", record.args()))?;
    record
        .key_values()
        .visit(&mut Pairs(&mut object))
        .map_err(io::Error::other)?;
    Ok(object.end()?)
}

struct Pairs<'a, M>(&'a mut M);

impl<'kvs, M: SerializeMap> VisitSource<'kvs> for Pairs<'_, M> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        value.visit(Entry {
            key: key.as_str(),
            object: self.0,
        })
    }
}

/// Adds one pair to the object. Numbers stay numbers; a null value is left out.
struct Entry<'a, M> {
    key: &'a str,
    object: &'a mut M,
}

impl<M: SerializeMap> Entry<'_, M> {
    fn add(&mut self, value: &(impl serde::Serialize + ?Sized)) -> Result<(), kv::Error> {
        self.object
            .serialize_entry(self.key, value)
            .map_err(|error| kv::Error::boxed(error.to_string()))
    }
}

impl<M: SerializeMap> VisitValue<'_> for Entry<'_, M> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        self.add(&format_args!("{value}"))
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.add(&value)
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        self.add(&value)
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        self.add(&value)
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.add(&value)
    }

    fn visit_str(&mut self, value: &str) -> Result<(), kv::Error> {
        self.add(value)
    }
}

/// Escapes every unsafe character. JSON itself would escape fewer than a terminal obeys.
struct Escaping;

impl serde_json::ser::Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if is_plain(fragment) {
            return out.write_all(fragment.as_bytes());
        }
        let mut left = fragment;
        while let Some((at, c)) = left.char_indices().find(|(_, c)| !is_harmless(*c)) {
            let (before, rest) = left.split_at(at);
            out.write_all(before.as_bytes())?;
            write!(out, "\\u{:04x}", u32::from(c))?;
            left = rest.strip_prefix(c).unwrap_or_default();
        }
        out.write_all(left.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use log::Level;
    use log::kv::ToValue;

    use super::*;

    #[test]
    fn r71_r74_a_line_is_one_object_of_safe_characters() {
        let text = "é\r\n\u{1b}[31m\u{9b}\u{2028}\u{202e}\"\\\u{7f}";
        let pairs: [(&str, Value<'_>); 4] = [
            ("reason", Value::from(text)),
            ("status", Value::from(200)),
            ("ms", Value::from(0.25)),
            ("user_id", None::<&str>.to_value()),
        ];
        let mut line = Vec::new();
        object(
            &mut line,
            "2026-11-23T00:30:03.000Z",
            &Record::builder()
                .args(format_args!("{text}"))
                .level(Level::Info)
                .target("bienvenue")
                .key_values(&pairs)
                .build(),
        )
        .unwrap();
        let line = String::from_utf8(line).unwrap();
        assert!(line.chars().all(is_harmless), "{line:?}");
        let expected = serde_json::json!({
            "ts": "2026-11-23T00:30:03.000Z", "level": "INFO", "target": "bienvenue",
            "message": text, "reason": text, "status": 200, "ms": 0.25,
        });
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read, expected);
    }
}
