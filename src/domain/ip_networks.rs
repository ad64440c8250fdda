//! Lists of IP networks, such as those of trusted proxies.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use super::ClientIp;

/// A list of IP networks. The default is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpNetworks(Vec<IpNet>);

/// The text of an empty list.
const NONE: &str = "none";

/// The text is not a list of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a comma-separated list of addresses and networks: 127.0.0.1,10.0.0.0/8")]
pub struct IpNetworksError;

impl IpNetworks {
    /// The loopback addresses.
    #[must_use]
    pub fn loopback() -> Self {
        let v4 = IpNet::new_assert(Ipv4Addr::LOCALHOST.into(), 8).trunc();
        Self(vec![v4, IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST))])
    }

    /// A network in the list that is too wide for proxies: wider than a /8.
    #[must_use]
    pub fn widest(&self) -> Option<String> {
        let wide = self.0.iter().find(|network| network.prefix_len() < 8);
        wide.map(ToString::to_string)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the address is in one of the networks.
    #[must_use]
    pub fn contains(&self, address: ClientIp) -> bool {
        let address = address.get();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl fmt::Display for IpNetworks {
    /// The networks, comma-separated, or `none`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(NONE);
        }
        for (index, network) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{network}")?;
        }
        Ok(())
    }
}

impl FromStr for IpNetworks {
    type Err = IpNetworksError;

    fn from_str(text: &str) -> Result<Self, IpNetworksError> {
        if text == NONE {
            return Ok(Self::default());
        }
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| {
                item.parse::<IpNet>()
                    .or_else(|_| item.parse::<IpAddr>().map(IpNet::from))
                    .map(canonical)
                    .or(Err(IpNetworksError))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Converts an IPv4 network that is mapped to IPv6, as [`ClientIp`] does for addresses.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else {
        return network;
    };
    let bits = v6.prefix_len().checked_sub(96);
    let address = v6.addr().to_ipv4_mapped();
    address
        .zip(bits)
        .and_then(|(address, bits)| Ipv4Net::new(address, bits).ok())
        .map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(networks: &str, address: &str) -> bool {
        let networks: IpNetworks = networks.parse().unwrap();
        networks.contains(ClientIp::new(address.parse().unwrap()))
    }

    #[test]
    fn a_network_contains_its_addresses() {
        assert!(holds("10.0.0.0/8", "10.255.1.2"));
        assert!(!holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("192.0.2.1, 2001:db8::/32", "2001:db8:1::7"));
        assert!(holds("192.0.2.1, 2001:db8::/32", "192.0.2.1"));
        assert!(!holds("192.0.2.1", "192.0.2.2"));
        assert!(!holds("", "127.0.0.1"));
    }

    #[test]
    fn an_ipv4_network_may_be_mapped_to_ipv6() {
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!holds("::ffff:10.0.0.0/104", "11.1.2.3"));
        assert!(holds("::ffff:192.0.2.1", "192.0.2.1"));
    }

    #[test]
    fn loopback_contains_no_other_address() {
        let loopback = IpNetworks::loopback();
        for (address, inside) in [
            ("127.0.0.1", true),
            ("127.255.255.255", true),
            ("::1", true),
            ("128.0.0.1", false),
            ("::2", false),
        ] {
            let client = ClientIp::new(address.parse().unwrap());
            assert_eq!(loopback.contains(client), inside, "{address}");
        }
    }
}
