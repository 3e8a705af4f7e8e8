//! Asks a server over a new connection whether it is there, and whether it works for the jobs that wait for it.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::postgres;
use crate::store::postgres::sessions::Sessions;

/// One probe at a time, on a thread of its own, which no request waits for.
#[derive(Debug, Default)]
pub(super) struct Probe(Mutex<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    started: Option<Instant>,
    is_running: bool,
}

/// A probe that takes so many pauses hangs itself, and another may start.
const PAUSES_OF_A_PROBE: u32 = 12;

impl Probe {
    /// Starts a probe, unless one runs or has begun less than `pause` ago.
    pub fn start(self: &Arc<Self>, pause: Duration, work: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        let rest = if state.is_running { pause * PAUSES_OF_A_PROBE } else { pause };
        if state.started.is_some_and(|started| started.elapsed() < rest) {
            return;
        }
        let started = Instant::now();
        *state = State { started: Some(started), is_running: true };
        drop(state);
        let ended = Ended { probe: Arc::clone(self), started };
        let thread = std::thread::Builder::new().name("probe".to_owned()).spawn(move || {
            let _ended = ended;
            work();
        });
        if let Err(error) = thread {
            log::error!("cannot start a thread that looks for the server: {error}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes the end of a probe, also after a panic.
struct Ended {
    probe: Arc<Probe>,
    started: Instant,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let mut state = self.probe.state();
        if state.started == Some(self.started) {
            state.is_running = false;
        }
    }
}

/// Whether the server answers a new connection and knows nothing of the statements that jobs have waited for too long.
/// A statement that has been running for longer than its limit counts as forgotten: its process has stopped.
pub(super) fn are_lost(sessions: &Sessions, engine: &postgres::Engine) -> bool {
    let mut session = match sessions.establish() {
        Ok(session) => session,
        Err(error) => {
            log::warn!("a job has had no answer for {:?}, and there is no new connection: {error}", engine.patience());
            return false;
        }
    };
    // Only now: the job may have had its answer meanwhile.
    let silent = engine.silent_sessions();
    let (pids, starts): (Vec<_>, Vec<_>) = silent.iter().map(|backend| (backend.pid, backend.started)).unzip();
    let patience = i64::try_from(engine.patience().as_millis()).unwrap_or(i64::MAX);
    let at_work = diesel::dsl::sql::<BigInt>("SELECT count(*) FROM pg_stat_activity JOIN unnest(")
        .bind::<Array<Integer>, _>(pids)
        .sql("::integer[], ")
        .bind::<Array<BigInt>, _>(starts)
        .sql(
            "::bigint[]) AS silent (process, started) ON pid = process \
         AND (extract(epoch FROM backend_start) * 1000000)::bigint = started \
         WHERE state IN ('active', 'fastpath function call') \
         AND clock_timestamp() - query_start < ",
        )
        .bind::<BigInt, _>(patience)
        .sql(" * interval '1 millisecond'")
        .get_result::<i64>(&mut session.conn);
    match at_work {
        Ok(at_work) => at_work < i64::try_from(silent.len()).unwrap_or(i64::MAX).max(1),
        Err(error) => {
            log::warn!("a job has had no answer for {:?}, nor has a new connection: {error}", engine.patience());
            false
        }
    }
}
