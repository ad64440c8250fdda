//! Settings of the listener, proxies and origins.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;

use super::Config;
use super::parsers::{Origins, PublicUrl, socket_address};
use crate::domain::IpNetworks;

/// Where the service listens and how it is reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Listening")]
pub struct Listening {
    /// Address and port to listen on; port 0 picks a free one. Not used where systemd hands
    /// over a listening socket
    /// [default: 0.0.0.0:5000, or 127.0.0.1:5000 with an https --public-url]
    #[arg(long, env = "BIENVENUE_BIND", value_name = "ADDRESS:PORT", value_parser = socket_address)]
    pub bind: Option<SocketAddr>,

    /// How people reach the service, such as <https://login.example.org>. The switch from
    /// trying to serving: https makes cookies Secure, sends HSTS, asks for passwords of 15
    /// characters and listens on loopback only
    #[arg(
        long,
        env = "BIENVENUE_PUBLIC_URL",
        value_name = "URL",
        verbatim_doc_comment
    )]
    pub public_url: Option<PublicUrl>,

    /// Proxies whose word about the client's address is taken: networks, comma-separated
    /// [default: none, or loopback with an https --public-url]
    #[arg(long, env = "BIENVENUE_TRUSTED_PROXIES", value_name = "CIDR,..")]
    pub trusted_proxies: Option<IpNetworks>,

    /// Origins of browser front ends, such as <https://app.example.org>, comma-separated: their
    /// pages may send requests and read the answers
    #[arg(
        long,
        env = "BIENVENUE_ALLOWED_ORIGINS",
        value_name = "ORIGIN,..",
        verbatim_doc_comment
    )]
    pub allowed_origins: Option<Origins>,

    /// Address and port of the operator's own listener: /metrics, and /healthz and /readyz with
    /// details; for nobody else to reach [default: none]
    #[arg(
        long,
        env = "BIENVENUE_OPERATOR_BIND",
        value_name = "ADDRESS:PORT",
        value_parser = socket_address,
    )]
    pub operator_bind: Option<SocketAddr>,
}

impl Config {
    /// Where to listen. Behind https there is a proxy, and it is on this machine.
    #[must_use]
    pub fn bind(&self) -> SocketAddr {
        let default = if self.is_https() {
            Ipv4Addr::LOCALHOST
        } else {
            Ipv4Addr::UNSPECIFIED
        };
        self.listening
            .bind
            .unwrap_or_else(|| SocketAddr::from((default, 5000)))
    }

    /// Whose word about the client's address is taken. Behind https there is a proxy, and it
    /// is on this machine.
    #[must_use]
    pub fn trusted_proxies(&self) -> IpNetworks {
        let default = || {
            if self.is_https() {
                IpNetworks::loopback()
            } else {
                IpNetworks::default()
            }
        };
        let given = self.listening.trusted_proxies.clone();
        given.unwrap_or_else(default)
    }
}
