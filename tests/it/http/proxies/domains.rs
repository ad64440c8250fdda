//! Two applications on two domains, and the login page on a third, over https: with what
//! `bienvenue app add` prints, and a certificate as the comments of nginx's file say.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use tempfile::TempDir;

use super::sites::Proxy;
use super::values;
use crate::http::pages::chromium::Chromium;
use crate::support::echo::start_application;
use crate::support::program::{Server, run, told};
use crate::support::{Place, has_tool};

const LOGIN: &str = "login.three.test";
const ONE: &str = "app.one.test";
const TWO: &str = "wiki.two.test";
const PASSWORD: &str = "eleven tall rockets";
const FORM: &str = "email=bob@x.fr&password=eleven+tall+rockets";

/// The service and a proxy with a certificate for the three hosts.
struct Domains {
    _place: Place,
    _server: Server,
    proxy: Child,
    address: SocketAddr,
    plain: SocketAddr,
    root: TempDir,
}

/// An answer to curl.
struct Answer {
    status: u16,
    location: String,
    text: String,
}

/// A browser: curl with a jar of cookies, which it keeps as browsers do.
struct Browser<'a> {
    domains: &'a Domains,
    jar: PathBuf,
}

impl Domains {
    fn start(kind: Proxy) -> Option<Self> {
        let tools = ["curl", "openssl"].map(has_tool);
        if !kind.is_there() || tools.contains(&false) {
            return None;
        }
        let application = start_application();
        // Another test may take a port before the proxy has it.
        for _ in 0..5 {
            if let Some(domains) = Self::try_start(kind, &application) {
                return Some(domains);
            }
        }
        panic!("{kind:?} does not start");
    }

    fn try_start(kind: Proxy, application: &str) -> Option<Self> {
        let (place, root) = (Place::new(), tempfile::tempdir().unwrap());
        certify(root.path());
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let ports = [free(), free()];
        let [address, plain] = ports.map(|port| port.local_addr().unwrap());
        let port = address.port();
        let public = format!("--public-url=https://{LOGIN}:{port}");
        let server = Server::start_with(
            &place,
            &[&public, "--trusted-proxies=127.0.0.1", "--bcrypt-cost=10"],
        );
        let bind = server.address.clone();
        let app = |name: &str, host: &str| {
            let at = format!("https://{host}:{port}");
            let add = ["app", "add", name, &at, "--proxy", kind.name()];
            let added = run(
                place.folder(),
                &[&[&*public, "--bind", &bind], &add[..]].concat(),
            );
            assert!(added.status.success(), "{}", told(&added));
            let site = String::from_utf8(added.stdout).unwrap();
            site.replace("127.0.0.1:8080", application)
        };
        let sites = [app("one", ONE), app("two", TWO)];
        let mut command = match kind {
            Proxy::Nginx => nginx(root.path(), (address, plain), &bind, &sites),
            Proxy::Caddy => caddy(root.path(), port, &bind, &sites),
            Proxy::Apache | Proxy::Haproxy => unreachable!(),
        };
        let log = fs::File::create(root.path().join("log")).unwrap();
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut proxy = command.stderr(log).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if proxy.try_wait().unwrap().is_some() || Instant::now() > deadline {
                drop(proxy.kill());
                drop(proxy.wait());
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self {
            _place: place,
            _server: server,
            proxy,
            address,
            plain,
            root,
        })
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.address.port())
    }

    fn browser(&self, name: &str) -> Browser<'_> {
        let jar = self.root.path().join(name);
        Browser { domains: self, jar }
    }
}

impl Drop for Domains {
    fn drop(&mut self) {
        let pid = self.proxy.id().to_string();
        drop(Command::new("kill").args(["-TERM", &pid]).status());
        drop(self.proxy.wait());
    }
}

/// Makes a certificate for the three hosts, which curl trusts.
fn certify(root: &Path) {
    let names = format!("subjectAltName=DNS:{LOGIN},DNS:{ONE},DNS:{TWO}");
    let mut command = Command::new("openssl");
    let command = command
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args([
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=a test",
            "-addext",
            &names,
        ])
        .args(["-keyout", "key.pem", "-out", "cert.pem"]);
    let made = command.current_dir(root).output().unwrap();
    assert!(made.status.success(), "{}", told(&made));
}

