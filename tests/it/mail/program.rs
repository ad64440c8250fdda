//! The real program and a real mail server.

use std::process::Command;

use reqwest::Method;
use rstest::rstest;
use serde_json::Value;

use super::server::MailServer;
use crate::support::program::{Server, finish, program, told};
use crate::support::requests::read;
use crate::support::{Engine, Place, eventually};

const BOB: (&str, &str) = ("email", "bob@x.fr");
const PASSWORD: (&str, &str) = ("password", "a_pwd");

/// The program, with bob registered, that sends its mails by that server.
fn start(place: &Place, server: &MailServer) -> Server {
    let target = format!("--mail=smtp://127.0.0.1:{}", server.port);
    let program = Server::start_with(place, &[&target]);
    let registered = post(&program, "/users", &[BOB, PASSWORD]).0;
    assert!(registered == 201 || registered == 400, "{registered}");
    program
}

fn post(program: &Server, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
    read(program.form(Method::POST, path, fields))
}

fn outbox(place: &Place) -> Vec<String> {
    place.texts("SELECT letter AS value FROM outbox")
}

#[test]
fn f21_mail_of_unknown_outcome_is_sent_again_after_a_kill() {
    let Some(server) = MailServer::that("takes-and-is-silent") else {
        return;
    };
    let place = Place::new();
    let mut killed = start(&place, &server);
    assert_eq!(post(&killed, "/reset_password", &[BOB]).0, 200);
    eventually("a mail that was taken", || server.mails().len() == 1);
    killed.kill();
    assert_eq!(outbox(&place), ["password_reset"], "it is not lost");
    server.becomes("takes");
    // Five minutes later: until then no other worker claims it.
    place.sql("UPDATE outbox SET claimed_until = 0");
    let _again = start(&place, &server);
    eventually("an empty outbox", || outbox(&place).is_empty());
    assert_eq!(server.mails().len(), 2);
}

#[test]
fn f21_hanging_mail_server_delays_no_response_or_shutdown() {
    let Some(server) = MailServer::that("is-slow") else {
        return;
    };
    let place = Place::new();
    let mut program = start(&place, &server);
    let known = post(&program, "/reset_password", &[BOB]);
    let slow = server.folder.path().join("slow");
    eventually("a mail that is being sent", || slow.exists());
    let unknown = post(&program, "/reset_password", &[("email", "eve@x.fr")]);
    assert_eq!(known.0, 200);
    assert_eq!(known.1.replace("bob", "eve"), unknown.1);
    program.signal("TERM");
    assert!(program.wait().success());
    let log = program.whole_log();
    assert!(
        log.contains("a mail was being sent at shutdown; it may be sent again"),
        "{log}"
    );
    let of_bob = "SELECT letter AS value FROM outbox WHERE user_id IS NOT NULL";
    assert_eq!(place.texts(of_bob).len(), 1, "nothing is lost");
}

#[test]
fn f21_outage_of_a_mail_server_is_logged_at_begin_and_end() {
    let Some(first) = MailServer::that("takes") else {
        return;
    };
    let place = Place::new();
    let mut program = start(&place, &first);
    let port = first.port;
    drop(first);
    assert_eq!(post(&program, "/reset_password", &[BOB]).0, 200);
    let line = program.wait_for("Mails stay queued");
    let why = format!(
        "the mail server cannot be reached (connection refused, 127.0.0.1:{port}). Mails stay \
         queued and are sent as soon as this is fixed. Test with `bienvenue mail test`"
    );
    assert!(line.contains(&why), "{line}");
    let tries = "SELECT CAST(attempts AS TEXT) AS value FROM outbox";
    eventually("a second try", || place.texts(tries) == ["2"]);
    assert_eq!(program.logged("Mails stay queued"), 1);
    let server = MailServer::at(port, "takes").unwrap();
    program.wait_for("mails can be sent again");
    assert_eq!(server.mails().len(), 1);
}

/// Fills the outbox with mails to accounts that have proved nothing; they are due in an hour.
fn fill_outbox(place: &Place) {
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    let due = now + 3000;
    place.sql(&format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000)
         INSERT INTO outbox
             (letter, created_at, due_at, attempts, claimed_until, has_token, priority)
         SELECT 'password_reset', {now}, {due}, 0, 0, 1, 1 FROM n"
    ));
}

