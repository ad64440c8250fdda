//! Pages tell known and unknown accounts apart no more than the routes of the API do: the same
//! statements, and the same answer.

use actix_web::http::Method;
use bienvenue::auth::ThrottleSettings;
use rstest::rstest;

use super::navigation;
use crate::support::app::{Answer, App, Setup};
use crate::support::statements::Statements;
use crate::support::{Engine, Place};

const KNOWN: &str = "bob@x.fr";
const UNKNOWN: &str = "eve@x.fr";

async fn post(app: &App, path: &str, email: &str) -> Answer {
    let request = navigation(Method::POST, path)
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .set_payload(format!("email={email}&password=a+wrong+one"));
    app.send(request).await
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r16_forgotten_password_answers_alike_for_unknown_accounts(#[case] engine: Engine) {
    let path = "/forgot";
    let Some(place) = Place::on(engine) else {
        return;
    };
    let statements = Statements::to(&place);
    let mut setup = Setup::at(place);
    setup.auth.throttle = ThrottleSettings::default();
    let app = setup.start().await;
    app.register(KNOWN, "bob_pwd").await;
    statements.of_requests();
    for _ in 0..3 {
        let known = post(&app, path, KNOWN).await;
        let of_known = statements.of_requests();
        let unknown = post(&app, path, UNKNOWN).await;
        assert_eq!(of_known, statements.of_requests(), "{path}");
        assert!(!of_known.is_empty(), "{path}");
        assert_eq!(known.status, unknown.status, "{path}");
        assert_eq!(known.header_names(), unknown.header_names(), "{path}");
        let page = known.body.replace(KNOWN, UNKNOWN);
        assert_eq!(page, unknown.body, "{path}");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r16_pages_send_the_statements_of_their_routes(#[case] engine: Engine) {
    for (page, route) in [
        ("/login", "/sessions"),
        ("/forgot", "/reset_password"),
        ("/register", "/users"),
    ] {
        for email in [KNOWN, UNKNOWN] {
            if (page, email) == ("/register", UNKNOWN) {
                // The page logs a new user in.
                continue;
            }
            let mut sent = Vec::new();
            for is_page in [true, false] {
                let Some(place) = Place::on(engine) else {
                    return;
                };
                let statements = Statements::to(&place);
                let mut setup = Setup::at(place);
                setup.auth.throttle = ThrottleSettings::default();
                let app = setup.start().await;
                app.register(KNOWN, "bob_pwd").await;
                statements.of_requests();
                if is_page {
                    post(&app, page, email).await;
                } else {
                    let body = format!("email={email}&password=a+wrong+one");
                    app.form(Method::POST, route, body).await;
                }
                sent.push(statements.of_requests());
            }
            assert_eq!(sent[0], sent[1], "{page} {email}");
        }
    }
}
