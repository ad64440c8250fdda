//! The use cases of an account's owner: password, devices, export, deletion.

use actix_web::http::header;
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use bienvenue::auth::{Auth, AuthError, Inline, OwnerRequest};
use bienvenue::domain::{BcryptCost, Client, Clock, SessionId};
use pollster::block_on;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{Answer, App, Setup, app, quick};
use crate::support::{Engine, Place, START, email, password, settings, until_hash};

const BOB: (&str, &str) = ("bob@dylan.com", "bob_pwd");
const CHANGE: &str = "current_password=bob_pwd&new_password=new_pwd";

/// The service on that engine, for as many devices as anybody likes.
async fn devices(engine: Engine) -> Option<App> {
    let mut setup = Setup::at(Place::on(engine)?);
    setup.db.sessions.sessions_per_user = 0.into();
    Some(setup.start().await)
}

async fn send(app: &App, method: Method, path: &str, id: &str, body: &str) -> Answer {
    let request = TestRequest::with_uri(path)
        .method(method)
        .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"))
        .insert_header((header::COOKIE, format!("session_id={id}")))
        .insert_header((header::USER_AGENT, "a browser"))
        .set_payload(body.to_owned());
    app.send(request).await
}

async fn log_in(app: &App) -> String {
    app.advance(1);
    app.log_in(BOB.0, BOB.1).await.session_id()
}

fn cookie(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").unwrap();
    let value = cookie.strip_prefix("session_id=").unwrap();
    value.split(';').next().unwrap().to_owned()
}

