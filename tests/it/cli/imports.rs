//! `bienvenue import` and `export`: users of other systems with their hashes.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use diesel::connection::{Connection, SimpleConnection};
use diesel::sqlite::SqliteConnection;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::program::{Server, finish, program, told};
use crate::support::{Engine, Place};

const BCRYPT: &str = "$2b$05$jH.D8DsXGGTCAbaVBPQvc.yQqnhkRBoAAxOqG4.TVzXVIH6n3b9G2";
const PASSWORD: &str = "Pässword 42!";

fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = program(place.folder(), arguments);
    command.env("DATABASE_URL", place.url_text());
    command.env("BIENVENUE_BCRYPT_COST", "4");
    command
}

pub(super) fn run(place: &Place, arguments: &[&str]) -> Output {
    finish(command(place, arguments))
}

/// A place on that engine with an empty database.
pub(super) fn empty(engine: Engine) -> Option<Place> {
    let place = Place::on(engine)?;
    let migrated = run(&place, &["db", "migrate"]);
    assert!(migrated.status.success(), "{}", told(&migrated));
    Some(place)
}

/// The report of an import.
pub(super) fn report(place: &Place, source: &str, more: &[&str]) -> Value {
    let arguments = [&["import", source, "--json"], more].concat();
    let output = run(place, &arguments);
    assert!(!output.stdout.is_empty(), "{}", told(&output));
    let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report.as_object_mut().unwrap().remove("database");
    report
}

fn emails(place: &Place) -> Vec<String> {
    place.texts("SELECT email AS value FROM users ORDER BY email")
}

pub(super) fn login(place: &Place, email: &str, password: &str) -> u16 {
    let mut serve = command(place, &["--bind", "127.0.0.1:0"]);
    serve.env("BIENVENUE_THROTTLE", "off");
    Server::spawn(serve).log_in(email, password)
}