/// nginx with the printed sites, after the steps of their comment for a certificate.
fn nginx(
    root: &Path,
    (address, plain): (SocketAddr, SocketAddr),
    service: &str,
    sites: &[String],
) -> Command {
    const STEPS: &str = "With a certificate, remove `listen 80;` above, and the marks in front of \
                         these lines and of the last line of this file.";
    let path = root.display();
    let mut servers = format!(
        "server {{ listen {address} ssl; server_name {LOGIN}; ssl_certificate {path}/cert.pem; \
         ssl_certificate_key {path}/key.pem; location / {{ proxy_pass http://{service}; \
         proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; }} }}\n"
    );
    for site in sites {
        let comment = site.replace("\n    # ", " ");
        assert!(comment.contains(STEPS), "{site}");
        let (last, lines) = site.lines().collect::<Vec<_>>().split_last().map_or_else(
            || unreachable!(),
            |(last, lines)| (last.strip_prefix('#').unwrap().to_owned(), lines.to_vec()),
        );
        let mut unmarked = 0;
        for line in lines.into_iter().filter(|line| *line != "    listen 80;") {
            let code = line.trim_start().strip_prefix('#').filter(|rest| {
                rest.starts_with("listen 443 ssl") || rest.starts_with("ssl_certificate")
            });
            unmarked += usize::from(code.is_some());
            servers += code.unwrap_or(line);
            servers.push('\n');
        }
        assert_eq!(unmarked, 3, "{site}");
        servers += &last;
        servers.push('\n');
    }
    // What a test has instead of the machine: other ports, and its own certificate.
    for host in [ONE, TWO] {
        let live = format!("/etc/letsencrypt/live/{host}");
        assert!(
            servers.contains(&format!("{live}/fullchain.pem;")),
            "{servers}"
        );
        servers = servers
            .replace(
                &format!("{live}/fullchain.pem"),
                &format!("{path}/cert.pem"),
            )
            .replace(&format!("{live}/privkey.pem"), &format!("{path}/key.pem"));
    }
    let servers = servers
        .replace("listen 443 ssl", &format!("listen {address} ssl"))
        .replace("listen 80;", &format!("listen {plain};"));
    let config = root.join("config");
    let text = format!(
        "daemon off; worker_processes 1; pid {path}/pid; error_log stderr;\n\
         events {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;\n\
         fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi;\n\
         scgi_temp_path {path}/scgi;\n{servers}}}\n"
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-p").arg(root).arg("-c").arg(config);
    command.args(["-e", "stderr"]);
    command
}

/// Caddy with the printed sites, and the certificate instead of one from an authority.
fn caddy(root: &Path, port: u16, service: &str, sites: &[String]) -> Command {
    let path = root.display();
    let own = format!("{LOGIN}:{port} {{\n\treverse_proxy {service}\n}}\n");
    let mut text = "{\n\tadmin off\n\tdefault_bind 127.0.0.1\n\tauto_https off\n}\n".to_owned();
    for (host, site) in [(ONE, &sites[0]), (TWO, &sites[1]), (LOGIN, &own)] {
        let begin = format!("{host}:{port} {{\n");
        assert!(site.contains(&begin), "{site}");
        let begin_with = format!("{begin}\ttls {path}/cert.pem {path}/key.pem\n");
        text += &site.replace(&begin, &begin_with);
    }
    let config = root.join("config");
    fs::write(&config, text).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]);
    command.arg(config).env("HOME", root);
    command
}

