//! Resources: a path and its methods, with HEAD, OPTIONS, 405 and the trailing slash.

use std::future::ready;
use std::iter::repeat_n;

use actix_web::guard::fn_guard;
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, LOCATION};
use actix_web::{FromRequest, Handler, HttpResponse, Responder, web};

use super::HttpError;
use super::metrics::Route;
use super::representation::{is_navigation, prefers_html};

/// A handler of a route: a short name for the bounds that actix-web requires.
pub(super) trait RouteHandler<Args>: Handler<Args, Output: Responder + 'static> {}

impl<Args, F: Handler<Args, Output: Responder + 'static>> RouteHandler<Args> for F {}

/// A path and its methods. It matches with and without a trailing slash, and adds HEAD to GET,
/// OPTIONS with `Allow`, and 405 with `Allow` for every other method.
pub(super) struct Resource {
    /// One for the path without the slash and one for the path with it. For two paths in one
    /// resource, the router would compile three regular expressions at each start of a worker, and
    /// try them at each request, instead of comparing two texts.
    resources: Vec<actix_web::Resource>,
    allow: Vec<Method>,
}

impl Resource {
    pub(super) fn new(path: &'static str) -> Self {
        let bare = path.trim_end_matches('/');
        let patterns = if bare.is_empty() {
            vec!["/".to_owned()]
        } else {
            vec![bare.to_owned(), format!("{bare}/")]
        };
        let resource = |pattern: String| web::resource(pattern).app_data(Route(path));
        Self {
            resources: patterns.into_iter().map(resource).collect(),
            allow: Vec::new(),
        }
    }

    pub(super) fn get<Args: FromRequest + 'static>(self, handler: impl RouteHandler<Args>) -> Self {
        self.allow(Method::GET, handler.clone())
            .allow(Method::HEAD, handler)
    }

    pub(super) fn post<Args: FromRequest + 'static>(
        self,
        handler: impl RouteHandler<Args>,
    ) -> Self {
        self.allow(Method::POST, handler)
    }

    /// Handles the posts of a browser's form, whose answer is shown to a user. It comes before
    /// `post`.
    pub(super) fn post_of_browser<Args: FromRequest + 'static>(
        self,
        handler: impl RouteHandler<Args>,
    ) -> Self {
        let routes = repeat_n(handler, self.resources.len()).map(|handler| {
            let navigates = fn_guard(|context| is_navigation(context.head().headers()));
            web::post().guard(navigates).to(handler)
        });
        self.add(routes)
    }

    /// Leads a browser that gets this path to show the answer to its user to a page instead. It
    /// stands in front of `get`.
    pub(super) fn page_of_browser(self, page: &'static str) -> Self {
        let leads = |method: Method| {
            let shows = fn_guard(|context| {
                let headers = context.head().headers();
                is_navigation(headers) && prefers_html(headers)
            });
            let route = web::method(method).guard(shows);
            route.to(move || {
                ready(
                    HttpResponse::SeeOther()
                        .insert_header((LOCATION, page))
                        .finish(),
                )
            })
        };
        let count = self.resources.len();
        self.add(repeat_n(Method::GET, count).map(leads))
            .add(repeat_n(Method::HEAD, count).map(leads))
    }

    pub(super) fn put<Args: FromRequest + 'static>(self, handler: impl RouteHandler<Args>) -> Self {
        self.allow(Method::PUT, handler)
    }

    pub(super) fn delete<Args: FromRequest + 'static>(
        self,
        handler: impl RouteHandler<Args>,
    ) -> Self {
        self.allow(Method::DELETE, handler)
    }

    /// Sets a handler for OPTIONS, instead of the default.
    pub(super) fn options<Args: FromRequest + 'static>(
        self,
        handler: impl RouteHandler<Args>,
    ) -> Self {
        self.route(Method::OPTIONS, handler)
    }

    fn allow<Args: FromRequest + 'static>(
        mut self,
        method: Method,
        handler: impl RouteHandler<Args>,
    ) -> Self {
        self.allow.push(method.clone());
        self.route(method, handler)
    }

    fn route<Args: FromRequest + 'static>(
        self,
        method: Method,
        handler: impl RouteHandler<Args>,
    ) -> Self {
        let routes = repeat_n((method, handler), self.resources.len());
        self.add(routes.map(|(method, handler)| web::method(method).to(handler)))
    }

    /// Adds a route to each of the resources.
    fn add(mut self, routes: impl Iterator<Item = actix_web::Route>) -> Self {
        let resources = self.resources.into_iter().zip(routes);
        let resources = resources.map(|(resource, route)| resource.route(route));
        self.resources = resources.collect();
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
        for resource in self.resources {
            config.service(
                resource
                    .route(web::method(Method::OPTIONS).to(options.clone()))
                    .default_service(web::to(wrong.clone())),
            );
        }
    }
}

/// The response to every unknown path.
pub(super) async fn not_found() -> Result<HttpResponse, HttpError> {
    Err(HttpError::NotFound)
}
