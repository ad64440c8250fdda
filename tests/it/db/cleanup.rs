//! The background cleanup, and the monitor of the database.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use actix_web::test::TestRequest;
use bienvenue::db::{DB, DbError, Pooler, UserChanges};
use bienvenue::domain::{Clock, HashedPassword, SessionEnd, SessionId};
use rstest::rstest;

use crate::support::app::Setup;
use crate::support::statements::Statements;
use crate::support::{Engine, Place, START, email, eventually, settings};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

fn log_in(db: &DB, number: usize) -> SessionId {
    let address = email(&format!("user{number}@x.org"));
    let user = db.add_user(&address, &HashedPassword::from_stored("x"));
    let session = SessionId::generate();
    let changes = UserChanges::new().session_id(Some(&session));
    db.update_user(user.unwrap().id, &changes).unwrap();
    session
}

#[rstest]
fn r66_only_expired_sessions_are_removed_in_batches(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let clock = Clock::set_to(START);
    let db = place.open(settings(&clock));
    let old: Vec<SessionId> = (0..25).map(|number| log_in(&db, number)).collect();
    clock.advance(WEEK);
    let new = log_in(&db, 99);
    let batches: Vec<usize> = (0..4)
        .map(|_| db.remove_expired_sessions(10).unwrap())
        .collect();
    assert_eq!(batches, [10, 10, 5, 0]);
    assert!(db.find_session(&new.digest()).is_ok());
    assert!(matches!(
        db.find_session(&old[0].digest()),
        Err(DbError::NoResultFound)
    ));
    let mirrored = place.texts("SELECT email AS value FROM users WHERE session_id IS NOT NULL");
    assert_eq!(mirrored, ["user99@x.org"]);
}

/// Also where few rows were due when the table was last analysed: the planner would prefer to read
/// and sort all that are due. And where a table has grown since the plan was made.
#[test]
fn batches_read_no_rows_beyond_their_limit_on_postgresql() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let clock = Clock::set_to(START);
    if settings(&clock).database.database_pooler == Pooler::Transaction {
        // As docs/deploy.md says, but for this database alone.
        place.sql(
            "DO $$ DECLARE setting TEXT; BEGIN \
             FOREACH setting IN ARRAY ARRAY['enable_bitmapscan', 'enable_seqscan', 'jit'] LOOP \
             EXECUTE format('ALTER DATABASE %I SET %I = off', current_database(), setting); \
             END LOOP; END $$",
        );
    }
    let db = place.open(settings(&clock));
    log_in(&db, 0);
    place.sql("ALTER TABLE sessions SET (autovacuum_enabled = off)");
    clock.advance(WEEK);
    // One in a hundred is due.
    let first_due = clock.now().seconds() - 200;
    place.sql(&format!(
        "INSERT INTO sessions (digest, public_id, user_id, created_at, last_seen_at, expires_at, \
         email, cleanup_at) SELECT decode(md5(n::text) || md5(n::text), 'hex'), \
         decode(md5(n::text), 'hex'), user_id, created_at, last_seen_at, expires_at, email, \
         {first_due} + n * 7919 % 20000 FROM sessions, generate_series(1, 20000) n"
    ));
    place.sql("ANALYZE sessions");
    place.sql("UPDATE sessions SET cleanup_at = cleanup_at - 20000, expires_at = 1");
    let number = |sql: &str| place.texts(sql)[0].parse::<u64>().unwrap();
    let read = || {
        number(
            "SELECT CAST(idx_tup_read AS TEXT) AS value FROM pg_stat_user_indexes \
             WHERE indexrelname = 'sessions_cleanup_at'",
        )
    };
    let before = read();
    // From the sixth time on, the server keeps one plan.
    for batch in 0..9 {
        if batch == 8 {
            place.sql(
                "INSERT INTO ended_sessions (digest, user_id, reason, ended_at) \
                 SELECT decode(md5('e' || n) || md5('e' || n), 'hex'), id, 'expired', 1 \
                 FROM users, generate_series(1, 20000) n",
            );
        }
        assert_eq!(db.remove_expired_sessions(250).unwrap(), 250);
    }
    // A connection reports what it has read at the latest when it is closed.
    drop(db);
    eventually("the rows that were read", || read() >= before + 9 * 250);
    // With the entries of rows that earlier batches have removed.
    let rows = read() - before;
    assert!(rows < 20_000, "{rows} due rows were read");
    let scanned = number(
        "SELECT CAST(seq_tup_read AS TEXT) AS value FROM pg_stat_user_tables \
         WHERE relname = 'ended_sessions'",
    );
    assert_eq!(scanned, 0, "rows of the ends of sessions were scanned");
}

