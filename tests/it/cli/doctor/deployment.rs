//! A service behind a real proxy with TLS, on an address of its own, so that the proxy has the
//! usual ports.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::echo::start_application;
use crate::support::guide::{blocks, section};
use crate::support::program::{Server, program, run, told};
use crate::support::{Place, has_tool};

pub(super) const LOGIN: &str = "login.example.org";
pub(super) const WIKI: &str = "wiki.example.net";
/// The host of the files in `deploy/` for one application with the service.
pub(super) const APP: &str = "app.example.org";

/// Which proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proxy {
    Nginx,
    Caddy,
    Apache,
    Haproxy,
}

impl Proxy {
    fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Apache => "apache",
            Self::Haproxy => "haproxy",
        }
    }

    fn tool(self) -> &'static str {
        match self {
            Self::Apache => "apache2",
            Self::Nginx | Self::Caddy | Self::Haproxy => self.name(),
        }
    }

    fn is_there(self) -> bool {
        let library = Path::new("/usr/share/lua/5.3/socket.lua");
        if self == Self::Apache && !library.exists() {
            eprintln!("SKIPPED: lua-socket is not installed");
            return false;
        }
        has_tool(self.tool())
    }
}

/// How the hosts are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hosts {
    /// The login page on a host of its own, and an application on another (deploy.md, step 6).
    Several,
    /// The service and an application on one host (deploy.md, step 5).
    One,
}

/// The service, its proxy, and an application.
pub(super) struct Deployment {
    pub(super) place: Place,
    pub(super) server: Server,
    address: Ipv4Addr,
    ops: String,
    proxy: Proxy,
    hosts: Hosts,
    pub(super) config: String,
    running: Option<Child>,
    root: TempDir,
}

impl Deployment {
    /// A good one, which is not started; none where the proxy is not installed, or may not have
    /// the ports.
    pub(super) fn of(proxy: Proxy, hosts: Hosts) -> Option<Self> {
        Self::with(proxy, hosts, &[])
    }

