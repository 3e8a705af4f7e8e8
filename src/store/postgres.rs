//! PostgreSQL: a pool of connections, one transaction a write.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::{Connection, PgConnection, QueryResult};
use std::time::{Duration, Instant};

use super::fault::Fault;
use super::limit::JobLimit;
use super::tx::{AnyConnection, Shared, Tx};
use super::url::hide_quotations;
use super::{OpenError, Settings};
use crate::model::error::{Error, Result};
use crate::store::metrics::Connections;
pub(super) use mode::Mode;
pub(super) use permits::Permit;
use permits::Permits;
use running::Running;
use sessions::{Backend, Session, Sessions, longest_lock};

#[path = "queries/gathered_creates.rs"]
pub(super) mod gathered_creates;
#[path = "queries/gathered_lists.rs"]
pub(super) mod gathered_lists;
#[path = "queries/mod.rs"]
pub(super) mod queries;
#[path = "queries/replica.rs"]
pub(super) mod replica;

pub(super) mod bulk;
pub(super) mod canceller;
pub(super) mod dialect;
mod lock_wait;
mod mode;
mod options;
pub(super) mod permits;
mod running;
pub(super) mod sessions;

pub(super) type Conn = PgConnection;
pub(super) type Db = diesel::pg::Pg;

/// An attempt that takes so many times the longest statement waits for an answer that does not come.
const PATIENCE: u32 = 2;
/// How often a job runs that others were in the way of.
const ATTEMPTS: u32 = 6;

/// Connects.
pub(super) fn connect(url: &str) -> std::result::Result<Conn, OpenError> {
    Conn::establish(url).map_err(|error| {
        let told = error.to_string();
        // Before it asks any server.
        let is_of_url = told.starts_with("invalid ") || told.starts_with("could not match ");
        if is_of_url { OpenError::Unreadable(hide_quotations(&told)) } else { OpenError::Unreachable(told) }
    })
}

/// How long a gathered transaction waits for a lock. It is shorter than `deadlock_timeout`, so that it also gives way
/// before others lose by a deadlock.
const GATHERED_LOCK_MILLIS: u128 = 250;

/// The engine: a pool, and as many permits as it has connections, so that waiting costs no thread.
pub(super) struct Engine {
    pool: r2d2::Pool<Sessions>,
    permits: Permits,
    timeout: Duration,
    longest_statement: Duration,
    running: Running,
}

impl Engine {
    /// Makes the pool; connections are made in the background, so that a database that is away does not matter.
    pub fn open(sessions: Sessions, settings: &Settings) -> Self {
        let pool = sessions.pool(settings.pool_size, settings.timeout);
        Self {
            pool,
            permits: Permits::new(settings.pool_size, settings.timeout),
            timeout: settings.timeout,
            longest_statement: settings.longest_statement,
            running: Running::default(),
        }
    }

    /// The pool's connections at this moment.
    pub fn connections(&self) -> Connections {
        let r2d2::State { connections, idle_connections: idle, .. } = self.pool.state();
        Connections { busy: connections.saturating_sub(idle), idle }
    }

    /// After what time no answer is to be expected.
    pub fn patience(&self) -> Duration {
        PATIENCE * self.longest_statement
    }

    /// Whether a job has been waiting for an answer for longer than that.
    pub fn is_silent(&self) -> bool {
        self.running.longest().is_some_and(|time| time > self.patience())
    }

    /// The sessions of those jobs, as far as they are known.
    pub fn silent_sessions(&self) -> Vec<Backend> {
        self.running.longer_than(self.patience())
    }

    /// Waits for a permit for a job of that name, not longer than `DATABASE_TIMEOUT`.
    pub async fn permit(&self, job: &'static str, mode: Mode) -> Result<Permit> {
        self.permits.acquire(job, mode).await
    }

    /// The permits, for those who wait in their own way.
    pub fn permits(&self) -> &Permits {
        &self.permits
    }

