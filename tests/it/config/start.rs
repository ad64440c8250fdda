//! A start that cannot be: the exit code tells whether trying again is of any use, and the
//! message what to do.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;

use crate::support::Place;
use crate::support::program::{Server, finish, program, run, told};

/// The exit code for a failure that a restart cannot repair.
const PERMANENT: i32 = 78;
/// The command line is wrong.
const USAGE: i32 = 2;
/// Something that may be over at the next try.
const PASSING: i32 = 1;

/// Starts to serve, which has to fail with that code, and returns what it said.
fn refused(place: &Place, code: i32, arguments: &[&str]) -> String {
    let serve: &[&str] = &["--bind", "127.0.0.1:0"];
    let output = run(place.folder(), &[serve, arguments].concat());
    let told = told(&output);
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(output.stdout.is_empty(), "errors go to the error output");
    told
}

/// The same, for a database that has to stay as it is.
fn refused_untouched(place: &Place, arguments: &[&str]) -> String {
    let file = place.path("bienvenue.db");
    let before = fs::read(&file).unwrap();
    let told = refused(place, PERMANENT, arguments);
    assert_eq!(fs::read(&file).unwrap(), before, "the file has changed");
    told
}

/// A database of ours with users, which no process has open.
fn with_users(place: &Place, users: u32) {
    let migrated = run(place.folder(), &["db", "migrate"]);
    assert_eq!(migrated.status.code(), Some(0), "{}", told(&migrated));
    place.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {users})
         INSERT INTO users (email, hashed_password, email_key)
         SELECT 'user' || i || '@x.fr', 'no hash', 'user' || i || '@x.fr' FROM n;"
    ));
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn taken_port_is_named_with_exit_code_1() {
    let place = Place::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let output = run(place.folder(), &["--bind", &address]);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(PASSING), "{told}");
    assert!(
        told.contains(&format!("cannot listen on {address}")),
        "{told}"
    );
    assert!(told.contains("choose another --bind"), "{told}");
    assert!(!told.contains("Running on"), "{told}");
    assert_eq!(names(place.folder()), [""; 0], "nothing was begun");
}

#[test]
fn address_of_another_machine_is_exit_code_78() {
    let told = refused_bind("192.0.2.1:5000");
    assert!(told.contains("cannot listen on 192.0.2.1:5000"), "{told}");
}

fn refused_bind(address: &str) -> String {
    let output = run(Place::new().folder(), &["--bind", address]);
    assert_eq!(output.status.code(), Some(PERMANENT), "{}", told(&output));
    told(&output)
}

#[test]
fn a_scheme_that_is_unknown_creates_no_file() {
    for url in [
        "mysql://localhost/b",
        "sqlit://b.db",
        "b.db",
        "sqlite:b.db",
        "SQLITE://b.db",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite://b.db?mode=ro",
    ] {
        let place = Place::new();
        let told = refused(&place, USAGE, &["--database-url", url]);
        assert!(told.contains("--database-url (DATABASE_URL)"), "{told}");
        assert!(
            told.contains("sqlite://") || told.contains("SQLite"),
            "{told}"
        );
        assert_eq!(names(place.folder()), [""; 0], "{url}");
    }
}

#[test]
fn a_folder_that_is_missing_is_named_and_not_made() {
    let place = Place::new();
    let told = refused(
        &place,
        PERMANENT,
        &["--database-url", "sqlite://missing/bienvenue.db"],
    );
    assert!(told.contains("missing/bienvenue.db"), "{told}");
    assert!(told.contains("the folder must exist"), "{told}");
    assert_eq!(names(place.folder()), [""; 0]);
}

#[test]
fn a_folder_is_no_database() {
    let place = Place::new();
    fs::create_dir(place.path("bienvenue.db")).unwrap();
    let told = refused(&place, PERMANENT, &[]);
    assert!(told.contains("bienvenue.db"), "{told}");
}

#[test]
fn a_file_that_is_no_database_stays_as_it_is() {
    let place = Place::new();
    let text = "Dear diary, this is no database at all.\n".repeat(300);
    fs::write(place.path("bienvenue.db"), text).unwrap();
    let told = refused_untouched(&place, &[]);
    assert!(told.contains("is not a SQLite database"), "{told}");
    assert!(told.contains("DATABASE_URL"), "{told}");
}

#[test]
fn the_database_of_another_program_stays_as_it_is() {
    let place = Place::new();
    place.sql("CREATE TABLE songs (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO songs VALUES (1, 'Bienvenue');");
    let told = refused_untouched(&place, &[]);
    assert!(told.contains("a database of another program"), "{told}");
    assert!(told.contains("songs"), "{told}");
}

