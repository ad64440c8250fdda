//! Proxies in front of several hosts, over plain http, with what `bienvenue app` prints.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::support::has_tool;

/// Which proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proxy {
    Nginx,
    Caddy,
    Apache,
    Haproxy,
}

/// The modules of Apache that Debian enables, and those that `app.conf` names.
const MODULES: [&str; 9] = [
    "mpm_event",
    "authz_core",
    "alias",
    "setenvif",
    "lua",
    "headers",
    "proxy",
    "proxy_http",
    "reqtimeout",
];

impl Proxy {
    /// Its program.
    fn tool(self) -> &'static str {
        match self {
            Self::Apache => "apache2",
            Self::Nginx | Self::Caddy | Self::Haproxy => self.name(),
        }
    }

    /// Whether it is on this machine, with what its files need.
    pub(super) fn is_there(self) -> bool {
        let library = Path::new("/usr/share/lua/5.3/socket.lua");
        if self == Self::Apache && !library.exists() {
            assert!(
                std::env::var_os("TEST_REQUIRE_TOOLS").is_none(),
                "no lua-socket"
            );
            eprintln!("SKIPPED: lua-socket is not installed");
            return false;
        }
        has_tool(self.tool())
    }

    /// Its name at the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Apache => "apache",
            Self::Haproxy => "haproxy",
        }
    }

    /// The site of the login page, which is the service alone.
    pub(super) fn own_site(self, authority: &str, service: &str) -> String {
        let host = authority.split(':').next().unwrap();
        match self {
            Self::Nginx => format!(
                "server {{ listen 80; server_name {host}; location / {{ \
                 proxy_pass http://{service}; proxy_set_header Host $http_host; \
                 proxy_set_header X-Forwarded-For $remote_addr; }} }}\n"
            ),
            Self::Caddy => format!("http://{authority} {{\n\treverse_proxy {service}\n}}\n"),
            Self::Apache => format!(
                "<VirtualHost *:443>\nServerName {host}\nProxyPreserveHost On\n\
                 ProxyAddHeaders Off\nRequestHeader set X-Forwarded-For expr=%{{REMOTE_ADDR}}\n\
                 ProxyPass / http://{service}/\n</VirtualHost>\n"
            ),
            Self::Haproxy => format!(
                "backend login\nmode http\nhttp-request set-header X-Forwarded-For %[src]\n\
                 server service {service}\n"
            ),
        }
    }

    /// The command that runs it on an address, with the site of the login page and those of
    /// applications.
    pub(super) fn command(
        self,
        root: &Path,
        address: SocketAddr,
        own: &str,
        apps: &[String],
    ) -> Command {
        let config = root.join("config");
        let path = root.display();
        let sites = apps.concat() + own;
        let mut command = Command::new(self.tool());
        let text = match self {
            Self::Nginx => {
                command
                    .arg("-p")
                    .arg(root)
                    .arg("-c")
                    .arg(&config)
                    .args(["-e", "stderr"]);
                let sites = sites.replace("listen 80;", &format!("listen {address};"));
                format!(
                    "daemon off; worker_processes 1; pid {path}/pid; error_log stderr;\n\
                     events {{}}\nhttp {{\naccess_log off;\n\
                     client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;\n\
                     fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi;\n\
                     scgi_temp_path {path}/scgi;\n{sites}}}\n"
                )
            }
            Self::Caddy => {
                command
                    .args(["run", "--adapter", "caddyfile", "--config"])
                    .arg(&config);
                command.env("HOME", root);
                format!("{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}}\n{sites}")
            }
            Self::Apache => {
                command.args(["-D", "FOREGROUND", "-f"]).arg(&config);
                apache(&path.to_string(), address, &sites)
            }
            Self::Haproxy => {
                command.args(["-db", "-f"]).arg(&config);
                haproxy(address, own, apps)
            }
        };
        fs::write(&config, text).unwrap();
        command
    }
}

fn deploy(file: &str) -> String {
    format!("{}/deploy/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// Apache with the modules that `app.conf` names, without TLS.
fn apache(root: &str, address: SocketAddr, sites: &str) -> String {
    let modules = MODULES
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"));
    let sites = sites
        .replace("<VirtualHost *:443>", &format!("<VirtualHost {address}>"))
        .replace(
            "/etc/apache2/bienvenue.lua",
            &deploy("apache/bienvenue.lua"),
        );
    let sites: Vec<&str> = sites
        .lines()
        .filter(|line| !line.trim_start().starts_with("SSL"))
        .collect();
    format!(
        "ServerRoot {root}\nServerName localhost\nPidFile {root}/pid\nErrorLog {root}/errors\n\
         Listen {address}\n{}{}\n",
        modules.concat(),
        sites.join("\n")
    )
}

/// HAProxy with the lines that the comment of each application's file adds.
fn haproxy(address: SocketAddr, own: &str, apps: &[String]) -> String {
    let added = |section: &str| {
        let lines = apps.iter().flat_map(|app| app.lines());
        let mut lines: Vec<String> = lines
            .filter_map(|line| line.strip_prefix(&format!("#   {section}:")))
            .map(|line| line.trim().to_owned())
            .collect();
        assert_eq!(lines.len(), apps.len(), "{section}");
        lines.dedup();
        lines.join("\n").replace(
            "/etc/haproxy/bienvenue.lua",
            &deploy("haproxy/bienvenue.lua"),
        )
    };
    format!(
        "global\n{}\ndefaults\nmode http\ntimeout connect 5s\ntimeout client 30s\n\
         timeout server 30s\nfrontend web\nbind {address}\n{}\ndefault_backend login\n{own}{}",
        added("global"),
        added("frontend"),
        apps.concat()
    )
}