const FULL: &str = "the outbox is full: a mail (password_reset) is dropped";
const ROOM: &str = "the outbox has room again";

/// Has mails dropped for three accounts, and returns the program.
fn with_dropped_mails(place: &Place) -> Server {
    let mut command = program(place.folder(), &["--bind=127.0.0.1:0", "--bcrypt-cost=4"]);
    command.env("DATABASE_URL", place.url_text());
    let mut program = Server::spawn(command);
    fill_outbox(place);
    for email in ["a@x.fr", "b@x.fr", "c@x.fr"] {
        assert_eq!(
            post(&program, "/users", &[("email", email), PASSWORD]).0,
            201
        );
        assert_eq!(
            post(&program, "/reset_password", &[("email", email)]).0,
            200
        );
    }
    program.wait_for(FULL);
    program
}

#[rstest]
fn full_outbox_is_logged_once_and_not_for_each_mail(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut program = with_dropped_mails(&place);
    program.signal("TERM");
    assert!(program.wait().success());
    let log = program.whole_log();
    assert_eq!(log.matches("the outbox is full").count(), 1, "{log}");
    assert_eq!(outbox(&place).len(), 5000);
}

#[test]
#[ignore = "a minute"]
fn end_of_a_full_outbox_is_logged() {
    let place = Place::new();
    let mut program = with_dropped_mails(&place);
    std::thread::sleep(std::time::Duration::from_secs(58));
    assert_eq!(program.logged(ROOM), 0);
    let line = program.wait_for(ROOM);
    assert!(line.contains("3 mails were dropped"), "{line}");
}

/// By STARTTLS, as at any server that is not on this machine, with a password.
#[test]
fn remote_server_gets_mail_and_password_over_tls_only() {
    let Some(server) = MailServer::that("speaks-tls-when-asked") else {
        return;
    };
    let place = Place::new();
    // Leads to this machine, and is not known for it.
    let target = format!("smtp://0.0.0.0:{}", server.port);
    let test = |password: &str, certificate: &str| {
        let mut command = program(place.folder(), &["mail", "test", BOB.1, "--mail", &target]);
        command
            .env("SSL_CERT_FILE", server.folder.path().join(certificate))
            .env("BIENVENUE_MAIL_USER", "bob")
            .env("BIENVENUE_MAIL_PASSWORD", password);
        finish(command)
    };
    let taken = test("s3cret word", "cert.pem");
    assert_eq!(taken.status.code(), Some(0), "{}", told(&taken));
    assert_eq!(server.mails().len(), 1);
    for (password, certificate) in [("wrong", "cert.pem"), ("s3cret word", "none.pem")] {
        let refused = test(password, certificate);
        assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
        assert!(!told(&refused).contains(password), "{}", told(&refused));
    }
    assert_eq!(server.mails().len(), 1);
}

/// Reads a mail with Python's library.
const READ: &str = "
import email, email.policy, json, sys
mail = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
part = lambda kind: mail.get_body((kind,)).get_content()
json.dump({'to': mail['to'], 'subject': mail['subject'], 'text': part('plain'),
           'html': part('html'), 'defects': [str(d) for d in mail.defects]}, sys.stdout)
";

#[test]
fn python_reads_the_text_of_a_mail() {
    let Some(server) = MailServer::that("takes") else {
        return;
    };
    let letter = super::reset("bob@x.fr");
    server.mailer().send(&letter).unwrap();
    let file = server.folder.path().join("0000.eml");
    let read = Command::new("/usr/bin/python3")
        .args(["-c", READ])
        .stdin(std::fs::File::open(file).unwrap())
        .output()
        .unwrap();
    let read: Value = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!(read["defects"], serde_json::json!([]));
    assert_eq!(read["to"], "bob@x.fr");
    assert_eq!(read["subject"], letter.subject);
    let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    assert_eq!(lines(read["text"].as_str().unwrap()), lines(&letter.text));
    assert_eq!(lines(read["html"].as_str().unwrap()), lines(&letter.html));
}
