//! The contract of `DB`, on both engines.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use bienvenue::db::{
    DB, DbError, InvalidRequest, LoginSideEffects, NewSession, SessionError, UserChanges,
    UserFilter,
};
use bienvenue::domain::{
    Actor, Client, Clock, HashedPassword, ResetToken, SessionId, SessionLevel, UserId,
};

use rstest::rstest;

use crate::support::{Engine, Place, START, email, settings};

fn open(place: &Place) -> DB {
    place.open(settings(&Clock::set_to(START)))
}

fn hashed(text: &str) -> HashedPassword {
    HashedPassword::from_stored(text)
}

#[rstest]
fn the_three_kinds_of_error_stay_apart(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let bob = email("bob@dylan.com");
    assert!(matches!(db.find_user_by(&bob), Err(DbError::NoResultFound)));
    assert_eq!(
        UserFilter::parse("no_email", "x"),
        Err(InvalidRequest::UnknownColumn("no_email".into()))
    );
    db.add_user(&bob, &hashed("a")).unwrap();
    let taken = db.add_user(&bob, &hashed("b")).unwrap_err();
    assert_eq!(taken.to_string(), "User bob@dylan.com already exists");
}

#[rstest]
fn failing_database_is_an_error_of_its_own(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    place.sql("ALTER TABLE users RENAME TO gone;");
    let error = db.find_user_by(&email("bob@dylan.com")).unwrap_err();
    assert!(matches!(error, DbError::Failed(_)), "{error:?}");
    let error = db
        .add_user(&email("bob@dylan.com"), &hashed("a"))
        .unwrap_err();
    assert!(matches!(error, DbError::Failed(_)), "{error:?}");
}

#[rstest]
fn locked_database_refuses_writes_and_allows_reads(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let bob = email("bob@dylan.com");
    db.add_user(&bob, &hashed("a")).unwrap();
    let lock = match engine {
        Engine::Sqlite => "BEGIN IMMEDIATE",
        Engine::Postgres => "BEGIN; LOCK TABLE users IN EXCLUSIVE MODE",
    };
    let (locked, done) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let holder = std::thread::spawn({
        let (locked, done) = (Arc::clone(&locked), Arc::clone(&done));
        let mut other = place.connect();
        move || {
            other.execute(lock);
            locked.wait();
            done.wait();
        }
    });
    locked.wait();
    let error = db
        .add_user(&email("eve@dylan.com"), &hashed("b"))
        .unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
    assert_eq!(db.find_user_by(&bob).unwrap().id, UserId::new(1));
    done.wait();
    holder.join().unwrap();
    db.add_user(&email("eve@dylan.com"), &hashed("b")).unwrap();
}

#[rstest]
fn a_user_is_found_by_each_of_its_attributes(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let user = db
        .add_user(&email("Bob@Dylan.com"), &hashed("stored"))
        .unwrap();
    let (session, token) = (SessionId::generate(), ResetToken::generate());
    let changes = UserChanges::new()
        .session_id(Some(&session))
        .reset_token(Some(&token));
    db.update_user(user.id, &changes).unwrap();
    for (column, value) in [
        ("id", "1"),
        ("email", "bob@dylan.COM"),
        ("hashed_password", "stored"),
        ("session_id", &session.expose()),
        ("reset_token", &token.expose()),
    ] {
        let filter = UserFilter::parse(column, value).unwrap();
        assert_eq!(db.find_user_by(filter).unwrap().id, user.id, "{column}");
    }
    for (column, value) in [
        ("id", "one"),
        ("session_id", "x"),
        ("reset_token", ""),
        ("email", ""),
    ] {
        assert!(matches!(
            UserFilter::parse(column, value),
            Err(InvalidRequest::BadValue(name)) if name == column
        ));
    }
}

#[rstest]
fn update_keeps_unnamed_columns_and_clears_none_values(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let user = db.add_user(&email("bob@dylan.com"), &hashed("a")).unwrap();
    let (session, token) = (SessionId::generate(), ResetToken::generate());
    let both = UserChanges::new()
        .session_id(Some(&session))
        .reset_token(Some(&token));
    db.update_user(user.id, &both).unwrap();
    db.update_user(user.id, &UserChanges::new().session_id(None))
        .unwrap();
    let user = db.find_user_by(user.id).unwrap();
    assert_eq!(user.session_id, None);
    assert_eq!(user.reset_token, Some(token.digest()));
    assert_eq!(user.email, email("bob@dylan.com"));
    assert!(matches!(
        db.find_user_by(&session),
        Err(DbError::NoResultFound)
    ));
}

