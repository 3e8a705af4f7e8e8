//! Runs jobs on a pool of connections to PostgreSQL, with one transaction for a write.

use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use std::time::{Duration, Instant};

use super::mode::Mode;
use super::permits::{Permit, PostgresPermits};
use super::running::Running;
use super::sessions::{Session, Sessions, longest_lock_wait};
use crate::model::error::{Error, Result};
use crate::store::change_log::ChangeLog;
use crate::store::fault::{self, Fault};
use crate::store::limit::{Backend, JobLimit};
use crate::store::metrics::ConnectionCounts;
use crate::store::opening::Settings;
use crate::store::tx::{AnyConnection, StoreContext, Tx};

/// An attempt that takes this many times the longest statement waits for a response that will not come.
const PATIENCE: u32 = 2;
/// How often a job runs at most after conflicts with other transactions.
const ATTEMPTS: u32 = 6;

/// How long the transaction of a batch waits for a lock. It is shorter than `deadlock_timeout`, so that a batch fails
/// before another transaction is aborted by a deadlock.
const BATCH_LOCK_MILLIS: u128 = 250;

/// Fails if the change log is on. In the round trip of `BEGIN`, and a lock until the transaction ends: nobody turns the log
/// on meanwhile. A cast fails with its text, which no planner evaluates before.
const REQUIRE_LOG_OFF: &str =
    "; SELECT CAST(CASE WHEN is_on THEN 'the change log is on' END AS INTEGER) FROM change_log";
/// The text in the error of that.
const LOG_IS_ON: &str = "the change log is on";

/// A pool, and as many permits as it has connections, so that waiting for one blocks no thread.
pub(in crate::store) struct PostgresEngine {
    pool: r2d2::Pool<Sessions>,
    permits: PostgresPermits,
    timeout: Duration,
    longest_statement: Duration,
    running: Running,
}

impl PostgresEngine {
    /// Creates the pool, which connects in the background: the database may be down.
    pub fn open(sessions: Sessions, settings: &Settings) -> Self {
        let pool = sessions.pool(settings.pool_size, settings.timeout);
        Self {
            pool,
            permits: PostgresPermits::new(settings.pool_size, settings.timeout),
            timeout: settings.timeout,
            longest_statement: settings.longest_statement,
            running: Running::default(),
        }
    }

    /// The number of connections in use and in the pool.
    pub fn connections(&self) -> ConnectionCounts {
        let r2d2::State { connections, idle_connections: idle, .. } = self.pool.state();
        ConnectionCounts { busy: connections.saturating_sub(idle), idle }
    }

    /// The time after which a job no longer expects a response.
    pub fn patience(&self) -> Duration {
        PATIENCE * self.longest_statement
    }

    /// Whether a job has been waiting for a response for longer than [`patience`](Self::patience).
    pub fn is_stalled(&self) -> bool {
        self.running.longest().is_some_and(|time| time > self.patience())
    }

    /// The backends of those jobs, as far as they are known.
    pub fn stalled_backends(&self) -> Vec<Backend> {
        self.running.longer_than(self.patience())
    }

    /// Waits for a permit for a job of that name to use a connection, at most for `DATABASE_TIMEOUT`.
    pub async fn permit(&self, job: &'static str, mode: Mode) -> Result<Permit> {
        self.permits.acquire(job, mode).await
    }

    /// The permits, for batchers, which wait for them differently.
    pub fn permits(&self) -> &PostgresPermits {
        &self.permits
    }

    /// Runs a job on this thread; retries on conflict and on a connection found dead.
    ///
    /// # Errors
    /// Those of the job, or [`Error::Unavailable`].
    pub fn run<T>(
        &self,
        mode: Mode,
        shared: &StoreContext,
        limit: &JobLimit,
        job: &impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + self.longest_statement;
        let mut attempts = 0;
        let mut dead = 0;
        loop {
            limit.check()?;
            let mut session = self.session()?;
            let (result, fault) = self.attempt(mode, &mut session, shared, limit, job);
            drop(session);
            let Err(error) = result else { return result };
            let can_retry = match fault {
                Some(Fault::Conflict) => {
                    attempts += 1;
                    shared.types.clear();
                    std::thread::sleep(jitter(attempts));
                    attempts < ATTEMPTS
                }
                // After a restart of the database every pooled connection is dead.
                Some(Fault::Lost) => {
                    dead += 1;
                    dead <= self.pool.max_size()
                }
                _ => false,
            };
            if !can_retry || Instant::now() >= deadline {
                return Err(error);
            }
            if fault == Some(Fault::Lost) {
                shared.metrics.count_lost_connection();
            }
        }
    }

    /// Runs the job of a batch once; `None` if it failed and changed nothing, so that each request may run alone.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no connection, or when it is not known whether the commit succeeded.
    pub fn run_batch<T>(
        &self,
        mode: Mode,
        shared: &StoreContext,
        job: &impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut session = self.session()?;
        // The statements are few and limited by `statement_timeout`; the requests that wait have their own limits.
        match self.attempt(mode, &mut session, shared, &JobLimit::NONE, job) {
            (Ok(done), _) => Ok(Some(done)),
            (Err(error), Some(Fault::Unknown)) => Err(error),
            (Err(error), _) => {
                log::debug!("a batch failed and its requests run one by one: {error:?}");
                Ok(None)
            }
        }
    }

