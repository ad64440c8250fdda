//! How long a session lives, how many a user has, and what is written down of it.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use bienvenue::domain::{Clock, Mode, SessionId, SessionSettings};
use rstest::rstest;

use crate::support::app::{Setup, app};
use crate::support::{Engine, Place, START, email, eventually, settings};

const DAY: u64 = 24 * 3600;

#[actix_web::test]
async fn r27_a_session_that_is_not_used_ends_after_a_day() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    app.advance(DAY - 1);
    // In the process no request has used it: the stored time is that of the login.
    assert!(
        app.auth
            .get_user_from_session_id(&SessionId::parse(&id).unwrap())
            .unwrap()
            .is_some()
    );
    app.auth.flush();
    app.advance(DAY);
    assert_eq!(app.profile(&id).await.line(), "403 ");
    assert_eq!(app.log_out(&id).await.line(), "403 ");
}

#[actix_web::test]
async fn r27_a_session_that_is_used_ends_after_a_week_all_the_same() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    for _ in 0..13 {
        app.advance(DAY / 2);
        assert_eq!(app.profile(&id).await.status, StatusCode::OK);
        app.auth.flush();
    }
    app.advance(DAY / 2);
    assert_eq!(app.profile(&id).await.line(), "403 ");
}

#[actix_web::test]
async fn the_last_use_is_written_once_in_1_48_of_the_limit() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    let last_seen = || {
        app.auth.flush();
        app.place
            .texts("SELECT CAST(last_seen_at AS TEXT) AS value FROM sessions")
            .remove(0)
    };
    let at = |seconds: i64| (START.seconds() + seconds).to_string();
    for (wait, written) in [(900, 0), (899, 0), (1, 1800), (1799, 1800), (1, 3600)] {
        app.advance(wait);
        app.profile(&id).await;
        assert_eq!(last_seen(), at(written));
    }
}

#[actix_web::test]
async fn the_last_use_is_written_in_the_background() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    app.advance(1801);
    app.profile(&id).await;
    let used = (START.seconds() + 1801).to_string();
    eventually("the last use is written", || {
        app.place
            .texts("SELECT CAST(last_seen_at AS TEXT) AS value FROM sessions")
            == [used.clone()]
    });
}

#[actix_web::test]
async fn where_the_idle_limit_is_short_uses_are_written_often_enough() {
    let mut setup = Setup::new();
    setup.db.sessions.session_idle = Some(Duration::from_secs(20));
    let app = setup.start().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    for _ in 0..10 {
        app.advance(15);
        assert_eq!(app.profile(&id).await.status, StatusCode::OK);
        app.auth.flush();
    }
}

#[actix_web::test]
async fn r26_a_login_ends_the_session_before_by_default() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let first = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    let second = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    assert_ne!(first, second);
    assert_eq!(app.profile(&first).await.line(), "403 ");
    assert_eq!(app.profile(&second).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn several_devices_keep_the_newest_sessions() {
    let mut setup = Setup::new();
    setup.db.sessions.sessions_per_user = 2.into();
    let app = setup.start().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(app.log_in("bob@dylan.com", "bob_pwd").await.session_id());
        app.advance(1);
    }
    assert_eq!(app.profile(&ids[0]).await.line(), "403 ");
    assert_eq!(app.profile(&ids[1]).await.status, StatusCode::OK);
    assert_eq!(app.profile(&ids[2]).await.status, StatusCode::OK);
    assert_eq!(app.log_out(&ids[2]).await.line(), "200 {}");
    assert_eq!(app.profile(&ids[1]).await.status, StatusCode::OK);
    let mirrored = app.place.texts("SELECT session_id AS value FROM users");
    let digest = SessionId::parse(&ids[1]).unwrap().digest();
    assert_eq!(mirrored, [digest.to_hex()], "the newest that is left");
}

#[actix_web::test]
async fn without_a_limit_every_session_stays() {
    let mut setup = Setup::new();
    setup.db.sessions.sessions_per_user = 0.into();
    let app = setup.start().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(app.log_in("bob@dylan.com", "bob_pwd").await.session_id());
    }
    for id in &ids {
        assert_eq!(app.profile(id).await.status, StatusCode::OK);
    }
}

