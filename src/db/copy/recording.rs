//! Records the changes of a SQLite source while a service writes to it: triggers append each
//! changed row to a table of the same file. After the move, other triggers refuse every change.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::CopyError;
use super::catalog::Table;
use super::rows::{self, Row};
use crate::db::connection::AnyConnection;
use crate::db::error::MOVED;
use crate::db::migrations;

/// The table of recorded changes. Its triggers begin with the same name.
pub(super) const RECORDING: &str = "copied_changes";

/// The triggers that record.
const TRIGGERS: &str = "FROM sqlite_master WHERE type = 'trigger' \
     AND name LIKE 'copied\\_changes\\_%' ESCAPE '\\'";

/// The changes on which a row can have a trigger.
const CHANGES: [&str; 3] = ["insert", "update", "delete"];

/// A changed row.
#[derive(Debug)]
pub(super) struct Change {
    /// The position in the order of the tables.
    pub(super) table: usize,
    /// The key before the change; none for a new row.
    pub(super) key: Option<Row>,
    /// The row after the change; none for a deleted row.
    pub(super) row: Option<Row>,
}

#[derive(QueryableByName)]
struct ChangeRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = Nullable<Text>)]
    key: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    image: Option<String>,
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Begins to record. The caller holds a transaction. What an interrupted copy left is removed.
pub(super) fn begin(source: &mut AnyConnection, tables: &[Table]) -> QueryResult<()> {
    end(source)?;
    source.batch_execute(&format!(
        "CREATE TABLE {RECORDING} (id INTEGER PRIMARY KEY NOT NULL, place BIGINT NOT NULL, \
         key TEXT, image TEXT)"
    ))?;
    for (place, table) in tables.iter().enumerate() {
        for change in CHANGES {
            let key = match change {
                "insert" => "NULL".to_owned(),
                _ => rows::sqlite_image("OLD.", table.key_columns()),
            };
            let image = match change {
                "delete" => "NULL".to_owned(),
                _ => rows::sqlite_image("NEW.", &table.columns),
            };
            let name = &table.name;
            source.batch_execute(&format!(
                "CREATE TRIGGER {RECORDING}_{name}_{change} AFTER {change} ON \"{name}\" BEGIN \
                 INSERT INTO {RECORDING} (place, key, image) VALUES ({place}, {key}, {image}); END"
            ))?;
        }
    }
    Ok(())
}

/// Ends recording, and forgets what was recorded. The caller holds a transaction.
pub(super) fn end(source: &mut AnyConnection) -> QueryResult<()> {
    let triggers: Vec<NameRow> =
        diesel::sql_query(format!("SELECT name {TRIGGERS}")).load(source)?;
    for NameRow { name } in triggers {
        source.batch_execute(&format!("DROP TRIGGER \"{name}\""))?;
    }
    source.batch_execute(&format!("DROP TABLE IF EXISTS {RECORDING}"))
}

/// Makes every later change of a row fail, by this program and by others. The caller holds a
/// transaction.
pub(super) fn refuse_changes(source: &mut AnyConnection, tables: &[Table]) -> QueryResult<()> {
    let names = tables.iter().map(|table| table.name.as_str());
    for name in names.chain([migrations::TABLE]) {
        for change in CHANGES {
            source.batch_execute(&format!(
                "CREATE TRIGGER moved_{name}_{change} BEFORE {change} ON \"{name}\" BEGIN \
                 SELECT RAISE(ABORT, '{MOVED}'); END"
            ))?;
        }
    }
    Ok(())
}

/// Whether every change was recorded: a migration can have removed triggers.
pub(super) fn is_whole(source: &mut AnyConnection, tables: &[Table]) -> Result<bool, CopyError> {
    let triggers = number(source, &format!("SELECT count(*) AS number {TRIGGERS}"))?;
    let is_current = migrations::standing(source)? == migrations::SchemaStatus::Current;
    Ok(is_current && usize::try_from(triggers) == Ok(tables.len() * CHANGES.len()))
}

/// The number of the last recorded change; 0 for none.
pub(super) fn last(source: &mut AnyConnection) -> Result<i64, CopyError> {
    let sql = format!("SELECT coalesce(max(id), 0) AS number FROM {RECORDING}");
    Ok(number(source, &sql)?)
}

/// The changes behind the one with this number, in their order, and the number of the last one.
pub(super) fn behind(
    source: &mut AnyConnection,
    number: i64,
) -> Result<(Vec<Change>, i64), CopyError> {
    let sql = format!("SELECT id, place, key, image FROM {RECORDING} WHERE id > ? ORDER BY id");
    let found: Vec<ChangeRow> = match source {
        AnyConnection::Sqlite(source) => diesel::sql_query(sql)
            .bind::<BigInt, _>(number)
            .load(source)?,
        AnyConnection::Postgres(_) => Vec::new(),
    };
    let last = found.last().map_or(number, |row| row.id);
    let parse = |image: Option<String>| image.as_deref().map(rows::parse_image).transpose();
    let changes = found.into_iter().map(|row| {
        Ok(Change {
            table: usize::try_from(row.place).unwrap_or(usize::MAX),
            key: parse(row.key)?,
            row: parse(row.image)?,
        })
    });
    Ok((changes.collect::<Result<_, CopyError>>()?, last))
}

fn number(conn: &mut AnyConnection, sql: &str) -> QueryResult<i64> {
    let row: NumberRow = diesel::sql_query(sql).get_result(conn)?;
    Ok(row.number)
}
