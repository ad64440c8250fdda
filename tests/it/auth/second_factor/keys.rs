//! The secret key, by the program: missing, wrong, replaced.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use bienvenue::secret_key::KeyRing;
use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use rstest::rstest;
use serde_json::Value;

use super::{BOB, PASSWORD, Phone};
use crate::support::program::{Server, finish, program, told};
use crate::support::{Engine, Place};

/// A client of a server that runs, with Bob's session.
struct Bob {
    client: Client,
    phone: Option<Phone>,
}

impl Bob {
    fn new() -> Self {
        let client = Client::builder().cookie_store(true).build().unwrap();
        Self {
            client,
            phone: None,
        }
    }

    fn send(&self, server: &Server, method: &str, path: &str, form: &[(&str, &str)]) -> Response {
        let method = method.parse().unwrap();
        let request = self.client.request(method, server.url(path)).form(form);
        request.send().unwrap()
    }

    fn code(&self) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = i64::try_from(now.unwrap().as_secs()).unwrap();
        let phone = self.phone.as_ref().unwrap();
        phone.code(bienvenue::domain::Timestamp::from_seconds(now))
    }

    /// Registers, logs in, and begins to set up an app. Returns the status.
    fn begin(&mut self, server: &Server) -> u16 {
        let account = [("email", BOB), ("password", PASSWORD)];
        self.send(server, "POST", "/users", &account);
        self.send(server, "POST", "/sessions", &account);
        let form = [("current_password", PASSWORD)];
        let begun = self.send(server, "POST", "/account/totp", &form);
        let status = begun.status().as_u16();
        let json: Value = begun.json().unwrap();
        if let Some(secret) = json["secret"].as_str() {
            let secret = secret.to_owned();
            self.phone = Some(Phone { secret });
        }
        status
    }

    fn confirm(&self, server: &Server) -> u16 {
        let code = self.code();
        let confirmed = self.send(server, "PUT", "/account/totp", &[("otp", &code)]);
        confirmed.status().as_u16()
    }
}

fn serve(place: &Place, arguments: &[&str]) -> Server {
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    command.env("DATABASE_URL", place.url_text());
    command.args(["--bcrypt-cost", "4"]).args(arguments);
    Server::spawn(command)
}

/// Runs a command, or a start that is refused. Returns the exit code and what it said.
fn run(place: &Place, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = program(place.folder(), &[]);
    command
        .env("DATABASE_URL", place.url_text())
        .args(arguments);
    let output = finish(command);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), printed + &told(&output))
}

