//! Text browsers, which have no JavaScript and no styles: their users log in and out.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::support::program::{Server, program, told};
use crate::support::{Place, eventually, has_tool};

const FORM: [(&str, &str); 2] = [("email", "bob@x.fr"), ("password", "bob_pwd")];

/// A service with the user Bob.
fn serve(place: &Place) -> Server {
    let server = Server::start(place);
    let client = reqwest::blocking::Client::new();
    let answer = client.post(server.url("/users")).form(&FORM).send();
    assert_eq!(answer.unwrap().status(), 201);
    server
}

/// The names of keys, as lynx reads them from a file.
fn keys(pressed: &mut String, names: &[&str]) {
    for name in names {
        pressed.extend(["key ", name, "\n"]);
    }
}

fn typed(pressed: &mut String, text: &str) {
    for letter in text.chars() {
        keys(pressed, &[&letter.to_string()]);
    }
}

#[test]
fn lynx_logs_in_and_out_by_keys() {
    if !has_tool("lynx") {
        return;
    }
    let place = Place::new();
    let server = serve(&place);
    let mut pressed = String::new();
    let down = "Down Arrow";
    // Over the two links in the head of the page to the fields, past the box, and the button.
    keys(&mut pressed, &[down, down]);
    typed(&mut pressed, "bob@x.fr");
    keys(&mut pressed, &[down]);
    typed(&mut pressed, "bob_pwd");
    keys(&mut pressed, &[down, down, "^J", "g"]);
    typed(&mut pressed, &server.url("/logout"));
    keys(&mut pressed, &["^J", down, down, "^J", "Q", "y"]);
    fs::write(place.path("keys"), pressed).unwrap();
    let screen = fs::File::create(place.path("screen")).unwrap();
    let mut lynx = Command::new("lynx")
        .args(["-accept_all_cookies", "-nopause", "-cmd_script=keys"])
        .arg(server.url("/login?next=%2Faccount%2Fsessions"))
        .env("TERM", "vt100")
        .env("HOME", place.folder())
        .env_remove("LYNX_CFG")
        .current_dir(place.folder())
        .stdin(Stdio::null())
        .stdout(screen)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the end of lynx", || lynx.try_wait().unwrap().is_some());
    let events = "SELECT event AS value FROM audit_events ORDER BY position";
    eventually("a login and a logout", || {
        let seen = place.texts(events);
        seen.iter().any(|event| event == "authn_login_success")
            && seen.last().is_some_and(|event| event == "session_ended")
    });
    assert_eq!(place.texts("SELECT email AS value FROM sessions"), [""; 0]);
    let screen = fs::read(place.path("screen")).unwrap();
    let screen = String::from_utf8_lossy(&screen);
    // The page to which the login leads, and the one after the logout.
    for text in ["this device", "Forgot your password?"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
}

/// What a page is as text in a text browser. The cookies stay in the folder.
fn dump(place: &Place, tool: &str, url: &str) -> String {
    let mut command = Command::new(tool);
    match tool {
        "lynx" => command.args(["-dump", "-nolist"]),
        _ => command.args(["-cookie", "-dump"]),
    };
    command
        .arg(url)
        .env("HOME", place.folder())
        .env("LC_ALL", "C.UTF-8")
        .env_remove("http_proxy")
        .env_remove("LYNX_CFG")
        .current_dir(place.folder());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Passkeys need a script.
#[test]
fn text_browsers_show_no_button_for_passkeys() {
    let place = Place::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let public = format!("--public-url=http://localhost:{}", address.port());
    let mut command = program(place.folder(), &[&format!("--bind={address}"), &public]);
    command.env("BIENVENUE_BCRYPT_COST", "4");
    let server = Server::spawn(command);
    let client = reqwest::blocking::Client::new();
    let answer = client.post(server.url("/users")).form(&FORM).send();
    assert_eq!(answer.unwrap().status(), 201);
    let html = reqwest::blocking::get(server.url("/login")).unwrap();
    assert!(html.text().unwrap().contains("Log in with a passkey"));
    for tool in ["lynx", "w3m"] {
        if !has_tool(tool) {
            continue;
        }
        let page = dump(&place, tool, &server.url("/login"));
        assert!(page.contains("Keep me logged in"), "{page}");
        assert!(!page.contains("passkey"), "{page}");
    }
    if has_tool("w3m") {
        let form = "email=bob@x.fr&password=bob_pwd&keep=on";
        fs::write(place.path("form"), form).unwrap();
        let mut login = Command::new("w3m");
        login
            .args(["-cookie", "-dump", "-post", "form"])
            .arg(server.url("/login"))
            .env("HOME", place.folder())
            .env_remove("http_proxy")
            .current_dir(place.folder());
        assert!(login.output().unwrap().status.success());
        let page = dump(&place, "w3m", &server.url("/account/passkeys"));
        assert!(page.contains("needs JavaScript"), "{page}");
        for absent in ["Add a passkey", "recovery codes"] {
            assert!(!page.contains(absent), "{absent}: {page}");
        }
    }
}

#[test]
fn w3m_reads_the_pages_before_and_after_the_login() {
    if !has_tool("w3m") {
        return;
    }
    let place = Place::new();
    let server = serve(&place);
    let read = |path: &str, form: Option<&str>| {
        let mut command = Command::new("w3m");
        command.args(["-cookie", "-dump", "-cols", "100"]);
        if let Some(form) = form {
            fs::write(place.path("form"), form).unwrap();
            command.args(["-post", "form"]);
        }
        command
            .arg(server.url(path))
            .env("HOME", place.folder())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("http_proxy")
            .current_dir(place.folder());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let expect = |page: &str, text: &str| assert!(page.contains(text), "{text}: {page}");
    expect(&read("/account", None), "Log in to continue.");
    let wrong = "email=bob@x.fr&password=wrong&keep=on";
    expect(&read("/login", Some(wrong)), "is wrong");
    // w3m keeps cookies with a lifetime alone in its file.
    let right = "email=bob@x.fr&password=bob_pwd&keep=on";
    expect(&read("/login", Some(right)), "Your account");
    expect(&read("/account", None), "bob@x.fr");
    expect(&read("/logout", Some("")), "You are logged out.");
    expect(&read("/account", None), "Keep me logged in");
}
