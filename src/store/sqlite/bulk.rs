//! Many rows at once, as SQLite takes them.

use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};
use std::path::Path;

use super::{Conn, Db};
use crate::store::rows::{Column, Numbered};

/// Rows of one statement: enough to make the statement itself cheap, few enough to keep its text short.
pub(in crate::store) const ROWS: usize = 32;

/// Whether a table of so many rows comes often, so that its statement is worth keeping prepared.
pub(in crate::store) const fn is_usual(rows: usize) -> bool {
    rows == ROWS
}

/// Values to look among: a JSON array, so that one statement serves any number of them.
#[derive(Debug)]
pub(in crate::store) struct List(String);

impl List {
    pub fn of_integers(values: &[i64]) -> Self {
        Self(serde_json::to_string(values).unwrap_or_default())
    }

    pub fn of_texts(values: &[String]) -> Self {
        Self(serde_json::to_string(values).unwrap_or_default())
    }

    /// ` IN (…)`
    pub fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(" IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(&self.0)?;
        out.push_sql("))");
        Ok(())
    }
}

/// A table `given` out of values, whose columns are called `column1` and so on.
pub(in crate::store) fn push_table<'b>(out: &mut AstPass<'_, 'b, Db>, columns: &'b [Column]) -> QueryResult<()> {
    let rows = columns.first().map_or(0, Column::len);
    let mut before_row = "(VALUES (";
    for row in 0..rows {
        out.push_sql(before_row);
        before_row = "), (";
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                out.push_sql(", ");
            }
            push_value(out, column, row)?;
        }
    }
    out.push_sql(")) AS given");
    Ok(())
}

fn push_value<'b>(out: &mut AstPass<'_, 'b, Db>, column: &'b Column, row: usize) -> QueryResult<()> {
    let bound = match column {
        Column::Integers(values) => values.get(row).map(|value| out.push_bind_param::<BigInt, _>(value)),
        Column::Smalls(values) => values.get(row).map(|value| out.push_bind_param::<SmallInt, _>(value)),
        Column::Flags(values) => values.get(row).map(|value| out.push_bind_param::<Bool, _>(value)),
        Column::Texts(values) => values.get(row).map(|value| out.push_bind_param::<Text, _>(value)),
        Column::OptionalTexts(values) => values.get(row).map(|value| out.push_bind_param::<Nullable<Text>, _>(value)),
    };
    bound.unwrap_or(Err(diesel::result::Error::NotFound))
}

/// Ids for so many rows of a table, larger than `largest`; nobody else draws any before this transaction ends.
pub(in crate::store) fn reserve(conn: &mut Conn, table: Numbered, rows: usize, largest: i64) -> QueryResult<Vec<i64>> {
    let last: Option<i64> = diesel::dsl::sql::<BigInt>("SELECT seq FROM sqlite_sequence WHERE name = ")
        .bind::<Text, _>(table.name())
        .get_result(conn)
        .optional()?;
    let last = last.unwrap_or_default().max(largest);
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    Ok((last.saturating_add(1)..=last.saturating_add(rows)).collect())
}

/// Nothing to do: `AUTOINCREMENT` goes on from the largest id there ever was.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub(in crate::store) fn advance(_conn: &mut Conn, _table: Numbered, _largest: i64) -> QueryResult<()> {
    Ok(())
}

/// Whether the indexes may be taken down here: always, since others go on seeing them until the commit.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub(in crate::store) fn may_take_down(_conn: &mut Conn) -> QueryResult<bool> {
    Ok(true)
}

/// Takes down all indexes on relationships but the one that says what a relationship is, and gives what makes them.
pub(in crate::store) fn take_down(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'user_relationships' \
               AND sql IS NOT NULL AND name <> 'user_relationships_identity' ORDER BY name";
    let indexes: Vec<(String, String)> = diesel::dsl::sql::<(Text, Text)>(sql).load(conn)?;
    // The sorter may have a second thread, and room for what is put in at the ends of the trees that are left.
    diesel::sql_query("PRAGMA threads = 2").execute(conn)?;
    diesel::sql_query("PRAGMA cache_size = -65536").execute(conn)?;
    for (name, _) in &indexes {
        diesel::sql_query(format!("DROP INDEX {name}")).execute(conn)?;
    }
    Ok(indexes.into_iter().map(|(_, sql)| sql).collect())
}

/// Whether nobody else has the file open. Only then can it leave the write-ahead log for a moment.
pub(in crate::store) fn is_alone(path: &Path) -> bool {
    let alone = || -> Option<bool> {
        let mut conn = super::connect(path, false).ok()?;
        diesel::sql_query("PRAGMA busy_timeout = 0").execute(&mut conn).ok()?;
        let mode: String = diesel::dsl::sql::<Text>("PRAGMA journal_mode = DELETE").get_result(&mut conn).ok()?;
        let is_alone = mode == "delete";
        let _: String = diesel::dsl::sql::<Text>("PRAGMA journal_mode = WAL").get_result(&mut conn).ok()?;
        Some(is_alone)
    };
    !path.exists() || alone().unwrap_or(false)
}
