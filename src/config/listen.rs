//! Settings of the listener, proxies and origins.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;

use super::Config;
use super::parsers::{Origins, PublicUrl, socket_address};
use crate::domain::IpNetworks;

/// The settings of the listener, proxies and origins.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Listening")]
pub struct Listening {
    /// Address and port to listen on; port 0 selects a free one. Not used with socket activation
    /// [default: 0.0.0.0:5000, or 127.0.0.1:5000 with an https --public-url]
    #[arg(long, env = "BIENVENUE_BIND", value_name = "ADDRESS:PORT", value_parser = socket_address)]
    pub bind: Option<SocketAddr>,

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

    /// Proxies whose X-Forwarded-For or Forwarded header is used: networks, comma-separated
    /// [default: none, or loopback with an https --public-url]
    #[arg(long, env = "BIENVENUE_TRUSTED_PROXIES", value_name = "CIDR,..")]
    pub trusted_proxies: Option<IpNetworks>,

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

impl Config {
    /// The address to listen on. The default in production mode is loopback, for a proxy on this
    /// machine.
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

    /// The trusted proxies. The default in production mode is loopback, for a proxy on this
    /// machine.
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
