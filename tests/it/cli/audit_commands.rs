//! `bienvenue audit`: lists of events, and the check of their chain.

use std::process::Output;

use bienvenue::db::DB;
use bienvenue::domain::{Actor, AuditDetails, Clock, NewAuditEvent, Timestamp, UserId};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::program::{Server, finish, program, told};
use crate::support::{Engine, Place, eventually, settings};

const DAY: i64 = 86_400;

fn run(place: &Place, arguments: &[&str]) -> Output {
    let mut command = program(place.folder(), arguments);
    command.env("DATABASE_URL", place.url_text());
    finish(command)
}

fn json_lines(place: &Place, arguments: &[&str]) -> Vec<Value> {
    let output = run(place, arguments);
    assert!(output.status.success(), "{}", told(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What `audit verify` prints as JSON, and its exit code.
fn verify(place: &Place, arguments: &[&str]) -> (Value, i32) {
    let output = run(place, &[&["audit", "verify", "--json"], arguments].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}", told(&output)));
    (report, output.status.code().unwrap())
}

fn event(event: &'static str, user: i64, days_ago: i64) -> NewAuditEvent {
    let now = Clock::system().now().seconds();
    NewAuditEvent {
        at: Timestamp::from_seconds(now - days_ago * DAY),
        event,
        user_id: Some(UserId::new(user)),
        actor: Actor::Client,
        details: AuditDetails {
            ip: Some("192.0.2.1".to_owned()),
            ..AuditDetails::default()
        },
    }
}

/// A database with six events.
fn with_events(engine: Engine) -> Option<(Place, DB)> {
    let place = Place::on(engine)?;
    let db = place.open(settings(&Clock::system()));
    for (name, user, days_ago) in [
        ("user_created", 1, 30),
        ("user_created", 2, 20),
        ("authn_login_fail", 1, 10),
        ("authn_login_success", 1, 9),
        ("authn_login_fail", 2, 1),
        ("session_ended", 1, 0),
    ] {
        db.append_audit_events(&[event(name, user, days_ago)])
            .unwrap();
    }
    Some((place, db))
}

#[rstest]
fn audit_list_has_pages_and_filters(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some((place, _db)) = with_events(engine) else {
        return;
    };
    let positions = |arguments: &[&str]| {
        let lines = json_lines(&place, &[&["audit", "list", "--json"], arguments].concat());
        lines
            .iter()
            .map(|line| line["position"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(positions(&[]), [1, 2, 3, 4, 5, 6]);
    assert_eq!(positions(&["--after", "2", "--limit", "2"]), [3, 4]);
    assert_eq!(positions(&["--user", "2"]), [2, 5]);
    assert_eq!(positions(&["--since", "15d"]), [3, 4, 5, 6]);
    assert_eq!(
        positions(&["--since", "15d", "--event", "authn_login_fail"]),
        [3, 5]
    );
    let first = &json_lines(&place, &["audit", "list", "--json", "--limit", "1"])[0];
    let fields = ["event", "user_id", "by", "by_user_id", "ip", "erased"].map(|key| &first[key]);
    assert_eq!(
        json!(fields),
        json!(["user_created", 1, "client", null, "192.0.2.1", false])
    );
    let unknown = run(&place, &["audit", "list", "--user", "eve@x.fr"]);
    assert_eq!(unknown.status.code(), Some(3), "{}", told(&unknown));
    let text = run(&place, &["audit", "list", "--limit", "1"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.ends_with("\tuser_created\tuser 1\tby client\t\tfrom 192.0.2.1\n"),
        "{text}"
    );
}

#[rstest]
fn r104_audit_verify_finds_changes(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some((place, db)) = with_events(engine) else {
        return;
    };
    let head = db.audit_head().unwrap().to_string();
    let mail = place.path("notification.eml");
    let date = jiff::fmt::rfc2822::to_string(&jiff::Zoned::now()).unwrap();
    let text = format!("Date: {date}\r\nSubject: x\r\n\r\nCheck number:\r\n{head}\r\n");
    std::fs::write(&mail, text).unwrap();
    let mail = mail.to_str().unwrap();
    let (report, code) = verify(&place, &[mail, "--head", &head]);
    let fields = ["intact", "rows", "first", "last", "head", "confirmed"].map(|key| &report[key]);
    assert_eq!(json!(fields), json!([true, 6, 1, 6, head, 2]));
    assert_eq!(code, 0);

    // Each of these alone, in a transaction that is undone by the next statement.
    for (change, undo, finding) in [
        (
            "UPDATE audit_events SET event = 'user_updated' WHERE position = 3",
            "UPDATE audit_events SET event = 'authn_login_fail' WHERE position = 3",
            "position 3: the digest does not follow",
        ),
        (
            "UPDATE audit_events SET details = '{}' WHERE position = 5",
            r#"UPDATE audit_events SET details = '{"ip":"192.0.2.1"}' WHERE position = 5"#,
            "position 5: the details were changed",
        ),
        (
            "UPDATE audit_events SET position = 9 WHERE position = 6",
            "UPDATE audit_events SET position = 6 WHERE position = 9",
            "positions 6 to 8: the rows are missing",
        ),
        (
            "UPDATE audit_chain SET position = 5",
            "UPDATE audit_chain SET position = 6",
            "the last row is at position 6, but the chain's head is recorded at position 5",
        ),
    ] {
        place.sql(change);
        let (report, code) = verify(&place, &[]);
        let found = report["findings"][0].as_str().unwrap();
        assert!(found.starts_with(finding), "{found}");
        assert_eq!((&report["intact"], code), (&json!(false), 1));
        place.sql(undo);
        assert_eq!(verify(&place, &[mail]).1, 0);
    }

    // The end is cut off, with its record: only the email shows it.
    place.sql(
        "DELETE FROM audit_events WHERE position > 4; UPDATE audit_chain SET position = 4, \
         digest = (SELECT digest FROM audit_events WHERE position = 4)",
    );
    assert_eq!(verify(&place, &[]).1, 0);
    let (report, code) = verify(&place, &[mail]);
    assert!(
        report["findings"][0]
            .as_str()
            .unwrap()
            .contains("rows were removed at the end")
    );
    assert_eq!(code, 1);

    // So is the start.
    place.sql(
        "UPDATE audit_chain SET start_digest = (SELECT digest FROM audit_events WHERE position = 2); \
         DELETE FROM audit_events WHERE position <= 2",
    );
    let (report, code) = verify(&place, &[]);
    assert!(
        report["findings"][0]
            .as_str()
            .unwrap()
            .contains("rows before position 3 are missing")
    );
    assert_eq!(code, 1);
    assert_eq!(verify(&place, &["--audit-retention", "5"]).1, 0);
}

#[test]
fn audit_verify_says_what_is_wrong_with_a_mail() {
    let (place, _db) = with_events(Engine::Sqlite).unwrap();
    std::fs::write(place.path("other.eml"), "Subject: x\n\nat 12:30\n").unwrap();
    let other = place.path("other.eml");
    let without = run(&place, &["audit", "verify", other.to_str().unwrap()]);
    assert!(
        told(&without).contains("has no number of the audit table"),
        "{}",
        told(&without)
    );
    assert_eq!(without.status.code(), Some(1));
    let wrong = run(&place, &["audit", "verify", "--head", "12"]);
    assert_eq!(wrong.status.code(), Some(78), "{}", told(&wrong));
    let text = String::from_utf8(run(&place, &["audit", "verify"]).stdout).unwrap();
    assert!(
        text.starts_with("6 rows checked, positions 1 to 6; head 6:"),
        "{text}"
    );
}

#[rstest]
fn acts_of_operators_have_rows(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let done = |arguments: &[&str]| {
        let output = run(&place, arguments);
        assert!(output.status.success(), "{}", told(&output));
    };
    done(&["db", "migrate"]);
    done(&["user", "add", "bob@x.fr"]);
    done(&["group", "create", "family"]);
    done(&["group", "add", "family", "bob@x.fr"]);
    done(&["user", "disable", "bob@x.fr"]);
    done(&["user", "delete", "bob@x.fr", "--yes"]);
    let rows = json_lines(&place, &["audit", "list", "--json"]);
    let fields =
        |row: &Value| json!(["event", "user_id", "group", "by", "erased"].map(|key| &row[key]));
    let rows: Vec<Value> = rows.iter().map(fields).collect();
    assert_eq!(
        rows,
        [
            json!(["user_created", 1, null, "operator", true]),
            json!(["group_created", null, "family", "operator", false]),
            json!(["group_member_added", 1, null, "operator", true]),
            json!(["user_disabled", 1, null, "operator", true]),
            json!(["user_deleted", 1, null, "operator", false]),
        ]
    );
    assert_eq!(verify(&place, &[]).1, 0);
}

#[test]
fn audit_verify_takes_a_mail_as_it_was_sent() {
    let place = Place::new();
    let folder = format!("dir:{}", place.path("mail").display());
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    command.env("DATABASE_URL", place.url_text());
    command.args(["--bcrypt-cost", "4", "--mail", &folder]);
    let server = Server::spawn(command);
    let client = reqwest::blocking::Client::builder();
    let client = client.cookie_store(true).build().unwrap();
    let form = [("email", "bob@x.fr"), ("password", "bob_pwd")];
    for path in ["/users", "/sessions"] {
        // Both the language of the owner, and accents in the mail.
        let request = client
            .post(server.url(path))
            .header("Accept-Language", "fr");
        assert!(request.form(&form).send().unwrap().status().is_success());
    }
    let form = [
        ("current_password", "bob_pwd"),
        ("new_password", "a_new_password"),
    ];
    let changed = client.put(server.url("/profile/password")).form(&form);
    assert_eq!(changed.send().unwrap().status().as_u16(), 200);
    let mail = || {
        let files = std::fs::read_dir(place.path("mail")).into_iter().flatten();
        let mut files = files.map(|file| file.unwrap().path());
        files.find(|file| {
            file.extension().is_some_and(|ending| ending == "eml")
                && std::fs::read_to_string(file)
                    .unwrap()
                    .contains("mot de passe")
        })
    };
    eventually("the notification", || mail().is_some());
    let mail = mail().unwrap();
    let mail = mail.to_str().unwrap();
    let (report, code) = verify(&place, &[mail]);
    assert_eq!((&report["confirmed"], code), (&json!(1), 0), "{report}");
    // All digests are computed again from the second row on.
    let db = DB::open(&place.url(), settings(&Clock::system())).unwrap();
    place.sql("DELETE FROM audit_events; DELETE FROM audit_chain;");
    for _ in 0..10 {
        db.append_audit_events(&[event("user_created", 1, 0)])
            .unwrap();
    }
    assert_eq!(verify(&place, &[]).1, 0);
    let (report, code) = verify(&place, &[mail]);
    let found = report["findings"][0].as_str().unwrap();
    assert!(
        found.contains("computed again") && found.contains(mail),
        "{found}"
    );
    assert_eq!(code, 1);
}
