//! The languages of texts for people, and the choice of one by `Accept-Language`.

/// A language with a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English
    #[default]
    English,
    /// French
    French,
}

/// The longest `Accept-Language` header that is read, in bytes.
const HEADER_MAX: usize = 500;

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// The language's tag (BCP 47), as `<html lang>` has it.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// The language of a tag; none for any other text.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.tag() == tag)
    }

    /// Chooses by the value of `Accept-Language` (RFC 9110, 12.5.4): the language of the highest
    /// weight, and of two equal ones the first. English for a header that names none of them.
    #[must_use]
    pub fn preferred(accept_language: &str) -> Self {
        Self::asked_for(accept_language).unwrap_or_default()
    }

    /// Chooses as [`Language::preferred`] does; none for a header that names none of them, or
    /// prefers any (`*`).
    #[must_use]
    pub fn asked_for(accept_language: &str) -> Option<Self> {
        let header = Some(accept_language).filter(|header| header.len() <= HEADER_MAX);
        let mut best = (None, 0);
        for range in header.unwrap_or_default().split(',') {
            let (tag, weight) = weighted(range);
            let language = Self::of_range(tag);
            if (tag == "*" || language.is_some()) && weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }

    /// `fr-CA` asks for French.
    fn of_range(range: &str) -> Option<Self> {
        let primary = range.split('-').next().unwrap_or_default();
        let mut all = Self::ALL.into_iter();
        all.find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }
}

/// A range and its weight in thousandths. A weight that cannot be read is 0.
fn weighted(range: &str) -> (&str, u32) {
    let mut parts = range.split(';').map(str::trim);
    let tag = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    (tag, weight.map_or(1000, thousandths))
}

/// `0.85` is 850 (RFC 9110, 12.4.2).
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" if digits => 1000,
        "0" if digits => format!("{fraction:0<3}").parse().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highest_weight_is_preferred() {
        for (header, expected) in [
            ("", "en"),
            ("fr", "fr"),
            ("FR-ca", "fr"),
            ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
            ("en-GB,en;q=0.9,fr;q=0.8", "en"),
            ("de,fr;q=0.5,en;q=0.4", "fr"),
            ("de", "en"),
            ("*", "en"),
            ("fr;q=0.2,*;q=0.9", "en"),
            ("en;q=0.5, fr;q=0.55", "fr"),
            ("en;q=0.3,fr ; q=0.4", "fr"),
            ("en;q=0,fr;q=0", "en"),
            ("fr;q=0", "en"),
            ("fr;q=2,en;q=0.1", "en"),
            ("fr;q=0.1234", "en"),
            ("frisian", "en"),
            (";;;,,q=1", "en"),
        ] {
            assert_eq!(Language::preferred(header).tag(), expected, "{header}");
        }
        let long = format!("fr,{}", "x".repeat(HEADER_MAX));
        assert_eq!(Language::preferred(&long), Language::English);
    }
}
