//! IP addresses of clients, and the prefixes by which rate limits group them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// The IP address of a client. An IPv4 address that is mapped to IPv6, as on an IPv6 socket, is
/// the IPv4 address (RFC 4291, 2.5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "IpAddr")]
pub struct ClientIp(IpAddr);

/// The first bits of an address. Rate limits count all addresses with the same prefix as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpPrefix {
    first: IpAddr,
    bits: u8,
}

impl ClientIp {
    /// The address of a socket, or the one that a proxy has sent.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// The address itself.
    #[must_use]
    pub fn get(self) -> IpAddr {
        self.0
    }

    /// The network of one customer: an IPv4 address, or 64 bits of an IPv6 address, within which
    /// a client can change its address at will (RFC 8981).
    #[must_use]
    pub fn network(self) -> IpPrefix {
        self.prefix(32, 64)
    }

    /// The subnet of one site: 24 bits of IPv4, 48 bits of IPv6 (RFC 6177).
    #[must_use]
    pub fn subnet(self) -> IpPrefix {
        self.prefix(24, 48)
    }

    fn prefix(self, v4: u8, v6: u8) -> IpPrefix {
        match self.0 {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(v4)).unwrap_or(0);
                IpPrefix {
                    first: Ipv4Addr::from_bits(address.to_bits() & mask).into(),
                    bits: v4,
                }
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(v6)).unwrap_or(0);
                IpPrefix {
                    first: Ipv6Addr::from_bits(address.to_bits() & mask).into(),
                    bits: v6,
                }
            }
        }
    }
}

impl From<IpAddr> for ClientIp {
    fn from(address: IpAddr) -> Self {
        Self::new(address)
    }
}

impl fmt::Display for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ClientIp {
        ClientIp::new(text.parse().unwrap())
    }

    #[test]
    fn an_ipv4_address_is_one_client_and_its_site_has_24_bits() {
        let client = address("192.0.2.77");
        assert_eq!(client.network().to_string(), "192.0.2.77/32");
        assert_eq!(client.subnet().to_string(), "192.0.2.0/24");
    }

    #[test]
    fn an_ipv6_network_has_64_bits_and_its_site_has_48() {
        let client = address("2001:db8:1:2:3:4:5:6");
        assert_eq!(client.network().to_string(), "2001:db8:1:2::/64");
        assert_eq!(client.subnet().to_string(), "2001:db8:1::/48");
    }

    #[test]
    fn an_ipv4_address_on_an_ipv6_socket_is_the_same_client() {
        assert_eq!(address("::ffff:192.0.2.77"), address("192.0.2.77"));
    }
}
