//! A small HTTP client, which sends requests exactly as a check writes them.
//!
//! It accepts every certificate, so that the checks after a bad one still run, and reports what is
//! wrong with it. It sends no secret.

mod response;
mod tls;

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::WebPkiServerVerifier;
use url::Url;

pub(super) use response::Response;
pub(super) use tls::Certificate;

use crate::domain::Origin;

/// How long a connection may take, and each read and write.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a response may take as a whole.
const WHOLE: Duration = Duration::from_secs(10);
/// The largest response that is read.
const LARGEST: usize = 256 << 10;

/// A scheme, a host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) is_https: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Site {
    /// The site of an origin.
    pub(super) fn of(origin: &Origin) -> Option<Self> {
        let url = Url::parse(origin.as_str()).ok()?;
        Some(Self {
            is_https: origin.is_https(),
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }

    /// This host over plain http on its usual port; none if the site has a port of its own.
    pub(super) fn plain(&self) -> Option<Self> {
        let is_usual = self.is_https && self.port == 443;
        is_usual.then(|| Self {
            is_https: false,
            host: self.host.clone(),
            port: 80,
        })
    }

    /// The value of a `Host` header.
    pub(super) fn authority(&self) -> String {
        let usual = if self.is_https { 443 } else { 80 };
        if self.port == usual {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the name {0} has no address")]
    NoAddress(String),
    #[error("{0} cannot be reached ({1})")]
    Unreachable(String, io::ErrorKind),
    #[error("{0} does not speak TLS as expected ({1})")]
    Tls(String, String),
    #[error("{0} gives no HTTP response ({1})")]
    NoResponse(String, String),
}

/// A request. `Host` and `Connection: close` are added, unless a header of that name is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
}

impl<'a> Request<'a> {
    pub(super) const fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            headers: &[],
        }
    }

    pub(super) const fn post(path: &'a str) -> Self {
        Self {
            method: "POST",
            ..Self::get(path)
        }
    }

    pub(super) const fn with(self, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self { headers, ..self }
    }

    fn bytes(&self, site: &Site) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        let given = |name: &str| {
            self.headers
                .iter()
                .any(|(n, _)| n.eq_ignore_ascii_case(name))
        };
        let mut line = |name: &str, value: &str| {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        };
        if !given("Host") {
            line("Host", &site.authority());
        }
        if !given("Connection") {
            line("Connection", "close");
        }
        if self.method != "GET" {
            line("Content-Type", "application/x-www-form-urlencoded");
            line("Content-Length", "0");
        }
        for (name, value) in self.headers {
            line(name, value);
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// The client.
pub(super) struct Client {
    /// Replaces the addresses of all names.
    connect: Option<IpAddr>,
    /// None if the system has no root certificates.
    verifier: Option<Arc<WebPkiServerVerifier>>,
}

impl Client {
    /// Reads the system's root certificates. Blocks.
    pub(super) fn new(connect: Option<IpAddr>) -> Self {
        Self {
            connect,
            verifier: tls::verifier(),
        }
    }

    /// Sends a request and reads the response. Blocks for at most ten seconds or so.
    pub(super) fn send(&self, site: &Site, request: Request<'_>) -> Result<Response, Failure> {
        let name = format!("{}:{}", site.host, site.port);
        let stream = self.connect(site)?;
        let bytes = request.bytes(site);
        let no_response = |error: io::Error| Failure::NoResponse(name.clone(), error.to_string());
        let (text, certificate) = if site.is_https {
            let (mut stream, seen) = tls::handshake(stream, &site.host, self.verifier.clone())
                .map_err(|error| Failure::Tls(name.clone(), error))?;
            let text = exchange(&mut stream, &bytes).map_err(no_response)?;
            (text, seen.certificate())
        } else {
            let mut stream = stream;
            (exchange(&mut stream, &bytes).map_err(no_response)?, None)
        };
        let unreadable = || Failure::NoResponse(name.clone(), "not HTTP".to_owned());
        Response::parse(&text, certificate).ok_or_else(unreadable)
    }

    /// Whether a port accepts a connection.
    pub(super) fn connect(&self, site: &Site) -> Result<TcpStream, Failure> {
        let host = site.host.trim_matches(['[', ']']);
        let addresses: Vec<SocketAddr> = match self.connect {
            Some(address) => vec![SocketAddr::new(address, site.port)],
            // As browsers do (RFC 6761, 6.3).
            None if host.ends_with(".localhost") => {
                vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), site.port)]
            }
            None => (host, site.port)
                .to_socket_addrs()
                .map_or_else(|_| Vec::new(), Iterator::collect),
        };
        let mut failed = Failure::NoAddress(site.host.clone());
        for address in addresses {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = Failure::Unreachable(address.to_string(), error.kind()),
            }
        }
        Err(failed)
    }
}

/// Writes a request, and reads until the other end closes or the response is complete.
fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> io::Result<Vec<u8>> {
    // A server that refuses a large request answers before it has read all of it.
    let written = stream.write_all(request).and_then(|()| stream.flush());
    let begun = Instant::now();
    let mut text = Vec::new();
    let mut buffer = [0; 8192];
    while text.len() < LARGEST && begun.elapsed() < WHOLE && !response::is_complete(&text) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => text.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            // Without a TLS goodbye, or in the middle of a request: what came before counts.
            Err(_) if !text.is_empty() => break,
            Err(error) => return written.and(Err(error)),
        }
    }
    if text.is_empty() {
        written?;
    }
    Ok(text)
}
