//! Parsers for the values of settings.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::SecretString;
use url::{Host, Url};

use crate::domain::{Origin, ValueError};

/// The public URL: an origin with https, or on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    url: Url,
    origin: Origin,
}

impl PublicUrl {
    /// Whether its scheme is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The origin of the service.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

impl FromStr for PublicUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let url = web_url(text)?;
        let origin = Origin::of(&url).ok_or(ValueError(
            "must be a scheme and a host without a path, such as https://login.example.org",
        ))?;
        Ok(Self { url, origin })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)
    }
}

/// A page of the application, to which mails link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageUrl(Url);

impl PageUrl {
    /// The page.
    #[must_use]
    pub fn get(&self) -> &Url {
        &self.0
    }
}

impl FromStr for PageUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let url = web_url(text)?;
        if url.fragment().is_some() {
            return Err(ValueError(
                "must not have a # part: the token is added there",
            ));
        }
        Ok(Self(url))
    }
}

/// Origins of front ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins(Vec<Origin>);

impl Origins {
    /// The origins as a list.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Origin> {
        self.0.clone()
    }
}

impl FromStr for Origins {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        items(text)
            .map(|item| {
                if item.contains('*') {
                    return Err(ValueError(
                        "an origin must not have a wildcard: name each one, such as https://app.example.org, comma-separated",
                    ));
                }
                web_url(item)
                    .ok()
                    .and_then(|url| Origin::of(&url))
                    .ok_or(ValueError(
                        "must be origins such as https://app.example.org, comma-separated; http only on this machine",
                    ))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// The transport of mails. `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub enum MailTarget {
    /// Files in a folder.
    Folder(PathBuf),
    /// A mail server.
    Server(Url),
    /// No mails.
    Off,
}

impl FromStr for MailTarget {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const SHAPE: ValueError =
            ValueError("must be dir:FOLDER, smtp://HOST, smtps://HOST, or off");
        if text == "off" {
            return Ok(Self::Off);
        }
        if let Some(folder) = text.strip_prefix("dir:") {
            let folder = Some(folder).filter(|folder| !folder.is_empty());
            return folder.map_or(Err(SHAPE), |folder| Ok(Self::Folder(folder.into())));
        }
        Url::parse(text)
            .ok()
            .filter(|url| ["smtp", "smtps"].contains(&url.scheme()) && url.has_host())
            .map(Self::Server)
            .ok_or(SHAPE)
    }
}

impl fmt::Debug for MailTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "Folder({})", folder.display()),
            Self::Server(url) => write!(f, "Server({:?})", url.host_str()),
            Self::Off => f.write_str("Off"),
        }
    }
}

/// A secret: any text that is not empty.
pub(super) fn secret(text: &str) -> Result<SecretString, ValueError> {
    if text.is_empty() {
        return Err(ValueError("must not be empty"));
    }
    Ok(SecretString::from(text))
}

/// An address and a port.
pub(super) fn socket_address(text: &str) -> Result<SocketAddr, ValueError> {
    text.parse().or(Err(ValueError(
        "must be an IP address and a port, such as 127.0.0.1:5000 or [::1]:5000",
    )))
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// An http or https URL. Plain http is allowed only on this machine: in a network, others could
/// read the passwords.
fn web_url(text: &str) -> Result<Url, ValueError> {
    const SHAPE: ValueError = ValueError("must be a URL with https://, or http:// on this machine");
    let url = Url::parse(text).or(Err(SHAPE))?;
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "https" if plain => Ok(url),
        "http" if plain && loopback => Ok(url),
        "http" if plain => Err(ValueError(
            "http:// is allowed only on this machine; use https:// by a proxy in front of the service",
        )),
        _ => Err(SHAPE),
    }
}
