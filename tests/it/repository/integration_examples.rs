//! The applications of `docs/integrate.md`, run against the service as the page says.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use reqwest::blocking::{Client, Response};
use reqwest::redirect::Policy;
use rstest::rstest;

use crate::support::program::Server;
use crate::support::{Place, eventually};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The system's: only it has Debian's packages.
const PYTHON: &str = "/usr/bin/python3";
/// Where Debian's package node-express is. A Node.js of another origin does not look there.
const NODE_PATH: &str = "/usr/share/nodejs";

/// An application that is stopped with the test.
struct Application(Child);

impl Drop for Application {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// How an application is run.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Flask,
    Express,
}

impl Kind {
    /// Whether what it needs is installed.
    fn is_installed(self) -> bool {
        let (program, arguments) = match self {
            Self::Flask => (PYTHON, ["-c", "import flask, requests"]),
            Self::Express => ("node", ["-e", "require('express')"]),
        };
        let tried = Command::new(program)
            .args(arguments)
            .env("NODE_PATH", NODE_PATH)
            .output();
        let is_there = tried.is_ok_and(|output| output.status.success());
        if !is_there {
            let is_required = std::env::var_os("TEST_REQUIRE_TOOLS").is_some();
            assert!(!is_required, "{self:?} is not installed");
            eprintln!("SKIPPED: {self:?} is not installed");
        }
        is_there
    }

    fn start(self, service: &Server, port: u16) -> Application {
        let mut command = match self {
            Self::Flask => {
                let mut command = Command::new(PYTHON);
                let app = format!("{ROOT}/examples/flask/app.py");
                command.args([
                    "-m",
                    "flask",
                    "--app",
                    &app,
                    "run",
                    "--port",
                    &port.to_string(),
                ]);
                command
            }
            Self::Express => {
                let mut command = Command::new("node");
                command.arg(format!("{ROOT}/examples/express/app.js"));
                command
            }
        };
        command
            .env("AUTH", service.url(""))
            .env("PORT", port.to_string())
            .env("NODE_PATH", NODE_PATH)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Application(command.spawn().unwrap())
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Where a redirect leads.
fn target(answer: &Response) -> String {
    assert_eq!(answer.status(), 303);
    let path = answer.headers().get("location").unwrap().to_str().unwrap();
    path.to_owned()
}

#[rstest]
fn documented_applications_work(#[values(Kind::Flask, Kind::Express)] kind: Kind) {
    if !kind.is_installed() {
        return;
    }
    let (place, port) = (Place::new(), free_port());
    let origin = format!("http://127.0.0.1:{port}");
    let proxies = "--trusted-proxies=127.0.0.1/32";
    let origins = format!("--allowed-origins={origin}");
    let service = Server::start_with(&place, &["--throttle=on", proxies, &origins]);
    let _application = kind.start(&service, port);
    eventually("the application", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });

    let browser = Client::builder()
        .cookie_store(true)
        .redirect(Policy::none())
        .user_agent("Firefox on Linux")
        .build()
        .unwrap();
    let get = |path: &str| browser.get(format!("{origin}{path}")).send().unwrap();
    let post = |path: &str, page: &str, password: &str| {
        let fields = [("email", "bob+x@x.fr"), ("password", password)];
        let request = browser.post(format!("{origin}{path}")).form(&fields);
        request.header("Origin", page).send().unwrap()
    };
    assert_eq!(target(&get("/")), "/login");
    assert_eq!(target(&post("/signup", &origin, "bob_pwd")), "/login");
    let refused = post("/login", &origin, "wrong");
    assert_eq!(refused.status(), 401);
    assert!(refused.text().unwrap().contains("invalid credentials"));
    let foreign = post("/login", "https://evil.example", "bob_pwd");
    assert_eq!(foreign.status(), 403, "a page of another origin");
    let entered = post("/login", &origin, "bob_pwd");
    assert_eq!(entered.cookies().count(), 2, "session_id and device");
    assert_eq!(target(&entered), "/");
    let home = get("/").text().unwrap();
    assert!(
        home.contains("user 1") && home.contains("bob+x@x.fr"),
        "{home}"
    );
    let agents = place.texts("SELECT user_agent AS value FROM sessions");
    assert_eq!(agents, ["Firefox on Linux"]);
    assert_eq!(target(&post("/logout", &origin, "")), "/login");
    assert_eq!(target(&get("/")), "/login");
}

#[test]
fn documented_applications_are_those_of_the_examples() {
    let page = include_str!("../../../docs/integrate.md");
    for (language, code) in [
        ("python", include_str!("../../../examples/flask/app.py")),
        ("js", include_str!("../../../examples/express/app.js")),
    ] {
        assert!(
            page.contains(&format!("```{language}\n{code}```\n")),
            "{language}"
        );
    }
}
