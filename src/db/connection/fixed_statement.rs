//! Statements whose text never changes, for lookups that many requests make. Diesel finds the
//! prepared statement by a type, and neither writes nor compares the text for each request.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, Text};
use std::marker::PhantomData;

use super::statement::{Value, push_value};

/// The text of a statement.
pub(in crate::db) trait FixedText: 'static {
    /// The SQL type of its rows.
    type Rows;
    /// The text in pieces, each followed by a value. Diesel walks through them twice a request, so
    /// it does not search the text for placeholders.
    const PIECES: &'static [&'static str];
}

/// The statement with text `T`, and a value for each of its pieces.
pub(in crate::db) struct FixedStatement<'a, T> {
    values: &'a [Value],
    text: PhantomData<T>,
}

impl<'a, T: FixedText> FixedStatement<'a, T> {
    pub(in crate::db) fn new(values: &'a [Value]) -> Self {
        Self {
            values,
            text: PhantomData,
        }
    }
}

impl<T: FixedText> QueryId for FixedStatement<'_, T> {
    type QueryId = T;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<T: FixedText> Query for FixedStatement<'_, T> {
    type SqlType = T::Rows;
}

impl<T, Conn> RunQueryDsl<Conn> for FixedStatement<'_, T> {}

impl<T: FixedText, DB> QueryFragment<DB> for FixedStatement<'_, T>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt> + HasSqlType<Binary>,
    Option<String>: ToSql<Nullable<Text>, DB>,
    Option<i64>: ToSql<Nullable<BigInt>, DB>,
    Vec<u8>: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for (piece, value) in T::PIECES.iter().zip(self.values) {
            out.push_sql(piece);
            push_value(value, &mut out)?;
        }
        Ok(())
    }
}
