//! The warnings at start, and the combinations of settings that are refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use crate::support::harness::Stand;
use crate::support::program::{Server, finish, program, run, told};
use crate::support::{Engine, Place};

const HTTPS: &str = "--public-url=https://login.example.org";

fn production(place: &Place, arguments: &[&str]) -> Server {
    let mut command = program(place.folder(), &["--bcrypt-cost", "10", HTTPS]);
    command.args(arguments);
    Server::spawn(command)
}

#[test]
fn production_without_mail_server_or_reset_page_warns() {
    let place = Place::new();
    let mut server = production(&place, &["--bind=127.0.0.1:0", "--pages=off"]);
    let mail = "mails are written to the folder mail and users do not receive them";
    let page = "--pages is off and --reset-page (BIENVENUE_RESET_PAGE) is not set";
    for warning in [mail, page] {
        let line = server.wait_for(warning);
        assert!(line.contains("WARN"), "{line}");
    }
    drop(server);
    let settings = [
        "--bind=127.0.0.1:0",
        "--mail=smtp://localhost",
        "--pages=off",
        "--reset-page=https://app.example.org/reset",
    ];
    let mut server = production(&place, &settings);
    assert_eq!(server.logged(mail) + server.logged(page), 0);
    drop(server);
    let mut server = Server::start(&place);
    assert_eq!(server.logged(mail) + server.logged(page), 0, "development");
}

#[test]
fn empty_database_beside_a_file_with_users_warns() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    for arguments in [["db", "migrate"].as_slice(), &["user", "add", "ann@x.fr"]] {
        let output = run(place.folder(), arguments);
        assert!(output.status.success(), "{}", told(&output));
    }
    let serve = || {
        let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
        command.env("DATABASE_URL", place.url_text());
        Server::spawn(command)
    };
    let line = serve().wait_for("has no users, and");
    let file = place.path("bienvenue.db");
    let file = file.to_str().unwrap();
    assert!(line.contains(&format!("{file} has 1")), "{line}");
    assert!(
        line.contains(&format!("DATABASE_URL=sqlite://{file}")),
        "{line}"
    );
    place.sql("INSERT INTO users (email, hashed_password, email_key) VALUES ('a', '!', 'a')");
    assert_eq!(serve().logged("has no users, and"), 0);
    // The file itself is no other database.
    drop(Server::start(&place));
}

#[test]
fn missing_grant_is_refused_with_the_grant() {
    let Some(stand) = Stand::create("") else {
        return;
    };
    stand.sql(&["CREATE ROLE service LOGIN"]);
    let url = stand.url().replace("postgres@", "service@");
    let refused = |arguments: &[&str], expected: &str| {
        let output = finish(stand.program(&url, arguments));
        let told = told(&output);
        assert_eq!(output.status.code(), Some(78), "{told}");
        assert!(told.contains(expected), "{told}");
    };
    // The role may not make the tables either.
    refused(&["serve"], "GRANT USAGE, CREATE ON SCHEMA public");
    let migrated = finish(stand.program(&stand.url(), &["db", "migrate"]));
    assert!(migrated.status.success(), "{}", told(&migrated));
    let grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO service";
    refused(&["serve"], grant);
    stand.sql(&[grant, "REVOKE DELETE ON outbox FROM service"]);
    refused(&["serve"], "outbox");
    refused(&["user", "list"], grant);
    stand.sql(&[grant]);
    drop(Server::spawn(stand.program(&url, &["--migrate", "check"])));
}

fn migrate(place: &Place, arguments: &[&str]) -> Output {
    run(place.folder(), &[&["db", "migrate"], arguments].concat())
}

#[test]
fn idle_limit_over_the_lifetime_is_refused() {
    let place = Place::new();
    let refused = migrate(&place, &["--session-idle=30d", "--session-lifetime=7d"]);
    assert_eq!(refused.status.code(), Some(78), "{}", told(&refused));
    for flag in ["--session-idle", "--session-lifetime"] {
        assert!(told(&refused).contains(flag), "{}", told(&refused));
    }
    for arguments in [
        &["--session-lifetime=12h"][..],
        &["--session-idle=7d", "--session-lifetime=7d"],
    ] {
        let taken = migrate(&place, arguments);
        assert!(taken.status.success(), "{}", told(&taken));
    }
}

