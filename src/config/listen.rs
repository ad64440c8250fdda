//! Settings of the listener, proxies and origins.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use clap::Args;

use super::Config;
use super::parsers::{Origins, PublicUrl, socket_address};
use crate::domain::{ByMode, IpNetworks, by_mode};

/// The settings of the listener, proxies and origins.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Listening")]
pub struct Listening {
    /// Address and port to listen on; port 0 selects a free one. Not used with socket activation
    #[arg(
        long,
        env = "BIENVENUE_BIND",
        value_name = "ADDRESS:PORT",
        value_parser = by_mode(BIND, socket_address),
        default_value_t = BIND
    )]
    pub bind: ByMode<SocketAddr>,

    /// URL at which users reach the service, such as `https://login.example.org`. An https
    /// URL switches from development to production mode: cookies are Secure, HSTS is sent,
    /// passwords need 15 characters, and the service listens on loopback only
    #[arg(
        long,
        env = "BIENVENUE_PUBLIC_URL",
        value_name = "URL",
        verbatim_doc_comment
    )]
    pub public_url: Option<PublicUrl>,

    /// Proxies whose X-Forwarded-For or Forwarded header is used: networks, comma-separated, or none
    #[arg(
        long,
        env = "BIENVENUE_TRUSTED_PROXIES",
        value_name = "CIDR,..",
        value_parser = by_mode(default_proxies(), IpNetworks::from_str),
        default_value_t = default_proxies()
    )]
    pub trusted_proxies: ByMode<IpNetworks>,

    /// Origins of browser front ends, such as `https://app.example.org`, comma-separated: their
    /// pages may send requests and read the responses
    #[arg(
        long,
        env = "BIENVENUE_ALLOWED_ORIGINS",
        value_name = "ORIGIN,..",
        verbatim_doc_comment
    )]
    pub allowed_origins: Option<Origins>,

    /// Address and port of the ops listener: /metrics, and /healthz and /readyz with details. It
    /// must not be reachable for clients [default: none]
    #[arg(
        long,
        env = "BIENVENUE_OPERATOR_BIND",
        value_name = "ADDRESS:PORT",
        value_parser = socket_address,
    )]
    pub operator_bind: Option<SocketAddr>,
}

const BIND: ByMode<SocketAddr> = ByMode::Default {
    development: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 5000),
    // For a proxy on this machine.
    production: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000),
};

fn default_proxies() -> ByMode<IpNetworks> {
    ByMode::Default {
        development: IpNetworks::default(),
        production: IpNetworks::loopback(),
    }
}

impl Config {
    /// The address to listen on.
    #[must_use]
    pub fn bind(&self) -> SocketAddr {
        *self.listening.bind.of(self.mode())
    }

    /// The trusted proxies.
    #[must_use]
    pub fn trusted_proxies(&self) -> &IpNetworks {
        self.listening.trusted_proxies.of(self.mode())
    }
}
