//! SQL built from pieces, for statements whose shape depends on a filter.
//!
//! # Design
//! Values are always bound, so the text depends only on the shape, and diesel keeps one prepared statement for each
//! text.

use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};
use std::marker::PhantomData;

use super::columns::Column;
use super::{Conn, Db, bulk};

/// A piece of SQL with its bound values.
#[derive(Debug)]
pub(super) struct Sql {
    pieces: Vec<SqlPiece>,
    is_cached: bool,
}

#[derive(Debug)]
enum SqlPiece {
    Text(&'static str),
    Integer(i64),
    Small(i16),
    Flag(bool),
    String(String),
    List(bulk::ValueList),
    Table(Vec<Column>),
    Source(Vec<Column>),
}

/// A complete statement whose rows have these columns.
#[derive(Debug)]
pub(super) struct Statement<Columns>(Sql, PhantomData<Columns>);

/// The columns of a [`Sql::listing`]: the count, and the page's row if there is one.
pub(super) type Listed<Columns> = (BigInt, Nullable<Columns>);

impl Sql {
    /// Starts a statement, which is kept prepared.
    pub fn new(text: &'static str) -> Self {
        let mut pieces = Vec::with_capacity(32);
        pieces.push(SqlPiece::Text(text));
        Self { pieces, is_cached: true }
    }

    /// Keeps the statement from being prepared permanently, because its text depends on the number of values.
    pub fn do_not_cache(&mut self) {
        self.is_cached = false;
    }

    pub fn text(&mut self, text: &'static str) -> &mut Self {
        self.pieces.push(SqlPiece::Text(text));
        self
    }

    pub fn integer(&mut self, value: i64) -> &mut Self {
        self.pieces.push(SqlPiece::Integer(value));
        self
    }

    pub fn small(&mut self, value: i16) -> &mut Self {
        self.pieces.push(SqlPiece::Small(value));
        self
    }

    pub fn flag(&mut self, value: bool) -> &mut Self {
        self.pieces.push(SqlPiece::Flag(value));
        self
    }

    pub fn string(&mut self, value: String) -> &mut Self {
        self.pieces.push(SqlPiece::String(value));
        self
    }

    /// Pushes a condition that an id is one of some; the statement is kept prepared, whatever their number.
    pub fn in_ids(&mut self, column: &'static str, ids: &[i64]) -> &mut Self {
        match ids {
            [one] => self.text(column).text(" = ").integer(*one),
            several => self.in_list(column, bulk::ValueList::of_integers(several)),
        }
    }

    /// Pushes `column = v` or `column IN (v, …)`; without values, a condition that is always false.
    pub fn in_values<T: Copy>(&mut self, column: &'static str, values: &[T], put: fn(&mut Self, T) -> &mut Self) {
        match values {
            [] => {
                self.text("1 = 0");
            }
            [one] => {
                put(self.text(column).text(" = "), *one);
            }
            [first, others @ ..] => {
                self.do_not_cache();
                put(self.text(column).text(" IN ("), *first);
                for other in others {
                    put(self.text(", "), *other);
                }
                self.text(")");
            }
        }
    }

    /// Pushes `column IN (…)` with a text that is the same for any number of values.
    pub fn in_list(&mut self, column: &'static str, values: bulk::ValueList) -> &mut Self {
        self.text(column).pieces.push(SqlPiece::List(values));
        self
    }

    /// Pushes a table `given`, whose columns are called `column1`, `column2` and so on.
    pub fn table(&mut self, columns: Vec<Column>) -> &mut Self {
        self.cache_if_usual(&columns).pieces.push(SqlPiece::Table(columns));
        self
    }

    /// Pushes the rows of an `INSERT`, in their order.
    pub fn source(&mut self, columns: Vec<Column>) -> &mut Self {
        self.cache_if_usual(&columns).pieces.push(SqlPiece::Source(columns));
        self
    }

    fn cache_if_usual(&mut self, columns: &[Column]) -> &mut Self {
        self.is_cached &= columns.first().is_some_and(|column| bulk::is_usual(column.len()));
        self
    }

    /// Appends another statement.
    fn append(&mut self, other: Self) -> &mut Self {
        self.is_cached &= other.is_cached;
        self.pieces.extend(other.pieces);
        self
    }

    /// A page with its exact total, in one statement: one round trip and one snapshot.
    ///
    /// `count` selects one `total`; `page` is ordered, and `order` repeats its order by the names of its columns.
    pub fn listing<Columns>(
        count: Self,
        columns: &'static str,
        page: Self,
        order: &'static str,
    ) -> Statement<Listed<Columns>> {
        let mut sql = Self::new("SELECT c.total, ");
        sql.text(columns).text(" FROM (").append(count).text(") AS c LEFT JOIN (").append(page);
        sql.text(") AS p ON 1 = 1 ORDER BY ").text(order);
        sql.returning()
    }

    /// The same in parts: first a row with the total only, then the rows of the page with the total 0. Neither part is
    /// buffered or sorted, so the order of the rows is not guaranteed.
    pub fn parts<Columns>(
        count: Self,
        columns: &'static str,
        nothing: &'static str,
        page: Self,
    ) -> Statement<Listed<Columns>> {
        let mut sql = Self::new("SELECT c.total, ");
        sql.text(nothing).text(" FROM (").append(count).text(") AS c UNION ALL SELECT CAST(0 AS BIGINT), ");
        sql.text(columns).text(" FROM (").append(page).text(") AS p");
        sql.returning()
    }

    /// The complete statement, whose rows have these columns.
    pub fn returning<Columns>(self) -> Statement<Columns> {
        Statement(self, PhantomData)
    }
}

impl<Columns> Statement<Columns> {
    /// The statement after a part that names tables for it, such as `WITH …`.
    pub fn after(self, mut before: Sql) -> Self {
        before.append(self.0);
        before.returning()
    }
}

impl<Columns> QueryFragment<Db> for Statement<Columns> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        if !self.0.is_cached {
            out.unsafe_to_cache_prepared();
        }
        for piece in &self.0.pieces {
            match piece {
                SqlPiece::Text(text) => out.push_sql(text),
                SqlPiece::Integer(value) => out.push_bind_param::<BigInt, _>(value)?,
                SqlPiece::Small(value) => out.push_bind_param::<SmallInt, _>(value)?,
                SqlPiece::Flag(value) => out.push_bind_param::<Bool, _>(value)?,
                SqlPiece::String(value) => out.push_bind_param::<Text, _>(value)?,
                SqlPiece::List(values) => values.push(&mut out)?,
                SqlPiece::Table(columns) => bulk::push_table(&mut out, columns)?,
                SqlPiece::Source(columns) => bulk::push_source(&mut out, columns)?,
            }
        }
        Ok(())
    }
}

impl<Columns> QueryId for Statement<Columns> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Columns> Query for Statement<Columns> {
    type SqlType = Columns;
}

impl<Columns> diesel::RunQueryDsl<Conn> for Statement<Columns> {}

/// Splits the rows of a listing into the total and the rows of the page.
pub(super) fn split_total<Row>(rows: Vec<(i64, Option<Row>)>) -> (i64, Vec<Row>) {
    let total = rows.iter().map(|(total, _)| *total).max().unwrap_or(0);
    (total, rows.into_iter().filter_map(|(_, row)| row).collect())
}