    /// The same with more settings of the service.
    pub(super) fn with(proxy: Proxy, hosts: Hosts, flags: &[&str]) -> Option<Self> {
        let address = free_address()?;
        if !proxy.is_there() || !has_tool("openssl") {
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        authority(root.path());
        certify(root.path(), "good", &[LOGIN, WIKI, APP], 60);
        let place = Place::new();
        let host = match hosts {
            Hosts::Several => LOGIN,
            Hosts::One => APP,
        };
        let url = format!("--public-url=https://{host}");
        let mut command = program(place.folder(), &[&url, "--bcrypt-cost=10", "--mail=off"]);
        let given = |name: &str| flags.iter().any(|flag| flag.starts_with(name));
        for flag in ["--bind=127.0.0.1:0", "--operator-bind=127.0.0.1:0"] {
            if !given(flag.split('=').next().unwrap()) {
                command.arg(flag);
            }
        }
        command.args(flags);
        let mut server = Server::spawn(command);
        let line = server.wait_for("ops listener: metrics on http://");
        let ops = line.split("http://").nth(1).unwrap();
        let ops = ops.split('/').next().unwrap().to_owned();
        let mut deployment = Self {
            place,
            server,
            address,
            ops,
            proxy,
            hosts,
            config: String::new(),
            running: None,
            root,
        };
        deployment.config = deployment.good_config();
        Some(deployment)
    }

    fn good_config(&self) -> String {
        let application = start_application();
        let sites = match (self.hosts, self.proxy) {
            (Hosts::Several, Proxy::Nginx) => {
                let step = section("## 3. nginx and the certificate");
                blocks(step, "nginx").remove(0) + &self.registered_app()
            }
            (Hosts::Several, Proxy::Caddy) => {
                let step = section("## 3. nginx and the certificate");
                blocks(step, "caddy").remove(0) + &self.registered_app()
            }
            (Hosts::Several, Proxy::Apache) => {
                let step = section("## 3. nginx and the certificate");
                blocks(step, "apache").remove(0) + &self.registered_app()
            }
            (Hosts::Several, Proxy::Haproxy) => {
                let step = section("## 3. nginx and the certificate");
                let app = self.registered_app();
                let mark = "#   frontend:";
                let rule = app.lines().find_map(|line| line.strip_prefix(mark));
                let with_rule = format!("{}\ndefault_backend", rule.unwrap());
                let own = blocks(step, "haproxy").remove(0);
                own.replace("default_backend", &with_rule) + &app
            }
            (Hosts::One, Proxy::Apache | Proxy::Haproxy) => panic!("there are no such files"),
            (Hosts::One, Proxy::Nginx) => {
                let folder = self.root.path().join("snippets");
                fs::create_dir_all(&folder).unwrap();
                for name in ["bienvenue-login.conf", "bienvenue-public.conf"] {
                    fs::copy(deploy(&format!("nginx/{name}")), folder.join(name)).unwrap();
                }
                fs::read_to_string(deploy("nginx/bienvenue.conf")).unwrap()
            }
            (Hosts::One, Proxy::Caddy) => fs::read_to_string(deploy("Caddyfile")).unwrap(),
        };
        let sites = sites
            .replace("127.0.0.1:5000", &self.server.address)
            .replace("127.0.0.1:8080", &application);
        match self.proxy {
            Proxy::Nginx => self.nginx_config(&sites),
            Proxy::Caddy => self.caddy_config(&sites),
            Proxy::Apache => self.apache_config(&sites),
            Proxy::Haproxy => self.haproxy_config(&sites),
        }
    }

    /// Registers the application, and returns what the command prints.
    fn registered_app(&self) -> String {
        let url = format!("https://{WIKI}");
        let own = format!("--public-url=https://{LOGIN}");
        let bind = format!("--bind={}", self.server.address);
        let proxy = ["--proxy", self.proxy.name()];
        let output = run(
            self.place.folder(),
            &[&["app", "add", "wiki", &url, &own, &bind][..], &proxy].concat(),
        );
        assert!(output.status.success(), "{}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// With the certificate, as the comments of the files say.
    fn nginx_config(&self, sites: &str) -> String {
        let (root, address) = (self.root.path().display(), self.address);
        let mut text = String::new();
        for line in sites.lines() {
            if line.trim_start().starts_with("listen [::]") || line == "    listen 80;" {
                continue;
            }
            let marked = ["    #listen", "    #ssl_", "#server"];
            let line = if marked.iter().any(|mark| line.starts_with(mark)) {
                line.replacen('#', "", 1)
            } else {
                line.to_owned()
            };
            text = text + &line + "\n";
        }
        for host in [LOGIN, WIKI, APP] {
            let folder = format!("/etc/letsencrypt/live/{host}/");
            text = text.replace(&folder, &format!("{root}/good/"));
        }
        let text = text
            .replace("listen 80;", &format!("listen {address}:80;"))
            .replace("listen 443 ", &format!("listen {address}:443 "));
        format!(
            "daemon off; worker_processes 1; pid {root}/pid; error_log stderr;\n\
             events {{}}\nhttp {{\naccess_log off;\n\
             client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;\n\
             fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi;\n\
             scgi_temp_path {root}/scgi;\n{text}}}\n"
        )
    }

    fn caddy_config(&self, sites: &str) -> String {
        let (root, address) = (self.root.path().display(), self.address);
        let mut sites = sites.to_owned();
        for host in [LOGIN, WIKI, APP] {
            let tls =
                format!("\n{host} {{\n\ttls {root}/good/fullchain.pem {root}/good/privkey.pem");
            sites = format!("\n{sites}").replace(&format!("\n{host} {{"), &tls);
        }
        format!("{{\n\tadmin off\n\tdefault_bind {address}\n}}\n{sites}")
    }

    /// With the modules that the comments name.
    fn apache_config(&self, sites: &str) -> String {
        let (root, address) = (self.root.path().display(), self.address);
        let modules = [
            "mpm_event",
            "authz_core",
            "alias",
            "setenvif",
            "socache_shmcb",
            "ssl",
            "lua",
            "headers",
            "proxy",
            "proxy_http",
        ];
        let modules = modules.map(|name| {
            format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
        });
        let script = deploy("apache/bienvenue.lua").display().to_string();
        let mut sites = sites.replace("/etc/apache2/bienvenue.lua", &script);
        for host in [LOGIN, WIKI] {
            let folder = format!("/etc/letsencrypt/live/{host}/");
            sites = sites.replace(&folder, &format!("{root}/good/"));
        }
        format!(
            "ServerRoot {root}\nServerName localhost\nPidFile {root}/pid\n\
             DefaultRuntimeDir {root}\nErrorLog {root}/errors\n{}\
             Listen {address}:443\nListen {address}:80\n{sites}",
            modules.concat()
        )
    }

    fn haproxy_config(&self, sites: &str) -> String {
        let (root, address) = (self.root.path(), self.address);
        let script = deploy("haproxy/bienvenue.lua").display().to_string();
        fs::create_dir_all(root.join("certs")).unwrap();
        let part = |name: &str| fs::read_to_string(root.join("good").join(name)).unwrap();
        let both = part("fullchain.pem") + &part("privkey.pem");
        fs::write(root.join("certs/all.pem"), both).unwrap();
        sites
            .replace("/etc/haproxy/bienvenue.lua", &script)
            .replace("/etc/haproxy/certs/", &format!("{}/certs/", root.display()))
            .replace("bind :", &format!("bind {address}:"))
    }

    /// The address of the ops listener.
    pub(super) fn ops(&self) -> &str {
        &self.ops
    }

    /// The folder with the certificates.
    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Replaces a text in the configuration of the proxy, which has to have it.
    pub(super) fn edit(&mut self, from: &str, to: &str) {
        assert!(
            self.config.contains(from),
            "{from} is not in {}",
            self.config
        );
        self.config = self.config.replace(from, to);
    }

    /// Starts the proxy with the configuration, in place of one that runs.
    pub(super) fn start(&mut self) {
        self.stop();
        let config = self.root.path().join("config");
        fs::write(&config, &self.config).unwrap();
        let mut command = Command::new(self.proxy.tool());
        match self.proxy {
            Proxy::Nginx => {
                command
                    .arg("-p")
                    .arg(self.root.path())
                    .arg("-c")
                    .arg(&config);
                command.args(["-e", "stderr"]);
            }
            Proxy::Caddy => {
                command.args(["run", "--adapter", "caddyfile", "--config"]);
                command.arg(&config).env("HOME", self.root.path());
                command
                    .env_remove("XDG_CONFIG_HOME")
                    .env_remove("XDG_DATA_HOME");
            }
            Proxy::Apache => {
                command.args(["-D", "FOREGROUND", "-f"]).arg(&config);
            }
            Proxy::Haproxy => {
                command.args(["-db", "-f"]).arg(&config);
            }
        }
        let log = fs::File::create(self.root.path().join("log")).unwrap();
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(log).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        for port in [443, 80] {
            while TcpStream::connect((self.address, port)).is_err() {
                let log = || fs::read_to_string(self.root.path().join("log"));
                assert!(child.try_wait().unwrap().is_none(), "{:?}", log());
                assert!(Instant::now() < deadline, "{port}: {:?}", log());
                thread::sleep(Duration::from_millis(10));
            }
        }
        self.running = Some(child);
    }

    /// Ends the proxy, by the signal that lets nginx end its workers.
    pub(super) fn stop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let pid = child.id().to_string();
            drop(Command::new("kill").args(["-TERM", &pid]).status());
            drop(child.wait());
        }
    }

    /// The doctor for this deployment.
    pub(super) fn doctor(&self, flags: &[&str]) -> Command {
        let host = match self.hosts {
            Hosts::Several => LOGIN,
            Hosts::One => APP,
        };
        let settings = [
            format!("--public-url=https://{host}"),
            format!("--bind={}", self.server.address),
            format!("--operator-bind={}", self.ops),
            format!("--connect={}", self.address),
        ];
        let given = |setting: &&String| {
            let name = setting.split('=').next().unwrap();
            flags.iter().any(|flag| flag.starts_with(name))
        };
        let mut all: Vec<&str> = settings
            .iter()
            .filter(|setting| !given(setting))
            .map(String::as_str)
            .collect();
        all.extend(flags);
        let mut command = super::doctor(self.place.folder(), &all);
        command.env("SSL_CERT_FILE", self.root.path().join("ca.pem"));
        command
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.stop();
    }
}

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(file)
}

