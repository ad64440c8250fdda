//! The commands in the guides: each one parses, and those of `docs/operate.md` are run.

use std::ffi::OsString;
use std::fs;

use bienvenue::cli::Invocation;

use crate::support::guide::{Machine, blocks, section_of};
use crate::support::program::{Server, told};
use crate::support::{Engine, Place};

const OPERATE: &str = include_str!("../../../docs/operate.md");

const GUIDES: [(&str, &str); 5] = [
    ("README.md", include_str!("../../../README.md")),
    ("deploy.md", include_str!("../../../docs/deploy.md")),
    ("migrate.md", include_str!("../../../docs/migrate.md")),
    ("operate.md", OPERATE),
    ("security.md", include_str!("../../../docs/security.md")),
];

/// The lines of code blocks that call the program, as words.
fn calls(guide: &str) -> Vec<Vec<&str>> {
    let blocks = guide.split("\n```").skip(1).step_by(2);
    let is_shell = |block: &&str| block.starts_with("sh\n") || block.starts_with("console\n");
    let lines = blocks.filter(is_shell).flat_map(str::lines).map(str::trim);
    let lines = lines.map(|line| line.trim_start_matches("$ "));
    let lines = lines.map(|line| line.split(" #").next().unwrap());
    let calls = lines.filter(|line| line.starts_with("bienvenue "));
    let words = calls.map(|line| line.split_whitespace());
    let words = words.map(|words| words.take_while(|word| !["<", "|", ">"].contains(word)));
    words.map(Iterator::collect).collect()
}

#[test]
fn commands_of_the_guides_parse() {
    let mut count = 0;
    for (name, guide) in GUIDES {
        for call in calls(guide) {
            count += 1;
            let words: Vec<OsString> = call.iter().map(OsString::from).collect();
            // A settings file that is not here, help, and what a reader or a shell replaces.
            let is_left_out = ["--config", "--version", "SOURCE"];
            if call
                .iter()
                .any(|word| is_left_out.contains(word) || word.contains("$("))
            {
                continue;
            }
            let parsed = Invocation::parse(&words);
            assert!(parsed.is_ok(), "{name}: {}: {parsed:?}", call.join(" "));
        }
    }
    assert!(count > 40, "{count}");
}

/// A machine with a service that uses its database.
fn served() -> (Machine, Server) {
    let machine = Machine::new();
    let database = machine.path("var/lib/bienvenue/bienvenue.db");
    let settings = format!(
        "DATABASE_URL=sqlite://{}\nBIENVENUE_BCRYPT_COST=4\n",
        database.display()
    );
    fs::write(machine.path("etc/bienvenue/bienvenue.env"), settings).unwrap();
    let server = Server::spawn(machine.service());
    (machine, server)
}

fn block(heading: &str) -> String {
    blocks(section_of(OPERATE, heading), "sh").concat()
}

#[test]
fn user_commands_of_the_guide_work() {
    let (machine, server) = served();
    machine.run("bienvenue user add bob@example.org");
    fs::write(machine.path("deploy/password.txt"), "a password of bob\n").unwrap();
    let commands = block("### Users");
    let (before, deletion) = commands.split_once("bienvenue user delete").unwrap();
    let printed = machine.run(before);
    assert!(printed.contains("bob@example.org"), "{printed}");
    assert_eq!(server.log_in("bob@example.org", "a password of bob"), 200);
    let printed = machine.run(&format!("bienvenue user delete{deletion}"));
    assert!(printed.starts_with("deleted bob@example.org"), "{printed}");
}

#[test]
fn administrators_and_audit_table_of_the_guide_work() {
    let (machine, _server) = served();
    machine.run("bienvenue user add ann@example.org\nbienvenue user add bob@example.org");
    machine.run(&block("### Administration in the browser"));
    let groups = machine.run("bienvenue user groups ann@example.org");
    assert_eq!(groups, "admins\n");
    // Its email to a user is a test of its own.
    let commands = block("## Audit table").replace(" notification.eml", "");
    let printed = machine.run(&commands);
    assert!(printed.contains("user_created\tuser 2"), "{printed}");
    assert!(printed.contains("chained without a gap"), "{printed}");
}

