use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::{Error, FromRequest, HttpRequest, web};

use super::{HttpSettings, device_cookie};
use crate::domain::{Client, ClientAddress};

/// The connection's other end. What a proxy says about who is behind it is not believed.
impl FromRequest for Client {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let address = request
            .peer_addr()
            .map(|peer| ClientAddress::new(peer.ip()));
        let user_agent = request.headers().get(USER_AGENT);
        let user_agent = user_agent.and_then(|value| value.to_str().ok());
        let settings = request.app_data::<web::Data<HttpSettings>>();
        let device = settings.and_then(|settings| device_cookie::shown(request, settings));
        ready(Ok(Self::new(address, user_agent).with_device(device)))
    }
}
