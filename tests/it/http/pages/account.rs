//! The pages of the account, and the account as JSON.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::db::DbSettings;
use bienvenue::domain::SessionSettings;
use rstest::rstest;
use serde_json::json;

use super::visitor::Visitor;
use super::{ACCEPT, assert_leads, assert_page};
use crate::support::app::{Answer, Setup, app};
use crate::support::{Engine, Place, settings};

const BOB: [(&str, &str); 2] = [("email", "bob@x.fr"), ("password", "bob_pwd")];

/// A service on which a user has several sessions.
fn several(place: Place) -> Setup {
    let setup = Setup::at(place);
    let db = settings(&setup.clock);
    Setup {
        db: DbSettings {
            sessions: SessionSettings {
                sessions_per_user: 20.into(),
                ..db.sessions
            },
            ..db
        },
        ..setup
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn account_is_shown_changed_and_deleted(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = several(place).start().await;
    let bob = Visitor::default();
    bob.post(&app, "/register", &BOB).await;
    let other = Visitor::default();
    other.post(&app, "/login", &BOB).await;

    let page = bob.get(&app, "/account").await;
    assert_page(&page, 200);
    for part in ["bob@x.fr", "not confirmed", "2027-", "action=\"/logout\""] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!(page.header("vary"), Some("Accept"));

    // A wrong password is said beside its field, and nothing that was typed is sent back.
    let form = [("current_password", "s3cret"), ("new_password", "n3w_pwd")];
    let page = bob.post(&app, "/account/password", &form).await;
    assert_page(&page, 401);
    assert!(
        page.body
            .contains("id=\"current_password-wrong\">The password is wrong.")
    );
    assert!(!page.body.contains("s3cret") && !page.body.contains("n3w_pwd"));
    assert!(
        page.body
            .contains("value=\"bob@x.fr\" autocomplete=\"username\"")
    );
    let before = bob.cookie("session_id");
    let form = [("current_password", "bob_pwd"), ("new_password", "new_pwd")];
    let answer = bob.post(&app, "/account/password", &form).await;
    assert_leads(&answer, "/account?done=password");
    assert_ne!(bob.cookie("session_id"), before);
    let page = bob.get(&app, "/account?done=password").await;
    assert!(page.body.contains("Your password was changed."));

    // The other device sees at the login why its session ended.
    let answer = other.get(&app, "/account/password").await;
    assert_leads(
        &answer,
        "/login?reason=session_ended&next=%2Faccount%2Fpassword",
    );

    let page = bob.post(&app, "/account/delete", &[]).await;
    assert_page(&page, 400);
    assert!(page.body.contains("Enter your current password."));
    let page = bob
        .post(&app, "/account/delete", &[("current_password", "bob_pwd")])
        .await;
    assert_page(&page, 401);
    let answer = bob
        .post(&app, "/account/delete", &[("current_password", "new_pwd")])
        .await;
    assert_leads(&answer, "/login?reason=account_deleted");
    assert_eq!(bob.cookie("session_id"), None);
    assert_eq!(app.log_in("bob@x.fr", "new_pwd").await.status, 401);
}

#[actix_web::test]
async fn devices_are_listed_and_logged_out() {
    let app = several(Place::new()).start().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let visitors: Vec<Visitor> = (0..12).map(|_| Visitor::default()).collect();
    for visitor in &visitors {
        visitor.post(&app, "/login", &BOB).await;
        app.advance(60);
    }
    let bob = visitors.last().unwrap();
    let page = bob.get(&app, "/account/sessions").await;
    assert_page(&page, 200);
    assert_eq!(page.body.matches(">this device<").count(), 1);
    assert_eq!(page.body.matches("name=\"id\"").count(), 9);
    let (_, after) = page.body.split_once("/account/sessions?after=").unwrap();
    let (after, _) = after.split_once('"').unwrap();
    let older = bob
        .get(&app, &format!("/account/sessions?after={after}"))
        .await;
    assert_eq!(older.body.matches("name=\"id\"").count(), 2);
    let id = |body: &str| {
        let (_, id) = body.split_once("name=\"id\" value=\"").unwrap();
        id.split_once('"').unwrap().0.to_owned()
    };
    let newest = id(&page.body);
    let answer = bob
        .post(&app, "/account/sessions", &[("id", &newest)])
        .await;
    assert_leads(&answer, "/account/sessions?done=session");
    let ended = visitors[10].get(&app, "/account").await;
    assert_leads(&ended, "/login?reason=session_ended&next=%2Faccount");
    // The button was pressed twice.
    let again = bob
        .post(&app, "/account/sessions", &[("id", &newest)])
        .await;
    assert_leads(&again, "/account/sessions?done=gone");
    let page = bob.get(&app, "/account/sessions?done=gone").await;
    assert!(page.body.contains("That device is already logged out."));
    assert_page(
        &bob.post(&app, "/account/sessions", &[("id", "x")]).await,
        404,
    );
    assert_page(
        &bob.post(&app, "/account/sessions", &[("scope", "all")])
            .await,
        400,
    );
    let answer = bob
        .post(&app, "/account/sessions", &[("scope", "others")])
        .await;
    assert_leads(&answer, "/account/sessions?done=others");
    let page = bob.get(&app, "/account/sessions").await;
    assert!(!page.body.contains("name=\"scope\""));
    assert_page(&bob.get(&app, "/account/sessions?after=x").await, 400);
}

#[actix_web::test]
async fn export_is_a_file() {
    let app = app().await;
    let bob = Visitor::default();
    bob.post(&app, "/register", &BOB).await;
    let page = bob.get(&app, "/account/export").await;
    assert_page(&page, 200);
    let file = bob.get(&app, "/account/export?file=json").await;
    assert_eq!(file.status, 200);
    assert_eq!(file.header("content-type"), Some("application/json"));
    assert_eq!(
        file.header("content-disposition"),
        Some("attachment; filename=\"account.json\"")
    );
    assert_eq!(file.json()["user"]["email"], "bob@x.fr");
}

#[actix_web::test]
async fn new_password_keeps_the_login_where_it_is_asked_to() {
    let app = app().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let bob = Visitor::default();
    bob.post(&app, "/login", &BOB).await;
    let wrong = [
        ("current_password", "s3cret"),
        ("new_password", "n3w_pwd"),
        ("keep", "on"),
    ];
    let page = bob.post(&app, "/account/password", &wrong).await;
    assert!(page.body.contains("name=\"keep\" value=\"on\" checked"));

    let session_cookie = |answer: &Answer| {
        let cookies = answer.headers("set-cookie");
        let session = cookies.iter().find(|c| c.starts_with("session_id="));
        session.unwrap().to_string()
    };
    let form = [("current_password", "bob_pwd"), ("new_password", "n3w_pwd")];
    let answer = bob.post(&app, "/account/password", &form).await;
    assert!(!session_cookie(&answer).contains("Max-Age"));
    let form = [
        ("current_password", "n3w_pwd"),
        ("new_password", "b0b_pwd"),
        ("keep", "on"),
    ];
    let answer = bob.post(&app, "/account/password", &form).await;
    assert!(session_cookie(&answer).contains("Max-Age"));
}

#[actix_web::test]
async fn denied_leads_strangers_to_what_they_wanted() {
    let app = app().await;
    let denied = async |path| Visitor::default().get(&app, path).await;
    let login = "/login?reason=login_required&next=";
    assert_leads(&denied("/denied").await, &format!("{login}%2Faccount"));
    let answer = denied("/denied?next=%2Fthings").await;
    assert_leads(&answer, &format!("{login}%2Fthings"));
}

#[actix_web::test]
async fn pages_of_the_account_lead_strangers_to_the_login() {
    let app = app().await;
    for path in [
        "/account",
        "/account/password",
        "/account/email",
        "/account/delete",
        "/account/sessions",
        "/account/export",
    ] {
        let visitor = Visitor::default();
        let next = percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC);
        let location = format!("/login?reason=login_required&next={next}");
        assert_leads(&visitor.get(&app, path).await, &location);
    }
    let visitor = Visitor::default();
    let answer = visitor
        .post(&app, "/account/delete", &[("current_password", "x")])
        .await;
    assert_eq!(answer.status, 303);
    let answer = visitor.get(&app, "/.well-known/change-password").await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), Some("/account/password"));
}

