//! The thread that sends mails, and its behaviour in failures.

use std::fs;
use std::path::Path;

use bienvenue::auth::{Auth, Inline};
use bienvenue::domain::{Clock, ResetToken};
use bienvenue::mail::{Folder, Mailer, Memory, TemplateSettings, Templates};
use rstest::rstest;

use super::{BOB, NEW, NOBODY};
use crate::support::app::quick;
use crate::support::{Engine, Place, START, email, eventually, password, settings};

struct Service {
    auth: Auth,
    clock: Clock,
    place: Place,
}

fn templates() -> Templates {
    Templates::new(TemplateSettings {
        folder: None,
        reset_page: Some("https://app.example.org/reset".parse().unwrap()),
        verify_page: None,
        undo_page: None,
        service: "Bienvenue".to_owned(),
        service_url: "http://localhost:5000".to_owned(),
    })
    .unwrap()
}

fn auth(place: &Place, clock: &Clock, mailer: Mailer) -> Auth {
    let auth = Auth::new(place.open(settings(clock)), quick()).unwrap();
    auth.with_mails(mailer, templates()).unwrap()
}

fn service(engine: Engine, mailer: impl FnOnce(&Place) -> Mailer) -> Option<Service> {
    let place = Place::on(engine)?;
    let clock = Clock::set_to(START);
    let auth = auth(&place, &clock, mailer(&place));
    auth.register_user(&email(BOB), &password("bob_pwd"))
        .unwrap();
    Some(Service { auth, clock, place })
}

fn folder(path: &Path) -> Mailer {
    Mailer::Folder(Folder::new(path.to_owned(), email("from@example.org")))
}

impl Service {
    fn ask(&self, address: &str) {
        let address = email(address);
        let client = bienvenue::domain::Client::default();
        let asked = self.auth.request_reset(&Inline, &address, &client);
        pollster::block_on(asked).unwrap();
    }

    fn waiting(&self) -> usize {
        self.place.texts("SELECT letter AS value FROM outbox").len()
    }

    fn outbox_is_empty(&self) {
        eventually("an empty outbox", || self.waiting() == 0);
    }
}

fn token_in(text: &str) -> ResetToken {
    let line = text.lines().find_map(|line| line.strip_prefix("token: "));
    ResetToken::parse(line.unwrap().trim()).unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn r18_r43_mailed_token_sets_a_password_with_a_notice(#[case] engine: Engine) {
    let memory = Memory::default();
    let Some(service) = service(engine, |_| Mailer::Memory(memory.clone())) else {
        return;
    };
    service.ask(BOB);
    service.outbox_is_empty();
    let mail = memory.sent().remove(0);
    let token = token_in(&mail.text);
    let link = format!("https://app.example.org/reset#token={}", token.expose());
    assert!(mail.text.contains(&link), "{}", mail.text);
    assert_eq!(mail.to, email(BOB));
    service
        .auth
        .update_password(&token, &password(NEW))
        .unwrap();
    service.outbox_is_empty();
    assert_eq!(memory.sent().len(), 2, "the owner is told");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn r82_mail_goes_to_the_stored_address_only(#[case] engine: Engine) {
    let memory = Memory::default();
    let Some(service) = service(engine, |_| Mailer::Memory(memory.clone())) else {
        return;
    };
    service
        .auth
        .register_user(&email("mike@example.org"), &password("mike_pwd"))
        .unwrap();
    // Dotless i, full-width m, an accent: none of them is the account's address.
    for lookalike in [
        "m\u{131}ke@example.org",
        "\u{ff4d}ike@example.org",
        "mike@ex\u{e1}mple.org",
        NOBODY,
    ] {
        service.ask(lookalike);
    }
    // The Kelvin sign is a k in lower case: the mail goes where the account was registered.
    service.ask("mi\u{212a}e@example.org");
    service.ask("BOB@Dylan.com");
    service.outbox_is_empty();
    let mut recipients: Vec<_> = memory
        .sent()
        .iter()
        .map(|mail| mail.to.to_string())
        .collect();
    recipients.sort();
    assert_eq!(recipients, [BOB, "mike@example.org"]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn f21_queued_mails_are_sent_after_an_outage(#[case] engine: Engine) {
    let blocked = |place: &Place| {
        fs::write(place.path("mail"), "a file where the folder should be").unwrap();
        folder(&place.path("mail"))
    };
    let Some(service) = service(engine, blocked) else {
        return;
    };
    service.ask(BOB);
    let tries = "SELECT CAST(attempts AS TEXT) AS value FROM outbox WHERE claimed_until = 0";
    eventually("two tries", || service.place.texts(tries) == ["2"]);
    let first = service
        .place
        .texts("SELECT digest AS value FROM password_resets");
    fs::remove_file(service.place.path("mail")).unwrap();
    service.outbox_is_empty();
    let mails: Vec<_> = fs::read_dir(service.place.path("mail")).unwrap().collect();
    assert_eq!(mails.len(), 1);
    let second = service
        .place
        .texts("SELECT digest AS value FROM password_resets");
    assert_ne!(first, second, "a retry makes a new token");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn f21_several_instances_send_each_mail_once(#[case] engine: Engine) {
    let memory = Memory::default();
    let Some(service) = service(engine, |_| Mailer::Memory(memory.clone())) else {
        return;
    };
    let others: Vec<_> = (0..3)
        .map(|_| {
            let mailer = Mailer::Memory(memory.clone());
            auth(&service.place, &service.clock, mailer)
        })
        .collect();
    service.place.sql(
        "INSERT INTO outbox (user_id, letter, created_at, due_at, attempts, claimed_until) \
         SELECT users.id, 'password_changed', 1800000000, 1800000000, 0, 0 \
         FROM users CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8)) AS eight",
    );
    service.outbox_is_empty();
    assert_eq!(memory.sent().len(), 8);
    drop(others);
}

#[test]
fn f21_a_mail_whose_worker_died_is_sent_by_the_next_one() {
    let memory = Memory::default();
    let service = service(Engine::Sqlite, |_| Mailer::Memory(memory.clone())).unwrap();
    service.place.sql(
        "INSERT INTO outbox (user_id, letter, created_at, due_at, attempts, claimed_until) \
         SELECT id, 'password_changed', 1800000000, 1800000000, 1, 1800000300 FROM users",
    );
    service.ask(NOBODY);
    eventually("the other mail to go", || service.waiting() == 1);
    assert_eq!(memory.sent().len(), 0, "it may still be at work");
    service.clock.advance(std::time::Duration::from_secs(300));
    service.outbox_is_empty();
    assert_eq!(memory.sent().len(), 1);
}

#[test]
fn a_mail_is_given_up_after_three_days() {
    let blocked = |place: &Place| {
        fs::write(place.path("mail"), "a file where the folder should be").unwrap();
        folder(&place.path("mail"))
    };
    let service = service(Engine::Sqlite, blocked).unwrap();
    service.ask(BOB);
    let put_back = "SELECT letter AS value FROM outbox WHERE claimed_until = 0 AND attempts > 0";
    eventually("a mail put back", || {
        service.place.texts(put_back).len() == 1
    });
    service
        .clock
        .advance(std::time::Duration::from_secs(3 * 86_400));
    service.outbox_is_empty();
}

#[test]
fn without_mails_the_outbox_is_emptied_and_no_token_exists() {
    let service = service(Engine::Sqlite, |_| Mailer::Off).unwrap();
    service.ask(BOB);
    service.outbox_is_empty();
    let tokens = "SELECT digest AS value FROM password_resets";
    assert_eq!(service.place.texts(tokens), [""; 0]);
}
