//! Reads and writes rows of any table. A row travels as a JSON array, with bytes in hexadecimal
//! digits, which both engines write and read.

use diesel::connection::{DefaultLoadingMode, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::CopyError;
use super::catalog::{ColumnType, Table};
use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};

/// How many rows are read and written at a time.
const PAGE: usize = 500;

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    value: String,
}

/// A row: a number, a text or nothing for each column.
pub(super) type Row = Vec<Json>;

/// How many rows there are, and a sum over their digests that does not depend on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Checksum {
    pub(super) rows: u64,
    sum: u128,
}

impl Checksum {
    pub(super) fn add(&mut self, row: &Row) {
        let mut digest = Sha256::new();
        for value in row {
            let text = value.to_string();
            digest.update(text.len().to_le_bytes());
            digest.update(text);
        }
        let digest = digest.finalize();
        let half = digest.first_chunk::<16>().copied().unwrap_or_default();
        self.rows += 1;
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(half));
    }
}

/// Reads all rows of a table in pages. The caller holds a transaction.
pub(super) fn each_page(
    conn: &mut AnyConnection,
    table: &Table,
    mut work: impl FnMut(Vec<Row>) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    let query = select(conn, table);
    match conn {
        AnyConnection::Sqlite(conn) => {
            let query = diesel::sql_query(query);
            let rows = query.load_iter::<TextRow, DefaultLoadingMode>(conn)?;
            let mut page = Vec::with_capacity(PAGE);
            for row in rows {
                page.push(parse(&row?)?);
                if page.len() == PAGE {
                    work(std::mem::take(&mut page))?;
                }
            }
            if page.is_empty() { Ok(()) } else { work(page) }
        }
        AnyConnection::Postgres(conn) => {
            conn.batch_execute(&format!("DECLARE copied_rows NO SCROLL CURSOR FOR {query}"))?;
            loop {
                let fetch = format!("FETCH FORWARD {PAGE} FROM copied_rows");
                let rows: Vec<TextRow> = diesel::sql_query(fetch).load(conn)?;
                if rows.is_empty() {
                    break;
                }
                work(rows.iter().map(parse).collect::<Result<_, _>>()?)?;
            }
            Ok(conn.batch_execute("CLOSE copied_rows")?)
        }
    }
}

/// The SQL of a row as JSON. `of` is written before the name of each column.
pub(super) fn sqlite_image<'a>(
    of: &str,
    columns: impl IntoIterator<Item = &'a (String, ColumnType)>,
) -> String {
    image("json_array", of, columns, |column| {
        format!("CASE WHEN {column} IS NULL THEN NULL ELSE lower(hex({column})) END")
    })
}

fn postgres_image<'a>(columns: impl IntoIterator<Item = &'a (String, ColumnType)>) -> String {
    image("json_build_array", "", columns, |column| {
        format!("encode({column}, 'hex')")
    })
}

fn image<'a>(
    array: &str,
    of: &str,
    columns: impl IntoIterator<Item = &'a (String, ColumnType)>,
    bytes: impl Fn(&str) -> String,
) -> String {
    let columns = columns.into_iter().map(|(name, kind)| {
        let name = format!("{of}\"{name}\"");
        match kind {
            ColumnType::Bytes => bytes(&name),
            ColumnType::Number | ColumnType::Text => name,
        }
    });
    format!("{array}({})", columns.collect::<Vec<_>>().join(", "))
}

fn select(conn: &AnyConnection, table: &Table) -> String {
    let image = match conn {
        AnyConnection::Sqlite(_) => sqlite_image("", &table.columns),
        AnyConnection::Postgres(_) => postgres_image(&table.columns),
    };
    format!(
        "SELECT CAST({image} AS TEXT) AS value FROM \"{}\"",
        table.name
    )
}

fn parse(row: &TextRow) -> Result<Row, CopyError> {
    parse_image(&row.value)
}

/// Reads the JSON of a row, or of a key.
pub(super) fn parse_image(image: &str) -> Result<Row, CopyError> {
    Ok(serde_json::from_str(image)?)
}

