//! A front end in a real browser: headless Chromium, pages on one port, the service on
//! another.

mod mailed_links;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::http::pages::chromium::Chromium;
use crate::support::Place;
use crate::support::program::Server;

const FRONT_END: &str = include_str!("front_end.html");
const STRANGER: &str = include_str!("stranger.html");

/// A web server with one page, to which the page can report.
struct Pages {
    origin: String,
    reports: Receiver<String>,
    page: mpsc::Sender<String>,
}

impl Pages {
    /// Listens at once, so that the origin is known; serves when it has the page.
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (page, given) = mpsc::channel::<String>();
        let (sender, reports) = mpsc::channel();
        std::thread::spawn(move || {
            let Ok(page) = given.recv() else { return };
            for stream in listener.incoming() {
                // A browser opens connections that it may never use.
                let (page, sender) = (page.clone(), sender.clone());
                std::thread::spawn(move || drop(answer(stream.unwrap(), &page, &sender)));
            }
        });
        Self {
            origin,
            reports,
            page,
        }
    }

    fn serve(&self, page: String) {
        self.page.send(page).unwrap();
    }
}

fn answer(
    mut stream: TcpStream,
    page: &str,
    reports: &mpsc::Sender<String>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if first.starts_with("POST /report ") {
        drop(reports.send(String::from_utf8(body).unwrap()));
    }
    let page = if first.starts_with("GET / ") {
        page
    } else {
        ""
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    )
}

/// Opens a page in a window of its own.
fn open(page: &str) -> Chromium {
    let mut window = Chromium::open("en", 1280, true);
    window.go(page);
    window
}

#[test]
fn r37_r39_only_an_allowed_front_end_works_in_a_browser() {
    if !Chromium::is_installed() {
        return;
    }
    let place = Place::new();
    let (front_end, stranger) = (Pages::listen(), Pages::listen());
    let allowed = format!("--allowed-origins={}", front_end.origin);
    let server = Server::start_with(&place, &[&allowed]);
    let fill = |page: &str| {
        page.replace("SERVICE", &server.url(""))
            .replace("STRANGER", &stranger.origin)
    };
    front_end.serve(fill(FRONT_END));
    stranger.serve(fill(STRANGER));
    let _window = open(&front_end.origin);
    let report = front_end.reports.recv_timeout(Duration::from_secs(60));
    let report = report.expect("the page reports within a minute");
    let bob = r#"{"email":"bob@x.fr"}"#;
    let expected = [
        r#"register: 201 {"email":"bob@x.fr","message":"user created"}"#,
        "log in: 200 a session",
        &format!("profile: 200 {bob}"),
        // The stranger's page sends Bob's cookie along, being on the same site. The browser hides
        // the answer from the page, by CORS or Cross-Origin-Resource-Policy.
        "stranger reads profile: no answer",
        "stranger reads profile without cors: no answer",
        "stranger registers: no answer",
        "stranger registers by a form: no answer",
        "stranger logs in by a form: no answer",
        "stranger logs out: no answer",
        &format!("profile: 200 {bob}"),
        "log out: 200 {}",
        "profile: 403 ",
    ];
    assert_eq!(report.lines().collect::<Vec<_>>(), expected);
    let emails = place.texts("SELECT email AS value FROM users");
    assert_eq!(emails, ["bob@x.fr"], "the stranger has made no account");
}
