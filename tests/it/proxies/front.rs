use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::echo::start_application;
use crate::support::has_tool;
use crate::support::program::Server;

const NGINX: &str = include_str!("../../../deploy/nginx/bienvenue.conf");
const CADDY: &str = include_str!("../../../deploy/Caddyfile");

/// Which proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Caddy,
}

/// A proxy with the configuration of `deploy/`, and an application behind it.
pub(super) struct Front {
    child: Child,
    pub(super) address: String,
    _folder: TempDir,
}

impl Front {
    /// Starts it before the service, if it is on this machine.
    pub(super) fn of(kind: Kind, server: &Server) -> Option<Self> {
        if !has_tool(match kind {
            Kind::Nginx => "nginx",
            Kind::Caddy => "caddy",
        }) {
            return None;
        }
        let application = start_application();
        // Somebody may take the port before the proxy has it.
        for _ in 0..5 {
            if let Some(front) = Self::try_start(kind, &server.address, &application) {
                return Some(front);
            }
        }
        panic!("{kind:?} does not start");
    }

    fn try_start(kind: Kind, service: &str, application: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let mut child = match kind {
            Kind::Nginx => {
                let site = replace(NGINX, "    listen 80;", &format!("    listen {address};"));
                let site = replace(&site, "127.0.0.1:5000", service);
                let site = replace(&site, "127.0.0.1:8080", application);
                nginx(folder.path(), &site)
            }
            Kind::Caddy => {
                let site = replace(CADDY, "app.example.org", &format!("http://{address}"));
                let site = site.replace("127.0.0.1:5000", service);
                let site = site.replace("127.0.0.1:8080", application);
                caddy(folder.path(), &site)
            }
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(&address).is_err() {
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
            _folder: folder,
        })
    }
}

/// What the configuration says once, changed for the test.
fn replace(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old} in {text}");
    text.replace(old, new)
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// The files where their comments say that they go, in a folder instead of `/etc/nginx`.
fn nginx(folder: &Path, site: &str) -> Child {
    let path = folder.display();
    fs::create_dir(folder.join("snippets")).unwrap();
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/nginx");
    for name in ["bienvenue-login.conf", "bienvenue-nobody.conf"] {
        fs::copy(files.join(name), folder.join("snippets").join(name)).unwrap();
    }
    fs::write(folder.join("bienvenue.conf"), site).unwrap();
    let main = format!(
        "daemon off; worker_processes 1; pid {path}/pid; error_log stderr;\n\
         events {{}}\n\
         http {{\n\
         access_log off;\n\
         client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;\n\
         fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi;\n\
         scgi_temp_path {path}/scgi;\n\
         include bienvenue.conf;\n\
         }}\n"
    );
    let config = folder.join("nginx.conf");
    fs::write(&config, main).unwrap();
    let command = || {
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).arg("-c").arg(&config);
        command.args(["-e", "stderr"]).stdin(Stdio::null());
        command
    };
    let checked = command().arg("-t").output().unwrap();
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "{told}");
    command().stderr(Stdio::null()).spawn().unwrap()
}

fn caddy(folder: &Path, site: &str) -> Child {
    let config = folder.join("Caddyfile");
    fs::write(&config, format!("{{\n\tadmin off\n}}\n{site}")).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]);
    command.arg(&config).env("HOME", folder);
    command
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
