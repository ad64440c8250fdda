//! The steps of `docs/migrate.md`, run as they are written, on exports of the original software
//! (`tests/it/data/other_systems`). Then the users log in.

use std::fs;
use std::process::{Command, Stdio};

use rstest::rstest;
use serde_json::Value;

use crate::support::guide::{Machine, blocks, section_of};
use crate::support::program::{Server, program, told};
use crate::support::{Engine, Place, eventually, has_tool, sqlite, texts};

const GUIDE: &str = include_str!("../../../docs/migrate.md");
const PASSWORD: &str = "Pässword 42!";

/// A machine with an empty database, whose commands run in the folder of the files.
fn machine() -> Machine {
    let machine = Machine::new();
    let database = machine.path("var/lib/bienvenue/bienvenue.db");
    let settings = format!(
        "DATABASE_URL=sqlite://{}\nBIENVENUE_BCRYPT_COST=4\n",
        database.display()
    );
    fs::write(machine.path("etc/bienvenue/bienvenue.env"), settings).unwrap();
    machine.run("bienvenue db migrate");
    machine
}

/// The commands of a section, each with the lines that continue it.
fn steps(heading: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for line in blocks(section_of(GUIDE, heading), "sh").concat().lines() {
        let first = line.split(' ').next().unwrap();
        let continues = !["bienvenue", "sqlite3", "kc.sh"].contains(&first);
        match steps.last_mut().filter(|_| continues) {
            Some(step) => step.extend([" ", line]),
            None => steps.push(line.to_owned()),
        }
    }
    assert!(!steps.is_empty(), "{heading}");
    steps
}

/// Runs a step that imports: first as it stands, with `--dry-run`, then without. Returns what the
/// import printed. The code of both is 1 where a row was refused.
fn import(machine: &Machine, step: &str, code: i32) -> String {
    assert!(step.contains(" --dry-run"), "{step}");
    let trial = machine.output(step);
    assert_eq!(trial.status.code(), Some(code), "{step}{}", told(&trial));
    let report = String::from_utf8(trial.stdout).unwrap();
    assert!(report.contains("nothing was changed"), "{report}");
    let done = machine.output(&step.replace(" --dry-run", ""));
    assert_eq!(done.status.code(), Some(code), "{step}{}", told(&done));
    let printed = String::from_utf8(done.stdout).unwrap();
    let expected = report.replace("would be imported", "imported");
    let expected = expected.replace("This was a dry run: nothing was changed.\n", "");
    assert_eq!(printed, expected, "{step}");
    printed
}

/// Logs users in. Afterwards their hashes are bcrypt, as the service's own are.
fn log_in(machine: &Machine, users: &[(&str, &str)]) {
    let server = serve(machine);
    let database = machine.path("var/lib/bienvenue/bienvenue.db");
    for (email, password) in users {
        assert_eq!(server.log_in(email, password), 200, "{email}");
        let hash = format!(
            "SELECT substr(hashed_password, 1, 2) AS value FROM users WHERE email = '{email}'"
        );
        eventually("a new hash", || texts(&database, &hash) == ["$2"]);
    }
    assert_eq!(server.log_in(users[0].0, "another password"), 401);
}

fn serve(machine: &Machine) -> Server {
    let mut service = machine.service();
    service.env("BIENVENUE_HASH_DEADLINE", "60s");
    Server::spawn(service)
}

