//! A reader that keeps the write-ahead log from being checkpointed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use bienvenue::db::DbSettings;

use crate::support::{Place, has_tool};

#[test]
fn checkpoint_names_the_process_that_blocks_it() {
    if !has_tool("sqlite3") {
        return;
    }
    let place = Place::new();
    let db = place.open(DbSettings::default());
    let mut reader = Command::new("sqlite3")
        .arg(place.path("bienvenue.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = reader.stdin.take().unwrap();
    let mut output = BufReader::new(reader.stdout.take().unwrap());
    writeln!(input, "BEGIN; SELECT count(*) FROM users;").unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)
        INSERT INTO throttle (key, fails, next_at, purge_at) SELECT 'address/' || i || hex(randomblob(40)), 1, 1, 1 FROM n";
    place.sql(rows);

    let blocked = db.checkpoint().unwrap().unwrap();
    assert!(blocked.blocked_pages > 100, "{blocked:?}");
    let process = format!("{} (sqlite3)", reader.id());
    assert_eq!(blocked.readers, [process]);
    let large = db.stats().unwrap().wal_bytes;
    assert!(large > 1_000_000, "{large}");

    drop(input);
    reader.wait().unwrap();
    let free = db.checkpoint().unwrap().unwrap();
    assert_eq!((free.blocked_pages, free.readers.len()), (0, 0));
    assert_eq!(db.stats().unwrap().wal_bytes, 0);
    assert_eq!(
        fs::metadata(place.path("bienvenue.db-wal")).unwrap().len(),
        0
    );
}
