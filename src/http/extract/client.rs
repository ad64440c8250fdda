use std::future::{Ready, ready};
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::Payload;
use actix_web::http::header::{FORWARDED, HeaderName, HeaderValue, USER_AGENT, X_FORWARDED_FOR};
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, web};

use super::device_cookie;
use super::forwarded::{self, Told};
use crate::domain::{Client, ClientAddress, Networks, RequestId};
use crate::http::HttpSettings;

/// The proxies in front, and what has been said about them in the log.
#[derive(Debug)]
pub(crate) struct Proxies {
    trusted: Networks,
    untrusted_told: AtomicBool,
    disagreement_told: AtomicBool,
}

impl Proxies {
    pub(crate) fn new(trusted: Networks) -> Self {
        Self {
            trusted,
            untrusted_told: AtomicBool::new(false),
            disagreement_told: AtomicBool::new(false),
        }
    }

    fn client(&self, peer: ClientAddress, request: &HttpRequest) -> ClientAddress {
        let told = Told {
            forwarded: lines(request, &FORWARDED),
            x_forwarded_for: lines(request, &X_FORWARDED_FOR),
        };
        if told.is_nothing() {
            return peer;
        }
        if !self.trusted.contains(peer) {
            if !self.untrusted_told.swap(true, Ordering::Relaxed) {
                log::warn!(
                    "{peer} sent a header that says on whose behalf it asks (X-Forwarded-For or \
                     Forwarded). It is none of --trusted-proxies, so this is ignored, here and \
                     whenever it happens again. If {peer} is your proxy, name it there"
                );
            }
            return peer;
        }
        forwarded::client_address(peer, &told, &self.trusted).unwrap_or_else(|disagreement| {
            if !self.disagreement_told.swap(true, Ordering::Relaxed) {
                log::warn!(
                    "{disagreement}; {peer} itself is taken for the client, here and whenever it \
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
    let proxies = request.app_data::<web::Data<Proxies>>();
    Some(proxies.map_or(peer, |proxies| proxies.client(peer, request)))
}

/// Whether the connection's other end is a trusted proxy.
pub(super) fn is_from_trusted_proxy(request: &HttpRequest) -> bool {
    let proxies = request.app_data::<web::Data<Proxies>>();
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
        let device = settings.and_then(|settings| device_cookie::shown(request, settings));
        ready(Ok(Self::new(address(request), user_agent)
            .with_device(device)
            .asking(request_id)))
    }
}
