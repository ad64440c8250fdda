//! Attacks on the deployment through its public URL, as a stranger makes them. They open no session,
//! send no mail and change nothing.

use super::Finding;
use super::client::{Request, Response, Site};
use super::examination::{Check, Examination, unreached};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "open-redirect",
        looks_at: "whether a link to this host can lead to a foreign one",
        run: open_redirect,
    },
    Check {
        name: "host-header",
        looks_at: "whether a client chooses the host in links and redirects",
        run: host_header,
    },
    Check {
        name: "cross-site-post",
        looks_at: "whether a foreign page can post forms to the service",
        run: cross_site_post,
    },
    Check {
        name: "plain-http",
        looks_at: "whether cookies and pages are sent over plain http",
        run: plain_http,
    },
    Check {
        name: "hidden-paths",
        looks_at: "whether paths of operators and developers are reachable",
        run: hidden_paths,
    },
    Check {
        name: "large-requests",
        looks_at: "whether requests with large headers are refused",
        run: large_requests,
    },
];

/// A host that is none of ours (RFC 2606).
const FOREIGN: &str = "attacker.invalid";

/// Spellings of a foreign URL for `next`, encoded.
const NEXTS: [&str; 6] = [
    "https%3A%2F%2Fattacker.invalid%2F",
    "%2F%2Fattacker.invalid%2F",
    "%2F%5Cattacker.invalid%2F",
    "%2F%09%2Fattacker.invalid%2F",
    "https%3Aattacker.invalid",
    "%2F%252Fattacker.invalid%2F..%2F",
];

/// Paths that a careless redirect treats as another host.
const PATHS: [&str; 4] = [
    "//attacker.invalid/",
    "//attacker.invalid/%2e%2e",
    "/%5Cattacker.invalid/",
    "/%2F%2Fattacker.invalid/",
];

/// Whether a browser would leave for the foreign host.
fn leaves(response: &Response) -> bool {
    let location = response.header("location").unwrap_or_default();
    let location = location.replace('\\', "/");
    let rest = location.split_once("//");
    let before = |rest: &str| rest.split(['?', '#']).next().unwrap_or_default().to_owned();
    let starts_there = rest.is_some_and(|(scheme, rest)| {
        let is_start = scheme.is_empty() || scheme.ends_with(':');
        is_start && before(rest).contains(FOREIGN)
    });
    response.is_redirect() && (starts_there || location.starts_with("https:attacker"))
}

fn open_redirect(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(front) = examination.front() else {
        return unreached();
    };
    let mut findings = Vec::new();
    for next in NEXTS {
        let path = format!("/logout?next={next}");
        let left = examination.ask(&path, Request::post(&path));
        if left.is_some_and(|response| leaves(&response)) {
            findings.push(Finding::error(
                format!("POST /logout?next={next} leads to the foreign host"),
                "let the proxy pass on queries and Location as they are",
            ));
        }
    }
    for path in PATHS {
        let answer = examination.client.send(&front.site, Request::get(path));
        if answer.is_ok_and(|response| leaves(&response)) {
            findings.push(Finding::error(
                format!("{path} leads to the foreign host"),
                "let the proxy build redirects from the host and the path of the URL, not from \
                 the path alone",
            ));
        }
    }
    findings
}

fn host_header(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(front) = examination.front() else {
        return unreached();
    };
    let forgeries: [&[(&str, &str)]; 3] = [
        &[("Host", FOREIGN), ("Accept", "text/html")],
        &[("X-Forwarded-Host", FOREIGN), ("Accept", "text/html")],
        &[
            ("X-Original-URL", "https://attacker.invalid/"),
            ("Accept", "text/html"),
        ],
    ];
    let mut findings = Vec::new();
    for forgery in forgeries {
        for path in [
            "/account",
            "/login",
            "/forgot",
            "/.bienvenue/logout",
            "/verify/redirect",
        ] {
            let path = format!("{}{path}", front.prefix);
            let answer = examination
                .client
                .send(&front.site, Request::get(&path).with(forgery));
            let Ok(answer) = answer else { continue };
            if leaves(&answer) || answer.status == 200 && answer.body.contains(FOREIGN) {
                let name = forgery.first().map_or("", |(name, _)| *name);
                findings.push(Finding::error(
                    format!("{path} has the host that a client sends in {name}"),
                    "set --public-url (BIENVENUE_PUBLIC_URL), and let the proxy refuse hosts that \
                     it does not know",
                ));
            }
        }
    }
    findings
}

