//! The bodies of the fuzz targets `email`, `local_path` and `app_url`. They panic if a rule is
//! broken.

use url::Url;

use super::{AppUrl, Email, LocalPath, NormalizedEmail};

/// Checks that a parsed email can be parsed again from its text, with the same key, and that
/// the key of what a user types is the key of the parsed email.
pub fn email(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let key = NormalizedEmail::parse(text);
    let Ok(email) = Email::parse(text) else {
        return;
    };
    assert_eq!(Email::parse(email.as_str()).as_ref(), Ok(&email));
    assert_eq!(key.as_ref(), Ok(&email.key()));
    assert_eq!(
        NormalizedEmail::canonical(email.key().as_str()),
        email.key()
    );
}

/// Checks that an accepted text for `next` leads to no other host, even if software in between
/// decodes it, and that its written form is accepted again.
pub fn local_path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Some(path) = LocalPath::parse(text) else {
        return;
    };
    assert_eq!(LocalPath::parse(path.as_str()).as_ref(), Some(&path));
    assert!(path.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    let mut written = path.to_string();
    for _ in 0..4 {
        for base in ["https://login.example.org/login", "http://localhost:5000/"] {
            let base = Url::parse(base).ok();
            let led = base.as_ref().and_then(|base| base.join(&written).ok());
            if let (Some(base), Some(led)) = (base, led) {
                assert_eq!(base.origin(), led.origin(), "{written}");
            }
        }
        let (path, query) = written.split_once('?').unwrap_or((&written, ""));
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        written = format!("{path}?{query}");
    }
}

/// Checks that an accepted URL of an application has, as browsers read it, the origin by which the
/// application is looked up, and that its written form is accepted again.
pub fn app_url(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Some(url) = AppUrl::parse(text) else {
        return;
    };
    let written = url.to_string();
    assert!(written.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(AppUrl::parse(&written).as_ref(), Some(&url));
    let led = Url::parse(&written).ok();
    let led = led.map(|led| led.origin().ascii_serialization());
    assert_eq!(led, Some(url.origin().to_string()), "{written}");
}
