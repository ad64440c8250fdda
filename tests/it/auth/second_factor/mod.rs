//! Second factors: authenticator apps, recovery codes, and the key that they are encrypted under.

mod attackers;
mod audit;
mod earlier_mails;
mod enrolment;
mod keys;
mod killed_rotation;
mod limits;
mod login;
mod policy;
mod randomness;
mod replay;
mod undo;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::domain::Timestamp;
use totp_rs::{Builder, Secret};

use crate::support::app::{Answer, App, fields};

const BOB: &str = "bob@x.fr";
const PASSWORD: &str = "bob_pwd";

/// An authenticator app.
struct Phone {
    secret: String,
}

impl Phone {
    /// The code at that time.
    fn code(&self, at: Timestamp) -> String {
        let secret = Secret::try_from_base32(&self.secret).unwrap();
        let totp = Builder::new().with_secret(secret).build().unwrap();
        let time = u64::try_from(at.seconds()).unwrap();
        totp.generate(time).to_string()
    }
}

impl App {
    /// The code of the present time.
    fn code(&self, phone: &Phone) -> String {
        phone.code(self.clock.now())
    }

    /// Registers Bob and logs him in.
    async fn bob(&self) -> String {
        self.register(BOB, PASSWORD).await;
        self.log_in(BOB, PASSWORD).await.session_id()
    }

    /// Begins to set up an app.
    async fn begin_totp(&self, session_id: &str) -> Phone {
        let body = format!("current_password={PASSWORD}");
        let begun = self.as_user(session_id, Method::POST, "/account/totp", body);
        let begun = begun.await;
        assert_eq!(begun.status.as_u16(), 200, "{}", begun.body);
        let secret = begun.json()["secret"].as_str().unwrap().to_owned();
        Phone { secret }
    }

    async fn confirm_totp(&self, session_id: &str, code: &str) -> Answer {
        let body = format!("otp={code}");
        self.as_user(session_id, Method::PUT, "/account/totp", body)
            .await
    }

    /// Sets up an app for the user of a session, and lets the step of its code pass. Returns it
    /// with the recovery codes.
    async fn enrol(&self, session_id: &str) -> (Phone, Vec<String>) {
        let phone = self.begin_totp(session_id).await;
        let confirmed = self.confirm_totp(session_id, &self.code(&phone)).await;
        assert_eq!(confirmed.status.as_u16(), 200, "{}", confirmed.body);
        self.advance(30);
        let codes = confirmed.json()["recovery_codes"]
            .as_array()
            .unwrap()
            .clone();
        let code = |code: &serde_json::Value| code.as_str().unwrap().to_owned();
        (phone, codes.iter().map(code).collect())
    }

    /// A login in one request.
    async fn log_in_with(&self, password: &str, code: &str) -> Answer {
        let body = format!("{}&otp={code}", fields(BOB, password));
        self.form(Method::POST, "/sessions", body).await
    }

    /// The second step of a login, with a form of one field.
    async fn second_step(&self, cookie: &str, body: &str) -> Answer {
        let request = TestRequest::post()
            .uri("/sessions/second_factor")
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", cookie))
            .set_payload(body.to_owned());
        self.send(request).await
    }

    /// Gives the password and returns the login cookie.
    async fn first_step(&self) -> String {
        let first = self.log_in(BOB, PASSWORD).await;
        assert_eq!(code_of(&first), "second_factor_required", "{}", first.body);
        login_cookie(&first)
    }
}

fn code_of(answer: &Answer) -> &str {
    answer.header("bienvenue-error").unwrap_or_default()
}

/// The login cookie that an answer sets, as a client sends it back.
fn login_cookie(answer: &Answer) -> String {
    let cookies = answer.headers("set-cookie");
    let cookie = cookies.iter().find(|cookie| cookie.starts_with("login="));
    cookie.unwrap().split(';').next().unwrap().to_owned()
}
