//! Runs jobs on SQLite: reads on a pool of connections, writes on the writer's thread.

use diesel::connection::SimpleConnection;
use diesel::{ConnectionError, ConnectionResult};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::checkpointer;
use super::conn::{Conn, WAL_LIMIT, connect, establish, map_at_most, run};
use super::interrupt::run_limited;
use super::permits::{self, SqlitePermits};
use super::wal::Wal;
use super::writer::Writer;
use crate::model::error::{Error, Result};
use crate::store::cost::Cost;
use crate::store::job::{ErasedJob, run_blocking};
use crate::store::limit::JobLimit;
use crate::store::metrics::ConnectionCounts;
use crate::store::opening::{OpenError, Settings};
use crate::store::tx::{AnyConnection, StoreContext, Tx};

/// Makes the pool's read-only connections.
#[derive(Debug)]
struct Readers {
    path: PathBuf,
    mapped_bytes: u64,
}

impl r2d2::ManageConnection for Readers {
    type Connection = Conn;
    type Error = ConnectionError;

    fn connect(&self) -> ConnectionResult<Conn> {
        let mut conn = establish(&self.path)?;
        map_at_most(&mut conn, self.mapped_bytes)?;
        conn.batch_execute("PRAGMA query_only = ON").map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(conn)
    }

    fn is_valid(&self, _conn: &mut Conn) -> ConnectionResult<()> {
        Ok(())
    }

    fn has_broken(&self, _conn: &mut Conn) -> bool {
        // A panic in a job may leave a statement half read.
        std::thread::panicking()
    }
}

/// A read-only connection, until it is dropped.
struct PooledReader(r2d2::PooledConnection<Readers>);

/// The SQLite engine: a pool of readers and the writer.
pub(in crate::store) struct SqliteEngine {
    readers: r2d2::Pool<Readers>,
    permits: SqlitePermits,
    writer: Writer,
    shared: StoreContext,
    timeout: Duration,
}

impl SqliteEngine {
    /// Opens a file that has its schema, with a reader for each worker and each permit.
    ///
    /// # Errors
    /// [`OpenError`] when the file is missing or cannot be opened.
    pub fn open(path: &Path, settings: &Settings, shared: StoreContext) -> std::result::Result<Self, OpenError> {
        let mut writing = connect(path, false)?;
        let mapped_bytes = settings.mapped_bytes;
        map_at_most(&mut writing, mapped_bytes).map_err(|error| OpenError::Unreachable(error.to_string()))?;
        let readers = u32::try_from(settings.workers + permits::CONNECTIONS).unwrap_or(u32::MAX);
        let pool = r2d2::Pool::builder()
            .max_size(readers)
            // Opens all of them now, so that no worker opens one or waits for one.
            .min_idle(None)
            .test_on_check_out(false)
            .connection_timeout(settings.timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .build(Readers { path: path.to_owned(), mapped_bytes })
            .map_err(|error| OpenError::Unreachable(error.to_string()))?;
        writing
            .batch_execute("PRAGMA wal_autocheckpoint = 0")
            .map_err(|error| OpenError::Unreachable(error.to_string()))?;
        let restart = checkpointer::start(connect(path, false)?)?;
        let (wal, gate) = Wal::new(path, WAL_LIMIT, settings.longest_job, restart);
        Ok(Self {
            readers: pool,
            permits: SqlitePermits::new(gate, settings.timeout),
            writer: Writer::start(writing, wal, shared.clone())?,
            shared,
            timeout: settings.timeout,
        })
    }

    /// The number of readers in use and in the pool; the writer's connection is not counted.
    pub fn connections(&self) -> ConnectionCounts {
        let r2d2::State { connections, idle_connections: idle, .. } = self.readers.state();
        ConnectionCounts { busy: connections.saturating_sub(idle), idle }
    }

    /// Runs a read on this thread if it is short and a reader is free; otherwise `None`.
    pub fn read_here(
        &self,
        cost: Cost,
        deadline: Option<Instant>,
        job: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
    ) -> Option<Result<()>> {
        if !matches!(cost, Cost::Bounded | Cost::BoundedSnapshot) {
            return None;
        }
        let mut reader = PooledReader(self.readers.try_get()?);
        Some(reader.run(&self.shared, &JobLimit::until(deadline), cost.needs_snapshot(), job))
    }

    /// Runs a read on a thread that may block.
    ///
    /// # Errors
    /// Those of the job, or [`Error::Unavailable`].
    pub async fn read_elsewhere(
        self: &Arc<Self>,
        cost: Cost,
        deadline: Option<Instant>,
        mut job: ErasedJob,
    ) -> Result<()> {
        let permit = self.permits.acquire(cost).await?;
        let (limit, _guard) = JobLimit::cancellable(deadline, None);
        let engine = Arc::clone(self);
        run_blocking(move || {
            // Held until the job has ended, even if its caller is gone.
            let _permit = permit;
            limit.check()?;
            engine.reader()?.run(&engine.shared, &limit, cost.needs_snapshot(), &mut job)
        })
        .await
    }

    /// Runs a job in the next commit and returns its result once that is durable.
    ///
    /// # Errors
    /// Those of the job, or [`Error::Unavailable`].
    pub async fn write(&self, deadline: Option<Instant>, job: ErasedJob) -> Result<()> {
        let (limit, _guard) = JobLimit::cancellable(deadline, None);
        self.writer.write(limit, job).await
    }

    /// Waits for a reader, on a thread that may block.
    fn reader(&self) -> Result<PooledReader> {
        let reader = self.readers.get_timeout(self.timeout);
        reader.map(PooledReader).map_err(|error| Error::Unavailable(format!("no connection to read with: {error}")))
    }
}

impl PooledReader {
    /// Runs a read on this thread. `snapshot`: all its statements see the same state.
    fn run(
        &mut self,
        shared: &StoreContext,
        limit: &JobLimit,
        snapshot: bool,
        job: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
    ) -> Result<()> {
        limit.check()?;
        let conn = &mut *self.0;
        if !snapshot {
            return run_limited(limit, || job(&mut Tx::reading(AnyConnection::Sqlite(conn), shared, limit)));
        }
        run(conn, "BEGIN")?;
        let result = run_limited(limit, || job(&mut Tx::reading(AnyConnection::Sqlite(conn), shared, limit)));
        run(conn, "COMMIT")?;
        result
    }
}
