//! Behind one address (an office, a carrier's NAT) neighbours use up no limit of an owner.

use actix_web::http::Method;
use actix_web::test;
use rstest::rstest;

use super::{BOB, NEW, OLD, encoded, reset_fields, with_bob};
use crate::support::app::{Answer, App, fields};
use crate::support::statements::Statements;
use crate::support::{Engine, Place};

const OFFICE: &str = "192.0.2.7:1";

impl App {
    async fn sent_from_office(
        &self,
        method: Method,
        path: &str,
        device: Option<&str>,
        body: String,
    ) -> Answer {
        let mut request = test::TestRequest::with_uri(path)
            .method(method)
            .peer_addr(OFFICE.parse().unwrap())
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(body);
        if let Some(device) = device {
            request = request.insert_header(("Cookie", format!("device={device}")));
        }
        self.send(request).await
    }

    /// Logs bob in from elsewhere, and returns the device that the account knows then.
    async fn device_of_bob(&self) -> String {
        let request = test::TestRequest::with_uri("/sessions")
            .method(Method::POST)
            .peer_addr("203.0.113.5:1".parse().unwrap())
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(fields(BOB, OLD));
        let login = self.send(request).await;
        let cookies = login.headers("set-cookie");
        let device = cookies.iter().find_map(|c| c.strip_prefix("device="));
        device.unwrap().split(';').next().unwrap().to_owned()
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn a_right_token_passes_whatever_neighbours_guess(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    let reset = async |token: &str, new: &str| {
        let body = reset_fields(BOB, token, new);
        app.sent_from_office(Method::PUT, "/reset_password", None, body)
            .await
    };
    let wrong = "00000000-0000-4000-8000-000000000000";
    for _ in 0..20 {
        assert_eq!(reset(wrong, NEW).await.status, 403);
    }
    assert_eq!(reset(wrong, NEW).await.status, 429);
    let token = app.token(BOB);
    assert_eq!(reset(&token, NEW).await.status, 200);
    assert_eq!(reset(&token, NEW).await.status, 429, "it is spent");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn a_known_device_asks_for_a_reset_whatever_neighbours_ask(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    let device = app.device_of_bob().await;
    let ask = async |device: Option<&str>, email: &str| {
        let body = encoded(&[("email", email)]);
        let answer = app
            .sent_from_office(Method::POST, "/reset_password", device, body)
            .await;
        answer.status.as_u16()
    };
    for number in 0..30 {
        assert_eq!(ask(None, &format!("{number}@x.org")).await, 200);
    }
    assert_eq!(ask(None, BOB).await, 429);
    assert_eq!(ask(Some(&device), "eve@x.org").await, 429, "not hers");
    for _ in 0..30 {
        assert_eq!(ask(Some(&device), BOB).await, 200);
    }
    assert_eq!(ask(Some(&device), BOB).await, 429, "its own limit");
    assert_eq!(
        app.place.texts(super::requests::QUEUED).len(),
        31,
        "one of bob's"
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn a_throttled_reset_request_writes_nothing(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let statements = Statements::to(&place);
    let Some(app) = super::with_bob_at(place).await else {
        return;
    };
    let ask = async |number: usize| {
        let body = encoded(&[("email", &format!("{number}@x.org"))]);
        app.sent_from_office(Method::POST, "/reset_password", None, body)
            .await
    };
    for number in 0..30 {
        assert_eq!(ask(number).await.status, 200);
    }
    drop(statements.of_requests());
    let refused = ask(30).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("360"));
    let sent = statements.of_requests();
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert!(sent[0].starts_with("SELECT"), "{sent:#?}");
}

#[actix_web::test]
async fn a_site_asks_for_100_reset_mails_at_once() {
    let app = with_bob(Engine::Sqlite).await.unwrap();
    let mut statuses = Vec::new();
    for number in 0..101 {
        let request = test::TestRequest::with_uri("/reset_password")
            .method(Method::POST)
            .peer_addr(format!("[2001:db8:1:{number}::1]:1").parse().unwrap())
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(encoded(&[("email", &format!("user{number}@dylan.com"))]));
        statuses.push(app.send(request).await.status.as_u16());
    }
    assert_eq!(statuses[..100], [200; 100]);
    assert_eq!(statuses[100], 429);
}