impl Browser<'_> {
    fn ask(&self, url: &str, arguments: &[&str]) -> Answer {
        let root = self.domains.root.path();
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--cacert", "cert.pem"]);
        for host in [LOGIN, ONE, TWO] {
            let to = format!("{host}:{}:127.0.0.1", self.domains.address.port());
            command.args(["--resolve", &to]);
        }
        let written = "\n%{http_code} %{redirect_url}";
        let is_accept = |argument: &&&str| argument.starts_with("Accept:");
        let accept = arguments
            .iter()
            .find(is_accept)
            .unwrap_or(&"Accept: text/html");
        command
            .args(["--header", accept, "--write-out", written])
            .arg("--cookie-jar")
            .arg(&self.jar)
            .arg("--cookie")
            .arg(&self.jar)
            .args(arguments)
            .arg(url)
            .current_dir(root);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{url}: {}", told(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        let (text, last) = text.rsplit_once('\n').unwrap();
        let (status, location) = last.split_once(' ').unwrap();
        Answer {
            status: status.parse().unwrap(),
            location: location.to_owned(),
            text: text.to_lowercase(),
        }
    }

    fn get(&self, url: &str) -> Answer {
        self.ask(url, &[])
    }

    /// Where an answer leads.
    fn led(&self, url: &str, arguments: &[&str]) -> String {
        let answer = self.ask(url, arguments);
        assert_eq!(answer.status, 303, "{url}: {}", answer.text);
        answer.location
    }

    /// Opens a page through the login, for which it gives the password or has done so before.
    /// Returns the URL with the code, which is not spent yet.
    fn enter(&self, page: &str, gives_password: bool) -> String {
        let login = self.led(page, &[]);
        assert!(
            login.starts_with(&self.domains.url(LOGIN, "/login?next=")),
            "{login}"
        );
        if !gives_password {
            return self.led(&login, &[]);
        }
        let (path, next) = login.split_once('?').unwrap();
        let form = format!("{FORM}&{next}");
        assert_eq!(self.get(&login).status, 200);
        self.led(path, &["--data", &form])
    }

    /// The lines of the jar about a cookie of a host.
    fn cookie(&self, host: &str, name: &str) -> Vec<String> {
        let jar = fs::read_to_string(&self.jar).unwrap();
        let lines = jar.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let of = format!("#HttpOnly_{host}");
        let found = lines.filter(|line| line[0] == of && line.len() == 7 && line[5] == name);
        found.map(|line| line[6].to_owned()).collect()
    }
}

