//! Password hashes of other systems: the right password logs in, and is then stored as bcrypt.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bienvenue::auth::{hash_password, wrap_weak_hashes};
use bienvenue::domain::{
    BcryptCost, ForeignHash, ForeignHashError, HashedPassword, Password, WeakHash,
};
use rstest::rstest;
use serde_json::Value;

use crate::support::program::{Server, program};
use crate::support::{Engine, Place, eventually};

const VECTORS: &str = include_str!("data/foreign_hashes/vectors.json");

/// One hash of another system.
struct Vector {
    source: String,
    kind: String,
    password: String,
    stored: String,
}

fn vectors() -> Vec<Vector> {
    let all: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let text = |vector: &Value, field: &str| vector[field].as_str().unwrap().to_owned();
    all.iter()
        .map(|vector| Vector {
            source: text(vector, "source"),
            kind: text(vector, "kind"),
            password: text(vector, "password"),
            stored: text(vector, "stored"),
        })
        .collect()
}

/// The hash as the import stores it.
fn imported(vector: &Vector) -> HashedPassword {
    if let Some(bcrypt) = vector.stored.strip_prefix("bcrypt$") {
        return HashedPassword::from_stored(bcrypt);
    }
    if vector.kind != "wrapped" {
        return HashedPassword::from_stored(&vector.stored);
    }
    let weak = WeakHash::parse(&vector.stored).unwrap();
    let wrapped = wrap_weak_hashes(&[weak], BcryptCost::new(4).unwrap());
    wrapped.unwrap().remove(0)
}

/// The service on the database of the place.
fn serve(place: &Place) -> Server {
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    command.env("DATABASE_URL", place.url_text());
    command.args(["--bcrypt-cost", "4"]);
    Server::spawn(command)
}

/// Logs in once with the password of each vector, and a wrong one before.
fn replaces(engine: Engine, vectors: &[Vector]) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let server = serve(&place);
    for (number, vector) in vectors.iter().enumerate() {
        let stored = imported(vector);
        let email = format!("{number}@x.fr");
        place.sql(&format!(
            "INSERT INTO users (email, email_key, hashed_password) VALUES ('{email}', '{email}', '{}')",
            stored.expose()
        ));
    }
    for (number, vector) in vectors.iter().enumerate() {
        let email = format!("{number}@x.fr");
        let what = format!("{} {}", vector.source, vector.stored);
        assert_eq!(server.log_in(&email, "wrong"), 401, "{what}");
        assert_eq!(server.log_in(&email, &vector.password), 200, "{what}");
    }
    let native = "SELECT hashed_password AS value FROM users WHERE hashed_password LIKE '$2_$%'";
    eventually("all hashes are bcrypt", || {
        place.texts(native).len() == vectors.len()
    });
    assert_eq!(server.log_in("0@x.fr", &vectors[0].password), 200);
    assert_eq!(server.log_in("0@x.fr", "wrong"), 401);
}

/// One vector of each kind.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn first_right_login_replaces_each_kind_of_hash(#[case] engine: Engine) {
    let mut kinds = HashSet::new();
    let mut chosen = vectors();
    chosen.retain(|vector| kinds.insert(vector.kind.clone()));
    replaces(engine, &chosen);
}

/// What differs between the engines is how a hash is replaced, which is the same for all.
#[test]
#[ignore = "long"]
fn first_right_login_replaces_every_foreign_hash() {
    replaces(Engine::Sqlite, &vectors());
}

