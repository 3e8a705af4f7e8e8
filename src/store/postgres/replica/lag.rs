//! How far a replica is behind its primary.

use diesel::prelude::*;
use diesel::sql_types::{Double, Nullable};

use crate::store::postgres::conn::Conn;

#[derive(QueryableByName)]
struct LagRow {
    #[diesel(sql_type = Nullable<Double>)]
    seconds: Option<f64>,
}

/// Seconds since the last transaction that this server has replayed, by the clocks of both servers; 0 if it has
/// replayed everything that it received and is still receiving, or if it is not a replica; `None` if it has replayed
/// nothing since its start.
///
/// The check for a receiver matters: a replica that receives nothing any more has replayed everything as well.
pub(super) fn read_lag(conn: &mut Conn) -> QueryResult<Option<f64>> {
    let row: LagRow = diesel::sql_query(
        "SELECT CAST(CASE \
         WHEN NOT pg_is_in_recovery() THEN 0 \
         WHEN pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0 \
         ELSE EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp()) \
         END AS DOUBLE PRECISION) AS seconds",
    )
    .get_result(conn)?;
    // Two clocks always differ a little.
    Ok(row.seconds.map(|seconds| seconds.max(0.0)))
}
