//! Statements for many rows on PostgreSQL.

use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, SmallInt, Text};

use super::conn::{Conn, Db};
use super::layout;
use super::sessions::IS_DIRECT;
use crate::store::columns::Column;
use crate::store::relationship_rows::RelationshipRow;
use crate::store::rows::Numbered;
use crate::store::schema::user_relationships;

/// Rows per statement: arrays can hold any batch.
pub(in crate::store) const ROWS: usize = 1_000_000;
/// The same in a bulk load.
pub(in crate::store) const ROWS_OF_LOAD: usize = ROWS;

/// Whether a statement of that many rows is worth keeping prepared: always, since the text is the same for all.
pub(in crate::store) const fn is_usual(_rows: usize) -> bool {
    true
}

/// The values of an `= ANY` list.
#[derive(Debug)]
pub(in crate::store) enum ValueList {
    Integers(Vec<i64>),
    Texts(Vec<String>),
}

impl ValueList {
    pub fn of_integers(values: &[i64]) -> Self {
        Self::Integers(values.to_vec())
    }

    pub fn of_texts(values: &[String]) -> Self {
        Self::Texts(values.to_vec())
    }

    /// Pushes ` = ANY(…)`.
    pub fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(" = ANY(");
        match self {
            Self::Integers(values) => out.push_bind_param::<Array<BigInt>, _>(values)?,
            Self::Texts(values) => out.push_bind_param::<Array<Text>, _>(values)?,
        }
        out.push_sql(")");
        Ok(())
    }
}

/// Pushes a table `given` of arrays, whose columns are called `column1`, `column2` and so on.
pub(in crate::store) fn push_table<'b>(out: &mut AstPass<'_, 'b, Db>, columns: &'b [Column]) -> QueryResult<()> {
    out.push_sql("unnest(");
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            out.push_sql(", ");
        }
        match column {
            Column::Integers(values) => out.push_bind_param::<Array<BigInt>, _>(values)?,
            Column::OptionalIntegers(values) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(values)?,
            Column::Smalls(values) => out.push_bind_param::<Array<SmallInt>, _>(values)?,
            Column::OptionalSmalls(values) => out.push_bind_param::<Array<Nullable<SmallInt>>, _>(values)?,
            Column::Flags(values) => out.push_bind_param::<Array<Bool>, _>(values)?,
            Column::Texts(values) => out.push_bind_param::<Array<Text>, _>(values)?,
            Column::OptionalTexts(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(values)?,
        }
    }
    // SQLite gives unnamed columns these names.
    let mut before = ") AS given (";
    for number in 1..=columns.len() {
        out.push_sql(&format!("{before}column{number}"));
        before = ", ";
    }
    out.push_sql(")");
    Ok(())
}

/// Pushes a `SELECT` from arrays, in their order.
pub(in crate::store) fn push_source<'b>(out: &mut AstPass<'_, 'b, Db>, columns: &'b [Column]) -> QueryResult<()> {
    out.push_sql("SELECT * FROM ");
    push_table(out, columns)
}

/// Takes ids for new rows of a table from its sequence. They are larger than any that was passed to [`advance`].
pub(in crate::store) fn reserve(conn: &mut Conn, table: Numbered, rows: usize, _largest: i64) -> QueryResult<Vec<i64>> {
    diesel::dsl::sql::<BigInt>("SELECT nextval(pg_get_serial_sequence(")
        .bind::<Text, _>(table.name())
        .sql(", 'id')) FROM generate_series(1, ")
        .bind::<BigInt, _>(i64::try_from(rows).unwrap_or(i64::MAX))
        .sql(")")
        .load(conn)
}

/// The last value of a sequence. A new one has returned no value yet.
const GIVEN: &str = "CASE WHEN is_called THEN last_value ELSE 0 END";

/// The largest id that a row of a table had, or more; 0 if there was none.
pub(in crate::store) fn newest_id(conn: &mut Conn, table: Numbered) -> QueryResult<i64> {
    diesel::dsl::sql::<BigInt>(&format!("SELECT {GIVEN} FROM {}_id_seq", table.name())).get_result(conn)
}

