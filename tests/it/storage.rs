//! What `DB` promises, whatever the engine.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use bienvenue::db::{DB, DbError, InvalidRequest, NewSession, UserChanges, UserFilter};
use bienvenue::domain::{Client, Clock, HashedPassword, ResetToken, SessionId, UserId};

use crate::support::{Place, START, email, settings};

fn open(place: &Place) -> DB {
    place.open(settings(&Clock::set_to(START)))
}

fn hashed(text: &str) -> HashedPassword {
    HashedPassword::from_stored(text)
}

#[test]
fn the_three_kinds_of_error_stay_apart() {
    let place = Place::new();
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

#[test]
fn a_database_that_fails_is_neither_no_result_nor_an_invalid_request() {
    let place = Place::new();
    let db = open(&place);
    place.sql("DROP TABLE sessions; DROP TABLE users;");
    let error = db.find_user_by(&email("bob@dylan.com")).unwrap_err();
    assert!(matches!(error, DbError::Failed(_)), "{error:?}");
    let error = db
        .add_user(&email("bob@dylan.com"), &hashed("a"))
        .unwrap_err();
    assert!(matches!(error, DbError::Failed(_)), "{error:?}");
}

#[test]
fn a_locked_database_is_unavailable_for_writes_and_open_for_reads() {
    let place = Place::new();
    let db = open(&place);
    let bob = email("bob@dylan.com");
    db.add_user(&bob, &hashed("a")).unwrap();
    let (locked, done) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let holder = std::thread::spawn({
        let (locked, done) = (Arc::clone(&locked), Arc::clone(&done));
        let path = place.path("bienvenue.db");
        move || {
            use diesel::Connection;
            use diesel::connection::SimpleConnection;
            let mut other = diesel::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            other.batch_execute("BEGIN IMMEDIATE").unwrap();
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

#[test]
fn a_user_is_found_by_each_of_its_attributes() {
    let place = Place::new();
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

#[test]
fn an_update_leaves_what_it_does_not_name_and_clears_what_it_names_none() {
    let place = Place::new();
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

#[test]
fn an_update_of_nothing_or_of_no_attribute_is_invalid() {
    let place = Place::new();
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

#[test]
fn an_update_of_nobody_finds_no_result() {
    let place = Place::new();
    let db = open(&place);
    let changes = UserChanges::new().hashed_password(hashed("b"));
    let error = db.update_user(UserId::new(7), &changes).unwrap_err();
    assert!(matches!(error, DbError::NoResultFound));
    let error = db.delete_user(UserId::new(7)).unwrap_err();
    assert!(matches!(error, DbError::NoResultFound));
}

#[test]
fn r56_an_email_that_is_taken_is_refused_in_any_spelling_and_nothing_changes() {
    let place = Place::new();
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

#[test]
fn r26_a_new_session_id_by_update_replaces_all_sessions() {
    let place = Place::new();
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

#[test]
fn r30_a_login_whose_password_was_replaced_meanwhile_opens_no_session() {
    let place = Place::new();
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
    };
    let late = db.add_session(&new, Some(&user.hashed_password));
    assert!(matches!(late, Err(DbError::NoResultFound)));
    assert!(matches!(
        db.find_session(&session.digest()),
        Err(DbError::NoResultFound)
    ));
}

#[test]
fn r21_a_renewed_hash_does_not_overwrite_a_newer_password() {
    let place = Place::new();
    let db = open(&place);
    let user = db
        .add_user(&email("bob@dylan.com"), &hashed("old"))
        .unwrap();
    let changed = UserChanges::new().hashed_password(hashed("changed"));
    db.update_user(user.id, &changed).unwrap();
    assert!(
        !db.renew_hashed_password(user.id, &hashed("old"), &hashed("renewed"))
            .unwrap()
    );
    assert_eq!(
        db.find_user_by(user.id).unwrap().hashed_password,
        hashed("changed")
    );
    assert!(
        db.renew_hashed_password(user.id, &hashed("changed"), &hashed("renewed"))
            .unwrap()
    );
}

#[test]
fn the_clock_decides_when_a_session_ends() {
    let place = Place::new();
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

#[test]
fn r50_what_is_typed_is_data() {
    let place = Place::new();
    let db = open(&place);
    let odd = email("o'br\"ien;--@x.org");
    let nasty = hashed("'); DROP TABLE users; --");
    let user = db.add_user(&odd, &nasty).unwrap();
    assert_eq!(db.find_user_by(&odd).unwrap(), user);
    assert_eq!(user.hashed_password, nasty);
}

#[test]
fn of_fifty_that_add_one_email_at_once_one_does() {
    let place = Place::new();
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

#[test]
fn the_schema_in_the_code_is_the_one_that_the_migrations_make() {
    let place = Place::new();
    let _db = open(&place);
    let made = place.texts(
        "SELECT t.name || '.' || c.name || ' ' ||
             CASE WHEN c.type LIKE '%INT%' THEN 'BigInt' ELSE 'Text' END ||
             CASE c.\"notnull\" WHEN 1 THEN '' ELSE ' null' END AS value
         FROM sqlite_master t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name IN ('users', 'sessions') ORDER BY t.name, c.cid",
    );
    let mut written = Vec::new();
    let mut table = "";
    for line in include_str!("../../src/db/schema.rs")
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