#[test]
fn a_schema_of_a_newer_program_is_refused_by_its_version() {
    let place = Place::new();
    with_users(&place, 1);
    place.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')");
    for mode in ["auto", "check"] {
        let told = refused_untouched(&place, &["--migrate", mode]);
        assert!(told.contains("newer than this program"), "{told}");
        assert!(told.contains("20991231000000"), "{told}");
    }
}

#[test]
fn older_schema_is_migrated_or_refused_by_the_setting() {
    let place = Place::new();
    with_users(&place, 3);
    place.sql(
        "DROP TABLE sessions;
         DELETE FROM __diesel_schema_migrations WHERE version = '202611220000020000';",
    );
    let told = refused_untouched(&place, &["--migrate", "check"]);
    assert!(told.contains("older than this program"), "{told}");
    assert!(told.contains("bienvenue db migrate"), "{told}");

    let mut server = Server::start(&place);
    let line = server.wait_for("schema brought up to date");
    let copy = place.path("bienvenue.db.before-202611220000020000");
    assert!(line.contains(copy.to_str().unwrap()), "{line}");
    assert!(copy.exists());
    let users = "SELECT email AS value FROM users ORDER BY id";
    assert_eq!(place.texts(users).len(), 3);
}

#[test]
fn truncated_database_is_refused_with_the_remedy() {
    let place = Place::new();
    with_users(&place, 2000);
    let file = place.path("bienvenue.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&file, bytes).unwrap();
    let told = refused_untouched(&place, &[]);
    assert!(told.contains("is damaged"), "{told}");
    assert!(told.contains(".recover"), "{told}");
}

/// Runs the program as a user who owns nothing here; permissions do not hold for root.
fn as_another_user(place: &Place) -> Option<String> {
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    if fs::metadata(place.folder()).unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
        let mut probe = program(place.folder(), &["--version"]);
        if probe.uid(65534).gid(65534).output().is_err() {
            eprintln!("SKIPPED: another user cannot run the program in its folder");
            return None;
        }
    }
    let output = finish(command);
    assert_eq!(output.status.code(), Some(PERMANENT), "{}", told(&output));
    Some(told(&output))
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_database_that_cannot_be_written_is_refused_with_the_cause() {
    let place = Place::new();
    with_users(&place, 1);
    let file = place.path("bienvenue.db");
    mode(place.folder(), 0o777);
    mode(&file, 0o444);
    let before = fs::read(&file).unwrap();
    if let Some(told) = as_another_user(&place) {
        assert!(told.contains("cannot be written"), "{told}");
        assert!(told.contains("write access"), "{told}");
    }
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_with_the_cause() {
    let place = Place::new();
    mode(place.folder(), 0o555);
    if let Some(told) = as_another_user(&place) {
        assert!(told.contains("bienvenue.db"), "{told}");
        assert!(told.contains("writable"), "{told}");
    }
    assert_eq!(names(place.folder()), [""; 0]);
}

#[test]
fn second_server_on_one_file_is_refused() {
    let place = Place::new();
    let first = Server::start(&place);
    let told = refused(&place, PASSING, &[]);
    assert!(told.contains("in use by another process"), "{told}");
    let greeting = reqwest::blocking::get(first.url("/")).unwrap();
    assert_eq!(greeting.status(), 200);
    drop(first);
    // The lock goes with the process, also with one that was killed.
    drop(Server::start(&place));
}

#[test]
fn second_server_through_a_link_is_refused() {
    let place = Place::new();
    let _first = Server::start(&place);
    std::os::unix::fs::symlink("bienvenue.db", place.path("alias.db")).unwrap();
    let told = refused(&place, PASSING, &["--database-url", "sqlite://alias.db"]);
    assert!(told.contains("in use by another process"), "{told}");
}

#[test]
fn database_that_others_read_is_warned_about() {
    let place = Place::new();
    drop(Server::start(&place));
    mode(&place.path("bienvenue.db"), 0o644);
    let mut server = Server::start(&place);
    server.wait_for("other users of this machine may read");
    let metadata = fs::metadata(place.path("bienvenue.db")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o644);
}

#[test]
fn a_check_of_nothing_refuses_and_creates_nothing() {
    let place = Place::new();
    let told = refused(&place, PERMANENT, &["--migrate", "check"]);
    assert!(told.contains("there is no database at"), "{told}");
    assert!(told.contains("bienvenue db migrate"), "{told}");
    assert_eq!(names(place.folder()), [""; 0]);
}

#[test]
fn an_empty_file_becomes_a_database() {
    let place = Place::new();
    fs::write(place.path("bienvenue.db"), "").unwrap();
    let mut server = Server::start(&place);
    server.wait_for("created");
}
