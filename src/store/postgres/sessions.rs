//! Makes the pooled connections to PostgreSQL.
//!
//! # Design
//! Every statement has a time limit and a lock timeout. A direct connection to the server gets them at its start, by
//! libpq's `options`, at no cost for its statements. A pooler that runs each transaction in another session of the
//! server (PgBouncer) rejects or ignores `options`, and a `SET` there would affect other clients. So each new
//! connection is queried for its limits. Where they are missing, every read and write is a transaction that sets them
//! for itself, and makes sure that the pooler does not mix up statements (`canary`).

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Text};
use diesel::{Connection, ConnectionError, ConnectionResult};
use log::Level;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::addresses::{Address, Addresses};
use super::canary::{self, Canary, EXPLANATION};
use super::conn::{Conn, connect};
use super::connect_failure::LastFailure;
use super::layout::{self, Layout};
use super::options::{add_options, default_options};
use super::replica::health::Health;
use crate::model::database_problem::DatabaseProblem;
use crate::model::error::Error;
use crate::store::fault::{self, Fault};
use crate::store::limit::{Backend, CancelTarget};
use crate::store::opening::{OpenError, Settings};

/// The shortest time between two log lines about failed attempts to connect.
const LOG_INTERVAL: Duration = Duration::from_secs(1);
/// A parameter of our sessions on the server, which no other session has: its value is `on`.
pub(super) const IS_DIRECT: &str = "user_relationships.is_direct";
/// The longest time between two attempts of a pool to connect, twice as long as the last one: a server that is promoted is
/// found within half a second.
const RETRY_INTERVAL: Duration = Duration::from_millis(400);

/// A pooled connection.
pub(in crate::store) struct Session {
    pub conn: Conn,
    /// Whether the pool must close it: it is dead, or a cancel request may still arrive.
    pub is_lost: bool,
    /// The process of the server, if its session has the limits; `None` behind a pooler.
    pub backend: Option<Backend>,
    /// What a connection behind a pooler checks.
    pub(super) canary: Option<Canary>,
    /// Where the rows of the database are.
    pub(super) layout: Layout,
    last_failure: Arc<LastFailure>,
    /// The generation of connections to a replica that it belongs to.
    generation: u64,
    /// When to replace it.
    until: Option<Instant>,
}

/// Makes connections to one server, or to the one of several that libpq chooses.
#[derive(Clone)]
pub(in crate::store) struct Sessions {
    addresses: Arc<Addresses>,
    longest_statement: Duration,
    /// Whether a pooler rejected or ignored `options`.
    is_pooled: Arc<AtomicBool>,
    /// The level at which that is logged: a command prints nothing about it.
    pooler_level: Level,
    last_failure: Arc<LastFailure>,
    replica: Option<Arc<Health>>,
}

impl Session {
    /// How to find the process that runs its transaction.
    pub fn cancel_target(&self) -> Option<CancelTarget> {
        let backend = self.backend.map(CancelTarget::Backend);
        backend.or_else(|| self.canary.as_ref().map(|canary| CancelTarget::LockHolder(canary.lock)))
    }

    /// Records that a pooler has mixed up prepared statements, which closes the connection, and returns the error of the
    /// job, of which nothing has run.
    pub fn refuse_pooler(&mut self) -> Error {
        self.is_lost = true;
        log::error!("{EXPLANATION}");
        self.last_failure.record(Some(&ConnectionError::BadConnection(EXPLANATION.to_owned())));
        Error::Unavailable(EXPLANATION.to_owned())
    }
}

#[derive(QueryableByName)]
struct Limits {
    #[diesel(sql_type = Integer)]
    pid: i32,
    #[diesel(sql_type = BigInt)]
    started: i64,
    #[diesel(sql_type = Bool)]
    are_set: bool,
}

impl Sessions {
    /// Connections to the primary.
    pub fn of_primary(url: String, settings: &Settings) -> Self {
        let level = if settings.longest_job.is_some() { Level::Info } else { Level::Debug };
        Self::new(vec![url], settings.longest_statement, level, None)
    }

