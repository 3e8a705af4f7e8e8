//! Where the writes of the primary end in its write-ahead log.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::batch::batcher::BatchQuery;
use super::conn::Conn;
use super::engine::PostgresEngine;
use super::mode::Mode;
use crate::model::error::Result;
use crate::model::log_position::LogPosition;
use crate::store::tx::StoreContext;

/// Asks the primary for a position after every commit that has ended. Concurrent requests share one statement.
#[derive(Debug, Clone)]
pub(in crate::store) struct PositionQuery;

impl BatchQuery for PositionQuery {
    type Answer = LogPosition;
    const NAME: &'static str = "positions";
    const MAX_BATCH: usize = 4_096;
    const MODE: Mode = Mode::Read;

    fn answer(batch: &[&Self], engine: &PostgresEngine, shared: &StoreContext) -> Result<Vec<Option<LogPosition>>> {
        let read = engine.run_batch(Self::GATHERING, shared, |tx| tx.ask_postgres(read_position))?;
        Ok(vec![read; batch.len()])
    }
}

/// The end of the log. Not the end of what is written or flushed: with `synchronous_commit = off` a commit ends before.
fn read_position(conn: &mut Conn) -> QueryResult<LogPosition> {
    let bytes = diesel::dsl::sql::<BigInt>("SELECT CAST(pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS BIGINT)");
    let bytes: i64 = bytes.get_result(conn)?;
    Ok(u64::try_from(bytes).map_or(LogPosition::PRIMARY, LogPosition::new))
}
