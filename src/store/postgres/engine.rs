//! Runs jobs on a pool of connections to PostgreSQL, with one transaction for a write.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::canary;
use super::layout::Layout;
use super::mode::{Gathering, Mode};
use super::permits::{Permit, PostgresPermits};
use super::replay;
use super::running::Running;
use super::sessions::{Session, Sessions};
use super::transaction;
use crate::model::error::{Error, Result};
use crate::model::log_position::LogPosition;
use crate::store::fault::{self, Fault};
use crate::store::limit::{Backend, JobLimit};
use crate::store::metrics::ConnectionCounts;
use crate::store::opening::Settings;
use crate::store::tx::{AnyConnection, StoreContext, Tx};

/// An attempt that takes this many times the longest statement waits for a response that will not come.
const PATIENCE: u32 = 2;
/// How often a job runs at most after conflicts with other transactions.
const ATTEMPTS: u32 = 6;

/// A pool, and as many permits as it has connections, so that waiting for one blocks no thread.
pub(in crate::store) struct PostgresEngine {
    pool: r2d2::Pool<Sessions>,
    permits: PostgresPermits,
    timeout: Duration,
    longest_statement: Duration,
    running: Running,
    /// The layout of the database, once there was a connection.
    layout: OnceLock<Layout>,
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
            layout: OnceLock::new(),
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

    /// Whether rows are spread over the nodes of a Citus cluster, as far as it is known.
    pub fn has_spread_rows(&self) -> bool {
        self.layout.get().is_some_and(|layout| layout.is_spread())
    }

    /// Whether requests of a kind may share a statement, as far as it is known.
    pub fn gathers(&self, kind: Gathering) -> bool {
        self.layout.get().is_none_or(|layout| layout.gathers(kind))
    }

    /// Runs a job on this thread; retries on conflict and on a connection found dead.
    ///
    /// # Errors
    /// Those of the job, or [`Error::Unavailable`].
    pub fn run(
        &self,
        mode: Mode,
        shared: &StoreContext,
        limit: &JobLimit,
        job: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
    ) -> Result<()> {
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

    /// Runs the job of a batch of requests of a kind once; `None` if it failed and changed nothing, so that each request may
    /// run alone.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no connection, or when it is not known whether the commit succeeded.
    pub fn run_batch<T>(
        &self,
        kind: Gathering,
        shared: &StoreContext,
        job: impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut done = None;
        let has_run = self.run_batch_once(kind, shared, &mut |tx| job(tx).map(|result| done = Some(result)))?;
        Ok(done.filter(|_| has_run))
    }

    /// Runs the job of a batch once. Returns whether it succeeded; if not, it changed nothing.
    fn run_batch_once(
        &self,
        kind: Gathering,
        shared: &StoreContext,
        job: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
    ) -> Result<bool> {
        let mut session = self.session()?;
        if !session.layout.gathers(kind) {
            return Ok(false);
        }
        // The statements are few and limited by `statement_timeout`; the requests that wait have their own limits.
        match self.attempt(kind.mode, &mut session, shared, &JobLimit::NONE, job) {
            (Ok(()), _) => Ok(true),
            (Err(error), Some(Fault::Unknown)) => Err(error),
            (Err(error), _) => {
                log::debug!("a batch failed and its requests run one by one: {error:?}");
                Ok(false)
            }
        }
    }

    /// Runs a job once, for a caller that can use another server if it fails; the fault tells why it failed. The job runs
    /// only if the server has replayed the position `after`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the job has reached its limit or the pool has no connection.
    pub fn run_once(
        &self,
        mode: Mode,
        shared: &StoreContext,
        (limit, after): (&JobLimit, Option<LogPosition>),
        job: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
    ) -> Result<(Result<()>, Option<Fault>)> {
        limit.check()?;
        let mut session = self.session()?;
        // Before the snapshot of the job, which sees all that is replayed by now.
        if let Some(after) = after
            && let Err((error, fault)) = replay::require_replayed(&mut session.conn, after)
        {
            session.is_lost = fault == Fault::Lost;
            return Ok((Err(error), Some(fault)));
        }
        let (result, fault) = self.attempt(mode, &mut session, shared, limit, job);
        // Recovery on a replica that cancels a statement may also terminate its connection.
        session.is_lost |= fault == Some(Fault::Conflict);
        Ok((result, fault))
    }

    fn session(&self) -> Result<r2d2::PooledConnection<Sessions>> {
        let session = self.pool.get_timeout(self.timeout);
        let session = session.map_err(|error| Error::Unavailable(format!("no connection: {error}")))?;
        self.layout.get_or_init(|| session.layout);
        Ok(session)
    }

    /// Runs a job once; the fault tells whether a further attempt can help.
    fn attempt(
        &self,
        mode: Mode,
        session: &mut Session,
        shared: &StoreContext,
        limit: &JobLimit,
        job: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
    ) -> (Result<()>, Option<Fault>) {
        let _running = self.running.begin(session.backend);
        let is_transaction = mode != Mode::Read || session.backend.is_none();
        let limits = (limit.is_cancellable(), self.longest_statement);
        let is_logged = match transaction::begin_if(is_transaction, session, mode, limits, &shared.changes) {
            Ok(is_logged) => is_logged,
            Err(error) if canary::is_mixed_up(&error.to_string()) => {
                return (Err(session.refuse_pooler()), Some(Fault::Final));
            }
            Err(error) => {
                let (fault, error) = fault::classify(&error);
                session.is_lost = fault == Fault::Lost;
                return (Err(error), Some(fault));
            }
        };
        let entered = limit.enter(session.cancel_target());
        let _layout = session.layout.enter();
        let conn = AnyConnection::Postgres(&mut session.conn);
        let mut tx = if mode.may_write() {
            Tx::writing(conn, shared, limit, is_logged).on_citus(session.layout.is_citus())
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
}

/// The pause before a retry: longer after each attempt, and random so that two transactions do not collide again.
fn jitter(attempt: u32) -> Duration {
    let mut byte = [0];
    let random = aws_lc_rs::rand::fill(&mut byte).map_or(0, |()| u64::from(byte[0]));
    Duration::from_micros(u64::from(attempt) * (500 + random * 40))
}