    /// Connections to the primary that only look at it.
    pub fn for_check(url: String, longest_statement: Duration) -> Self {
        Self::new(vec![url], longest_statement, Level::Debug, None)
    }

    /// Connections to a replica, or to several by the URL of each: while it is down none are made, and older ones are
    /// closed.
    pub fn of_replica(urls: Vec<String>, settings: &Settings, health: Arc<Health>) -> Self {
        Self::new(urls, settings.longest_statement, Level::Info, Some(health))
    }

    fn new(urls: Vec<String>, longest_statement: Duration, pooler_level: Level, replica: Option<Arc<Health>>) -> Self {
        let statement = longest_statement.as_millis();
        let options = format!(
            "-c statement_timeout={statement} -c lock_timeout={} -c idle_in_transaction_session_timeout={statement} \
             -c {IS_DIRECT}=on",
            longest_lock_wait(longest_statement).as_millis()
        );
        let addresses = Arc::new(Addresses::new(urls, &options, longest_statement));
        let (is_pooled, last_failure) = Default::default();
        Self { addresses, longest_statement, is_pooled, pooler_level, last_failure, replica }
    }

    /// Whether they lead to the primary, which accepts writes.
    pub fn are_to_primary(&self) -> bool {
        self.replica.is_none()
    }

    /// Why the last attempt to connect failed, if it failed a moment ago.
    pub fn last_failure(&self) -> Option<DatabaseProblem> {
        self.last_failure.recent()
    }

    /// Makes a connection and finds out whether it has its limits.
    ///
    /// # Errors
    /// Those of libpq.
    pub fn establish(&self) -> ConnectionResult<Session> {
        let generation = self.replica.as_ref().map_or(0, |health| health.generation());
        let address = self.addresses.next();
        let connected = self.connect_limited(&address).and_then(|(mut conn, backend)| {
            let canary = if backend.is_none() { Some(canary::plant(&mut conn).map_err(bad_connection)?) } else { None };
            let known = canary.as_ref().map(|canary| canary.layout);
            let layout = known.map_or_else(|| layout::find(&mut conn), Ok).map_err(bad_connection)?;
            Ok((conn, backend, canary, layout))
        });
        self.last_failure.record(connected.as_ref().err());
        let (conn, backend, canary, layout) = connected?;
        let last_failure = Arc::clone(&self.last_failure);
        Ok(Session { conn, is_lost: false, backend, canary, layout, last_failure, generation, until: address.until })
    }

