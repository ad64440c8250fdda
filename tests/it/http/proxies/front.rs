//! A real proxy in front of the service, installed as the comments in `deploy/` say.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use reqwest::redirect::Policy;
use tempfile::TempDir;

use crate::support::echo::start_application;
use crate::support::has_tool;
use crate::support::program::Server;

/// The application's host in the files of `deploy/`.
pub(super) const HOST: &str = "app.example.org";

/// Which proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Caddy,
}

impl Kind {
    pub(super) fn tool(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }

    /// The file whose first comment says how to install it.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Nginx => "nginx/bienvenue.conf",
            Self::Caddy => "Caddyfile",
        }
    }
}

/// The first comment of a file in `deploy/`, line by line.
pub(super) fn first_comment(file: &str) -> Vec<String> {
    let text = fs::read_to_string(deploy().join(file)).unwrap();
    text.lines()
        .map_while(|line| line.strip_prefix('#'))
        .map(|line| line.trim().to_owned())
        .collect()
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// A proxy with the configuration of `deploy/`, and an application behind it.
pub(super) struct Front {
    child: Child,
    pub(super) address: SocketAddr,
    _root: TempDir,
}

impl Front {
    /// Starts it in front of the service, if it is on this machine.
    pub(super) fn of(kind: Kind, server: &Server) -> Option<Self> {
        if !has_tool(kind.tool()) {
            return None;
        }
        let application = start_application();
        // Another test may take the port before the proxy has it.
        for _ in 0..5 {
            if let Some(front) = Self::try_start(kind, &server.address, &application) {
                return Some(front);
            }
        }
        panic!("{kind:?} does not start");
    }

    fn try_start(kind: Kind, service: &str, application: &str) -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        // In Caddy's file the host is the address that it listens on.
        let host = match kind {
            Kind::Nginx => HOST.to_owned(),
            Kind::Caddy => format!("http://{HOST}:{}", address.port()),
        };
        let own = [
            (HOST, host.as_str()),
            ("127.0.0.1:5000", service),
            ("127.0.0.1:8080", application),
        ];
        // The folders that Debian's packages make.
        for folder in ["nginx/conf.d", "nginx/snippets", "caddy"] {
            fs::create_dir_all(root.path().join("etc").join(folder)).unwrap();
        }
        install(kind.file(), root.path(), &own);
        let mut child = match kind {
            Kind::Nginx => nginx(root.path(), address),
            Kind::Caddy => caddy(root.path()),
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if child.try_wait().unwrap().is_some() || Instant::now() > deadline {
                drop(child.kill());
                drop(child.wait());
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
        Some(Self {
            child,
            address,
            _root: root,
        })
    }

    /// A path as a browser asks for it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{HOST}:{}{path}", self.address.port())
    }

    /// A browser that finds the application's host.
    pub(super) fn browser(&self) -> Client {
        Client::builder()
            .cookie_store(true)
            .redirect(Policy::none())
            .resolve(HOST, self.address)
            .build()
            .unwrap()
    }
}

/// Does what the first comment of a file in `deploy/` says, word for word, under a root of its
/// own: lines that begin with `Copy` and `Replace`.
fn install(file: &str, root: &Path, own: &[(&str, &str)]) {
    let source = deploy().join(file);
    let mut installed = Vec::new();
    let comment = first_comment(file);
    for line in &comment {
        let Some((name, target)) = line
            .strip_prefix("Copy ")
            .and_then(|l| l.split_once(" to "))
        else {
            continue;
        };
        let mut path = root.join(target.trim_start_matches('/'));
        if target.ends_with('/') {
            path.push(name);
        }
        fs::copy(source.with_file_name(name), &path).unwrap();
        installed.push(path);
    }
    let named = comment
        .iter()
        .find_map(|line| line.strip_prefix("Replace "));
    let named = named.unwrap().split_whitespace().map(|word| {
        let word = word.trim_end_matches([',', '.']);
        word.contains('.').then_some(word)
    });
    let replaced: Vec<_> = named
        .flatten()
        .map(|word| *own.iter().find(|(name, _)| *name == word).unwrap())
        .collect();
    assert_eq!(replaced.len(), own.len(), "{comment:?}");
    for (name, value) in replaced {
        let mut found = false;
        for path in &installed {
            let text = fs::read_to_string(path).unwrap();
            found |= text
                .lines()
                .any(|line| !line.starts_with('#') && line.contains(name));
            fs::write(path, text.replace(name, value)).unwrap();
        }
        assert!(found, "{name} is not in the installed files");
    }
}

/// nginx with a main file as Debian's: it includes `conf.d`, and the default site is enabled.
fn nginx(root: &Path, address: SocketAddr) -> Child {
    let (etc, path) = (root.join("etc/nginx"), root.display());
    let site = etc.join("conf.d/bienvenue.conf");
    let text = fs::read_to_string(&site).unwrap();
    assert_eq!(text.matches("    listen 80;").count(), 1, "{text}");
    let listen = format!("    listen {address};");
    fs::write(&site, text.replace("    listen 80;", &listen)).unwrap();
    let main = format!(
        "daemon off; worker_processes 1; pid {path}/pid; error_log stderr;\n\
         events {{}}\n\
         http {{\n\
         access_log off;\n\
         client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;\n\
         fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi;\n\
         scgi_temp_path {path}/scgi;\n\
         include conf.d/*.conf;\n\
         server {{ listen {address} default_server; server_name _; return 404; }}\n\
         }}\n"
    );
    let config = etc.join("nginx.conf");
    fs::write(&config, main).unwrap();
    let command = || {
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&etc).arg("-c").arg(&config);
        command.args(["-e", "stderr"]).stdin(Stdio::null());
        command
    };
    let checked = command().arg("-t").output().unwrap();
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "{told}");
    command().stderr(Stdio::null()).spawn().unwrap()
}

/// Caddy as Debian's unit starts it, without its listener for administration.
fn caddy(root: &Path) -> Child {
    let config = root.join("etc/caddy/Caddyfile");
    let site = fs::read_to_string(&config).unwrap();
    let options = "{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}\n";
    fs::write(&config, format!("{options}{site}")).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--config"]).arg(&config);
    command
        .env("HOME", root)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_DATA_HOME");
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).spawn().unwrap()
}

impl Drop for Front {
    /// By the signal that lets nginx end its workers.
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        drop(Command::new("kill").args(["-TERM", &pid]).status());
        drop(self.child.wait());
    }
}
