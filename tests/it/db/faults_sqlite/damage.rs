//! F20: the file is damaged.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::db::{DB, DbError, DbSettings, IntegrityReport, Step, Unavailable, check_integrity};
use bienvenue::domain::{Clock, DatabaseUrl, SessionId};

use super::*;
use crate::support::app::{Setup, fields};
use crate::support::program::{run, told};
use crate::support::{START, eventually, settings, texts};

/// `SplitMix64`: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }
}

/// Fills all tables of a new database. Returns the ids of some sessions.
fn fill(place: &Place, users: usize) -> Vec<SessionId> {
    drop(place.open(DbSettings::default()));
    let hash = format!("$2b$04${}", "a".repeat(53));
    let now = START.seconds();
    let sessions: Vec<_> = (0..users).map(|_| SessionId::generate()).collect();
    let mut sql = "BEGIN;".to_owned();
    for (nth, session) in sessions.iter().enumerate() {
        let (id, email) = (nth + 1, format!("user{nth}@x.org"));
        let digest = session.digest().to_hex();
        let rows = format!(
            "INSERT INTO users (id, email, hashed_password, email_key, session_id)
               VALUES ({id}, '{email}', '{hash}', '{email}', '{digest}');
             INSERT INTO sessions VALUES (X'{digest}', randomblob(16), {id}, '{email}', {now}, {now},
               {now} + 604800, {now} + {nth} + 9999, '127.0.0.1', 'agent {nth}', 1);
             INSERT INTO throttle (key, fails, next_at, purge_at) VALUES ('address/{nth}', 1, {now} + {nth}, {now} + 9999);
             INSERT INTO known_clients VALUES ({id}, '{digest}', {now}, {now} + 9999);
             INSERT INTO password_resets VALUES ({id}, '{digest}', {now}, {now} + {nth}, 0);
             INSERT INTO email_tokens VALUES ('{digest}', {id}, 'verify', NULL, {now}, {now} + 99);
             INSERT INTO outbox (user_id, letter, details, created_at, due_at, attempts,
               claimed_until) VALUES (nullif({id} % 3, 0) * {id} / ({id} % 3), 'reset', NULL,
               {now}, {now} + 99999, 0, 0);
             INSERT INTO verified_emails VALUES ({id}, '{email}', {now});
             INSERT INTO former_emails (user_id, email, email_key, digest, changed_at, expires_at)
               VALUES ({id}, 'old{email}', 'old{email}', CASE WHEN {id} % 2 THEN '{digest}' END,
               {now}, {now} + 9999);"
        );
        sql.push_str(&rows);
    }
    sql.push_str("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);");
    place.sql(&sql);
    sessions
}

/// Walks the whole file without a pause: rows and index entries, or the damage.
fn walk(db: &DB) -> Result<u64, String> {
    let damage = |error| match error {
        DbError::Unavailable(Unavailable::Damaged(cause)) => cause,
        other @ (DbError::NoResultFound
        | DbError::InvalidRequest(_)
        | DbError::AlreadyExists(_)
        | DbError::Unavailable(_)
        | DbError::Failed(_)) => panic!("no verdict: {other}"),
    };
    let mut walk = db.begin_integrity_walk().map_err(damage)?.unwrap();
    let mut rows = 0;
    loop {
        match db.step_integrity_walk(&mut walk).map_err(damage)? {
            Step::Rows(more) => rows += more,
            Step::Done => return Ok(rows),
        }
    }
}

/// The findings of SQLite's own check.
fn full_check(file: &Path) -> Vec<String> {
    let url = DatabaseUrl::sqlite(file);
    match check_integrity(&url, &DbSettings::default()) {
        Ok(IntegrityReport::Damaged(findings)) => findings,
        Ok(IntegrityReport::Clean | IntegrityReport::ServerReachable) => Vec::new(),
        Err(error) => vec![error.to_string()],
    }
}

