//! The errors of `DB` when the database cannot be used: never "not found", and in time.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use bienvenue::db::{DB, DbError, DbSettings, Unavailable, UserChanges};
use bienvenue::domain::{Actor, Clock, HashedPassword, SessionId};
use rstest::rstest;

use crate::support::{Engine, Place, START, email, eventually, settings};

fn open(place: &Place) -> DB {
    let settings = settings(&Clock::set_to(START));
    place.open(DbSettings {
        connections: 1,
        ..settings
    })
}

fn add(db: &DB, name: &str) -> Result<(), DbError> {
    let hashed = HashedPassword::from_stored("x");
    db.add_user(&email(&format!("{name}@x.org")), &hashed)
        .map(drop)
}

/// One attempt finds out that the server was lost; the second one must not meet another
/// connection of that time.
#[test]
fn all_connections_of_a_lost_server_are_replaced_at_once() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let db = place.open(DbSettings {
        connections: 4,
        ..settings(&Clock::set_to(START))
    });
    add(&db, "before").unwrap();
    let find = || db.find_user_by(&email("before@x.org"));
    let connections = "SELECT CAST(count(*) AS TEXT) AS value FROM pg_stat_activity \
                       WHERE application_name = 'bienvenue' AND datname = current_database()";
    // Four that wait at once, so that all connections are opened.
    let mut other = place.connect();
    other.execute("BEGIN; LOCK TABLE users");
    thread::scope(|scope| {
        let finds: Vec<_> = (0..4).map(|_| scope.spawn(find)).collect();
        eventually("all are open", || place.texts(connections) == ["4"]);
        other.execute("COMMIT");
        for found in finds {
            found.join().unwrap().unwrap();
        }
    });
    place.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'bienvenue' AND datname = current_database()",
    );
    find().unwrap();
}

/// The server may have committed: a second attempt could do it twice.
#[test]
fn a_commit_of_unknown_outcome_is_not_tried_again() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let db = open(&place);
    // The sequence counts attempts, as nothing rolls it back.
    place.sql(
        "CREATE SEQUENCE attempts;
         CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM nextval('attempts');
             PERFORM pg_terminate_backend(pg_backend_pid());
             PERFORM pg_sleep(1);
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON users
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose()",
    );
    let outcome = add(&db, "bob");
    let unknown =
        |error: &DbError| matches!(error, DbError::Unavailable(Unavailable::CommitUnknown(_)));
    assert!(outcome.as_ref().is_err_and(unknown), "{outcome:?}");
    assert_eq!(
        place.texts("SELECT CAST(last_value AS TEXT) AS value FROM attempts"),
        ["1"]
    );
}

#[rstest]
fn r76_requests_to_a_busy_database_are_answered_in_time(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let mut other = place.connect();
    other.execute(match engine {
        Engine::Sqlite => "BEGIN IMMEDIATE",
        Engine::Postgres => "BEGIN; LOCK TABLE users IN EXCLUSIVE MODE",
    });
    let (sender, outcomes) = mpsc::channel();
    for number in 0..6 {
        let (db, sender) = (db.clone(), sender.clone());
        thread::spawn(move || {
            let start = Instant::now();
            let outcome = add(&db, &format!("user{number}"));
            sender.send((outcome, start.elapsed())).unwrap();
        });
    }
    drop(sender);
    let outcomes: Vec<_> = outcomes.iter().collect();
    let mut pool = 0;
    for (outcome, took) in &outcomes {
        match outcome {
            Err(DbError::Unavailable(Unavailable::InUse)) => pool += 1,
            Err(DbError::Unavailable(_)) => {}
            other => panic!("{other:?}"),
        }
        assert!(*took < Duration::from_millis(4500), "{took:?}");
    }
    assert!(pool >= 1, "all were in use for some: {outcomes:?}");
    other.execute("ROLLBACK");
    add(&db, "afterwards").unwrap();
    let there = place.texts("SELECT email AS value FROM users");
    assert_eq!(there, ["afterwards@x.org"]);
}

#[test]
fn lost_connection_is_replaced_and_the_work_retried() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let db = open(&place);
    add(&db, "before").unwrap();
    for name in ["first", "second"] {
        place.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'bienvenue' AND datname = current_database()",
        );
        add(&db, name).unwrap();
        assert!(db.find_user_by(&email("before@x.org")).is_ok());
    }
}

#[rstest]
fn r29_deleting_a_user_deletes_its_sessions(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let hashed = HashedPassword::from_stored("x");
    let user = db.add_user(&email("bob@x.org"), &hashed).unwrap();
    let session = SessionId::generate();
    db.update_user(user.id, &UserChanges::new().session_id(Some(&session)))
        .unwrap();
    db.delete_user(user.id, Actor::Service).unwrap();
    let found = db.find_session(&session.digest());
    assert!(matches!(found, Err(DbError::NoResultFound)), "{found:?}");
    assert!(
        place
            .texts("SELECT CAST(user_id AS TEXT) AS value FROM sessions")
            .is_empty()
    );
}

#[rstest]
fn a_write_that_fails_in_the_middle_leaves_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let hashed = HashedPassword::from_stored("x");
    let user = db.add_user(&email("bob@x.org"), &hashed).unwrap();
    // The user's row is changed first; then there is no table for the session.
    place.sql("ALTER TABLE sessions RENAME TO elsewhere");
    let changes = UserChanges::new()
        .hashed_password(HashedPassword::from_stored("y"))
        .session_id(Some(&SessionId::generate()));
    let failed = db.update_user(user.id, &changes);
    assert!(matches!(failed, Err(DbError::Failed(_))), "{failed:?}");
    assert_eq!(db.find_user_by(user.id).unwrap(), user);
}
