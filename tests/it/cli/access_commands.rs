//! `bienvenue group` and `bienvenue access why`: who is in which group, and what follows from it.

use std::process::Output;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::program::{finish, program, told};
use crate::support::{Engine, Place};

const BOB: &str = "bob@dylan.com";
const WIKI: &str = "https://wiki.example.org";
const SHOP: &str = "https://shop.example.org";

struct Operator(Place);

impl Operator {
    /// With the user Bob, whose number is 7.
    fn on(engine: Engine) -> Option<Self> {
        let operator = Self(Place::on(engine)?);
        operator.does(&["db", "migrate"]);
        operator.0.sql(&format!(
            "INSERT INTO users (id, email, hashed_password, email_key)
             VALUES (7, 'Bob@Dylan.com', '!', '{BOB}')"
        ));
        Some(operator)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = program(self.0.folder(), arguments);
        command.env("DATABASE_URL", self.0.url_text());
        finish(command)
    }

    /// What a command prints that succeeds.
    fn does(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command says that is refused with a status.
    fn is_refused(&self, arguments: &[&str], status: i32) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{arguments:?}: {}",
            told(&output)
        );
        assert_eq!(output.stdout, b"", "{arguments:?}");
        told(&output)
    }

    fn events(&self) -> Vec<String> {
        let events = "SELECT event AS value FROM audit_events ORDER BY position";
        self.0.texts(events)
    }
}

fn json_lines(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.map(Result::unwrap).collect()
}

#[rstest]
fn groups_are_created_filled_emptied_and_deleted(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(operator) = Operator::on(engine) else {
        return;
    };
    assert_eq!(operator.does(&["group", "list"]), "");
    for group in ["staff", "family"] {
        let said = operator.does(&["group", "create", group]);
        assert!(
            said.starts_with(&format!("created the group {group} in ")),
            "{said}"
        );
    }
    let said = operator.is_refused(&["group", "create", "staff"], 4);
    assert!(said.contains("the group staff exists already"), "{said}");
    operator.is_refused(&["group", "create", "Sta ff"], 2);
    assert_eq!(operator.does(&["group", "list"]), "family\nstaff\n");
    let listed = json_lines(&operator.does(&["group", "list", "--json"]));
    assert_eq!(
        listed,
        [json!({"group": "family"}), json!({"group": "staff"})]
    );

    // The address in any spelling; twice is no mistake, and no event.
    operator.does(&["group", "add", "staff", "BOB@dylan.com"]);
    let said = operator.does(&["group", "add", "staff", BOB]);
    assert_eq!(said, "Bob@Dylan.com is in staff already\n");
    assert_eq!(
        operator.does(&["group", "list", "staff"]),
        "7\tBob@Dylan.com\n"
    );
    let listed = json_lines(&operator.does(&["group", "list", "staff", "--json"]));
    assert_eq!(listed, [json!({"id": 7, "email": "Bob@Dylan.com"})]);
    assert_eq!(operator.does(&["group", "list", "family"]), "");
    for missing in [
        &["group", "add", "nix", BOB][..],
        &["group", "add", "staff", "eve@dylan.com"],
        &["group", "list", "nix"],
        &["group", "remove", "family", BOB],
        &["group", "remove", "staff", "eve@dylan.com"],
        &["group", "delete", "nix", "--yes"],
    ] {
        operator.is_refused(missing, 3);
    }

    // A group that an application lists stays: the application could be open to every user else.
    operator.does(&["app", "add", "wiki", WIKI, "--group", "staff"]);
    let said = operator.is_refused(&["group", "delete", "staff", "--yes"], 4);
    assert!(said.contains("wiki"), "{said}");
    operator.does(&["app", "remove", "wiki", "--yes"]);
    operator.does(&["group", "remove", "staff", BOB]);
    operator.is_refused(&["group", "remove", "staff", BOB], 3);
    operator.does(&["group", "add", "family", BOB]);
    // With its members.
    operator.does(&["group", "delete", "family", "--yes"]);
    operator.does(&["group", "delete", "staff", "--yes"]);
    assert_eq!(operator.does(&["group", "list"]), "");
    let members = "SELECT group_name AS value FROM group_members";
    assert_eq!(operator.0.texts(members), [""; 0]);
    let expected = [
        "group_created",
        "group_created",
        "group_member_added",
        "app_created",
        "app_deleted",
        "group_member_removed",
        "group_member_added",
        "group_deleted",
        "group_deleted",
    ];
    assert_eq!(operator.events(), expected);
}

