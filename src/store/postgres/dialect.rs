//! Where PostgreSQL differs from SQLite.

use super::conn::Conn;
use super::layout;
use super::spread;
use crate::store::change_rows::change_columns;
use crate::store::common_trigrams::IndexedTrigrams;
use crate::store::rows::Numbered;
use crate::store::schema::{relationship_types, user_relationships, users};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

/// Whether rows are spread over nodes, in the database of the job that this thread runs.
pub fn is_spread() -> bool {
    layout::is_spread()
}

/// Rows per count of a type. A count row is locked until its writer commits, so that with one row commits would run one
/// at a time.
pub const TYPE_SLOTS: i64 = 32;
/// The number of slots of `retired_relationship_ids`, which the migration creates.
pub const RETIRED_SLOTS: i64 = 32;

/// Keeps the rows of a table `t` and their keys, and so the rules of types, from changing until the transaction ends.
/// Others may do the same, as foreign keys do.
pub const KEEP_RULES: &str = " FOR KEY SHARE OF t";

/// Locks the rows of a table `t` against changes, deletion and new references until the transaction ends.
pub const LOCK_ROWS: &str = " FOR UPDATE OF t";

/// Skips rows that another transaction has locked.
pub const SKIP_LOCKED: &str = " FOR UPDATE SKIP LOCKED";

pub use super::inspection::{find_problem, has_schema};
pub use super::lock_wait::wait_briefly;

/// A statement is a round trip, and a table can be joined with a subquery that depends on it.
pub const HAS_LATERAL: bool = true;

/// The number of rows that an `INSERT … SELECT … ON CONFLICT DO NOTHING` reports is not that of the stored ones on Citus.
pub const COUNTS_STORED_ROWS: bool = false;

/// The number of the last change, as an SQL expression.
pub const LAST_CHANGE_NUMBER: &str = "last_number";

/// Waits until all transactions that have read whether changes are logged end; those that read it later wait.
pub fn lock_change_log(conn: &mut Conn) -> QueryResult<()> {
    diesel::sql_query("LOCK TABLE change_log IN ACCESS EXCLUSIVE MODE").execute(conn).map(drop)
}

/// Locks out others that number or prune changes until the transaction ends.
pub fn lock_change_numbers(conn: &mut Conn) -> QueryResult<()> {
    diesel::sql_query("SELECT 1 FROM change_log FOR UPDATE").execute(conn).map(drop)
}

/// Whether each transaction begins with reading whether changes are logged.
pub const IS_LOG_READ_FIRST: bool = false;
/// Stores the changes in the table that follows as one set, whose id is drawn at this moment.
pub const INSERT_CHANGES: &str = concat!(
    "WITH drawn AS MATERIALIZED (SELECT nextval('change_set_ids') AS set_id) \
     INSERT INTO unnumbered_changes (set_id, ",
    change_columns!(),
    ") SELECT drawn.set_id, given.* FROM drawn, "
);

/// The changes of each statement: all of them, which are one set.
pub fn statements_of<T>(changes: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::once(changes)
}

/// The trigrams in the index of texts. In a database with the character types of C, only ASCII has letters.
pub fn indexed_trigrams(conn: &mut Conn) -> QueryResult<IndexedTrigrams> {
    let has_index = "EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('users_by_text') AND indisvalid)";
    let types = "(SELECT CAST(datctype AS TEXT) FROM pg_database WHERE datname = current_database())";
    let (has_index, types): (bool, String) =
        diesel::dsl::sql::<(Bool, Text)>(&format!("SELECT {has_index}, {types}")).get_result(conn)?;
    Ok(match (has_index, types.as_str()) {
        (false, _) => IndexedTrigrams::None,
        (true, "C" | "POSIX") => IndexedTrigrams::Ascii,
        (true, _) => IndexedTrigrams::All,
    })
}

/// The conditions that find the users that contain all of these trigrams: SQL, a value, SQL.
pub fn conditions_on_text_index(trigrams: &[String]) -> Vec<(&'static str, String, &'static str)> {
    let before = r" AND (name_key || E'\n' || email_key || E'\n' || search_key) LIKE ";
    trigrams.iter().map(|trigram| (before, format!("%{trigram}%"), "")).collect()
}

/// Whether a search would not find a user by the index: never.
pub const IS_MISSING_IN_TEXT_INDEX: &str = "1 = 0";