/// Inserts rows into a table.
pub(super) fn insert(
    conn: &mut AnyConnection,
    table: &Table,
    rows: &[Row],
) -> Result<(), CopyError> {
    let mut places = Vec::new();
    let mut values = Values::of(conn);
    for row in rows {
        let columns = table.columns.iter().zip(row);
        let names: Vec<String> = columns
            .map(|((_, kind), value)| values.add(*kind, value))
            .collect();
        places.push(format!("({})", names.join(", ")));
    }
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let sql = format!(
        "INSERT INTO \"{}\" ({}) VALUES {}",
        table.name,
        columns.join(", "),
        places.join(", ")
    );
    Statement::<()>::new(sql, values.values).run(conn)?;
    Ok(())
}

/// Replaces the row with this key.
pub(super) fn update(
    conn: &mut AnyConnection,
    table: &Table,
    key: &Row,
    row: &Row,
) -> Result<(), CopyError> {
    let mut values = Values::of(conn);
    let columns = table.columns.iter().zip(row);
    let columns: Vec<String> = columns
        .map(|((name, kind), value)| format!("\"{name}\" = {}", values.add(*kind, value)))
        .collect();
    let condition = values.condition(table, key);
    let sql = format!(
        "UPDATE \"{}\" SET {} WHERE {condition}",
        table.name,
        columns.join(", ")
    );
    Statement::<()>::new(sql, values.values).run(conn)?;
    Ok(())
}

/// Deletes the row with this key, if there is one.
pub(super) fn delete(conn: &mut AnyConnection, table: &Table, key: &Row) -> Result<(), CopyError> {
    let mut values = Values::of(conn);
    let condition = values.condition(table, key);
    let sql = format!("DELETE FROM \"{}\" WHERE {condition}", table.name);
    Statement::<()>::new(sql, values.values).run(conn)?;
    Ok(())
}

/// The row with this key.
pub(super) fn find(
    conn: &mut AnyConnection,
    table: &Table,
    key: &Row,
) -> Result<Option<Row>, CopyError> {
    let mut values = Values::of(conn);
    let condition = values.condition(table, key);
    let sql = format!("{} WHERE {condition}", select(conn, table));
    let found = Statement::<Text>::new(sql, values.values);
    let image: Option<String> = match conn {
        AnyConnection::Sqlite(conn) => found.get_result(conn).optional()?,
        AnyConnection::Postgres(conn) => found.get_result(conn).optional()?,
    };
    image.as_deref().map(parse_image).transpose()
}

/// The parameters of a statement, and how this engine turns hexadecimal digits into bytes.
struct Values {
    decode: (&'static str, &'static str),
    values: Vec<Value>,
}

impl Values {
    fn of(conn: &AnyConnection) -> Self {
        Self {
            decode: match conn {
                AnyConnection::Sqlite(_) => ("unhex(", ")"),
                AnyConnection::Postgres(_) => ("decode(", ", 'hex')"),
            },
            values: Vec::new(),
        }
    }

    /// Adds a value, and returns the SQL for it.
    fn add(&mut self, kind: ColumnType, value: &Json) -> String {
        self.values.push(match kind {
            ColumnType::Number => Value::Number(value.as_i64()),
            ColumnType::Text | ColumnType::Bytes => Value::Text(value.as_str().map(str::to_owned)),
        });
        let place = self.values.len();
        match kind {
            ColumnType::Bytes => format!("{}${place}{}", self.decode.0, self.decode.1),
            ColumnType::Number | ColumnType::Text => format!("${place}"),
        }
    }

    /// The condition for the row with this key.
    fn condition(&mut self, table: &Table, key: &Row) -> String {
        let columns = table.key_columns().zip(key);
        let conditions: Vec<String> = columns
            .map(|((name, kind), value)| format!("\"{name}\" = {}", self.add(*kind, value)))
            .collect();
        conditions.join(" AND ")
    }
}