    /// Runs a job once, for a caller that can use another server if it fails; the fault tells why it failed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the job has reached its limit or the pool has no connection.
    pub fn run_once<T>(
        &self,
        mode: Mode,
        shared: &StoreContext,
        limit: &JobLimit,
        job: &impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> Result<(Result<T>, Option<Fault>)> {
        limit.check()?;
        let mut session = self.session()?;
        let (result, fault) = self.attempt(mode, &mut session, shared, limit, job);
        // Recovery on a replica that cancels a statement may also terminate its connection.
        session.is_lost |= fault == Some(Fault::Conflict);
        Ok((result, fault))
    }

    fn session(&self) -> Result<r2d2::PooledConnection<Sessions>> {
        let session = self.pool.get_timeout(self.timeout);
        session.map_err(|error| Error::Unavailable(format!("no connection: {error}")))
    }

    /// Runs a job once; the fault tells whether a further attempt can help.
    fn attempt<T>(
        &self,
        mode: Mode,
        session: &mut Session,
        shared: &StoreContext,
        limit: &JobLimit,
        job: &impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> (Result<T>, Option<Fault>) {
        let _running = self.running.begin(session.backend);
        let is_transaction = mode != Mode::Read || session.backend.is_none();
        let is_logged = match self.begin_if(is_transaction, session, mode, &shared.changes) {
            Ok(is_logged) => is_logged,
            Err(error) => {
                let (fault, error) = fault::classify(&error);
                session.is_lost = fault == Fault::Lost;
                return (Err(error), Some(fault));
            }
        };
        let entered = limit.enter(session.backend);
        let conn = AnyConnection::Postgres(&mut session.conn);
        let mut tx = if mode.may_write() {
            Tx::writing(conn, shared, limit, is_logged)
        } else {
            Tx::reading(conn, shared, limit)
        };
        // The job may have been cancelled before `enter`.
        let mut result = tx.check_limit().and_then(|()| job(&mut tx));
        if is_transaction && result.is_ok() {
            result = tx.check_limit().and(tx.require_no_pending_changes()).and(result);
        }
        let (fault, has_changes) = (tx.fault(), tx.has_written_changes());
        session.is_lost = fault == Some(Fault::Lost);
        if entered.leave() {
            // A late cancel request must not stop the next job. Closing the connection rolls back.
            session.is_lost = true;
            let result = if mode.may_write() { limit.check().and(result) } else { result };
            return (result, Some(Fault::Limit));
        }
        if !is_transaction {
            return (result, fault);
        }
        if result.is_err() {
            // If the rollback fails, the pool closes the connection.
            drop(AnsiTransactionManager::rollback_transaction(&mut session.conn));
            return (result, fault);
        }
        match AnsiTransactionManager::commit_transaction(&mut session.conn) {
            Ok(()) => {
                if mode == Mode::Write {
                    shared.metrics.count_commit(1);
                }
                if has_changes {
                    shared.changes.wake_readers();
                }
                (result, None)
            }
            Err(_) if !mode.may_write() => {
                // The read is complete.
                session.is_lost = true;
                (result, None)
            }
            Err(error) => {
                let (fault, error) = fault::classify(&error);
                session.is_lost = fault == Fault::Lost;
                // If the connection died, it is not known whether the commit succeeded: the job must not run again.
                (Err(error), Some(if session.is_lost { Fault::Unknown } else { fault }))
            }
        }
    }

    /// Begins a transaction if the job has one. Returns whether changes are logged until it ends, as far as it is known.
    fn begin_if(
        &self,
        is_transaction: bool,
        session: &mut Session,
        mode: Mode,
        log: &ChangeLog,
    ) -> QueryResult<Option<bool>> {
        if !is_transaction {
            return Ok(None);
        }
        let is_logged = log.switch().filter(|_| mode == Mode::Write);
        if is_logged != Some(false) {
            return self.begin(session, mode, "").map(|()| is_logged);
        }
        match self.begin(session, mode, REQUIRE_LOG_OFF) {
            Err(error) if error.to_string().contains(LOG_IS_ON) => {
                session.conn.batch_execute("ROLLBACK")?;
                log.set_switch(true);
                self.begin(session, mode, "").map(|()| Some(true))
            }
            begun => begun.map(|()| is_logged),
        }
    }

    fn begin(&self, session: &mut Session, mode: Mode, check: &str) -> QueryResult<()> {
        let isolation = match mode {
            Mode::Read => "READ COMMITTED READ ONLY",
            Mode::Snapshot | Mode::SnapshotBatch | Mode::Search => "REPEATABLE READ READ ONLY",
            Mode::Write | Mode::Batch => "READ COMMITTED",
        };
        let lock_limit = longest_lock_wait(self.longest_statement).as_millis();
        let of_session = if session.backend.is_none() {
            let limit = self.longest_statement.as_millis();
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
        let keep_plans = "; SET LOCAL plan_cache_mode = force_generic_plan";
        let of_mode = match mode {
            Mode::Batch => format!("; SET LOCAL lock_timeout = {}{keep_plans}", BATCH_LOCK_MILLIS.min(lock_limit)),
            Mode::SnapshotBatch => keep_plans.to_owned(),
            _ => String::new(),
        };
        let begin = format!("BEGIN ISOLATION LEVEL {isolation}{of_session}{of_mode}{check}");
        AnsiTransactionManager::begin_transaction_sql(&mut session.conn, &begin)
    }
}

/// The pause before a retry: longer after each attempt, and random so that two transactions do not collide again.
fn jitter(attempt: u32) -> Duration {
    let mut byte = [0];
    let random = aws_lc_rs::rand::fill(&mut byte).map_or(0, |()| u64::from(byte[0]));
    Duration::from_micros(u64::from(attempt) * (500 + random * 40))
}
