//! URLs of PostgreSQL databases.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The URL of a PostgreSQL database, in any form that libpq accepts, also with several hosts or
/// a socket. It may contain a password: `Display` and `Debug` leave out passwords and parameters.
#[derive(Clone)]
pub struct PostgresUrl(SecretString);

impl PostgresUrl {
    pub(super) fn new(url: &str) -> Self {
        Self(url.into())
    }

    /// The URL with parameters added. A parameter that it already has keeps its value.
    #[must_use]
    pub fn with_parameters(&self, parameters: &[(&str, &str)]) -> SecretString {
        let mut url = self.0.expose_secret().to_owned();
        for (name, value) in parameters {
            if self.parameter(name).is_none() {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(name);
                url.push('=');
                url.push_str(value);
            }
        }
        url.into()
    }

    /// Whether the connection stays on this machine, or is encrypted with a verified certificate.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.parameter("sslmode") == Some("verify-full")
            || self
                .hosts()
                .split(',')
                .chain(self.parameter("host").unwrap_or_default().split(','))
                .all(is_local)
    }

    /// Whether it contains a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        let in_front = self.authority().rsplit_once('@');
        in_front.is_some_and(|(user, _)| user.contains(':')) || self.parameter("password").is_some()
    }

    /// Whether it names several hosts, from which libpq chooses one.
    #[must_use]
    pub fn has_several_hosts(&self) -> bool {
        let named = self.parameter("host").unwrap_or_default();
        self.hosts().contains(',') || named.contains(',') || named.contains("%2C")
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.0.expose_secret().split_once('?')?;
        query.split('&').find_map(|pair| {
            let (known, value) = pair.split_once('=')?;
            (known == name).then_some(value)
        })
    }

    /// The part between the scheme and the database's name.
    fn authority(&self) -> &str {
        let url = self.0.expose_secret();
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or_default()
    }

    fn hosts(&self) -> &str {
        let authority = self.authority();
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, hosts)| hosts)
    }

    /// The role that connects, if the URL names it before the host.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        let (user, _) = self.authority().rsplit_once('@')?;
        user.split(':').next()
    }

    /// The name of the database; empty if the URL has none.
    #[must_use]
    pub fn database(&self) -> &str {
        let url = self.0.expose_secret();
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = rest.split('?').next().unwrap_or_default();
        path.split_once('/').map_or("", |(_, database)| database)
    }
}

/// Whether a host is this machine: a socket (an empty name or a path) or a loopback address.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.is_empty()
        || name.starts_with('/')
        || name.to_ascii_lowercase().starts_with("%2f")
        || name == "localhost"
        || name == "::1"
        || name.starts_with("127.")
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.user() {
            write!(f, "{user}@")?;
        }
        write!(f, "{}/{}", self.hosts(), self.database())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displayed_url_has_no_password_and_no_parameters() {
        for (url, shown) in [
            (
                "postgres://bob:s3@db.x.org:5432/users?password=s3",
                "postgres://bob@db.x.org:5432/users",
            ),
            ("postgresql://db/users", "postgres://db/users"),
            ("postgres:///users?host=/run/pg&user=u", "postgres:///users"),
            (
                "postgres://bob:s@3@a:1,b:2/users",
                "postgres://bob@a:1,b:2/users",
            ),
            ("postgres://bob:s3@a", "postgres://bob@a/"),
        ] {
            assert_eq!(PostgresUrl::new(url).to_string(), shown);
            assert!(!format!("{:?}", PostgresUrl::new(url)).contains("s3"));
        }
    }

    #[test]
    fn an_existing_parameter_keeps_its_value() {
        let url = PostgresUrl::new("postgres://a/b?connect_timeout=9");
        let full = url.with_parameters(&[("connect_timeout", "2"), ("application_name", "x")]);
        assert_eq!(
            full.expose_secret(),
            "postgres://a/b?connect_timeout=9&application_name=x"
        );
        let bare = PostgresUrl::new("postgres://a/b").with_parameters(&[("x", "1"), ("y", "2")]);
        assert_eq!(bare.expose_secret(), "postgres://a/b?x=1&y=2");
    }

    #[test]
    fn r61_a_remote_server_is_confidential_with_verify_full() {
        for (url, confidential) in [
            ("postgres:///users", true),
            ("postgres://localhost/users", true),
            ("postgres://bob@127.0.0.1:5433/users", true),
            ("postgres://bob@[::1]:5433/users", true),
            ("postgres://%2Frun%2Fpostgresql/users", true),
            ("postgres:///users?host=/run/postgresql", true),
            ("postgres:///users?host=db.x.org", false),
            ("postgres://db.x.org/users", false),
            ("postgres://localhost,db.x.org/users", false),
            ("postgres://db.x.org/users?sslmode=require", false),
            ("postgres://db.x.org/users?sslmode=verify-full", true),
        ] {
            assert_eq!(
                PostgresUrl::new(url).is_confidential(),
                confidential,
                "{url}"
            );
        }
    }
}
