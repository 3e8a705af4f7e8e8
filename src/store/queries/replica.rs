//! What a server says of how far behind its primary it is. PostgreSQL alone mounts this room.

use diesel::prelude::*;
use diesel::sql_types::{Double, Nullable};

use super::Conn;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Double>)]
    seconds: Option<f64>,
}

/// Seconds since the last transaction that this server has replayed, by the clocks of both; 0 if it has replayed all
/// that it received and goes on receiving, or if it is no replica; `None` if it has replayed none since it started.
///
/// Received is not written: whoever receives nothing any more has also replayed all of it.
pub(in crate::store) fn lag(conn: &mut Conn) -> QueryResult<Option<f64>> {
    let row: Row = diesel::sql_query(
        "SELECT CAST(CASE \
         WHEN NOT pg_is_in_recovery() THEN 0 \
         WHEN pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0 \
         ELSE EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp()) \
         END AS DOUBLE PRECISION) AS seconds",
    )
    .get_result(conn)?;
    // Two clocks are never quite alike.
    Ok(row.seconds.map(|seconds| seconds.max(0.0)))
}
