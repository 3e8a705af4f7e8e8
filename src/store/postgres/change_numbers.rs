//! Numbers committed changes.
//!
//! # Design
//! A transaction stores its changes as a set, whose id it draws last, when it holds all its locks. Ids of sets are not
//! the order of the log: a set with a smaller id may be committed later. So changes get their numbers after their
//! commit. A job that numbers changes locks the row of `change_log` first. What its next statement sees is committed; a
//! set that is committed later gets larger numbers. Two changes of one relationship, or of a cause and its effect, are
//! in the order of their sets, and a statement that sees the second set sees the first one. Writers never wait.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use super::conn::Conn;
use super::dialect;
use crate::store::change_rows::change_columns;

/// The most changes that one transaction numbers, unless the first set is larger: sets stay whole.
const MOST: i64 = 1_000;

/// The smallest and the largest id of a set of committed changes without a number; `None` if there is none.
pub(in crate::store) fn unnumbered(conn: &mut Conn) -> QueryResult<Option<(i64, i64)>> {
    const SETS: &str = "SELECT MIN(set_id), MAX(set_id) FROM unnumbered_changes";
    let sets = diesel::dsl::sql::<(Nullable<BigInt>, Nullable<BigInt>)>(SETS);
    let (smallest, largest): (Option<i64>, Option<i64>) = sets.get_result(conn)?;
    Ok(smallest.zip(largest))
}

/// Numbers committed changes, and returns how many.
pub(in crate::store) fn number(conn: &mut Conn) -> QueryResult<usize> {
    dialect::lock_change_numbers(conn)?;
    diesel::sql_query(NUMBER).bind::<BigInt, _>(MOST).execute(conn)
}

/// The statement. `at` never decreases with the number. Without joins: the planner would expect many rows of `change_log`
/// until it is analyzed, and compile the statement for their product, which takes a second. Citus runs its parts in this
/// order, so that a part sees what those before it wrote.
const NUMBER: &str = concat!(
    "WITH cut AS (
    SELECT set_id FROM unnumbered_changes ORDER BY set_id, place OFFSET $1 LIMIT 1
), previous AS MATERIALIZED (
    SELECT last_at FROM change_log
), smallest AS (
    SELECT MIN(set_id) AS set_id FROM unnumbered_changes
), moved AS (
    DELETE FROM unnumbered_changes WHERE set_id <= COALESCE(
        (SELECT GREATEST(cut.set_id - 1, smallest.set_id) FROM cut, smallest), 9223372036854775807)
    RETURNING *
), log AS (
    UPDATE change_log SET last_number = last_number + counted.n, last_at = GREATEST(last_at, counted.latest)
    FROM (SELECT COUNT(*) AS n, MAX(at) AS latest FROM moved) AS counted WHERE counted.n > 0
    RETURNING last_number - counted.n AS last_number
), ordered AS (
    SELECT (SELECT last_number FROM log) + ROW_NUMBER() OVER sets AS n, place,
        GREATEST((SELECT last_at FROM previous), MAX(at) OVER sets) AS at, action, subject_type, subject_id, user_id, target_id,
        relationship, previous_relationship, edge_created_at, edge_created_by, previous_version, previous_updated_at,
        previous_updated_by, changed, actor_id, request_id, reason
    FROM moved WINDOW sets AS (ORDER BY set_id, place)
)
INSERT INTO changes (n, ",
    change_columns!(),
    ") SELECT n, ",
    change_columns!(),
    " FROM ordered ORDER BY n"
);
