//! The dates that are stored of an account: its creation and the last login.

use std::time::Duration;

use actix_web::http::Method;
use bienvenue::domain::{AccountDates, Actor};
use serde_json::{Value, json};

use crate::support::app::Setup;
use crate::support::program::{run, told};
use crate::support::statements::Statements;
use crate::support::{Engine, Place, START, email};

const BOB: &str = "bob@dylan.com";

#[actix_web::test]
async fn registration_and_login_are_remembered() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let sent = Statements::to(&place);
        let setup = Setup::at(place);
        let clock = setup.clock.clone();
        let app = setup.start().await;
        app.register(BOB, "bob_pwd").await;
        let db = app.place.open(crate::support::settings(&clock));
        let listed = db.users_after(None, 10).unwrap().remove(0);
        assert_eq!(listed.dates.created_at, Some(START));
        assert!(listed.dates.has_no_login());

        clock.advance(Duration::from_secs(60));
        sent.of_requests();
        let id = app.log_in(BOB, "bob_pwd").await.session_id();
        let writes = sent.of_requests();
        let writes = writes
            .iter()
            .filter(|sql| sql.contains("INTO account_dates"));
        assert_eq!(writes.count(), 1, "a login notes itself in one statement");
        app.log_in(BOB, "wrong").await;
        clock.advance(Duration::from_secs(60));

        let export = app
            .with_cookie(Method::GET, "/profile/export", &format!("session_id={id}"))
            .await;
        let user = export.json()["user"].clone();
        assert_eq!(user["created_at"], json!("2027-01-15T08:00:00Z"));
        assert_eq!(user["last_login_at"], json!("2027-01-15T08:01:00Z"));
        assert_eq!(user["disabled_at"], Value::Null);
        db.delete_user(listed.id, Actor::Service).unwrap();
        let left = "SELECT CAST(user_id AS TEXT) AS value FROM account_dates";
        assert_eq!(app.place.texts(left), [""; 0]);
    }
}

#[actix_web::test]
async fn past_of_an_older_account_is_unknown() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let setup = Setup::at(place);
        let clock = setup.clock.clone();
        let app = setup.start().await;
        app.register(BOB, "bob_pwd").await;
        app.place.sql("DELETE FROM account_dates");
        let db = app.place.open(crate::support::settings(&clock));
        let user = db.find_user_by(&email(BOB)).unwrap();
        assert_eq!(db.account_dates(user.id).unwrap(), AccountDates::default());
        clock.advance(Duration::from_secs(60));
        assert_eq!(app.log_in(BOB, "bob_pwd").await.status, 200);
        let dates = db.account_dates(user.id).unwrap();
        assert_eq!(dates.created_at, None);
        assert_eq!(
            dates.last_login_at,
            Some(START.plus(Duration::from_secs(60)))
        );
    }
}

#[actix_web::test]
async fn refused_session_leaves_the_last_login() {
    let setup = Setup::new();
    let clock = setup.clock.clone();
    let app = setup.start().await;
    app.register(BOB, "bob_pwd").await;
    let db = app.place.open(crate::support::settings(&clock));
    let user = db.find_user_by(&email(BOB)).unwrap();
    let digest = bienvenue::domain::SessionId::generate().digest();
    let client = bienvenue::domain::Client::default();
    let new = bienvenue::db::NewSession {
        user_id: user.id,
        digest: &digest,
        client: &client,
        level: bienvenue::domain::SessionLevel::Password,
    };
    let another = bienvenue::domain::HashedPassword::from_stored("another");
    let settlement = bienvenue::db::LoginSideEffects::default();
    db.add_session(&new, Some(&another), &settlement)
        .unwrap_err();
    assert!(db.account_dates(user.id).unwrap().has_no_login());
}

#[test]
fn user_list_shows_the_dates() {
    let place = Place::new();
    let list = || {
        let output = run(place.folder(), &["user", "list"]);
        assert!(output.status.success(), "{}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(place.folder(), &["db", "migrate"]).status.success());
    for (id, dates) in [
        (1, "1800000000, 1800000060, NULL"),
        (2, "1800000000, NULL, 1800000060"),
        (3, "NULL, 1800000060, NULL"),
    ] {
        place.sql(&format!(
            "INSERT INTO users (id, email, hashed_password, email_key)
                 VALUES ({id}, '{id}@x.fr', '!', '{id}@x.fr');
             INSERT INTO account_dates VALUES ({id}, {dates}, NULL);"
        ));
    }
    place.sql(
        "INSERT INTO users (id, email, hashed_password, email_key)
             VALUES (4, '4@x.fr', '!', '4@x.fr')",
    );
    let (first, later) = ("2027-01-15T08:00:00Z", "2027-01-15T08:01:00Z");
    let expected = [
        format!("1\t1@x.fr\tcreated {first}\tlast login {later}"),
        format!("2\t2@x.fr\tcreated {first}\tlast login never\tdisabled {later}"),
        format!("3\t3@x.fr\tcreated unknown\tlast login {later}"),
        "4\t4@x.fr\tcreated unknown\tlast login unknown".to_owned(),
    ];
    assert_eq!(list().lines().collect::<Vec<_>>(), expected);
}