#[test]
fn users_of_django_move_in() {
    let machine = machine();
    let sql = include_str!("../data/other_systems/django_sqlite.sql");
    sqlite(&machine.path("deploy/db.sqlite3"), sql);
    let report = import(&machine, &steps("## From Django")[0], 1);
    for line in [
        "8 users imported",
        "4  pbkdf2",
        "1  argon2",
        "1  bcrypt over sha256",
        "1  scrypt",
        "1  none",
        "1  disabled",
        "1 refused:\n  9: email missing",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    let database = machine.path("var/lib/bienvenue/bienvenue.db");
    let groups = "SELECT DISTINCT group_name AS value FROM group_members ORDER BY 1";
    assert_eq!(texts(&database, groups), ["editors", "staff-members"]);
    log_in(
        &machine,
        &[
            ("pbkdf2_sha256@x.fr", PASSWORD),
            ("pbkdf2_sha1@x.fr", PASSWORD),
            ("argon2@x.fr", PASSWORD),
            ("bcrypt_sha256@x.fr", PASSWORD),
            ("scrypt@x.fr", PASSWORD),
            ("root@x.fr", "root password"),
        ],
    );
    assert_eq!(serve(&machine).log_in("gone@x.fr", "gone password"), 401);
}

#[test]
fn users_of_django_on_postgres_move_in() {
    let Some(other) = Place::on(Engine::Postgres) else {
        return;
    };
    other.sql(include_str!("../data/other_systems/django_postgres.sql"));
    let machine = machine();
    let step = &steps("## From Django")[1];
    let url = "django:postgres://USER@HOST/DATABASE";
    assert!(step.contains(url), "{step}");
    let step = step.replace(url, &format!("'django:{}' --dry-run", other.url_text()));
    let report = import(&machine, &step, 1);
    assert!(report.contains("8 users imported"), "{report}");
    assert!(report.contains("9: email missing"), "{report}");
    let database = machine.path("var/lib/bienvenue/bienvenue.db");
    let groups = "SELECT group_name AS value FROM group_members WHERE user_id = 6 ORDER BY 1";
    assert_eq!(texts(&database, groups), ["editors", "staff-members"]);
    log_in(&machine, &[("pbkdf2_sha1@x.fr", PASSWORD)]);
}

#[test]
fn users_of_a_flask_application_move_in() {
    let machine = machine();
    fs::create_dir(machine.path("deploy/instance")).unwrap();
    let sql = include_str!("../data/other_systems/flask_sqlalchemy.sql");
    sqlite(&machine.path("deploy/instance/app.db"), sql);
    let report = import(&machine, &steps("## From a Flask application")[0], 0);
    assert!(report.contains("3 users imported"), "{report}");
    log_in(&machine, &[("ann@x.fr", PASSWORD)]);
}

#[test]
fn users_of_pocketbase_move_in() {
    let machine = machine();
    fs::create_dir(machine.path("deploy/pb_data")).unwrap();
    let sql = include_str!("../data/other_systems/pocketbase.sql");
    sqlite(&machine.path("deploy/pb_data/data.db"), sql);
    let report = import(&machine, &steps("## From PocketBase")[0], 0);
    assert!(report.contains("3 users imported"), "{report}");
    assert!(report.contains("2  with a verified address"), "{report}");
    log_in(
        &machine,
        &[("ann@x.fr", PASSWORD), ("bob@x.fr", "bob_password")],
    );
}

#[test]
fn users_of_authelia_move_in() {
    let machine = machine();
    let users = include_str!("../data/foreign_hashes/users.yml");
    fs::write(machine.path("deploy/users_database.yml"), users).unwrap();
    let report = import(&machine, &steps("## From Authelia")[0], 1);
    assert!(report.contains("2 users imported"), "{report}");
    log_in(&machine, &[("ann@x.fr", PASSWORD)]);
}

#[test]
fn users_of_keycloak_move_in() {
    let machine = machine();
    let realm = include_str!("../data/foreign_hashes/realm.json");
    fs::write(machine.path("deploy/export.json"), realm).unwrap();
    let steps = steps("## From Keycloak");
    assert!(steps[0].ends_with("realm.json    # on the machine of Keycloak"));
    machine.tool("kc.sh", "cp export.json realm.json");
    machine.run(&steps[0]);
    let report = import(&machine, &steps[1], 1);
    assert!(report.contains("5 users imported"), "{report}");
    log_in(&machine, &[("argon2@x.fr", PASSWORD)]);
}

#[test]
fn users_of_htpasswd_move_in() {
    if !has_tool("htpasswd") {
        return;
    }
    let machine = machine();
    fs::create_dir_all(machine.path("etc/apache2")).unwrap();
    let file = machine.path("etc/apache2/users");
    for (name, kind) in [
        ("bcrypt@x.fr", &["-c", "-B", "-C", "5"][..]),
        ("apr1@x.fr", &["-m"]),
        ("sha1@x.fr", &["-s"]),
    ] {
        let mut command = Command::new("htpasswd");
        command
            .args(kind)
            .arg("-b")
            .arg(&file)
            .args([name, PASSWORD]);
        let made = command.stderr(Stdio::null()).status();
        assert!(made.unwrap().success(), "{name}");
    }
    let report = import(&machine, &steps("## From htpasswd")[0], 0);
    assert!(report.contains("3 users imported"), "{report}");
    let users = [
        ("bcrypt@x.fr", PASSWORD),
        ("apr1@x.fr", PASSWORD),
        ("sha1@x.fr", PASSWORD),
    ];
    log_in(&machine, &users);
}

/// The first hash in `tests/it/data/foreign_hashes` that this software has made.
fn hash_of(software: &str) -> String {
    let vectors = include_str!("../data/foreign_hashes/vectors.json");
    let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
    let made = |vector: &&Value| vector["source"].as_str().unwrap().starts_with(software);
    let vector = vectors.iter().find(made).unwrap();
    assert_eq!(vector["password"], PASSWORD);
    vector["stored"].as_str().unwrap().to_owned()
}

/// A hash as Laravel stores it, made by PHP's `password_hash`.
const LARAVEL: &str = "$2y$05$hp7Pg4YK0lentF49LgwqVOhf80UD6eiMBkz.zZeW075nvhJXUyfoW";

#[rstest]
#[case(
    0,
    LARAVEL.to_owned(),
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT, password TEXT);
           INSERT INTO users VALUES (1, 'Ann', 'ann@x.fr', 'HASH');"
)]
#[case(
    1,
    hash_of("Devise"),
    "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, encrypted_password TEXT);
           INSERT INTO users VALUES (1, 'ann@x.fr', 'HASH');"
)]
#[case(
    2,
    hash_of("better-auth"),
    "CREATE TABLE user (id TEXT PRIMARY KEY, email TEXT, emailVerified INTEGER);
           CREATE TABLE account (id TEXT PRIMARY KEY, userId TEXT, password TEXT);
           INSERT INTO user VALUES ('a', 'ann@x.fr', 1), ('b', 'github@x.fr', 1);
           INSERT INTO account VALUES ('c', 'a', 'HASH'), ('d', 'b', NULL);"
)]
fn tables_of_other_systems_move_in_by_csv(
    #[case] step: usize,
    #[case] hash: String,
    #[case] tables: &str,
) {
    if !has_tool("sqlite3") {
        return;
    }
    let machine = machine();
    sqlite(
        &machine.path("deploy/app.db"),
        &tables.replace("HASH", &hash),
    );
    let steps = steps("## From CSV or JSON lines");
    machine.run(&steps[step]);
    let report = import(&machine, steps.last().unwrap(), 0);
    assert!(report.contains("1 users imported"), "{report}");
    log_in(&machine, &[("ann@x.fr", PASSWORD)]);
}

