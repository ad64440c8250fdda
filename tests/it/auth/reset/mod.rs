//! Forgotten passwords: the request for a mail, and the token in it.

mod neighbours;
mod requests;
mod tokens;
mod uniform;
mod worker;

use actix_web::http::Method;
use actix_web::test;
use bienvenue::auth::ThrottleSettings;

use crate::support::app::{Answer, App, Setup};
use crate::support::{Engine, Place};

const BOB: &str = "bob@dylan.com";
const NOBODY: &str = "unknown@dylan.com";
const OLD: &str = "bob_pwd";
const NEW: &str = "a new one of bob";
const INVALID: &str = "403 {\"message\":\"invalid reset token\"}";

/// A service on that engine, if it is there, on which bob is registered and guesses are counted.
async fn with_bob(engine: Engine) -> Option<App> {
    with_bob_at(Place::on(engine)?).await
}

async fn with_bob_at(place: Place) -> Option<App> {
    let mut setup = Setup::at(place);
    setup.auth.throttle = ThrottleSettings::default();
    let app = setup.start().await;
    assert_eq!(app.register(BOB, OLD).await.status, 201);
    Some(app)
}

fn encoded(fields: &[(&str, &str)]) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    fields.join("&")
}

impl App {
    async fn ask_for_reset(&self, email: &str) -> Answer {
        let body = encoded(&[("email", email)]);
        self.form(Method::POST, "/reset_password", body).await
    }

    async fn reset(&self, email: &str, token: &str, new: &str) -> Answer {
        let body = reset_fields(email, token, new);
        self.form(Method::PUT, "/reset_password", body).await
    }

    /// The same from an address.
    async fn reset_from(&self, address: &str, email: &str, token: &str, new: &str) -> Answer {
        let request = test::TestRequest::with_uri("/reset_password")
            .method(Method::PUT)
            .peer_addr(std::net::SocketAddr::new(address.parse().unwrap(), 1))
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(reset_fields(email, token, new));
        self.send(request).await
    }

    fn token(&self, email: &str) -> String {
        let email = crate::support::email(email);
        let token = self.auth.get_reset_password_token(&email);
        token.unwrap().expose()
    }
}

fn reset_fields(email: &str, token: &str, new: &str) -> String {
    encoded(&[
        ("email", email),
        ("reset_token", token),
        ("new_password", new),
    ])
}

/// Does what blocks on a thread that is none of the runtime's.
fn beside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}
