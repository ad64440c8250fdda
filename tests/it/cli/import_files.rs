//! `bienvenue import` reads large files row by row, and refuses entries without an end.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};

use crate::support::Place;
use crate::support::program::{finish, program, run, told};

fn place() -> Place {
    let place = Place::new();
    let migrated = run(place.folder(), &["db", "migrate"]);
    assert!(migrated.status.success(), "{}", told(&migrated));
    place
}

/// Imports a file without a change, and returns the report, or what the program told.
fn import(place: &Place, source: &str) -> Result<Value, String> {
    let arguments = ["import", source, "--dry-run", "--json"];
    let output = finish(program(place.folder(), &arguments));
    match serde_json::from_slice(&output.stdout) {
        Ok(report) => Ok(report),
        Err(_) => Err(told(&output)),
    }
}

fn counts(report: &Value) -> (u64, u64) {
    let count = |name: &str| report[name].as_u64().unwrap();
    (count("imported"), count("refused"))
}

#[test]
fn users_of_a_realm_are_read_one_by_one() {
    let place = place();
    let user = |number: u32| json!({"email": format!("u{number}@x.fr"), "enabled": true});
    let mut users: Vec<Value> = (0..3000).map(user).collect();
    users[7] = json!({"email": 7});
    users[8] = json!({"email": "big@x.fr", "attributes": {"text": "x".repeat(1_000_000)}});
    // More than an entry may have, but of another section.
    let clients = json!([{"secret": "x".repeat(3_000_000)}]);
    let realm = json!({"clients": clients, "realm": "a", "users": users, "z": clients});
    fs::write(place.path("realm.json"), realm.to_string()).unwrap();
    let report = import(&place, "keycloak:realm.json").unwrap();
    assert_eq!(counts(&report), (2999, 1));
    let reason = "a field of the user is of another type";
    assert_eq!(
        report["refused_lines"],
        json!([{"line": 8, "reason": reason}])
    );
    let text = realm.to_string();
    fs::write(place.path("half.json"), &text[..text.len() / 2]).unwrap();
    for (file, reason) in [
        ("half.json", "EOF while parsing"),
        ("none.json", "No such file"),
    ] {
        let error = import(&place, &format!("keycloak:{file}")).unwrap_err();
        assert!(error.contains("cannot read the source"), "{error}");
        assert!(error.contains(reason), "{error}");
    }
    fs::write(place.path("empty.json"), r#"{"realm": "a"}"#).unwrap();
    assert_eq!(
        counts(&import(&place, "keycloak:empty.json").unwrap()),
        (0, 0)
    );
}

#[test]
fn entry_without_an_end_is_refused_in_each_format() {
    let place = place();
    let long = "x".repeat(1_100_000);
    for (source, text) in [
        (
            "keycloak:a",
            format!(r#"{{"users": [{{"email": "a@x.fr", "text": "{long}"}}]}}"#),
        ),
        (
            "authelia:b",
            format!("users:\n  ann:\n    email: '{long}'\n"),
        ),
        (
            "authelia:c",
            format!(
                "users:\n  ann:\n    email: |\n{}",
                "      x\n".repeat(200_000)
            ),
        ),
        ("csv:d", format!("email\n\"{long}\"\n")),
        ("jsonl:e", format!(r#"{{"email":"{long}"}}"#)),
        ("htpasswd:f", format!("{long}:x")),
    ] {
        let (_, file) = source.split_once(':').unwrap();
        fs::write(place.path(file), text).unwrap();
        let error = import(&place, source).unwrap_err();
        assert!(error.contains("longer than 1 MiB"), "{source}: {error}");
    }
}

#[test]
fn users_of_authelia_are_read_one_by_one() {
    let place = place();
    let mut text = "---\nother: {a: [1, {b: c}]}\nusers:\n".to_owned();
    for number in 0..3000 {
        writeln!(
            text,
            "  u{number}: {{email: u{number}@x.fr, groups: [a, b]}}"
        )
        .unwrap();
    }
    text += "  odd: text\n  none: {displayname: x}\n  null: {email: ~}\n";
    text += "  maybe: {email: m@x.fr, disabled: perhaps}\n";
    text += "  list: {email: l@x.fr, disabled: [true]}\n";
    text += "  off: {email: off@x.fr, disabled: Yes}\n";
    fs::write(place.path("users.yml"), &text).unwrap();
    let report = import(&place, "authelia:users.yml").unwrap();
    assert_eq!(counts(&report), (3001, 5));
    assert_eq!(report["disabled"], 1);
    let reasons: Vec<&str> = report["refused_lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refused| refused["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        [
            "the user is not a mapping",
            "the user has no `email`",
            "the user has no `email`",
            "`disabled` is neither true nor false",
            "`disabled` is neither true nor false",
        ]
    );
    for (text, reason) in [
        ("users:\n  a: &x {email: a@x.fr}\n  b: *x\n", "references"),
        ("users:\n  a: {email: [\n", "not YAML"),
        ("users: []\n", "no mapping `users`"),
        ("- a\n", "no mapping `users`"),
        ("", "no mapping `users`"),
    ] {
        fs::write(place.path("bad.yml"), text).unwrap();
        let error = import(&place, "authelia:bad.yml").unwrap_err();
        assert!(error.contains(reason), "{text}: {error}");
    }
}
