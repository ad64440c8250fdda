//! How the service saw the client of a request of `bienvenue doctor`, for the ops listener.
//!
//! The doctor sends `GET /healthz` through the proxy, with an id in a header, and asks the ops
//! listener afterwards. Clients learn nothing, and can at most push the doctor's ids out.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use actix_web::http::header::HeaderMap;
use serde::Serialize;
use uuid::Uuid;

/// The header with the id.
const PROBE: &str = "bienvenue-probe";

/// How many probes are kept.
const KEPT: usize = 32;

/// The client of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct SeenClient {
    /// The other end of the connection.
    pub(crate) peer: IpAddr,
    /// The client, after the headers of trusted proxies.
    pub(crate) client: IpAddr,
    /// Whether the other end is in `--trusted-proxies`.
    pub(crate) is_peer_trusted: bool,
    /// Whether the request has `X-Forwarded-For` or `Forwarded`.
    pub(crate) has_forwarded_headers: bool,
    /// Whether the two headers name different clients, so that the proxy counts as the client.
    pub(crate) has_conflict: bool,
}

/// The latest probes.
#[derive(Debug, Default)]
pub(crate) struct Probes(Mutex<VecDeque<(Uuid, SeenClient)>>);

impl Probes {
    /// The id of the probe that a request is, if it is one.
    pub(crate) fn id(headers: &HeaderMap) -> Option<Uuid> {
        let text = headers.get(PROBE)?.to_str().ok()?;
        Uuid::try_parse(text).ok()
    }

    pub(crate) fn keep(&self, id: Uuid, seen: SeenClient) {
        let mut probes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if probes.len() >= KEPT {
            probes.pop_front();
        }
        probes.push_back((id, seen));
    }

    pub(crate) fn find(&self, id: Uuid) -> Option<SeenClient> {
        let probes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        probes
            .iter()
            .find(|(kept, _)| *kept == id)
            .map(|(_, seen)| *seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_probes_are_kept() {
        let probes = Probes::default();
        let client = IpAddr::from([192, 0, 2, 1]);
        let seen = SeenClient {
            peer: client,
            client,
            is_peer_trusted: false,
            has_forwarded_headers: false,
            has_conflict: false,
        };
        let ids: Vec<Uuid> = (0..=KEPT).map(|_| Uuid::new_v4()).collect();
        for id in &ids {
            probes.keep(*id, seen);
        }
        assert_eq!(probes.find(ids[0]), None);
        assert_eq!(probes.find(ids[1]), Some(seen));
        assert_eq!(probes.find(ids[KEPT]), Some(seen));
    }
}
