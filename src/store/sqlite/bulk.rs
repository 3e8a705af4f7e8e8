//! Statements for many rows on SQLite.

use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};
use std::path::Path;

use super::conn::{Conn, Db, connect};
use crate::store::columns::Column;
use crate::store::relationship_rows::RelationshipRow;
use crate::store::rows::Numbered;

/// Rows per statement: with several rows SQLite keeps a copy of every page that they change.
pub(in crate::store) const ROWS: usize = 1;
/// Rows per statement of a bulk load, which fills new pages: enough to make a statement cheap per row, few enough for a
/// short text.
pub(in crate::store) const ROWS_OF_LOAD: usize = 128;

/// Whether a statement of that many rows is frequent enough to keep it prepared.
pub(in crate::store) const fn is_usual(rows: usize) -> bool {
    rows == ROWS || rows == ROWS_OF_LOAD
}

/// The most values that are bound one by one.
const MOST_BOUND: usize = 64;

/// The values of an `IN` list, in one of few texts, so that few statements serve any number of values.
#[derive(Debug)]
pub(in crate::store) enum ValueList {
    /// A power of two of values, of which the last may be repeated: for few values faster than reading JSON.
    Bound(Vec<i64>),
    /// A JSON array.
    Json(String),
}

impl ValueList {
    pub fn of_integers(values: &[i64]) -> Self {
        match values.last() {
            Some(last) if values.len() <= MOST_BOUND => {
                let mut bound = values.to_vec();
                bound.resize(values.len().next_power_of_two(), *last);
                Self::Bound(bound)
            }
            _ => Self::Json(serde_json::to_string(values).unwrap_or_default()),
        }
    }

    pub fn of_texts(values: &[String]) -> Self {
        Self::Json(serde_json::to_string(values).unwrap_or_default())
    }

    /// Pushes ` IN (…)`.
    pub fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Db>) -> QueryResult<()> {
        match self {
            Self::Bound(values) => {
                let mut before = " IN (";
                for value in values {
                    out.push_sql(before);
                    out.push_bind_param::<BigInt, _>(value)?;
                    before = ", ";
                }
                out.push_sql(")");
            }
            Self::Json(values) => {
                out.push_sql(" IN (SELECT value FROM json_each(");
                out.push_bind_param::<Text, _>(values)?;
                out.push_sql("))");
            }
        }
        Ok(())
    }
}

/// Pushes a table `given` of values, whose columns are called `column1`, `column2` and so on.
pub(in crate::store) fn push_table<'b>(out: &mut AstPass<'_, 'b, Db>, columns: &'b [Column]) -> QueryResult<()> {
    out.push_sql("(");
    push_source(out, columns)?;
    out.push_sql(") AS given");
    Ok(())
}

/// Pushes `VALUES (…), (…)`.
pub(in crate::store) fn push_source<'b>(out: &mut AstPass<'_, 'b, Db>, columns: &'b [Column]) -> QueryResult<()> {
    let rows = columns.first().map_or(0, Column::len);
    let mut before_row = "VALUES (";
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
    out.push_sql(")");
    Ok(())
}

fn push_value<'b>(out: &mut AstPass<'_, 'b, Db>, column: &'b Column, row: usize) -> QueryResult<()> {
    let bound = match column {
        Column::Integers(values) => values.get(row).map(|value| out.push_bind_param::<BigInt, _>(value)),
        Column::OptionalIntegers(values) => {
            values.get(row).map(|value| out.push_bind_param::<Nullable<BigInt>, _>(value))
        }
        Column::Smalls(values) => values.get(row).map(|value| out.push_bind_param::<SmallInt, _>(value)),
        Column::OptionalSmalls(values) => {
            values.get(row).map(|value| out.push_bind_param::<Nullable<SmallInt>, _>(value))
        }
        Column::Flags(values) => values.get(row).map(|value| out.push_bind_param::<Bool, _>(value)),
        Column::Texts(values) => values.get(row).map(|value| out.push_bind_param::<Text, _>(value)),
        Column::OptionalTexts(values) => values.get(row).map(|value| out.push_bind_param::<Nullable<Text>, _>(value)),
    };
    bound.unwrap_or(Err(diesel::result::Error::NotFound))
}

/// Returns ids for new rows of a table, larger than `largest`. No other job takes ids before this transaction ends.
pub(in crate::store) fn reserve(conn: &mut Conn, table: Numbered, rows: usize, largest: i64) -> QueryResult<Vec<i64>> {
    let last = newest_id(conn, table)?.max(largest);
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    Ok((last.saturating_add(1)..=last.saturating_add(rows)).collect())
}