    fn connect_limited(&self, address: &Address<'_>) -> ConnectionResult<(Conn, Option<Backend>)> {
        if !self.is_pooled.load(Ordering::Relaxed) {
            match Conn::establish(address.limited_url) {
                Ok(mut conn) => {
                    let backend = self.backend_of(&mut conn)?;
                    if backend.is_none() {
                        self.record_pooler("it ignores `options`");
                    }
                    return Ok((conn, backend));
                }
                Err(error) if is_about_options(&error.to_string()) => self.record_pooler(&error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Conn::establish(address.url).map(|conn| (conn, None))
    }

    /// The backend process, if its session has limits at least as strict as ours.
    fn backend_of(&self, conn: &mut Conn) -> ConnectionResult<Option<Backend>> {
        let found = diesel::sql_query(
            "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::bigint AS started, \
             extract(epoch FROM current_setting('statement_timeout')::interval) * 1000 BETWEEN 1 AND $1 \
             AND current_setting('lock_timeout')::interval > '0' \
             AND current_setting($2, true) = 'on' AS are_set \
             FROM pg_stat_get_activity(pg_backend_pid())",
        )
        .bind::<BigInt, _>(i64::try_from(self.longest_statement.as_millis()).unwrap_or(i64::MAX))
        .bind::<Text, _>(IS_DIRECT)
        .get_result::<Limits>(conn);
        match found {
            Ok(limits) => Ok(limits.are_set.then_some(Backend { pid: limits.pid, started: limits.started })),
            // A broken connection says nothing about a pooler.
            Err(error) if fault::classify(&error).0 == Fault::Lost => {
                Err(ConnectionError::BadConnection(error.to_string()))
            }
            Err(error) => {
                log::debug!("cannot read the limits of a session: {error}");
                Ok(None)
            }
        }
    }

    fn record_pooler(&self, reason: &str) {
        if !self.is_pooled.swap(true, Ordering::Relaxed) {
            log::log!(
                self.pooler_level,
                "PostgreSQL is behind a pooler ({reason}): each transaction sets its own limits"
            );
        }
    }

    /// A pool of at most `size` connections, which retries when it cannot connect.
    pub fn pool(self, size: u32, patience: Duration) -> r2d2::Pool<Self> {
        // The pool retries after half of this. Waits for a connection have their own limits.
        let pool = r2d2::Pool::builder().max_size(size).connection_timeout(patience.min(2 * RETRY_INTERVAL));
        let pool = if self.replica.is_some() {
            // `is_valid` needs no round trip, and connections are made on demand.
            pool.min_idle(Some(0)).test_on_check_out(true).error_handler(Box::new(r2d2::NopErrorHandler))
        } else {
            pool.test_on_check_out(false).error_handler(Box::<LogErrors>::default())
        };
        pool.build_unchecked(self)
    }
}

/// Connects for a command, without limits, and with [`IS_DIRECT`] unless a pooler rejects `options`.
///
/// # Errors
/// Those of [`connect`].
pub(in crate::store) fn connect_for_command(url: &str) -> Result<Conn, OpenError> {
    let marked = add_options(url, &format!("-c {IS_DIRECT}=on"), &default_options());
    match connect(&marked) {
        Err(OpenError::Unreachable(message)) if is_about_options(&message) => connect(url),
        connected => connected,
    }
}

/// How long a statement waits for a lock: shorter than a statement may take, so that the request can still return an
/// error.
pub(super) fn longest_lock_wait(longest_statement: Duration) -> Duration {
    longest_statement / 2
}

/// The error of a query on a new connection, which names a pooler that mixes up statements.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes values")]
fn bad_connection(error: diesel::result::Error) -> ConnectionError {
    let message = error.to_string();
    let is_of_pooler = canary::is_mixed_up(&message);
    ConnectionError::BadConnection(if is_of_pooler { EXPLANATION.to_owned() } else { message })
}

/// Whether a connection was rejected because of its `options`, by the messages of PgBouncer and similar poolers.
fn is_about_options(message: &str) -> bool {
    message.contains("startup parameter") || message.contains("option")
}

impl r2d2::ManageConnection for Sessions {
    type Connection = Session;
    type Error = ConnectionError;

    fn connect(&self) -> ConnectionResult<Session> {
        let Some(health) = &self.replica else { return self.establish() };
        if !health.is_used() {
            return Err(ConnectionError::BadConnection("the replica is down".to_owned()));
        }
        self.establish().inspect_err(|error| health.mark_down(&error.to_string()))
    }

    fn is_valid(&self, session: &mut Session) -> ConnectionResult<()> {
        match &self.replica {
            Some(health) if health.generation() != session.generation => {
                Err(ConnectionError::BadConnection("it was made before the replica was last lost".to_owned()))
            }
            _ if session.until.is_some_and(|until| until <= Instant::now()) => {
                Err(ConnectionError::BadConnection("it is old, and there are several standbys".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        session.is_lost
            || std::thread::panicking()
            || AnsiTransactionManager::is_broken_transaction_manager(&mut session.conn)
    }
}

/// Logs failed attempts, at most one a second.
#[derive(Debug, Default)]
struct LogErrors(Mutex<Option<Instant>>);

impl r2d2::HandleError<ConnectionError> for LogErrors {
    fn handle_error(&self, error: ConnectionError) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= LOG_INTERVAL) {
            *last = Some(Instant::now());
            log::warn!("no connection to PostgreSQL: {error}");
        }
    }
}