#[test]
fn database_of_the_tutorial_is_served() {
    let place = Place::new();
    let sql = include_str!("../data/other_systems/flask_tutorial.sql");
    sqlite(&place.path("a.db"), sql);
    let step = &blocks(section_of(GUIDE, "## From the reference service"), "sh")[0];
    assert_eq!(step, "DATABASE_URL=sqlite://a.db bienvenue\n");
    let mut service = program(place.folder(), &["--bind=127.0.0.1:0"]);
    service.env("DATABASE_URL", "sqlite://a.db");
    service.env("BIENVENUE_BCRYPT_COST", "4");
    service.env("BIENVENUE_HASH_DEADLINE", "60s");
    let server = Server::spawn(service);
    for email in ["scrypt@x.fr", "pbkdf2@x.fr", "bcrypt@x.fr"] {
        assert_eq!(server.log_in(email, PASSWORD), 200, "{email}");
    }
}

#[test]
fn users_without_hashes_get_a_link() {
    let machine = machine();
    let printed = machine.run(&steps("## Without hashes").join("\n"));
    let link = printed.lines().last().unwrap();
    assert!(link.contains("/reset?token="), "{printed}");
}

#[test]
fn users_move_away() {
    let machine = machine();
    machine.run("bienvenue user add ann@example.org");
    machine.run(&steps("## Moving away").join("\n"));
    for file in ["users.jsonl", "identities.json", "users.json"] {
        let text = fs::read_to_string(machine.path("deploy").join(file)).unwrap();
        assert!(text.contains("ann@example.org"), "{text}");
    }
    let report = machine.run("bienvenue import users.jsonl");
    assert!(report.contains("1 have an account already"), "{report}");
}
