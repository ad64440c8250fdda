//! The commands about mails and forgotten passwords.

use std::fs;
use std::process::{Command, Stdio};

use reqwest::Method;
use rstest::rstest;

use crate::support::program::{Server, finish, program, run, told};
use crate::support::requests::read;
use crate::support::{Engine, Place, eventually, has_tool};

const BOB: &str = "bob@dylan.com";
const UNKNOWN: &str = "no user has the email eve@dylan.com";

/// The program with a command, on the database of the place.
fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = program(place.folder(), arguments);
    command.env("DATABASE_URL", place.url_text());
    command
}

/// The output of a command that has to succeed, and that says nothing of a token in its log.
fn output_of(place: &Place, arguments: &[&str]) -> String {
    let mut command = command(place, arguments);
    command.env("RUST_LOG", "trace");
    let output = finish(command);
    assert!(output.status.success(), "{}", told(&output));
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    for token in uuids(&printed) {
        assert!(!told(&output).contains(&token), "{}", told(&output));
    }
    printed
}

/// The substrings that look like tokens.
fn uuids(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_hexdigit() && c != '-')
        .filter(|word| uuid::Uuid::parse_str(word).is_ok())
        .map(str::to_owned)
        .collect()
}

fn serve(place: &Place, arguments: &[&str]) -> Server {
    let mut command = command(place, &["--bind", "127.0.0.1:0", "--bcrypt-cost", "4"]);
    command.args(arguments);
    Server::spawn(command)
}

fn ask_for_reset(server: &Server, email: &str) -> String {
    let (status, body) = read(server.post("/reset_password", email, ""));
    format!("{status} {body}")
}

fn reset(server: &Server, token: &str, password: &str) -> u16 {
    let fields = [
        ("email", BOB),
        ("reset_token", token),
        ("new_password", password),
    ];
    let answer = server.form(Method::PUT, "/reset_password", &fields);
    answer.status().as_u16()
}

