//! Pages of the lists of sessions, queued mails and rate limits.

use std::process::Output;

use bienvenue::domain::{ClientIp, Limit, LimitKey};
use rstest::rstest;
use serde_json::Value;

use crate::support::program::{Server, program, told};
use crate::support::{Engine, Place, email};

const BOB: &str = "bob@dylan.com";

fn run(place: &Place, arguments: &[&str]) -> Output {
    let mut command = program(place.folder(), arguments);
    command.env("DATABASE_URL", place.url_text());
    command.output().unwrap()
}

fn printed(place: &Place, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// A field of each object that a command prints.
fn field(place: &Place, list: &[&str], part: &[&str], name: &str) -> Vec<Value> {
    let listed = printed(place, &[list, part, &["--json"]].concat());
    let object = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let fields = listed.lines().map(|line| object(line)[name].clone());
    fields.collect()
}

/// A list refuses an item that cannot be one, before it prints a heading.
fn refuses_after(place: &Place, list: &[&str], item: &str) {
    let refused = run(place, &[list, &["--after", item]].concat());
    assert_eq!(refused.status.code(), Some(2), "{}", told(&refused));
    assert!(told(&refused).contains(item), "{}", told(&refused));
    assert_eq!(refused.stdout, b"", "a heading");
}

#[rstest]
fn sessions_are_listed_page_by_page(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut serve = program(
        place.folder(),
        &["--bind", "127.0.0.1:0", "--sessions-per-user=5"],
    );
    serve
        .env("BIENVENUE_BCRYPT_COST", "4")
        .env("DATABASE_URL", place.url_text());
    let server = Server::spawn(serve);
    assert_eq!(server.register(BOB, "a_pwd"), 201);
    for _ in 0..5 {
        server.session(BOB, "a_pwd");
    }
    let list = ["session", "list", BOB];
    let ids = |part: &[&str]| field(&place, &list, part, "id");
    let all = ids(&[]);
    assert_eq!(all.len(), 5);
    let named = |number: usize| all[number].as_str().unwrap();
    assert_eq!(ids(&["--limit", "2"]), all[..2]);
    assert_eq!(ids(&["--after", named(0), "--limit", "1"]), all[1..2]);
    assert_eq!(ids(&["--after", named(1)]), all[2..]);
    // The newest one and the third are expired, and cleanup has not removed them.
    for number in [0, 2] {
        place.sql(&format!(
            "UPDATE sessions SET expires_at = 1 WHERE digest IN \
             (SELECT digest FROM sessions ORDER BY public_id DESC LIMIT 1 OFFSET {number})"
        ));
    }
    let valid = [1, 3, 4].map(|number| all[number].clone());
    assert_eq!(ids(&[]), valid);
    assert_eq!(ids(&["--limit", "2"]), valid[..2]);
    assert_eq!(ids(&["--after", named(1), "--limit", "2"]), valid[1..]);
    refuses_after(&place, &list, "7");
}

#[rstest]
fn queued_mails_are_listed_page_by_page(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    printed(&place, &["db", "migrate"]);
    let rows = vec!["(NULL, 'password_reset', 0, 0, 3, 0)"; 1100].join(", ");
    place.sql(&format!(
        "INSERT INTO outbox (user_id, letter, created_at, due_at, attempts, claimed_until) \
         VALUES {rows}"
    ));
    let queue = ["mail", "queue"];
    let ids = |part: &[&str]| field(&place, &queue, part, "id");
    let all: Vec<i64> = (1..=1100).collect();
    assert_eq!(ids(&[]), all);
    assert_eq!(ids(&["--limit", "1050"]), all[..1050]);
    assert_eq!(ids(&["--after", "1098"]), all[1098..]);
    let page = printed(&place, &["mail", "queue", "--after=1000", "--limit=2"]);
    let first = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    let numbers: Vec<String> = page.lines().map(first).collect();
    assert_eq!(numbers, ["MAIL", "1001", "1002"]);
    refuses_after(&place, &queue, "none");
}

/// A row of the table of limits that counts for a thousand years. All name the first user.
fn limit(key: &str) -> String {
    format!("('{key}', 3, 0, 33000000000, 1)")
}

#[rstest]
fn rate_limits_are_listed_page_by_page(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    printed(&place, &["db", "migrate"]);
    printed(&place, &["user", "add", BOB]);
    let accounts = (1..=1100).map(|number| format!("account/{number:064x}"));
    let mut keys: Vec<String> = accounts.collect();
    keys.push(LimitKey::account(&email(BOB).key()).as_str().to_owned());
    keys.sort();
    let address = ClientIp::new("192.0.2.7".parse().unwrap()).network();
    keys.push(
        LimitKey::of_clients(Limit::Address, &address)
            .as_str()
            .to_owned(),
    );
    // More rows than a page has, of a limit that only a newer version knows.
    let newer = (1..=1100).map(|number| format!("accounts-of-later/{number:04}"));
    let rows: Vec<String> = keys
        .iter()
        .cloned()
        .chain(newer)
        .map(|key| limit(&key))
        .collect();
    place.sql(&format!("INSERT INTO throttle VALUES {}", rows.join(", ")));
    place.sql("INSERT INTO throttle VALUES ('account/expired', 3, 0, 1, 1), ('account/none', 0, 0, 33000000000, 1)");

    let list = ["throttle", "list"];
    let items = |part: &[&str]| field(&place, &list, part, "item");
    assert_eq!(items(&[]), keys);
    assert_eq!(items(&["--limit", "1050"]), keys[..1050]);
    assert_eq!(items(&["--after", &keys[1049]]), keys[1050..]);
    let shown = field(&place, &list, &[], "key");
    let bobs = shown.iter().filter(|key| *key == BOB).count();
    assert_eq!((bobs, shown.len()), (1, 1102), "by id and digest");
    assert_eq!(shown[0], "unknown account 00000000");
    assert_eq!(shown[1101], "192.0.2.7/32");

    let page = run(&place, &["throttle", "list", "--limit=2"]);
    assert!(page.status.success(), "{}", told(&page));
    let next = format!("Next page: --after {}\n", keys[1]);
    assert_eq!(String::from_utf8_lossy(&page.stderr), next);
    assert_eq!(String::from_utf8_lossy(&page.stdout).lines().count(), 3);
    let last = run(&place, &["throttle", "list", "--after", &keys[1100]]);
    assert_eq!(String::from_utf8_lossy(&last.stderr), "", "no page follows");
    refuses_after(&place, &list, "nothing/192.0.2.7");
}
