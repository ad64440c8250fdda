//! Checks through the public URL: the name, TLS, and what a browser gets.

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::Finding;
use super::client::{Certificate, Failure, Request, Response, Site};
use super::examination::{Check, Examination, NoFront, unreached};
use crate::config::{MailTarget, PageUrl};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "public-url",
        looks_at: "whether the public URL leads to this service",
        run: public_url,
    },
    Check {
        name: "certificate",
        looks_at: "whether browsers accept the certificates, and for how long",
        run: certificate,
    },
    Check {
        name: "http-redirect",
        looks_at: "whether plain http leads to https",
        run: http_redirect,
    },
    Check {
        name: "hsts",
        looks_at: "whether browsers keep to https (HSTS)",
        run: hsts,
    },
    Check {
        name: "cookies",
        looks_at: "the session cookie as a browser gets it",
        run: cookies,
    },
    Check {
        name: "headers",
        looks_at: "the headers that protect the login page, as a browser gets them",
        run: headers,
    },
    Check {
        name: "public-pages",
        looks_at: "whether the pages before a login are reachable without one",
        run: public_pages,
    },
    Check {
        name: "clock",
        looks_at: "the clock of this machine beside that of the public URL",
        run: clock,
    },
];

fn public_url(examination: &Examination<'_>) -> Vec<Finding> {
    let finding = match examination.front() {
        Ok(_) => return Vec::new(),
        Err(NoFront::NoPublicUrl) => Finding::skipped(
            "there is no public URL",
            "set --public-url (BIENVENUE_PUBLIC_URL) before going live",
        ),
        Err(NoFront::Failed(failure)) => Finding::error(failure.to_string(), remedy_of(failure)),
        Err(NoFront::Other(response)) if response.is_of_a_proxy_alone() => Finding::error(
            format!(
                "the proxy answers {}: it does not reach the service",
                response.status
            ),
            "start the service, and compare the address in the proxy's configuration with --bind",
        ),
        Err(NoFront::Other(response)) => Finding::error(
            format!(
                "the public URL answers {} and is not this service",
                response.status
            ),
            "let the proxy pass the requests of this host to the service, or correct --public-url \
             (BIENVENUE_PUBLIC_URL)",
        ),
    };
    vec![finding]
}

fn remedy_of(failure: &Failure) -> &'static str {
    match failure {
        Failure::NoAddress(_) => "publish a DNS record for the name, or correct --public-url",
        Failure::Unreachable(..) => "start the proxy, and open its port in the firewall",
        Failure::Tls(..) => "let the proxy listen with TLS on this port, and give it a certificate",
        Failure::NoResponse(..) => "let the proxy speak HTTP on this port; read its error log",
    }
}

/// A certificate that is valid for fewer days is not renewed by itself.
const FEW_DAYS: i64 = 14;

fn certificate(examination: &Examination<'_>) -> Vec<Finding> {
    let origins = examination.origins();
    if origins.is_empty() {
        return unreached();
    }
    let mut findings = Vec::new();
    for origin in origins {
        let Some(site) = Site::of(&origin).filter(|site| site.is_https) else {
            continue;
        };
        match examination.client.send(&site, Request::get("/healthz")) {
            Ok(response) => match &response.certificate {
                Some(seen) => findings.extend(judge(&site.host, seen)),
                None => findings.push(Finding::skipped(
                    "the system has no root certificates",
                    "install the package ca-certificates",
                )),
            },
            Err(failure) => findings.push(Finding::error(
                format!("{}: {failure}", site.host),
                remedy_of(&failure),
            )),
        }
    }
    findings
}

fn judge(host: &str, seen: &Certificate) -> Option<Finding> {
    if let Some(reason) = &seen.refused {
        return Some(Finding::error(
            format!("browsers refuse the certificate of {host}: {reason}"),
            "get a certificate for this name, with its chain, from an issuer that browsers know",
        ));
    }
    let days = seen.days.filter(|days| *days < FEW_DAYS)?;
    Some(Finding::warning(
        format!("the certificate of {host} expires in {days} days"),
        "renew it, and let the proxy load it; see why it was not renewed by itself",
    ))
}

