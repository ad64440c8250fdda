//! Faults of the machine itself: settings, files, database, mail server.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use bienvenue::db::Pooler;

use super::{assert_found, findings, wrong as all_wrong};
use crate::mail::server::MailServer;
use crate::support::harness::Stand;
use crate::support::program::{finish, program, run, told};
use crate::support::{Engine, Place, has_tool, sqlite};

/// The doctor, where nothing answers at the public URL.
fn doctor(folder: &Path, flags: &[&str]) -> Command {
    let mut command = super::doctor(folder, flags);
    command.arg("--connect=127.0.0.2");
    command
}

/// What is wrong with the machine itself.
fn wrong(command: Command) -> BTreeSet<(String, String)> {
    let mut found = all_wrong(command);
    found.retain(|(check, _)| check != "public-url" && check != "certificate");
    found
}

/// A place with a database that the program has made.
fn migrated() -> Place {
    let place = Place::new();
    let made = run(place.folder(), &["db", "migrate"]);
    assert!(made.status.success(), "{}", told(&made));
    place
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn doctor_finds_nothing_wrong_on_a_good_machine() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let key = place.path("key");
        fs::write(&key, "9f".repeat(32)).unwrap();
        set_mode(&key, 0o600);
        let key = format!("--secret-key-file={}", key.display());
        let url = format!("--database-url={}", place.url_text());
        let made = run(place.folder(), &["db", "migrate", &url]);
        assert!(made.status.success(), "{}", told(&made));
        let found = wrong(doctor(place.folder(), &[&url, &key]));
        assert!(found.is_empty(), "{found:#?}");
    }
}

#[test]
fn checks_that_look_at_nothing_are_skipped() {
    let place = migrated();
    let examined = program(place.folder(), &["doctor", "--json", "--bcrypt-cost=4"]);
    let found = findings(&finish(examined));
    for check in [
        "public-url",
        "certificate",
        "http-redirect",
        "hsts",
        "client-address",
        "mail-server",
        "mail-sender",
    ] {
        let mut of_check = found.iter().filter(|finding| finding["check"] == check);
        assert_eq!(of_check.next().unwrap()["level"], "skipped", "{check}");
    }
}

#[test]
fn doctor_finds_settings_that_contradict_each_other() {
    let place = migrated();
    let found = wrong(doctor(
        place.folder(),
        &[
            "--bind=0.0.0.0:5000",
            "--operator-bind=0.0.0.0:9100",
            "--trusted-proxies=0.0.0.0/0",
            "--throttle=off",
            "--password-min-length=4",
            "--mail=dir:mails",
            "--email-verification=required",
            "--registration=conceal",
            "--session-lifetime=400d",
            "--session-idle=1m",
            "--allowed-origins=http://localhost:3000",
            "--database-pooler=session",
            "--logo=missing.png",
        ],
    ));
    assert_found(
        &found,
        &[
            ("mode", "send passwords unencrypted"),
            ("ops-listener", "0.0.0.0:9100"),
            ("trusted-proxies", "0.0.0.0/0"),
            ("guessing", "rate limits are off"),
            ("guessing", "4 characters"),
            ("mail-settings", "folder mails"),
            ("mail-settings", "verify their email"),
            ("mail-settings", "conceal"),
            ("sessions", "90 days"),
            ("sessions", "five minutes"),
            ("origins", "http://localhost:3000"),
            ("pooler", "SQLite"),
            ("templates", "missing.png"),
        ],
    );
    let found = wrong(doctor(
        place.folder(),
        &[
            "--public-url=https://192.0.2.7",
            "--bind=10.0.0.5:5000",
            "--mail=smtp://mail.invalid",
            "--pages=off",
        ],
    ));
    assert_found(
        &found,
        &[
            ("trusted-proxies", "another machine"),
            ("mail-settings", "command for a terminal"),
            ("second-factor", "passkeys"),
            ("mail-server", "mail.invalid"),
        ],
    );
    let mut command = doctor(place.folder(), &["--bind=0.0.0.0:5000"]);
    command.arg("--public-url=http://localhost:5000");
    let output = finish(command);
    assert_eq!(output.status.code(), Some(2), "a flag that is given twice");
    let found = wrong(doctor(
        place.folder(),
        &["--public-url=http://localhost:5000", "--bind=0.0.0.0:5000"],
    ));
    assert_found(&found, &[("mode", "development mode")]);
}