#[rstest]
#[actix_web::test]
async fn r03_r30_password_change_replaces_all_sessions(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = devices(engine).await else {
        return;
    };
    app.register(BOB.0, BOB.1).await;
    let (here, there) = (log_in(&app).await, log_in(&app).await);
    app.place.sql("UPDATE users SET reset_token = 'pending'");
    let answer = send(&app, Method::PUT, "/profile/password", &here, CHANGE).await;
    assert_eq!(
        answer.line(),
        r#"200 {"email":"bob@dylan.com","message":"Password updated"}"#
    );
    let new = cookie(&answer);
    for ended in [&here, &there] {
        assert_eq!(app.profile(ended).await.line(), "403 ");
    }
    assert_eq!(app.profile(&new).await.status, StatusCode::OK);
    let stored = app
        .place
        .texts("SELECT session_id || coalesce(reset_token, ' no token') AS value FROM users");
    let digest = SessionId::parse(&new).unwrap().digest();
    assert_eq!(stored, [format!("{} no token", digest.to_hex())]);
    assert_eq!(
        app.log_in(BOB.0, BOB.1).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(app.log_in(BOB.0, "new_pwd").await.status, StatusCode::OK);
}

#[actix_web::test]
async fn r03_without_the_current_password_nothing_changes() {
    let mut setup = Setup::new();
    setup.auth.passwords.password_min_length = 5.into();
    let app = setup.start().await;
    app.register(BOB.0, BOB.1).await;
    let id = log_in(&app).await;
    for (body, line) in [
        (
            "current_password=wrong&new_password=new_pwd",
            r#"401 {"message":"invalid credentials"}"#,
        ),
        (
            "current_password=bob_pwd&new_password=tiny",
            r#"400 {"message":"password is too short: it needs 5 characters or more"}"#,
        ),
        (
            "current_password=bob_pwd",
            r#"400 {"message":"new_password missing"}"#,
        ),
        (
            "new_password=new_pwd",
            r#"400 {"message":"current_password missing"}"#,
        ),
    ] {
        let answer = send(&app, Method::PUT, "/profile/password", &id, body).await;
        assert_eq!(answer.line(), line);
        assert_eq!(answer.header("set-cookie"), None);
    }
    assert_eq!(app.profile(&id).await.status, StatusCode::OK);
    assert_eq!(app.log_in(BOB.0, BOB.1).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn request_without_a_session_is_403_with_any_body() {
    let app = app().await;
    app.register(BOB.0, BOB.1).await;
    let unknown = SessionId::generate().expose();
    for (method, path) in [
        (Method::PUT, "/profile/password"),
        (Method::DELETE, "/profile"),
        (Method::GET, "/profile/export"),
        (Method::GET, "/sessions"),
        (Method::DELETE, "/sessions/nix"),
        (Method::DELETE, "/sessions?scope=nix"),
        (Method::DELETE, "/sessions?scope=all"),
    ] {
        for id in ["", "nix", unknown.as_str()] {
            for body in ["", CHANGE, "%ff", &"x".repeat(20_000)] {
                let answer = send(&app, method.clone(), path, id, body).await;
                assert_eq!(answer.line(), "403 ", "{method} {path} {id}");
            }
        }
    }
}

#[rstest]
fn r30_overtaken_password_change_stores_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(
        "UPDATE users SET hashed_password = 'another'",
        "DELETE FROM sessions",
        "DELETE FROM sessions; DELETE FROM users"
    )]
    meanwhile: &str,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = place.open(settings(&Clock::set_to(START)));
    // The hash must not be done before the use case waits for it.
    let mut slow = quick();
    slow.passwords.bcrypt_cost = BcryptCost::SERVING_MINIMUM;
    let auth = Auth::new(db, slow).unwrap();
    let (bob, old, new) = (email(BOB.0), password(BOB.1), password("new_pwd"));
    auth.register_user(&bob, &old).unwrap();
    let id = auth.create_session(&bob).unwrap();
    let owner = auth.session_user(&id).unwrap().unwrap();
    let client = Client::default();
    let request = OwnerRequest {
        owner,
        session_id: id,
        current_password: old,
        client,
    };
    let change = until_hash(auth.change_password(&Inline, request.clone(), new));
    let deletion = until_hash(auth.delete_account(&Inline, request));
    place.sql(meanwhile);
    let rows = "SELECT hashed_password || coalesce(session_id, '') AS value FROM users";
    let before = place.texts(rows);
    assert!(matches!(block_on(change), Err(AuthError::ConcurrentChange)));
    assert!(matches!(
        block_on(deletion),
        Err(AuthError::ConcurrentChange)
    ));
    assert_eq!(place.texts(rows), before);
}

#[rstest]
#[actix_web::test]
async fn r29_a_deleted_account_leaves_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = devices(engine).await else {
        return;
    };
    app.register(BOB.0, BOB.1).await;
    app.register("eve@dylan.com", "eve_pwd").await;
    let (here, there) = (log_in(&app).await, log_in(&app).await);
    let wrong = send(
        &app,
        Method::DELETE,
        "/profile",
        &here,
        "current_password=x",
    )
    .await;
    assert_eq!(wrong.line(), r#"401 {"message":"invalid credentials"}"#);
    let right = "current_password=bob_pwd";
    let answer = send(&app, Method::DELETE, "/profile", &here, right).await;
    assert_eq!(answer.line(), "200 {}");
    assert_eq!(cookie(&answer), "");
    for ended in [&here, &there] {
        assert_eq!(app.profile(ended).await.line(), "403 ");
    }
    let left = "SELECT email AS value FROM users UNION ALL SELECT email FROM sessions";
    assert_eq!(app.place.texts(left), ["eve@dylan.com"]);
    assert!(app.auth.delete_user(&email(BOB.0)).is_err());
}

#[rstest]
#[actix_web::test]
async fn r33_sessions_are_listed_newest_first(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = devices(engine).await else {
        return;
    };
    app.register(BOB.0, BOB.1).await;
    let (first, second) = (log_in(&app).await, log_in(&app).await);
    let answer = send(&app, Method::GET, "/sessions", &first, "").await;
    let list = answer.json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[0]["current"], false);
    assert_eq!(list[1]["current"], true);
    assert_eq!(list[0]["created_at"], "2027-01-15T08:00:02Z");
    assert_eq!(list[1]["last_seen_at"], "2027-01-15T08:00:01Z");
    let fields: Vec<&String> = list[0].as_object().unwrap().keys().collect();
    let known = [
        "created_at",
        "current",
        "id",
        "ip",
        "last_seen_at",
        "user_agent",
    ];
    assert_eq!(fields, known);
    for id in [&first, &second] {
        assert!(!answer.body.contains(id.as_str()), "a session id is shown");
    }
    let name = list[0]["id"].as_str().unwrap();
    assert_eq!(
        app.profile(name).await.line(),
        "403 ",
        "a name opens nothing"
    );
    app.advance(24 * 3600 - 2);
    let id = log_in(&app).await;
    let answer = send(&app, Method::GET, "/sessions", &id, "").await;
    assert_eq!(
        answer.json().as_array().unwrap().len(),
        2,
        "one is idle for too long"
    );
}