fn http_redirect(examination: &Examination<'_>) -> Vec<Finding> {
    let origins = examination.origins();
    if origins.is_empty() {
        return unreached();
    }
    let mut findings = Vec::new();
    for origin in origins {
        let Some(plain) = Site::of(&origin).and_then(|site| site.plain()) else {
            continue;
        };
        // No answer is right too: then nothing is sent over plain http.
        let Ok(response) = examination.client.send(&plain, Request::get("/login")) else {
            continue;
        };
        let is_refused = response.status >= 400 && response.header("x-request-id").is_none();
        if response.leads_to("https://") || is_refused {
            continue;
        }
        findings.push(Finding::error(
            format!(
                "http://{} answers {} instead of leading to https",
                plain.host, response.status
            ),
            "let the proxy redirect port 80 to https with 301",
        ));
    }
    findings
}

/// Half a year, in seconds.
const SHORT_HSTS: u64 = 182 * 24 * 3600;

fn hsts(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(front) = examination.front() else {
        return unreached();
    };
    if !front.site.is_https {
        return Vec::new();
    }
    let values: Vec<&str> = front.health.all("strict-transport-security").collect();
    let seconds = |value: &str| {
        let mut parts = value.split(';').map(str::trim);
        parts.find_map(|part| {
            part.strip_prefix("max-age=")?
                .trim_matches('"')
                .parse()
                .ok()
        })
    };
    // Browsers read the first line alone (RFC 6797, 8.1).
    let age: Option<u64> = values.first().and_then(|value| seconds(value));
    let finding = match age {
        Some(age) if age >= SHORT_HSTS => return Vec::new(),
        Some(age) => format!("browsers keep to https for {age} seconds only"),
        None => "browsers do not keep to https: the header is missing".to_owned(),
    };
    vec![Finding::warning(
        finding,
        "let the proxy pass on the service's Strict-Transport-Security, and add none of its own",
    )]
}

fn cookies(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(front) = examination.front() else {
        return unreached();
    };
    if !examination.config.pages.pages {
        return vec![Finding::skipped(
            "--pages is off, and no other answer without a login sets a cookie",
            "look at the session cookie in a browser: Secure, HttpOnly, SameSite=Lax, Path=/",
        )];
    }
    // A logout without a session sets an empty cookie with all attributes.
    let Some(response) = examination.ask("/logout", Request::post("/logout")) else {
        return unreached();
    };
    let remedy = "let the proxy pass on Set-Cookie as it is";
    let mut cookies = response.all("set-cookie");
    let Some(cookie) = cookies.find(|cookie| cookie.starts_with("session_id=")) else {
        return vec![Finding::error(
            format!("a logout answers {} and sets no cookie", response.status),
            remedy,
        )];
    };
    missing_attributes(cookie, front.site.is_https)
        .into_iter()
        .map(|wrong| Finding::error(format!("the session cookie {wrong}"), remedy))
        .collect()
}

/// What is wrong with the attributes of a cookie.
pub(super) fn missing_attributes(cookie: &str, is_https: bool) -> Vec<String> {
    let attributes: Vec<String> = cookie
        .split(';')
        .skip(1)
        .map(|attribute| attribute.trim().to_ascii_lowercase())
        .collect();
    let has = |wanted: &str| attributes.iter().any(|attribute| attribute == wanted);
    let mut wrong = Vec::new();
    for (wanted, is_needed) in [
        ("Secure", is_https),
        ("HttpOnly", true),
        ("SameSite=Lax", true),
        ("Path=/", true),
    ] {
        if is_needed && !has(&wanted.to_ascii_lowercase()) {
            wrong.push(format!("is not {wanted}"));
        }
    }
    if attributes
        .iter()
        .any(|attribute| attribute.starts_with("domain="))
    {
        wrong.push("has a Domain, so that other hosts get it".to_owned());
    }
    wrong
}

