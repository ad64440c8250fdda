//! The page with the latest mails, in development mode. It shows live tokens, so it is only for
//! direct connections from this machine.

use actix_web::http::Version;
use actix_web::http::header::{
    FORWARDED, HOST, HeaderMap, HeaderName, VIA, X_FORWARDED_FOR, X_FORWARDED_HOST,
    X_FORWARDED_PROTO,
};
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::{Value, context};

use super::view::View;
use super::visit::Visit;
use crate::auth::{Auth, Mail};
use crate::http::HttpError;
use crate::http::error::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The headers by which a proxy shows itself.
const OF_PROXIES: [HeaderName; 9] = [
    FORWARDED,
    VIA,
    X_FORWARDED_FOR,
    X_FORWARDED_HOST,
    X_FORWARDED_PROTO,
    HeaderName::from_static("x-forwarded-uri"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-real-ip"),
];

/// `GET /development/mails`
pub(crate) async fn show(
    auth: web::Data<Auth>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let mails = auth.recent_mails().filter(|_| is_local(&request));
    let Some(mails) = mails else {
        return Err(visit.error(HttpError::NotFound));
    };
    let mails: Vec<Value> = mails.newest_first().iter().map(shown).collect();
    let view = View::new("development_mails.html", "development.title");
    visit.show(&view.wide().data(context! { mails }))
}

fn shown(mail: &Mail) -> Value {
    context! {
        to => mail.to.as_str(),
        subject => mail.subject.as_str(),
        link => mail.link(),
        text => mail.text.as_str(),
    }
}

/// Whether a client on this machine sent the request itself. A proxy shows itself by a header, or
/// by HTTP/1.0 (nginx); a page of another site, which may have pointed its name at this machine,
/// by the name in `Host`.
fn is_local(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let peer = request.peer_addr();
    peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback())
        && request.version() != Version::HTTP_10
        && !OF_PROXIES.iter().any(|name| headers.contains_key(name))
        && is_local_name(headers)
        && is_own_navigation(headers)
}

fn is_local_name(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|local| name.eq_ignore_ascii_case(local))
}

fn is_own_navigation(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE);
    sites.all(|site| site == "none" || site == "same-origin")
}
