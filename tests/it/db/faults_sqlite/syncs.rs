//! F24: the disk does not take what is written.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::program::Server;
use crate::support::{Place, eventually, has_tool};

use super::*;

/// strace on a running program, which makes some of its system calls fail.
struct Sabotage(Child);

impl Sabotage {
    fn start(server: &Server, arguments: &[&str]) -> Self {
        let pid = server.pid();
        let child = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-p", &pid])
            .args(arguments)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let status = format!("/proc/{pid}/status");
        eventually("strace holds the program", || {
            let status = fs::read_to_string(&status).unwrap_or_default();
            !status.contains("TracerPid:\t0\n")
        });
        Self(child)
    }
}

impl Drop for Sabotage {
    /// Asked to go, it lets the program run on.
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        drop(Command::new("kill").args(["-TERM", &pid]).status());
        drop(self.0.wait());
    }
}

/// Registrations by clients enough for groups that share a commit, while syncs begin to fail.
fn syncs_fail(when: &str) {
    if !has_tool("strace") {
        return;
    }
    let place = Place::on_disk();
    let mut server = Server::start(&place);
    let visitor = Visitor::of(&server);
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let refused = Arc::new(Mutex::new(Vec::new()));
    let unanswered = Arc::new(AtomicUsize::new(0));
    let other = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..16)
        .map(|client| {
            let visitor = visitor.clone();
            let (acknowledged, refused) = (Arc::clone(&acknowledged), Arc::clone(&refused));
            let (unanswered, other) = (Arc::clone(&unanswered), Arc::clone(&other));
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                for number in 0.. {
                    let email = format!("user{client}-{number}@dylan.com");
                    match visitor.register(&email) {
                        Some(answer) if answer.status == 201 => {
                            acknowledged.lock().unwrap().push((email, Instant::now()));
                        }
                        Some(answer) if is_unavailable(&answer) => {
                            refused.lock().unwrap().push(Instant::now());
                        }
                        Some(_) => drop(other.fetch_add(1, Ordering::Relaxed)),
                        None => {
                            unanswered.fetch_add(1, Ordering::Relaxed);
                            thread::sleep(Duration::from_millis(5));
                        }
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(300));
    let inject = format!("inject=fdatasync,fsync:error=EIO:when={when}");
    let sabotage = Sabotage::start(&server, &["-e", &inject]);
    let status = server.wait();
    let ended = Instant::now();
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
    drop(sabotage);
    let why = server.wait_for("could not be written through");

    let restarted = Server::start(&place);
    let file = place.path("bienvenue.db");
    let there = users(&file);
    let acknowledged = acknowledged.lock().unwrap();
    let lost = acknowledged
        .iter()
        .filter(|(email, _)| !there.contains(email))
        .count();
    Visitor::of(&restarted).log_in(&acknowledged.last().unwrap().0);
    let refused = refused.lock().unwrap();
    let first = *refused.iter().min().unwrap();
    // Its answer may have been on its way when the next one failed.
    let grace = first + Duration::from_millis(100);
    let late = acknowledged.iter().filter(|(_, at)| *at > grace).count();
    let halves = half_states(&file);
    println!(
        "F24: syncs fail (when={when}): {lost} of {} acknowledged writes lost, {halves} half \
         states, {} answered 503, {} not answered, {late} acknowledged after the first 503, {} \
         committed and not acknowledged; ended {:?} after it with {status}; {why}",
        acknowledged.len(),
        refused.len(),
        unanswered.load(Ordering::Relaxed),
        there.len() - acknowledged.len(),
        ended - first,
    );
    assert_eq!(
        (lost, halves, late, other.load(Ordering::Relaxed)),
        (0, 0, 0, 0)
    );
    assert_eq!(status.code(), Some(1));
    assert!(ended - first < Duration::from_secs(5));
}

#[test]
fn f24_syncs_that_fail_end_the_program_and_lose_nothing() {
    syncs_fail("1+");
}

#[test]
fn f24_a_sync_that_failed_once_is_not_tried_again() {
    syncs_fail("1");
}
