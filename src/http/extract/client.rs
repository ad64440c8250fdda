//! Extracts the client of a request.

use std::future::{Ready, ready};
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::Payload;
use actix_web::http::header::{
    ACCEPT_LANGUAGE, FORWARDED, HeaderName, HeaderValue, USER_AGENT, X_FORWARDED_FOR,
};
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, web};

use super::device_cookie;
use super::forwarded::{self, ForwardedHeaders};
use crate::domain::{Client, ClientIp, IpNetworks, Language, RequestId};
use crate::http::HttpSettings;
use crate::http::probes::SeenClient;

/// The trusted proxies, and whether the log has warned about them.
#[derive(Debug)]
pub(crate) struct TrustedProxies {
    trusted: IpNetworks,
    untrusted_warned: AtomicBool,
    conflict_warned: AtomicBool,
}

impl TrustedProxies {
    pub(crate) fn new(trusted: IpNetworks) -> Self {
        Self {
            trusted,
            untrusted_warned: AtomicBool::new(false),
            conflict_warned: AtomicBool::new(false),
        }
    }

    fn client(&self, peer: ClientIp, request: &HttpRequest) -> ClientIp {
        let headers = forwarded_headers(request);
        if headers.is_empty() {
            return peer;
        }
        if !self.trusted.contains(peer) {
            if !self.untrusted_warned.swap(true, Ordering::Relaxed) {
                log::warn!(
                    "{peer} sent X-Forwarded-For or Forwarded, but it is not in --trusted-proxies: \
                     the header is ignored, and this is logged only once. If {peer} is your \
                     proxy, add it to --trusted-proxies"
                );
            }
            return peer;
        }
        forwarded::client_address(peer, &headers, &self.trusted).unwrap_or_else(|conflict| {
            if !self.conflict_warned.swap(true, Ordering::Relaxed) {
                log::warn!(
                    "{conflict}: the proxy {peer} itself counts as the client, and this is \
                     logged only once. Let the proxy remove the header that it does not set"
                );
            }
            peer
        })
    }
}

/// The address of a request's client: the peer of the connection or, if that is a trusted proxy,
/// the client that it names. None without a connection, as in tests.
pub(crate) fn address(request: &HttpRequest) -> Option<ClientIp> {
    let peer = ClientIp::new(request.peer_addr()?.ip());
    let proxies = request.app_data::<web::Data<TrustedProxies>>();
    Some(proxies.map_or(peer, |proxies| proxies.client(peer, request)))
}

/// How the service sees the client of a request. None without a connection.
pub(crate) fn seen(request: &HttpRequest) -> Option<SeenClient> {
    let peer = ClientIp::new(request.peer_addr()?.ip());
    let headers = forwarded_headers(request);
    let proxies = request.app_data::<web::Data<TrustedProxies>>()?;
    let named = forwarded::client_address(peer, &headers, &proxies.trusted);
    Some(SeenClient {
        peer: peer.get(),
        client: named.unwrap_or(peer).get(),
        is_peer_trusted: proxies.trusted.contains(peer),
        has_forwarded_headers: !headers.is_empty(),
        has_conflict: named.is_err(),
    })
}

/// Whether the connection's other end is a trusted proxy.
pub(super) fn is_from_trusted_proxy(request: &HttpRequest) -> bool {
    let proxies = request.app_data::<web::Data<TrustedProxies>>();
    let peer = request.peer_addr().map(|peer| ClientIp::new(peer.ip()));
    let trusted = proxies.zip(peer);
    trusted.is_some_and(|(proxies, peer)| proxies.trusted.contains(peer))
}

fn forwarded_headers(request: &HttpRequest) -> ForwardedHeaders<'_> {
    ForwardedHeaders {
        forwarded: lines(request, &FORWARDED),
        x_forwarded_for: lines(request, &X_FORWARDED_FOR),
    }
}

fn lines<'a>(request: &'a HttpRequest, name: &HeaderName) -> Vec<&'a [u8]> {
    let lines = request.headers().get_all(name);
    lines.map(HeaderValue::as_bytes).collect()
}

impl FromRequest for Client {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let user_agent = request.headers().get(USER_AGENT);
        let user_agent = user_agent.and_then(|value| value.to_str().ok());
        let language = request.headers().get(ACCEPT_LANGUAGE);
        let language = language.and_then(|value| value.to_str().ok());
        let request_id = request.extensions().get::<RequestId>().cloned();
        let settings = request.app_data::<web::Data<HttpSettings>>();
        let device = settings.and_then(|settings| device_cookie::read(request, settings));
        ready(Ok(Self::new(address(request), user_agent)
            .with_device(device)
            .with_request_id(request_id)
            .with_language(language.and_then(Language::asked_for))))
    }
}
