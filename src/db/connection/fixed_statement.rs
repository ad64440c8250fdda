//! Statements whose text never changes, for lookups that many requests make. Diesel finds the
//! prepared statement by a type, and neither writes nor compares the text for each request.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, Text};
use std::marker::PhantomData;

use super::statement::{Value, push_value};

/// The text of a statement with `N` values. A condition without its value does not compile.
pub(in crate::db) trait FixedText<const N: usize>: 'static {
    /// The SQL type of its rows.
    type Rows;
    /// The text in pieces, each followed by a value. Diesel walks through them twice a request, so
    /// it does not search the text for placeholders.
    const PIECES: [&'static str; N];
}

/// The statement with text `T`, and a value for each of its pieces.
pub(in crate::db) struct FixedStatement<'a, T, const N: usize> {
    values: &'a [Value; N],
    text: PhantomData<T>,
}

impl<'a, T: FixedText<N>, const N: usize> FixedStatement<'a, T, N> {
    pub(in crate::db) fn new(values: &'a [Value; N]) -> Self {
        Self {
            values,
            text: PhantomData,
        }
    }
}

impl<T: FixedText<N>, const N: usize> QueryId for FixedStatement<'_, T, N> {
    type QueryId = T;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<T: FixedText<N>, const N: usize> Query for FixedStatement<'_, T, N> {
    type SqlType = T::Rows;
}

impl<T, Conn, const N: usize> RunQueryDsl<Conn> for FixedStatement<'_, T, N> {}

impl<T: FixedText<N>, DB, const N: usize> QueryFragment<DB> for FixedStatement<'_, T, N>
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
