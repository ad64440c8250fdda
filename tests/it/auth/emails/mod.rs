//! The address of an account: proved, changed, and taken back.

mod change;
mod giving;
mod revocation;
mod undo;
mod verification;

use actix_web::http::Method;
use bienvenue::auth::EmailVerification;

use crate::support::app::{Answer, App, Setup};
use crate::support::mailbox::token_of;
use crate::support::{Engine, Place};

const BOB: &str = "bob@dylan.com";
const NEW: &str = "robert@zimmerman.org";
const PASSWORD: &str = "bob_pwd";
const ASKED: &str = r#"200 {"message":"if this address is free, a mail is on its way"}"#;
const INVALID: &str = r#"403 {"message":"invalid token"}"#;

/// A service on that engine, if it is there, that sends mails, with bob registered.
async fn with_bob(engine: Engine, verification: EmailVerification) -> Option<App> {
    let mut setup = Setup::at(Place::on(engine)?);
    setup.sends_mails = true;
    setup.db.sessions.sessions_per_user = 0.into();
    setup.auth.accounts.email_verification = verification;
    let app = setup.start().await;
    assert_eq!(app.register(BOB, PASSWORD).await.status, 201);
    Some(app)
}

impl App {
    async fn session(&self, email: &str) -> String {
        self.log_in(email, PASSWORD).await.session_id()
    }

    async fn ask_for(&self, session: &str, email: &str, password: &str) -> Answer {
        let body = format!("email={email}&current_password={password}");
        self.as_user(session, Method::PUT, "/profile/email", body)
            .await
    }

    async fn verify(&self, token: &str) -> Answer {
        self.form(Method::PUT, "/verify_email", format!("token={token}"))
            .await
    }

    /// Asks for the new address and comes back with the token, in the same session.
    async fn move_to(&self, session: &str, email: &str) -> Answer {
        assert_eq!(self.ask_for(session, email, PASSWORD).await.line(), ASKED);
        let mail = self.mails.next_to(email);
        let body = format!("token={}", token_of(&mail));
        self.as_user(session, Method::PUT, "/verify_email", body)
            .await
    }

    /// As if bob had confirmed his address.
    fn prove(&self) {
        self.place.sql(
            "INSERT INTO verified_emails SELECT id, email_key, 1800000000 FROM users
             WHERE email_key = 'bob@dylan.com'",
        );
    }

    fn emails(&self) -> Vec<String> {
        self.place
            .texts("SELECT email || ' ' || email_key AS value FROM users ORDER BY id")
    }
}

fn verified(email: &str) -> String {
    format!(r#"200 {{"email":"{email}","message":"email verified"}}"#)
}
