//! The client of a request: address, user agent, device.

use std::future::{Ready, ready};
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::Payload;
use actix_web::http::header::{FORWARDED, HeaderName, HeaderValue, USER_AGENT, X_FORWARDED_FOR};
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, web};

use super::device_cookie;
use super::forwarded::{self, ForwardedHeaders};
use crate::domain::{Client, ClientAddress, Networks, RequestId};
use crate::http::HttpSettings;

/// The proxies in front, and what has been said about them in the log.
#[derive(Debug)]
pub(crate) struct TrustedProxies {
    trusted: Networks,
    untrusted_warned: AtomicBool,
    conflict_warned: AtomicBool,
}

impl TrustedProxies {
    pub(crate) fn new(trusted: Networks) -> Self {
        Self {
            trusted,
            untrusted_warned: AtomicBool::new(false),
            conflict_warned: AtomicBool::new(false),
        }
    }

    fn client(&self, peer: ClientAddress, request: &HttpRequest) -> ClientAddress {
        let headers = ForwardedHeaders {
            forwarded: lines(request, &FORWARDED),
            x_forwarded_for: lines(request, &X_FORWARDED_FOR),
        };
        if headers.is_empty() {
            return peer;
        }
        if !self.trusted.contains(peer) {
            if !self.untrusted_warned.swap(true, Ordering::Relaxed) {
                log::warn!(
                    "{peer} sent a header that says on whose behalf it asks (X-Forwarded-For or \
                     Forwarded). It is none of --trusted-proxies, so this is ignored, here and \
                     whenever it happens again. If {peer} is your proxy, name it there"
                );
            }
            return peer;
        }
        forwarded::client_address(peer, &headers, &self.trusted).unwrap_or_else(|conflict| {
            if !self.conflict_warned.swap(true, Ordering::Relaxed) {
                log::warn!(
                    "{conflict}; {peer} itself is taken for the client, here and whenever it \
                     happens again. Let the proxy remove the header that it does not write"
                );
            }
            peer
        })
    }
}

/// Where a request comes from: the connection's other end, or, if that is a trusted proxy,
/// the client that it names. None where there is no connection, as in a test.
pub(crate) fn address(request: &HttpRequest) -> Option<ClientAddress> {
    let peer = ClientAddress::new(request.peer_addr()?.ip());
    let proxies = request.app_data::<web::Data<TrustedProxies>>();
    Some(proxies.map_or(peer, |proxies| proxies.client(peer, request)))
}

/// Whether the connection's other end is a trusted proxy.
pub(super) fn is_from_trusted_proxy(request: &HttpRequest) -> bool {
    let proxies = request.app_data::<web::Data<TrustedProxies>>();
    let peer = request
        .peer_addr()
        .map(|peer| ClientAddress::new(peer.ip()));
    let trusted = proxies.zip(peer);
    trusted.is_some_and(|(proxies, peer)| proxies.trusted.contains(peer))
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
        let request_id = request.extensions().get::<RequestId>().cloned();
        let settings = request.app_data::<web::Data<HttpSettings>>();
        let device = settings.and_then(|settings| device_cookie::read(request, settings));
        ready(Ok(Self::new(address(request), user_agent)
            .with_device(device)
            .asking(request_id)))
    }
}
