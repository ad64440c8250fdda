//! SQL statements as text. Several together run one after the other on SQLite, and as a single
//! statement on PostgreSQL, which saves round trips.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, Text};

use super::any_connection::AnyConnection;

/// A parameter of a statement.
#[derive(Debug, Clone)]
pub(in crate::db) enum Value {
    Text(Option<String>),
    Number(Option<i64>),
    Bytes(Vec<u8>),
}

impl Value {
    pub(in crate::db) fn text(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }

    pub(in crate::db) fn number(number: i64) -> Self {
        Self::Number(Some(number))
    }

    /// A value followed by numbers.
    pub(in crate::db) fn after(first: Self, numbers: impl IntoIterator<Item = i64>) -> Vec<Self> {
        [first]
            .into_iter()
            .chain(numbers.into_iter().map(Self::number))
            .collect()
    }
}

/// A statement with `$1` for its first value, and so on. A value may be used in several places.
/// `R` is the SQL type of its rows.
#[derive(Debug, Clone)]
pub(in crate::db) struct Statement<R = ()> {
    sql: String,
    values: Vec<Value>,
    rows: PhantomData<R>,
}

impl<R> Statement<R> {
    pub(in crate::db) fn new(sql: impl Into<String>, values: impl Into<Vec<Value>>) -> Self {
        Self {
            sql: sql.into(),
            values: values.into(),
            rows: PhantomData,
        }
    }

    /// Runs it, and returns how many rows it changed.
    pub(in crate::db) fn run(self, conn: &mut AnyConnection) -> QueryResult<usize> {
        match conn {
            AnyConnection::Sqlite(conn) => self.execute(conn),
            AnyConnection::Postgres(conn) => self.execute(conn),
        }
    }

    /// Adds values and returns their placeholders for `IN (...)`.
    pub(in crate::db) fn list(
        values: &mut Vec<Value>,
        texts: impl IntoIterator<Item = String>,
    ) -> String {
        let mut names = Vec::new();
        for text in texts {
            values.push(Value::Text(Some(text)));
            names.push(format!("${}", values.len()));
        }
        if names.is_empty() {
            return "NULL".to_owned();
        }
        names.join(", ")
    }
}

impl<R> QueryId for Statement<R> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R> Query for Statement<R> {
    type SqlType = R;
}

impl<R, Conn> RunQueryDsl<Conn> for Statement<R> {}

impl<R, DB> QueryFragment<DB> for Statement<R>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt> + HasSqlType<Binary>,
    Option<String>: ToSql<Nullable<Text>, DB>,
    Option<i64>: ToSql<Nullable<BigInt>, DB>,
    Vec<u8>: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut pieces = self.sql.split('$');
        out.push_sql(pieces.next().unwrap_or_default());
        for piece in pieces {
            let end = piece.find(|c: char| !c.is_ascii_digit());
            let (number, rest) = piece.split_at(end.unwrap_or(piece.len()));
            let number: Option<usize> = number.parse().ok();
            let value = number.and_then(|number| self.values.get(number.checked_sub(1)?));
            let value = value.ok_or_else(|| {
                diesel::result::Error::QueryBuilderError(format!("no value for ${piece}").into())
            })?;
            push_value(value, &mut out)?;
            out.push_sql(rest);
        }
        Ok(())
    }
}

/// Adds a value to a statement.
pub(super) fn push_value<'b, DB>(value: &'b Value, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt> + HasSqlType<Binary>,
    Option<String>: ToSql<Nullable<Text>, DB>,
    Option<i64>: ToSql<Nullable<BigInt>, DB>,
    Vec<u8>: ToSql<Binary, DB>,
{
    match value {
        Value::Text(text) => out.push_bind_param::<Nullable<Text>, _>(text),
        Value::Number(number) => out.push_bind_param::<Nullable<BigInt>, _>(number),
        Value::Bytes(bytes) => out.push_bind_param::<Binary, _>(bytes),
    }
}

