//! The HTTP side: routes, forms, cookies, and errors as answers.
//!
//! Handlers know [`Auth`] through the [`Door`] and nothing of the database. The routes stand
//! in one table, which the server and the tests share: [`Http::app`].

mod account;
mod answer;
mod client;
mod devices;
mod door;
mod error;
mod export;
mod form;
mod health;
mod index;
mod logged_in;
mod middleware;
mod profile;
mod routes;
mod session_cookie;
mod sessions;
mod users;
mod verbs;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::{App, Error, web};

pub use door::Door;
pub use error::HttpError;
pub use form::FormError;

use crate::auth::Auth;
use middleware::RequestIds;

/// What an operator decides about the HTTP side.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// Whether people reach the service by https: cookies are `Secure` and answers carry
    /// `Strict-Transport-Security`.
    pub https: bool,
}

/// The service, ready to be handed to each of a server's threads.
#[derive(Clone)]
pub struct Http {
    auth: web::Data<Auth>,
    door: web::Data<Door>,
    settings: web::Data<HttpSettings>,
    ids: web::Data<RequestIds>,
}

impl Http {
    /// Puts the HTTP side in front of the use cases.
    #[must_use]
    pub fn new(auth: web::Data<Auth>, settings: HttpSettings) -> Self {
        Self {
            door: web::Data::new(Door::new(auth.clone())),
            auth,
            settings: web::Data::new(settings),
            ids: web::Data::new(RequestIds::new()),
        }
    }

    /// The whole application: the routes, the headers of every answer, and 404 for the rest.
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
            .configure(|config| self.configure(config))
            .default_service(web::to(answer::not_found))
            .wrap(middleware::headers(&self.settings))
            .wrap(middleware::finish(self.ids.clone()))
    }

    /// The routes alone, for an application of your own. Its handlers may take
    /// `web::Data<Auth>`; the headers of every answer are then its own affair.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        config
            .app_data(self.auth.clone())
            .app_data(self.door.clone())
            .app_data(self.settings.clone());
        routes::routes(config);
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}