#[rstest]
fn an_update_of_nothing_or_of_no_attribute_is_invalid(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let user = db.add_user(&email("bob@dylan.com"), &hashed("a")).unwrap();
    assert!(matches!(
        db.update_user(user.id, &UserChanges::new()),
        Err(DbError::InvalidRequest(InvalidRequest::NoChanges))
    ));
    for name in ["id", "email_key", "no_such"] {
        assert_eq!(
            UserChanges::parse([(name, Some("1"))]),
            Err(InvalidRequest::UnknownColumn(name.into()))
        );
    }
    assert_eq!(
        UserChanges::parse([("hashed_password", Some("b")), ("session_id", None)]).unwrap(),
        UserChanges::new()
            .hashed_password(hashed("b"))
            .session_id(None)
    );
}

#[rstest]
fn update_of_an_unknown_user_finds_no_result(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let changes = UserChanges::new().hashed_password(hashed("b"));
    let error = db.update_user(UserId::new(7), &changes).unwrap_err();
    assert!(matches!(error, DbError::NoResultFound));
    let error = db.delete_user(UserId::new(7), Actor::Service).unwrap_err();
    assert!(matches!(error, DbError::NoResultFound));
}

#[rstest]
fn r56_taken_email_is_refused_in_any_spelling(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    db.add_user(&email("É@x.org"), &hashed("a")).unwrap();
    let eve = db.add_user(&email("eve@x.org"), &hashed("b")).unwrap();
    let changes = UserChanges::new()
        .email(email("é@X.ORG"))
        .hashed_password(hashed("c"));
    let error = db.update_user(eve.id, &changes).unwrap_err();
    assert_eq!(error.to_string(), "User é@X.ORG already exists");
    assert_eq!(db.find_user_by(eve.id).unwrap(), eve);
}

#[rstest]
fn r26_a_new_session_id_by_update_replaces_all_sessions(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let user = db.add_user(&email("bob@dylan.com"), &hashed("a")).unwrap();
    let (first, second) = (SessionId::generate(), SessionId::generate());
    for session in [&first, &second] {
        db.update_user(user.id, &UserChanges::new().session_id(Some(session)))
            .unwrap();
    }
    assert!(db.find_user_by(&first).is_err());
    assert_eq!(db.find_user_by(&second).unwrap().id, user.id);
}

#[rstest]
fn r30_login_with_a_replaced_password_opens_no_session(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let user = db
        .add_user(&email("bob@dylan.com"), &hashed("old"))
        .unwrap();
    let changes = UserChanges::new().hashed_password(hashed("new"));
    db.update_user(user.id, &changes).unwrap();
    let session = SessionId::generate();
    let new = NewSession {
        user_id: user.id,
        digest: &session.digest(),
        client: &Client::default(),
        level: SessionLevel::Password,
    };
    let late = db.add_session(
        &new,
        Some(&user.hashed_password),
        &LoginSideEffects::default(),
    );
    assert!(
        matches!(late, Err(SessionError::PasswordReplaced)),
        "{late:?}"
    );
    assert!(matches!(
        db.find_session(&session.digest()),
        Err(DbError::NoResultFound)
    ));
}

#[rstest]
fn refused_session_names_its_reason(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let user = db.add_user(&email("bob@x.fr"), &hashed("right")).unwrap();
    let refusal = |user_id, checked: &HashedPassword| {
        let session = SessionId::generate();
        let new = NewSession {
            user_id,
            digest: &session.digest(),
            client: &Client::default(),
            level: SessionLevel::Password,
        };
        let refused = db.add_session(&new, Some(checked), &LoginSideEffects::default());
        db.find_session(&session.digest()).unwrap_err();
        refused.unwrap_err()
    };
    let replaced = refusal(user.id, &hashed("old"));
    assert!(
        matches!(replaced, SessionError::PasswordReplaced),
        "{replaced:?}"
    );
    let unknown = refusal(UserId::new(77), &hashed("right"));
    let is_named = match engine {
        Engine::Sqlite => matches!(unknown, SessionError::NoSuchUser),
        // Foreign keys refuse the other parts of the statement first.
        Engine::Postgres => matches!(unknown, SessionError::Db(DbError::Unavailable(_))),
    };
    assert!(is_named, "{unknown:?}");
    place.sql(
        "INSERT INTO totp (user_id, secret, created_at, confirmed_at) \
         SELECT id, 'sealed', 1, 1 FROM users",
    );
    let due = refusal(user.id, &user.hashed_password);
    assert!(matches!(due, SessionError::SecondFactorRequired), "{due:?}");
    place.sql("UPDATE account_dates SET disabled_at = 1");
    let disabled = refusal(user.id, &user.hashed_password);
    assert!(matches!(disabled, SessionError::Disabled), "{disabled:?}");
}