/// Runs several statements of one transaction, in one round trip on PostgreSQL. There each of them
/// sees the rows as they were before the first, so no two of them may change the same row.
///
/// Rows are locked in the order of the statements, so that transactions on the same rows do not
/// deadlock. PostgreSQL runs the unreferenced parts of a `WITH` from the last to the first, so it
/// gets them in reverse order.
pub(in crate::db) fn run_all(
    mut statements: Vec<Statement>,
    conn: &mut AnyConnection,
) -> QueryResult<()> {
    match conn {
        AnyConnection::Sqlite(conn) => {
            for statement in statements {
                statement.execute(conn)?;
            }
        }
        AnyConnection::Postgres(conn) => {
            if let [statement] = statements.as_slice() {
                statement.clone().execute(conn)?;
            } else if !statements.is_empty() {
                statements.reverse();
                as_one::<()>(statements, |_| "SELECT".to_owned()).execute(conn)?;
            }
        }
    }
    Ok(())
}

/// Runs several statements as [`run_all`] does, and those of `then` only if the statement at the
/// index `counted` changed rows. Returns how many it changed; none if the first statement changed no
/// row, and then the caller rolls back. The first statement and the counted one must end with
/// `RETURNING`, and each of `then` with a condition.
pub(in crate::db) fn run_counting(
    mut statements: Vec<Statement>,
    counted: usize,
    then: impl IntoIterator<Item = Statement>,
    conn: &mut AnyConnection,
) -> QueryResult<Option<usize>> {
    match conn {
        AnyConnection::Sqlite(conn) => {
            let mut count = 0;
            for (number, statement) in statements.into_iter().enumerate() {
                let changed = statement.execute(conn)?;
                if changed == 0 && number == 0 {
                    return Ok(None);
                }
                if number == counted {
                    count = changed;
                }
            }
            if count > 0 {
                for statement in then {
                    statement.execute(conn)?;
                }
            }
            Ok(Some(count))
        }
        AnyConnection::Postgres(conn) => {
            // The first statement stays s0; those after it are reversed.
            let part = statements.len().saturating_sub(counted);
            if let [_, others @ ..] = statements.as_mut_slice() {
                others.reverse();
            }
            // Evaluated once, before the rest of the condition.
            statements.extend(then.into_iter().map(|mut statement| {
                let condition = format!(" AND EXISTS (SELECT 1 FROM s{part})");
                statement.sql.push_str(&condition);
                statement
            }));
            let count = format!("SELECT (SELECT count(*) FROM s{part}) FROM s0");
            let all = as_one::<BigInt>(statements, |_| count);
            let counted: Option<i64> = all.get_result(conn).optional()?;
            Ok(counted.map(|count| usize::try_from(count).unwrap_or_default()))
        }
    }
}

/// Combines statements into one: `WITH s0 AS (...), s1 AS (...)`, followed by the text that
/// `last` returns for their number.
pub(in crate::db) fn as_one<R>(
    statements: Vec<Statement>,
    last: impl FnOnce(usize) -> String,
) -> Statement<R> {
    let count = statements.len();
    let (mut parts, mut values) = (Vec::new(), Vec::new());
    for (number, statement) in statements.into_iter().enumerate() {
        let sql = renumbered(&statement.sql, values.len());
        parts.push(format!("s{number} AS ({sql})"));
        values.extend(statement.values);
    }
    let sql = format!("WITH {} {}", parts.join(", "), last(count));
    Statement::new(sql, values)
}

/// The text with `by` added to the number of each placeholder.
fn renumbered(sql: &str, by: usize) -> String {
    let mut pieces = sql.split('$');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit());
        let (number, rest) = piece.split_at(end.unwrap_or(piece.len()));
        let number = number.parse::<usize>().unwrap_or_default() + by;
        text.push('$');
        text.push_str(&number.to_string());
        text.push_str(rest);
    }
    text
}
