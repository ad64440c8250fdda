//! Plans on PostgreSQL, with the rows and statistics of a database that has grown.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::support::{Engine, Place, settings};
use bienvenue::domain::Clock;

const ROWS: u32 = 20_000;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    #[diesel(column_name = "QUERY PLAN")]
    line: String,
}

/// The database with rows and statistics, which takes seconds to fill: it serves all tests that plan at the same time.
fn filled() -> Arc<Place> {
    static FILLED: Mutex<Weak<Place>> = Mutex::new(Weak::new());
    // A test that fails to fill it leaves nothing half done.
    let mut filled = FILLED.lock().unwrap_or_else(PoisonError::into_inner);
    filled.upgrade().unwrap_or_else(|| {
        let place = Arc::new(Place::on(Engine::Postgres).unwrap());
        drop(place.open(settings(&Clock::system())));
        let mut conn = PgConnection::establish(&place.url_text()).unwrap();
        let fill = fill(&mut conn);
        conn.batch_execute(&format!("{UNCHECKED} {fill} ANALYZE;"))
            .unwrap();
        *filled = Arc::downgrade(&place);
        place
    })
}

/// Rows are written without a look for the rows that they refer to, which takes most of the time; a superuser may
/// do that.
const UNCHECKED: &str = "DO $$ BEGIN
         PERFORM set_config('session_replication_role', 'replica', false);
     EXCEPTION WHEN insufficient_privilege THEN NULL;
     END $$;";

pub(super) fn bad_plans(statements: &BTreeSet<String>) -> Vec<String> {
    let place = filled();
    let mut conn = PgConnection::establish(&place.url_text()).unwrap();
    conn.batch_execute(
        "SET plan_cache_mode = force_generic_plan; SET enable_bitmapscan = off; \
         SET enable_seqscan = off; SET jit = off;",
    )
    .unwrap();
    let mut bad = Vec::new();
    for (number, statement) in statements.iter().enumerate() {
        let plan = plan(&mut conn, number, statement);
        if let Some(fault) = fault(statement, &plan) {
            bad.push(format!("{fault}\n{statement}\n{}", plan.join("\n")));
        }
    }
    bad
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    data_type: String,
}

/// SQL that fills each table with rows, whatever its columns.
fn fill(conn: &mut PgConnection) -> String {
    let columns: Vec<Column> = diesel::sql_query(
        "SELECT table_name::text, column_name::text AS name, data_type::text
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'
         ORDER BY CASE table_name WHEN 'users' THEN 0 WHEN 'sessions' THEN 1 WHEN 'apps' THEN 1
             WHEN 'groups' THEN 1 ELSE 2 END, table_name, ordinal_position",
    )
    .load(conn)
    .unwrap();
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for column in columns {
        let value = match column.data_type.as_str() {
            "bigint" => "n".to_owned(),
            "bytea" => "decode(md5(n::text) || md5(n::text), 'hex')".to_owned(),
            // The name of a row of another table is that row's.
            _ => {
                let name = column.name.rsplit('_').next().unwrap();
                format!("substr('{}' || md5(n::text), 1, 18)", &name[..2])
            }
        };
        match tables.last_mut() {
            Some((table, values)) if *table == column.table_name => values.push(value),
            Some(_) | None => tables.push((column.table_name, vec![value])),
        }
    }
    let insert = |(table, values): &(String, Vec<String>)| {
        let values = values.join(", ");
        format!("INSERT INTO {table} SELECT {values} FROM generate_series(1, {ROWS}) n;")
    };
    tables.iter().map(insert).collect()
}

fn plan(conn: &mut PgConnection, number: usize, statement: &str) -> Vec<String> {
    let failed = |error| panic!("{statement}: {error}");
    conn.batch_execute(&format!("PREPARE plan_{number} AS {statement}"))
        .unwrap_or_else(failed);
    let parameters = (1..1000)
        .take_while(|n| statement.contains(&format!("${n}")))
        .count();
    let nulls = vec!["NULL"; parameters].join(", ");
    let arguments = if parameters == 0 {
        String::new()
    } else {
        format!("({nulls})")
    };
    let lines: Vec<Line> = diesel::sql_query(format!(
        "EXPLAIN (COSTS OFF) EXECUTE plan_{number}{arguments}"
    ))
    .load(conn)
    .unwrap_or_else(|error| panic!("{statement}: {error}"));
    lines.into_iter().map(|line| line.line).collect()
}

/// The fault of a plan; as on SQLite.
fn fault(statement: &str, plan: &[String]) -> Option<&'static str> {
    let has = |word: &str| plan.iter().any(|line| line.contains(word));
    let is_page = statement.contains("LIMIT") && !statement.contains("WHERE");
    let scans = has("Seq Scan on");
    // A join that merges reads an index from its beginning, for each page.
    let is_index =
        |line: &str| line.contains("Index Scan using") || line.contains("Index Only Scan using");
    let whole_index = plan.iter().enumerate().any(|(number, line)| {
        let next = plan.get(number + 1);
        is_index(line) && !next.is_some_and(|next| next.contains("Index Cond"))
    });
    let one_key = plan
        .iter()
        .filter(|line| line.contains("Index Cond"))
        .all(|line| line.contains(" = "));
    if scans && (!is_page || has("Sort")) {
        Some("a sequential scan")
    } else if has("Sort Key") && !one_key {
        Some("a sort of many rows")
    } else if whole_index && !is_page {
        Some("an index from its beginning")
    } else {
        None
    }
}