#[actix_web::test]
async fn r29_a_deleted_users_session_ends() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    app.auth.delete_user(&email("bob@dylan.com")).unwrap();
    assert_eq!(app.profile(&id).await.line(), "403 ");
    let rows = app
        .place
        .texts("SELECT CAST(user_id AS TEXT) AS value FROM sessions");
    assert!(rows.is_empty(), "{rows:?}");
}

#[actix_web::test]
async fn stored_session_digest_cannot_log_in() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    let stored = app.place.texts(
        "SELECT coalesce(session_id, '') || ' ' || hashed_password || ' ' || hex(digest) || ' ' || \
         hex(public_id) AS value FROM users JOIN sessions ON user_id = users.id",
    );
    assert!(!stored[0].contains(&id));
    for text in stored[0].split(' ') {
        assert_eq!(app.profile(text).await.line(), "403 ", "{text}");
    }
}

#[actix_web::test]
async fn r26_the_mirror_in_users_follows_the_newest_session() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let mirrored = || {
        app.place
            .texts("SELECT coalesce(session_id, 'NULL') AS value FROM users")
    };
    assert_eq!(mirrored(), ["NULL"]);
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    let digest = SessionId::parse(&id).unwrap().digest();
    assert_eq!(mirrored(), [digest.to_hex()]);
    app.log_out(&id).await;
    assert_eq!(mirrored(), ["NULL"]);
}

#[actix_web::test]
async fn f18_session_from_a_wrong_future_clock_is_refused() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    app.advance(10 * 365 * DAY);
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    app.clock.set(START);
    assert_eq!(app.profile(&id).await.line(), "403 ");
}

#[actix_web::test]
async fn f18_jumping_clock_extends_no_session() {
    let hour = Duration::from_secs(3600);
    let decade = Duration::from_secs(10 * 365 * DAY);
    for jump in [
        START.plus(hour),
        START.minus(hour),
        START.plus(decade),
        START.minus(decade),
    ] {
        let app = app().await;
        app.register("bob@dylan.com", "bob_pwd").await;
        let before = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
        app.clock.set(jump);
        assert!(["200", "403"].contains(&&app.profile(&before).await.line()[..3]));
        let during = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
        assert_eq!(&app.profile(&during).await.line()[..3], "200");
        app.clock.set(START);
        assert!(["200", "403"].contains(&&app.profile(&during).await.line()[..3]));
        let after = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
        assert_eq!(&app.profile(&after).await.line()[..3], "200");
        // Whatever the clock did: the absolute limit after the last login, all are over.
        app.clock.set(START.plus(Duration::from_secs(7 * DAY)));
        for id in [before, during, after] {
            assert_eq!(app.profile(&id).await.line(), "403 ", "{jump}");
        }
    }
}

/// A use changes the table's row alone: no index holds the time of the last use.
#[actix_web::test]
async fn no_index_holds_the_last_use() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let _db = place.open(settings(&Clock::set_to(START)));
        let indexes = place.texts(match engine {
            Engine::Sqlite => {
                "SELECT sql AS value FROM sqlite_master WHERE type = 'index' AND tbl_name = 'sessions'
                 AND sql LIKE '%last_seen_at%'"
            }
            Engine::Postgres => {
                "SELECT indexdef AS value FROM pg_indexes WHERE tablename = 'sessions'
                 AND indexdef LIKE '%last_seen_at%'"
            }
        });
        assert_eq!(indexes, [""; 0]);
    }
}

#[rstest]
fn touch_interval_is_1_48_of_the_idle_limit(
    #[values((86_400, 1800), (2880, 60), (600, 60), (240, 60), (20, 5))] (idle, touched): (
        u64,
        u64,
    ),
) {
    let rules = SessionSettings {
        session_idle: Some(Duration::from_secs(idle)),
        ..SessionSettings::default()
    };
    assert_eq!(rules.touch_after(), Duration::from_secs(touched));
}

