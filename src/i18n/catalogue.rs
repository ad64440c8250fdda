//! Texts by their keys.

use std::collections::BTreeMap;

use crate::domain::Language;

/// The texts of one language.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(BTreeMap<&'static str, &'static str>);

/// The texts of each language, as they are built in.
#[derive(Debug, Clone)]
pub struct Catalogues {
    english: Catalogue,
    french: Catalogue,
}

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// No text has that key.
    #[error("no text has the key {0}")]
    UnknownKey(String),
    /// The text has a placeholder without a value.
    #[error("the text {key} needs a value for {{{placeholder}}}")]
    MissingValue {
        /// The text.
        key: String,
        /// The placeholder.
        placeholder: String,
    },
}

impl Catalogues {
    /// Reads the catalogues that are built in.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            english: Catalogue::parse(include_str!("en.txt")),
            french: Catalogue::parse(include_str!("fr.txt")),
        }
    }

    /// The catalogue of a language.
    #[must_use]
    pub fn of(&self, language: Language) -> &Catalogue {
        match language {
            Language::English => &self.english,
            Language::French => &self.french,
        }
    }
}

impl Catalogue {
    /// Reads lines of `key = text`; empty lines and lines that begin with `#` are comments.
    fn parse(source: &'static str) -> Self {
        let lines = source.lines().filter(|line| !line.starts_with('#'));
        let texts = lines.filter_map(|line| line.split_once(" = "));
        Self(texts.collect())
    }

    /// Every key with its text.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.0.iter().map(|(key, text)| (*key, *text))
    }

    /// Whether there is such a text.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The text of a key, with each placeholder replaced by the value that `value_of` has for
    /// its name.
    ///
    /// # Errors
    /// [`TextError`] for an unknown key, and for a placeholder without a value.
    pub fn text(
        &self,
        key: &str,
        mut value_of: impl FnMut(&str) -> Option<String>,
    ) -> Result<String, TextError> {
        let source = self.0.get(key).copied();
        let source = source.ok_or_else(|| TextError::UnknownKey(key.to_owned()))?;
        let mut text = String::with_capacity(source.len());
        for piece in pieces(source) {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Placeholder(name) => {
                    let value = value_of(name).ok_or_else(|| TextError::MissingValue {
                        key: key.to_owned(),
                        placeholder: name.to_owned(),
                    })?;
                    text.push_str(&value);
                }
            }
        }
        Ok(text)
    }
}

enum Piece<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

/// Splits a text at its placeholders.
fn pieces(source: &str) -> impl Iterator<Item = Piece<'_>> {
    source.split('{').enumerate().flat_map(|(at, part)| {
        let (placeholder, text) = match part.split_once('}') {
            Some((name, rest)) if at > 0 => (Some(Piece::Placeholder(name)), rest),
            Some(_) | None => (None, part),
        };
        placeholder.into_iter().chain([Piece::Text(text)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> = pieces(text)
            .filter_map(|piece| match piece {
                Piece::Placeholder(name) => Some(name),
                Piece::Text(_) => None,
            })
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn each_text_is_in_every_language() {
        let catalogues = Catalogues::built_in();
        let english = catalogues.of(Language::English);
        assert!(english.texts().count() > 50);
        for language in Language::ALL {
            let other = catalogues.of(language);
            let keys = |catalogue: &Catalogue| -> Vec<_> {
                catalogue.texts().map(|(key, _)| key).collect()
            };
            assert_eq!(keys(english), keys(other), "{language:?}");
            for ((key, text), (_, other)) in english.texts().zip(other.texts()) {
                assert_eq!(placeholders(text), placeholders(other), "{key}");
                assert!(!other.trim().is_empty(), "{key}");
                assert_eq!(other.trim(), other, "{key}");
            }
        }
    }

    #[test]
    fn each_line_of_a_catalogue_is_a_text_once() {
        for source in [include_str!("en.txt"), include_str!("fr.txt")] {
            let mut keys = Vec::new();
            for line in source.lines() {
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let (key, _) = line.split_once(" = ").expect(line);
                assert!(!keys.contains(&key), "{key} is there twice");
                keys.push(key);
            }
        }
    }

    /// No-break spaces before two-part punctuation, and the typographic apostrophe.
    #[test]
    fn french_has_its_typography() {
        for (key, text) in Catalogues::built_in().of(Language::French).texts() {
            assert!(!text.contains('\''), "{key}: {text}");
            // Pages break no line inside the word.
            let breaks = text.to_lowercase().contains("e-mail");
            assert!(key.starts_with("mail.") || !breaks, "{key}: {text}");
            let mut before = ' ';
            for letter in text.replace("https://", "").chars() {
                if ":;?!»".contains(letter) {
                    assert!("\u{a0}\u{202f}".contains(before), "{key}: {text}");
                }
                before = letter;
            }
        }
    }

    #[test]
    fn placeholder_is_replaced_by_its_value() {
        let catalogue = Catalogue::parse("a = {x} of {y}!\nb = plain }\n");
        let value = |name: &str| (name == "x").then(|| "{y}".to_owned());
        assert_eq!(
            catalogue.text("a", |name| value(name).or(Some("2".into()))),
            Ok("{y} of 2!".to_owned())
        );
        assert_eq!(catalogue.text("b", |_| None), Ok("plain }".to_owned()));
        assert!(matches!(
            catalogue.text("a", value),
            Err(TextError::MissingValue { .. })
        ));
        assert_eq!(
            catalogue.text("c", value),
            Err(TextError::UnknownKey("c".to_owned()))
        );
    }
}