#[test]
fn backup_commands_of_the_guide_work() {
    let (machine, mut server) = served();
    machine.run("bienvenue user add ann@example.org");
    let commands = block("### Backups");
    let lines: Vec<&str> = commands.lines().collect();
    let folder = machine.path("var/backups/bienvenue");
    fs::create_dir_all(&folder).unwrap();
    let created = machine.run(lines[0]);
    assert!(created.contains("1 users"), "{created}");
    let backup = fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
    let backup = backup.file_name().into_string().unwrap();
    let now = |line: &str| line.replace("bienvenue-20261126T040000Z.db", &backup);
    assert!(machine.run(&now(lines[1])).starts_with("verified"));
    server.signal("TERM");
    server.wait();
    for ending in ["", "-wal", "-shm"] {
        let name = format!("var/lib/bienvenue/bienvenue.db{ending}");
        let _left = fs::remove_file(machine.path(&name));
    }
    assert!(machine.run(&now(lines[2])).starts_with("restored"));
    let list = machine.run("bienvenue user list");
    assert!(list.contains("ann@example.org"), "{list}");
}

/// A block of commands with a database of the tests.
fn on_postgres(heading: &str, place: &Place) -> String {
    let url = format!("'{}'", place.url_text());
    let commands = block(heading);
    let mut moved = commands.clone();
    for host in ["localhost", ""] {
        moved = moved.replace(&format!("postgres://bienvenue@{host}/bienvenue"), &url);
    }
    assert_ne!(moved, commands);
    moved
}

const USERS: &str = "SELECT email AS value FROM users ORDER BY email";

#[test]
fn move_of_the_guide_works_while_the_service_runs() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let (machine, mut server) = served();
    machine.tool("createdb", "exit 0");
    assert_eq!(server.register("ann@example.org", "a password"), 201);
    let printed = machine.run(&on_postgres("### While the service runs", &place));
    assert!(printed.starts_with("copied 1 users"), "{printed}");
    server.wait_for("was moved to");
    assert_eq!(server.register("bob@example.org", "a password"), 201);
    assert_eq!(place.texts(USERS), ["ann@example.org", "bob@example.org"]);
    for ending in ["", "-wal", "-shm", ".moved"] {
        let left = machine.path(&format!("var/lib/bienvenue/bienvenue.db{ending}"));
        assert!(!left.exists(), "{}", left.display());
    }
}

#[test]
fn move_of_the_guide_works_while_the_service_is_stopped() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let (machine, mut server) = served();
    assert_eq!(server.register("ann@example.org", "a password"), 201);
    server.signal("TERM");
    server.wait();
    let printed = machine.run(&on_postgres("### While it is stopped", &place));
    assert!(printed.starts_with("copied 1 users"), "{printed}");
    let settings = format!("DATABASE_URL={}\n", place.url_text());
    fs::write(machine.path("etc/bienvenue/bienvenue.env"), settings).unwrap();
    let server = Server::spawn(machine.service());
    assert_eq!(server.log_in("ann@example.org", "a password"), 200);
}

#[test]
fn postgres_commands_of_the_guide_serve() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let machine = Machine::new();
    let program = env!("CARGO_BIN_EXE_bienvenue");
    machine.tool("createdb", "exit 0");
    machine.tool(
        "cargo",
        &format!("[ \"$*\" = 'run --release' ] && exec timeout --preserve-status 2 {program} --bind 127.0.0.1:0"),
    );
    fs::write(machine.path("etc/bienvenue/bienvenue.env"), "").unwrap();
    let commands = on_postgres("## PostgreSQL", &place);
    // Those for a build with TLS and a server of that name are not run.
    let (commands, _) = commands.split_once("cargo build").unwrap();
    machine.run(commands);
    assert!(place.texts(USERS).is_empty());
}

#[test]
fn doctor_of_the_guide_examines_the_service() {
    let (machine, _server) = served();
    let examined = machine.output(&block("## Doctor"));
    assert_eq!(examined.status.code(), Some(1), "{}", told(&examined));
    let printed = String::from_utf8_lossy(&examined.stdout);
    for level in ["ok", "skipped", "WARNING"] {
        let is_level = |line: &str| line.split_whitespace().any(|word| word == level);
        assert!(printed.lines().any(is_level), "{level}: {printed}");
    }
}
