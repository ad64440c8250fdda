//! The counters of ids. They travel too, so that the id of a deleted user is never given again.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::catalog::Table;
use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};

#[derive(QueryableByName)]
struct LastRow {
    #[diesel(sql_type = BigInt)]
    last: i64,
}

/// The last id that was given; 0 for none.
pub(super) fn last_id(conn: &mut AnyConnection, table: &Table) -> QueryResult<i64> {
    let name = &table.name;
    let sql = match conn {
        AnyConnection::Sqlite(_) => {
            format!("SELECT seq AS last FROM sqlite_sequence WHERE name = '{name}'")
        }
        AnyConnection::Postgres(_) => format!(
            "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('{name}', 'id')::regclass), 0) AS last"
        ),
    };
    let row: Option<LastRow> = diesel::sql_query(sql).get_result(conn).optional()?;
    Ok(row.map_or(0, |row| row.last))
}

/// Sets the last id that was given.
pub(super) fn set_last_id(conn: &mut AnyConnection, table: &Table, last: i64) -> QueryResult<()> {
    if last == 0 {
        return Ok(());
    }
    let name = &table.name;
    let statements: Vec<(String, Vec<Value>)> = match conn {
        AnyConnection::Sqlite(_) => vec![
            (
                "DELETE FROM sqlite_sequence WHERE name = $1".to_owned(),
                vec![Value::text(name)],
            ),
            (
                "INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)".to_owned(),
                vec![Value::text(name), Value::number(last)],
            ),
        ],
        AnyConnection::Postgres(_) => vec![(
            format!("SELECT setval(pg_get_serial_sequence('{name}', 'id')::regclass, $1)"),
            vec![Value::number(last)],
        )],
    };
    for (sql, values) in statements {
        Statement::<()>::new(sql, values).run(conn)?;
    }
    Ok(())
}