/// Whether an index has more or fewer entries than its table has rows. SQLite's check reports
/// another number also where it stops in a page with a damaged list of free space.
fn is_miscounted(copy: &Path, index: &str) -> bool {
    let table = format!("SELECT tbl_name AS value FROM sqlite_master WHERE name = '{index}'");
    let counts = catch_unwind(|| {
        let table = &texts(copy, &table)[0];
        let is_equal = format!(
            "SELECT CAST((SELECT count(*) FROM {table} INDEXED BY {index})
               = (SELECT count(*) FROM {table} NOT INDEXED) AS TEXT) AS value"
        );
        texts(copy, &is_equal)
    });
    counts.map_or(true, |equal| equal != ["1"])
}

/// Kinds that concern no row and no index entry: the walk reads entries, and these are beside
/// them (free pages, lost space inside a page, pages that belong to no tree).
fn concerns_content(copy: &Path, finding: &str) -> bool {
    if let Some(index) = finding.strip_prefix("wrong # of entries in index ") {
        return is_miscounted(copy, index);
    }
    let beside = [
        "Freelist:",
        "Fragmentation of",
        "Multiple uses for byte",
        "never used",
        "*** in database",
    ];
    !beside.iter().any(|kind| finding.contains(kind))
}

/// One request of every kind. Returns the statuses.
async fn requests(place: Place, sessions: &[SessionId], random: &mut Random) -> (Vec<u16>, bool) {
    let clock = Clock::set_to(START);
    let setup = Setup {
        db: settings(&clock),
        clock,
        ..Setup::at(place)
    };
    let app = setup.start().await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let nth = random.below(sessions.len());
        let id = sessions[nth].expose();
        let cookie = format!("session_id={id}");
        let email = format!("user{nth}@x.org");
        let new = format!("new{nth}.{}@x.org", random.below(1 << 40));
        let mut answers = vec![
            app.profile(&id).await,
            app.with_cookie(Method::GET, "/sessions", &cookie).await,
            app.with_cookie(Method::GET, "/profile/export", &cookie)
                .await,
            app.with_cookie(Method::GET, "/verify", &cookie).await,
            app.log_in(&email, "some password").await,
            app.register(&new, "some password").await,
            app.log_in(&new, "some password").await,
            app.form(Method::POST, "/reset_password", format!("email={email}"))
                .await,
            app.form(Method::PUT, "/verify_email", "token=none").await,
            app.as_user(
                &id,
                Method::PUT,
                "/profile/email",
                fields(&new, "some password"),
            )
            .await,
        ];
        if nth.is_multiple_of(3) {
            answers.push(app.log_out(&id).await);
        }
        statuses.extend(answers.iter().map(|answer| answer.status.as_u16()));
    }
    let ready = app.send(TestRequest::get().uri("/readyz")).await;
    let damaged = app.auth.database_stats().unwrap().damage.is_some();
    let is_ready = ready.status.as_u16() == 200;
    assert!(
        !(damaged && is_ready),
        "damage is known, and /readyz is 200"
    );
    (statuses, damaged)
}

