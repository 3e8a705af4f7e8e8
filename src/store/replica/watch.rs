//! Looks at the replica every second or so, on a thread and a connection of its own, and measures its lag.

use diesel::Connection;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::health::Health;
use super::measures::ReplicaMetrics;
use crate::store::limit::JobLimit;
use crate::store::migrations::{CURSOR_SECRET, is_new_enough};
use crate::store::postgres::queries::meta;
use crate::store::postgres::{Conn, Mode, replica};
use crate::store::server::Primary;
use crate::store::tx::Shared;

/// How long it may take to connect, and to acknowledge what was sent.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Who looks at a replica, and how it is told.
pub(super) struct Watch {
    pub url: String,
    pub primary: Arc<Primary>,
    pub shared: Shared,
    /// Nobody needs a watch once this is gone.
    pub health: Weak<Health>,
    pub measures: Arc<ReplicaMetrics>,
    /// How often the replica is looked at.
    pub every: Duration,
    /// A secret of the primary, which its replicas have too.
    pub secret: Option<String>,
}

/// A connection to the replica, and when it was last seen on it that nothing was left to replay.
struct Line {
    conn: Conn,
    level: Option<Instant>,
}

impl Watch {
    /// Looks until nobody can ask for it any more.
    pub fn run(mut self, asked: &Receiver<()>) {
        let mut line = None;
        loop {
            let seen = self.look(&mut line);
            let Some(health) = self.health.upgrade() else { return };
            match seen {
                Ok(lag) => {
                    self.measures.lag.set(lag);
                    health.mark_up();
                }
                Err(cause) => {
                    line = None;
                    self.measures.lag.set(None);
                    health.mark_down(&cause);
                }
            }
            drop(health);
            if asked.recv_timeout(self.every) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Whether the replica can be used, and how far behind it is, if that is known.
    fn look(&mut self, line: &mut Option<Line>) -> Result<Option<f64>, String> {
        let is_well = match line {
            Some(open) => check(&mut open.conn).is_ok(),
            None => false,
        };
        if !is_well {
            // The server may have ended a connection and be well all the same.
            let mut conn = Conn::establish(&self.url).map_err(|error| error.to_string())?;
            check(&mut conn)?;
            self.compare(&mut conn)?;
            *line = Some(Line { conn, level: None });
        }
        Ok(line.as_mut().and_then(Line::lag))
    }

    /// A copy of any other database must not answer for this one.
    fn compare(&mut self, conn: &mut Conn) -> Result<(), String> {
        if self.secret.is_none() {
            let engine = &self.primary.connected().engine;
            let asked = engine.run(Mode::Read, &self.shared, &JobLimit::NONE, &|tx| tx.secret(CURSOR_SECRET));
            self.secret = asked.map_err(|_| "the primary cannot say whose replica it is".to_owned())?;
        }
        let found = meta::secret(conn, CURSOR_SECRET).map_err(|error| error.to_string())?;
        if found.is_some() && found == self.secret {
            Ok(())
        } else {
            Err("it is no replica of the database that `DATABASE_URL` names".to_owned())
        }
    }
}

/// Whether the schema is there: a replica may lag behind a migration.
fn check(conn: &mut Conn) -> Result<(), String> {
    match meta::schema_version(conn) {
        Ok(version) if is_new_enough(version.as_deref()) => Ok(()),
        Ok(_) => Err("its schema is not at the version that this release needs".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Line {
    fn lag(&mut self) -> Option<f64> {
        let asked = replica::lag(&mut self.conn).inspect_err(|error| log::debug!("the lag is not known: {error}"));
        let seconds = asked.ok().flatten()?;
        // After a pause of the primary the last transaction is old, and the replica need not be: it cannot be further
        // behind than the moment at which it was level.
        let seconds = self.level.map_or(seconds, |level| seconds.min(level.elapsed().as_secs_f64()));
        if seconds == 0.0 {
            self.level = Some(Instant::now());
        }
        Some(seconds)
    }
}
