//! A command acts on the database of the service, or fails and says why.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Output;

use rstest::rstest;

use crate::support::harness::Stand;
use crate::support::program::{Server, finish, program, run, told};
use crate::support::{Engine, Place};

const BOB: &str = "bob@dylan.com";
const HTTPS: &str = "--public-url=https://login.example.org";

/// A service with production settings and the cheapest hashes that they allow.
fn serve_production(place: &Place) -> Server {
    let arguments = ["--bind", "127.0.0.1:0", "--bcrypt-cost", "10", HTTPS];
    let mut command = program(place.folder(), &arguments);
    command.env("DATABASE_URL", place.url_text());
    Server::spawn(command)
}

fn command(place: &Place, arguments: &[&str]) -> Output {
    let mut command = program(place.folder(), arguments);
    command.env("DATABASE_URL", place.url_text());
    finish(command)
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", told(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn command_on_an_unserved_file_needs_offline() {
    let place = Place::new();
    drop(serve_production(&place));
    let file = place.path("bienvenue.db");
    for arguments in [
        ["user", "list"],
        ["session", "revoke"],
        ["throttle", "list"],
        ["mail", "queue"],
    ] {
        let mut arguments = arguments.to_vec();
        if arguments.contains(&"revoke") {
            arguments.extend(["--all", "--yes"]);
        }
        arguments.push(HTTPS);
        let refused = command(&place, &arguments);
        assert_eq!(refused.status.code(), Some(4), "{}", told(&refused));
        assert!(refused.stdout.is_empty());
        for part in [
            "no running service uses",
            file.to_str().unwrap(),
            "--offline",
        ] {
            assert!(told(&refused).contains(part), "{}", told(&refused));
        }
        arguments.push("--offline");
        printed(&command(&place, &arguments));
    }
    let development = command(&place, &["user", "list"]);
    printed(&development);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn command_beside_the_service_names_its_database(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let _server = serve_production(&place);
    let file = place.path("bienvenue.db");
    let shown = match engine {
        Engine::Sqlite => format!("sqlite://{}", file.display()),
        Engine::Postgres => place.url().to_string(),
    };
    for (arguments, expected) in [
        (
            ["user", "add", BOB],
            format!("added {BOB} as 1 in {shown}\n"),
        ),
        (
            ["user", "verify", BOB],
            format!("{BOB} is verified in {shown}\n"),
        ),
        (
            ["session", "revoke", BOB],
            format!("ended 0 sessions of {BOB} in {shown}\n"),
        ),
        (
            ["session", "revoke", "--all"],
            format!("ended 0 sessions in {shown}\n"),
        ),
        (
            ["throttle", "clear", BOB],
            format!("cleared 0 counts in {shown}\n"),
        ),
        (
            ["user", "delete", BOB],
            format!("deleted {BOB} (1) in {shown}\n"),
        ),
    ] {
        let mut arguments = [&arguments[..], &[HTTPS]].concat();
        if arguments.contains(&"delete") || arguments.contains(&"--all") {
            arguments.push("--yes");
        }
        assert_eq!(printed(&command(&place, &arguments)), expected);
    }
    let retried = printed(&command(&place, &["mail", "retry", HTTPS]));
    assert_eq!(retried, format!("due now: 0 in {shown}\n"));
}

#[test]
fn relative_path_is_named_as_a_whole() {
    let place = Place::new();
    let _server = Server::start(&place);
    let added = printed(&run(place.folder(), &["user", "add", BOB]));
    let whole = place.path("bienvenue.db");
    assert_eq!(
        added,
        format!("added {BOB} as 1 in sqlite://{}\n", whole.display())
    );
}

#[test]
fn commands_read_the_url_that_systemd_hands_to_the_service() {
    let place = Place::new();
    let secret = place.path("database_url");
    fs::write(&secret, "sqlite://of-root.db").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let settings = format!("DATABASE_URL_FILE={}\n", secret.display());
    fs::write(place.path("b.env"), settings).unwrap();
    let migrate = ["db", "migrate", "--config", "b.env"];
    printed(&run(place.folder(), &migrate));
    assert!(place.path("of-root.db").exists());

    // The service cannot read the file: systemd hands it a copy.
    fs::remove_file(&secret).unwrap();
    let credentials = place.path("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("DATABASE_URL"), "sqlite://handed.db").unwrap();
    let mut service = program(place.folder(), &migrate);
    service.env("CREDENTIALS_DIRECTORY", &credentials);
    printed(&finish(service));
    assert!(place.path("handed.db").exists());
}

#[test]
fn refusal_by_the_server_fails_at_once_with_the_remedy() {
    let Some(stand) = Stand::create("") else {
        return;
    };
    let wrong_database = stand.cluster.url("none");
    let wrong_role = stand.url().replace("postgres@", "ann@");
    for (url, remedy) in [
        (&wrong_database, "createdb --owner postgres none"),
        (&wrong_role, "createuser ann"),
    ] {
        for arguments in [&["serve"][..], &["user", "list"], &["db", "migrate"]] {
            let output = finish(stand.program(url, arguments));
            let told = told(&output);
            assert_eq!(output.status.code(), Some(78), "{told}");
            assert!(told.contains(remedy), "{told}");
            assert!(told.contains("FATAL"), "{told}");
            assert!(!told.contains("waiting for"), "{told}");
        }
    }
}

#[test]
fn command_gives_an_absent_server_five_seconds() {
    let place = Place::new();
    let url = format!("postgres://bob@/x?host={}", place.folder().display());
    // `run` allows ten seconds.
    let output = run(place.folder(), &["user", "list", "--database-url", &url]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("cannot reach"), "{}", told(&output));
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        }
        found.push(path);
    }
    found
}

#[test]
fn what_root_makes_belongs_to_the_owner_of_the_folder() {
    const SERVICE: u32 = 65534;
    let place = Place::new();
    if fs::metadata(place.folder()).unwrap().uid() != 0 {
        eprintln!("SKIPPED: this test has to be run by root");
        return;
    }
    chown(place.folder(), Some(SERVICE), Some(SERVICE)).unwrap();
    printed(&run(place.folder(), &["db", "migrate"]));
    place.sql(
        "DROP TABLE sessions;
         DELETE FROM __diesel_schema_migrations WHERE version = '202611220000020000';",
    );
    printed(&run(place.folder(), &["db", "migrate"]));
    let mail = ["mail", "test", BOB, "--mail", "dir:spool/mail"];
    printed(&run(place.folder(), &mail));
    let server = Server::start(&place);
    printed(&run(place.folder(), &["user", "add", BOB]));
    let files = files(place.folder());
    let has = |ending: &str| {
        files
            .iter()
            .any(|file| file.to_str().unwrap().ends_with(ending))
    };
    for ending in [
        ".db",
        ".lock",
        "-wal",
        "0000020000",
        "spool",
        "mail",
        ".eml",
    ] {
        assert!(has(ending), "{ending}: {files:?}");
    }
    for file in &files {
        let owner = fs::metadata(file).unwrap();
        assert_eq!(
            (owner.uid(), owner.gid()),
            (SERVICE, SERVICE),
            "{}",
            file.display()
        );
    }
    drop(server);
}
