//! Begins transactions.

use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, SimpleConnection};
use std::time::Duration;

use super::mode::Mode;
use super::sessions::{Session, longest_lock_wait};
use crate::store::change_log::ChangeLog;
use crate::store::limit::CancelTarget;

/// How long the transaction of a batch waits for a lock. It is shorter than `deadlock_timeout`, so that a batch fails
/// before another transaction is aborted by a deadlock.
const BATCH_LOCK_MILLIS: u128 = 250;

/// Fails if the change log is on. In the round trip of `BEGIN`, and a lock until the transaction ends: no job turns the log
/// on meanwhile. A cast fails with its text, which no planner evaluates before.
const REQUIRE_LOG_OFF: &str =
    "; SELECT CAST(CASE WHEN is_on THEN 'the change log is on' END AS INTEGER) FROM change_log";
/// The text in the error of that.
const LOG_IS_ON: &str = "the change log is on";

/// Has Citus prepare the transaction on all nodes on which it writes before it commits on the first one.
///
/// Citus decides so when a transaction that has written on one node writes on another one, but not if it has read from that
/// one before, as most jobs do: then a node that ends during the commit keeps half of a transaction. A statement that may
/// write on the coordinator, even if there is nothing to write, makes it decide so at once.
const COMMIT_IN_TWO_PHASES: &str = "; DELETE FROM two_phase_commits WHERE id = 0";

/// Has Citus ask one node after the other, in one session on each. Parallel sessions of a transaction would hold what a change
/// of a type, which every node has, waits for; each of them is one more to prepare; and their order could be another one than
/// that of other writers.
const ASK_IN_SEQUENCE: &str = "; SET LOCAL citus.multi_shard_modify_mode = 'sequential'";

/// Has the nodes of a Citus cluster apply what the transaction sets from here on. Citus passes on the whole message, so each
/// such statement needs one of its own.
const PASS_ON: &str = "SET LOCAL citus.propagate_set_commands = 'local'";

/// Begins a transaction if the job has one. `limits` are whether the job can be cancelled, and its longest statement. Returns
/// whether changes are logged until the transaction ends, as far as it is known.
pub(super) fn begin_if(
    is_transaction: bool,
    session: &mut Session,
    mode: Mode,
    limits: (bool, Duration),
    log: &ChangeLog,
) -> QueryResult<Option<bool>> {
    if !is_transaction {
        return Ok(None);
    }
    let is_logged = log.switch().filter(|_| mode == Mode::Write);
    if is_logged != Some(false) {
        return begin(session, mode, limits, "").map(|()| is_logged);
    }
    match begin(session, mode, limits, REQUIRE_LOG_OFF) {
        Err(error) if error.to_string().contains(LOG_IS_ON) => {
            session.conn.batch_execute("ROLLBACK")?;
            log.set_switch(true);
            begin(session, mode, limits, "").map(|()| Some(true))
        }
        begun => begun.map(|()| is_logged),
    }
}

fn begin(
    session: &mut Session,
    mode: Mode,
    (is_cancellable, longest_statement): (bool, Duration),
    check: &str,
) -> QueryResult<()> {
    let isolation = match mode {
        Mode::Read => "READ COMMITTED READ ONLY",
        Mode::Snapshot | Mode::SnapshotBatch | Mode::Search => "REPEATABLE READ READ ONLY",
        Mode::Write | Mode::Batch => "READ COMMITTED",
    };
    let lock_limit = longest_lock_wait(longest_statement).as_millis();
    let of_session = if session.backend.is_none() {
        let limit = longest_statement.as_millis();
        // The last one ends the transaction of a machine that stops in the middle, which would hold locks for
        // hours.
        format!(
            "; SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {lock_limit}; \
             SET LOCAL idle_in_transaction_session_timeout = {limit}"
        )
    } else {
        String::new()
    };
    // PostgreSQL would plan statements with arrays again for each batch, which takes longer than most of them.
    // It would also compile those whose rows it overestimates, which takes longer still. Citus cannot plan some of them
    // without their values.
    let keep_plans = if session.layout.is_citus() {
        "; SET LOCAL jit = off"
    } else {
        "; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL jit = off"
    };
    let batch_lock_limit = format!("SET LOCAL lock_timeout = {}", BATCH_LOCK_MILLIS.min(lock_limit));
    let of_mode = match mode {
        Mode::Batch => format!("; {batch_lock_limit}{keep_plans}"),
        Mode::SnapshotBatch => keep_plans.to_owned(),
        _ => String::new(),
    };
    let of_pooler = session.canary.as_ref().map_or("", |canary| &canary.check);
    // Shared, and without a wait: only this connection has the key.
    let of_canceller = match session.cancel_target() {
        Some(CancelTarget::LockHolder(key)) if is_cancellable => {
            format!("; SELECT pg_try_advisory_xact_lock_shared({key})")
        }
        _ => String::new(),
    };
    let is_spread_write = session.layout.is_spread() && mode.may_write();
    let [in_sequence, in_two_phases] = if is_spread_write { [ASK_IN_SEQUENCE, COMMIT_IN_TWO_PHASES] } else { [""; 2] };
    let begin = format!(
        "BEGIN ISOLATION LEVEL {isolation}{of_pooler}{of_session}{of_mode}{of_canceller}{in_sequence}{in_two_phases}{check}"
    );
    AnsiTransactionManager::begin_transaction_sql(&mut session.conn, &begin)?;
    if is_spread_write && mode == Mode::Batch {
        session.conn.batch_execute(PASS_ON)?;
        session.conn.batch_execute(&batch_lock_limit)?;
    }
    Ok(())
}
