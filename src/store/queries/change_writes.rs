//! Writes the change log.

use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::schema::change_log::dsl;
use super::sql::Sql;
use super::{Conn, dialect};
use crate::model::change::{ChangeOrigin, Horizon};
use crate::store::pending_changes::{PendingChange, columns};

/// Whether changes are logged. Nobody can turn the log on before the transaction ends.
pub(in crate::store) fn is_on(conn: &mut Conn) -> QueryResult<bool> {
    Sql::new("SELECT is_on FROM change_log").returning::<Bool>().get_result(conn)
}

/// Stores the changes of a transaction, as the last that it does. `at` is in microseconds since 1970.
pub(in crate::store) fn insert(
    conn: &mut Conn,
    changes: &[PendingChange],
    at: i64,
    origin: &ChangeOrigin,
) -> QueryResult<()> {
    let mut first = 0;
    for some in dialect::statements_of(changes) {
        let mut sql = Sql::new(dialect::INSERT_CHANGES);
        sql.table(columns(some, first, at, origin));
        sql.returning::<()>().execute(conn)?;
        first += some.len();
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
