//! Whether a server has replayed a position of the write-ahead log.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use super::conn::Conn;
use crate::model::error::Error;
use crate::model::log_position::LogPosition;
use crate::store::fault::{self, Fault};

/// Checks that a server has replayed a position; a server that does not replay a log must have written it.
///
/// # Errors
/// [`Fault::Behind`], and the faults of the statement.
pub(super) fn require_replayed(conn: &mut Conn, position: LogPosition) -> Result<(), (Error, Fault)> {
    let behind = || (Error::Unavailable("the replica has not replayed the position yet".to_owned()), Fault::Behind);
    let bytes = position.bytes().ok_or_else(behind)?;
    let is_replayed = diesel::dsl::sql::<Bool>(
        "SELECT COALESCE(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
         ELSE pg_current_wal_insert_lsn() END - '0/0'::pg_lsn >= ",
    )
    .bind::<BigInt, _>(bytes)
    .sql(", FALSE)")
    .get_result::<bool>(conn);
    match is_replayed {
        Ok(true) => Ok(()),
        Ok(false) => Err(behind()),
        Err(error) => {
            let (fault, error) = fault::classify(&error);
            Err((error, fault))
        }
    }
}