#[rstest]
fn access_why_names_the_verdict_and_the_rule(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(operator) = Operator::on(engine) else {
        return;
    };
    let expect = |url: &str, verdict: &str, rule: &str| {
        let said = operator.does(&["access", "why", "BOB@dylan.com", url]);
        let fields: Vec<&str> = said.trim_end().split('\t').collect();
        assert_eq!(fields[..2], [verdict, "Bob@Dylan.com"], "{said}");
        assert!(
            fields[2].starts_with(url.split('?').next().unwrap()),
            "{said}"
        );
        assert!(fields[3].contains(rule), "{said}");
        let told = json_lines(&operator.does(&["access", "why", BOB, url, "--json"]));
        assert_eq!(told[0]["allowed"], verdict == "allowed", "{told:?}");
        assert_eq!(told[0]["rule"], fields[3], "{told:?}");
    };
    let page = format!("{WIKI}/a?b=c");
    expect(&page, "allowed", "no application is registered");
    operator.does(&["group", "create", "staff"]);
    operator.does(&["app", "add", "wiki", WIKI, "--group", "staff"]);
    operator.does(&["app", "add", "shop", SHOP]);
    expect(&page, "denied", "wiki");
    expect(SHOP, "allowed", "shop");
    // Another host, another port and plain http are other applications.
    for other in [
        "https://other.example.org/",
        "https://wiki.example.org:8443/",
        "http://wiki.example.org/",
    ] {
        expect(other, "denied", "registered");
    }
    operator.does(&["group", "add", "staff", BOB]);
    expect(&page, "allowed", "staff");
    operator.does(&["user", "disable", BOB]);
    expect(&page, "denied", "the user is disabled");
    operator.does(&["user", "enable", BOB]);
    operator.does(&["app", "remove", "wiki", "--yes"]);
    operator.does(&["app", "add", "wiki", WIKI, "--require-second-factor"]);
    expect(
        &page,
        "allowed",
        "with a session that was opened by a second factor",
    );
    operator.is_refused(&["access", "why", "eve@dylan.com", SHOP], 3);
    for no_url in [
        "wiki.example.org",
        "/page",
        "ftp://wiki.example.org/",
        "https://",
    ] {
        operator.is_refused(&["access", "why", BOB, no_url], 2);
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn lists_are_read_in_parts(#[case] engine: Engine) {
    let Some(operator) = Operator::on(engine) else {
        return;
    };
    let names = ["anna", "bert", "carl"];
    operator.does(&["group", "create", "staff"]);
    for name in names {
        let email = format!("{name}@x.org");
        operator.does(&["user", "add", &email]);
        operator.does(&["group", "add", "staff", &email]);
        operator.does(&["group", "create", name]);
        operator.does(&["app", "add", name, &format!("https://{name}.example.org")]);
        operator.does(&["invite", "--group", name]);
    }
    let keys = |list: &[&str], key: &str| {
        let lines = operator.does(&[list, &["--json"]].concat());
        let item = |line: &str| serde_json::from_str::<Value>(line).unwrap()[key].to_string();
        lines.lines().map(item).collect::<Vec<_>>()
    };
    for (list, key) in [
        (vec!["group", "list"], "group"),
        (vec!["group", "list", "staff"], "id"),
        (vec!["app", "list"], "name"),
        (vec!["invite", "list"], "id"),
    ] {
        let all = keys(&list, key);
        assert!(all.len() >= 3, "{list:?}: {all:?}");
        let first = keys(&[list.as_slice(), &["--limit", "1"]].concat(), key);
        assert_eq!(first, all[..1], "{list:?}");
        let after = all[0].trim_matches('"');
        let second = ["--after", after, "--limit", "1"];
        let second = keys(&[list.as_slice(), &second].concat(), key);
        assert_eq!(second, all[1..2], "{list:?}");
        let rest = keys(&[list.as_slice(), &["--after", after]].concat(), key);
        assert_eq!(rest, all[1..], "{list:?}");
    }
    let refusal = operator.is_refused(&["group", "list", "staff", "--after", "anna"], 2);
    assert!(refusal.contains("--after: anna"), "{refusal}");
}
