//! Finds out over a new connection whether a server responds and whether it runs the statements of waiting jobs.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::postgres::engine::PostgresEngine;
use crate::store::postgres::sessions::Sessions;

/// Runs at most one probe at a time, on its own thread; no request waits for it.
#[derive(Debug, Default)]
pub(super) struct ServerProbe(Mutex<ProbeState>);

#[derive(Debug, Default, Clone, Copy)]
struct ProbeState {
    started: Option<Instant>,
    is_running: bool,
}

/// A probe that takes this many pauses hangs, and another may start.
const PAUSES_OF_A_PROBE: u32 = 12;

impl ServerProbe {
    /// Starts a probe, unless one is running or started less than `pause` ago.
    pub fn start(self: &Arc<Self>, pause: Duration, work: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        let rest = if state.is_running { pause * PAUSES_OF_A_PROBE } else { pause };
        if state.started.is_some_and(|started| started.elapsed() < rest) {
            return;
        }
        let started = Instant::now();
        *state = ProbeState { started: Some(started), is_running: true };
        drop(state);
        let end = EndOnDrop { probe: Arc::clone(self), started };
        let thread = std::thread::Builder::new().name("probe".to_owned()).spawn(move || {
            let _end = end;
            work();
        });
        if let Err(error) = thread {
            log::error!("cannot start a thread to probe the server: {error}");
        }
    }

    fn state(&self) -> MutexGuard<'_, ProbeState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records the end of a probe when it is dropped, also after a panic.
struct EndOnDrop {
    probe: Arc<ServerProbe>,
    started: Instant,
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let mut state = self.probe.state();
        if state.started == Some(self.started) {
            state.is_running = false;
        }
    }
}

/// Whether the server responds to a new connection and does not run the statements that jobs have waited for too long.
/// A statement that runs for longer than its limit counts as not running: its process has stopped.
pub(super) fn are_lost(sessions: &Sessions, engine: &PostgresEngine) -> bool {
    let mut session = match sessions.establish() {
        Ok(session) => session,
        Err(error) => {
            log::warn!("a job has had no response for {:?}, and connecting fails: {error}", engine.patience());
            return false;
        }
    };
    // After connecting: the job may have had its response meanwhile.
    let stalled = engine.stalled_backends();
    let (pids, starts): (Vec<_>, Vec<_>) = stalled.iter().map(|backend| (backend.pid, backend.started)).unzip();
    let patience = i64::try_from(engine.patience().as_millis()).unwrap_or(i64::MAX);
    let running = diesel::dsl::sql::<BigInt>("SELECT count(*) FROM pg_stat_activity JOIN unnest(")
        .bind::<Array<Integer>, _>(pids)
        .sql("::integer[], ")
        .bind::<Array<BigInt>, _>(starts)
        .sql(
            "::bigint[]) AS stalled (process, started) ON pid = process \
         AND (extract(epoch FROM backend_start) * 1000000)::bigint = started \
         WHERE state IN ('active', 'fastpath function call') \
         AND clock_timestamp() - query_start < ",
        )
        .bind::<BigInt, _>(patience)
        .sql(" * interval '1 millisecond'")
        .get_result::<i64>(&mut session.conn);
    match running {
        Ok(running) => running < i64::try_from(stalled.len()).unwrap_or(i64::MAX).max(1),
        Err(error) => {
            log::warn!("a job has had no response for {:?}, nor has a new connection: {error}", engine.patience());
            false
        }
    }
}