#[actix_web::test]
async fn account_is_json_for_programs() {
    let app = app().await;
    let bob = Visitor::default();
    bob.post(&app, "/register", &BOB).await;
    let session = format!("session_id={}", bob.cookie("session_id").unwrap());
    let ask = |accept| {
        TestRequest::with_uri("/account")
            .insert_header(("Accept", accept))
            .insert_header(("Cookie", session.clone()))
    };
    for accept in [
        "application/json",
        "*/*",
        "application/json, text/html;q=0.9",
    ] {
        let answer = app.send(ask(accept)).await;
        assert_eq!(answer.status, 200);
        let mut account = answer.json();
        assert!(account["created_at"].is_string());
        assert!(account["last_login_at"].is_string());
        account["created_at"].take();
        account["last_login_at"].take();
        assert_eq!(
            account,
            json!({
                "id": 1,
                "email": "bob@x.fr",
                "email_verified": false,
                "created_at": null,
                "last_login_at": null,
                "groups": [],
                "second_factors": [],
                "recovery_codes_left": 0,
            })
        );
        assert_eq!(answer.header("vary"), Some("Accept"));
    }
    assert_page(&app.send(ask(ACCEPT)).await, 200);
    let stranger = app.with_cookie(Method::GET, "/account", "").await;
    assert_eq!(stranger.line(), "403 ");
}

#[actix_web::test]
async fn rules_are_shown_before_a_form_is_posted() {
    let app = app().await;
    let answer = app.with_cookie(Method::GET, "/rules", "").await;
    assert_eq!(
        answer.line(),
        r#"200 {"password_min_length":1,"registration":"reveal","email_verification":"off","second_factor":"optional"}"#
    );
}
