use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The URL of a PostgreSQL database, as libpq understands it: several hosts, sockets and
/// parameters included. It may hold a password, so `Display` and `Debug` leave that and all
/// parameters out.
#[derive(Clone)]
pub struct PostgresUrl(SecretString);

impl PostgresUrl {
    pub(super) fn new(url: &str) -> Self {
        Self(url.into())
    }

    /// The URL with parameters added; one that it has already stays as it is.
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

    /// Whether what goes to the server stays on this machine, or is encrypted for a server
    /// that proves who it is.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.parameter("sslmode") == Some("verify-full")
            || self
                .hosts()
                .split(',')
                .chain(self.parameter("host").unwrap_or_default().split(','))
                .all(is_local)
    }

    /// Whether there is a password in it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        let in_front = self.authority().rsplit_once('@');
        in_front.is_some_and(|(user, _)| user.contains(':')) || self.parameter("password").is_some()
    }

    /// Whether it names several hosts, of which libpq picks one.
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

    /// What stands between the scheme and the database's name.
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

    /// The role that connects, if the URL names it in front of the host.
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

/// A host of the URL: nothing or a path is a socket, and loopback is this machine.
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
    fn what_is_shown_of_a_url_holds_no_password_and_no_parameter() {
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
    fn a_parameter_that_is_there_stays() {
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
    fn r61_a_server_elsewhere_is_confidential_with_verify_full_only() {
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
