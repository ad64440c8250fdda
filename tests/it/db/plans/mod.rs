//! The plan of each statement that the service sends: it must not depend on statistics, and
//! must read no table that grows from end to end.
//!
//! A test of the statements of one day in the life of the service runs always. With
//! `TEST_RECORD_STATEMENTS=FILE` the whole suite writes its statements to a file, and with
//! `TEST_CHECK_STATEMENTS=FILE` `recorded_statements_have_good_plans` checks those: `.ci/run`
//! does both.

mod admin;
mod apps;
mod postgres;
mod scenario;
mod sqlite;

use std::collections::BTreeSet;

use crate::support::{Engine, Place};

/// Statements that read a whole table, and why they may. None runs for a request.
const WHOLE_TABLES: [(&str, &str); 3] = [
    ("DELETE FROM throttle", "`throttle clear --all`"),
    ("__diesel_schema_migrations", "a row for each migration"),
    ("sqlite_master", "the schema"),
];

/// Statements that read many rows, and what bounds them.
const BOUNDED: [(&str, &str); 6] = [
    ("WHERE (1=0)", "reads nothing"),
    (
        "users.hashed_password = $)",
        "`find_user_by` of the library; the service never asks",
    ),
    (
        "users.reset_token = $)",
        "`find_user_by` of the library; the service never asks",
    ),
    ("COUNT(*) FROM outbox", "at most 26,000 mails wait"),
    (
        "INSERT INTO outbox",
        "counts as many rows as there is room for",
    ),
    (
        "ORDER BY fails, purge_at LIMIT $",
        "in the order of an index, whose first rows are those to evict",
    ),
];

/// A statement without what differs from one call to the next: quotes, the count and the
/// numbers of its parameters, white space.
fn normalized(statement: &str) -> String {
    let statement = statement.replace(['`', '"'], "");
    let words: Vec<&str> = statement.split_whitespace().collect();
    words.join(" ")
}

/// The parameters of both engines as `$`.
fn without_numbers(statement: &str) -> String {
    let mut text = String::new();
    for piece in statement.replace('?', "$").split_inclusive('$') {
        text.push_str(
            piece.trim_start_matches(|c: char| c.is_ascii_digit() && text.ends_with('$')),
        );
    }
    text
}

fn is_allowed(statement: &str) -> bool {
    let normalized = without_numbers(&normalized(statement));
    if BOUNDED.iter().any(|(part, _)| normalized.contains(part)) {
        return true;
    }
    WHOLE_TABLES.iter().any(|(part, _)| {
        let whole = part.contains(' ') && !part.ends_with('$');
        if whole {
            normalized == *part
        } else {
            normalized.contains(part) && !normalized.contains(" WHERE ")
                || part.starts_with("__") && normalized.contains(part)
                || *part == "sqlite_master" && normalized.contains(part)
        }
    })
}

/// The statements on tables of the service, whose plans are checked.
fn checked<'a>(statements: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    let is_query = |statement: &&String| {
        let verb = statement.split_whitespace().next().unwrap_or_default();
        ["SELECT", "UPDATE", "DELETE", "INSERT", "WITH"].contains(&verb.to_uppercase().as_str())
    };
    statements
        .into_iter()
        .filter(is_query)
        .filter(|statement| !is_allowed(statement))
        // The import has tables of its own for its time; the integrity walk's plans have a test.
        .filter(|statement| !statement.contains("adopted_users"))
        .filter(|statement| !statement.contains("CAST(email AS BLOB)"))
        .filter(|statement| !statement.contains("row_number() OVER"))
        .filter(|statement| !statement.contains("pragma_"))
        .filter(|statement| statement.contains("FROM") || statement.contains("UPDATE"))
        .cloned()
        .collect()
}

fn bad_plans<'a>(engine: Engine, statements: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let statements = checked(statements);
    assert!(!statements.is_empty());
    match engine {
        Engine::Sqlite => sqlite::bad_plans(&Place::new(), &statements),
        Engine::Postgres => postgres::bad_plans(&statements),
    }
}

/// Of the whole suite: see the head of this module.
#[test]
#[ignore = "needs the statements of a run of the suite"]
fn recorded_statements_have_good_plans() {
    let Some(file) = std::env::var_os("TEST_CHECK_STATEMENTS") else {
        println!("SKIPPED: TEST_CHECK_STATEMENTS is not set");
        return;
    };
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if Place::on(engine).is_none() {
            continue;
        }
        let statements = crate::support::statements::recorded(&file, engine);
        println!("{engine:?}: {} statements", statements.len());
        let bad = bad_plans(engine, &statements);
        assert!(bad.is_empty(), "{}", bad.join("\n\n"));
    }
}

#[test]
fn whole_tables_are_read_by_known_statements_only() {
    for (statement, allowed) in [
        ("DELETE FROM `throttle`", true),
        ("DELETE FROM `throttle` WHERE `key` = ?", false),
        ("UPDATE `users` SET `session_id` = ? WHERE `id` = ?", false),
        ("SELECT `email` FROM `users`", false),
    ] {
        assert_eq!(is_allowed(statement), allowed, "{statement}");
    }
}