/// The largest id that a row of a table had; 0 if there was none.
pub(in crate::store) fn newest_id(conn: &mut Conn, table: Numbered) -> QueryResult<i64> {
    let last: Option<i64> = diesel::dsl::sql::<BigInt>("SELECT seq FROM sqlite_sequence WHERE name = ")
        .bind::<Text, _>(table.name())
        .get_result(conn)
        .optional()?;
    Ok(last.unwrap_or_default())
}

/// Does nothing: `AUTOINCREMENT` continues from the largest id ever used.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub(in crate::store) fn advance(_conn: &mut Conn, _table: Numbered, _largest: i64) -> QueryResult<()> {
    Ok(())
}

/// How many users have each of these keys of names, and the smallest of their ids, or 0: both come from the index, without
/// sorting.
pub(in crate::store) fn count_users_of_names(
    conn: &mut Conn,
    names: &[String],
) -> QueryResult<Vec<(String, i64, i64)>> {
    diesel::dsl::sql::<(Text, BigInt, BigInt)>(
        "SELECT value, (SELECT COUNT(*) FROM users INDEXED BY users_by_name WHERE name_key = value), \
         COALESCE((SELECT MIN(id) FROM users INDEXED BY users_by_name WHERE name_key = value), 0) FROM json_each(",
    )
    .bind::<Text, _>(serde_json::to_string(names).unwrap_or_default())
    .sql(")")
    .load(conn)
}

/// Not known here: other processes that have the file open are not clients of a server.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub(in crate::store) const fn has_other_clients(_conn: &mut Conn) -> QueryResult<bool> {
    Ok(false)
}

/// Whether the indexes may be dropped: always, since other connections see them until the commit.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub(in crate::store) fn lock_for_load(_conn: &mut Conn) -> QueryResult<bool> {
    Ok(true)
}

/// Drops all indexes on some tables and returns the statements that create them, that of the edges first.
pub(in crate::store) fn drop_indexes(conn: &mut Conn, tables: &[&str]) -> QueryResult<Vec<String>> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL \
               AND tbl_name IN (SELECT value FROM json_each(";
    let indexes: Vec<(String, String)> = diesel::dsl::sql::<(Text, Text)>(sql)
        .bind::<Text, _>(serde_json::to_string(tables).unwrap_or_default())
        .sql(")) ORDER BY name <> 'user_relationships_identity', name")
        .load(conn)?;
    for (name, _) in &indexes {
        diesel::sql_query(format!("DROP INDEX \"{name}\"")).execute(conn)?;
    }
    Ok(indexes.into_iter().map(|(_, sql)| sql).collect())
}

/// Stores relationships while their indexes are dropped, by inserting some at a time.
pub(in crate::store) fn load(
    conn: &mut Conn,
    rows: &[RelationshipRow],
    insert: impl Fn(&mut Conn, &[RelationshipRow]) -> QueryResult<()>,
) -> QueryResult<()> {
    rows.chunks(ROWS_OF_LOAD).try_for_each(|some| insert(conn, some))
}

/// Prepares to create the indexes again.
pub(in crate::store) fn prepare_to_recreate(conn: &mut Conn) -> QueryResult<()> {
    // Sorts in files, in pieces that fit into the processor's cache: half the time of one sort in memory, which would
    // also need memory in proportion to the rows.
    diesel::sql_query("PRAGMA temp_store = FILE").execute(conn)?;
    diesel::sql_query("PRAGMA cache_size = -4096").execute(conn).map(drop)
}

/// Does nothing: plans do not depend on the contents of the tables.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub(in crate::store) fn refresh_statistics(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Whether no other process has the file open: only then can it leave write-ahead mode for a moment. A missing file
/// counts as unused.
pub(in crate::store) fn is_alone(path: &Path) -> bool {
    let alone = || -> Option<bool> {
        let mut conn = connect(path, false).ok()?;
        diesel::sql_query("PRAGMA busy_timeout = 0").execute(&mut conn).ok()?;
        let mode: String = diesel::dsl::sql::<Text>("PRAGMA journal_mode = DELETE").get_result(&mut conn).ok()?;
        let is_alone = mode == "delete";
        let _: String = diesel::dsl::sql::<Text>("PRAGMA journal_mode = WAL").get_result(&mut conn).ok()?;
        Some(is_alone)
    };
    !path.exists() || alone().unwrap_or(false)
}

/// Moves the write-ahead log, which a bulk load makes as long as its data, into the database file and truncates it. If
/// another connection reads at this moment, the log stays and shrinks with later writes.
pub(in crate::store) fn checkpoint_wal(path: &Path) {
    let checkpoint = || -> Option<()> {
        let mut conn = connect(path, false).ok()?;
        diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut conn).ok().map(drop)
    };
    if checkpoint().is_none() {
        log::debug!("cannot empty the write-ahead log");
    }
}