/// A loopback address whose usual ports are free.
fn free_address() -> Option<Ipv4Addr> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..20 {
        let number = std::process::id() * 31 + NEXT.fetch_add(1, Ordering::Relaxed);
        let [_, a, b, c] = number.to_be_bytes();
        let address = Ipv4Addr::new(127, a | 1, b, c.max(2));
        if [80, 443]
            .iter()
            .all(|port| TcpListener::bind((address, *port)).is_ok())
        {
            return Some(address);
        }
    }
    eprintln!("SKIPPED: only root may listen on ports 80 and 443");
    None
}

/// Makes an issuer of certificates in a folder.
fn authority(folder: &Path) {
    openssl(
        folder,
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "60",
            "-subj",
            "/CN=test",
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ],
    );
}

/// Makes a certificate for hosts, in a folder of that name.
pub(super) fn certify(root: &Path, name: &str, hosts: &[&str], days: i32) {
    let folder = root.join(name);
    fs::create_dir_all(&folder).unwrap();
    let names: Vec<String> = hosts.iter().map(|host| format!("DNS:{host}")).collect();
    let names = format!(
        "subjectAltName={}\nbasicConstraints=CA:FALSE\n",
        names.join(",")
    );
    fs::write(folder.join("extensions"), names).unwrap();
    openssl(
        &folder,
        &[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=test",
            "-keyout",
            "privkey.pem",
            "-out",
            "request.pem",
        ],
    );
    let days = days.to_string();
    openssl(
        &folder,
        &[
            "x509",
            "-req",
            "-in",
            "request.pem",
            "-CA",
            "../ca.pem",
            "-CAkey",
            "../ca.key",
            "-CAcreateserial",
            "-days",
            &days,
            "-extfile",
            "extensions",
            "-out",
            "fullchain.pem",
        ],
    );
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let made = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", told(&made));
}
