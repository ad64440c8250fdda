//! F17: killed in a migration.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::support::program::{Server, finish, program};
use crate::support::{Place, has_tool, sqlite, texts};

use super::*;

/// The tables of the first version.
const FIRST: [&str; 2] = ["__diesel_schema_migrations", "users"];

/// A database of the first version, with a user in it.
fn old_schema(place: &Place) -> PathBuf {
    let server = Server::start(place);
    let visitor = Visitor::of(&server);
    assert_eq!(visitor.register("bob@dylan.com").unwrap().status, 201);
    server.signal("TERM");
    drop(server);
    let file = place.path("bienvenue.db");
    let (tables, _) = schema(&file);
    let later = tables.iter().filter(|table| !FIRST.contains(&&***table));
    let drop: Vec<_> = later.map(|table| format!("DROP TABLE {table};")).collect();
    let drop = drop.concat();
    sqlite(
        &file,
        &format!(
            "PRAGMA journal_mode=DELETE; DROP TRIGGER users_email_of_sessions; {drop}
             DELETE FROM __diesel_schema_migrations WHERE version >
                 (SELECT min(version) FROM __diesel_schema_migrations);"
        ),
    );
    file
}

/// The tables, and the migrations that are said to be applied.
fn schema(file: &Path) -> (Vec<String>, usize) {
    let tables = texts(
        file,
        "SELECT name AS value FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
    );
    let applied = if tables.iter().any(|table| table.starts_with("__")) {
        texts(
            file,
            "SELECT version AS value FROM __diesel_schema_migrations",
        )
        .len()
    } else {
        0
    };
    (tables, applied)
}

/// Migrates and dies at a system call, at its first, at its second, and so on until it runs
/// through; every `step`th only. Tells how often it died.
fn die_at_each(call: &str, step: usize, old: Option<&Path>) -> usize {
    let before: &[&str] = match old {
        Some(_) => &FIRST,
        None => &[],
    };
    let undisturbed = Place::new();
    let migration = finish(program(undisturbed.folder(), &["db", "migrate"]));
    assert!(migration.status.success(), "{migration:?}");
    let whole = schema(&undisturbed.path("bienvenue.db"));
    for (deaths, number) in (1..1000).step_by(step).enumerate() {
        let place = Place::new();
        let file = place.path("bienvenue.db");
        if let Some(old) = old {
            fs::copy(old, &file).unwrap();
        }
        let inner = program(place.folder(), &["db", "migrate"]);
        let inject = format!("inject={call}:signal=KILL:when={number}");
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &inject])
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(place.folder())
            .env_remove("DATABASE_URL");
        let ended = finish(strace);
        let now = schema(&file);
        let (is_old, is_new) = (
            now.0 == before && now.1 == before.len().min(1),
            now == whole,
        );
        assert!(is_old || is_new, "{call} {number}: {now:?}");
        if ended.status.success() {
            assert!(is_new);
            return deaths;
        }
        assert_eq!(ended.status.signal(), Some(9), "{ended:?}");
        let rerun = finish(program(place.folder(), &["db", "migrate"]));
        assert!(rerun.status.success(), "{call} {number}: {rerun:?}");
        assert_eq!(schema(&file), whole);
        let kept = users(&file);
        assert_eq!(kept.contains("bob@dylan.com"), old.is_some());
        assert_eq!(half_states(&file), 0);
    }
    panic!("{call} never runs through")
}

fn die_in_migrations(step: usize) {
    if !has_tool("strace") {
        return;
    }
    let place = Place::new();
    let old = old_schema(&place);
    let start = Instant::now();
    for (name, old) in [("a new database", None), ("an old schema", Some(&*old))] {
        let points =
            ["pwrite64", "fsync,fdatasync", "unlink"].map(|call| die_at_each(call, step, old));
        println!(
            "F17: {name}: killed at {points:?} writes, syncs, removals: 0 half schemas, every \
             rerun completed, users kept ({:?})",
            start.elapsed()
        );
        assert!(points[0] > 0 && points[1] > 0);
    }
}

#[test]
#[ignore = "long"]
fn f17_migration_killed_at_any_write_is_atomic() {
    die_in_migrations(1);
}

#[test]
fn f17_migration_killed_at_some_writes_is_atomic() {
    die_in_migrations(50);
}
