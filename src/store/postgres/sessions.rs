//! Makes the pooled connections to PostgreSQL.
//!
//! # Design
//! Every statement has a time limit and a lock timeout. A direct connection to the server gets them at its start, by
//! libpq's `options`, at no cost for its statements. A pooler that runs each transaction in another session of the
//! server (PgBouncer) rejects or ignores `options`, and a `SET` there would affect other clients. So each new
//! connection is queried for its limits. Where they are missing, every read and write is a transaction that sets them
//! for itself.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer};
use diesel::{Connection, ConnectionError, ConnectionResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::conn::Conn;
use super::connect_failure::LastFailure;
use super::options::{add_options, default_options};
use super::replica::health::Health;
use crate::model::database_problem::DatabaseProblem;
use crate::store::fault::{self, Fault};
use crate::store::limit::Backend;
use crate::store::opening::Settings;

/// A pooled connection.
pub(in crate::store) struct Session {
    pub conn: Conn,
    /// Whether the pool must close it: it is dead, or a cancel request may still arrive.
    pub is_lost: bool,
    /// The backend process, if its session has the limits; `None` behind a pooler.
    pub backend: Option<Backend>,
    /// The generation of connections to a replica that it belongs to.
    generation: u64,
}

/// Makes connections to one server, or to the one of several that libpq chooses.
#[derive(Clone)]
pub(in crate::store) struct Sessions {
    /// The URL without limits of the session.
    url: String,
    /// The URL with them.
    limited_url: String,
    longest_statement: Duration,
    /// Whether a pooler rejected or ignored `options`.
    is_pooled: Arc<AtomicBool>,
    last_failure: Arc<LastFailure>,
    replica: Option<Arc<Health>>,
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
        Self::new(url, settings, None)
    }

    /// Connections to a replica: while it is down none are made, and older ones are closed.
    pub fn of_replica(url: String, settings: &Settings, health: Arc<Health>) -> Self {
        Self::new(url, settings, Some(health))
    }

    fn new(url: String, settings: &Settings, replica: Option<Arc<Health>>) -> Self {
        let statement = settings.longest_statement.as_millis();
        let options = format!(
            "-c statement_timeout={statement} -c lock_timeout={} -c idle_in_transaction_session_timeout={statement}",
            longest_lock_wait(settings.longest_statement).as_millis()
        );
        let limited_url = add_options(&url, &options, &default_options());
        let (is_pooled, last_failure) = Default::default();
        Self { url, limited_url, longest_statement: settings.longest_statement, is_pooled, last_failure, replica }
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
        let connected = self.connect_limited();
        self.last_failure.record(connected.as_ref().err());
        let (conn, backend) = connected?;
        let generation = self.replica.as_ref().map_or(0, |health| health.generation());
        Ok(Session { conn, is_lost: false, backend, generation })
    }

    fn connect_limited(&self) -> ConnectionResult<(Conn, Option<Backend>)> {
        if !self.is_pooled.load(Ordering::Relaxed) {
            match Conn::establish(&self.limited_url) {
                Ok(mut conn) => {
                    let backend = self.backend_of(&mut conn)?;
                    if backend.is_none() {
                        self.record_pooler("it ignores `options`");
                    }
                    return Ok((conn, backend));
                }
                Err(error) if is_about_options(&error) => self.record_pooler(&error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Conn::establish(&self.url).map(|conn| (conn, None))
    }

    /// The backend process, if its session has limits at least as strict as ours.
    fn backend_of(&self, conn: &mut Conn) -> ConnectionResult<Option<Backend>> {
        let found = diesel::sql_query(
            "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::bigint AS started, \
             extract(epoch FROM current_setting('statement_timeout')::interval) * 1000 BETWEEN 1 AND $1 \
             AND current_setting('lock_timeout')::interval > '0' AS are_set \
             FROM pg_stat_get_activity(pg_backend_pid())",
        )
        .bind::<BigInt, _>(i64::try_from(self.longest_statement.as_millis()).unwrap_or(i64::MAX))
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
            log::info!("PostgreSQL is behind a pooler ({reason}): each transaction sets its own limits");
        }
    }

    /// A pool of at most `size` connections, which retries when it cannot connect.
    pub fn pool(self, size: u32, patience: Duration) -> r2d2::Pool<Self> {
        let pool = r2d2::Pool::builder().max_size(size).connection_timeout(patience);
        let pool = if self.replica.is_some() {
            // `is_valid` needs no round trip, and connections are made on demand.
            pool.min_idle(Some(0)).test_on_check_out(true).error_handler(Box::new(r2d2::NopErrorHandler))
        } else {
            pool.test_on_check_out(false).error_handler(Box::new(LogErrors))
        };
        pool.build_unchecked(self)
    }
}

/// How long a statement waits for a lock: shorter than a statement may take, so that the request can still return an
/// error.
pub(super) fn longest_lock_wait(longest_statement: Duration) -> Duration {
    longest_statement / 2
}

/// Whether a connection was rejected because of its `options`, by the messages of PgBouncer and similar poolers.
fn is_about_options(error: &ConnectionError) -> bool {
    let text = error.to_string();
    text.contains("startup parameter") || text.contains("option")
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
            _ => Ok(()),
        }
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        session.is_lost
            || std::thread::panicking()
            || AnsiTransactionManager::is_broken_transaction_manager(&mut session.conn)
    }
}

#[derive(Debug)]
struct LogErrors;

impl r2d2::HandleError<ConnectionError> for LogErrors {
    fn handle_error(&self, error: ConnectionError) {
        log::warn!("no connection to PostgreSQL: {error}");
    }
}
