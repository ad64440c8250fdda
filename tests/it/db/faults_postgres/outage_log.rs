//! The log while the database is away.

use std::thread;

use crate::support::eventually;
use crate::support::harness::{Stand, Visitor};
use crate::support::program::Server;

use super::seconds;

#[test]
fn outage_is_logged_when_it_begins_and_when_it_ends() {
    let Some(stand) = Stand::create("") else {
        return;
    };
    let mut command = stand.program(&stand.url(), &[]);
    command.env("RUST_LOG", "info");
    let mut server = Server::spawn(command);
    let mut visitor = Visitor::of(&[&server]);
    assert_eq!(visitor.register("bob@x.org").status, 201);
    let id = visitor.log_in("bob@x.org").session_id();

    stand.cluster.stop("fast");
    let begin = "no connection to the database can be opened: ";
    let line = server.wait_for(begin);
    for part in [
        "ERROR",
        "connection to server on socket",
        "503",
        "do not restart",
    ] {
        assert!(line.contains(part), "{line}");
    }
    for _ in 0..3 {
        assert_eq!(visitor.profile(&id).status, 503);
        assert_eq!(visitor.log_in("bob@x.org").status, 503);
    }
    // The notes of the last uses, and what is removed in the background, wait as well.
    thread::sleep(seconds(2));
    stand.cluster.start();
    let line = server.wait_for("the database can be reached again, after ");
    assert!(line.contains("INFO"), "{line}");
    eventually("it serves again", || visitor.profile(&id).status == 200);

    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let log = server.whole_log();
    let errors: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(" ERROR "))
        .collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(!log.contains("r2d2"), "{log}");
}