fn write_key(path: &Path) {
    fs::write(path, KeyRing::generate().unwrap().expose().as_bytes()).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn key_is_made_beside_the_database_at_first_use() {
    let place = Place::new();
    let key = place.path("bienvenue.db.secret-key");
    let server = serve(&place, &[]);
    assert!(!key.exists());
    let mut bob = Bob::new();
    assert_eq!(bob.begin(&server), 200);
    assert_eq!(
        fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(bob.confirm(&server), 200);
    drop(server);
    let kept = fs::read(&key).unwrap();

    fs::remove_file(&key).unwrap();
    let (code, said) = run(&place, &["--bind", "127.0.0.1:0"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("reset-second-factor --all"), "{said}");
    write_key(&key);
    let (code, said) = run(&place, &["--bind", "127.0.0.1:0"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("is not the one"), "{said}");
    fs::write(&key, kept).unwrap();
    drop(serve(&place, &[]));

    // The way out where the key is lost.
    fs::remove_file(&key).unwrap();
    let (code, said) = run(&place, &["user", "reset-second-factor", "--all", "--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("removed 1 second factor of all users"),
        "{said}"
    );
    let server = serve(&place, &[]);
    assert_eq!(bob.begin(&server), 200);
}

#[test]
fn postgres_needs_a_key_when_a_user_enrols() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let mut server = serve(&place, &[]);
    let mut bob = Bob::new();
    assert_eq!(bob.begin(&server), 500);
    server.signal("TERM");
    server.wait();
    let log = server.whole_log();
    assert!(log.contains("openssl rand -hex 32"), "{log}");

    let key = place.path("key");
    let file = format!("--secret-key-file={}", key.display());
    let (code, said) = run(&place, &["--bind", "127.0.0.1:0", &file]);
    assert_eq!(code, Some(78), "{said}");
    write_key(&key);
    let server = serve(&place, &[&file]);
    assert_eq!(bob.begin(&server), 200);
    assert_eq!(bob.confirm(&server), 200);
    drop(server);
    let (code, said) = run(&place, &["--bind", "127.0.0.1:0"]);
    assert_eq!(code, Some(78), "{said}");
    fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let (code, said) = run(&place, &["--bind", "127.0.0.1:0", &file]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("chmod 600"), "{said}");
}

#[test]
fn code_is_right_after_a_move_with_the_key_file() {
    let Some(to) = Place::on(Engine::Postgres) else {
        return;
    };
    let from = Place::new();
    let mut server = serve(&from, &[]);
    let mut bob = Bob::new();
    assert_eq!(bob.begin(&server), 200);
    assert_eq!(bob.confirm(&server), 200);
    let (code, said) = run(&from, &["db", "copy", "--online", "--to", &to.url_text()]);
    assert_eq!(code, Some(0), "{said}");
    server.wait_for("was moved to");
    let log_in = |server: &Server| {
        // The code of this half minute may be used once.
        to.sql("UPDATE totp SET last_step = last_step - 2");
        let (totp, form) = (bob.code(), [("email", BOB), ("password", PASSWORD)]);
        let form = [&form[..], &[("otp", &totp)]].concat();
        // On a connection from before the move the answer is 503, and the client asks again.
        let status = |form: &[_]| {
            for _ in 0..100 {
                let status = bob.send(server, "POST", "/sessions", form).status();
                if status != StatusCode::SERVICE_UNAVAILABLE {
                    return status.as_u16();
                }
                thread::sleep(Duration::from_millis(50));
            }
            panic!("the service answers 503 for 5 seconds");
        };
        (status(&form), status(&form[..2]))
    };
    // The service that has moved by itself, and then one that was given the new URL.
    assert_eq!(log_in(&server), (200, 401));
    drop(server);
    let (code, said) = run(&to, &["--bind", "127.0.0.1:0"]);
    assert_eq!(code, Some(78), "{said}");
    let key = from.path("bienvenue.db.secret-key");
    let server = serve(&to, &[&format!("--secret-key-file={}", key.display())]);
    assert_eq!(log_in(&server), (200, 401));
}

#[test]
fn postgres_without_a_key_refuses_to_require_factors() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let (code, said) = run(
        &place,
        &["--bind", "127.0.0.1:0", "--second-factor=required"],
    );
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("--secret-key-file"), "{said}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn running_service_goes_on_while_the_key_is_replaced(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let key = place.path("key");
    write_key(&key);
    let file = format!("--secret-key-file={}", key.display());
    let server = serve(&place, &[&file]);
    let mut bob = Bob::new();
    assert_eq!(bob.begin(&server), 200);
    let old = fs::read_to_string(&key).unwrap();
    for _ in 0..2 {
        let (code, said) = run(&place, &["keys", "rotate", &file]);
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains("encrypted 1 second factor under a new key"),
            "{said}"
        );
    }
    let new = fs::read_to_string(&key).unwrap();
    assert_eq!((new.lines().count(), new == old), (1, false));
    // The service has read the old key alone until now.
    assert_eq!(bob.confirm(&server), 200);
    drop(server);
    drop(serve(&place, &[&file]));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn first_users_of_a_new_key_enrol_at_once(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let key = place.path("key");
    write_key(&key);
    let server = serve(&place, &[&format!("--secret-key-file={}", key.display())]);
    let cookies: Vec<String> = (0..8)
        .map(|number| {
            let email = format!("user{number}@x.fr");
            assert_eq!(server.register(&email, PASSWORD), 201);
            server.session(&email, PASSWORD)
        })
        .collect();
    let begin = |cookie: &str| {
        let request = Client::new().post(server.url("/account/totp"));
        let request = request.header("Cookie", cookie);
        let begun = request.form(&[("current_password", PASSWORD)]).send();
        begun.unwrap().status().as_u16()
    };
    let statuses: Vec<u16> = thread::scope(|scope| {
        let threads: Vec<_> = cookies
            .iter()
            .map(|cookie| scope.spawn(|| begin(cookie)))
            .collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; 8]);
}

#[test]
fn operator_removes_the_factor_of_one_user() {
    let place = Place::new();
    let server = serve(&place, &[]);
    let mut bob = Bob::new();
    assert_eq!(bob.begin(&server), 200);
    assert_eq!(bob.confirm(&server), 200);
    let (code, listed) = run(&place, &["user", "list"]);
    assert_eq!(code, Some(0));
    assert!(listed.contains("\tsecond factor totp"), "{listed}");
    let (code, said) = run(&place, &["user", "reset-second-factor", BOB]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("removed 1 second factor of bob@x.fr"),
        "{said}"
    );
    assert!(said.contains("event=authn_second_factor_removed"), "{said}");
    let profile = bob.client.get(server.url("/profile")).send().unwrap();
    assert_eq!(profile.status().as_u16(), 403, "its sessions end");
    let account = [("email", BOB), ("password", PASSWORD)];
    assert_eq!(
        bob.send(&server, "POST", "/sessions", &account)
            .status()
            .as_u16(),
        200
    );
    let (_, listed) = run(&place, &["user", "list"]);
    assert!(!listed.contains("second factor"), "{listed}");
}
