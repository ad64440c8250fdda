//! Lines of the log by which an operator answers what happened to an account.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::program::{Server, finish, program, run, told};
use crate::support::requests::read;
use crate::support::{Engine, Place, eventually, flask};

const BOB: &str = "bob@x.fr";

fn serve(place: &Place, settings: &[&str]) -> Server {
    let arguments = ["--bind", "127.0.0.1:0", "--log-format", "json"];
    let mut command = program(place.folder(), &arguments);
    command.env("DATABASE_URL", place.url_text());
    command.args(["--bcrypt-cost", "4"]).args(settings);
    Server::spawn(command)
}

/// Stops the server, and returns the events of a name.
fn events(mut server: Server, name: &str) -> Vec<Value> {
    server.signal("TERM");
    server.wait();
    let log = server.whole_log();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["event"] == name).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn login_that_ends_older_sessions_is_logged(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let server = serve(&place, &["--sessions-per-user=2"]);
    assert_eq!(server.post("/users", BOB, "bob_pwd").status(), 201);
    for _ in 0..2 {
        assert_eq!(server.post("/sessions", BOB, "bob_pwd").status(), 200);
    }
    drop(server);
    let server = serve(&place, &["--sessions-per-user=1"]);
    assert_eq!(server.post("/sessions", BOB, "bob_pwd").status(), 200);
    let ended = events(server, "session_ended");
    assert_eq!(ended.len(), 1, "{ended:?}");
    let fields = ["reason", "user_id", "count", "outcome", "client_ip"].map(|key| &ended[0][key]);
    assert_eq!(
        json!(fields),
        json!(["replaced", 1, 2, "success", "127.0.0.1"])
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn sent_mail_is_logged_without_its_address(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut server = serve(&place, &[]);
    assert_eq!(server.post("/users", BOB, "bob_pwd").status(), 201);
    assert_eq!(server.post("/reset_password", "eve@x.fr", "").status(), 200);
    assert_eq!(server.post("/reset_password", BOB, "").status(), 200);
    server.wait_for("mail_sent");
    let sent = events(server, "mail_sent");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0]["mail"], "password_reset");
    assert_eq!(sent[0]["user_id"], 1);
    assert!(!sent[0].to_string().contains('@'), "{}", sent[0]);
}

