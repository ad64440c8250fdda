//! Context words: the name of the service, its host, and the user's address.

use super::repeated_unit;

/// The shortest word that is searched inside a password. Shorter ones occur in too many words.
const SHORTEST: usize = 4;

/// How many characters a password needs in addition to context words.
const LEAST_BESIDE: usize = 8;

/// The context words of the service, which an attacker would try first: its name and its host.
#[derive(Debug, Clone, Default)]
pub struct ContextWords(Vec<String>);

impl ContextWords {
    /// Takes words. Their parts count too: `login` and `example` of `login.example.org`.
    #[must_use]
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let lower = words.into_iter().map(str::to_lowercase);
        Self(lower.collect())
    }

    /// These words and those of a user's normalized address.
    pub(super) fn with_person<'a>(&'a self, address: &'a str) -> Words<'a> {
        let local = address.split_once('@').map_or(address, |(local, _)| local);
        let service = self.0.iter().map(String::as_str);
        let whole = service.chain([address, local]);
        // The parts of the address's domain do not count: many users share its domain.
        let parts = self.0.iter().map(String::as_str).chain([local]);
        let parts = parts.flat_map(|word| word.split(|c: char| !c.is_alphanumeric()));
        Words(whole.chain(parts).filter(|word| !word.is_empty()).collect())
    }
}

/// The context words for one password.
pub(super) struct Words<'a>(Vec<&'a str>);

impl Words<'_> {
    /// Whether a password in lower case has too few characters besides the words, or repeats one.
    pub(super) fn is_most_of(&self, password: &str) -> bool {
        self.0.contains(&repeated_unit(password)) || self.is_little_beside(password)
    }

    fn is_little_beside(&self, password: &str) -> bool {
        let (mut left, mut beside, mut found) = (password, 0, false);
        while let Some(first) = left.chars().next() {
            let word = self.longest_at_the_beginning_of(left);
            found |= word.is_some();
            beside += usize::from(word.is_none());
            left = left.split_at(word.unwrap_or(first.len_utf8())).1;
        }
        found && beside < LEAST_BESIDE
    }

    fn longest_at_the_beginning_of(&self, text: &str) -> Option<usize> {
        self.0
            .iter()
            .filter(|word| word.chars().nth(SHORTEST - 1).is_some() && text.starts_with(**word))
            .map(|word| word.len())
            .max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(password: &str) -> bool {
        let service = ContextWords::new(["Bienvenue", "login.example.org"]);
        let words = service.with_person("bob.dylan@mail.example.com");
        words.is_most_of(password)
    }

    #[test]
    fn passwords_made_of_context_words_are_refused() {
        for password in [
            "bienvenuebienvenue",
            "bienvenue-12345",
            "login.example.org",
            "example2026!!",
            "bob.dylan@mail.example.com",
            "bob.dylan",
            "dylan-dylan-1941",
            "bobbobbobbob",
        ] {
            assert!(is_refused(password), "{password}");
        }
        for password in [
            "bienvenue à la maison",
            "dylan plays the harp",
            "bobsled12",
            "correct horse",
        ] {
            assert!(!is_refused(password), "{password}");
        }
    }
}
