//! The HTTP layer: routes, forms, cookies, middlewares, and responses for errors.
//!
//! Handlers call [`Auth`] through the [`BlockingExecutor`] and do not use the database. The route
//! table is in `routes.rs`; the server and the tests share [`HttpApp::app`].

mod account_export;
mod activity;
mod content_kind;
mod error;
mod executor;
mod extract;
mod form_error;
#[doc(hidden)]
pub mod fuzzing;
mod handlers;
mod login_response;
mod metrics;
mod middleware;
mod openapi;
mod outcome;
mod pages;
mod probes;
mod qr_code;
mod representation;
mod resource;
mod response;
mod routes;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, web};

pub use error::HttpError;
pub(crate) use error::Refusal;
pub use executor::BlockingExecutor;
pub use extract::forwarded;
pub use form_error::FormError;
pub use middleware::connections::{ClientStream, Connections};
pub use pages::{PageSettings, Pages, PagesError};

use crate::auth::{Auth, ThrottleSettings};
use crate::domain::{IpNetworks, Origin, SessionSettings};
use extract::client::TrustedProxies;
use metrics::{Metrics, count_requests};
use middleware::connections::track_connections;
use middleware::cookie_limit::limit_cookie_size;
use middleware::cors::cors;
use middleware::csrf::{RefusedOrigins, csrf};
use middleware::request_context::{LogFlush, RequestContext, RequestIds, request_context};
use probes::Probes;
use resource::not_found;

/// The settings of the HTTP layer.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Whether users reach the service by https. Then cookies are `Secure`, and responses have
    /// `Strict-Transport-Security`.
    pub https: bool,
    /// The proxies whose headers about a client's address are used.
    pub trusted_proxies: IpNetworks,
    /// The origin under which users reach the service. Without it, the `Host` header counts.
    pub public_origin: Option<Origin>,
    /// Origins whose pages may send requests and read the responses.
    pub allowed_origins: Vec<Origin>,
    /// The lifetime of the device cookie.
    pub device_memory: Duration,
    /// How long a browser keeps the session of a user who wants to stay logged in.
    pub session_lifetime: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            https: false,
            trusted_proxies: IpNetworks::default(),
            public_origin: None,
            allowed_origins: Vec::new(),
            device_memory: ThrottleSettings::default().throttle_device_memory,
            session_lifetime: SessionSettings::default().session_lifetime,
        }
    }
}

/// The HTTP application, from which each thread of a server makes its own.
#[derive(Clone)]
pub struct HttpApp {
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    settings: web::Data<HttpSettings>,
    refused_origins: web::Data<RefusedOrigins>,
    proxies: web::Data<TrustedProxies>,
    ids: web::Data<RequestIds>,
    connections: web::Data<Connections>,
    metrics: web::Data<Metrics>,
    probes: web::Data<Probes>,
    pages: Option<web::Data<Pages>>,
}

impl HttpApp {
    /// Creates the HTTP layer over the use cases.
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
            probes: web::Data::default(),
            pages: None,
        }
    }

    /// Adds the pages for people.
    #[must_use]
    pub fn with_pages(self, pages: Pages) -> Self {
        Self {
            pages: Some(web::Data::new(pages)),
            ..self
        }
    }

    /// The open connections of the server, which adds each [`ClientStream`]. The limits on
    /// connections apply only to these.
    #[must_use]
    pub fn connections(&self) -> Arc<Connections> {
        self.connections.clone().into_inner()
    }

    /// The complete application: the routes, 404 for other paths, and all middlewares.
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
        // Closures hand the middlewares their data: with extractors, `from_fn` boxes the future of
        // each request once more for each middleware.
        let (settings, refused_origins) = (self.settings.clone(), self.refused_origins.clone());
        let cors_settings = self.settings.clone();
        let context = self.request_context(self.pages.clone());
        let (connections, metrics) = (self.connections.clone(), self.metrics.clone());
        App::new()
            .configure(|config| self.configure(config))
            .default_service(web::to(not_found))
            .wrap(from_fn(limit_cookie_size))
            .wrap(from_fn(move |request, next| {
                csrf(settings.clone(), refused_origins.clone(), request, next)
            }))
            .wrap(from_fn(move |request, next| {
                cors(cors_settings.clone(), request, next)
            }))
            .wrap(from_fn(move |request, next| {
                request_context(context.clone(), request, next)
            }))
            .wrap(from_fn(move |request, next| {
                track_connections(connections.clone(), request, next)
            }))
            .wrap(from_fn(move |request, next| {
                count_requests(metrics.clone(), request, next)
            }))
    }

    fn request_context(&self, pages: Option<web::Data<Pages>>) -> Rc<RequestContext> {
        Rc::new(RequestContext {
            ids: self.ids.clone(),
            is_https: self.settings.https,
            pages,
            flush: LogFlush::default(),
        })
    }

    /// The application of the ops listener: metrics, and health with details.
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
        let context = self.request_context(None);
        App::new()
            .app_data(self.executor.clone())
            .app_data(self.settings.clone())
            .app_data(self.metrics.clone())
            .app_data(self.probes.clone())
            .configure(handlers::ops::routes)
            .default_service(web::to(not_found))
            .wrap(from_fn(move |request, next| {
                request_context(context.clone(), request, next)
            }))
    }

    /// Adds only the routes to an application of your own, whose handlers may use
    /// `web::Data<Auth>`. The application itself has to add security headers and refuse
    /// cross-origin requests.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        config
            .app_data(self.auth.clone())
            .app_data(self.executor.clone())
            .app_data(self.settings.clone())
            .app_data(self.proxies.clone())
            .app_data(self.probes.clone());
        if let Some(pages) = &self.pages {
            config.app_data(pages.clone());
        }
        routes::routes(config, self.pages.is_some());
    }
}

impl std::fmt::Debug for HttpApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpApp").finish_non_exhaustive()
    }
}