/// Flips bytes at random places of copies, and compares what is found with SQLite's own check.
async fn flip(places: usize, seed: u64) {
    println!("F20: seed {seed}");
    let original = Place::new();
    let sessions = fill(&original, 2000);
    let bytes = fs::read(original.path("bienvenue.db")).unwrap();
    let mut random = Random(seed);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut missed = Vec::new();
    for number in 0..places {
        let place = Place::new();
        let file = place.path("bienvenue.db");
        let mut damaged = bytes.clone();
        let at = random.below(damaged.len() - 16);
        // A byte, or a few beside each other.
        for offset in 0..[1, 1, 4, 16][number % 4] {
            damaged[at + offset] ^= u8::try_from(random.below(255) + 1).unwrap();
        }
        let copy = place.path("copy.db");
        fs::write(&file, &damaged).unwrap();
        fs::write(&copy, &damaged).unwrap();
        let findings = full_check(&copy);
        let concerned = findings
            .iter()
            .any(|finding| concerns_content(&copy, finding));
        let opened = catch_unwind(AssertUnwindSafe(|| {
            DB::open(&place.url(), settings(&Clock::set_to(START))).map(|db| walk(&db))
        }));
        let opened = opened.unwrap_or_else(|_| panic!("panic at byte {at}"));
        let found = match opened {
            Err(_) => "the start",
            Ok(walked) => {
                let (statuses, in_requests) = requests(place, &sessions, &mut random).await;
                let bad: Vec<_> = statuses
                    .iter()
                    .filter(|s| **s >= 500 && **s != 503)
                    .collect();
                assert!(bad.is_empty(), "byte {at}: {bad:?}; {findings:?}");
                match (walked, in_requests) {
                    (Err(_), true) => "the walk and a request",
                    (Err(_), false) => "the walk",
                    (Ok(_), true) => "a request",
                    (Ok(_), false) => "nothing",
                }
            }
        };
        let kind = match (findings.is_empty(), concerned) {
            (true, _) => "no damage to SQLite",
            (false, true) => "damage to content",
            (false, false) => "damage beside content",
        };
        *counts
            .entry(format!("{kind}: found by {found}"))
            .or_default() += 1;
        if concerned && found == "nothing" {
            missed.push(format!("byte {at}: {findings:?}"));
        }
    }
    for (what, count) in counts {
        println!("F20: {count} of {places}: {what}");
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[actix_web::test]
async fn f20_flipped_bytes_are_found_and_never_a_500() {
    flip(5, 20).await;
}

#[actix_web::test]
#[ignore = "long"]
async fn f20_two_hundred_flipped_places_are_found() {
    // The seed gives the places. The ids of sessions, and so what is there, differ in each run.
    let seed = std::env::var("SEED").map_or(200, |seed| seed.parse().unwrap());
    flip(200, seed).await;
}

#[test]
fn f20_walk_reads_every_row_and_entry_of_a_sound_file() {
    let place = Place::new();
    fill(&place, 1200);
    let db = place.open(DbSettings::default());
    let schema = place.texts("SELECT CAST(count(*) AS TEXT) AS value FROM sqlite_master");
    let schema: u64 = schema[0].parse().unwrap();
    let rows: u64 = place
        .texts("SELECT DISTINCT name AS value FROM pragma_table_list WHERE schema = 'main' AND name <> 'sqlite_schema'")
        .iter()
        .map(|table| {
            let count = format!("SELECT CAST(count(*) AS TEXT) AS value FROM {table}");
            let rows: u64 = place.texts(&count)[0].parse().unwrap();
            let indexes = format!(
                "SELECT CAST(count(*) AS TEXT) AS value FROM pragma_table_list AS t,
                   pragma_index_list(t.name) AS i
                 WHERE t.name = '{table}' AND NOT (t.wr AND i.origin = 'pk')"
            );
            let indexes: u64 = place.texts(&indexes)[0].parse().unwrap();
            rows * (1 + indexes)
        })
        .sum();
    assert!(rows > 1200 * 20);
    assert_eq!(walk(&db), Ok(rows + schema));
    assert!(db.stats().unwrap().integrity.last_success.is_some());
}

/// Changes a table while one of its indexes is not there, and puts the index back.
fn behind_the_index(place: &Place, index: &str, change: &str) {
    place.sql(&format!(
        "CREATE TABLE kept AS SELECT * FROM sqlite_master WHERE name = '{index}';
         PRAGMA writable_schema=ON;
         DELETE FROM sqlite_master WHERE name = '{index}';
         PRAGMA writable_schema=RESET;"
    ));
    place.sql(change);
    place.sql(
        "PRAGMA writable_schema=ON;
         INSERT INTO sqlite_master SELECT * FROM kept;
         PRAGMA writable_schema=RESET; DROP TABLE kept;",
    );
}

#[test]
fn f20_walk_finds_what_an_index_lacks_or_has_too_much() {
    let delete = "DELETE FROM users WHERE id = 700";
    let insert = "INSERT INTO users (email, hashed_password, email_key) VALUES ('a', 'b', 'c')";
    let change = "UPDATE sessions SET cleanup_at = 5 WHERE user_id = 900";
    for (index, change, found) in [
        ("users_email_key", delete, "an entry has no row in users"),
        (
            "users_email_key",
            insert,
            "missing from the index users_email_key",
        ),
        (
            "sessions_cleanup_at",
            change,
            "missing from the index sessions_cleanup_at",
        ),
    ] {
        let place = Place::new();
        fill(&place, 1200);
        behind_the_index(&place, index, change);
        let db = place.open(DbSettings::default());
        let finding = walk(&db).unwrap_err();
        assert!(finding.contains(found), "{finding}");
        assert_eq!(db.stats().unwrap().damage, Some(finding));
        assert!(db.check().is_err());
        // Once it is repaired, the next check says so.
        place.sql("REINDEX");
        walk(&db).unwrap();
        assert!(db.check().is_ok());
    }
}

#[test]
fn f20_walk_finds_an_entry_without_a_key_out_of_order() {
    let place = Place::new();
    fill(&place, 1300);
    let file = place.path("bienvenue.db");
    let sound = fs::read(&file).unwrap();
    // The entry of row 1244 (0x04dc) in the unique index on `former_emails.digest`, which is NULL:
    // the sizes of the record and of its header, two types, and the number of the row, which
    // SQLite reads at the end. A record with the bytes of the next one too reads as its row, 1242.
    let entry = [5, 3, 0, 2, 0x04, 0xdc];
    let places: Vec<_> = (0..sound.len() - entry.len())
        .filter(|at| sound[*at..].starts_with(&entry))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        let mut damaged = sound.clone();
        damaged[at] = 11;
        fs::write(&file, &damaged).unwrap();
        let db = place.open(DbSettings::default());
        let finding = walk(&db).unwrap_err();
        assert!(finding.contains("out of order"), "{finding}");
    }
}

#[test]
fn f20_writes_beside_a_walk_are_no_damage() {
    let place = Place::new();
    fill(&place, 1500);
    let db = place.open(DbSettings::default());
    let running = std::sync::atomic::AtomicBool::new(true);
    let changes = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut other = place.connect();
            let mut changes = 0;
            while running.load(std::sync::atomic::Ordering::Relaxed) {
                changes += 1;
                other.execute(&format!(
                    "UPDATE sessions SET cleanup_at = cleanup_at + 1 WHERE user_id % 7 = {r};
                     DELETE FROM users WHERE id % 1009 = {r};
                     INSERT INTO users (email, hashed_password, email_key)
                       VALUES ('new{changes}', 'x', 'new{changes}');
                     UPDATE users SET email_key = email_key || 'x' WHERE id % 97 = {r};
                     UPDATE outbox SET user_id = NULL WHERE id % 89 = {r};",
                    r = changes % 7
                ));
            }
            changes
        });
        let outcomes: Vec<_> = (0..20).map(|_| walk(&db)).collect();
        running.store(false, std::sync::atomic::Ordering::Relaxed);
        for outcome in outcomes {
            outcome.unwrap();
        }
        writer.join().unwrap()
    });
    println!("F20: {changes} transactions beside 20 walks");
    assert!(changes > 0);
}

