//! Where the password for the mail server comes from.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::thread::{self, JoinHandle};

use crate::support::Place;
use crate::support::program::{finish, program, told};

const PASSWORD: &str = "s3cret word";
/// NUL, bob, NUL, and the password, in base64, as SMTP's AUTH PLAIN sends them.
const PLAIN: &str = "AUTH PLAIN AGJvYgBzM2NyZXQgd29yZA==";

/// A mail server for one mail, which asks who is there and tells what it was told.
fn mail_server() -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let (mut told, mut in_mail) = (Vec::new(), false);
        stream.write_all(b"220 here\r\n").unwrap();
        for line in lines.map_while(Result::ok) {
            let answer = match line.split(' ').next().unwrap() {
                "." => "250 taken",
                _ if in_mail => continue,
                "EHLO" => "250-here\r\n250 AUTH PLAIN",
                "AUTH" => "235 bob it is",
                "DATA" => "354 go on",
                _ => "250 fine",
            };
            in_mail = line == "DATA";
            told.push(line);
            stream.write_all(answer.as_bytes()).unwrap();
            stream.write_all(b"\r\n").unwrap();
        }
        told
    });
    (address, told)
}

/// Where the user's name stands.
#[derive(Clone, Copy)]
enum Bob {
    AsSetting,
    InTheUrl,
}

/// Sends a mail as bob, and tells what the mail server was told.
fn what_a_server_is_told(place: &Place, bob: Bob, variable: (&str, &str)) -> Vec<String> {
    let (address, server) = mail_server();
    let mut command = program(place.folder(), &["mail", "test", "bob@x.fr", "--mail"]);
    match bob {
        Bob::AsSetting => command.args([&format!("smtp://{address}"), "--mail-user=bob"]),
        Bob::InTheUrl => command.arg(format!("smtp://bob@{address}")),
    };
    command.env(variable.0, variable.1);
    command.env("RUST_LOG", "trace");
    let output = finish(command);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(!told(&output).contains(PASSWORD), "{}", told(&output));
    server.join().unwrap()
}

/// The password in a file, with a newline at its end as editors leave it.
fn file(place: &Place, name: &str, mode: u32) -> String {
    let path = place.path(name);
    fs::write(&path, format!("{PASSWORD}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn it_comes_from_a_variable_a_file_or_a_credential_of_systemd() {
    let place = Place::new();
    let secret = file(&place, "password", 0o600);
    // As systemd hands it over: open to the service by an access list, shown as the group's.
    fs::create_dir(place.path("credentials")).unwrap();
    file(&place, "credentials/BIENVENUE_MAIL_PASSWORD", 0o440);
    let credentials = place.path("credentials");
    for variable in [
        ("BIENVENUE_MAIL_PASSWORD", PASSWORD),
        ("BIENVENUE_MAIL_PASSWORD_FILE", &secret),
        ("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap()),
    ] {
        for bob in [Bob::AsSetting, Bob::InTheUrl] {
            let told = what_a_server_is_told(&place, bob, variable);
            assert!(told.iter().any(|line| line == PLAIN), "{told:?}");
        }
    }
}

fn refused(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = program(place.folder(), &["mail", "test", "bob@x.fr"]);
    command.args(arguments).envs(variables.iter().copied());
    let output: Output = finish(command);
    assert_eq!(output.status.code(), Some(78), "{}", told(&output));
    assert!(!told(&output).contains("s3cret"), "{}", told(&output));
    told(&output)
}

#[test]
fn r64_a_file_that_others_may_read_is_refused() {
    let place = Place::new();
    for mode in [0o604, 0o640, 0o644] {
        let secret = file(&place, "password", mode);
        let variable = ("BIENVENUE_MAIL_PASSWORD_FILE", secret.as_str());
        let told = refused(&place, &["--mail-user=bob"], &[variable]);
        assert!(told.contains(variable.0), "{told}");
        assert!(told.contains("chmod 600"), "{told}");
    }
}

#[test]
fn a_password_without_a_user_or_from_two_places_is_refused() {
    let place = Place::new();
    let secret = file(&place, "password", 0o600);
    let variable = ("BIENVENUE_MAIL_PASSWORD", PASSWORD);
    let told = refused(&place, &[], &[variable]);
    assert!(told.contains("--mail-user"), "{told}");
    let both = [variable, ("BIENVENUE_MAIL_PASSWORD_FILE", &secret)];
    let told = refused(&place, &["--mail-user=bob"], &both);
    assert!(told.contains("are both set"), "{told}");
}
