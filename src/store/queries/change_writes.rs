//! Writes the change log.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable};

use super::schema::change_log::dsl;
use super::schema::{changes, unnumbered_changes};
use super::sql::Sql;
use super::{Conn, dialect};
use crate::model::change::{ChangeOrigin, Horizon};
use crate::store::pending_changes::{PendingChange, columns, rows};

/// Whether changes are logged. No other job can turn the log on before the transaction ends.
pub(in crate::store) fn is_on(conn: &mut Conn) -> QueryResult<bool> {
    Sql::new("SELECT is_on FROM change_log").returning::<Bool>().get_result(conn)
}

/// Stores the changes of a transaction if the log is on, as the last that the transaction does. `at` is in microseconds
/// since 1970.
///
/// On Citus a statement that reads `change_log` would run on the node of the table, and draw the id of the set there.
pub(in crate::store) fn insert(
    conn: &mut Conn,
    pending: &[PendingChange],
    at: i64,
    origin: &ChangeOrigin,
    is_citus: bool,
) -> QueryResult<()> {
    if is_citus && !is_on(conn)? {
        return Ok(());
    }
    let rows = rows(pending, at, origin);
    for some in dialect::statements_of(&rows) {
        let mut sql = Sql::new(dialect::INSERT_CHANGES);
        if !dialect::IS_LOG_READ_FIRST {
            sql.table(columns(some)).text(if is_citus { "" } else { " WHERE (SELECT is_on FROM change_log)" });
        } else if let [row] = some {
            // The usual case on SQLite: diesel finds the prepared statement by the type of the query.
            diesel::insert_into(changes::table).values(row).execute(conn)?;
            continue;
        } else {
            sql.source(columns(some));
        }
        sql.returning::<()>().execute(conn)?;
    }
    Ok(())
}

/// Moves the place and the time from which the log is complete.
pub(in crate::store) fn move_horizon(conn: &mut Conn, horizon: &Horizon) -> QueryResult<usize> {
    diesel::update(dsl::change_log)
        .set((
            dsl::horizon_number.eq(horizon.position.number),
            dsl::horizon_at.eq(horizon.at.micros()),
            dsl::horizon_fingerprint.eq(horizon.position.fingerprint),
        ))
        .execute(conn)
}

/// Waits for all transactions that have read whether changes are logged.
pub(in crate::store) fn lock_log(conn: &mut Conn) -> QueryResult<()> {
    dialect::lock_change_log(conn)
}

/// Locks out others that number or prune changes.
pub(in crate::store) fn lock_numbers(conn: &mut Conn) -> QueryResult<()> {
    dialect::lock_change_numbers(conn)
}

/// Turns the log on or off.
pub(in crate::store) fn set_on(conn: &mut Conn, is_on: bool) -> QueryResult<usize> {
    diesel::update(dsl::change_log).set(dsl::is_on.eq(is_on)).execute(conn)
}

/// Deletes the changes that have no number yet.
pub(in crate::store) fn delete_unnumbered(conn: &mut Conn) -> QueryResult<usize> {
    diesel::delete(unnumbered_changes::table).execute(conn)
}

/// The smallest number of a stored change.
pub(in crate::store) fn first(conn: &mut Conn) -> QueryResult<Option<i64>> {
    Sql::new("SELECT MIN(n) FROM changes").returning::<Nullable<BigInt>>().get_result(conn)
}

/// Deletes the changes up to a number.
pub(in crate::store) fn delete_up_to(conn: &mut Conn, number: i64) -> QueryResult<usize> {
    let mut sql = Sql::new("DELETE FROM changes WHERE n <= ");
    sql.integer(number);
    sql.returning::<()>().execute(conn)
}

/// The number of changes without a number, at most `limit`.
pub(in crate::store) fn count_unnumbered(conn: &mut Conn, limit: i64) -> QueryResult<i64> {
    let mut sql = Sql::new("SELECT COUNT(*) FROM (SELECT 1 FROM unnumbered_changes LIMIT ");
    sql.integer(limit).text(") AS waiting");
    sql.returning::<BigInt>().get_result(conn)
}

/// How many changes have a larger number, and the largest of their numbers; the given one if there is none.
pub(in crate::store) fn count_after(conn: &mut Conn, number: i64) -> QueryResult<(i64, i64)> {
    let mut sql = Sql::new("SELECT COUNT(*), COALESCE(MAX(n), ");
    sql.integer(number).text(") FROM changes WHERE n > ").integer(number);
    sql.returning::<(BigInt, BigInt)>().get_result(conn)
}

/// Deletes the changes with a larger number.
pub(in crate::store) fn delete_after(conn: &mut Conn, number: i64) -> QueryResult<()> {
    let mut sql = Sql::new("DELETE FROM changes WHERE n > ");
    sql.integer(number);
    sql.returning::<()>().execute(conn).map(drop)
}