#[test]
fn doctor_finds_files_that_others_can_read_or_change() {
    let place = migrated();
    let key = place.path("bienvenue.db.secret-key");
    fs::write(&key, "9f".repeat(32)).unwrap();
    for folder in ["mails", "pages"] {
        fs::create_dir(place.path(folder)).unwrap();
    }
    let settings = place.path("settings.env");
    fs::write(&settings, "BIENVENUE_SERVICE_NAME=Shop\n").unwrap();
    let config = format!("--config={}", settings.display());
    let flags = ["--mail=dir:mails", "--page-templates=pages", &config];
    for (path, mode) in [
        ("bienvenue.db", 0o644),
        ("bienvenue.db.secret-key", 0o640),
        ("mails", 0o755),
        ("settings.env", 0o646),
        ("pages", 0o777),
    ] {
        set_mode(&place.path(path), mode);
    }
    let found = wrong(doctor(place.folder(), &flags));
    assert_found(
        &found,
        &[
            ("secret-files", "machine may read bienvenue.db"),
            ("secret-files", "bienvenue.db.secret-key"),
            ("secret-files", "mails"),
            ("changeable-files", "settings.env"),
            ("changeable-files", "pages"),
        ],
    );
    set_mode(&place.path("bienvenue.db"), 0o600);
    set_mode(&key, 0o600);
    set_mode(place.folder(), 0o777);
    let found = wrong(doctor(place.folder(), &[]));
    assert_found(&found, &[("changeable-files", ".")]);
    set_mode(place.folder(), 0o700);
    if chown(place.path("bienvenue.db"), Some(12345), None).is_err() {
        eprintln!("SKIPPED: only root can give files away");
        return;
    }
    let found = wrong(doctor(place.folder(), &[]));
    assert_found(&found, &[("owners", "user 12345")]);
}

#[test]
fn doctor_finds_a_disk_that_is_almost_full() {
    if !has_tool("unshare") {
        return;
    }
    let place = Place::new();
    let inner = doctor(place.folder(), &["--database-url=sqlite://disk/a.db"]);
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c"])
        .arg(
            "mkdir -p disk && mount -t tmpfs -o size=9m tmpfs disk || { echo SKIPPED; exit 0; }; \
             exec \"$@\"",
        )
        .arg("sh")
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(place.folder());
    let output = finish(command);
    if output.stdout.starts_with(b"SKIPPED") {
        eprintln!("SKIPPED: this machine refuses the mount");
        return;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("almost full: 9 MiB are free"), "{text}");
}

