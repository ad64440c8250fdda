//! `docs/deploy.md`, "Restore": a restored backup revives no session, token or mail.

use std::fs;
use std::thread;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::Client;
use rstest::rstest;

use crate::support::guide::{Machine, blocks, section};
use crate::support::postgres::Cluster;
use crate::support::program::Server;
use crate::support::requests::read;
use crate::support::{Engine, eventually, has_tool};

const BOB: &str = "bob@x.fr";
const FORMER: &str = "robert@x.fr";
const PASSWORD: &str = "correct horse battery";

/// The number of known clients, and the columns that mirror sessions and tokens.
const LEFT: &str = "SELECT (SELECT count(*) FROM known_clients) + (SELECT count(*) FROM users \
    WHERE session_id IS NOT NULL OR reset_token IS NOT NULL)";

/// The guide's machine, up to the database of that engine.
struct Host {
    machine: Machine,
    engine: Engine,
    /// The backup and the restore, as the guide has them.
    backup: String,
    restore: String,
    _cluster: Option<Cluster>,
}

impl Host {
    fn of(engine: Engine) -> Option<Self> {
        if !engine.is_chosen() {
            return None;
        }
        let mut machine = Machine::new();
        machine.run(&blocks(section("## 2. The units"), "sh")[0]);
        // The name of the backup in the guide.
        machine.tool("date", "echo 2026-11-23-0400");
        let mut cluster = None;
        let mut backups = blocks(section("## Backups"), "sh");
        let mut restores = blocks(section("### Restore"), "sh");
        let number = usize::from(engine == Engine::Postgres);
        if engine == Engine::Postgres {
            let server = cluster.insert(Cluster::create("")?);
            fs::create_dir(machine.path("run")).unwrap();
            std::os::unix::fs::symlink(server.host(), machine.path("run/postgresql")).unwrap();
            machine.set("PGHOST", server.host());
            machine.set("PGUSER", "postgres");
            machine.run(&blocks(section("## PostgreSQL instead of SQLite"), "sh")[0]);
        } else if !has_tool("sqlite3") {
            return None;
        }
        let backup = backups.swap_remove(number);
        let statements = restores.remove(0);
        let restore = statements + &restores.swap_remove(number);
        Some(Self {
            machine,
            engine,
            backup,
            restore,
            _cluster: cluster,
        })
    }

    fn serve(&self) -> Server {
        let mut command = self.machine.service();
        command.args([
            "--bcrypt-cost=10",
            "--email-verification=optional",
            "--throttle=on",
        ]);
        Server::spawn(command)
    }

    /// The mails to an address.
    fn mails(&self, to: &str) -> Vec<String> {
        let folder = self.machine.path("var/lib/bienvenue/mail");
        let files = fs::read_dir(folder).into_iter().flatten();
        let paths = files.map(|file| file.unwrap().path());
        let mails = paths.filter(|path| path.extension().is_some_and(|e| e == "eml"));
        let texts = mails.map(|path| fs::read_to_string(path).unwrap());
        texts
            .filter(|text| text.contains(&format!("\nTo: {to}\r\n")))
            .collect()
    }

    /// The token of the only mail to an address that has the text in it.
    fn token(&self, to: &str, text: &str) -> String {
        let found = || {
            let mut mails = self.mails(to).into_iter();
            mails.find(|mail| mail.contains(text) && mail.contains("\ntoken: "))
        };
        eventually(to, || found().is_some());
        let mail = found().unwrap();
        let line = mail.lines().find_map(|line| line.strip_prefix("token: "));
        line.unwrap().trim().to_owned()
    }

    /// The number that a statement reads.
    fn number(&self, sql: &str) -> usize {
        let command = match self.engine {
            Engine::Sqlite => format!("sqlite3 /var/lib/bienvenue/bienvenue.db '{sql}'"),
            Engine::Postgres => format!("psql -At --dbname bienvenue --command '{sql}'"),
        };
        self.machine.run(&command).trim().parse().unwrap()
    }

    fn waiting_mails(&self) -> usize {
        let queue = self.machine.run("bienvenue mail queue");
        queue.lines().count() - 1
    }
}

fn verify(server: &Server, token: &str) -> u16 {
    let verified = server.form(Method::PUT, "/verify_email", &[("token", token)]);
    verified.status().as_u16()
}

#[rstest]
fn restored_backup_revives_no_session_token_or_mail(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(host) = Host::of(engine) else { return };
    let server = host.serve();
    let client = Client::new();
    assert_eq!(server.register(FORMER, PASSWORD), 201);
    assert_eq!(verify(&server, &host.token(FORMER, "")), 200);
    let change_email = |cookie: &str, email| {
        let request = client.put(server.url("/profile/email"));
        let fields = [("email", email), ("current_password", PASSWORD)];
        let request = request.header("Cookie", cookie).form(&fields);
        request.send().unwrap().status().as_u16()
    };
    assert_eq!(change_email(&server.session(FORMER, PASSWORD), BOB), 200);
    assert_eq!(verify(&server, &host.token(BOB, "")), 200);
    // A backup brings back: a token that undoes the change, one that makes another
    // change, one that sets a password, a session, a known device, and a mail that waits.
    let undo = host.token(FORMER, "was changed");
    let cookie = server.session(BOB, PASSWORD);
    assert_eq!(change_email(&cookie, "third@x.fr"), 200);
    let change = host.token("third@x.fr", "");
    let link = host
        .machine
        .run(&format!("bienvenue user reset-link {BOB}"));
    let words = link.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    let mut tokens = words.filter(|word| uuid::Uuid::parse_str(word).is_ok());
    let reset = tokens.next().unwrap().to_owned();
    assert_eq!(server.profile(&cookie), 200);
    let mail = host.machine.path("var/lib/bienvenue/mail");
    let aside = host.machine.path("var/lib/bienvenue/aside");
    fs::rename(&mail, &aside).unwrap();
    fs::write(&mail, "a file where the folder should be").unwrap();
    assert_eq!(server.post("/reset_password", "bob@x.fr", "").status(), 200);
    eventually("a mail that waits", || host.waiting_mails() == 1);
    assert!(host.number(LEFT) >= 2);
    host.machine.run(&host.backup);
    drop(server);

    fs::remove_file(&mail).unwrap();
    fs::rename(&aside, &mail).unwrap();
    let mails_before = host.mails(BOB).len();
    host.machine.run(&host.restore);
    assert_eq!(host.number(LEFT), 0, "known devices, and mirrors of tokens");
    let server = host.serve();
    assert_eq!(server.profile(&cookie), 403, "the session");
    let fields = [
        ("email", BOB),
        ("reset_token", reset.as_str()),
        ("new_password", "a new battery of horses"),
    ];
    let used = read(server.form(Method::PUT, "/reset_password", &fields));
    assert_eq!(used.0, 403, "the reset token: {}", used.1);
    assert_eq!(verify(&server, &change), 403, "the token of a change");
    assert_eq!(
        verify(&server, &undo),
        403,
        "the token that undoes a change"
    );
    assert_eq!(host.waiting_mails(), 0, "the mail that waited");
    assert_eq!(server.log_in(BOB, PASSWORD), 200);
    // A mail waits 2 seconds at most.
    assert_eq!(server.register("ann@x.fr", PASSWORD), 201);
    host.token("ann@x.fr", "");
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(host.mails(BOB).len(), mails_before, "a mail was sent again");
}
