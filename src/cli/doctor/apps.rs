//! Checks of the applications behind the proxy, as a client without a login sees them.

use super::Finding;
use super::client::{Request, Response, Site};
use super::examination::{Check, Examination, unreached};
use super::public::missing_attributes;
use crate::domain::Origin;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "applications",
        looks_at: "whether each application is closed to clients without a login",
        run: applications,
    },
    Check {
        name: "forged-identity",
        looks_at: "whether each application is closed to clients that send identity headers",
        run: forged_identity,
    },
    Check {
        name: "hand-over",
        looks_at: "whether a login can reach the host of each application",
        run: hand_over,
    },
];

const BROWSER: [(&str, &str); 2] = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")];
const PROGRAM: [(&str, &str); 1] = [("Accept", "*/*")];

/// Headers with which a client claims to be a user, or to ask for another URL.
const FORGERIES: [&[(&str, &str)]; 5] = [
    &[
        ("Remote-User", "1"),
        ("Remote-Email", "root@example.org"),
        ("Remote-Groups", "admins"),
        ("Remote-Auth-Level", "2"),
    ],
    &[("Remote_User", "1"), ("Remote_Email", "root@example.org")],
    &[("Connection", "close, Remote-User"), ("Remote-User", "1")],
    &[("X-Original-URL", "/login"), ("X-Forwarded-Uri", "/login")],
    &[
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Forwarded-Host", "evil.example"),
    ],
];

/// The hosts with an application: those of applications, and the service's own where an application
/// has it.
fn hosts(examination: &Examination<'_>) -> Vec<(Origin, Site)> {
    let shared = examination
        .front()
        .ok()
        .filter(|front| !front.prefix.is_empty());
    let own = shared.and_then(|_| Some(examination.public_url()?.origin().clone()));
    let apps = examination.apps().into_iter();
    own.into_iter()
        .chain(apps)
        .filter_map(|origin| Site::of(&origin).map(|site| (origin, site)))
        .collect()
}

fn is_open(response: &Response) -> bool {
    (200..300).contains(&response.status)
}

fn applications(examination: &Examination<'_>) -> Vec<Finding> {
    if examination.front().is_err() {
        return unreached();
    }
    let mut findings = Vec::new();
    for (origin, site) in hosts(examination) {
        let get = |headers| {
            examination
                .client
                .send(&site, Request::get("/").with(headers))
        };
        match get(&BROWSER) {
            Err(failure) => findings.push(Finding::error(
                format!("{origin}: {failure}"),
                "publish a DNS record for the host, and configure the proxy for it",
            )),
            Ok(page) => findings.extend(judge_page(examination, &origin, &page)),
        }
        let path = if site_is_shared(examination, &origin) {
            "/api/"
        } else {
            "/"
        };
        let program = examination
            .client
            .send(&site, Request::get(path).with(&PROGRAM));
        if let Ok(answer) = program
            && answer.is_redirect()
        {
            findings.push(Finding::warning(
                format!(
                    "{origin}{path} answers a program without a login with {} instead of 401",
                    answer.status
                ),
                format!("use the configuration that `bienvenue app show` prints for {origin}"),
            ));
        }
    }
    findings
}

/// Whether an origin is the service's own.
fn site_is_shared(examination: &Examination<'_>, origin: &Origin) -> bool {
    examination
        .public_url()
        .is_some_and(|url| url.origin() == origin)
}

fn judge_page(examination: &Examination<'_>, origin: &Origin, page: &Response) -> Option<Finding> {
    let remedy = format!("use the configuration that `bienvenue app show` prints for {origin}");
    if is_open(page) {
        return Some(Finding::error(
            format!("{origin} shows its page without a login: the proxy does not ask the service"),
            remedy,
        ));
    }
    if page.status >= 500 {
        return Some(Finding::error(
            format!(
                "{origin} answers {}: the proxy does not reach the service",
                page.status
            ),
            "compare the service's address in the proxy's configuration with --bind",
        ));
    }
    if page.status == 404 {
        return Some(Finding::error(
            format!("{origin} answers 404: the proxy has no configuration for this host"),
            remedy,
        ));
    }
    if site_is_shared(examination, origin) {
        return (!page.leads_to("/login")).then(|| {
            Finding::error(
                format!(
                    "{origin} answers {} instead of leading to /login",
                    page.status
                ),
                "use the files in deploy/ (docs/deploy.md, step 5)",
            )
        });
    }
    let own = examination.public_url()?.origin();
    if !page.leads_to(&format!("{own}/login")) {
        return Some(Finding::error(
            format!(
                "{origin} answers {} instead of leading to {own}/login: the service does not \
                 know which URL was asked for",
                page.status
            ),
            "let the proxy send X-Original-URL, and add the proxy to --trusted-proxies",
        ));
    }
    let location = page.header("location").unwrap_or_default();
    let host = origin
        .as_str()
        .split_once("://")
        .map_or("", |(_, host)| host);
    let named = host.replace(':', "%3A");
    (!location.contains(&named)).then(|| {
        Finding::error(
            format!("{origin} leads to a login for another host: {location}"),
            format!("let the proxy send X-Original-URL with {origin}"),
        )
    })
}

pub(super) fn forged_identity(examination: &Examination<'_>) -> Vec<Finding> {
    if examination.front().is_err() {
        return unreached();
    }
    let mut findings = Vec::new();
    for (origin, site) in hosts(examination) {
        let plain = examination
            .client
            .send(&site, Request::get("/").with(&PROGRAM));
        // An open application is a finding of its own.
        if plain.is_ok_and(|response| is_open(&response)) {
            continue;
        }
        for forgery in FORGERIES {
            let forged = examination
                .client
                .send(&site, Request::get("/").with(forgery));
            if forged.is_ok_and(|response| is_open(&response)) {
                let names: Vec<&str> = forgery.iter().map(|(name, _)| *name).collect();
                findings.push(Finding::error(
                    format!("{origin} opens to a client that sends {}", names.join(", ")),
                    format!(
                        "use the configuration that `bienvenue app show` prints for {origin}, \
                         which removes these headers"
                    ),
                ));
            }
        }
    }
    findings
}

fn hand_over(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(front) = examination.front() else {
        return unreached();
    };
    let mut findings = Vec::new();
    for (origin, site) in hosts(examination) {
        if site == front.site {
            continue;
        }
        let enter = Request::get("/.bienvenue/enter").with(&BROWSER);
        let entered = examination.client.send(&site, enter);
        // The service refuses it, because the browser has begun no login.
        let is_refused = |response: &Response| {
            !response.is_redirect() && response.header("bienvenue-error").is_some()
        };
        if entered.is_ok_and(|response| !is_refused(&response)) {
            findings.push(Finding::error(
                format!("{origin}/.bienvenue/ does not lead to the service: logins never end"),
                "let the proxy pass /.bienvenue/ on that host to the service",
            ));
        }
        let page = examination
            .client
            .send(&site, Request::get("/").with(&BROWSER));
        let Ok(page) = page else { continue };
        let mut cookies = page.all("set-cookie");
        let state = cookies.find(|cookie| cookie.contains("login_state="));
        let is_login = page
            .header("location")
            .is_some_and(|to| to.contains("/login"));
        let wrong = match state {
            Some(cookie) => missing_attributes(cookie, site.is_https),
            None if is_login => vec!["is not set".to_owned()],
            None => Vec::new(),
        };
        for wrong in wrong {
            findings.push(Finding::error(
                format!("{origin}: the cookie of the login state {wrong}"),
                "let the proxy pass on Set-Cookie as it is",
            ));
        }
    }
    findings
}