/// A database whose second half is noise.
fn half_noise(place: &Place) {
    fill(place, 1500);
    let file = place.path("bienvenue.db");
    let mut bytes = fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xa5);
    fs::write(&file, bytes).unwrap();
}

#[test]
fn f20_damage_is_503_and_logged_once() {
    let place = Place::new();
    half_noise(&place);
    let mut server = Server::start_with(&place, &["--operator-bind", "127.0.0.1:0"]);
    let line = server.wait_for("ops listener: metrics on http://");
    let operator = line
        .split("http://")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let visitor = Visitor::of(&server);
    let mut unavailable = 0;
    for number in 0..100 {
        let answer = visitor.post("/sessions", &format!("user{}@x.org", number * 15));
        let answer = answer.unwrap();
        match answer.status {
            503 => {
                assert!(is_unavailable(&answer), "{}", answer.body);
                unavailable += 1;
            }
            status => assert_eq!(status, 401, "{}", answer.body),
        }
    }
    assert!(unavailable > 0);
    assert_eq!(visitor.readiness(), 503);
    assert_eq!(server.logged("database_damaged"), 1);
    let line = server.wait_for("database_damaged");
    assert!(
        line.contains("bienvenue db check") && line.contains("backup"),
        "{line}"
    );
    let get = |path: &str| {
        let url = format!("http://{operator}{path}");
        reqwest::blocking::get(url).unwrap().text().unwrap()
    };
    assert!(get("/readyz").contains("damage\":\""), "{}", get("/readyz"));
    assert!(get("/metrics").contains("bienvenue_db_damaged 1"));
    server.wait_for("the integrity check found damage after");
}