/// How many mails lie in the place's folder.
fn mails(place: &Place) -> Vec<String> {
    fs::read_dir(place.path("mail"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "eml"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// Rows without their numbers of seconds, which run.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let rows = table.lines().map(|line| line.split_whitespace().collect());
    rows.collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn operator_lists_and_retries_queued_mails(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    output_of(&place, &["db", "migrate"]);
    let header = ["MAIL", "USER", "TRIES", "AGE", "WAIT", "KIND"];
    assert_eq!(rows(&output_of(&place, &["mail", "queue"])), [header]);

    output_of(&place, &["user", "add", BOB]);
    fs::write(place.path("mail"), "a file where the folder should be").unwrap();
    let mut server = serve(&place, &[]);
    for email in [BOB, "eve@dylan.com"] {
        assert!(ask_for_reset(&server, email).starts_with("200 "));
    }
    let line = server.wait_for("Mails stay queued");
    assert!(
        line.contains("mails cannot be written to the folder mail ("),
        "{line}"
    );
    let postponed = "SELECT letter AS value FROM outbox WHERE claimed_until = 0";
    eventually("both mails put back", || place.texts(postponed).len() == 2);
    // As if a mail server had asked to come back in a minute.
    place.sql("UPDATE outbox SET due_at = due_at + 60");
    let waiting = output_of(&place, &["mail", "queue"]);
    assert_eq!(uuids(&waiting), [""; 0]);
    let waiting = rows(&waiting);
    assert_eq!(waiting.len(), 3, "{waiting:?}");
    let [_, user, tries, age, wait, letter] = waiting[1][..] else {
        panic!("{waiting:?}");
    };
    assert_eq!((user, letter), ("1", "password_reset"));
    assert!(tries.parse::<u32>().unwrap() > 0, "{tries}");
    let seconds = |text: &str| text.strip_suffix('s').unwrap().parse::<u64>().unwrap();
    assert!(seconds(age) < 30, "{age}");
    assert!((30..=60).contains(&seconds(wait)), "{wait}");

    fs::remove_file(place.path("mail")).unwrap();
    assert!(output_of(&place, &["mail", "retry"]).starts_with("due now: 2 in "));
    eventually("the mail to lie in the folder", || mails(&place).len() == 1);
    eventually("an empty outbox", || {
        rows(&output_of(&place, &["mail", "queue"])).len() == 1
    });
    assert!(output_of(&place, &["mail", "retry"]).starts_with("due now: 0 in "));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn decoy_mails_are_listed_like_others(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    output_of(&place, &["db", "migrate"]);
    place.sql(
        "INSERT INTO outbox (user_id, letter, created_at, due_at, attempts, claimed_until) \
         VALUES (NULL, 'password_reset', 0, 0, 3, 0)",
    );
    let waiting = output_of(&place, &["mail", "queue"]);
    let row = rows(&waiting).remove(1);
    assert_eq!((row[1], row[2]), ("-", "3"), "{waiting}");
    assert_eq!((row[4], row[5]), ("0s", "password_reset"), "{waiting}");
}

#[test]
fn without_mails_a_test_says_so_and_fails() {
    let place = Place::new();
    let output = run(place.folder(), &["mail", "test", BOB, "--mail=off"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(told(&output).contains("nothing was sent: mails are off (--mail off)"));
    assert_eq!(output.stdout, b"");
    assert!(!place.path("mail").exists());
}

#[test]
fn without_mails_answers_are_equal_and_one_warning_is_logged() {
    let place = Place::new();
    let mut server = serve(&place, &["--mail=off"]);
    output_of(&place, &["user", "add", BOB]);
    for email in [BOB, "eve@dylan.com"] {
        let expected = format!(
            "200 {{\"email\":\"{email}\",\"message\":\"if this address is registered, a mail is on its way\"}}\n"
        );
        assert_eq!(ask_for_reset(&server, email), expected);
    }
    let queued = "SELECT letter AS value FROM outbox";
    eventually("an empty outbox", || place.texts(queued).is_empty());
    server.signal("TERM");
    server.wait();
    let log = server.whole_log();
    assert_eq!(
        log.matches("mails are off (--mail off)").count(),
        1,
        "{log}"
    );
    assert!(!place.path("mail").exists());
}

#[test]
fn sender_is_the_setting_or_the_services_host() {
    for (arguments, from) in [
        (&[][..], "bienvenue@localhost"),
        (
            &["--public-url=https://login.example.org"],
            "bienvenue@login.example.org",
        ),
        (&["--mail-from=office@example.org"], "office@example.org"),
    ] {
        let place = Place::new();
        output_of(&place, &[&["mail", "test", BOB], arguments].concat());
        let mail = mails(&place).remove(0);
        let line = mail.lines().find(|line| line.starts_with("From: "));
        assert_eq!(line, Some(&*format!("From: {from}")), "{mail}");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn reset_link_leads_to_the_page_and_works_once(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let server = serve(&place, &[]);
    output_of(&place, &["user", "add", BOB]);
    let page = "--reset-page=https://app.example.org/reset";
    let link = || output_of(&place, &["user", "reset-link", "Bob@Dylan.com", page]);
    let (older, newer) = (link(), link());
    let token = |link: &str| {
        let token = link.strip_prefix("https://app.example.org/reset#token=");
        token.unwrap().trim_end().to_owned()
    };
    assert_eq!(reset(&server, &token(&older), "an older one"), 403);
    assert_eq!(reset(&server, &token(&newer), "a new one"), 200);
    assert_eq!(reset(&server, &token(&newer), "another one"), 403);
    assert_eq!(server.log_in(BOB, "a new one"), 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn operator_sets_the_lifetime_of_a_reset_link(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    output_of(&place, &["db", "migrate"]);
    output_of(&place, &["user", "add", BOB]);
    let page = "--reset-page=https://app.example.org/reset";
    let lifetime = "SELECT CAST(expires_at - created_at AS TEXT) AS value FROM password_resets";
    for (arguments, seconds, words) in [
        (&[][..], 1800, "30 minutes"),
        (&["--for", "3d"], 3 * 86_400, "3 days"),
        (&["--for=1m"], 60, "1 minute"),
    ] {
        let all = [&["user", "reset-link", BOB, page], arguments].concat();
        let output = finish(command(&place, &all));
        assert!(output.status.success(), "{}", told(&output));
        let printed = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(printed.lines().count(), 1, "{printed}");
        let told = told(&output);
        let sentence = format!("This link sets a new password for {BOB} once, within {words}.\n");
        assert!(told.contains(&sentence), "{told}");
        assert_eq!(place.texts(lifetime), [seconds.to_string()]);
    }
    for bad in ["59s", "31d", "3"] {
        let output = finish(command(&place, &["user", "reset-link", BOB, "--for", bad]));
        assert_eq!(output.status.code(), Some(2), "{bad}");
        let told = told(&output);
        assert!(told.contains("--for: a link is valid for"), "{told}");
    }
}

#[test]
fn service_name_is_in_the_mails() {
    for (arguments, name) in [
        (&[][..], "Bienvenue"),
        (&["--public-url=https://login.example.org"], "Bienvenue"),
        (&["--service-name=  Acme & Sons "], "Acme & Sons"),
    ] {
        let place = Place::new();
        output_of(&place, &[&["mail", "test", BOB], arguments].concat());
        let mail = mails(&place).remove(0);
        let subject = format!("Subject: Test email from {name}\r\n");
        assert!(mail.contains(&subject), "{mail}");
        assert!(
            mail.contains(&format!("a test email from {name} to {BOB}.")),
            "{mail}"
        );
        let html = name.replace('&', "&amp;");
        assert!(
            mail.contains(&format!("<p>This is a test email from {html} to")),
            "{mail}"
        );
    }
}

#[test]
fn name_of_the_service_is_short_and_printable() {
    let place = Place::new();
    let long = "n".repeat(60);
    for (name, status) in [
        (long.as_str(), 0),
        ("Caf\u{e9}", 0),
        (&format!("{long}n"), 2),
        (" \t ", 2),
        ("Acme\nBcc: eve@x.fr", 2),
        ("Ac\u{85}me", 2),
    ] {
        let name = format!("--service-name={name}");
        let output = run(place.folder(), &["mail", "test", BOB, &name]);
        assert_eq!(output.status.code(), Some(status), "{name:?}");
    }
}

#[test]
fn without_pages_a_reset_link_is_a_curl_command() {
    if !(has_tool("curl") && has_tool("bash")) {
        return;
    }
    let place = Place::new();
    let server = serve(&place, &[]);
    let (name, password) = (
        "o'hara+$HOME@dylan.com",
        "a new one with a \\ & of course a %",
    );
    output_of(&place, &["user", "add", name]);
    let printed = output_of(
        &place,
        &[
            "user",
            "reset-link",
            name,
            "--pages=off",
            "--bind",
            &server.address,
        ],
    );
    assert!(!printed.contains("..."), "{printed}");
    let mut shell = Command::new("bash")
        .args(["-c", &printed])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let typed = format!("{password}\n");
    std::io::Write::write_all(&mut shell.stdin.take().unwrap(), typed.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(answer.contains("Password updated"), "{printed}\n{answer}");
    assert_eq!(server.log_in(name, password), 200);
}

#[test]
fn reset_command_has_the_public_or_the_listening_address() {
    let place = Place::new();
    output_of(&place, &["db", "migrate"]);
    output_of(&place, &["user", "add", BOB]);
    for (argument, url) in [
        (
            "--public-url=https://login.example.org",
            "https://login.example.org",
        ),
        ("--bind=127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("--bind=[::1]:8080", "http://[::1]:8080"),
        ("--bind=[::]:8080", "http://localhost:8080"),
        ("--throttle=on", "http://localhost:5000"),
    ] {
        let arguments = ["user", "reset-link", BOB, argument, "--offline"];
        let printed = output_of(&place, &[&arguments[..], &["--pages=off"]].concat());
        assert!(
            printed.contains(&format!(" {url}/reset_password ")),
            "{printed}"
        );
        let printed = output_of(&place, &arguments);
        let page = format!("{url}/reset?token=");
        assert!(printed.starts_with(&page), "{printed}");
    }
}

#[test]
fn unknown_email_gets_no_reset_link() {
    let place = Place::new();
    output_of(&place, &["db", "migrate"]);
    let output = run(place.folder(), &["user", "reset-link", "eve@dylan.com"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(told(&output).contains(UNKNOWN), "{}", told(&output));
    assert_eq!(output.stdout, b"");
}