/// Makes the next id of a table larger than one that a caller chose. Where the sequence has to change, a lock keeps
/// others from taking ids meanwhile.
pub(in crate::store) fn advance(conn: &mut Conn, table: Numbered, largest: i64) -> QueryResult<()> {
    // A sequence only grows, so an id below its value needs no lock.
    if newest_id(conn, table)? >= largest {
        return Ok(());
    }
    let (table, given) = (table.name(), GIVEN);
    diesel::sql_query(format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")).execute(conn)?;
    let advance = "SELECT setval(pg_get_serial_sequence($1, 'id'), $2)";
    diesel::sql_query(format!("{advance} FROM {table}_id_seq WHERE {given} < $2"))
        .bind::<Text, _>(table)
        .bind::<BigInt, _>(largest)
        .execute(conn)
        .map(drop)
}

/// How many users have each of these keys of names, and the smallest of their ids. One statement for all names reads the
/// table at most once, where one name is so frequent that the planner does not use the index.
pub(in crate::store) fn count_users_of_names(
    conn: &mut Conn,
    names: &[String],
) -> QueryResult<Vec<(String, i64, i64)>> {
    diesel::dsl::sql::<(Text, BigInt, BigInt)>("SELECT name_key, COUNT(*), MIN(id) FROM users WHERE name_key = ANY(")
        .bind::<Array<Text>, _>(names)
        .sql(") GROUP BY name_key")
        .load(conn)
}

/// Whether the indexes may be dropped: this role owns the table, and no other client is connected, which would have to
/// wait until they exist again. Behind a pooler that is not known: its clients share sessions, or have none while they are
/// idle. If so, the tables are locked, and clients that connect later wait.
pub(in crate::store) fn lock_for_load(conn: &mut Conn) -> QueryResult<bool> {
    // The copies of spread rows are not loaded.
    let is_alone = !layout::is_spread() && owns_tables(conn)? && !has_other_clients(conn)?;
    if is_alone {
        // Locks all tables that the foreign keys refer to, rather than one after the other as the keys are dropped.
        diesel::sql_query("LOCK TABLE users, relationship_types, user_relationships IN ACCESS EXCLUSIVE MODE")
            .execute(conn)?;
    }
    Ok(is_alone)
}

/// How often to check again whether another client is still connected.
const CHECKS: u32 = 5;

fn owns_tables(conn: &mut Conn) -> QueryResult<bool> {
    diesel::dsl::sql::<Bool>(
        "SELECT pg_has_role((SELECT relowner FROM pg_class WHERE oid = 'user_relationships'::regclass), 'USAGE')",
    )
    .get_result(conn)
}

/// Whether other clients are connected to the database.
pub(in crate::store) fn has_other_clients(conn: &mut Conn) -> QueryResult<bool> {
    let mut is_found = has_other_clients_now(conn)?;
    // The session of a client that has just disconnected, such as a `migrate run`, exists for a moment longer.
    for _ in 0..CHECKS {
        if !is_found {
            break;
        }
        diesel::sql_query("SELECT pg_sleep(0.1), pg_stat_clear_snapshot()").execute(conn)?;
        is_found = has_other_clients_now(conn)?;
    }
    Ok(is_found)
}

fn has_other_clients_now(conn: &mut Conn) -> QueryResult<bool> {
    // An ordinary role does not see the type of other roles' sessions. Sessions of the server itself have no user.
    // Behind a pooler the sessions of others are not known, so there may be some.
    diesel::dsl::sql::<Bool>(&format!(
        "SELECT NOT COALESCE(current_setting('{IS_DIRECT}', true) = 'on', FALSE) \
         OR EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid() AND usesysid IS NOT NULL \
         AND COALESCE(backend_type, 'client backend') = 'client backend')"
    ))
    .get_result(conn)
}

/// Drops all foreign keys and indexes of some tables but the primary keys, and returns the statements that create them,
/// unique indexes first.
pub(in crate::store) fn drop_indexes(conn: &mut Conn, tables: &[&str]) -> QueryResult<Vec<String>> {
    let keys: Vec<(String, String, String)> = diesel::dsl::sql::<(Text, Text, Text)>(
        "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint \
         WHERE contype = 'f' AND conrelid = ANY(CAST(",
    )
    .bind::<Array<Text>, _>(tables)
    .sql(" AS regclass[])) ORDER BY conname")
    .load(conn)?;
    let indexes: Vec<(String, String)> = diesel::dsl::sql::<(Text, Text)>(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index \
         WHERE NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid) AND indrelid = ANY(CAST(",
    )
    .bind::<Array<Text>, _>(tables)
    .sql(" AS regclass[])) ORDER BY NOT indisunique, 1")
    .load(conn)?;
    for (table, name, _) in &keys {
        diesel::sql_query(format!("ALTER TABLE {table} DROP CONSTRAINT {name}")).execute(conn)?;
    }
    for (name, _) in &indexes {
        diesel::sql_query(format!("DROP INDEX {name}")).execute(conn)?;
    }
    let keys = keys.into_iter().map(|(table, name, key)| format!("ALTER TABLE {table} ADD CONSTRAINT {name} {key}"));
    Ok(indexes.into_iter().map(|(_, index)| index).chain(keys).collect())
}

/// Stores relationships while their indexes are dropped, by `COPY`, which fills whole pages.
pub(in crate::store) fn load(
    conn: &mut Conn,
    rows: &[RelationshipRow],
    _insert: impl Fn(&mut Conn, &[RelationshipRow]) -> QueryResult<()>,
) -> QueryResult<()> {
    diesel::copy_from(user_relationships::table).from_insertable(rows.to_vec()).execute(conn).map(drop)
}

/// Does nothing: creating indexes needs no preparation.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub(in crate::store) fn prepare_to_recreate(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Analyzes the tables that imports fill, so that plans are good immediately and not a minute later.
pub(in crate::store) fn refresh_statistics(conn: &mut Conn) -> QueryResult<()> {
    let analyze = "ANALYZE users, user_relationships, counts_by_user, counts_by_target, counts_below";
    diesel::sql_query(analyze).execute(conn).map(drop)
}
