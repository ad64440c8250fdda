//! Checks of the proxy: what it tells the service about clients, and what it leaves reachable.

use std::net::IpAddr;

use serde::Deserialize;
use uuid::Uuid;

use super::Finding;
use super::client::{Request, Site};
use super::examination::{Check, Examination, unreached};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "client-address",
        looks_at: "whether the service sees the address of a client, and no forged one",
        run: client_address,
    },
    Check {
        name: "direct-access",
        looks_at: "whether the service and the ops listener are reachable without the proxy",
        run: direct_access,
    },
];

/// An address of documentation (RFC 5737), which no client has.
const FORGED: &str = "203.0.113.77";

/// The answer of the ops listener.
#[derive(Debug, Deserialize)]
struct SeenClient {
    peer: IpAddr,
    client: IpAddr,
    is_peer_trusted: bool,
    has_forwarded_headers: bool,
    has_conflict: bool,
}

fn client_address(examination: &Examination<'_>) -> Vec<Finding> {
    if examination.front().is_err() {
        return unreached();
    }
    let Some(bind) = examination.config.listening.operator_bind else {
        return vec![Finding::skipped(
            "only the ops listener says which address the service sees, and there is none",
            "set --operator-bind (BIENVENUE_OPERATOR_BIND) to 127.0.0.1:9100",
        )];
    };
    let ops = Site {
        is_https: false,
        host: bind.ip().to_string(),
        port: bind.port(),
    };
    let Some(seen) = probe(examination, &ops, &[]) else {
        return vec![Finding::note(
            format!(
                "the ops listener at {bind} does not know the request: another instance answered, \
                 or the service has other settings"
            ),
            "run the doctor beside the instance that the proxy uses, with its settings",
        )];
    };
    let peer = seen.peer;
    let mut findings = Vec::new();
    if !seen.is_peer_trusted {
        findings.push(Finding::error(
            format!("the proxy at {peer} is not trusted: all clients share its rate limits"),
            format!("add {peer} to --trusted-proxies (BIENVENUE_TRUSTED_PROXIES)"),
        ));
    } else if !seen.has_forwarded_headers {
        findings.push(Finding::error(
            format!("the proxy at {peer} does not send the client's address"),
            "let the proxy set X-Forwarded-For to the client's address",
        ));
    }
    for header in ["X-Forwarded-For", "Forwarded"] {
        let value = if header == "Forwarded" {
            format!("for={FORGED}")
        } else {
            FORGED.to_owned()
        };
        let Some(seen) = probe(examination, &ops, &[(header, &value)]) else {
            continue;
        };
        if seen.client.to_string() == FORGED {
            findings.push(Finding::error(
                format!("a client that sends {header} chooses the address that the service sees"),
                format!("let the proxy replace the client's {header}, or remove it"),
            ));
        } else if seen.has_conflict {
            findings.push(Finding::warning(
                format!("a client that sends {header} is seen with the address of the proxy"),
                format!("let the proxy remove the client's {header}"),
            ));
        }
    }
    findings
}

/// Sends a request through the proxy, and asks the ops listener what the service saw.
fn probe(
    examination: &Examination<'_>,
    ops: &Site,
    headers: &[(&str, &str)],
) -> Option<SeenClient> {
    let id = Uuid::new_v4().to_string();
    let mut all = vec![("Bienvenue-Probe", id.as_str())];
    all.extend(headers);
    examination.ask("/healthz", Request::get("/healthz").with(&all))?;
    let path = format!("/probes/{id}");
    let seen = examination.here.send(ops, Request::get(&path)).ok()?;
    serde_json::from_str(&seen.body).ok()
}

fn direct_access(examination: &Examination<'_>) -> Vec<Finding> {
    let Some(public) = examination.public_site().filter(|site| site.is_https) else {
        return Vec::new();
    };
    let config = examination.config;
    let at = |port: u16| Site {
        is_https: false,
        host: public.host.clone(),
        port,
    };
    let mut findings = Vec::new();
    let service = at(config.bind().port());
    let health = examination.client.send(&service, Request::get("/healthz"));
    if health.is_ok_and(|response| response.body.contains(r#""message":"serving""#)) {
        findings.push(Finding::error(
            format!(
                "the service is reachable without the proxy at http://{}:{}",
                service.host, service.port
            ),
            "listen on loopback (--bind 127.0.0.1:5000), or admit only the proxy by a firewall",
        ));
    }
    let Some(bind) = config.listening.operator_bind else {
        return findings;
    };
    let ops = at(bind.port());
    let metrics = examination.client.send(&ops, Request::get("/metrics"));
    if metrics.is_ok_and(|response| response.body.contains("bienvenue_")) {
        findings.push(Finding::error(
            format!(
                "the ops listener is reachable at http://{}:{}",
                ops.host, ops.port
            ),
            "set --operator-bind to a loopback address, or admit only your machines by a firewall",
        ));
    }
    findings
}