    /// Runs a job on this thread, again where others were in its way or the connection had died unnoticed.
    pub fn run<T>(
        &self,
        mode: Mode,
        shared: &Shared,
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
            let again = match fault {
                Some(Fault::Conflict) => {
                    attempts += 1;
                    shared.types.clear();
                    std::thread::sleep(jitter(attempts));
                    attempts < ATTEMPTS
                }
                // After a restart of the database every pooled connection is dead once.
                Some(Fault::Lost) => {
                    dead += 1;
                    dead <= self.pool.max_size()
                }
                _ => false,
            };
            if !again || Instant::now() >= deadline {
                return Err(error);
            }
            if fault == Some(Fault::Lost) {
                shared.measures.lost_connection();
            }
        }
    }

    /// Runs a job once, for many who wait; `None` if it failed and changed nothing, so that each may try alone.
    pub fn run_gathered<T>(
        &self,
        mode: Mode,
        shared: &Shared,
        job: &impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut session = self.session()?;
        // Each statement has its limit, and there are few; those who wait have theirs.
        match self.attempt(mode, &mut session, shared, &JobLimit::NONE, job) {
            (Ok(done), _) => Ok(Some(done)),
            (Err(error), Some(Fault::Unknown)) => Err(error),
            (Err(error), _) => {
                log::debug!("what was gathered is tried one by one: {error:?}");
                Ok(None)
            }
        }
    }

    /// Runs a job once, for whoever can ask elsewhere; a fault says what was in the way. An error of its own is that of
    /// a pool which has no connection.
    pub fn run_once<T>(
        &self,
        mode: Mode,
        shared: &Shared,
        limit: &JobLimit,
        job: &impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> Result<(Result<T>, Option<Fault>)> {
        limit.check()?;
        let mut session = self.session()?;
        let (result, fault) = self.attempt(mode, &mut session, shared, limit, job);
        // Whoever is in the way of a statement on a replica may have ended the connection with it.
        session.is_lost |= fault == Some(Fault::Conflict);
        Ok((result, fault))
    }

    fn session(&self) -> Result<r2d2::PooledConnection<Sessions>> {
        let session = self.pool.get_timeout(self.timeout);
        session.map_err(|error| Error::Unavailable(format!("no connection: {error}")))
    }

    /// Runs a job once; a fault says what a further attempt needs.
    fn attempt<T>(
        &self,
        mode: Mode,
        session: &mut Session,
        shared: &Shared,
        limit: &JobLimit,
        job: &impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> (Result<T>, Option<Fault>) {
        let _running = self.running.begin(session.backend);
        let is_transaction = mode != Mode::Read || session.backend.is_none();
        if is_transaction && let Err(error) = self.begin(session, mode) {
            let (fault, told) = super::fault::classify(&error);
            session.is_lost = fault == Fault::Lost;
            return (Err(told), Some(fault));
        }
        let entered = limit.enter(session.backend);
        let link = AnyConnection::Postgres(&mut session.conn);
        let mut tx = if mode.may_write() { Tx::writing(link, shared, limit) } else { Tx::reading(link, shared, limit) };
        // It may have been cancelled before it entered.
        let mut result = tx.check_limit().and_then(|()| job(&mut tx));
        if is_transaction && result.is_ok() {
            result = tx.check_limit().and(result);
        }
        let fault = tx.fault();
        session.is_lost = fault == Some(Fault::Lost);
        if entered.leave() {
            // A late cancel request must not meet the next job; the server rolls back when the connection is closed.
            session.is_lost = true;
            let result = if mode.may_write() { limit.check().and(result) } else { result };
            return (result, Some(Fault::Limit));
        }
        if !is_transaction {
            return (result, fault);
        }
        if result.is_err() {
            // A rollback that fails leaves a connection that the pool throws away.
            drop(AnsiTransactionManager::rollback_transaction(&mut session.conn));
            return (result, fault);
        }
        match AnsiTransactionManager::commit_transaction(&mut session.conn) {
            Ok(()) => {
                if mode == Mode::Write {
                    shared.measures.committed(1);
                }
                (result, None)
            }
            Err(_) if !mode.may_write() => {
                // What was read was read.
                session.is_lost = true;
                (result, None)
            }
            Err(error) => {
                let (fault, told) = super::fault::classify(&error);
                session.is_lost = fault == Fault::Lost;
                // The fate of a commit whose connection died is unknown: nobody may run the job again.
                (Err(told), Some(if session.is_lost { Fault::Unknown } else { fault }))
            }
        }
    }

    fn begin(&self, session: &mut Session, mode: Mode) -> QueryResult<()> {
        let isolation = match mode {
            Mode::Read => "READ COMMITTED READ ONLY",
            Mode::Snapshot | Mode::Search => "REPEATABLE READ READ ONLY",
            Mode::Write | Mode::Gathered => "READ COMMITTED",
        };
        let lock_limit = longest_lock(self.longest_statement).as_millis();
        let of_session = if session.backend.is_none() {
            let limit = self.longest_statement.as_millis();
            // The last one ends what a machine leaves behind that stops in the middle: it would hold locks for hours.
            format!(
                "; SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {lock_limit}; \
                 SET LOCAL idle_in_transaction_session_timeout = {limit}"
            )
        } else {
            String::new()
        };
        let of_mode = if mode == Mode::Gathered {
            format!("; SET LOCAL lock_timeout = {}", GATHERED_LOCK_MILLIS.min(lock_limit))
        } else {
            String::new()
        };
        let begin = format!("BEGIN ISOLATION LEVEL {isolation}{of_session}{of_mode}");
        AnsiTransactionManager::begin_transaction_sql(&mut session.conn, &begin)
    }
}

/// A little longer each time, and never the same for two.
fn jitter(attempt: u32) -> Duration {
    let mut byte = [0];
    let random = aws_lc_rs::rand::fill(&mut byte).map_or(0, |()| u64::from(byte[0]));
    Duration::from_micros(u64::from(attempt) * (500 + random * 40))
}
