//! The reference service's twelve sample programs, and what they print there.

use std::fmt::Write;

use bienvenue::auth::{Auth, hash_password};
use bienvenue::db::{DB, DbError, DbSettings, UserChanges, UserFilter};
use bienvenue::domain::{BcryptCost, HashedPassword, User, UserId};

use crate::support::app::quick;
use crate::support::{Place, email, password};

fn db(place: &Place) -> DB {
    place.open(DbSettings::default())
}

fn auth(place: &Place) -> Auth {
    Auth::new(db(place), quick()).unwrap()
}

fn hashed(text: &str) -> HashedPassword {
    HashedPassword::from_stored(text)
}

/// The output of a program.
#[derive(Default)]
struct Printed(String);

impl Printed {
    fn line(&mut self, text: impl std::fmt::Display) {
        writeln!(self.0, "{text}").unwrap();
    }
}

/// Python's way to print a truth.
fn truth(so: bool) -> &'static str {
    if so { "True" } else { "False" }
}

/// Python's way to print an optional user.
fn show(user: Option<User>) -> String {
    user.map_or("None".to_owned(), |user| user.to_string())
}

#[test]
fn task_0_user_model_has_the_reference_table_and_columns() {
    let mut out = Printed::default();
    out.line(User::TABLE_NAME);
    for (column, kind) in User::COLUMNS {
        out.line(format_args!("{}.{column}: {kind}", User::TABLE_NAME));
    }
    assert_eq!(
        out.0,
        "users\nusers.id: INTEGER\nusers.email: VARCHAR(250)\nusers.hashed_password: VARCHAR(250)\n\
         users.session_id: VARCHAR(250)\nusers.reset_token: VARCHAR(250)\n"
    );
}

#[test]
fn task_0_the_database_has_the_columns_that_the_model_names() {
    let place = Place::new();
    let _db = db(&place);
    let columns = place
        .texts("SELECT name || ': ' || type AS value FROM pragma_table_info('users') ORDER BY cid");
    let model: Vec<String> = User::COLUMNS
        .iter()
        .map(|(name, kind)| format!("{name}: {kind}"))
        .collect();
    assert_eq!(columns[..5], model);
    assert_eq!(columns[5..], ["email_key: TEXT"]);
}

#[test]
fn task_1_users_are_numbered_from_one() {
    let place = Place::new();
    let mut out = Printed::default();
    let my_db = db(&place);
    let user_1 = my_db.add_user(&email("test@test.com"), &hashed("SuperHashedPwd"));
    out.line(user_1.unwrap().id);
    let user_2 = my_db.add_user(&email("test1@test.com"), &hashed("SuperHashedPwd1"));
    out.line(user_2.unwrap().id);
    assert_eq!(out.0, "1\n2\n");
}

#[test]
fn task_2_user_is_found_not_found_or_the_query_is_invalid() {
    let place = Place::new();
    let mut out = Printed::default();
    let my_db = db(&place);
    let user = my_db
        .add_user(&email("test@test.com"), &hashed("PwdHashed"))
        .unwrap();
    out.line(user.id);
    let find_user = my_db.find_user_by(&email("test@test.com")).unwrap();
    out.line(find_user.id);
    match my_db.find_user_by(&email("test2@test.com")) {
        Ok(user) => out.line(user.id),
        Err(DbError::NoResultFound) => out.line("Not found"),
        Err(error) => panic!("{error}"),
    }
    match UserFilter::parse("no_email", "test@test.com") {
        Ok(filter) => out.line(my_db.find_user_by(filter).unwrap().id),
        Err(_) => out.line("Invalid"),
    }
    assert_eq!(out.0, "1\n1\nNot found\nInvalid\n");
}

#[test]
fn task_3_a_user_is_updated() {
    let place = Place::new();
    let mut out = Printed::default();
    let my_db = db(&place);
    let user = my_db
        .add_user(&email("test@test.com"), &hashed("hashedPwd"))
        .unwrap();
    out.line(user.id);
    match my_db.update_user(
        user.id,
        &UserChanges::new().hashed_password(hashed("NewPwd")),
    ) {
        Ok(()) => out.line("Password updated"),
        Err(_) => out.line("Error"),
    }
    assert_eq!(out.0, "1\nPassword updated\n");
    let changed = my_db.find_user_by(UserId::new(1)).unwrap();
    assert_eq!(changed.hashed_password, hashed("NewPwd"));
}

