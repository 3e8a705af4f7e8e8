//! Connections to PostgreSQL, as a pool makes, keeps and drops them.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::{Connection, ConnectionError, ConnectionResult};
use std::sync::Arc;
use std::time::Duration;

use super::Conn;
use crate::store::replica::health::Health;
use crate::store::url::without_secrets;

/// Connects. An error never quotes a password.
pub(in crate::store) fn establish(url: &str) -> ConnectionResult<Conn> {
    Conn::establish(url).map_err(|error| ConnectionError::BadConnection(without_secrets(url, &error.to_string())))
}

/// A pooled connection and whether it turned out to be dead.
pub(in crate::store) struct Session {
    pub conn: Conn,
    pub is_lost: bool,
    /// The generation of connections to a replica that it is of.
    generation: u64,
}

/// Makes connections to one server, or to whichever of several libpq chooses.
pub(in crate::store) struct Sessions {
    url: String,
    replica: Option<Arc<Health>>,
}

impl Sessions {
    /// Those to the primary.
    pub fn of_primary(url: String) -> Self {
        Self { url, replica: None }
    }

    /// Those to a replica: while it is given up none are made, and older ones are dropped.
    pub fn of_replica(url: String, health: Arc<Health>) -> Self {
        Self { url, replica: Some(health) }
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

impl r2d2::ManageConnection for Sessions {
    type Connection = Session;
    type Error = ConnectionError;

    fn connect(&self) -> ConnectionResult<Session> {
        let Some(health) = &self.replica else {
            return establish(&self.url).map(|conn| Session { conn, is_lost: false, generation: 0 });
        };
        if !health.is_used() {
            return Err(ConnectionError::BadConnection("the replica is given up".to_owned()));
        }
        establish(&self.url).inspect_err(|error| health.lose(&error.to_string())).map(|conn| Session {
            conn,
            is_lost: false,
            generation: health.generation(),
        })
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
