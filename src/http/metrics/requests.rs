//! Counts requests, and the outcomes of logins and registrations.

use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Metrics;
use crate::http::HttpError;
use crate::http::outcome::Outcome;

/// Upper bounds of request durations in seconds, from a lookup to a login with the longest wait.
const BUCKETS: [f64; 13] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// The path of a route in the route table. Requests of unknown paths have none, so that the paths
/// that clients make up never become labels.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Route(pub(in crate::http) &'static str);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    method: &'static str,
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: Outcome,
}

/// The metrics of requests.
#[derive(Debug)]
pub(super) struct Requests {
    statuses: Family<StatusLabels, Counter>,
    durations: Family<Labels, Histogram>,
    logins: Family<OutcomeLabels, Counter>,
    registrations: Family<OutcomeLabels, Counter>,
}

impl Requests {
    /// Registers the metrics. Outcomes begin at zero, so that the first one is visible as a change.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let requests = Self {
            statuses: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            logins: zeros(&Outcome::LOGINS),
            registrations: zeros(&Outcome::REGISTRATIONS),
        };
        registry.register(
            "http_requests",
            "Answered requests",
            requests.statuses.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time from the head of the request to the response",
            requests.durations.clone(),
        );
        registry.register("logins", "Logins by outcome", requests.logins.clone());
        registry.register(
            "registrations",
            "Registrations by outcome",
            requests.registrations.clone(),
        );
        requests
    }

    fn count<B>(&self, answer: &ServiceResponse<B>, taken: Duration) {
        let request = answer.request();
        let method = method_label(request.method());
        let route = request.app_data::<Route>();
        let route = route.map_or("unknown", |Route(path)| path);
        let status = answer.status().as_u16();
        self.statuses
            .get_or_create(&StatusLabels {
                method,
                route,
                status,
            })
            .inc();
        self.durations
            .get_or_create(&Labels { method, route })
            .observe(taken.as_secs_f64());
        let outcomes = match (method, route) {
            (
                "POST",
                "/sessions"
                | "/sessions/second_factor"
                | "/sessions/passkey"
                | "/login"
                | "/login/code"
                | "/login/passkey",
            ) => &self.logins,
            ("POST", "/users" | "/register") => &self.registrations,
            _ => return,
        };
        let outcome = outcome(answer);
        outcomes.get_or_create(&OutcomeLabels { outcome }).inc();
    }
}

fn zeros(outcomes: &[Outcome]) -> Family<OutcomeLabels, Counter> {
    let family = Family::default();
    for outcome in outcomes.iter().copied() {
        drop(family.get_or_create(&OutcomeLabels { outcome }));
    }
    family
}

/// The name of a known method. Clients can make up any number of others.
fn method_label(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let found = known.into_iter().find(|name| *name == method.as_str());
    found.unwrap_or("other")
}

/// How the login or the registration ended that was answered.
fn outcome<B>(answer: &ServiceResponse<B>) -> Outcome {
    let status = answer.status();
    let error = answer.response().error();
    match error.and_then(HttpError::of) {
        _ if status == StatusCode::TOO_MANY_REQUESTS => Outcome::throttled,
        Some(error) => error.describe().outcome,
        None if status.is_success() || status.is_redirection() => Outcome::success,
        None if status.is_client_error() => Outcome::malformed,
        None => Outcome::failed,
    }
}

/// Counts every response. It must be the outermost middleware.
pub(in crate::http) async fn count_requests<B: MessageBody + 'static>(
    metrics: web::Data<Metrics>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let begun = Instant::now();
    let answer = next.call(request).await?;
    metrics.requests().count(&answer, begun.elapsed());
    Ok(answer)
}