#[test]
fn doctor_finds_what_is_wrong_with_the_database() {
    let place = Place::new();
    assert_found(
        &wrong(doctor(place.folder(), &[])),
        &[("database", "no database")],
    );
    let place = migrated();
    let file = place.path("bienvenue.db");
    sqlite(
        &file,
        "INSERT INTO users (id, email, hashed_password, email_key) VALUES (1, 'a@x.fr', 'x', 'a@x.fr');
         INSERT INTO passkeys (user_id, rp_id, credential_id, user_handle, public_key, sign_count,
             backup_eligible, backed_up, transports, name, created_at)
             VALUES (1, 'old.example.org', x'01', x'02', x'03', 0, 0, 0, '', 'key', 0);
         INSERT INTO outbox (user_id, letter, created_at, due_at, attempts, claimed_until, has_token, priority)
             VALUES (1, 'password_reset', 0, 0, 3, 0, 0, 0);
         INSERT INTO secret_key_check (id, sealed) VALUES (1, x'0102');",
    );
    assert_found(
        &wrong(doctor(place.folder(), &[])),
        &[
            ("passkeys", "old.example.org"),
            ("mail-queue", "1 mails"),
            ("secret-key", "secret key"),
        ],
    );
    // Another database, without users, in the same folder.
    let other = "--database-url=sqlite://other.db";
    run(place.folder(), &["db", "migrate", other]);
    let found = wrong(doctor(place.folder(), &[other]));
    assert_found(&found, &[("users", "bienvenue.db has 1")]);
    // An older schema, and damage.
    let other = place.path("other.db");
    sqlite(
        &other,
        "DELETE FROM __diesel_schema_migrations WHERE version =
             (SELECT max(version) FROM __diesel_schema_migrations);",
    );
    let found = wrong(doctor(
        place.folder(),
        &["--database-url=sqlite://other.db"],
    ));
    assert_found(&found, &[("database", "older than this program")]);
    sqlite(
        &file,
        "PRAGMA ignore_check_constraints=ON; PRAGMA writable_schema=ON;
         DELETE FROM passkeys; INSERT INTO password_resets VALUES (99, 'x', 0, 0, 0);",
    );
    let found = wrong(doctor(place.folder(), &[]));
    assert_found(&found, &[("integrity", "damaged")]);
}

#[test]
fn doctor_finds_a_pooler_that_the_settings_do_not_name() {
    let Some(stand) = Stand::behind(Pooler::Transaction) else {
        return;
    };
    let server = stand.serve();
    let place = Place::new();
    let url = format!("--database-url={}", stand.service_url());
    let mut command = doctor(place.folder(), &[&url]);
    command.env("BIENVENUE_DATABASE_POOLER", "off");
    let found = wrong(command);
    assert_found(
        &found,
        &[
            ("database", "pooler"),
            ("second-factor", "there is no secret key"),
        ],
    );
    drop(server);
}

#[test]
fn doctor_finds_what_is_wrong_with_the_mail_server() {
    let place = migrated();
    let Some(server) = MailServer::that("asks-who") else {
        return;
    };
    let mail = format!("--mail=smtp://bob@127.0.0.1:{}", server.port);
    let from = "--mail-from=bienvenue@example.org";
    let with = |flags: &[&str]| {
        let mut all = vec![from];
        all.extend(flags);
        doctor(place.folder(), &all)
    };
    let with_password = |password: &str| {
        let mut command = with(&[&mail]);
        command.env("BIENVENUE_MAIL_PASSWORD", password);
        command
    };
    let found = wrong(with_password("s3cret word"));
    assert!(found.is_empty(), "{found:#?}");
    assert!(server.received().is_none(), "a mail was sent");
    let found = wrong(with_password("guessed"));
    assert_found(&found, &[("mail-server", "rejects the login")]);
    let tls = format!("--mail=smtps://127.0.0.1:{}", server.port);
    assert_found(&wrong(with(&[&tls])), &[("mail-server", "TLS")]);
    let closed = wrong(with(&["--mail=smtp://127.0.0.1:9"]));
    assert_found(&closed, &[("mail-server", "cannot be reached")]);
    let sender = doctor(
        place.folder(),
        &[
            "--public-url=https://login",
            &format!("--mail=smtp://127.0.0.1:{}", server.port),
        ],
    );
    assert_found(&wrong(sender), &[("mail-sender", "bienvenue@login")]);
    // What to look at in the DNS is a note.
    let notes = findings(&finish(with(&["--mail=smtp://127.0.0.1:9"])));
    let note = notes.iter().find(|found| found["check"] == "mail-sender");
    let note = note.unwrap();
    assert_eq!(note["level"], "note");
    let remedy = note["remedy"].as_str().unwrap();
    assert!(
        remedy.contains("dig +short TXT _dmarc.example.org"),
        "{note}"
    );
}

#[test]
fn doctor_finds_a_cost_that_is_too_slow_for_the_machine() {
    let place = migrated();
    let found = wrong(doctor(place.folder(), &["--bcrypt-cost=20"]));
    assert_found(&found, &[("hashing", "a hash at cost 20")]);
}
