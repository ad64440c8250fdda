//! `bienvenue keys rotate`, killed between any two of its steps: the file always holds the keys that
//! the secrets are encrypted under.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bienvenue::domain::UserId;
use bienvenue::secret_key::{KeyRing, Purpose};
use data_encoding::HEXLOWER;
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use rstest::rstest;

use crate::support::app::Setup;
use crate::support::program::program;
use crate::support::{Engine, Place, eventually};

/// Users with an authenticator app, so that a rotation takes a while.
const USERS: i64 = 200;
const SECRET: [u8; 20] = [7; 20];

/// Each changed secret takes some milliseconds.
const SLOW: &str = "
    CREATE TRIGGER slow AFTER UPDATE ON totp BEGIN
        SELECT count(*) FROM (
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
            SELECT i FROM n
        );
    END";

/// A database with secrets, and the file of their key.
struct Secrets {
    place: std::rc::Rc<Place>,
    engine: Engine,
    file: PathBuf,
}

impl Secrets {
    async fn on(engine: Engine) -> Option<Self> {
        let app = Setup::at(Place::on(engine)?).start().await;
        // The first factor makes the key and the row by which it is recognised.
        app.enrol(&app.bob().await).await;
        let place = std::rc::Rc::clone(&app.place);
        let secrets = Self {
            file: place.path("bienvenue.db.secret-key"),
            place,
            engine,
        };
        let ring = secrets.ring();
        let mut conn = secrets.place.connect();
        for number in 1000..1000 + USERS {
            let sealed = ring.seal(Purpose::Totp(UserId::new(number)), &SECRET);
            let sealed = HEXLOWER.encode(&sealed.unwrap());
            let sealed = match engine {
                Engine::Sqlite => format!("X'{sealed}'"),
                Engine::Postgres => format!("'\\x{sealed}'::bytea"),
            };
            conn.execute(&format!(
                "INSERT INTO users (id, email, hashed_password, email_key)
                 VALUES ({number}, '{number}@x.fr', '!', '{number}@x.fr');
                 INSERT INTO totp (user_id, secret, created_at, confirmed_at)
                 VALUES ({number}, {sealed}, 1, 1)"
            ));
        }
        drop(conn);
        Some(secrets)
    }

    fn ring(&self) -> KeyRing {
        KeyRing::parse(&fs::read_to_string(&self.file).unwrap()).unwrap()
    }

    fn keys(&self) -> usize {
        lines(&self.file)
    }

    fn rotation(&self) -> Child {
        let mut command = program(self.place.folder(), &["keys", "rotate"]);
        command
            .env("DATABASE_URL", self.place.url_text())
            .env("BIENVENUE_SECRET_KEY_FILE", &self.file)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Every secret is readable under a key of the file.
    fn check(&self) {
        let ring = self.ring();
        let secret = match self.engine {
            Engine::Sqlite => "lower(hex(secret))",
            Engine::Postgres => "encode(secret, 'hex')",
        };
        let rows = self.place.texts(&format!(
            "SELECT CAST(user_id AS TEXT) || ' ' || {secret} AS value FROM totp"
        ));
        assert_eq!(rows.len(), usize::try_from(USERS).unwrap() + 1);
        for row in rows {
            let (user, sealed) = row.split_once(' ').unwrap();
            let user: i64 = user.parse().unwrap();
            let sealed = HEXLOWER.decode(sealed.as_bytes()).unwrap();
            let opened = ring.unseal(Purpose::Totp(UserId::new(user)), &sealed);
            let opened = opened.unwrap_or_else(|error| panic!("the secret of {user}: {error}"));
            assert!(user < 1000 || opened[..] == SECRET, "the secret of {user}");
        }
    }
}

fn lines(file: &Path) -> usize {
    fs::read_to_string(file).unwrap().lines().count()
}

fn kill(mut rotation: Child) {
    rotation.kill().unwrap();
    rotation.wait().unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
#[ignore = "long"]
async fn killed_rotation_loses_no_secret(#[case] engine: Engine) {
    let Some(secrets) = Secrets::on(engine).await else {
        return;
    };
    secrets.check();
    let begun = Instant::now();
    assert!(secrets.rotation().wait().unwrap().success());
    let whole = begun.elapsed();
    secrets.check();
    // The database is slow, or another writer holds the table: the file has both keys, and the
    // database the old one.
    let mut holder = secrets.place.connect();
    holder.execute(match engine {
        Engine::Sqlite => SLOW,
        Engine::Postgres => "BEGIN; LOCK TABLE totp IN EXCLUSIVE MODE",
    });
    let rotation = secrets.rotation();
    eventually("both keys", || secrets.keys() == 2);
    kill(rotation);
    holder.execute(match engine {
        Engine::Sqlite => "DROP TRIGGER slow",
        Engine::Postgres => "ROLLBACK",
    });
    drop(holder);
    assert_eq!(secrets.keys(), 2);
    secrets.check();
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut interrupted = 0;
    let longest = u64::try_from(whole.as_micros()).unwrap();
    for _ in 0..40 {
        let rotation = secrets.rotation();
        thread::sleep(Duration::from_micros(random.random_range(0..longest)));
        kill(rotation);
        interrupted += usize::from(secrets.keys() > 1);
        secrets.check();
    }
    eprintln!("{interrupted} of 40 rotations were killed with several keys in the file");
    assert!(secrets.rotation().wait().unwrap().success());
    assert_eq!(secrets.keys(), 1);
    secrets.check();
}
