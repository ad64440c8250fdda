//! Mails as files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use bienvenue::mail::{Folder, Mailer, SendError};

use super::{TOKEN, email, reset};
use crate::support::program::{finish, program, run, told};
use crate::support::{Place, has_tool};

fn folder(path: std::path::PathBuf) -> Mailer {
    Mailer::Folder(Folder::new(path, email("bienvenue@example.org")))
}

fn mails(path: &std::path::Path) -> Vec<String> {
    fs::read_dir(path)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "eml"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn only_its_owner_reads_the_folder_and_the_mails_in_it() {
    let place = Place::new();
    let path = place.path("mail");
    folder(path.clone()).send(&reset("bob@x.fr")).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.clone()), 0o700);
    let files: Vec<_> = fs::read_dir(&path).unwrap().collect();
    assert_eq!(files.len(), 1);
    assert_eq!(mode(files[0].as_ref().unwrap().path()), 0o600);
}

#[test]
fn readers_of_the_folder_see_whole_mails_only() {
    let place = Place::new();
    let path = place.path("mail");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mailer = folder(path.clone());
            for _ in 0..100 {
                mailer.send(&reset("bob@x.fr")).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        while !done.load(Ordering::SeqCst) {
            for mail in mails(&path) {
                assert!(mail.trim_end().ends_with("--"), "{mail}");
            }
        }
    });
    assert_eq!(mails(&path).len(), 100);
}

#[test]
fn unusable_mail_folder_is_retried_later() {
    let place = Place::new();
    fs::write(place.path("mail"), "a file").unwrap();
    let result = folder(place.path("mail")).send(&reset("bob@x.fr"));
    assert!(matches!(result, Err(SendError::Away(_))), "{result:?}");
}

/// The system calls of `bienvenue mail test` that touch the mail.
const TRACED: &str = "trace=openat,write,fsync,fdatasync,rename,renameat,renameat2";

#[test]
fn mail_file_is_synced_before_it_has_its_name() {
    if !has_tool("strace") {
        return;
    }
    let place = Place::new();
    let trace = place.path("trace");
    let program = program(place.folder(), &["mail", "test", "bob@x.fr"]);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-e", TRACED, "-o"]);
    command.arg(&trace).arg(program.get_program());
    command.args(program.get_args()).current_dir(place.folder());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = finish(command);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let trace = fs::read_to_string(trace).unwrap();
    let at = |what: &str, words: [&str; 2]| {
        let mut lines = trace.lines();
        let found = lines.position(|line| words.iter().all(|word| line.contains(word)));
        found.unwrap_or_else(|| panic!("no {what}: {trace}"))
    };
    let steps = [
        at("write", ["write(", ".tmp>"]),
        at("sync of the file", ["sync(", ".tmp>"]),
        at("rename", ["rename", ".eml"]),
        at("sync of the folder", ["fsync(", "/mail>"]),
    ];
    assert!(steps.is_sorted(), "{steps:?}: {trace}");
}

#[test]
fn test_mail_names_the_file_that_was_written() {
    let place = Place::new();
    let output = run(place.folder(), &["mail", "test", "bob@x.fr"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let done = String::from_utf8(output.stdout).unwrap();
    let file = done.strip_prefix("written to ").unwrap().trim_end();
    assert!(file.starts_with("mail/"), "{done}");
    let written = fs::read_to_string(place.path(file)).unwrap();
    let mails = mails(&place.path("mail"));
    assert_eq!(mails, [written]);
    assert!(mails[0].contains("To: bob@x.fr\r\n"), "{}", mails[0]);
    assert!(!mails[0].contains(TOKEN));
}