#[test]
fn f20_row_that_is_not_text_is_503_and_not_500() {
    let place = Place::new();
    fill(&place, 10);
    place.sql("UPDATE users SET hashed_password = CAST(X'ff' AS TEXT) WHERE id = 4");
    let mut server = Server::start(&place);
    let visitor = Visitor::of(&server);
    let log_in = |nth| {
        visitor
            .post("/sessions", &format!("user{nth}@x.org"))
            .unwrap()
    };
    assert_eq!(log_in(5).status, 401);
    assert_eq!(visitor.readiness(), 200);
    let damaged = log_in(3);
    assert!(is_unavailable(&damaged), "{}", damaged.body);
    assert_eq!(visitor.readiness(), 503);
    server.wait_for("database_damaged");
}

#[test]
fn f20_integrity_check_runs_beside_the_service() {
    let place = Place::new();
    fill(&place, 100);
    let mut server = Server::start_with(&place, &["--operator-bind", "127.0.0.1:0"]);
    let line = server.wait_for("ops listener: metrics on http://");
    let operator = line
        .split("http://")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let get = |path: &str| {
        let url = format!("http://{operator}{path}");
        reqwest::blocking::get(url).unwrap().text().unwrap()
    };
    server.wait_for("the integrity check of the database begins");
    eventually("a check without a finding", || {
        get("/metrics").contains("db_integrity_check_last_success_timestamp_seconds")
    });
    let ready: serde_json::Value = serde_json::from_str(&get("/readyz")).unwrap();
    assert!(ready["integrity_check"]["rows"].as_u64().unwrap() > 2_000);
    assert!(ready["integrity_check"]["last_success"].is_number());
    assert_eq!(visitor_readiness(&server), 200);
}

fn visitor_readiness(server: &Server) -> u16 {
    Visitor::of(server).readiness()
}

#[test]
fn db_check_passes_beside_a_running_service() {
    let place = Place::new();
    let _server = Server::start(&place);
    let checked = run(place.folder(), &["db", "check"]);
    assert!(checked.status.success(), "{}", told(&checked));
    let text = String::from_utf8(checked.stdout).unwrap();
    assert!(text.contains("no damage found"), "{text}");
}

#[test]
fn db_check_lists_damage_and_the_remedy() {
    let place = Place::new();
    half_noise(&place);
    let checked = run(place.folder(), &["db", "check"]);
    assert_eq!(checked.status.code(), Some(1));
    let (text, told) = (
        String::from_utf8_lossy(&checked.stdout).into_owned(),
        told(&checked),
    );
    assert!(text.lines().count() > 5, "{text}");
    assert!(told.contains("restore a backup"), "{told}");
}

#[test]
fn db_check_lists_rows_whose_user_is_missing() {
    let place = Place::new();
    fill(&place, 10);
    place.sql("DELETE FROM users WHERE id = 3");
    let checked = run(place.folder(), &["db", "check"]);
    assert_eq!(checked.status.code(), Some(1));
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(text.contains("refers to a missing row of users"), "{text}");
}

#[test]
fn db_check_of_nothing_creates_nothing() {
    let place = Place::new();
    let checked = run(place.folder(), &["db", "check"]);
    assert_eq!(checked.status.code(), Some(78), "{}", told(&checked));
    assert!(!place.path("bienvenue.db").exists());
}

#[test]
fn db_check_of_a_server_names_its_own_tools() {
    let Some(place) = Place::on(crate::support::Engine::Postgres) else {
        return;
    };
    drop(place.open(DbSettings::default()));
    let arguments = ["db", "check", "--database-url", &place.url_text()];
    let checked = run(place.folder(), &arguments);
    assert!(checked.status.success(), "{}", told(&checked));
    let text = String::from_utf8(checked.stdout).unwrap();
    assert!(text.contains("pg_amcheck"), "{text}");
}
