//! A browser without JavaScript: it keeps cookies, follows redirects, and sends forms.

use std::cell::RefCell;
use std::collections::BTreeMap;

use actix_web::http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::navigation;
use crate::support::app::{Answer, App};

/// The cookies and the language of a browser.
#[derive(Default)]
pub(crate) struct Visitor {
    cookies: RefCell<BTreeMap<String, String>>,
    language: &'static str,
}

impl Visitor {
    pub(crate) fn reading(language: &'static str) -> Self {
        Self {
            language,
            ..Self::default()
        }
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    pub(crate) async fn get(&self, app: &App, path: &str) -> Answer {
        self.send(app, Method::GET, path, String::new()).await
    }

    /// Sends a form, url-encoded.
    pub(crate) async fn post(&self, app: &App, path: &str, form: &[(&str, &str)]) -> Answer {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs = form
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        self.send(app, Method::POST, path, body).await
    }

    /// Gets a page and those that it leads to.
    pub(crate) async fn follow(&self, app: &App, path: &str) -> Answer {
        let mut answer = self.get(app, path).await;
        for _ in 0..5 {
            let Some(location) = answer.header("location").map(str::to_owned) else {
                return answer;
            };
            answer = self.get(app, &location).await;
        }
        panic!("{path} leads nowhere");
    }

    async fn send(&self, app: &App, method: Method, path: &str, body: String) -> Answer {
        let cookies: Vec<String> = {
            let kept = self.cookies.borrow();
            kept.iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect()
        };
        let request = navigation(method, path)
            .insert_header(("Accept-Language", self.language))
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", cookies.join("; ")))
            .set_payload(body);
        let answer = app.send(request).await;
        for cookie in answer.headers("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut kept = self.cookies.borrow_mut();
            if attributes.contains("Max-Age=0") {
                kept.remove(name);
            } else {
                kept.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}
