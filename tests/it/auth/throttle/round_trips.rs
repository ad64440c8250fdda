//! How often a request asks a PostgreSQL server. Each statement is one round trip, `BEGIN` and
//! `COMMIT` too; preparing a statement, once for each connection, is not counted.

use super::logins::{BOB, From, device_of, from, throttling};
use crate::support::statements::Statements;
use crate::support::{Engine, Place};

#[actix_web::test]
async fn requests_take_few_round_trips_to_postgres() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let statements = Statements::to(&place);
    let app = throttling(place).await;
    let count = |what: &str| {
        let sent = statements.of_requests();
        println!("{what}: {} round trips", sent.len());
        sent
    };
    count("before");

    let home = from("192.0.2.1");
    assert_eq!(
        home.post(&app, "/users", "eve@dylan.com", "pwd")
            .await
            .status,
        201
    );
    let registration = count("registration");
    let answer = home.post(&app, "/sessions", BOB, "bob_pwd").await;
    assert_eq!(answer.status, 200);
    let first = count("login of the first client");
    let known = From {
        device: Some(device_of(&answer)),
        ..home
    };
    let answer = known.post(&app, "/sessions", BOB, "bob_pwd").await;
    assert_eq!(answer.status, 200);
    let again = count("login of a known client");
    assert_eq!(
        from("198.51.100.1").try_login(&app, BOB, "bob_pwd").await,
        200
    );
    let stranger = count("login of a new client, with a mail");
    assert_eq!(
        from("203.0.113.1").try_login(&app, BOB, "bob_pwd").await,
        200
    );
    let unmailed = count("login of a new client, whose mail has no budget");
    assert_eq!(from("203.0.113.1").try_login(&app, BOB, "wrong").await, 401);
    let wrong = count("wrong login of a known client");
    assert_eq!(from("233.252.0.1").try_login(&app, BOB, "wrong").await, 401);
    let wrong_stranger = count("wrong login of a new client");
    let id = known
        .post(&app, "/sessions", BOB, "bob_pwd")
        .await
        .session_id();
    count("login");
    assert_eq!(app.profile(&id).await.status, 200);
    let profile = count("profile");

    let queues = |sent: &[String]| sent.iter().any(|text| text.contains("INTO outbox"));
    assert!(queues(&stranger), "{stranger:#?}");
    assert!(!queues(&unmailed), "{unmailed:#?}");
    let counts = [
        registration,
        first,
        again,
        stranger,
        unmailed,
        wrong,
        wrong_stranger,
        profile,
    ];
    assert_eq!(
        counts.each_ref().map(Vec::len),
        [10, 8, 7, 8, 8, 4, 4, 1],
        "{counts:#?}"
    );
}

/// What ends older sessions is sent only where there are any.
#[actix_web::test]
async fn login_that_ends_no_session_sends_fewer_statements() {
    let place = Place::new();
    let statements = Statements::to(&place);
    let app = throttling(place).await;
    let home = from("192.0.2.1");
    statements.of_requests();
    assert_eq!(home.try_login(&app, BOB, "bob_pwd").await, 200);
    let first = statements.of_requests();
    assert_eq!(home.try_login(&app, BOB, "bob_pwd").await, 200);
    let second = statements.of_requests();
    let deletes = |sent: &[String], table: &str| {
        let delete = format!("DELETE FROM {table}");
        sent.iter().filter(|text| text.starts_with(&delete)).count()
    };
    for table in ["sessions", "ended_sessions"] {
        assert_eq!(deletes(&first, table), 0, "{first:#?}");
        assert_eq!(deletes(&second, table), 1, "{second:#?}");
    }
}

/// `PostgreSQL` may run the parts of one statement in another order than they are written.
#[actix_web::test]
async fn counts_are_locked_in_one_order() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let app = throttling(place).await;
    app.place.sql(
        "CREATE TABLE changed (place BIGSERIAL, value TEXT NOT NULL);
         CREATE FUNCTION note() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO changed (value)
                 VALUES (TG_OP || ' ' || split_part(COALESCE(NEW.key, OLD.key), '/', 1));
             RETURN COALESCE(NEW, OLD);
         END $$;
         CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON throttle
             FOR EACH ROW EXECUTE FUNCTION note()",
    );
    assert_eq!(from("192.0.2.1").try_login(&app, BOB, "bob_pwd").await, 200);
    let changed = "SELECT value FROM changed ORDER BY place";
    assert_eq!(
        app.place.texts(changed),
        [
            "INSERT address",
            "INSERT subnet",
            "INSERT account",
            "INSERT logins",
            "UPDATE address",
            "UPDATE subnet",
            "DELETE account"
        ]
    );
}
