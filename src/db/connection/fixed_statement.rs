//! Statements whose text never changes, for lookups that many requests make. Diesel finds the
//! prepared statement by a type, and neither writes nor compares the text for each request.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, Text};
use std::marker::PhantomData;

use super::statement::{Value, walk};

/// The text of a statement, with `$1` for its first value, and so on.
pub(in crate::db) trait FixedText: 'static {
    /// The SQL type of its rows.
    type Rows;
    const SQL: &'static str;
}

/// The statement with text `T`.
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
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        walk(T::SQL, self.values, out)
    }
}