#[rstest]
#[actix_web::test]
async fn r33_only_its_owner_ends_a_session(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = devices(engine).await else {
        return;
    };
    app.register(BOB.0, BOB.1).await;
    app.register("eve@dylan.com", "eve_pwd").await;
    let eve = app.log_in("eve@dylan.com", "eve_pwd").await.session_id();
    let (first, second) = (log_in(&app).await, log_in(&app).await);
    let list = send(&app, Method::GET, "/sessions", &first, "")
        .await
        .json();
    let path = |at: usize| format!("/sessions/{}", list[at]["id"].as_str().unwrap());
    let strange = send(&app, Method::DELETE, &path(0), &eve, "").await;
    assert_eq!(strange.line(), r#"404 {"message":"no such session"}"#);
    for nothing in [
        "/sessions/nix",
        &path(0).to_uppercase().replace("SESSIONS", "sessions"),
    ] {
        let answer = send(&app, Method::DELETE, nothing, &first, "").await;
        assert_eq!(answer.line(), r#"404 {"message":"no such session"}"#);
    }
    let mirrored = || {
        app.place
            .texts("SELECT coalesce(session_id, '') AS value FROM users WHERE id = 1")
    };
    let digest = |id: &str| SessionId::parse(id).unwrap().digest().to_hex();
    assert_eq!(mirrored(), [digest(&second)]);
    let other = send(&app, Method::DELETE, &path(0), &first, "").await;
    assert_eq!(other.line(), "200 {}");
    assert_eq!(other.header("set-cookie"), None);
    assert_eq!(app.profile(&second).await.line(), "403 ");
    assert_eq!(mirrored(), [digest(&first)]);
    let own = send(&app, Method::DELETE, &path(1), &first, "").await;
    assert_eq!(
        (own.line(), cookie(&own)),
        ("200 {}".to_owned(), String::new())
    );
    assert_eq!(app.profile(&first).await.line(), "403 ");
    assert_eq!(mirrored(), [""]);
    assert_eq!(app.profile(&eve).await.status, StatusCode::OK);
}

#[rstest]
#[actix_web::test]
async fn r33_the_other_sessions_or_all_are_ended_at_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = devices(engine).await else {
        return;
    };
    app.register(BOB.0, BOB.1).await;
    let (here, there, third) = (log_in(&app).await, log_in(&app).await, log_in(&app).await);
    for unknown in ["scope=", "scope=nix", "scope=all&scope=others"] {
        let path = format!("/sessions?{unknown}");
        let answer = send(&app, Method::DELETE, &path, &here, "").await;
        assert_eq!(
            answer.line(),
            r#"400 {"message":"scope must be one of: others, all"}"#
        );
    }
    let others = send(&app, Method::DELETE, "/sessions?scope=others", &here, "").await;
    assert_eq!(
        (others.line(), others.header("set-cookie")),
        ("200 {}".to_owned(), None)
    );
    assert_eq!(app.profile(&here).await.status, StatusCode::OK);
    for ended in [&there, &third] {
        assert_eq!(app.profile(ended).await.line(), "403 ");
    }
    let again = log_in(&app).await;
    let all = send(&app, Method::DELETE, "/sessions?scope=all", &here, "").await;
    assert_eq!(
        (all.line(), cookie(&all)),
        ("200 {}".to_owned(), String::new())
    );
    for ended in [&here, &again] {
        assert_eq!(app.profile(ended).await.line(), "403 ");
    }
    let left = "SELECT coalesce(session_id, '') AS value FROM users";
    assert_eq!(app.place.texts(left), [""]);
}

#[actix_web::test]
async fn r54_an_export_holds_everything_but_secrets() {
    let mut setup = Setup::new();
    setup.db.sessions.sessions_per_user = 0.into();
    setup.auth.throttle.throttle = true;
    let app = setup.start().await;
    app.register(BOB.0, BOB.1).await;
    let (here, there) = (log_in(&app).await, log_in(&app).await);
    app.place
        .sql("INSERT INTO known_clients VALUES (1, '192.0.2.77/32', 0, 9999999999)");
    let token = app.auth.get_reset_password_token(&email(BOB.0));
    let token = token.unwrap().expose();
    let new = "email=robert%40x.fr&current_password=bob_pwd";
    let asked = send(&app, Method::PUT, "/profile/email", &here, new).await;
    assert_eq!(asked.status, StatusCode::OK);
    app.place.sql(
        "INSERT INTO email_tokens VALUES ('a-digest', 1, 'verify', 'rob@x.fr', 1800000000, 1800000060);
         INSERT INTO outbox (user_id, letter, details, created_at, due_at, attempts, claimed_until)
             VALUES (1, 'new_device', '{\"at\":0}', 1800000000, 1800000000, 0, 0);
         INSERT INTO verified_emails VALUES (1, 'bob@dylan.com', 1800000000);
         INSERT INTO former_emails VALUES
             (1, 1, 'old@x.fr', 'old@x.fr', 'another-digest', 1800000000, 1800000060, 1)",
    );
    app.log_in(BOB.0, "wrong").await;
    let answer = send(&app, Method::GET, "/profile/export", &here, "").await;
    let export: Value = answer.json();
    assert_eq!(
        export["user"],
        json!({
            "id": 1,
            "email": BOB.0,
            "email_verified_at": "2027-01-15T08:00:00Z",
            "created_at": "2027-01-15T08:00:00Z",
            "last_login_at": "2027-01-15T08:00:02Z",
            "disabled_at": null,
            "language": null
        })
    );
    let (made, good_until) = ("2027-01-15T08:00:00Z", "2027-01-15T08:01:00Z");
    let tokens = export["tokens"].as_array().unwrap();
    assert_eq!(tokens[0]["action"], "reset");
    assert_eq!(
        tokens[1],
        json!({"action": "verify", "email": "rob@x.fr", "created_at": made, "expires_at": good_until})
    );
    assert_eq!(
        export["former_emails"],
        json!([{"email": "old@x.fr", "changed_at": made, "expires_at": good_until}])
    );
    let mails = export["mails"].as_array().unwrap();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["letter"], "new_device");
    assert_eq!(mails[0]["details"], json!({"at": 0}));
    let counts = export["counts"].as_array().unwrap();
    let mut counts: Vec<_> = counts
        .iter()
        .map(|c| format!("{} {}", c["of"], c["count"]))
        .collect();
    counts.sort();
    let expected = [
        r#""account" 1"#,
        r#""email-changes" 1"#,
        r#""logins" 4"#,
        r#""reauthentication" 1"#,
    ];
    assert_eq!(counts, expected);
    assert_eq!(export["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(export["sessions"][0]["expires_at"], "2027-01-22T08:00:02Z");
    let known = export["known_clients"].as_array().unwrap();
    let kinds: Vec<_> = known.iter().map(|client| &client["kind"]).collect();
    assert_eq!(kinds, ["device", "device", "network"]);
    assert_eq!(known[2]["network"], "192.0.2.77/32");
    let secrets = app.place.texts(
        "SELECT hashed_password AS value FROM users UNION SELECT session_id FROM users
         UNION SELECT mark FROM known_clients WHERE mark NOT LIKE '%/%'",
    );
    let planted = ["a-digest".to_owned(), "another-digest".to_owned()];
    for secret in secrets
        .iter()
        .chain(&planted)
        .chain([&here, &there, &token])
    {
        assert!(!answer.body.contains(secret.as_str()), "{secret}");
    }
}
