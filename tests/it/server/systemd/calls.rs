//! The unit's filter of system calls lets pass whatever the service does in its life.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use reqwest::blocking::Client;

use crate::support::manager::{Manager, listening, with_socket};
use crate::support::program::{Server, program};
use crate::support::{Place, has_tool};

/// The user id of `nobody`: as root, SQLite changes the owner of its files; the service cannot.
const NOBODY: u32 = 65534;

/// The sets of system calls that systemd knows, as it writes them down.
fn sets() -> HashMap<String, Vec<String>> {
    let output = Command::new("systemd-analyze")
        .args(["syscall-filter", "--no-pager"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let mut sets: HashMap<String, Vec<String>> = HashMap::new();
    let mut set = String::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let name = line.trim();
        if line.starts_with('@') {
            name.clone_into(&mut set);
        } else if !name.is_empty() && !name.starts_with('#') {
            sets.entry(set.clone()).or_default().push(name.to_owned());
        }
    }
    sets
}

fn expand(name: &str, sets: &HashMap<String, Vec<String>>, into: &mut BTreeSet<String>) {
    if name.starts_with('@') {
        for inner in &sets[name] {
            expand(inner, sets, into);
        }
    } else {
        into.insert(name.to_owned());
    }
}

/// The calls that the unit's lines allow, read from first to last as systemd does.
fn allowed() -> BTreeSet<String> {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/bienvenue.service");
    let unit = fs::read_to_string(unit).unwrap();
    let sets = sets();
    let mut allowed = BTreeSet::new();
    expand("@default", &sets, &mut allowed);
    for line in unit.lines() {
        let Some(names) = line.strip_prefix("SystemCallFilter=") else {
            continue;
        };
        let (names, away) = names
            .strip_prefix('~')
            .map_or((names, false), |n| (n, true));
        let mut calls = BTreeSet::new();
        for name in names.split(' ') {
            expand(name, &sets, &mut calls);
        }
        if away {
            allowed.retain(|call| !calls.contains(call));
        } else {
            allowed.extend(calls);
        }
    }
    assert!(allowed.len() > 100, "{allowed:?}");
    assert!(!allowed.contains("ptrace"));
    allowed
}

/// The names of the calls in what strace wrote.
fn made(trace: &str) -> BTreeSet<String> {
    let calls = trace.lines().filter_map(|line| {
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let (name, _) = call.split_once('(')?;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        (!name.is_empty() && name.chars().all(is_name)).then(|| name.to_owned())
    });
    calls.collect()
}

/// Runs a program traced, as the user `nobody` if we are root.
fn traced(program: &Command, place: &Place) -> Command {
    let copy = place.path("bienvenue");
    fs::copy(program.get_program(), &copy).unwrap();
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-s", "0", "-o", "trace"])
        // The process that systemd means is the one behind strace.
        .args(["sh", "-c", r#"LISTEN_PID=$$ exec "$0" "$@""#])
        .arg(&copy)
        .args(program.get_args())
        .current_dir(place.folder());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    strace
}

fn give_to_unprivileged_user(place: &Place) {
    let folder = place.folder();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// A start with all that systemd gives, every kind of request, and the end.
fn live(place: &Place) {
    let (listener, address) = listening();
    let mut manager = Manager::new(place.folder());
    let mut command = program(place.folder(), &["--bcrypt-cost", "4"]);
    manager.watch(&mut command, std::time::Duration::from_millis(600));
    let mut command = with_socket(&traced(&command, place), listener);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        give_to_unprivileged_user(place);
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut server = Server::spawn(command);
    assert_eq!(server.address, address);
    manager.hear_of("READY=1");
    let client = Client::builder().cookie_store(true).build().unwrap();
    let form = [("email", "bob@x.org"), ("password", "bob_pwd")];
    for (path, status) in [("/users", 201), ("/sessions", 200)] {
        let answer = client.post(server.url(path)).form(&form).send().unwrap();
        assert_eq!(answer.status(), status);
    }
    for path in ["/", "/readyz", "/healthz"] {
        assert_eq!(client.get(server.url(path)).send().unwrap().status(), 200);
    }
    manager.hear_of("WATCHDOG=1");
    // strace forwards no signals: the program itself gets the signal to stop.
    let children = format!("/proc/{0}/task/{0}/children", server.pid());
    let child = fs::read_to_string(children).unwrap();
    let killed = Command::new("kill").args(["-TERM", child.trim()]).status();
    assert!(killed.unwrap().success());
    manager.hear_of("STOPPING=1");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn system_call_filter_allows_the_calls_of_the_service() {
    if !has_tool("strace") || !has_tool("systemd-analyze") {
        return;
    }
    let place = Place::new();
    live(&place);
    let made = made(&fs::read_to_string(place.path("trace")).unwrap());
    for surely in ["accept4", "fsync", "execve", "setpriority", "sendto"] {
        assert!(made.contains(surely), "{surely}: {made:?}");
    }
    let allowed = allowed();
    let refused: Vec<_> = made.difference(&allowed).collect();
    println!(
        "{} system calls, all of them among the {} allowed",
        made.len(),
        allowed.len()
    );
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn a_trace_is_read_call_by_call() {
    let trace = "12 openat(AT_FDCWD, \"\"..., O_RDONLY) = 3\n\
                 12 <... read resumed>\"\"..., 4096) = 5\n\
                 13 --- SIGTERM {si_signo=SIGTERM} ---\n\
                 13 +++ exited with 0 +++\n\
                 14 write(2, \"\"..., 5 <unfinished ...>\n";
    assert_eq!(made(trace), ["openat", "write"].map(String::from).into());
}