/// The session's copy of the address follows the user's, by whatever statement it changes.
#[actix_web::test]
async fn a_session_shows_the_address_of_now() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let app = Setup::at(place).start().await;
        app.register("bob@dylan.com", "bob_pwd").await;
        app.register("eve@dylan.com", "eve_pwd").await;
        let bob = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
        let eve = app.log_in("eve@dylan.com", "eve_pwd").await.session_id();
        app.place
            .sql("UPDATE users SET email = 'Robert@dylan.com', email_key = 'robert@dylan.com' WHERE id = 1");
        let profile = |email: &str| format!(r#"200 {{"email":"{email}"}}"#);
        assert_eq!(app.profile(&bob).await.line(), profile("Robert@dylan.com"));
        assert_eq!(app.profile(&eve).await.line(), profile("eve@dylan.com"));
    }
}

/// Pages are read by key: each session once, newest first, and a link to the next page.
#[actix_web::test]
async fn long_lists_of_sessions_come_in_pages() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let mut setup = Setup::at(place);
        setup.db.sessions.sessions_per_user = 0.into();
        let app = setup.start().await;
        app.register("bob@dylan.com", "bob_pwd").await;
        let mut id = String::new();
        for _ in 0..150 {
            app.advance(1);
            id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
        }
        let cookie = format!("session_id={id}");
        let mut path = "/sessions".to_owned();
        let mut times = Vec::new();
        let mut pages = 0;
        loop {
            let page = app.with_cookie(Method::GET, &path, &cookie).await;
            assert_eq!(page.status, StatusCode::OK);
            let page_times = page.json();
            let page_times = page_times.as_array().unwrap().iter();
            times.extend(page_times.map(|session| session["created_at"].to_string()));
            pages += 1;
            let Some(link) = page.header("link") else {
                break;
            };
            let next = link.strip_prefix('<').and_then(|link| link.split_once('>'));
            path = format!("/sessions{}", next.unwrap().0);
        }
        assert_eq!((times.len(), pages), (150, 2));
        assert!(times.is_sorted_by(|newer, older| newer > older));
        let nonsense = app.with_cookie(Method::GET, "/sessions?after=x", &cookie);
        assert_eq!(nonsense.await.status, StatusCode::BAD_REQUEST);
    }
}

#[actix_web::test]
async fn no_limit_of_sessions_means_a_thousand() {
    for number in [0, 5000] {
        let rules = SessionSettings {
            sessions_per_user: number.into(),
            ..SessionSettings::default()
        };
        assert_eq!(rules.kept_per_user(Mode::Development), 1000);
    }
}

/// Sessions that an older version stored stay valid, with another name in the list.
#[actix_web::test]
async fn sessions_of_the_schema_before_stay_valid() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        place.migrate_before("2026-11-26-000007");
        let id = SessionId::generate();
        let (digest, now) = (id.digest().to_hex(), START.seconds());
        place.sql(&format!(
            "INSERT INTO users (id, email, hashed_password, session_id, email_key)
                 VALUES (1, 'bob@dylan.com', 'x', '{digest}', 'bob@dylan.com');
             INSERT INTO sessions VALUES ('{digest}', '7d9f6a0e-9c7b-4c4e-8d57-8f6c5a0f2b11', 1,
                 {now}, {now}, {now} + 604800, '192.0.2.7', 'curl');"
        ));
        let app = Setup::at(place).start().await;
        let id = id.expose();
        let profile = app.profile(&id).await;
        assert_eq!(profile.line(), r#"200 {"email":"bob@dylan.com"}"#);
        let cookie = format!("session_id={id}");
        let list = app.with_cookie(Method::GET, "/sessions", &cookie).await;
        assert_eq!(list.json()[0]["ip"], "192.0.2.7");
        assert_eq!(list.json()[0]["current"], true);
        let name = list.json()[0]["id"].as_str().unwrap().to_owned();
        let path = format!("/sessions/{name}");
        let ended = app.with_cookie(Method::DELETE, &path, &cookie).await;
        assert_eq!(ended.line(), "200 {}");
        assert_eq!(app.profile(&id).await.line(), "403 ");
    }
}