fn headers(examination: &Examination<'_>) -> Vec<Finding> {
    let Some(response) = examination.ask("/login", Request::get("/login")) else {
        return unreached();
    };
    let wanted = [
        (
            "cache-control",
            "no-store",
            "a cache may keep pages of users",
        ),
        (
            "content-security-policy",
            "frame-ancestors 'none'",
            "other sites may frame the page",
        ),
        (
            "x-content-type-options",
            "nosniff",
            "browsers may guess the type of an answer",
        ),
        (
            "referrer-policy",
            "",
            "addresses with tokens may reach other sites",
        ),
    ];
    wanted
        .into_iter()
        .filter(|(name, value, _)| {
            let mut lines = response.all(name);
            !lines.any(|line| line.contains(value))
        })
        .map(|(name, value, consequence)| {
            Finding::warning(
                format!("the header {name} of /login is missing or another one: {consequence}"),
                format!("let the proxy pass on the service's header ({name}: {value})"),
            )
        })
        .collect()
}

fn public_pages(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(front) = examination.front() else {
        return unreached();
    };
    let config = examination.config;
    let is_own = config.pages.pages && front.prefix.is_empty();
    let own: &[&str] = if is_own {
        &[
            "/login",
            "/forgot",
            "/reset?token=x",
            "/verify-email?token=x",
        ]
    } else {
        // The application's own pages, which its proxy has to leave open.
        &["/login"]
    };
    let mut findings = Vec::new();
    for path in own {
        match examination.client.send(&front.site, Request::get(path)) {
            Ok(response) if is_closed(&response) => {
                findings.push(Finding::error(
                    format!("{path} answers {} without a login", response.status),
                    "let the proxy pass on this path without asking for a login",
                ));
            }
            Ok(response) if response.status >= 500 || (is_own && response.status == 404) => {
                findings.push(Finding::error(
                    format!("{path} answers {}", response.status),
                    "let the proxy pass on this path to the service",
                ));
            }
            Ok(_) | Err(_) => {}
        }
    }
    if !matches!(config.accounts.mail, Some(MailTarget::Server(_))) {
        return findings;
    }
    let pages = [
        ("--reset-page", &config.accounts.reset_page),
        ("--verify-page", &config.accounts.verify_page),
    ];
    for (setting, page) in pages {
        let Some(url) = page.as_ref().map(PageUrl::get) else {
            continue;
        };
        let site = url.host_str().zip(url.port_or_known_default());
        let Some((host, port)) = site else { continue };
        let site = Site {
            is_https: url.scheme() == "https",
            host: host.to_owned(),
            port,
        };
        let path = &url[url::Position::BeforePath..];
        let finding = match examination.client.send(&site, Request::get(path)) {
            Ok(response) if response.status < 400 => continue,
            Ok(response) => format!("the page of {setting} answers {}", response.status),
            Err(failure) => format!("the page of {setting}: {failure}"),
        };
        findings.push(Finding::error(
            finding,
            "correct the setting, or the application: links in mails lead there",
        ));
    }
    findings
}

/// Whether a path is answered as if it needed a login.
fn is_closed(response: &Response) -> bool {
    let location = response.header("location").unwrap_or_default();
    matches!(response.status, 401 | 403) || response.is_redirect() && location.contains("/login")
}

/// How far two clocks may differ, in seconds: codes of authenticator apps are valid for 30.
const APART: i64 = 20;

fn clock(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(front) = examination.front() else {
        return unreached();
    };
    let told = front
        .health
        .header("date")
        .and_then(|text| rfc2822::parse(text).ok());
    let Some(told) = told else {
        return vec![Finding::skipped(
            "the public URL sends no Date header",
            "compare the clock of this machine by `timedatectl`",
        )];
    };
    let apart = Timestamp::now().as_second() - told.timestamp().as_second();
    if apart.abs() <= APART {
        return Vec::new();
    }
    vec![Finding::warning(
        format!("the clock of this machine and that of the public URL differ by {apart} seconds"),
        "synchronize both clocks (`timedatectl set-ntp true`): codes of authenticator apps depend \
         on them",
    )]
}
