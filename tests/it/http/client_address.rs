//! Which address the running program takes a client to have: it ends in the session's row.

use reqwest::blocking::Client;

use crate::support::Place;
use crate::support::program::{Server, program};

const FORM: [(&str, &str); 2] = [("email", "bob@x.fr"), ("password", "fifteen letters")];

/// Logs in with these headers, and returns the address that the session's row has.
fn logged_in_from(place: &Place, server: &Server, headers: &[(&str, &str)]) -> String {
    let client = Client::new();
    // 400 from the second time on.
    let registered = client.post(server.url("/users")).form(&FORM).send();
    assert!([201, 400].contains(&registered.unwrap().status().as_u16()));
    let mut login = client.post(server.url("/sessions")).form(&FORM);
    for (name, value) in headers {
        login = login.header(*name, *value);
    }
    assert_eq!(login.send().unwrap().status(), 200);
    let rows = place.texts("SELECT ip AS value FROM sessions");
    assert_eq!(rows.len(), 1);
    rows[0].clone()
}

#[test]
fn r46_without_a_trusted_proxy_the_peer_is_the_client() {
    let place = Place::new();
    let mut server = Server::start(&place);
    assert_eq!(logged_in_from(&place, &server, &[]), "127.0.0.1");
    for (name, value) in [
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Forwarded-For", "::1"),
        ("Forwarded", "for=192.0.2.7"),
        ("X-Real-IP", "192.0.2.7"),
    ] {
        let address = logged_in_from(&place, &server, &[(name, value)]);
        assert_eq!(address, "127.0.0.1", "{name}: {value}");
    }
    let told = server.wait_for("is not in --trusted-proxies");
    assert!(
        told.contains("WARN") && told.contains("127.0.0.1"),
        "{told}"
    );
    server.signal("TERM");
    server.wait();
    let log = server.whole_log();
    assert_eq!(
        log.matches("is not in --trusted-proxies").count(),
        1,
        "{log}"
    );
}

#[test]
fn r46_a_trusted_proxy_names_the_client() {
    let place = Place::new();
    let trusted = "--trusted-proxies=127.0.0.0/8,10.0.0.0/8";
    let mut server = Server::start_with(&place, &[trusted]);
    for (name, value, address) in [
        ("X-Forwarded-For", "198.51.100.9, 192.0.2.7", "192.0.2.7"),
        ("X-Forwarded-For", "192.0.2.7, 10.1.1.1", "192.0.2.7"),
        ("Forwarded", "for=\"[2001:db8::7]:443\"", "2001:db8::7"),
        ("Forwarded", "for=_hidden", "127.0.0.1"),
        ("X-Real-IP", "192.0.2.7", "127.0.0.1"),
    ] {
        let seen = logged_in_from(&place, &server, &[(name, value)]);
        assert_eq!(seen, address, "{name}: {value}");
    }
    assert_eq!(server.logged("WARN  bienvenue::http"), 0);

    let both = [
        ("X-Forwarded-For", "192.0.2.7"),
        ("Forwarded", "for=198.51.100.9"),
    ];
    for _ in 0..2 {
        assert_eq!(logged_in_from(&place, &server, &both), "127.0.0.1");
    }
    server.wait_for("names the client 192.0.2.7, but Forwarded names 198.51.100.9");
    assert_eq!(server.logged("WARN  bienvenue::http"), 1);
}

#[test]
fn r46_in_production_the_default_proxy_is_local() {
    let forwarded = [("X-Forwarded-For", "192.0.2.7")];
    for (proxies, address) in [(None, "192.0.2.7"), (Some("10.0.0.1"), "127.0.0.1")] {
        let place = Place::new();
        let arguments = ["--bind", "127.0.0.1:0", "--bcrypt-cost", "10"];
        let mut command = program(place.folder(), &arguments);
        command.args(["--public-url", "https://login.example.org"]);
        command.args(proxies.map(|proxies| format!("--trusted-proxies={proxies}")));
        let server = Server::spawn(command);
        assert_eq!(logged_in_from(&place, &server, &forwarded), address);
    }
}
