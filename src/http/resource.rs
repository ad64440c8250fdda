//! A path and its methods, with HEAD, OPTIONS, 405 and the trailing slash.

use std::future::ready;

use actix_web::guard::fn_guard;
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, web};

use super::HttpError;
use super::metrics::Route;
use super::pages::is_navigation;

/// A path and what may be done there: with and without a slash at its end, HEAD wherever
/// GET, OPTIONS with `Allow`, and 405 with `Allow` for every other verb.
pub(super) struct Verbs {
    resource: Resource,
    allow: Vec<Method>,
}

impl Verbs {
    pub(super) fn at(path: &'static str) -> Self {
        let bare = path.trim_end_matches('/');
        let patterns = if bare.is_empty() {
            vec!["/".to_owned()]
        } else {
            vec![bare.to_owned(), format!("{bare}/")]
        };
        Self {
            resource: web::resource(patterns).app_data(Route(path)),
            allow: Vec::new(),
        }
    }

    pub(super) fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.verb(Method::GET, handler.clone())
            .verb(Method::HEAD, handler)
    }

    pub(super) fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.verb(Method::POST, handler)
    }

    /// What a browser's form gets that posts here to show the answer to its user. It stands in
    /// front of `post`.
    pub(super) fn post_of_browser<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let navigates = fn_guard(|context| is_navigation(context.head().headers()));
        let route = web::post().guard(navigates).to(handler);
        self.resource = self.resource.route(route);
        self
    }

    pub(super) fn put<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.verb(Method::PUT, handler)
    }

    pub(super) fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.verb(Method::DELETE, handler)
    }

    /// What OPTIONS answers instead of 200.
    pub(super) fn options<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let mut verbs = self.verb(Method::OPTIONS, handler);
        // Named by `register`, as for every path.
        verbs.allow.pop();
        verbs
    }

    fn verb<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::method(method.clone()).to(handler));
        self.allow.push(method);
        self
    }

    pub(super) fn register(mut self, config: &mut web::ServiceConfig) {
        self.allow.push(Method::OPTIONS);
        let allow: Vec<&str> = self.allow.iter().map(Method::as_str).collect();
        let allow = allow.join(", ");
        let options = {
            let allow = allow.clone();
            move || {
                ready(
                    HttpResponse::Ok()
                        .insert_header((ALLOW, allow.clone()))
                        .finish(),
                )
            }
        };
        let wrong = move || {
            ready(Err::<HttpResponse, _>(HttpError::MethodNotAllowed(
                allow.clone(),
            )))
        };
        config.service(
            self.resource
                .route(web::method(Method::OPTIONS).to(options))
                .default_service(web::to(wrong)),
        );
    }
}
