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
    match conn {
        AnyConnection::Sqlite(conn) => {
            let query = diesel::sql_query(select(table, "json_array", |column| {
                format!("CASE WHEN {column} IS NULL THEN NULL ELSE lower(hex({column})) END")
            }));
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
            let query = select(table, "json_build_array", |column| {
                format!("encode({column}, 'hex')")
            });
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

fn select(table: &Table, array: &str, bytes: impl Fn(&str) -> String) -> String {
    let columns = table.columns.iter().map(|(name, kind)| {
        let name = format!("\"{name}\"");
        match kind {
            ColumnType::Bytes => bytes(&name),
            ColumnType::Number | ColumnType::Text => name,
        }
    });
    let columns: Vec<String> = columns.collect();
    format!(
        "SELECT CAST({array}({}) AS TEXT) AS value FROM \"{}\"",
        columns.join(", "),
        table.name
    )
}

fn parse(row: &TextRow) -> Result<Row, CopyError> {
    Ok(serde_json::from_str(&row.value)?)
}

/// Inserts rows into a table.
pub(super) fn insert(
    conn: &mut AnyConnection,
    table: &Table,
    rows: &[Row],
) -> Result<(), CopyError> {
    let decode = match conn {
        AnyConnection::Sqlite(_) => ("unhex(", ")"),
        AnyConnection::Postgres(_) => ("decode(", ", 'hex')"),
    };
    let (mut values, mut places) = (Vec::new(), Vec::new());
    for row in rows {
        let mut names = Vec::with_capacity(row.len());
        for ((_, kind), value) in table.columns.iter().zip(row) {
            values.push(match kind {
                ColumnType::Number => Value::Number(value.as_i64()),
                ColumnType::Text | ColumnType::Bytes => {
                    Value::Text(value.as_str().map(str::to_owned))
                }
            });
            let place = values.len();
            names.push(match kind {
                ColumnType::Bytes => format!("{}${place}{}", decode.0, decode.1),
                ColumnType::Number | ColumnType::Text => format!("${place}"),
            });
        }
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
    Statement::<()>::new(sql, values).run(conn)?;
    Ok(())
}
