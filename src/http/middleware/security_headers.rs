//! The security headers of every response.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CROSS_ORIGIN_OPENER_POLICY,
    CROSS_ORIGIN_RESOURCE_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};

use crate::domain::Origin;
use crate::http::content_kind::ContentKind;

/// The security headers of every answer (OWASP ASVS 5.0.0, chapter 3.4), on errors too.
const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
];

const API: [(HeaderName, HeaderValue); 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CROSS_ORIGIN_OPENER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
];

const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
                           frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// What a page with the script for passkeys needs beside it.
const SCRIPT_POLICY: &str = "; script-src 'self'; connect-src 'self'";

/// No opener policy: it breaks logins in a pop-up. The referrer is for this service alone; with
/// `no-referrer` browsers would send `Origin: null` with the page's own form.
const PAGE: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(PAGE_POLICY),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
];

/// An SVG that is opened by itself runs nothing.
const ASSET: [(HeaderName, HeaderValue); 3] = [
    (
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    ),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; \
             base-uri 'none'; sandbox",
        ),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// Adds the headers to a response; `https` adds `Strict-Transport-Security`.
pub(crate) fn set_security_headers(headers: &mut HeaderMap, kind: &ContentKind, https: bool) {
    let own: &[_] = match kind {
        ContentKind::Api => &API,
        ContentKind::Page { .. } => &PAGE,
        ContentKind::Asset => &ASSET,
    };
    for (name, value) in ALWAYS.iter().chain(own) {
        headers.insert(name.clone(), value.clone());
    }
    if let ContentKind::Page {
        leads_to,
        has_script,
    } = kind
        && (leads_to.is_some() || *has_script)
    {
        // Browsers hold the redirect after a form to `form-action`, too.
        let leads_to = leads_to.as_ref().map_or("", Origin::as_str);
        let script = if *has_script { SCRIPT_POLICY } else { "" };
        if let Ok(policy) = HeaderValue::try_from(format!("{PAGE_POLICY} {leads_to}{script}")) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
    }
    if https {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
}
