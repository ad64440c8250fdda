//! F03: the file system is read-only.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::program::{Server, finish, program};
use crate::support::{Place, has_tool};

use super::*;

#[test]
fn f03_a_start_on_a_read_only_file_system_is_refused_at_once() {
    let place = Place::new();
    fs::create_dir(place.path("disk")).unwrap();
    let script = "mount --bind disk disk; mount -o remount,bind,ro disk";
    if !can_mount(&place, script) {
        return;
    }
    let made = finish(program(
        place.folder(),
        &["db", "migrate", "--database-url", ON_DISK[5]],
    ));
    assert!(made.status.success());
    for arguments in [&ON_DISK[..], &["db", "migrate", ON_DISK[4], ON_DISK[5]]] {
        let start = Instant::now();
        let ended = finish(unshared(&place, script, arguments));
        let took = start.elapsed();
        let text = String::from_utf8(ended.stderr).unwrap();
        let last = text.lines().last().unwrap_or_default();
        println!("F03: refused after {took:?}: {last}");
        assert_eq!(ended.status.code(), Some(78), "{text}");
        assert!(
            last.contains("bienvenue.db") && last.contains("writ"),
            "{text}"
        );
        assert!(took < Duration::from_secs(1));
    }
}

#[test]
fn f03_a_file_system_that_becomes_read_only_stops_writes_alone() {
    let place = Place::new();
    fs::create_dir(place.path("disk")).unwrap();
    let script = "truncate -s 16M image; mkfs.ext4 -q -F image; \
                  mount -o loop,errors=remount-ro image disk; \
                  test -w /sys/fs/ext4/$(basename $(findmnt -no SOURCE disk))/trigger_fs_error";
    if !can_mount(&place, script) {
        return;
    }
    let mut server = Server::spawn(unshared(&place, script, &ON_DISK));
    let visitor = Visitor::of(&server);
    assert_eq!(visitor.register("bob@dylan.com").unwrap().status, 201);
    let session = visitor.log_in("bob@dylan.com");
    assert_eq!(visitor.readiness(), 200);

    let mounts = fs::read_to_string(format!("/proc/{}/mounts", server.pid())).unwrap();
    let disk = place.path("disk").display().to_string();
    let mount = mounts.lines().find(|line| line.contains(&disk)).unwrap();
    let device = mount.split(' ').next().unwrap().rsplit('/').next().unwrap();
    fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "1").unwrap();
    let unready = visitor.readiness();

    let (mut refused, mut reads) = (0, 0);
    for number in 0..20 {
        let answer = visitor
            .register(&format!("late{number}@dylan.com"))
            .unwrap();
        assert!(is_unavailable(&answer), "{} {}", answer.status, answer.body);
        refused += 1;
        assert_eq!(visitor.profile(&session).status, 200);
        reads += 1;
    }
    let told = server.logged("storage_read_only:");
    println!(
        "F03: turned read-only: {refused} of 20 writes answered 503, {reads} of 20 reads good, \
         /readyz {unready} before the first of them, told {told} times"
    );
    assert_eq!((unready, visitor.readiness(), told), (503, 503, 1));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

/// Files that no user may write, not even root, until it is dropped.
struct Immutable(Vec<PathBuf>);

impl Immutable {
    fn make(files: Vec<PathBuf>) -> Option<Self> {
        let immutable = Self(files);
        immutable.chattr("+i").then_some(immutable)
    }

    fn chattr(&self, change: &str) -> bool {
        let done = Command::new("chattr").arg(change).args(&self.0).output();
        let done = done.unwrap();
        if !done.status.success() {
            let reason = String::from_utf8_lossy(&done.stderr).into_owned();
            eprintln!("SKIPPED: chattr {change} is refused ({})", reason.trim());
        }
        done.status.success()
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        self.chattr("-i");
    }
}

#[test]
fn f03_writes_resume_after_read_only_without_a_restart() {
    if !has_tool("chattr") {
        return;
    }
    let place = Place::on_disk();
    let mut server = Server::start(&place);
    let visitor = Visitor::of(&server);
    assert_eq!(visitor.register("bob@dylan.com").unwrap().status, 201);
    let session = visitor.log_in("bob@dylan.com");
    let files = ["bienvenue.db", "bienvenue.db-wal"].map(|name| place.path(name));
    let Some(immutable) = Immutable::make(files.to_vec()) else {
        return;
    };
    for _ in 0..5 {
        let answer = visitor.register("eve@dylan.com").unwrap();
        assert!(is_unavailable(&answer), "{} {}", answer.status, answer.body);
        assert_eq!(visitor.profile(&session).status, 200);
    }
    assert_eq!(visitor.readiness(), 503);
    drop(immutable);
    let mended = Instant::now();
    while visitor.register("eve@dylan.com").unwrap().status != 201 {
        assert!(mended.elapsed() < Duration::from_secs(1), "it is not over");
    }
    println!("F03: writable again: written after {:?}", mended.elapsed());
    assert_eq!(visitor.readiness(), 200);
    server.wait_for("storage_read_only is over");
}
