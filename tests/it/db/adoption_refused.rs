//! A file that cannot be taken over stays as it is; one whose taking over was cut off is
//! either the old one or the new one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::flask::{self, DDL, copies, crowd, crowd_session, row};
use crate::support::program::{Server, program, run};
use crate::support::{Place, texts};

const SERVE: [&str; 4] = ["--bind", "127.0.0.1:0", "--bcrypt-cost", "4"];

/// Runs the program, which has to refuse the file for good and leave it alone.
fn refused(place: &Place, arguments: &[&str]) -> String {
    let file = place.path("bienvenue.db");
    let before = fs::read(&file).unwrap();
    let Output { status, stderr, .. } = run(place.folder(), &[&SERVE, arguments].concat());
    let told = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(78), "{told}");
    assert_eq!(fs::read(&file).unwrap(), before, "the file has changed");
    assert_eq!(copies(place.folder()), [""; 0]);
    told
}

#[test]
fn users_with_colliding_emails_are_listed_and_nothing_changes() {
    let place = Place::new();
    let emails = [
        "bob@x.fr",
        "alone@x.fr",
        "BOB@x.fr",
        " bob@X.fr\t",
        "É@x.fr",
        "é@x.fr",
        "twice@x.fr",
        "twice@x.fr",
    ];
    let rows: Vec<_> = (10..).zip(emails).map(|(id, e)| row(id, e)).collect();
    flask::file(&place, &rows);
    let told = refused(&place, &[]);
    for line in [
        r#"user 10 "bob@x.fr", user 12 "BOB@x.fr", user 13 " bob@X.fr\t""#,
        r#"user 14 "É@x.fr", user 15 "é@x.fr""#,
        r#"user 16 "twice@x.fr", user 17 "twice@x.fr""#,
    ] {
        assert!(told.contains(line), "{line} is missing in: {told}");
    }
    assert!(!told.contains("alone@x.fr"), "{told}");
    assert!(told.contains("DELETE FROM users WHERE id = "), "{told}");
}

#[test]
fn remedy_in_the_import_message_works() {
    let place = Place::new();
    flask::file(&place, &[row(1, "bob@x.fr"), row(2, "Bob@x.fr")]);
    refused(&place, &[]);
    place.sql("DELETE FROM users WHERE id = 2");
    let mut server = Server::start(&place);
    server.wait_for("imported 1 users");
}

#[test]
fn check_of_a_legacy_file_names_the_import_command() {
    let place = Place::new();
    flask::file(&place, &[row(1, "bob@x.fr")]);
    let told = refused(&place, &["--migrate", "check"]);
    assert!(told.contains("bienvenue db migrate"), "{told}");

    let migrated = run(place.folder(), &["db", "migrate"]);
    assert_eq!(migrated.status.code(), Some(0));
    let mut server = Server::start_with(&place, &["--migrate", "check"]);
    server.wait_for("found, schema current");
}

#[test]
fn a_users_table_of_another_shape_is_refused() {
    let with = |ddl: &str| {
        let place = Place::new();
        place.sql(ddl);
        place
    };
    let more = with(&DDL.replace("reset_token", "nickname VARCHAR(9), \n\treset_token"));
    let told = refused(&more, &[]);
    assert!(told.contains("has a column nickname"), "{told}");

    let less = with(&DDL.replace("\n\treset_token VARCHAR(250), ", ""));
    let told = refused(&less, &[]);
    assert!(told.contains("has no column reset_token"), "{told}");

    let utf_16 = with(&format!("PRAGMA encoding='UTF-16'; {DDL}"));
    let told = refused(&utf_16, &[]);
    assert!(told.contains("UTF-16"), "{told}");
}

#[test]
fn a_file_that_has_a_table_of_ours_already_is_refused() {
    for table in ["sessions", "adopted_users"] {
        let place = Place::new();
        flask::file(&place, &[row(1, "bob@x.fr")]);
        place.sql(&format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY)"));
        let told = refused(&place, &[]);
        assert!(told.contains(&format!("table {table}")), "{told}");
    }
}

