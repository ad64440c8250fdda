use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};

use crate::domain::{Client, ClientAddress, RequestId};

/// The connection's other end. What a proxy says about who is behind it is not believed.
pub(super) fn address(request: &HttpRequest) -> Option<ClientAddress> {
    request
        .peer_addr()
        .map(|peer| ClientAddress::new(peer.ip()))
}

impl FromRequest for Client {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let user_agent = request.headers().get(USER_AGENT);
        let user_agent = user_agent.and_then(|value| value.to_str().ok());
        let request_id = request.extensions().get::<RequestId>().cloned();
        ready(Ok(
            Self::new(address(request), user_agent).asking(request_id)
        ))
    }
}
