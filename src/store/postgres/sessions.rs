//! Connections to PostgreSQL, as a pool makes, keeps and drops them.
//!
//! # Design
//! Every statement has a time limit and a limit for locks. A connection to the server itself gets them when it begins,
//! by libpq's `options`, at no cost for its statements. A pooler that gives each transaction another session of the
//! server (PgBouncer) refuses or ignores `options`, and what one client sets there others would meet. So each new
//! connection is asked whether the limits are there. Where they are not, every read and write is a transaction that
//! sets them for itself alone.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer};
use diesel::{Connection, ConnectionError, ConnectionResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Conn;
use super::options::{of_environment, with_options};
use crate::store::Settings;
use crate::store::fault::{self, Fault};
use crate::store::replica::health::Health;

/// A pooled connection and whether it turned out to be dead.
pub(in crate::store) struct Session {
    pub conn: Conn,
    pub is_lost: bool,
    /// The process of the server at the other end, which has its limits; `None` where a pooler is in between.
    pub backend: Option<Backend>,
    /// The generation of connections to a replica that it is of.
    generation: u64,
}

/// A process of the server, told apart from any other that had or will have its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub(in crate::store) struct Backend {
    #[diesel(sql_type = Integer)]
    pub pid: i32,
    /// When it began, in microseconds since 1970.
    #[diesel(sql_type = BigInt)]
    pub started: i64,
}

/// Makes connections to one server, or to whichever of several libpq chooses.
#[derive(Clone)]
pub(in crate::store) struct Sessions {
    /// Without limits of the session.
    url: String,
    /// With them.
    limited_url: String,
    longest_statement: Duration,
    /// Whether `options` were refused or ignored.
    is_pooled: Arc<AtomicBool>,
    replica: Option<Arc<Health>>,
}

#[derive(QueryableByName)]
struct Limits {
    #[diesel(embed)]
    backend: Backend,
    #[diesel(sql_type = Bool)]
    are_set: bool,
}

impl Sessions {
    /// Those to the primary.
    pub fn of_primary(url: String, settings: &Settings) -> Self {
        Self::new(url, settings, None)
    }

    /// Those to a replica: while it is given up none are made, and older ones are dropped.
    pub fn of_replica(url: String, settings: &Settings, health: Arc<Health>) -> Self {
        Self::new(url, settings, Some(health))
    }

    fn new(url: String, settings: &Settings, replica: Option<Arc<Health>>) -> Self {
        let statement = settings.longest_statement.as_millis();
        let options = format!(
            "-c statement_timeout={statement} -c lock_timeout={} -c idle_in_transaction_session_timeout={statement}",
            longest_lock(settings.longest_statement).as_millis()
        );
        let limited_url = with_options(&url, &options, &of_environment());
        let is_pooled = Arc::default();
        Self { url, limited_url, longest_statement: settings.longest_statement, is_pooled, replica }
    }

    /// Whether they can be written by.
    pub fn are_to_primary(&self) -> bool {
        self.replica.is_none()
    }

    /// Makes a connection that has its limits, or is known not to have them.
    pub fn establish(&self) -> ConnectionResult<Session> {
        let (conn, backend) = self.connect_limited()?;
        let generation = self.replica.as_ref().map_or(0, |health| health.generation());
        Ok(Session { conn, is_lost: false, backend, generation })
    }

    fn connect_limited(&self) -> ConnectionResult<(Conn, Option<Backend>)> {
        if !self.is_pooled.load(Ordering::Relaxed) {
            match Conn::establish(&self.limited_url) {
                Ok(mut conn) => {
                    let backend = self.backend_of(&mut conn)?;
                    if backend.is_none() {
                        self.note_pooler("it ignores `options`");
                    }
                    return Ok((conn, backend));
                }
                Err(error) if is_about_options(&error) => self.note_pooler(&error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Conn::establish(&self.url).map(|conn| (conn, None))
    }

    /// The process at the other end, if it has limits that are no wider than they should be.
    fn backend_of(&self, conn: &mut Conn) -> ConnectionResult<Option<Backend>> {
        let asked = diesel::sql_query(
            "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::bigint AS started, \
             extract(epoch FROM current_setting('statement_timeout')::interval) * 1000 BETWEEN 1 AND $1 \
             AND current_setting('lock_timeout')::interval > '0' AS are_set \
             FROM pg_stat_get_activity(pg_backend_pid())",
        )
        .bind::<BigInt, _>(i64::try_from(self.longest_statement.as_millis()).unwrap_or(i64::MAX))
        .get_result::<Limits>(conn);
        match asked {
            Ok(limits) => Ok(limits.are_set.then_some(limits.backend)),
            // It broke, which says nothing of a pooler.
            Err(error) if fault::classify(&error).0 == Fault::Lost => {
                Err(ConnectionError::BadConnection(error.to_string()))
            }
            Err(error) => {
                log::debug!("the limits of a session are not known: {error}");
                Ok(None)
            }
        }
    }

    fn note_pooler(&self, reason: &str) {
        if !self.is_pooled.swap(true, Ordering::Relaxed) {
            log::info!("PostgreSQL is behind a pooler ({reason}): each statement sets its limits in a transaction");
        }
    }

    /// A pool of at most so many; a failure to connect is noted and tried again.
    pub fn pool(self, size: u32, patience: Duration) -> r2d2::Pool<Self> {
        let pool = r2d2::Pool::builder().max_size(size).connection_timeout(patience);
        let pool = if self.replica.is_some() {
            // What makes a connection stale is known without asking the server; none is made before it is needed.
            pool.min_idle(Some(0)).test_on_check_out(true).error_handler(Box::new(r2d2::NopErrorHandler))
        } else {
            pool.test_on_check_out(false).error_handler(Box::new(LogRefusals))
        };
        pool.build_unchecked(self)
    }
}

/// How long a statement waits for a lock: whoever waits is told so before its request ends.
pub(super) fn longest_lock(longest_statement: Duration) -> Duration {
    longest_statement / 2
}

/// Whether a connection was refused because of its `options`, in the words of PgBouncer and its kin.
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
            return Err(ConnectionError::BadConnection("the replica is given up".to_owned()));
        }
        self.establish().inspect_err(|error| health.mark_down(&error.to_string()))
    }

    fn is_valid(&self, session: &mut Session) -> ConnectionResult<()> {
        match &self.replica {
            Some(health) if health.generation() != session.generation => {
                Err(ConnectionError::BadConnection("it is older than the last loss of the replica".to_owned()))
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
struct LogRefusals;

impl r2d2::HandleError<ConnectionError> for LogRefusals {
    fn handle_error(&self, error: ConnectionError) {
        log::warn!("no connection to PostgreSQL: {error}");
    }
}