#[rstest]
fn r21_rehash_does_not_overwrite_a_newer_password(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let user = db
        .add_user(&email("bob@dylan.com"), &hashed("old"))
        .unwrap();
    let changed = UserChanges::new().hashed_password(hashed("changed"));
    db.update_user(user.id, &changed).unwrap();
    assert!(
        !db.replace_outdated_hash(user.id, &hashed("old"), &hashed("renewed"))
            .unwrap()
    );
    assert_eq!(
        db.find_user_by(user.id).unwrap().hashed_password,
        hashed("changed")
    );
    assert!(
        db.replace_outdated_hash(user.id, &hashed("changed"), &hashed("renewed"))
            .unwrap()
    );
}

#[rstest]
fn the_clock_decides_when_a_session_ends(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let clock = Clock::set_to(START);
    let db = place.open(settings(&clock));
    let user = db.add_user(&email("bob@dylan.com"), &hashed("a")).unwrap();
    let session = SessionId::generate();
    db.update_user(user.id, &UserChanges::new().session_id(Some(&session)))
        .unwrap();
    clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert!(db.find_session(&session.digest()).is_ok());
    clock.advance(Duration::from_secs(1));
    assert!(matches!(
        db.find_session(&session.digest()),
        Err(DbError::NoResultFound)
    ));
}

#[rstest]
fn r50_input_is_never_sql(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let odd = email("o'br\"ien;--@x.org");
    let nasty = hashed("'); DROP TABLE users; --");
    let user = db.add_user(&odd, &nasty).unwrap();
    assert_eq!(db.find_user_by(&odd).unwrap(), user);
    assert_eq!(user.hashed_password, nasty);
}

#[rstest]
fn of_fifty_parallel_inserts_of_one_email_one_succeeds(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = open(&place);
    let start = Arc::new(Barrier::new(50));
    let added: Vec<bool> = (0..50)
        .map(|_| {
            let (db, start) = (db.clone(), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                match db.add_user(&email("bob@dylan.com"), &hashed("a")) {
                    Ok(_) => true,
                    Err(DbError::AlreadyExists(_)) => false,
                    Err(error) => panic!("{error}"),
                }
            })
        })
        .collect::<Vec<_>>()
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert_eq!(added.iter().filter(|added| **added).count(), 1);
}

#[rstest]
fn schema_in_the_code_matches_the_migrations(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let _db = open(&place);
    let made = place.texts(match engine {
        Engine::Sqlite => {
            "SELECT t.name || '.' || c.name || ' ' ||
             CASE WHEN c.type LIKE '%INT%' THEN 'BigInt' WHEN c.type = 'BLOB' THEN 'Binary'
             ELSE 'Text' END ||
             CASE c.\"notnull\" WHEN 1 THEN '' ELSE ' null' END AS value
         FROM sqlite_master t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '__diesel%'
         ORDER BY t.name, c.cid"
        }
        Engine::Postgres => {
            "SELECT table_name || '.' || column_name || ' ' ||
             CASE data_type WHEN 'bigint' THEN 'BigInt' WHEN 'bytea' THEN 'Binary' ELSE 'Text' END ||
             CASE is_nullable WHEN 'NO' THEN '' ELSE ' null' END AS value
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '__diesel%'
         ORDER BY table_name, ordinal_position"
        }
    });
    let mut written = Vec::new();
    let mut table = "";
    for line in include_str!("../../../src/db/schema.rs")
        .lines()
        .map(str::trim)
    {
        if let Some((name, _)) = line
            .strip_suffix('{')
            .and_then(|line| line.split_once(" ("))
        {
            table = name;
        } else if let Some((name, kind)) = line
            .strip_suffix(',')
            .and_then(|line| line.split_once(" -> "))
        {
            let kind = match kind.strip_prefix("Nullable<") {
                Some(inner) => format!("{} null", inner.trim_end_matches('>')),
                None => kind.to_owned(),
            };
            written.push(format!("{table}.{name} {kind}"));
        }
    }
    assert_eq!(written, made, "run `diesel print-schema`");
}

#[rstest]
fn an_expired_reset_token_finds_no_user(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let clock = Clock::set_to(START);
    let db = place.open(settings(&clock));
    let bob = db.add_user(&email("bob@dylan.com"), &hashed("a")).unwrap();
    let token = ResetToken::generate();
    let lifetime = Duration::from_secs(60);
    db.set_reset_token(bob.id, &token.digest(), lifetime, None)
        .unwrap();
    clock.advance(lifetime.saturating_sub(Duration::from_secs(1)));
    assert_eq!(db.find_user_by(&token).unwrap().id, bob.id);
    clock.advance(Duration::from_secs(1));
    assert!(matches!(
        db.find_user_by(&token),
        Err(DbError::NoResultFound)
    ));
    let other = ResetToken::generate();
    db.update_user(bob.id, &UserChanges::new().reset_token(Some(&other)))
        .unwrap();
    assert_eq!(db.find_user_by(&other).unwrap().id, bob.id, "no expiry");
}
