//! F02: the disk is full.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::Place;
use crate::support::program::{Server, finish};

use super::*;

#[test]
fn f02_full_disk_stops_writes_until_there_is_space() {
    let place = Place::new();
    let disk = place.path("disk");
    fs::create_dir(&disk).unwrap();
    let script = "mount -t tmpfs -o size=4m tmpfs disk";
    if !can_mount(&place, script) {
        return;
    }
    let mut server = Server::spawn(unshared(&place, script, &ON_DISK));
    let visitor = Visitor::of(&server);
    let mut acknowledged = BTreeSet::new();
    for number in 0..5 {
        let email = format!("early{number}@dylan.com");
        assert_eq!(visitor.register(&email).unwrap().status, 201);
        acknowledged.insert(email);
    }
    let session = visitor.log_in("early0@dylan.com");
    let ballast = seen_by(&server, &disk.join("ballast"));
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);

    let (mut refused, mut reads) = (0, 0);
    for number in 0.. {
        let email = format!("late{number}@dylan.com");
        let answer = visitor.register(&email).unwrap();
        if answer.status == 201 {
            acknowledged.insert(email);
        } else {
            assert!(is_unavailable(&answer), "{} {}", answer.status, answer.body);
            refused += 1;
        }
        assert_eq!(visitor.profile(&session).status, 200);
        reads += 1;
        assert!(number < 2000, "the disk never was full");
        if refused == 50 {
            break;
        }
    }
    let told = server.logged("storage_full:");

    fs::remove_file(&ballast).unwrap();
    let freed = Instant::now();
    while visitor.register("again@dylan.com").unwrap().status != 201 {
        assert!(freed.elapsed() < Duration::from_secs(1), "it is not over");
    }
    let recovery = freed.elapsed();
    acknowledged.insert("again@dylan.com".to_owned());
    server.wait_for("storage_full is over");

    let copy = place.path("copy.db");
    copied(&server, &disk.join("bienvenue.db"), &copy);
    let there = users(&copy);
    let lost = acknowledged.difference(&there).count();
    let unasked = there.difference(&acknowledged).count();
    let halves = half_states(&copy);
    println!(
        "F02: {lost} of {} acknowledged writes lost, {halves} half states, {unasked} of {refused} \
         refused writes done all the same, {reads} of {reads} reads good, told {told} times, \
         written again after {recovery:?}",
        acknowledged.len()
    );
    assert_eq!((lost, halves, unasked, told), (0, 0, 0, 1));
}

#[test]
fn f02_start_on_a_full_disk_fails_with_the_cause() {
    let place = Place::new();
    fs::create_dir(place.path("disk")).unwrap();
    let script = "mount -t tmpfs -o size=4m tmpfs disk";
    if !can_mount(&place, script) {
        return;
    }
    // Stopped in order, it leaves all in one file.
    let mut server = Server::start(&place);
    server.signal("TERM");
    assert!(server.wait().success());
    let fill = format!(
        "{script}; cp bienvenue.db disk/; touch disk/bienvenue.db.lock; \
         cat /dev/zero >disk/ballast 2>&- || true"
    );
    let start = Instant::now();
    let ended = finish(unshared(&place, &fill, &ON_DISK));
    let text = String::from_utf8(ended.stderr).unwrap();
    let last = text.lines().last().unwrap_or_default();
    println!("F02: start refused after {:?}: {last}", start.elapsed());
    assert_eq!(ended.status.code(), Some(1), "{text}");
    assert!(last.contains("free space"), "{text}");
}
