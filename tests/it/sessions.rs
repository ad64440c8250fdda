//! How long a session lives, how many a user has, and what is written down of it.

use std::time::Duration;

use actix_web::http::StatusCode;
use bienvenue::domain::SessionId;

use crate::support::app::{Setup, app};
use crate::support::{START, email, eventually};

const DAY: u64 = 24 * 3600;

#[actix_web::test]
async fn r27_a_session_that_is_not_used_ends_after_a_day() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    app.advance(DAY - 1);
    // In the process nobody has used it: what is written down is the login.
    assert!(
        app.auth
            .get_user_from_session_id(&SessionId::parse(&id).unwrap())
            .unwrap()
            .is_some()
    );
    app.auth.wind_up();
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
        app.auth.wind_up();
    }
    app.advance(DAY / 2);
    assert_eq!(app.profile(&id).await.line(), "403 ");
}

#[actix_web::test]
async fn the_last_use_is_written_at_most_once_a_minute() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    let last_seen = || {
        app.auth.wind_up();
        app.place
            .texts("SELECT CAST(last_seen_at AS TEXT) AS value FROM sessions")
            .remove(0)
    };
    let at = |seconds: i64| (START.seconds() + seconds).to_string();
    for (wait, written) in [(30, 0), (29, 0), (1, 60), (59, 60), (1, 120)] {
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
    app.advance(61);
    app.profile(&id).await;
    let used = (START.seconds() + 61).to_string();
    eventually("the last use is written", || {
        app.place
            .texts("SELECT CAST(last_seen_at AS TEXT) AS value FROM sessions")
            == [used.clone()]
    });
}

#[actix_web::test]
async fn where_the_idle_limit_is_short_uses_are_written_often_enough() {
    let mut setup = Setup::new();
    setup.db.sessions.idle = Duration::from_secs(20);
    let app = setup.start().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    for _ in 0..10 {
        app.advance(15);
        assert_eq!(app.profile(&id).await.status, StatusCode::OK);
        app.auth.wind_up();
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
    setup.db.sessions.per_user = 2;
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
    assert_eq!(mirrored, [digest.as_str()], "the newest that is left");
}

#[actix_web::test]
async fn without_a_limit_every_session_stays() {
    let mut setup = Setup::new();
    setup.db.sessions.per_user = 0;
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
    let rows = app.place.texts("SELECT digest AS value FROM sessions");
    assert!(rows.is_empty(), "{rows:?}");
}

#[actix_web::test]
async fn what_is_stored_logs_nobody_in() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    let stored = app.place.texts(
        "SELECT coalesce(session_id, '') || ' ' || hashed_password || ' ' || digest || ' ' || \
         public_id AS value FROM users JOIN sessions ON user_id = users.id",
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
    assert_eq!(mirrored(), [digest.as_str()]);
    app.log_out(&id).await;
    assert_eq!(mirrored(), ["NULL"]);
}

#[actix_web::test]
async fn f18_a_session_from_a_future_that_was_no_future_is_refused() {
    let app = app().await;
    app.register("bob@dylan.com", "bob_pwd").await;
    app.advance(10 * 365 * DAY);
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    app.clock.turn_to(START);
    assert_eq!(app.profile(&id).await.line(), "403 ");
}

#[actix_web::test]
async fn f18_a_clock_that_jumps_lets_no_session_live_longer_than_it_may() {
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
        app.clock.turn_to(jump);
        assert!(["200", "403"].contains(&&app.profile(&before).await.line()[..3]));
        let during = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
        assert_eq!(&app.profile(&during).await.line()[..3], "200");
        app.clock.turn_to(START);
        assert!(["200", "403"].contains(&&app.profile(&during).await.line()[..3]));
        let after = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
        assert_eq!(&app.profile(&after).await.line()[..3], "200");
        // Whatever the clock did: the absolute limit after the last login, all are over.
        app.clock.turn_to(START.plus(Duration::from_secs(7 * DAY)));
        for id in [before, during, after] {
            assert_eq!(app.profile(&id).await.line(), "403 ", "{jump}");
        }
    }
}