fn sqlite(place: &Place, name: &str, sql: &str) {
    let path = place.path(name);
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute(sql).unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn dry_run_reports_and_changes_nothing(#[case] engine: Engine) {
    let Some(place) = empty(engine) else {
        return;
    };
    let sha1 = "{SHA}ReIvs9SrIpB4M57cvtPxjWKBPDg=";
    let lines = [
        "email,password_hash,email_verified,disabled,groups".to_owned(),
        format!("ann@x.fr,{BCRYPT},true,false,admins dev"),
        format!("two words@x.fr,{BCRYPT},,,"),
        format!("Ann@X.fr,{BCRYPT},,,"),
        format!("bob@x.fr,{sha1},,1,"),
        "eve@x.fr,,no,no,".to_owned(),
        "mia@x.fr,what is this?,,,".to_owned(),
        "joe@x.fr,\"$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAA\",,,"
            .to_owned(),
        format!("leo@x.fr,{BCRYPT},maybe,,"),
        "too,few".to_owned(),
    ];
    fs::write(place.path("users.csv"), lines.join("\n")).unwrap();
    let expected = json!({
        "dry_run": true,
        "imported": 3,
        "hashes": {"bcrypt": 1, "weak": 1, "none": 1},
        "verified": 1,
        "disabled": 1,
        "present": 0,
        "duplicates": 1,
        "duplicate_lines": [4],
        "refused": 5,
        "refused_lines": [
            {"line": 3, "reason": "email has a space in it"},
            {"line": 7, "reason": "the hash is of an unknown kind"},
            {"line": 8, "reason": "the argon2 hash is too costly: at most 128 MiB of memory (m=131072) and p=64"},
            {"line": 9, "reason": "a flag is neither true nor false"},
            {"line": 10, "reason": "not a row of the same number of columns in UTF-8"},
        ],
    });
    assert_eq!(report(&place, "users.csv", &["--dry-run"]), expected);
    assert!(emails(&place).is_empty());
    let mut imported = expected;
    imported["dry_run"] = json!(false);
    assert_eq!(report(&place, "users.csv", &[]), imported);
    assert_eq!(emails(&place), ["ann@x.fr", "bob@x.fr", "eve@x.fr"]);
    let again = report(&place, "users.csv", &[]);
    assert_eq!(
        (&again["imported"], &again["present"]),
        (&json!(0), &json!(3))
    );
    let groups = place.texts("SELECT group_name AS value FROM group_members ORDER BY group_name");
    assert_eq!(groups, ["admins", "dev"]);
    let stored = place.texts("SELECT hashed_password AS value FROM users ORDER BY email");
    assert_eq!(stored[0], BCRYPT);
    assert!(
        stored[1].starts_with("$bienvenue-wrapped$sha1$$2b$04$"),
        "{}",
        stored[1]
    );
    let refused = run(&place, &["import", "users.csv"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        told(&refused).contains("5 rows were refused"),
        "{}",
        told(&refused)
    );
}

#[test]
fn unknown_columns_are_refused_with_a_suggestion() {
    let place = empty(Engine::Sqlite).unwrap();
    let csv = format!("id,Email,hash\n7,ann@x.fr,{BCRYPT}\n");
    fs::write(place.path("users.csv"), csv).unwrap();
    let refused = run(&place, &["import", "users.csv"]);
    assert_eq!(refused.status.code(), Some(1));
    let sentence = "these columns are not known: `id`, `hash` (did you mean `password_hash`?)";
    assert!(told(&refused).contains(sentence), "{}", told(&refused));
    let lines = format!(
        "{{\"email\":\"ann@x.fr\",\"pwdhash\":\"{BCRYPT}\"}}\n{{\"email\":\"bob@x.fr\",\"\\u001b\":1}}\n"
    );
    fs::write(place.path("users.jsonl"), lines).unwrap();
    let refused = report(&place, "users.jsonl", &[]);
    let reasons = json!([
        {"line": 1, "reason": "the field `pwdhash` (did you mean `password_hash`?) is not known"},
        {"line": 2, "reason": "the field `\\u{1b}` is not known"},
    ]);
    assert_eq!(refused["refused_lines"], reasons);
    assert!(emails(&place).is_empty());
}

#[test]
fn users_of_authelia_and_keycloak_log_in() {
    let place = empty(Engine::Sqlite).unwrap();
    fs::write(
        place.path("users.yml"),
        include_str!("../data/foreign_hashes/users.yml"),
    )
    .unwrap();
    fs::write(
        place.path("realm.json"),
        include_str!("../data/foreign_hashes/realm.json"),
    )
    .unwrap();
    let authelia = report(&place, "authelia:users.yml", &[]);
    assert_eq!(authelia["hashes"], json!({"argon2": 1, "sha-crypt": 1}));
    assert_eq!(authelia["disabled"], json!(1));
    assert_eq!(authelia["refused_lines"][0]["line"], json!(3));
    let keycloak = report(&place, "keycloak:realm.json", &[]);
    assert_eq!(
        keycloak["hashes"],
        json!({"argon2": 1, "pbkdf2": 3, "none": 1})
    );
    assert_eq!(
        (&keycloak["disabled"], &keycloak["refused"]),
        (&json!(1), &json!(1))
    );
    let groups = place.texts("SELECT DISTINCT group_name AS value FROM group_members ORDER BY 1");
    assert_eq!(groups, ["admins", "dev-team", "family"]);
    for email in ["ann@x.fr", "sha256@x.fr", "sha512@x.fr", "argon2@x.fr"] {
        assert_eq!(login(&place, email, PASSWORD), 200, "{email}");
    }
    assert_eq!(login(&place, "sha256@x.fr", "wrong"), 401);
    assert_eq!(login(&place, "disabled@x.fr", PASSWORD), 401);
}

#[test]
fn databases_of_other_systems_are_read() {
    let place = empty(Engine::Sqlite).unwrap();
    // The columns that the import reads, as these systems declare them.
    sqlite(
        &place,
        "django.db",
        &format!(
            "CREATE TABLE auth_user (id integer PRIMARY KEY AUTOINCREMENT, password varchar(128) NOT NULL, \
                 is_active bool NOT NULL, username varchar(150) NOT NULL UNIQUE, email varchar(254) NOT NULL);
             CREATE TABLE auth_group (id integer PRIMARY KEY AUTOINCREMENT, name varchar(150) NOT NULL UNIQUE);
             CREATE TABLE auth_user_groups (id integer PRIMARY KEY AUTOINCREMENT, \
                 user_id integer NOT NULL, group_id integer NOT NULL);
             INSERT INTO auth_user VALUES (1, 'bcrypt${BCRYPT}', 1, 'd', 'django@x.fr');
             INSERT INTO auth_user VALUES (2, '!unusable', 0, 'e', 'gone@x.fr');
             INSERT INTO auth_user VALUES (3, '{BCRYPT}', 1, 'f', '');
             INSERT INTO auth_group VALUES (1, 'Editors'), (2, 'staff');
             INSERT INTO auth_user_groups VALUES (1, 1, 1), (2, 1, 2);"
        ),
    );
    sqlite(
        &place,
        "data.db",
        &format!(
            "CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT, password TEXT, verified BOOLEAN);
             INSERT INTO users VALUES ('abc', 'pocket@x.fr', '{BCRYPT}', TRUE);"
        ),
    );
    sqlite(
        &place,
        "a.db",
        &format!(
            "CREATE TABLE user (id INTEGER PRIMARY KEY, email TEXT, password_hash TEXT);
             INSERT INTO user VALUES (7, 'flask@x.fr', '{BCRYPT}');"
        ),
    );
    fs::write(
        place.path("htpasswd"),
        format!("ht@x.fr:{BCRYPT}\nann:{BCRYPT}\nno colon\n"),
    )
    .unwrap();
    let django = report(&place, "django:django.db", &[]);
    assert_eq!(
        (&django["imported"], &django["disabled"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        django["refused_lines"],
        json!([{"line": 3, "reason": "email missing"}])
    );
    let pocketbase = report(&place, "pocketbase:data.db", &[]);
    assert_eq!(
        (&pocketbase["imported"], &pocketbase["verified"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(report(&place, "flask:a.db", &[])["imported"], json!(1));
    let htpasswd = report(&place, "htpasswd:htpasswd", &[]);
    assert_eq!(
        (&htpasswd["imported"], &htpasswd["refused"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(
        emails(&place),
        [
            "django@x.fr",
            "flask@x.fr",
            "gone@x.fr",
            "ht@x.fr",
            "pocket@x.fr"
        ]
    );
    let groups = place.texts("SELECT group_name AS value FROM group_members ORDER BY 1");
    assert_eq!(groups, ["editors", "staff"]);
    for (source, reason) in [
        ("pocketbase:a.db", "no table of users"),
        ("flask:nowhere.db", "cannot open it"),
        ("nowhere.csv", "cannot read the source"),
        ("mystery:x", "a source is a file"),
    ] {
        let output = run(&place, &["import", source]);
        assert!(!output.status.success(), "{source}");
        assert!(told(&output).contains(reason), "{}", told(&output));
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn import_reads_what_export_writes(#[case] engine: Engine) {
    let (Some(from), Some(to)) = (empty(engine), empty(engine)) else {
        return;
    };
    let lines = [
        json!({"email": "Ann@x.fr", "password_hash": BCRYPT, "email_verified": true,
               "disabled": false, "groups": ["a", "b"], "created_at": 1_600_000_000}),
        json!({"email": "bob@x.fr", "email_verified": false, "disabled": true, "groups": [],
               "created_at": 1_600_000_001}),
    ];
    let text = lines
        .iter()
        .fold(String::new(), |text, line| text + &line.to_string() + "\n");
    fs::write(from.path("users.jsonl"), text).unwrap();
    assert_eq!(report(&from, "users.jsonl", &[])["imported"], json!(2));
    let file = to.path("exported.jsonl");
    let file = file.to_str().unwrap();
    let exported = run(&from, &["export", "--output", file]);
    assert!(exported.status.success(), "{}", told(&exported));
    assert_eq!(
        fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let written = fs::read_to_string(file).unwrap();
    let written: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(written, lines);
    assert_eq!(report(&to, file, &[])["imported"], json!(2));
    let again = run(&to, &["export"]);
    assert_eq!(
        String::from_utf8(again.stdout).unwrap(),
        fs::read_to_string(file).unwrap()
    );
    let refused = run(&from, &["export", "--output", file]);
    assert!(!refused.status.success(), "an existing file is kept");
    let kratos = run(&from, &["export", "--format", "kratos"]);
    let kratos: Value = serde_json::from_slice(&kratos.stdout).unwrap();
    assert_eq!(
        kratos[0]["credentials"]["password"]["config"]["hashed_password"],
        json!(BCRYPT)
    );
    assert_eq!(
        (&kratos[1]["state"], &kratos[1]["credentials"]),
        (&json!("inactive"), &Value::Null)
    );
    let keycloak = run(&from, &["export", "--format", "keycloak"]);
    let keycloak: Value = serde_json::from_slice(&keycloak.stdout).unwrap();
    let user = &keycloak["users"][0];
    assert_eq!(
        (&user["emailVerified"], &user["groups"]),
        (&json!(true), &json!(["/a", "/b"]))
    );
    assert_eq!(user["createdTimestamp"], json!(1_600_000_000_000_i64));
}

#[test]
fn export_for_keycloak_is_imported_again() {
    let place = empty(Engine::Sqlite).unwrap();
    fs::write(
        place.path("realm.json"),
        include_str!("../data/foreign_hashes/realm.json"),
    )
    .unwrap();
    report(&place, "keycloak:realm.json", &[]);
    let exported = run(
        &place,
        &["export", "--format", "keycloak", "--output", "again.json"],
    );
    assert!(exported.status.success(), "{}", told(&exported));
    let other = empty(Engine::Sqlite).unwrap();
    let file = place.path("again.json");
    let source = format!("keycloak:{}", file.display());
    assert_eq!(
        report(&other, &source, &[])["hashes"],
        json!({"argon2": 1, "pbkdf2": 3, "none": 1})
    );
    let hashes = "SELECT hashed_password AS value FROM users ORDER BY email";
    assert_eq!(place.texts(hashes), other.texts(hashes));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn killed_import_leaves_whole_users_and_goes_on(#[case] engine: Engine) {
    let Some(place) = empty(engine) else {
        return;
    };
    let count = 20_000;
    let mut text = "email,password_hash,email_verified,groups\n".to_owned();
    for number in 0..count {
        writeln!(text, "u{number}@x.fr,{BCRYPT},true,all").unwrap();
    }
    fs::write(place.path("users.csv"), text).unwrap();
    let users = "SELECT CAST(COUNT(*) AS TEXT) AS value FROM users";
    let half = "SELECT email AS value FROM users WHERE id NOT IN (SELECT user_id FROM account_dates) \
        OR id NOT IN (SELECT user_id FROM verified_emails) \
        OR id NOT IN (SELECT user_id FROM group_members) LIMIT 5";
    let mut kills = 0;
    for round in 1..4 {
        let mut import = command(&place, &["import", "users.csv"]);
        let mut import = import
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(150 * round));
        kills += usize::from(import.try_wait().unwrap().is_none());
        import.kill().unwrap();
        import.wait().unwrap();
        assert_eq!(place.texts(half), [""; 0]);
    }
    assert!(kills > 0, "no import was killed");
    let mut import = command(&place, &["import", "users.csv"]);
    let status = import
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(place.texts(users), [count.to_string()]);
    assert_eq!(place.texts(half), [""; 0]);
}
