//! `bienvenue user` and `bienvenue session`: what they print, ask and refuse.

use std::io::Write;
use std::process::{Output, Stdio};

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::program::{Server, finish, program, told};
use crate::support::{Engine, Place, eventually, has_tool};

const BOB: &str = "bob@dylan.com";

fn run(place: &Place, arguments: &[&str]) -> Output {
    let mut command = program(place.folder(), arguments);
    command.env("DATABASE_URL", place.url_text());
    finish(command)
}

fn printed(place: &Place, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn json_lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn serve(place: &Place) -> Server {
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    command
        .env("BIENVENUE_BCRYPT_COST", "4")
        .env("DATABASE_URL", place.url_text());
    Server::spawn(command)
}

/// Runs a command with a text as its standard input.
fn with_input(place: &Place, arguments: &[&str], input: &str) -> Output {
    let mut command = program(place.folder(), arguments);
    command
        .env("DATABASE_URL", place.url_text())
        .env("BIENVENUE_BCRYPT_COST", "4")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[rstest]
fn user_list_has_pages_and_filters(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    printed(&place, &["db", "migrate"]);
    for (id, name, dates) in [
        (1, "a@x.fr", "1700000000, 1800000000, NULL"),
        (2, "b@x.fr", "1700000000, NULL, 1800000060"),
        (3, "C@Y.fr", "1790000000, NULL, NULL"),
        (4, "d@y.fr", "NULL, NULL, NULL"),
    ] {
        let key = name.to_lowercase();
        place.sql(&format!(
            "INSERT INTO users (id, email, hashed_password, email_key)
                 VALUES ({id}, '{name}', '!', '{key}');
             INSERT INTO account_dates (user_id, created_at, last_login_at, disabled_at)
                 VALUES ({id}, {dates});"
        ));
    }
    // An address that was verified before it was changed is not verified.
    place.sql("INSERT INTO verified_emails VALUES (1, 'a@x.fr', 1), (2, 'old@x.fr', 1)");
    let ids = |arguments: &[&str]| -> Vec<i64> {
        let text = printed(&place, &[&["user"], arguments, &["--json"]].concat());
        let users = json_lines(&text);
        users
            .iter()
            .map(|user| user["id"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(ids(&["list"]), [1, 2, 3, 4]);
    assert_eq!(ids(&["list", "--limit", "2"]), [1, 2]);
    assert_eq!(ids(&["list", "--after", "2", "--limit", "1"]), [3]);
    assert_eq!(ids(&["list", "--email", "@Y.FR"]), [3, 4]);
    assert_eq!(ids(&["find", "@x"]), [1, 2]);
    assert_eq!(ids(&["find", "x.fr", "--unverified"]), [2]);
    assert_eq!(ids(&["list", "--unverified"]), [2, 3, 4]);
    assert_eq!(ids(&["list", "--disabled"]), [2]);
    // 2026-12-01 is 1796083200: a user who logged in later is active, and one with an unknown
    // login is not shown.
    assert_eq!(ids(&["list", "--inactive-since", "2026-12-01"]), [2, 3]);
    assert_eq!(ids(&["list", "--inactive-since", "36500d"]), [0; 0]);
    let first = printed(&place, &["user", "list", "--limit=1", "--json"]);
    assert_eq!(
        json_lines(&first),
        [json!({
            "id": 1, "email": "a@x.fr", "email_verified": true,
            "created_at": "2023-11-14T22:13:20Z", "last_login_at": "2027-01-15T08:00:00Z",
            "disabled_at": null, "second_factors": [],
        })]
    );
    let bad = run(&place, &["user", "list", "--inactive-since", "once"]);
    assert_eq!(bad.status.code(), Some(2), "{}", told(&bad));
}

#[rstest]
fn user_show_tells_groups_and_sessions(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let server = serve(&place);
    assert_eq!(server.post("/users", BOB, "a_pwd").status(), 201);
    let session = server.session(BOB, "a_pwd");
    for group in ["staff", "family"] {
        printed(&place, &["group", "create", group]);
        printed(&place, &["group", "add", group, BOB]);
    }
    let show = || json_lines(&printed(&place, &["user", "show", BOB, "--json"])).remove(0);
    // The events of the server have their rows within a second.
    eventually("the rows of Bob", || {
        show()["audit_events"].as_array().unwrap().len() == 4
    });
    let shown = show();
    assert_eq!(shown["groups"], json!(["family", "staff"]));
    assert_eq!(shown["recovery_codes_left"], 0);
    assert_eq!(shown["email_verified"], false);
    let sessions = shown["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["ip"], "127.0.0.1");
    let mut events = shown["audit_events"].as_array().unwrap().clone();
    events.sort_by_key(|event| event["position"].as_i64());
    let all = printed(&place, &["audit", "list", "--user", "1", "--json"]);
    assert_eq!(json_lines(&all), events);
    let newest = shown["audit_events"][0]["position"].as_i64();
    assert_eq!(newest, events[3]["position"].as_i64(), "newest first");
    let listed = printed(&place, &["session", "list", BOB, "--json"]);
    assert_eq!(json_lines(&listed), *sessions);
    let secret = session.split_once('=').unwrap().1;
    assert!(!listed.contains(secret), "the list opens no session");
    let text = printed(&place, &["user", "show", BOB]);
    for row in [
        "groups          family, staff\n",
        "sessions        1\n",
        "disabled        no\n",
        "second factors  none\n",
        "\tgroup_member_added\tuser 1\tby operator\t",
    ] {
        assert!(text.contains(row), "{text}");
    }
    assert_eq!(printed(&place, &["user", "groups", BOB]), "family\nstaff\n");
    let ended = printed(&place, &["session", "revoke", BOB, "--json"]);
    let ended = json_lines(&ended).remove(0);
    assert_eq!(ended["event"], "session_ended");
    assert_eq!((&ended["user_id"], &ended["count"]), (&json!(1), &json!(1)));
    assert_eq!(server.profile(&session), 403);
}

#[rstest]
fn password_is_set_from_standard_input(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let server = serve(&place);
    assert_eq!(server.post("/users", BOB, "a_pwd").status(), 201);
    let session = server.session(BOB, "a_pwd");
    let set = ["user", "set-password", BOB];
    let short = with_input(
        &place,
        &[&set[..], &["--password-min-length=9"]].concat(),
        "short\n",
    );
    assert_eq!(short.status.code(), Some(4), "{}", told(&short));
    let empty = with_input(&place, &set, "");
    assert_eq!(empty.status.code(), Some(4), "{}", told(&empty));
    assert_eq!(server.profile(&session), 200, "nothing was changed");
    let done = with_input(&place, &set, "another_pwd\nnot this\n");
    assert!(done.status.success(), "{}", told(&done));
    assert!(!told(&done).contains("another_pwd"));
    assert_eq!(server.profile(&session), 403, "sessions end");
    assert_eq!(server.post("/sessions", BOB, "a_pwd").status(), 401);
    assert_eq!(server.post("/sessions", BOB, "another_pwd").status(), 200);
}

#[test]
fn password_is_asked_for_without_echo() {
    if !has_tool("script") {
        return;
    }
    let place = Place::new();
    printed(&place, &["db", "migrate"]);
    printed(&place, &["user", "add", BOB]);
    let ask = |answers: &str| {
        let service = program(place.folder(), &["user", "set-password", BOB]);
        let service = format!("{:?}", service.get_program()).replace('"', "");
        let mut command = program(place.folder(), &[]);
        let environment: Vec<_> = command
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.map(std::ffi::OsStr::to_owned)))
            .collect();
        command = std::process::Command::new("script");
        for (name, value) in environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .args(["--quiet", "--return", "--echo", "never", "--command"])
            .arg(format!("{service} user set-password {BOB}"))
            .arg("/dev/null")
            .env("BIENVENUE_BCRYPT_COST", "4")
            .current_dir(place.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(500));
        stdin.write_all(answers.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), shown)
    };
    let (code, shown) = ask("one_secret\nother_secret\n");
    assert_eq!(code, Some(4), "{shown}");
    assert!(shown.contains("the two passwords differ"), "{shown}");
    let (code, shown) = ask("one_secret\none_secret\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("New password: "), "{shown}");
    assert!(!shown.contains("one_secret"), "{shown}");
}

#[rstest]
fn disabling_holds_at_once_beside_the_service(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut server = serve(&place);
    assert_eq!(server.post("/users", BOB, "a_pwd").status(), 201);
    let session = server.session(BOB, "a_pwd");
    let disabled = run(&place, &["user", "disable", BOB]);
    assert!(disabled.status.success(), "{}", told(&disabled));
    let event = told(&disabled);
    assert!(
        event.contains("event=user_disabled") && event.contains("by=operator"),
        "{event}"
    );
    assert_eq!(server.profile(&session), 403);
    assert_eq!(server.post("/sessions", BOB, "a_pwd").status(), 401);
    server.wait_for("reason=account_disabled");
    let again = printed(&place, &["user", "disable", BOB]);
    assert_eq!(again, format!("{BOB} is disabled already\n"));
    for refused in ["set-password", "reset-link"] {
        let refused = with_input(&place, &["user", refused, BOB], "another_pwd\n");
        assert_eq!(refused.status.code(), Some(4), "{}", told(&refused));
        assert!(told(&refused).contains("user enable"), "{}", told(&refused));
    }
    let why = ["access", "why", BOB, "https://app.example.org/"];
    assert!(printed(&place, &why).starts_with("denied\t"));
    printed(&place, &["user", "enable", BOB]);
    assert!(printed(&place, &why).starts_with("allowed\t"));
    assert_eq!(server.post("/sessions", BOB, "a_pwd").status(), 200);
}

#[test]
fn exit_codes_say_what_went_wrong() {
    let place = Place::new();
    printed(&place, &["db", "migrate"]);
    printed(&place, &["group", "create", "staff"]);
    for (arguments, code) in [
        (&["user", "show", BOB][..], 3),
        (&["user", "groups", BOB], 3),
        (&["group", "list", "none"], 3),
        (&["app", "show", "none"], 3),
        (&["invite", "revoke", "1"], 3),
        (&["group", "create", "staff"], 4),
        (&["user", "list", "--no-such-flag"], 2),
        (&["user", "list", "--database-url=sqlite://none.db"], 78),
    ] {
        let output = run(&place, arguments);
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
    }
}

#[test]
fn each_user_command_has_an_example() {
    let place = Place::new();
    let help = printed(&place, &["user", "--help"]);
    let commands = help.split("Commands:\n").nth(1).unwrap();
    let names: Vec<&str> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let help = printed(&place, &["user", name, "--help"]);
        let example = format!("Example: bienvenue user {name}");
        assert!(help.contains(&example), "{name}: {help}");
    }
}