/// Does nothing: PostgreSQL keeps its indexes itself.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub const fn add_to_text_index(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Empty: the planner chooses the index by statistics.
macro_rules! by_index {
    ($index:literal) => {
        ""
    };
}
pub(crate) use by_index;

/// Locks a user, its relationships and the counts of the users at their other ends until the transaction ends: others
/// cannot change them or add relationships. The order is that of all transactions; an `UPDATE` alone would lock in any
/// order.
pub fn lock_user(conn: &mut Conn, id: i64) -> QueryResult<()> {
    if is_spread() {
        return spread::locks::lock_user(conn, id);
    }
    let _: Vec<i64> = users::table.find(id).select(users::id).for_update().load(conn)?;
    let _: Vec<i64> = user_relationships::table
        .filter(user_relationships::user_id.eq(id).or(user_relationships::target_id.eq(id)))
        .order(user_relationships::id)
        .select(user_relationships::id)
        .for_update()
        .load(conn)?;
    for counts in [
        "SELECT 1 FROM counts_by_user WHERE (user_id, type_id) IN \
         (SELECT user_id, type_id FROM user_relationships WHERE target_id = $1) \
         ORDER BY user_id, type_id FOR UPDATE",
        "SELECT 1 FROM counts_by_target WHERE (target_id, type_id) IN \
         (SELECT target_id, type_id FROM user_relationships WHERE user_id = $1) \
         ORDER BY target_id, type_id, slot FOR UPDATE",
    ] {
        diesel::sql_query(counts).bind::<BigInt, _>(id).execute(conn)?;
    }
    Ok(())
}

/// Locks the row of a user against changes until the transaction ends, so that the job changes the version it has read.
pub fn lock_user_row(conn: &mut Conn, id: i64) -> QueryResult<()> {
    let _: Vec<i64> = users::table.find(id).select(users::id).for_no_key_update().load(conn)?;
    Ok(())
}

/// Locks the table of types against changes; others can still create relationships of all types.
pub fn lock_types(conn: &mut Conn) -> QueryResult<()> {
    diesel::sql_query("LOCK TABLE relationship_types IN SHARE ROW EXCLUSIVE MODE").execute(conn).map(drop)
}

/// Locks the row of a type against changes until the transaction ends.
pub fn lock_type_row(conn: &mut Conn, name: &str) -> QueryResult<()> {
    let row = relationship_types::table.filter(relationship_types::name.eq(name));
    let _: Vec<i16> = row.select(relationship_types::id).for_no_key_update().load(conn)?;
    Ok(())
}

/// Locks the rules of a type until the transaction ends, and returns its number; `None` if there is no such type.
///
/// Writers of relationships hold `FOR KEY SHARE` on the row of the type, those of earlier releases by the foreign key.
/// `FOR UPDATE` conflicts with it, but PostgreSQL lets new writers overtake: under load it waits for minutes. A lock of
/// the table is granted in the order of requests, so it comes first, and delays writers of other types as well.
pub fn lock_rules(conn: &mut Conn, name: &str) -> QueryResult<Option<i16>> {
    if is_spread() {
        return spread::locks::lock_rules(conn, name);
    }
    diesel::sql_query("LOCK TABLE relationship_types IN EXCLUSIVE MODE").execute(conn)?;
    let row = relationship_types::table.filter(relationship_types::name.eq(name));
    row.select(relationship_types::id).for_update().first(conn).optional()
}

/// Makes the next number of the sequence larger than one that a job chose. This release chooses all numbers, but the
/// previous release takes them from the sequence.
pub fn advance_type_ids(conn: &mut Conn, id: i16) -> QueryResult<()> {
    diesel::sql_query(
        "SELECT setval('relationship_types_id_seq', $1) FROM relationship_types_id_seq WHERE last_value < $1",
    )
    .bind::<BigInt, _>(i64::from(id))
    .execute(conn)
    .map(drop)
}

/// Locks all tables of types, users, relationships and counts against writes; others can still read.
pub fn lock_all(conn: &mut Conn) -> QueryResult<()> {
    // In the order in which jobs lock them.
    let tables = "relationship_types, relationship_type_locks, users, user_relationships, counts_by_user, \
                  counts_by_target, counts_by_type, counts_of_users, counts_below";
    diesel::sql_query(format!("LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")).execute(conn).map(drop)
}

/// Makes the next id larger than one that a caller chose.
pub fn advance_user_ids(conn: &mut Conn, id: i64) -> QueryResult<()> {
    super::bulk::advance(conn, Numbered::Users, id)
}