#[test]
fn wildcard_origin_is_refused() {
    let place = Place::new();
    let refused = migrate(&place, &["--allowed-origins=https://*.example.org"]);
    assert_eq!(refused.status.code(), Some(2), "{}", told(&refused));
    assert!(
        told(&refused).contains("must not have a wildcard"),
        "{}",
        told(&refused)
    );
}

#[test]
fn secret_in_a_readable_file_of_settings_is_refused() {
    let place = Place::new();
    let file = place.path("b.env");
    let with = |line: &str, mode| {
        fs::write(&file, format!("{line}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let mut command = program(place.folder(), &["db", "migrate", "--config", "b.env"]);
        command.args(["--database-url", "sqlite://a.db"]);
        finish(command)
    };
    for (name, line) in [
        (
            "BIENVENUE_MAIL_PASSWORD",
            "BIENVENUE_MAIL_PASSWORD=s3cret\nBIENVENUE_MAIL_USER=me",
        ),
        ("DATABASE_URL", "DATABASE_URL=postgres://me:s3cret@h/b"),
        (
            "DATABASE_URL",
            "DATABASE_URL=postgres://h/b?password=s3cret",
        ),
        (
            "BIENVENUE_MAIL",
            "BIENVENUE_MAIL=smtp://me:s3cret@localhost",
        ),
    ] {
        let refused = with(line, 0o644);
        let told_all = told(&refused);
        assert_eq!(refused.status.code(), Some(78), "{told_all}");
        assert!(told_all.contains(&format!("({name})")), "{told_all}");
        assert!(told_all.contains(&format!("{name}_FILE")), "{told_all}");
        assert!(!told_all.contains("s3cret"), "{told_all}");
        for mode in [0o600, 0o640] {
            let taken = with(line, mode);
            assert!(taken.status.success(), "{}", told(&taken));
        }
    }
    let harmless = with("DATABASE_URL=postgres://me@h/b", 0o644);
    assert!(harmless.status.success(), "{}", told(&harmless));
}

#[test]
fn secret_on_the_command_line_warns() {
    let place = Place::new();
    let password = ["--mail-user=me", "--mail-password=s3cret"];
    for (flag, arguments) in [
        ("--mail-password", &password[..]),
        ("--mail", &["--mail=smtp://me:s3cret@localhost"]),
    ] {
        let output = migrate(&place, arguments);
        assert!(output.status.success(), "{}", told(&output));
        let warning = format!("{flag} shows a secret to every user of this machine");
        assert!(told(&output).contains(&warning), "{}", told(&output));
        assert!(!told(&output).contains("s3cret"), "{}", told(&output));
    }
    let mut command = program(place.folder(), &["db", "migrate", "--mail-user=me"]);
    command.env("BIENVENUE_MAIL_PASSWORD", "s3cret");
    assert!(!told(&finish(command)).contains("shows a secret"));
}

#[test]
fn settings_open_to_everyone_warn() {
    let place = Place::new();
    let mut server = production(
        &place,
        &[
            "--bind=0.0.0.0:0",
            "--operator-bind=0.0.0.0:0",
            "--trusted-proxies=0.0.0.0/0",
        ],
    );
    for warning in [
        "clients that reach this address without the proxy",
        "set --operator-bind to a loopback or private address",
        "--trusted-proxies contains the large network 0.0.0.0/0",
    ] {
        let line = server.wait_for(warning);
        assert!(line.contains("WARN"), "{line}");
    }
    drop(server);
    let narrow = [
        "--bind=127.0.0.1:0",
        "--operator-bind=127.0.0.1:0",
        "--trusted-proxies=10.0.0.0/8, ::1",
    ];
    let mut server = production(&place, &narrow);
    for warning in ["without the proxy", "--operator-bind", "--trusted-proxies"] {
        assert_eq!(server.logged(warning), 0, "{warning}");
    }
}
