//! The HTTP side: routes, forms, cookies, and errors as answers.
//!
//! Handlers know [`Auth`] through the [`BlockingExecutor`] and nothing of the database. The routes stand
//! in one table, which the server and the tests share: [`Http::app`].

mod error;
mod executor;
mod extract;
#[doc(hidden)]
pub mod fuzzing;
mod handlers;
mod metrics;
mod middleware;
mod qr_code;
mod resource;
mod response;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, web};

pub use error::HttpError;
pub use executor::BlockingExecutor;
pub use extract::{FormError, forwarded};
pub use middleware::connections::{ClientStream, Connections};

use crate::auth::{Auth, ThrottleSettings};
use crate::domain::{Networks, Origin};
use extract::client::TrustedProxies;
use metrics::{Metrics, count_requests};
use middleware::connections::track_connections;
use middleware::cookie_limit::limit_cookie_size;
use middleware::cors::cors;
use middleware::csrf::{RefusedOrigins, csrf};
use middleware::request_context::{LogFlush, RequestIds, request_context};

/// What an operator decides about the HTTP side.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Whether people reach the service by https: cookies are `Secure` and answers carry
    /// `Strict-Transport-Security`.
    pub https: bool,
    /// The proxies whose word about a client's address is taken.
    pub trusted_proxies: Networks,
    /// The origin under which people reach the service; without it, the Host header tells.
    pub public_origin: Option<Origin>,
    /// Origins of front ends whose pages may send requests and read the answers.
    pub allowed_origins: Vec<Origin>,
    /// How long a browser keeps what shows that somebody has logged in there.
    pub device_memory: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            https: false,
            trusted_proxies: Networks::default(),
            public_origin: None,
            allowed_origins: Vec::new(),
            device_memory: ThrottleSettings::default().device_memory,
        }
    }
}

/// The service, ready to be handed to each of a server's threads.
#[derive(Clone)]
pub struct Http {
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    refused_origins: web::Data<RefusedOrigins>,
    proxies: web::Data<TrustedProxies>,
    ids: web::Data<RequestIds>,
    connections: web::Data<Connections>,
    metrics: web::Data<Metrics>,
}

impl Http {
    /// Puts the HTTP side in front of the use cases.
    #[must_use]
    pub fn new(auth: web::Data<Auth>, settings: HttpSettings) -> Self {
        Self {
            executor: web::Data::new(BlockingExecutor::new(auth.clone())),
            metrics: web::Data::new(Metrics::new(auth.clone())),
            auth,
            proxies: web::Data::new(TrustedProxies::new(settings.trusted_proxies.clone())),
            settings: web::Data::new(settings),
            refused_origins: web::Data::default(),
            ids: web::Data::new(RequestIds::new()),
            connections: web::Data::default(),
        }
    }

    /// The connections of the server, to which it adds each [`ClientStream`]. The limits of
    /// connections do not hold for other streams.
    #[must_use]
    pub fn connections(&self) -> Arc<Connections> {
        self.connections.clone().into_inner()
    }

    /// The whole application: the routes, 404 for the rest, the refusal of cross-site requests,
    /// and the headers of every answer.
    pub fn app(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = Error,
            InitError = (),
        > + use<>,
    > {
        App::new()
            .app_data(self.refused_origins.clone())
            .app_data(self.connections.clone())
            .app_data(self.metrics.clone())
            .app_data(self.ids.clone())
            .app_data(LogFlush::default())
            .configure(|config| self.configure(config))
            .default_service(web::to(response::not_found))
            .wrap(from_fn(limit_cookie_size))
            .wrap(from_fn(csrf))
            .wrap(from_fn(cors))
            .wrap(from_fn(request_context))
            .wrap(from_fn(track_connections))
            .wrap(from_fn(count_requests))
    }

    /// What an operator looks at, for a listener that nobody else reaches: metrics, and health
    /// with its details.
    pub fn ops_app(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = Error,
            InitError = (),
        > + use<>,
    > {
        App::new()
            .app_data(self.executor.clone())
            .app_data(self.settings.clone())
            .app_data(self.metrics.clone())
            .app_data(self.ids.clone())
            .app_data(LogFlush::default())
            .configure(handlers::ops::routes)
            .default_service(web::to(response::not_found))
            .wrap(from_fn(request_context))
    }

    /// The routes alone, for an application of your own. Its handlers may take
    /// `web::Data<Auth>`; the headers of every answer, and what other sites' pages may send,
    /// are then its own affair.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        config
            .app_data(self.auth.clone())
            .app_data(self.executor.clone())
            .app_data(self.settings.clone())
            .app_data(self.proxies.clone());
        routes::routes(config);
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}
