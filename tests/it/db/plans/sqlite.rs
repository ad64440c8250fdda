//! Plans on SQLite, under statistics of several kinds.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::support::{Place, settings};
use bienvenue::domain::Clock;

/// The content of `sqlite_stat1` for a table of this size: of an index, how many rows share its
/// first columns.
#[derive(Debug, Clone, Copy)]
enum Statistics {
    None,
    Empty,
    OneRow,
    Million,
    Skewed,
    /// Of the time when only the users were few.
    FewUsers,
    /// Of the time when all but the users were few.
    ManyUsers,
}

const ALL: [Statistics; 7] = [
    Statistics::None,
    Statistics::Empty,
    Statistics::OneRow,
    Statistics::Million,
    Statistics::Skewed,
    Statistics::FewUsers,
    Statistics::ManyUsers,
];

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    columns: i64,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    is_unique: i64,
}

/// Statistics that the service finds at its start are gone afterwards, so the plans are those of
/// a database without any.
pub(super) fn bad_plans(place: &Place, statements: &BTreeSet<String>) -> Vec<String> {
    let file = place.path("bienvenue.db");
    let mut bad = BTreeSet::new();
    for statistics in ALL {
        drop(place.open(settings(&Clock::system())));
        let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        write_statistics(&mut conn, statistics);
        drop(conn);
        let _db = place.open(settings(&Clock::system()));
        let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        for statement in statements {
            let plan = plan(&mut conn, statement);
            if let Some(fault) = fault(statement, &plan) {
                bad.insert(format!("{fault}\n{statement}\n{plan:#?}"));
            }
        }
    }
    bad.into_iter().collect()
}

fn write_statistics(conn: &mut SqliteConnection, statistics: Statistics) {
    if matches!(statistics, Statistics::None) {
        return;
    }
    let indexes: Vec<Index> = diesel::sql_query(
        "SELECT t.name AS table_name, i.name, i.\"unique\" AS is_unique,
             (SELECT count(*) FROM pragma_index_info(i.name)) AS columns
         FROM sqlite_master t, pragma_index_list(t.name) i
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'",
    )
    .load(conn)
    .unwrap();
    conn.batch_execute("ANALYZE;").unwrap();
    for index in &indexes {
        let is_users = index.table_name == "users";
        let (rows, share) = match statistics {
            Statistics::None | Statistics::Empty => continue,
            Statistics::OneRow => (1, 1),
            Statistics::Skewed => (1_000_000, 500_000),
            Statistics::FewUsers if is_users => (1, 1),
            Statistics::ManyUsers if !is_users => (1, 1),
            Statistics::Million | Statistics::FewUsers | Statistics::ManyUsers => (1_000_000, 10),
        };
        let mut stat = rows.to_string();
        for column in 1..=index.columns {
            let last = column == index.columns && index.is_unique == 1;
            let share = if last { 1 } else { share };
            stat = format!("{stat} {share}");
        }
        conn.batch_execute(&format!(
            "INSERT INTO sqlite_stat1 VALUES ('{}', '{}', '{stat}');",
            index.table_name, index.name
        ))
        .unwrap();
    }
}

fn plan(conn: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}"))
        .load(conn)
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    steps.into_iter().map(|step| step.detail).collect()
}

/// The fault of a plan. A scan in the order of a key that a LIMIT ends is no fault; a sort is
/// allowed for the rows of one key.
fn fault(statement: &str, plan: &[String]) -> Option<&'static str> {
    let is_page = statement.contains("LIMIT") && !statement.contains("WHERE");
    let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE"));
    // The rows of a subquery, which has a plan of its own.
    let is_subquery = |name: &str| plan.contains(&format!("CO-ROUTINE {name}"));
    let scans = plan.iter().any(|step| {
        let scanned = step.strip_prefix("SCAN ");
        scanned.is_some_and(|name| !name.starts_with("CONSTANT") && !is_subquery(name))
    });
    let ranges = plan.iter().any(|step| {
        step.starts_with("SEARCH")
            && (step.contains(">?") || step.contains("<?"))
            && !step.contains("=?")
    });
    if plan.iter().any(|step| step.contains("AUTOMATIC")) {
        Some("an automatic index")
    } else if scans && (!is_page || sorts) {
        Some("a scan")
    } else if sorts && (scans || ranges) {
        Some("a sort of many rows")
    } else {
        None
    }
}

#[test]
fn a_scan_is_detected() {
    let place = Place::new();
    let statement =
        "SELECT users.email FROM users INNER JOIN sessions ON users.id = sessions.user_id
        WHERE users.email > ? AND sessions.expires_at > ?"
            .to_owned();
    let bad = bad_plans(&place, &BTreeSet::from([statement]));
    assert_eq!(bad.len(), 1, "{bad:#?}");
}