#[test]
fn task_4_a_hash_is_bcrypt_at_cost_12() {
    let printed = hash_password(&password("Hello Holberton"), BcryptCost::default()).unwrap();
    let printed = printed.expose();
    assert_eq!(printed.len(), 60);
    assert!(printed.starts_with("$2b$12$"), "{printed}");
    assert!(bcrypt::verify("Hello Holberton", printed).unwrap());
}

#[test]
fn task_5_a_user_is_registered_once() {
    let place = Place::new();
    let mut out = Printed::default();
    let auth = auth(&place);
    for _ in 0..2 {
        match auth.register_user(&email("me@me.com"), &password("mySecuredPwd")) {
            Ok(_) => out.line("User registered"),
            Err(error) => {
                assert_eq!(error.to_string(), "User me@me.com already exists");
                out.line("User already exists");
            }
        }
    }
    assert_eq!(out.0, "User registered\nUser already exists\n");
}

#[test]
fn task_8_the_right_password_is_valid_and_a_wrong_one_is_not() {
    let place = Place::new();
    let mut out = Printed::default();
    let auth = auth(&place);
    let (bob, his) = (email("bob@bob.com"), password("MyPwdOfBob"));
    auth.register_user(&bob, &his).unwrap();
    out.line(truth(auth.valid_login(&bob, &his).unwrap()));
    out.line(truth(
        auth.valid_login(&bob, &password("WrongPwd")).unwrap(),
    ));
    assert_eq!(out.0, "True\nFalse\n");
}

#[test]
fn task_9_a_session_id_is_a_lower_case_uuid_of_version_4() {
    let place = Place::new();
    let auth = auth(&place);
    let bob = email("bob@bob.com");
    auth.register_user(&bob, &password("MyPwdOfBob")).unwrap();
    let session_id = auth.create_session(&bob).unwrap().expose();
    let uuid = uuid::Uuid::parse_str(&session_id).unwrap();
    assert_eq!(uuid.get_version_num(), 4);
    assert_eq!(uuid.hyphenated().to_string(), session_id);
}

#[test]
fn tasks_10_and_12_a_session_id_leads_to_its_user() {
    let place = Place::new();
    let mut out = Printed::default();
    let auth = auth(&place);
    let bob = email("bob@bob.com");
    auth.register_user(&bob, &password("MyPwdOfBob")).unwrap();
    let session_id = auth.create_session(&bob).unwrap();
    out.line(show(auth.get_user_from_session_id(&session_id).unwrap()));
    assert_eq!(out.0, "<User #1 bob@bob.com>\n");
}

#[test]
fn task_11_destroyed_session_finds_no_user() {
    let place = Place::new();
    let mut out = Printed::default();
    let auth = auth(&place);
    let bob = email("bob@bob.com");
    auth.register_user(&bob, &password("MyPwdOfBob")).unwrap();
    let session_id = auth.create_session(&bob).unwrap();
    let user = auth.get_user_from_session_id(&session_id).unwrap();
    out.line(show(user.clone()));
    auth.destroy_session(user.unwrap().id).unwrap();
    out.line(show(auth.get_user_from_session_id(&session_id).unwrap()));
    assert_eq!(out.0, "<User #1 bob@bob.com>\nNone\n");
}

#[test]
fn missing_session_id_finds_no_user() {
    let place = Place::new();
    let auth = auth(&place);
    auth.register_user(&email("bob@bob.com"), &password("MyPwdOfBob"))
        .unwrap();
    assert_eq!(auth.get_user_from_session_id(None).unwrap(), None);
}

#[test]
fn task_15_a_deleted_user_cannot_log_in() {
    let place = Place::new();
    let mut out = Printed::default();
    let auth = auth(&place);
    let (bob, his) = (email("bob@bob.com"), password("MyPwdOfBob"));
    auth.register_user(&bob, &his).unwrap();
    auth.delete_user(&bob).unwrap();
    out.line(truth(auth.valid_login(&bob, &his).unwrap()));
    assert_eq!(out.0, "False\n");
}