#[test]
fn import_does_not_interrupt_a_service_that_writes() {
    use diesel::connection::{Connection, SimpleConnection};
    let place = Place::new();
    let file = flask::file(&place, &[row(1, "bob@x.fr")]);
    let mut flask = diesel::SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    flask.batch_execute("BEGIN IMMEDIATE").unwrap();
    let Output { status, stderr, .. } = run(place.folder(), &SERVE);
    let told = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains("in use by another process"), "{told}");
    assert_eq!(copies(place.folder()), [""; 0]);
}

#[test]
fn import_refuses_a_file_whose_service_still_listens() {
    let place = Place::new();
    let file = flask::file(&place, &[row(1, "bob@x.fr")]);
    let before = fs::read(&file).unwrap();
    let flask = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = flask.local_addr().unwrap().to_string();
    let output = run(place.folder(), &["--bind", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(copies(place.folder()), [""; 0]);
}

/// A moment at which the program is killed.
enum Moment {
    CopyBegun,
    Changing,
    Done,
    After(Duration),
}

/// Starts on the file and kills at the moment.
fn kill_at(place: &Place, moment: &Moment) {
    let mut child = program(place.folder(), &SERVE)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ended = |child: &mut Child| child.try_wait().unwrap().is_some();
    let begun = Instant::now();
    let journal = place.path("bienvenue.db-journal");
    let so = || match moment {
        Moment::CopyBegun => !copies(place.folder()).is_empty(),
        Moment::Changing => fs::metadata(&journal).is_ok_and(|file| file.len() > 512),
        Moment::Done => place.path("bienvenue.db-wal").exists(),
        Moment::After(time) => begun.elapsed() > *time,
    };
    let deadline = Duration::from_secs(30);
    while !so() {
        assert!(!ended(&mut child), "it should serve");
        assert!(begun.elapsed() < deadline, "the moment never came");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The number of users in the file, and whether it is the reference service's.
fn content(file: &Path) -> (String, bool) {
    let users = texts(file, "SELECT CAST(count(*) AS TEXT) AS value FROM users");
    let ours = "SELECT name AS value FROM pragma_table_info('users') WHERE name = 'email_key'";
    (users[0].clone(), !texts(file, ours).is_empty())
}

/// Copies that do not say of themselves that they are cut off.
fn whole_copies(place: &Place) -> Vec<PathBuf> {
    let names = copies(place.folder()).into_iter();
    names
        .filter(|name| !name.contains(".unfinished"))
        .map(|name| place.path(&name))
        .collect()
}

fn survives(users: u32, moments: &[Moment]) {
    for moment in moments {
        let place = Place::new();
        let file = crowd(&place, users);
        kill_at(&place, moment);
        let (there, ours) = content(&file);
        assert_eq!(there, users.to_string(), "adopted: {ours}");
        let temporary = texts(
            &file,
            "SELECT name AS value FROM sqlite_master WHERE name = 'adopted_users'",
        );
        assert!(temporary.is_empty(), "half adopted");
        for copy in whole_copies(&place) {
            assert_eq!(content(&copy), (users.to_string(), false));
        }

        let server = Server::start(&place);
        assert_eq!(content(&file), (users.to_string(), true));
        let client = reqwest::blocking::Client::new();
        for user in [1, users] {
            let cookie = format!("session_id={}", crowd_session(user));
            let profile = client.get(server.url("/profile")).header("Cookie", cookie);
            let profile = profile.send().unwrap().text().unwrap();
            assert_eq!(
                profile.trim_end(),
                format!(r#"{{"email":"user{user}@x.fr"}}"#)
            );
        }
        assert!(!whole_copies(&place).is_empty());
    }
}

#[test]
fn killed_import_leaves_the_old_file_or_the_new_one() {
    survives(3000, &[Moment::CopyBegun, Moment::Changing, Moment::Done]);
}

#[test]
#[ignore = "takes half a minute: twenty thousand users, a dozen times"]
fn killed_import_of_many_users_leaves_a_whole_file() {
    let after = |millis| Moment::After(Duration::from_millis(millis));
    let moments: Vec<Moment> = (1..=12).map(|n| after(n * 70)).collect();
    survives(20_000, &moments);
    survives(20_000, &[Moment::CopyBegun, Moment::Changing, Moment::Done]);
}
