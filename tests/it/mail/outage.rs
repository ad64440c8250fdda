//! A mail server that is away, slow, or breaks off: nothing is lost, and no mail comes more
//! than twice.

use std::time::Duration;

use bienvenue::auth::{Auth, Inline};
use bienvenue::domain::{Client, Clock, ResetToken};
use bienvenue::mail::{Mailer, Smtp, SmtpSettings, Templates};
use rstest::rstest;

use super::server::MailServer;
use super::settings as template_settings;
use crate::support::app::quick;
use crate::support::{Engine, Place, START, email, eventually, password, settings};

struct Service {
    auth: Auth,
    clock: Clock,
    place: Place,
}

fn auth(place: &Place, clock: &Clock, smtp: SmtpSettings) -> Auth {
    let auth = Auth::new(place.open(settings(clock)), quick()).unwrap();
    let mailer = Mailer::Smtp(Smtp::new(smtp).unwrap());
    let templates = Templates::new(template_settings()).unwrap();
    auth.with_mails(mailer, templates).unwrap()
}

/// A service with `users` users that sends its mails through `server`.
fn service(engine: Engine, users: usize, server: &MailServer) -> Option<Service> {
    let place = Place::on(engine)?;
    let clock = Clock::set_to(START);
    let auth = auth(&place, &clock, server.settings());
    for number in 0..users {
        let user = email(&user(number));
        auth.register_user(&user, &password("a_pwd")).unwrap();
    }
    Some(Service { auth, clock, place })
}

fn user(number: usize) -> String {
    format!("user{number}@x.fr")
}

impl Service {
    fn ask(&self, address: &str) {
        let (email, client) = (email(address), Client::default());
        let asked = self.auth.request_reset(&Inline, &email, &client);
        pollster::block_on(asked).unwrap();
    }

    fn tries(&self) -> Vec<String> {
        let tries = "SELECT CAST(attempts AS TEXT) AS value FROM outbox WHERE claimed_until = 0
             AND attempts > 0 ORDER BY id";
        self.place.texts(tries)
    }

    fn waits_for(&self, seconds: i64) {
        let due = START.seconds() + seconds;
        let waiting = format!("SELECT letter AS value FROM outbox WHERE due_at = {due}");
        eventually("a mail that waits", || {
            self.place.texts(&waiting).len() == 1
        });
    }

    fn outbox_is_empty(&self) {
        let waiting = || self.place.texts("SELECT letter AS value FROM outbox");
        eventually("an empty outbox", || waiting().is_empty());
    }

    fn token_is_good(&self, mail: &str) -> bool {
        let mut lines = mail.lines().filter_map(|line| line.strip_prefix("token: "));
        let token = ResetToken::parse(lines.next().unwrap()).unwrap();
        let set = self.auth.update_password(&token, &password("another"));
        set.is_ok()
    }
}

fn recipients(server: &MailServer) -> Vec<String> {
    let mut to: Vec<_> = server.mails().into_iter().map(|(_, to)| to).collect();
    to.sort();
    to
}

#[rstest]
fn f21_mails_of_an_outage_are_sent_once_afterwards(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(first) = MailServer::that("takes") else {
        return;
    };
    let Some(service) = service(engine, 5, &first) else {
        return;
    };
    let port = first.port;
    drop(first);
    for number in 0..5 {
        service.ask(&user(number));
    }
    eventually("a failed attempt", || !service.tries().is_empty());
    let server = MailServer::at(port, "takes").unwrap();
    service.outbox_is_empty();
    let everybody: Vec<_> = (0..5).map(user).collect();
    assert_eq!(recipients(&server), everybody);
}

#[test]
fn f21_slow_mail_server_delays_mails_and_loses_none() {
    let Some(server) = MailServer::that("drips-its-greeting") else {
        return;
    };
    let service = service(Engine::Sqlite, 3, &server).unwrap();
    for number in 0..3 {
        service.ask(&user(number));
    }
    eventually("a failed attempt", || !service.tries().is_empty());
    server.becomes("takes");
    service.outbox_is_empty();
    assert_eq!(recipients(&server), [user(0), user(1), user(2)]);
}

#[rstest]
#[case("breaks-off", 1)]
#[case("drips-its-answer", 1)]
#[case("takes-and-breaks-off", 2)]
#[case("takes-and-is-silent", 2)]
fn f21_interrupted_mail_is_retried_with_a_new_token(
    #[case] behaviour: &str,
    #[case] copies: usize,
) {
    let Some(server) = MailServer::that(behaviour) else {
        return;
    };
    let service = service(Engine::Sqlite, 1, &server).unwrap();
    service.ask(&user(0));
    service.waits_for(60);
    server.becomes("takes");
    service.clock.advance(Duration::from_secs(60));
    service.outbox_is_empty();
    let mails = server.mails();
    assert_eq!(mails.len(), copies);
    let good: Vec<_> = mails
        .iter()
        .map(|(mail, _)| service.token_is_good(mail))
        .collect();
    let mut expected = vec![false; copies];
    expected[copies - 1] = true;
    assert_eq!(good, expected, "the newest counts");
}

#[test]
fn f21_refused_or_deferred_mail_delays_no_other() {
    let Some(server) = MailServer::that("takes") else {
        return;
    };
    let service = service(Engine::Sqlite, 2, &server).unwrap();
    let nobody = email("nobody@x.fr");
    let register = service.auth.register_user(&nobody, &password("a_pwd"));
    register.unwrap();
    service.ask("nobody@x.fr");
    service.ask(&user(0));
    service.outbox_is_empty();
    assert_eq!(recipients(&server), [user(0)]);
    server.becomes("greylists");
    service.ask(&user(1));
    service.waits_for(60);
    server.becomes("takes");
    service.clock.advance(Duration::from_secs(59));
    assert_eq!(recipients(&server).len(), 1, "it was asked to wait");
    service.clock.advance(Duration::from_secs(1));
    service.outbox_is_empty();
    assert_eq!(recipients(&server), [user(0), user(1)]);
}

#[rstest]
fn f21_several_instances_send_each_mail_once_by_a_real_server(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(server) = MailServer::that("takes") else {
        return;
    };
    let Some(service) = service(engine, 12, &server) else {
        return;
    };
    let others: Vec<_> = (0..3)
        .map(|_| auth(&service.place, &service.clock, server.settings()))
        .collect();
    service.place.sql(
        "INSERT INTO outbox (user_id, letter, created_at, due_at, attempts, claimed_until)
         SELECT id, 'password_changed', 1800000000, 1800000000, 0, 0 FROM users",
    );
    service.outbox_is_empty();
    let mut everybody: Vec<_> = (0..12).map(user).collect();
    everybody.sort();
    assert_eq!(recipients(&server), everybody);
    drop(others);
}
