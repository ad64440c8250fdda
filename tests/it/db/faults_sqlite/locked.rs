//! F04: another process holds the lock.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::Place;
use crate::support::program::Server;

use super::*;

/// Twenty registrations while another process holds the write lock, and reads beside them.
fn locked_for(held: Duration, waits: bool) {
    const CLIENTS: usize = 20;
    let place = Place::new();
    let server = Server::start(&place);
    let visitor = Visitor::of(&server);
    assert_eq!(visitor.register("bob@dylan.com").unwrap().status, 201);
    let session = visitor.log_in("bob@dylan.com");
    let mut idle: Vec<_> = (0..200).map(|_| visitor.profile(&session).took).collect();
    let mut other = place.connect();
    other.execute("BEGIN IMMEDIATE");
    let locked = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let visitor = visitor.clone();
            thread::spawn(move || {
                let email = format!("user{number}@dylan.com");
                (visitor.register(&email).unwrap(), email)
            })
        })
        .collect();
    let mut reads = Vec::new();
    let mut unready = None;
    while locked.elapsed() < held {
        let read = visitor.profile(&session);
        assert_eq!(read.status, 200);
        reads.push(read.took);
        if !waits && unready.is_none() {
            let visitor = visitor.clone();
            unready = Some(thread::spawn(move || visitor.get("/readyz", "")));
        }
        thread::sleep(Duration::from_millis(2));
    }
    other.execute("ROLLBACK");
    let answers: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    // Requests that were begun have ended by then.
    thread::sleep(Duration::from_millis(200));
    let there = users(&place.path("bienvenue.db"));
    let made = answers.iter().filter(|(a, _)| a.status == 201).count();
    let wrong = |wanted: u16, present: bool| {
        let such = answers.iter().filter(|(a, _)| a.status == wanted);
        such.filter(|(_, email)| there.contains(email) != present)
            .count()
    };
    let (lost, undead) = (wrong(201, true), wrong(503, false));
    let mut times: Vec<_> = answers.iter().map(|(answer, _)| answer.took).collect();
    let (slowest, idle, read) = (
        percentile_99(&mut times),
        percentile_99(&mut idle),
        percentile_99(&mut reads),
    );
    println!(
        "F04: locked for {held:?}: {made} of {CLIENTS} registrations made, p99 {slowest:?}; {} \
         reads, p99 {read:?} (idle {idle:?}); {lost} acknowledged writes lost, {undead} done \
         after a 503",
        reads.len()
    );
    assert_eq!((lost, undead), (0, 0));
    assert!(read < Duration::from_millis(500), "a read was blocked");
    if waits {
        assert_eq!(made, CLIENTS);
    } else {
        assert!(answers.iter().all(|(answer, _)| is_unavailable(answer)));
        assert!(slowest <= Duration::from_millis(2500), "{slowest:?}");
        let unready = unready.unwrap().join().unwrap();
        assert!(is_unavailable(&unready) && unready.took <= Duration::from_millis(2500));
    }
    assert_eq!(visitor.register("after@dylan.com").unwrap().status, 201);
}

#[test]
fn f04_a_lock_of_another_process_is_waited_for() {
    locked_for(Duration::from_secs(1), true);
}

#[test]
fn f04_a_lock_that_is_held_for_long_is_answered_503_in_time() {
    locked_for(Duration::from_secs(4), false);
}

#[test]
fn f04_request_answered_503_is_not_executed_later() {
    locked_for(Duration::from_secs(3), false);
}

#[test]
#[ignore = "long"]
fn f04_lock_held_for_half_a_minute_is_answered_503() {
    locked_for(Duration::from_secs(30), false);
}