/// Other requests write between the steps, however many sessions there are.
#[rstest]
fn sessions_of_all_users_end_in_steps(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let statements = Statements::to(&place);
    let db = place.open(settings(&Clock::set_to(START)));
    let sessions: Vec<SessionId> = (0..260).map(|number| log_in(&db, number)).collect();
    statements.all();
    assert_eq!(db.end_all_sessions().unwrap(), 260);
    let deletes = statements.in_order();
    let deletes = deletes.iter().filter(|text| {
        let text = text.replace(['`', '"'], "");
        text.starts_with("DELETE FROM sessions")
    });
    assert_eq!(deletes.count(), 2);
    for session in &sessions {
        let digest = session.digest();
        assert!(db.find_session(&digest).is_err());
        assert_eq!(db.session_end(&digest).unwrap(), Some(SessionEnd::Operator));
    }
    let newest = place.texts("SELECT email AS value FROM users WHERE session_id IS NOT NULL");
    assert_eq!(newest, [""; 0]);
    assert_eq!(db.end_all_sessions().unwrap(), 0);
}

/// The user's row is locked, although the session is not the newest one.
#[test]
fn a_logout_beside_the_end_of_all_sessions_is_no_error() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let db = place.open(settings(&Clock::set_to(START)));
    log_in(&db, 1);
    place.sql("UPDATE users SET session_id = NULL");
    let mut logout = place.connect();
    logout.execute(
        "BEGIN; SELECT 1 FROM users FOR NO KEY UPDATE; \
         INSERT INTO ended_sessions (digest, user_id, reason, ended_at) \
         SELECT digest, user_id, 'logged_out', 0 FROM sessions; DELETE FROM sessions",
    );
    let ending = thread::spawn(move || db.end_all_sessions().unwrap());
    let waiting = "SELECT 'yes' AS value FROM pg_stat_activity \
                   WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while place.texts(waiting).is_empty() && !ending.is_finished() {
        thread::sleep(Duration::from_millis(5));
    }
    logout.execute("COMMIT");
    assert_eq!(ending.join().unwrap(), 0);
}

#[rstest]
fn r66_unused_session_is_removed_after_its_idle_time(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let clock = Clock::set_to(START);
    let db = place.open(settings(&clock));
    let (idle, used) = (log_in(&db, 1), log_in(&db, 2));
    clock.advance(Duration::from_secs(20 * 3600));
    db.touch_sessions(&[(used.digest(), clock.now())]).unwrap();
    clock.advance(Duration::from_secs(5 * 3600));
    assert_eq!(db.remove_expired_sessions(10).unwrap(), 2, "looks at both");
    assert!(db.find_session(&used.digest()).is_ok());
    assert!(db.find_session(&idle.digest()).is_err());
    let left = place.texts("SELECT CAST(user_id AS TEXT) AS value FROM sessions");
    assert_eq!(left, ["2"]);
    assert_eq!(
        db.remove_expired_sessions(10).unwrap(),
        0,
        "not before its end"
    );
    clock.advance(Duration::from_secs(19 * 3600));
    assert_eq!(db.remove_expired_sessions(10).unwrap(), 1);
    assert!(
        place
            .texts("SELECT CAST(user_id AS TEXT) AS value FROM sessions")
            .is_empty()
    );
}

#[actix_web::test]
async fn readiness_asks_the_database_and_health_does_not() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let app = Setup::at(place).start().await;
        for path in ["/healthz", "/readyz"] {
            let answer = app.send(TestRequest::get().uri(path)).await;
            assert_eq!(answer.status.as_u16(), 200, "{path}");
        }
        app.place
            .sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000')");
        let answer = app.send(TestRequest::get().uri("/readyz")).await;
        assert_eq!(answer.status.as_u16(), 200, "a newer program has migrated");
        app.place.sql(
            "DELETE FROM __diesel_schema_migrations WHERE version IN \
             (SELECT min(version) FROM __diesel_schema_migrations)",
        );
        let answer = app.send(TestRequest::get().uri("/readyz")).await;
        assert_eq!(answer.status.as_u16(), 503, "the schema is older");
        assert!(answer.header("retry-after").is_some());
        assert!(answer.json()["message"].is_string());
        let answer = app.send(TestRequest::get().uri("/healthz")).await;
        assert_eq!(answer.status.as_u16(), 200);
    }
}

