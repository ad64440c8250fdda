//! Registrations that wait for each other share one commit on SQLite.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use reqwest::blocking::Client;

use crate::support::Place;
use crate::support::program::Server;

const CLIENTS: usize = 16;

/// Transactions in SQLite's log: the frames that end one give the size of the file after it.
fn commits(log: &Path) -> usize {
    let log = fs::read(log).unwrap();
    let (header, frames) = log.split_at(32);
    let (salts, page) = (&header[16..24], &header[8..12]);
    let page = u32::from_be_bytes(page.try_into().unwrap());
    frames
        .chunks_exact(24 + usize::try_from(page).unwrap())
        .filter(|frame| &frame[8..16] == salts && frame[4..8] != [0; 4])
        .count()
}

#[test]
fn waiting_registrations_share_a_commit() {
    let place = Place::new();
    let server = Server::start(&place);
    let log = place.path("bienvenue.db-wal");
    let url = server.url("/users");
    let register = |email: &str| {
        let form = [("email", email), ("password", "bob_pwd")];
        let answer = Client::new().post(&url).form(&form).send().unwrap();
        assert_eq!(answer.status(), 201);
    };
    register("first@dylan.com");
    let before = commits(&log);
    let mut other = place.connect();
    other.execute("BEGIN IMMEDIATE");
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || register(&format!("user{client}@dylan.com")));
        }
        // Long enough for the hashes, and short of the two seconds that a request waits.
        thread::sleep(Duration::from_millis(900));
        other.execute("ROLLBACK");
    });
    let commits = commits(&log) - before;
    println!("{CLIENTS} registrations in {commits} commits");
    assert!(commits < CLIENTS, "{commits} commits");
    assert_eq!(
        place.texts("SELECT email AS value FROM users").len(),
        CLIENTS + 1
    );
}
