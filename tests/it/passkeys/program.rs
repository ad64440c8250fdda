//! Passkeys in the real program: its start, and logins while it is busy.

use std::net::TcpListener;
use std::rc::Rc;

use actix_web::rt::System;
use reqwest::blocking::Client;
use rstest::rstest;
use serde_json::Value;

use super::with_host;
use crate::auth::hashing::{ROOM, bob_is_refused, endless, logins_under_way};
use crate::support::app::Setup;
use crate::support::authenticator::Authenticator;
use crate::support::program::{Server, program};
use crate::support::{Engine, Place, eventually};

/// Adds a passkey for `localhost` to a new account, before the program starts.
fn add_passkey(place: Place) -> (Rc<Place>, Authenticator) {
    let mut phone = Authenticator::phone();
    let setup = with_host(Setup::at(place));
    let place = Rc::clone(&setup.place);
    System::new().block_on(async {
        let app = setup.start().await;
        let session_id = app.new_bob().await;
        app.add_passkey(&session_id, &mut phone).await;
    });
    (place, phone)
}

#[test]
fn passkey_logs_in_while_the_hash_queue_is_full() {
    let (place, phone) = add_passkey(Place::new());
    let arguments = ["--hash-threads=1", "--hash-queue=1"];
    let public_url = "--public-url=http://localhost";
    let server = endless(&place, &[&arguments[..], &[public_url]].concat());
    let mut under_way = logins_under_way(&server, ROOM);
    eventually("the queue is full", || {
        under_way.extend(logins_under_way(&server, 1));
        bob_is_refused(&server) && bob_is_refused(&server)
    });
    let client = Client::new();
    let options = client.post(server.url("/sessions/passkey/options"));
    let options: Value = options.send().unwrap().json().unwrap();
    let login = client.post(server.url("/sessions/passkey"));
    let login = login.form(&[("credential", phone.sign(&options))]);
    let logged_in = login.send().unwrap();
    assert_eq!(logged_in.status(), 200, "{:?}", logged_in.text());
    assert!(bob_is_refused(&server), "the queue is still full");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn start_warns_of_passkeys_for_another_host(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let (place, _) = add_passkey(place);
    let start = |public_url: &str| {
        let mut command = program(place.folder(), &["--bind=127.0.0.1:0", public_url]);
        command.env("DATABASE_URL", place.url_text());
        Server::spawn(command)
    };
    let warning = "1 passkeys were registered for the host localhost and cannot be used";
    for public_url in ["http://a.localhost", "http://127.0.0.1"] {
        let mut server = start(&format!("--public-url={public_url}"));
        assert_eq!(server.logged(warning), 1, "{public_url}");
    }
    let mut server = start("--public-url=http://localhost");
    assert_eq!(server.logged("passkeys were registered"), 0);
}

#[test]
fn developer_uses_passkeys_without_a_public_url() {
    let place = Place::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = format!("--bind={}", free.local_addr().unwrap());
    drop(free);
    let server = Server::spawn(program(place.folder(), &[&bind]));
    let options = Client::new().post(server.url("/sessions/passkey/options"));
    let options: Value = options.send().unwrap().json().unwrap();
    assert_eq!(options["rpId"], "localhost", "{options}");
}
