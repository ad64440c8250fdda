//! Handlers of the ops listener: metrics, and health with details.

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, ResponseError, web};
use serde::Serialize;
use uuid::Uuid;

use crate::auth::{Auth, DatabaseStats};
use crate::domain::Timestamp;
use crate::http::metrics::{self, Metrics};
use crate::http::probes::Probes;
use crate::http::resource::Resource;
use crate::http::response::{Message, json};
use crate::http::{BlockingExecutor, HttpError};

/// Every route of the ops listener.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let table = [
        Resource::new("/metrics").get(show_metrics),
        Resource::new("/healthz").get(healthz),
        Resource::new("/readyz").get(readyz),
        Resource::new("/probes/{id}").get(probe),
    ];
    for path in table {
        path.register(config);
    }
}

/// `GET /metrics`
async fn show_metrics(metrics: web::Data<Metrics>) -> HttpResponse {
    // On a blocking thread: the scrape queries the database, which may hang.
    match web::block(move || metrics.text()).await {
        Ok(Ok(text)) => HttpResponse::Ok()
            .content_type(metrics::CONTENT_TYPE)
            .body(text),
        Ok(Err(_)) | Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

#[derive(Serialize)]
struct Health {
    message: &'static str,
    version: &'static str,
    /// Seconds since 1970-01-01 UTC.
    started_at: u64,
}

/// `GET /healthz`: the process serves. Does not use the database.
async fn healthz(metrics: web::Data<Metrics>) -> HttpResponse {
    let health = Health {
        message: "serving",
        version: env!("CARGO_PKG_VERSION"),
        started_at: metrics.started_at().as_secs(),
    };
    json(StatusCode::OK, &health)
}

#[derive(Serialize)]
struct Readiness {
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// None on PostgreSQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    integrity_check: Option<IntegrityCheck>,
}

#[derive(Serialize)]
struct IntegrityCheck {
    /// The table or index that is being checked; null between two checks.
    checking: Option<String>,
    /// Rows and index entries checked since the process started.
    rows: u64,
    /// When a check last found no damage, in seconds since 1970.
    last_success: Option<i64>,
    /// The damage, if any was found.
    damage: Option<String>,
}

impl From<DatabaseStats> for IntegrityCheck {
    fn from(stats: DatabaseStats) -> Self {
        Self {
            checking: stats.integrity.checking,
            rows: stats.integrity.rows,
            last_success: stats.integrity.last_success.map(Timestamp::seconds),
            damage: stats.damage,
        }
    }
}

/// `GET /probes/{id}`: how the service saw the client of a probe of `bienvenue doctor`.
async fn probe(probes: web::Data<Probes>, id: web::Path<String>) -> HttpResponse {
    let seen = Uuid::try_parse(&id).ok().and_then(|id| probes.find(id));
    match seen {
        Some(seen) => json(StatusCode::OK, &seen),
        None => json(
            StatusCode::NOT_FOUND,
            &Message {
                message: "no such probe",
            },
        ),
    }
}

/// `GET /readyz`: as the public one, with the cause and the progress of the integrity check.
async fn readyz(executor: web::Data<BlockingExecutor>) -> HttpResponse {
    let (status, message, cause) = match executor.run_write(Auth::check).await {
        Ok(()) => (StatusCode::OK, "ready", None),
        Err(error) => {
            let cause = Some(error.to_string());
            (HttpError::from(error).status_code(), "not ready", cause)
        }
    };
    let file = executor.run_read(|auth| Ok(auth.database_stats())).await;
    let readiness = Readiness {
        message,
        cause,
        integrity_check: file.ok().flatten().map(IntegrityCheck::from),
    };
    json(status, &readiness)
}
