//! What `X-Forwarded-For` and `Forwarded` (RFC 7239) say about a client's address, and how
//! much of it can be believed. No input, no output, and nothing of the web framework.
//!
//! Each proxy adds the address of whoever asked it at the right end. So the lists are read
//! from the right, and no further than the first address that is not a trusted proxy's: all
//! that is left of it may be made up.

use std::net::{IpAddr, Ipv4Addr};

use crate::domain::{ClientAddress, Networks};

/// The lines of the two headers, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForwardedHeaders<'a> {
    /// `Forwarded`.
    pub forwarded: Vec<&'a [u8]>,
    /// `X-Forwarded-For`.
    pub x_forwarded_for: Vec<&'a [u8]>,
}

impl ForwardedHeaders<'_> {
    /// Whether neither header came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forwarded.is_empty() && self.x_forwarded_for.is_empty()
    }
}

/// The two headers name different clients. A proxy writes one of them as a rule and lets the
/// other one through as the client sent it; which is which cannot be headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("X-Forwarded-For says that {x_forwarded_for} asks, and Forwarded that {forwarded} does")]
pub struct ConflictingHeaders {
    x_forwarded_for: ClientAddress,
    forwarded: ClientAddress,
}

/// The client, as far as trusted proxies name it, for a request from `peer`.
///
/// - An untrusted peer is the client, whatever it says.
/// - Else it is the right-most address that is not a trusted proxy's; the left-most one if
///   all are.
/// - Who is named by no address (`unknown`, `_hidden`, nothing, junk) cannot be told from
///   others: the proxy that said so stands for it.
///
/// # Errors
/// [`ConflictingHeaders`] if both headers are there and name different clients.
pub fn client_address(
    peer: ClientAddress,
    headers: &ForwardedHeaders<'_>,
    trusted: &Networks,
) -> Result<ClientAddress, ConflictingHeaders> {
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

/// Goes from the peer to whoever asked it, as long as that is a proxy whose word is taken.
fn walk(
    peer: ClientAddress,
    hops: impl Iterator<Item = Option<ClientAddress>>,
    trusted: &Networks,
) -> ClientAddress {
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
fn node(text: &[u8]) -> Option<ClientAddress> {
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
    Some(ClientAddress::new(address))
}

/// A port, or a made-up name in its place (RFC 7239, 6.3).
fn is_port(text: &str) -> bool {
    let obfuscated = text.strip_prefix('_').is_some_and(|name| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !name.is_empty() && name.bytes().all(plain)
    });
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits || obfuscated
}

/// The elements of a line of `Forwarded`, each as the address behind its `for`, or none. A
/// quoted string that never ends makes one element of all that follows, and that is junk: a
/// client cannot swallow what its proxy has added.
fn elements(line: &[u8]) -> Vec<Option<ClientAddress>> {
    split(line, b',').map(element).collect()
}

fn element(text: &[u8]) -> Option<ClientAddress> {
    let mut client = None;
    let pairs = split(text, b';').map(<[u8]>::trim_ascii);
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = pair.split_at_checked(at)?;
        // Looked at in every pair: a quote that opens in one could end in another hop's.
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

/// Splits where the separator stands outside quoted strings.
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

/// A token, or what stands in a quoted string. Both have to be whole. Addresses and ports
/// without quotes are taken too, as several proxies write them.
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
