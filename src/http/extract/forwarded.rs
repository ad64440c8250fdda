//! Finds the client's address in `X-Forwarded-For` and `Forwarded` (RFC 7239), without input or
//! output and without the web framework.
//!
//! Each proxy appends the address of its client at the right end. So the lists are read from the
//! right, up to the first address that is not a trusted proxy. A client can forge everything to
//! the left of it.

use std::net::{IpAddr, Ipv4Addr};

use crate::domain::{ClientIp, IpNetworks};

/// The lines of the two headers, in order of arrival.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForwardedHeaders<'a> {
    /// `Forwarded`.
    pub forwarded: Vec<&'a [u8]>,
    /// `X-Forwarded-For`.
    pub x_forwarded_for: Vec<&'a [u8]>,
}

impl ForwardedHeaders<'_> {
    /// Whether both headers are missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forwarded.is_empty() && self.x_forwarded_for.is_empty()
    }
}

/// The two headers name different clients. Usually a proxy sets one of them and passes the other
/// on as the client sent it; it is unknown which one that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("X-Forwarded-For names the client {x_forwarded_for}, but Forwarded names {forwarded}")]
pub struct ConflictingHeaders {
    x_forwarded_for: ClientIp,
    forwarded: ClientIp,
}

/// The client of a request from `peer`, as named by trusted proxies.
///
/// - An untrusted peer is the client itself; its headers are ignored.
/// - Otherwise the client is the right-most address that is not a trusted proxy, or the left-most
///   address if all are.
/// - If a proxy names no address (`unknown`, `_hidden`, an invalid text), the proxy itself counts
///   as the client.
///
/// # Errors
/// [`ConflictingHeaders`] if both headers are present and name different clients.
pub fn client_address(
    peer: ClientIp,
    headers: &ForwardedHeaders<'_>,
    trusted: &IpNetworks,
) -> Result<ClientIp, ConflictingHeaders> {
    if !trusted.contains(peer) {
        return Ok(peer);
    }
    let by_x_forwarded_for = || {
        let lines = headers.x_forwarded_for.iter().rev();
        let hops = lines.flat_map(|line| line.rsplit(|byte| *byte == b','));
        walk(peer, hops.map(node), trusted)
    };
    let by_forwarded = || {
        let lines = headers.forwarded.iter().rev();
        let hops = lines.flat_map(|line| elements(line).into_iter().rev());
        walk(peer, hops, trusted)
    };
    match (
        headers.x_forwarded_for.is_empty(),
        headers.forwarded.is_empty(),
    ) {
        (true, true) => Ok(peer),
        (false, true) => Ok(by_x_forwarded_for()),
        (true, false) => Ok(by_forwarded()),
        (false, false) => {
            let (x_forwarded_for, forwarded) = (by_x_forwarded_for(), by_forwarded());
            if x_forwarded_for == forwarded {
                Ok(forwarded)
            } else {
                Err(ConflictingHeaders {
                    x_forwarded_for,
                    forwarded,
                })
            }
        }
    }
}

/// Follows the hops from the peer to the client, as long as they are trusted proxies.
fn walk(
    peer: ClientIp,
    hops: impl Iterator<Item = Option<ClientIp>>,
    trusted: &IpNetworks,
) -> ClientIp {
    let mut client = peer;
    for hop in hops {
        let Some(hop) = hop else { break };
        client = hop;
        if !trusted.contains(client) {
            break;
        }
    }
    client
}

/// An address, with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`,
/// `[2001:db8::1]`, `[2001:db8::1]:80`.
fn node(text: &[u8]) -> Option<ClientIp> {
    let text = str::from_utf8(text.trim_ascii()).ok()?;
    let address = if let Some(rest) = text.strip_prefix('[') {
        let (address, behind) = rest.split_once(']')?;
        let port = behind.strip_prefix(':');
        if !behind.is_empty() && !port.is_some_and(is_port) {
            return None;
        }
        IpAddr::V6(address.parse().ok()?)
    } else if let Ok(address) = text.parse() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        let address: Ipv4Addr = address.parse().ok()?;
        is_port(port).then_some(IpAddr::V4(address))?
    };
    Some(ClientIp::new(address))
}

/// A port, or an obfuscated one (RFC 7239, 6.3).
fn is_port(text: &str) -> bool {
    let obfuscated = text.strip_prefix('_').is_some_and(|name| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !name.is_empty() && name.bytes().all(plain)
    });
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits || obfuscated
}

/// The addresses after `for` in the elements of a `Forwarded` line, or none for each invalid
/// element. After an unterminated quote, the rest of the line is one invalid element: a client
/// cannot hide the element that its proxy adds.
fn elements(line: &[u8]) -> Vec<Option<ClientIp>> {
    split(line, b',').map(element).collect()
}

fn element(text: &[u8]) -> Option<ClientIp> {
    let mut client = None;
    let pairs = split(text, b';').map(<[u8]>::trim_ascii);
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = pair.split_at_checked(at)?;
        // Checked in every pair: a quote that begins in one could end in another hop's element.
        if !is_name(name) {
            return None;
        }
        let value = unquoted(value.get(1..)?)?;
        if name.eq_ignore_ascii_case(b"for") && client.replace(value).is_some() {
            return None;
        }
    }
    node(&client?)
}

/// A token (RFC 9110, 5.6.2).
fn is_name(text: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(plain)
}

/// Splits at separators outside quoted strings.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |&byte| {
        if escaped {
            escaped = false;
        } else if quoted && byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            quoted = !quoted;
        }
        !quoted && byte == separator
    })
}

/// A token, or the content of a quoted string. Both must be complete. Addresses and ports without
/// quotes are accepted too, because several proxies send them.
fn unquoted(value: &[u8]) -> Option<Vec<u8>> {
    let Some(rest) = value.strip_prefix(b"\"") else {
        let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"\\".contains(byte);
        return (!value.is_empty() && value.iter().all(plain)).then(|| value.to_vec());
    };
    let mut text = Vec::with_capacity(rest.len());
    let mut bytes = rest.iter().copied();
    loop {
        match bytes.next()? {
            b'"' => break,
            b'\\' => text.push(bytes.next()?),
            byte => text.push(byte),
        }
    }
    bytes.next().is_none().then_some(text)
}
