//! The tables of the schema in the order in which they are filled: a table comes after those to
//! which its foreign keys point. They are read from an empty database in memory, so that no table
//! and no column can be forgotten.

use diesel::connection::Connection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;

use super::CopyError;
use crate::db::connection::AnyConnection;
use crate::db::migrations;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Number,
    Text,
    Bytes,
}

/// A table and its columns.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<(String, ColumnType)>,
    /// The positions of the columns of its primary key.
    pub(super) key: Vec<usize>,
    /// Whether the database counts its ids, and never gives one twice.
    pub(super) counts_ids: bool,
}

impl Table {
    /// The columns of the primary key.
    pub(super) fn key_columns(&self) -> impl Iterator<Item = &(String, ColumnType)> {
        self.key
            .iter()
            .filter_map(|position| self.columns.get(*position))
    }
}

#[derive(QueryableByName)]
struct TableRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    sql: String,
}

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

#[derive(QueryableByName)]
struct KeyedColumnRow {
    #[diesel(embed)]
    column: ColumnRow,
    #[diesel(sql_type = BigInt)]
    key: i64,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The tables of the schema, in an order in which they can be filled, without those that say
/// something about the database itself.
pub(super) fn tables() -> Result<Vec<Table>, CopyError> {
    let mut conn = AnyConnection::Sqlite(SqliteConnection::establish(":memory:")?);
    migrations::apply(&mut conn).map_err(migrations::MigrationError::explain)?;
    let all: Vec<TableRow> = diesel::sql_query(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT IN ('__diesel_schema_migrations', 'copy_marks') \
         ORDER BY name",
    )
    .load(&mut conn)?;
    let mut waiting = Vec::new();
    for row in all {
        waiting.push((references(&mut conn, &row.name)?, table(&mut conn, row)?));
    }
    let mut ordered: Vec<Table> = Vec::new();
    while !waiting.is_empty() {
        let is_filled =
            |name: &String, of: &str| name == of || ordered.iter().any(|table| table.name == *name);
        let ready = waiting.iter().position(|(references, table)| {
            references.iter().all(|name| is_filled(name, &table.name))
        });
        // Foreign keys form no circle: SQLite would refuse every row.
        let (_, table) = waiting.swap_remove(ready.unwrap_or_default());
        ordered.push(table);
    }
    Ok(ordered)
}

fn table(conn: &mut AnyConnection, row: TableRow) -> QueryResult<Table> {
    let sql = format!(
        "SELECT name, type AS kind, pk AS key FROM pragma_table_info('{}') ORDER BY cid",
        row.name
    );
    let columns: Vec<KeyedColumnRow> = diesel::sql_query(sql).load(conn)?;
    let key = columns.iter().enumerate().filter(|(_, row)| row.key > 0);
    let key = key.map(|(position, _)| position).collect();
    let kind = |declared: &str| match declared {
        "BLOB" => ColumnType::Bytes,
        declared if declared.contains("INT") => ColumnType::Number,
        _ => ColumnType::Text,
    };
    let columns = columns.into_iter().map(|KeyedColumnRow { column, .. }| {
        let kind = kind(&column.kind);
        (column.name, kind)
    });
    Ok(Table {
        key,
        columns: columns.collect(),
        counts_ids: row.sql.contains("AUTOINCREMENT"),
        name: row.name,
    })
}

/// The tables to which the foreign keys of a table point.
fn references(conn: &mut AnyConnection, table: &str) -> QueryResult<Vec<String>> {
    let sql = format!(
        "SELECT DISTINCT \"table\" AS name, '' AS kind FROM pragma_foreign_key_list('{table}')"
    );
    let rows: Vec<ColumnRow> = diesel::sql_query(sql).load(conn)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// The number of rows of a table.
pub(super) fn count(conn: &mut AnyConnection, table: &Table) -> QueryResult<i64> {
    let sql = format!("SELECT count(*) AS count FROM \"{}\"", table.name);
    let row: CountRow = diesel::sql_query(sql).get_result(conn)?;
    Ok(row.count)
}

/// Whether a table has a row.
pub(super) fn has_rows(conn: &mut AnyConnection, table: &Table) -> QueryResult<bool> {
    let sql = format!(
        "SELECT count(*) AS count FROM (SELECT 1 FROM \"{}\" LIMIT 1) AS first",
        table.name
    );
    let row: CountRow = diesel::sql_query(sql).get_result(conn)?;
    Ok(row.count > 0)
}
