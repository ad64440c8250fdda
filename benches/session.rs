//! Measures the lookup of a session among 100,000 users, the most frequent operation.
//!
//! `cargo bench` prints the times of the lookups in `DB`, and of `GET /`, `GET /profile` and
//! `GET /verify` through the service in the same process.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark stops if its setup fails"
)]

use std::hint::black_box;
use std::time::Duration;

use actix_web::{rt, test, web};
use bienvenue::auth::{Auth, AuthSettings};
use bienvenue::db::{DB, DbSettings};
use bienvenue::domain::{DatabaseUrl, SessionId};
use bienvenue::http::{HttpApp, HttpSettings};
use criterion::{Criterion, criterion_group, criterion_main};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use tempfile::TempDir;

const USERS: usize = 100_000;

/// A database with [`USERS`] users, each with a session, and the ids of some of the sessions.
fn many_users() -> (TempDir, DB, Vec<SessionId>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.db");
    let url = DatabaseUrl::sqlite(&path);
    let db = DB::open(&url, DbSettings::default()).unwrap();
    let now = db.clock().now();
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let mut ids = Vec::new();
    conn.transaction::<_, diesel::result::Error, _>(|conn| {
        for number in 1..=USERS {
            let id = SessionId::generate();
            let digest = id.digest();
            let digest = digest.to_hex();
            conn.batch_execute(&format!(
                "INSERT INTO users VALUES ({number}, 'user{number}@example.org',
                     '$2b$04$ASzZ236Sbx1RiB6ad/4nUOxwxYjk6.tN.WqNjSmaKRge8hoYSY4kW',
                     '{digest}', NULL, 'user{number}@example.org');
                 INSERT INTO sessions VALUES (x'{digest}', x'{number:032x}', {number},
                     'user{number}@example.org', {now}, {now}, {expires}, {expires}, '127.0.0.1',
                     'bench', 1);",
                expires = now.plus(Duration::from_secs(7 * 24 * 3600)),
            ))?;
            if number % 16 == 0 {
                ids.push(id);
            }
        }
        Ok(())
    })
    .unwrap();
    (folder, db, ids)
}

fn benchmarks(criterion: &mut Criterion) {
    let (_folder, db, ids) = many_users();
    let mut turns = ids.iter().cycle();
    criterion.bench_function("DB::find_session, 100,000 users", |bencher| {
        bencher.iter(|| {
            let id = turns.next().expect("cycle");
            db.find_session(black_box(&id.digest())).unwrap()
        });
    });
    criterion.bench_function("DB::session_access, 100,000 users", |bencher| {
        bencher.iter(|| {
            let id = turns.next().expect("cycle");
            db.session_access(black_box(&id.digest()), None).unwrap()
        });
    });

    let system = rt::System::new();
    let auth = web::Data::new(Auth::new(db, AuthSettings::default()).unwrap());
    let http = HttpApp::new(auth, HttpSettings::default());
    let service = system.block_on(test::init_service(http.app()));
    criterion.bench_function("GET / in process", |bencher| {
        bencher.iter(|| {
            let request = test::TestRequest::get().uri("/").to_request();
            let answer = system.block_on(test::call_service(&service, request));
            assert!(answer.status().is_success());
        });
    });
    for path in ["/profile", "/verify"] {
        let name = format!("GET {path} in process, 100,000 users");
        criterion.bench_function(&name, |bencher| {
            bencher.iter(|| {
                let cookie = format!("session_id={}", turns.next().expect("cycle").expose());
                let request = test::TestRequest::get()
                    .uri(path)
                    .insert_header(("Cookie", cookie))
                    .to_request();
                let answer = system.block_on(test::call_service(&service, request));
                assert!(answer.status().is_success());
            });
        });
    }
}

criterion_group!(session, benchmarks);
criterion_main!(session);