/// The migrations of the engines belong together: same stamps, same names, both ways.
#[test]
fn the_migrations_of_both_engines_have_the_same_names() {
    let names = |engine: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("migrations")
            .join(engine);
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .flat_map(|entry| fs::read_dir(entry.unwrap().path()).unwrap())
            .map(|file| {
                let path = file.unwrap().path();
                let parts: Vec<_> = path
                    .iter()
                    .rev()
                    .take(2)
                    .map(|part| part.to_string_lossy().into_owned())
                    .collect();
                format!("{}/{}", parts[1], parts[0])
            })
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert_eq!(names("sqlite").len() % 2, 0, "an up and a down for each");
}

/// The down migrations leave nothing of ours.
#[test]
fn every_migration_can_be_undone() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    drop(place.open(settings(&Clock::system())));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let mut migrations: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    migrations.sort();
    for path in migrations.iter().rev() {
        place.sql(&fs::read_to_string(path.join("down.sql")).unwrap());
    }
    let left = place.texts("SELECT table_name::text AS value FROM information_schema.tables WHERE table_schema = 'public'");
    assert_eq!(left, ["__diesel_schema_migrations"]);
}

/// Statistics of a database that is small would make it slow when it has grown.
#[test]
fn a_clean_stop_leaves_no_planner_statistics() {
    let place = Place::new();
    let db = place.open(settings(&Clock::set_to(START)));
    for number in 0..3 {
        let session = log_in(&db, number);
        db.find_session(&session.digest()).unwrap();
    }
    db.close_wal().unwrap();
    let statistics = "SELECT name AS value FROM sqlite_master WHERE name LIKE 'sqlite_stat%'";
    assert_eq!(place.texts(statistics), [""; 0]);
    drop(db);
    place.sql("ANALYZE;");
    assert!(!place.texts(statistics).is_empty());
    drop(place.open(settings(&Clock::set_to(START))));
    assert_eq!(place.texts(statistics), [""; 0]);
}

#[rstest]
fn sessions_are_counted_in_steps(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let clock = Clock::set_to(START);
    let db = place.open(settings(&clock));
    for number in 0..4 {
        log_in(&db, number);
    }
    clock.advance(WEEK);
    for number in 4..12 {
        log_in(&db, number);
    }
    for step in [1, 5, 11, 12, 100] {
        let (mut valid, mut last) = db.count_sessions(None, step).unwrap();
        while let Some(after) = last {
            let (more, end) = db.count_sessions(Some(&after), step).unwrap();
            (valid, last) = (valid + more, end);
        }
        assert_eq!(valid, 8, "in steps of {step}");
    }
}

#[rstest]
fn second_factors_are_counted_in_steps(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = place.open(settings(&Clock::set_to(START)));
    for number in 1..=12 {
        let user = db.add_user(
            &email(&format!("user{number}@x.fr")),
            &HashedPassword::from_stored("a hash"),
        );
        let id = user.unwrap().id.get();
        // Every third app is not confirmed.
        let confirmed = if number % 3 == 0 { "NULL" } else { "1" };
        place.sql(&format!(
            "INSERT INTO totp (user_id, secret, created_at, confirmed_at) \
             VALUES ({id}, 'sealed', 1, {confirmed})"
        ));
        place.sql(&format!(
            "INSERT INTO passkeys (user_id, rp_id, credential_id, user_handle, public_key, \
             sign_count, backup_eligible, backed_up, transports, name, created_at) \
             VALUES ({id}, 'localhost', 'id {id}', 'handle', 'key', 0, 0, 0, '', 'phone', 1)"
        ));
    }
    for step in [1, 5, 11, 12, 100] {
        let (mut apps, mut last) = db.count_totp(None, step).unwrap();
        while let Some(after) = last {
            let (more, end) = db.count_totp(Some(after), step).unwrap();
            (apps, last) = (apps + more, end);
        }
        assert_eq!(apps, 8, "in steps of {step}");
        let (mut passkeys, mut last) = db.count_passkeys(None, step).unwrap();
        while let Some(after) = last {
            let (more, end) = db.count_passkeys(Some(after), step).unwrap();
            (passkeys, last) = (passkeys + more, end);
        }
        assert_eq!(passkeys, 12, "in steps of {step}");
    }
}
