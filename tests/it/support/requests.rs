//! Requests of a client to the real program.

use reqwest::Method;
use reqwest::blocking::{Client, Response};

use super::program::Server;

impl Server {
    /// Sends a form.
    pub(crate) fn form(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = Client::new().request(method, self.url(path)).form(fields);
        request.send().unwrap()
    }

    /// Posts an email and a password.
    pub(crate) fn post(&self, path: &str, email: &str, password: &str) -> Response {
        let fields = [("email", email), ("password", password)];
        self.form(Method::POST, path, &fields)
    }

    pub(crate) fn register(&self, email: &str, password: &str) -> u16 {
        self.post("/users", email, password).status().as_u16()
    }

    pub(crate) fn log_in(&self, email: &str, password: &str) -> u16 {
        self.post("/sessions", email, password).status().as_u16()
    }

    /// The cookie of a new session.
    pub(crate) fn session(&self, email: &str, password: &str) -> String {
        let login = self.post("/sessions", email, password);
        assert_eq!(login.status(), 200);
        cookie(&login)
    }

    pub(crate) fn profile(&self, cookie: &str) -> u16 {
        let request = Client::new().get(self.url("/profile"));
        let answer = request.header("Cookie", cookie).send().unwrap();
        answer.status().as_u16()
    }
}

/// The first cookie that an answer sets, as a client sends it back.
pub(crate) fn cookie(answer: &Response) -> String {
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Status and body of an answer.
pub(crate) fn read(answer: Response) -> (u16, String) {
    (answer.status().as_u16(), answer.text().unwrap())
}
