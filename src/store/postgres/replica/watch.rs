//! Probes the replica about every second, on its own thread and connection, and measures its lag.

use diesel::Connection;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::health::Health;
use super::lag::read_lag;
use super::metrics::ReplicaMetrics;
use crate::store::limit::JobLimit;
use crate::store::migrations::{CURSOR_SECRET, is_new_enough};
use crate::store::postgres::conn::Conn;
use crate::store::postgres::inspection::check_encoding;
use crate::store::postgres::mode::Mode;
use crate::store::postgres::queries::meta;
use crate::store::postgres::server::PostgresServer;
use crate::store::tx::{StoreContext, Tx};

/// The longest wait for a connection, and for the acknowledgement of sent data.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Probes a replica and records its health.
pub(super) struct Watch {
    pub url: String,
    pub primary: Arc<PostgresServer>,
    pub shared: StoreContext,
    /// The thread ends once this is dropped.
    pub health: Weak<Health>,
    pub metrics: Arc<ReplicaMetrics>,
    /// The time between two probes.
    pub interval: Duration,
    /// A secret of the primary, which its replicas share.
    pub secret: Option<String>,
}

/// A connection to the replica.
struct ReplicaConnection {
    conn: Conn,
    /// When the replica had last replayed everything.
    level: Option<Instant>,
}

impl Watch {
    /// Probes until the replica is dropped.
    pub fn run(mut self, requests: &Receiver<()>) {
        let mut probe = None;
        loop {
            let seen = self.probe(&mut probe);
            let Some(health) = self.health.upgrade() else { return };
            match seen {
                Ok(lag) => {
                    self.metrics.lag.set(lag);
                    health.mark_up();
                }
                Err(cause) => {
                    probe = None;
                    self.metrics.lag.set(None);
                    health.mark_down(&cause);
                }
            }
            drop(health);
            if requests.recv_timeout(self.interval) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// The lag of the replica, if it is known.
    ///
    /// # Errors
    /// Why the replica cannot be used.
    fn probe(&mut self, probe: &mut Option<ReplicaConnection>) -> Result<Option<f64>, String> {
        let is_healthy = match probe {
            Some(open) => check(&mut open.conn).is_ok(),
            None => false,
        };
        if !is_healthy {
            // The server may have closed the connection and be healthy all the same.
            let mut conn = Conn::establish(&self.url).map_err(|error| error.to_string())?;
            check(&mut conn)?;
            self.compare(&mut conn)?;
            *probe = Some(ReplicaConnection { conn, level: None });
        }
        Ok(probe.as_mut().and_then(ReplicaConnection::lag))
    }

    /// Checks that the server has a copy of the primary's database and not of another one.
    fn compare(&mut self, conn: &mut Conn) -> Result<(), String> {
        if self.secret.is_none() {
            let engine = &self.primary.current().engine;
            let mut secret = None;
            let mut read = |tx: &mut Tx<'_>| tx.secret(CURSOR_SECRET).map(|found| secret = found);
            engine
                .run(Mode::Read, &self.shared, &JobLimit::NONE, &mut read)
                .map_err(|_| "the primary does not respond, so the replica cannot be identified".to_owned())?;
            self.secret = secret;
        }
        let found = meta::secret(conn, CURSOR_SECRET).map_err(|error| error.to_string())?;
        if found.is_some() && found == self.secret {
            Ok(())
        } else {
            // The secret may have been replaced. The next probe compares the current one, which the replica has soon.
            self.secret = None;
            Err("it is not a replica of the database in `DATABASE_URL`".to_owned())
        }
    }
}

/// Checks the encoding, and the schema: a replica may lag behind a migration.
fn check(conn: &mut Conn) -> Result<(), String> {
    if let Some(problem) = check_encoding(conn).map_err(|error| error.to_string())? {
        return Err(problem.to_string());
    }
    match meta::schema_version(conn) {
        Ok(version) if is_new_enough(version.as_deref()) => Ok(()),
        Ok(_) => Err("its schema is older than this release needs".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl ReplicaConnection {
    fn lag(&mut self) -> Option<f64> {
        let lag = read_lag(&mut self.conn).inspect_err(|error| log::debug!("cannot read the lag: {error}"));
        let seconds = lag.ok().flatten()?;
        // After a pause of the primary the last transaction is old although the replica is current. The lag cannot be
        // longer than the time since everything was replayed.
        let seconds = self.level.map_or(seconds, |level| seconds.min(level.elapsed().as_secs_f64()));
        if seconds == 0.0 {
            self.level = Some(Instant::now());
        }
        Some(seconds)
    }
}