#[test]
fn every_vector_is_of_the_kind_that_it_says() {
    for vector in vectors() {
        let stored = match vector.stored.strip_prefix("bcrypt$") {
            Some(bcrypt) => HashedPassword::from_stored(bcrypt),
            None => HashedPassword::from_stored(&vector.stored),
        };
        let kind = match stored.foreign() {
            Ok(None) => "bcrypt",
            Ok(Some(hash)) => hash.kdf().name(),
            Err(ForeignHashError::UnknownKind) => "wrapped",
            Err(error) => panic!("{}: {error}", vector.stored),
        };
        assert_eq!(kind, vector.kind, "{}", vector.stored);
        if let Ok(Some(hash)) = stored.foreign() {
            assert_eq!(ForeignHash::parse(&hash.to_text()).as_ref(), Ok(&hash));
            let decoy = hash.without_secret();
            assert_eq!(ForeignHash::parse(&decoy.to_text()), Ok(decoy));
        }
    }
}

#[test]
fn costly_and_malformed_hashes_are_refused() {
    let digest = "00".repeat(32);
    for (text, error) in [
        (
            "$argon2id$v=19$m=2097152,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "costly",
        ),
        (
            "$argon2id$v=19$m=65536,t=17,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "costly",
        ),
        (
            "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$AAAA",
            "malformed",
        ),
        (
            "$argon2id$v=19$m=65536,t=3,p=4$c2E$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "malformed",
        ),
        (
            "$argon2id$v=19$m=1,t=3,p=4$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "malformed",
        ),
        (
            "$scrypt$ln=20,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "costly",
        ),
        (
            "$scrypt$ln=10,r=8,p=4096$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "costly",
        ),
        (
            "$scrypt$ln=255,r=4294967295,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "costly",
        ),
        (&format!("scrypt:32769:8:1$salt${digest}"), "malformed"),
        (&format!("pbkdf2:sha256:4000001$salt${digest}"), "costly"),
        (&format!("pbkdf2:sha256:0$salt${digest}"), "malformed"),
        (
            &format!("pbkdf2:sha256:600000$salt${}", "00".repeat(15)),
            "malformed",
        ),
        (
            &format!("$6$rounds=500001$salt${}", ".".repeat(86)),
            "costly",
        ),
        (
            &format!("$6$rounds=500000$salt${}", ".".repeat(85)),
            "malformed",
        ),
        ("a plain password", "unknown"),
        (&"$pbkdf2-sha256$1$".repeat(40), "unknown"),
    ] {
        let told = ForeignHash::parse(text).unwrap_err().to_string();
        assert!(told.contains(error), "{text}: {told}");
    }
}

#[test]
fn failed_logins_take_equal_time_beside_foreign_hashes() {
    let place = Place::new();
    let server = serve(&place);
    // Far more work than a bcrypt hash at cost 4.
    let costly = format!("pbkdf2:sha256:300000$salt${}", "00".repeat(32));
    let cheap = format!("pbkdf2:sha256:1000$salt${}", "00".repeat(32));
    let native = hash_password(
        &Password::parse("right").unwrap(),
        BcryptCost::new(4).unwrap(),
    );
    for (email, stored) in [
        ("costly@x.fr", costly.as_str()),
        ("cheap@x.fr", &cheap),
        ("native@x.fr", native.unwrap().expose()),
    ] {
        place.sql(&format!(
            "INSERT INTO users (email, email_key, hashed_password) VALUES ('{email}', '{email}', '{stored}')"
        ));
    }
    let time = |email| {
        let begin = Instant::now();
        assert_eq!(server.log_in(email, "wrong"), 401);
        begin.elapsed()
    };
    let emails = ["costly@x.fr", "cheap@x.fr", "native@x.fr", "unknown@x.fr"];
    time(emails[0]);
    // In turns: if the machine stalls during a check, all slots after it are longer.
    let rounds: Vec<_> = (0..5).map(|_| emails.map(time)).collect();
    let shortest = |nth: usize| rounds.iter().map(|times| times[nth]).min().unwrap();
    let times = [0, 1, 2, 3].map(shortest);
    // Without the slots, a bcrypt hash at cost 4 takes a millisecond.
    let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!(*most > Duration::from_millis(15), "{times:?}");
    assert!(*least * 10 > *most * 7, "{times:?}");
}