#[test]
fn acts_of_operators_are_logged() {
    let place = Place::new();
    let _server = Server::start(&place);
    let database = format!("sqlite://{}", place.path("bienvenue.db").display());
    for (arguments, event, user, count) in [
        (
            &["user", "add", BOB][..],
            "user_created",
            json!(1),
            Value::Null,
        ),
        (
            &["user", "verify", BOB],
            "user_updated",
            json!(1),
            Value::Null,
        ),
        (
            &["user", "reset-link", BOB],
            "authn_token_created",
            json!(1),
            Value::Null,
        ),
        (
            &["session", "revoke", BOB],
            "session_ended",
            json!(1),
            json!(0),
        ),
        (
            &["session", "revoke", "--all", "--yes"],
            "session_ended",
            Value::Null,
            json!(0),
        ),
        (
            &["throttle", "clear", BOB],
            "throttle_cleared",
            json!(1),
            json!(0),
        ),
        (
            &["user", "delete", BOB, "--yes"],
            "user_deleted",
            json!(1),
            Value::Null,
        ),
    ] {
        let output = run(
            place.folder(),
            &[arguments, &["--log-format=json"]].concat(),
        );
        assert!(output.status.success(), "{}", told(&output));
        let log = told(&output);
        let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
        let act = lines.rev().find(|line: &Value| line["by"] == "operator");
        let act = act.unwrap_or_else(|| panic!("{arguments:?}: {log}"));
        assert_eq!(act["event"], event);
        assert_eq!((&act["user_id"], &act["count"]), (&user, &count), "{act}");
        assert_eq!(act["database"], database.as_str());
        assert!(act["operator_uid"].is_number(), "{act}");
        assert!(!act.to_string().contains('@'), "{act}");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn refusal_names_the_limit(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let settings = [
        "--throttle=on",
        "--throttle-registration=1+1/6m",
        "--throttle-account-free=1",
        // The wait after it does not end while a slow machine sends the next request.
        "--throttle-account-limit=1",
    ];
    let server = serve(&place, &settings);
    assert_eq!(server.post("/users", BOB, "bob_pwd").status(), 201);
    assert_eq!(server.post("/users", "eve@x.fr", "eve_pwd").status(), 429);
    assert_eq!(server.post("/sessions", BOB, "wrong").status(), 401);
    assert_eq!(server.post("/sessions", BOB, "wrong").status(), 429);
    let refused = events(server, "excess_rate_limit_exceeded");
    let limits: Vec<&Value> = refused.iter().map(|line| &line["limit"]).collect();
    assert_eq!(limits, ["registration", "account"]);
}

#[test]
fn refused_origin_is_named_once_with_the_remedy() {
    let place = Place::new();
    let mut server = serve(&place, &["--public-url=http://localhost:5000"]);
    let client = reqwest::blocking::Client::new();
    for origin in ["https://app.example.org", "https://app.example.org", "null"] {
        let request = client
            .post(server.url("/sessions"))
            .header("Origin", origin);
        assert_eq!(request.form(&[("a", "b")]).send().unwrap().status(), 403);
    }
    let warning = "a cross-origin request from https://app.example.org was refused";
    let line = server.wait_for(warning);
    for part in [
        "WARN",
        "own origin is http://localhost:5000",
        "--allowed-origins https://app.example.org",
        "--public-url https://app.example.org",
    ] {
        assert!(line.contains(part), "{line}");
    }
    eventually("all three are logged", || {
        server.logged("malicious_csrf") == 3
    });
    assert_eq!(server.logged("a cross-origin request from"), 1);
    let refused = events(server, "malicious_csrf");
    let origins: Vec<&Value> = refused.iter().map(|line| &line["origin"]).collect();
    let named = json!("https://app.example.org");
    assert_eq!(origins, [&named, &named, &Value::Null]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn hash_of_an_unknown_kind_has_a_reason_of_its_own(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let server = serve(&place, &[]);
    for email in [BOB, "eve@x.fr"] {
        assert_eq!(server.post("/users", email, "a_pwd").status(), 201);
    }
    place.sql(
        "UPDATE users SET hashed_password = '$argon2id$v=19$m=2097152,t=1,p=1$c2FsdHNhbHQ$AAAA' WHERE email = 'bob@x.fr'",
    );
    let answers = [BOB, "eve@x.fr"].map(|email| read(server.post("/sessions", email, "wrong")));
    assert_eq!(answers[0].0, 401);
    assert_eq!(answers[0], answers[1], "the client learns nothing of it");
    let failed = events(server, "authn_login_fail");
    let fields = failed
        .iter()
        .map(|line| json!([line["reason"], line["user_id"]]));
    assert_eq!(
        fields.collect::<Vec<_>>(),
        [json!(["unknown_hash", 1]), json!(["wrong_password", 2])]
    );
}

#[test]
fn import_counts_passwords_that_cannot_be_checked() {
    let place = Place::new();
    let stored = |id, email, hash| flask::Row {
        hashed_password: flask::text(hash),
        ..flask::row(id, email)
    };
    flask::file(
        &place,
        &[
            flask::row(1, "bcrypt@x.fr"),
            stored(2, "a@x.fr", "scrypt:33554432:8:1$salt$00ff"),
            stored(3, "b@x.fr", "scrypt:32768:8:1$salt$00ff"),
            stored(4, "c@x.fr", "pbkdf2:md4:600000$salt$00ff"),
        ],
    );
    let migrated = finish(program(place.folder(), &["db", "migrate"]));
    assert!(migrated.status.success(), "{}", told(&migrated));
    let warning =
        "3 users have password hashes that this service cannot check (pbkdf2: 1, scrypt: 2)";
    let log = told(&migrated);
    let line = log.lines().find(|line| line.contains(warning));
    assert!(line.is_some_and(|line| line.contains("WARN")), "{log}");
    assert!(!log.contains("salt"), "{log}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn throttle_list_shows_emails_and_clear_frees_mails(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let server = serve(&place, &["--throttle=on"]);
    assert_eq!(server.post("/users", BOB, "bob_pwd").status(), 201);
    for email in [BOB, "unknown@x.fr"] {
        assert_eq!(server.post("/sessions", email, "wrong").status(), 401);
        assert_eq!(server.post("/reset_password", email, "").status(), 200);
    }
    let throttle = |arguments: &[&str]| {
        let mut command = program(place.folder(), &[&["throttle"], arguments].concat());
        command.env("DATABASE_URL", place.url_text());
        let output = finish(command);
        assert!(output.status.success(), "{}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let list = throttle(&["list"]);
    let rows = |kind: &str| -> Vec<String> {
        let rows = list
            .lines()
            .filter(|line| line.split_whitespace().next() == Some(kind));
        let keys = rows.map(|line| {
            line.split_whitespace()
                .skip(3)
                .collect::<Vec<_>>()
                .join(" ")
        });
        let mut keys: Vec<String> = keys.collect();
        keys.sort();
        keys
    };
    for (kind, before) in [
        ("account", ""),
        ("mail", "password_reset/"),
        ("mail-pause", "password_reset/"),
    ] {
        let keys = rows(kind);
        assert_eq!(keys.len(), 2, "{kind}: {list}");
        assert_eq!(keys[0], format!("{before}{BOB}"), "{list}");
        assert!(
            keys[1].starts_with(&format!("{before}unknown account ")),
            "{list}"
        );
    }
    assert!(!list.contains("unknown@"), "{list}");
    let cleared = throttle(&["clear", BOB]);
    assert!(cleared.starts_with("cleared 4 counts in "), "{cleared}");
    assert!(!throttle(&["list"]).contains(BOB));
}