#[rstest]
fn one_login_opens_two_domains(#[values(Proxy::Nginx, Proxy::Caddy)] kind: Proxy) {
    let Some(domains) = Domains::start(kind) else {
        return;
    };
    let (bob, thief) = (domains.browser("bob"), domains.browser("thief"));
    let users = domains.url(LOGIN, "/users");
    assert_eq!(bob.ask(&users, &["--data", FORM]).status, 201);
    let (one, two) = (domains.url(ONE, "/a?b=c"), domains.url(TWO, "/"));
    let enter = bob.enter(&one, true);
    assert!(
        enter.starts_with(&domains.url(ONE, "/.bienvenue/enter?code=")),
        "{enter}"
    );
    assert_eq!(
        bob.led(&enter, &[]),
        one,
        "back to the page that was asked for"
    );
    let seen = bob.get(&one).text;
    assert!(seen.starts_with("get /a?b=c "), "{seen}");
    assert_eq!(values(&seen, "remote-email"), ["bob@x.fr"]);

    // No password for the other domain. The code is for its host, its browser, and once.
    let enter = bob.enter(&two, false);
    let at_one = enter.replace(TWO, ONE);
    assert_eq!(bob.get(&at_one).status, 403, "a code for another host");
    assert_eq!(thief.get(&enter).status, 403, "a code in another browser");
    assert_eq!(bob.led(&enter, &[]), two);
    assert_eq!(bob.get(&enter).status, 403, "a code that was used");
    assert_eq!(values(&bob.get(&two).text, "remote-user"), ["1"]);

    // Each host has a cookie of its own, for https alone; a stolen one opens no other host.
    let jar = fs::read_to_string(&bob.jar).unwrap();
    for (host, name) in [
        (LOGIN, "session_id"),
        (ONE, "__Host-app_session"),
        (TWO, "__Host-app_session"),
    ] {
        let start = format!("#HttpOnly_{host}\tFALSE\t/\tTRUE\t");
        let of_host = |line: &&str| line.starts_with(&start) && line.contains(name);
        assert_eq!(jar.lines().filter(of_host).count(), 1, "{jar}");
    }
    let stolen = |host| bob.cookie(host, "__Host-app_session").remove(0);
    let with = |url: &str, cookie: &str| {
        let header = format!("Cookie: {cookie}");
        let any = ["--header", "Accept: */*", "--header", &header];
        thief.ask(url, &any).status
    };
    for (own, other) in [(ONE, TWO), (TWO, ONE)] {
        let cookie = format!("__Host-app_session={}", stolen(own));
        assert_eq!(with(&domains.url(own, "/"), &cookie), 200);
        assert_eq!(with(&domains.url(other, "/"), &cookie), 401);
        let as_session = format!("session_id={}", stolen(own));
        assert_eq!(with(&domains.url(LOGIN, "/profile"), &as_session), 403);
    }

    // A logout at the application's end, and one at the login's, end all of them.
    for leave in [
        domains.url(TWO, "/.bienvenue/logout"),
        domains.url(LOGIN, "/logout"),
    ] {
        assert_eq!(bob.get(&one).status, 200);
        assert_eq!(bob.get(&two).status, 200);
        let mut page = bob.get(&leave);
        if !page.location.is_empty() {
            let at = page.location;
            assert!(at.starts_with(&domains.url(LOGIN, "/logout")), "{at}");
            page = bob.get(&at);
        }
        assert_eq!(page.status, 200, "{}", page.text);
        let origin = format!("Origin: {}", domains.url(LOGIN, ""));
        let own = [
            "--header",
            &origin,
            "--header",
            "Sec-Fetch-Site: same-origin",
        ];
        let post = [&["--data", ""], &own[..]].concat();
        bob.led(&domains.url(LOGIN, "/logout"), &post);
        for url in [&one, &two] {
            let login = bob.led(url, &[]);
            assert!(login.starts_with(&domains.url(LOGIN, "/login")), "{login}");
            assert_eq!(with(url, "a=b"), 401);
        }
        // The next turn logs in again.
        assert_eq!(bob.led(&bob.enter(&two, true), &[]), two);
        assert_eq!(bob.led(&bob.enter(&one, false), &[]), one);
    }

    // nginx's last line: plain http leads to https.
    if kind == Proxy::Nginx {
        let host = format!("Host: {ONE}");
        let plain = format!("http://{}/a?b=c", domains.plain);
        let moved = thief.ask(&plain, &["--header", &host]);
        let target = format!("https://{ONE}/a?b=c");
        assert_eq!((moved.status, moved.location), (301, target));
    }
}

#[rstest]
fn browser_enters_and_leaves_two_domains(#[values(Proxy::Nginx, Proxy::Caddy)] kind: Proxy) {
    let Some(domains) = Domains::start(kind) else {
        return;
    };
    if !Chromium::is_installed() {
        return;
    }
    let users = domains.url(LOGIN, "/users");
    let registered = domains.browser("bob").ask(&users, &["--data", FORM]);
    assert_eq!(registered.status, 201);
    let hosts = [
        "--host-resolver-rules=MAP *.test 127.0.0.1",
        "--ignore-certificate-errors",
    ];
    let mut browser = Chromium::open_with("en", 1280, false, &hosts);
    let (one, two) = (domains.url(ONE, "/things"), domains.url(TWO, "/"));
    let sees_user = |browser: &mut Chromium, url: &str| {
        let text = browser.text().to_lowercase();
        assert_eq!(values(&text, "remote-email"), ["bob@x.fr"], "{url}: {text}");
    };
    for leaves_at in [LOGIN, TWO] {
        browser.go(&one);
        browser.fill("email", "bob@x.fr");
        browser.fill("password", PASSWORD);
        // The redirects after the form lead to another domain, as its policy has to allow.
        browser.submit("/login");
        browser.expect_path("/things");
        sees_user(&mut browser, &one);
        browser.go(&two);
        browser.expect_path("/");
        sees_user(&mut browser, &two);
        let path = if leaves_at == TWO {
            "/.bienvenue/logout"
        } else {
            "/logout"
        };
        browser.go(&domains.url(leaves_at, path));
        browser.submit("/logout");
        browser.go(&two);
        assert!(
            browser.text().contains("Forgot your password?"),
            "{}",
            browser.text()
        );
    }
}
