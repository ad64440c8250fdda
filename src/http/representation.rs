//! The form of a response: JSON of the API, a problem (RFC 9457), or a page.

use actix_web::http::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderMap, HeaderName};

use crate::domain::Language;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The media type of RFC 9457.
pub(crate) const PROBLEM: &str = "application/problem+json";

/// The form in which a client reads errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Representation {
    /// `{"message": "..."}`
    Message,
    /// `application/problem+json`
    Problem,
    /// HTML, in the reader's language.
    Page(Language),
}

impl Representation {
    /// The form that a request asks for.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if weight(headers, |range| range == PROBLEM).is_some_and(|weight| weight > 0.0) {
            Self::Problem
        } else if is_navigation(headers) && prefers_html(headers) {
            Self::Page(language_of(headers))
        } else {
            Self::Message
        }
    }
}

/// The language that a browser prefers.
pub(crate) fn language_of(headers: &HeaderMap) -> Language {
    let header = headers.get(ACCEPT_LANGUAGE);
    let header = header.and_then(|value| value.to_str().ok());
    Language::preferred(header.unwrap_or_default())
}

/// Whether a browser sent the request to show the answer to its user.
pub(crate) fn is_navigation(headers: &HeaderMap) -> bool {
    let mut modes = headers.get_all(SEC_FETCH_MODE);
    modes.next().is_some_and(|mode| mode == "navigate") && modes.next().is_none()
}

/// Whether `Accept` names HTML, and JSON less or not at all. `*/*` names neither.
pub(crate) fn prefers_html(headers: &HeaderMap) -> bool {
    let html = |range: &str| range == "text/html" || range == "application/xhtml+xml";
    let json = |range: &str| range == "application/json" || range == PROBLEM;
    let html = weight(headers, html).unwrap_or_default();
    html > weight(headers, json).unwrap_or_default()
}

/// The highest weight of the media ranges that match (RFC 9110, 12.5.1). One that cannot be
/// read counts as 0.
fn weight(headers: &HeaderMap, matches: impl Fn(&str) -> bool) -> Option<f32> {
    let lines = headers.get_all(ACCEPT);
    let lines = lines.filter_map(|line| line.to_str().ok());
    let ranges = lines.flat_map(|line| line.split(','));
    let weights = ranges.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?.to_ascii_lowercase();
        matches(&name).then(|| {
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or_default());
            if (0.0..=1.0).contains(&weight) {
                weight
            } else {
                0.0
            }
        })
    });
    weights.reduce(f32::max)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn accept(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn html_is_preferred_where_accept_says_so() {
        for (value, expected) in [
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
            ),
            ("text/html", true),
            ("TEXT/HTML;level=1", true),
            ("application/json;q=0.5, text/html;q=0.9", true),
            ("*/*", false),
            ("text/*", false),
            ("application/json", false),
            ("application/json, text/html", false),
            ("text/html;q=0.4, application/json", false),
            ("text/html;q=0", false),
            ("text/html;q=nan", false),
            ("text/html;q=7", false),
            ("", false),
        ] {
            assert_eq!(prefers_html(&accept(value)), expected, "{value}");
        }
        assert!(!prefers_html(&HeaderMap::new()));
    }

    #[test]
    fn problem_is_for_clients_that_ask_for_it() {
        let of = |value| Representation::of(&accept(value));
        assert_eq!(of("application/problem+json"), Representation::Problem);
        assert_eq!(
            of("application/json, application/problem+json"),
            Representation::Problem
        );
        assert_eq!(of("application/problem+json;q=0"), Representation::Message);
        assert_eq!(of("*/*"), Representation::Message);
        assert_eq!(of("text/html"), Representation::Message);
    }

    #[test]
    fn navigation_gets_a_page() {
        let mut headers = accept("text/html");
        headers.insert(SEC_FETCH_MODE, HeaderValue::from_static("navigate"));
        let page = Representation::Page(Language::English);
        assert_eq!(Representation::of(&headers), page);
        headers.append(SEC_FETCH_MODE, HeaderValue::from_static("navigate"));
        assert_eq!(Representation::of(&headers), Representation::Message);
    }
}