fn cross_site_post(examination: &Examination<'_>) -> Vec<Finding> {
    let forgeries: [&[(&str, &str)]; 3] = [
        &[("Origin", "https://attacker.invalid")],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "cross-site")],
    ];
    let mut findings = Vec::new();
    for forgery in forgeries {
        // Without a field, no attempt is counted.
        let Some(answer) = examination.ask("/sessions", Request::post("").with(forgery)) else {
            return unreached();
        };
        if answer.status != 403 {
            let (name, value) = forgery.first().copied().unwrap_or_default();
            findings.push(Finding::error(
                format!("a post from a foreign page ({name}: {value}) is not refused"),
                format!("let the proxy pass on the header {name} as the browser sends it"),
            ));
        }
    }
    findings
}

fn plain_http(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(front) = examination.front() else {
        return unreached();
    };
    let Some(plain) = front.site.plain() else {
        return Vec::new();
    };
    let path = format!("{}/logout", front.prefix);
    let Ok(answer) = examination.client.send(&plain, Request::post(&path)) else {
        return Vec::new();
    };
    let is_cookie = answer.all("set-cookie").next().is_some();
    if !is_cookie && answer.header("x-request-id").is_none() {
        return Vec::new();
    }
    vec![Finding::error(
        format!(
            "the service answers at http://{}: passwords can be read on the way",
            plain.host
        ),
        "let the proxy redirect port 80 to https, and pass nothing on from there",
    )]
}

fn hidden_paths(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(front) = examination.front() else {
        return unreached();
    };
    let apps: Vec<Site> = examination.apps().iter().filter_map(Site::of).collect();
    let mut findings = Vec::new();
    let mut look = |site: &Site, path: &str, sign: &str, remedy: &str| {
        let answer = examination.client.send(site, Request::get(path));
        if answer.is_ok_and(|response| response.status == 200 && response.body.contains(sign)) {
            findings.push(Finding::error(
                format!("https://{}{path} is reachable", site.authority()),
                remedy,
            ));
        }
    };
    for prefix in ["", front.prefix] {
        look(
            &front.site,
            &format!("{prefix}/metrics"),
            "bienvenue_",
            "let the proxy pass nothing on to the ops listener",
        );
        look(
            &front.site,
            &format!("{prefix}/development/mails"),
            "<html",
            "set an https --public-url: the page is for development mode alone",
        );
    }
    for site in &apps {
        look(
            site,
            "/.bienvenue/verify",
            "",
            "let the proxy answer this path itself (`internal` with nginx)",
        );
    }
    findings
}

/// The size of a header that no browser sends.
const LARGE: usize = 64 << 10;

fn large_requests(examination: &Examination<'_>) -> Vec<Finding> {
    if examination.front().is_err() {
        return unreached();
    }
    let large = "a".repeat(LARGE);
    let cookie = format!("session_id={large}");
    let forgeries: [&[(&str, &str)]; 2] = [&[("X-Large", &large)], &[("Cookie", &cookie)]];
    let mut findings = Vec::new();
    for forgery in forgeries {
        // A closed connection is a refusal too.
        let answer = examination.ask("/login", Request::get("").with(forgery));
        let Some(status) = answer.map(|answer| answer.status) else {
            continue;
        };
        if status >= 500 && status != 503 {
            let name = forgery.first().map_or("", |(name, _)| *name);
            findings.push(Finding::warning(
                format!("a request with 64 KiB in the header {name} is answered {status}"),
                "let the proxy limit headers to 32 KiB or less and answer 431",
            ));
        }
    }
    findings
}
