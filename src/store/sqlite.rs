//! SQLite: one file, readers beside one writer thread.

use diesel::connection::SimpleConnection;
use diesel::{Connection, ConnectionError, ConnectionResult, QueryResult, SqliteConnection};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

use super::limit::JobLimit;
use super::tx::{AnyConnection, Shared, Tx};
use super::writer::Writer;
use super::{Cost, OpenError, Settings};
use crate::model::error::{Error, Result};
use crate::store::metrics::Connections;
use interrupt::limited;
use permits::Permits;
use wal::Wal;

#[path = "queries/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "the queries are written once and compiled for both databases")]
pub(super) mod queries;

pub(super) mod bulk;
pub(super) mod files;
pub(super) mod interrupt;
mod permits;
pub(super) mod wal;

pub(super) type Conn = SqliteConnection;
pub(super) type Db = diesel::sqlite::Sqlite;

/// What SQLite says differently.
pub(super) mod dialect {
    use super::{Conn, QueryResult};

    /// Writers stand in line anyway.
    pub const TYPE_SLOTS: i64 = 1;

    /// Names the index that a scan is meant to use: without statistics the planner has been seen to choose
    /// another, and to walk every edge of a popular user.
    macro_rules! by_index {
        ($index:literal) => {
            concat!(" INDEXED BY ", $index)
        };
    }
    pub(crate) use by_index;

    /// Nothing to do: a write job is alone.
    #[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
    pub fn lock_user(_conn: &mut Conn, _id: i64) -> QueryResult<()> {
        Ok(())
    }

    /// Nothing to do: a write job is alone.
    #[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
    pub fn lock_user_row(_conn: &mut Conn, _id: i64) -> QueryResult<()> {
        Ok(())
    }

    /// Nothing to do: a write job is alone.
    #[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
    pub fn lock_all(_conn: &mut Conn) -> QueryResult<()> {
        Ok(())
    }

    /// Nothing to do: a write job is alone.
    #[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
    pub fn lock_types(_conn: &mut Conn) -> QueryResult<()> {
        Ok(())
    }

    /// Nothing to do: a write job is alone.
    #[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
    pub fn lock_type_row(_conn: &mut Conn, _name: &str) -> QueryResult<()> {
        Ok(())
    }

    /// Nothing to do: `AUTOINCREMENT` goes on from the largest id there ever was.
    #[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
    pub fn advance_type_ids(_conn: &mut Conn, _id: i16) -> QueryResult<()> {
        Ok(())
    }

    /// Nothing to add: a write job is alone.
    pub const SKIP_LOCKED: &str = "";

    /// Nothing to wait for: a write job is alone.
    pub fn wait_briefly<T>(conn: &mut Conn, run: impl FnOnce(&mut Conn) -> QueryResult<T>) -> QueryResult<T> {
        run(conn)
    }

    /// Nothing to do: `AUTOINCREMENT` goes on from the largest id there ever was.
    #[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
    pub fn advance_user_ids(_conn: &mut Conn, _id: i64) -> QueryResult<()> {
        Ok(())
    }
}

/// How long a statement waits for another process that writes.
const BUSY_MILLIS: u32 = 5_000;

/// Opens a connection that may write; creates the file only when told to.
pub(super) fn connect(path: &Path, create: bool) -> std::result::Result<Conn, OpenError> {
    if create {
        files::create_private(path);
    } else if !path.exists() {
        return Err(OpenError::Missing(path.to_owned()));
    }
    let unreachable = |error| OpenError::Unreachable(format!("{}: {error}", path.display()));
    establish(path).map_err(|error| locked(path, &error).unwrap_or_else(|| unreachable(error)))
}

/// What an error of SQLite means if another process had the file to itself for as long as a statement waits.
pub(super) fn locked(path: &Path, error: &impl ToString) -> Option<OpenError> {
    // diesel has no kind for it.
    let is_locked = error.to_string().contains("database is locked");
    is_locked.then(|| OpenError::Locked { path: path.to_owned(), waited: Duration::from_millis(BUSY_MILLIS.into()) })
}

fn establish(path: &Path) -> ConnectionResult<Conn> {
    let name = path.to_str().ok_or_else(|| ConnectionError::BadConnection("the path is not UTF-8".to_owned()))?;
    interrupt::prepare();
    let mut conn = Conn::establish(name)?;
    // FULL: with NORMAL an acknowledged write can be lost when the power fails.
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = {BUSY_MILLIS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = {}; PRAGMA mmap_size = 1073741824; \
         PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;",
        wal::LIMIT
    ))
    .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// Makes the pool's read-only connections.
#[derive(Debug)]
struct Readers {
    path: PathBuf,
}

impl r2d2::ManageConnection for Readers {
    type Connection = Conn;
    type Error = ConnectionError;

    fn connect(&self) -> ConnectionResult<Conn> {
        let mut conn = establish(&self.path)?;
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

/// A connection that reads, until it is dropped.
pub(super) struct Reader(r2d2::PooledConnection<Readers>);

/// The engine: a pool of readers and the writer.
pub(super) struct Engine {
    readers: r2d2::Pool<Readers>,
    permits: Permits,
    pub writer: Writer,
    timeout: Duration,
}

impl Engine {
    /// Opens a file that has its schema, and a reader for each worker and each permit.
    pub fn open(path: &Path, settings: &Settings, shared: Shared) -> std::result::Result<Self, OpenError> {
        let writing = connect(path, false)?;
        let readers = u32::try_from(settings.workers + permits::MAX_BATCH).unwrap_or(u32::MAX);
        let pool = r2d2::Pool::builder()
            .max_size(readers)
            // All are opened now: a worker neither opens one nor waits for one.
            .min_idle(None)
            .test_on_check_out(false)
            .connection_timeout(settings.timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .build(Readers { path: path.to_owned() })
            .map_err(|error| OpenError::Unreachable(error.to_string()))?;
        let (wal, gate) = Wal::new(path, wal::LIMIT, settings.longest_job);
        Ok(Self {
            readers: pool,
            permits: Permits::new(gate, settings.timeout),
            writer: Writer::start(writing, wal, shared)?,
            timeout: settings.timeout,
        })
    }

    /// The readers at this moment; the writer's connection is not counted.
    pub fn connections(&self) -> Connections {
        let r2d2::State { connections, idle_connections: idle, .. } = self.readers.state();
        Connections { busy: connections.saturating_sub(idle), idle }
    }

    /// Waits until a read may leave the worker's thread.
    pub async fn permit(&self, cost: Cost) -> Result<OwnedSemaphorePermit> {
        self.permits.acquire(cost).await
    }

    /// A reader, if one is free at this moment: a worker does not wait for one.
    pub fn free_reader(&self) -> Option<Reader> {
        self.readers.try_get().map(Reader)
    }

    /// A reader, on a thread that may wait.
    pub fn reader(&self) -> Result<Reader> {
        let reader = self.readers.get_timeout(self.timeout);
        reader.map(Reader).map_err(|error| Error::Unavailable(format!("no connection to read with: {error}")))
    }
}

impl Reader {
    /// Runs a read on this thread. `snapshot`: all its statements see the same state.
    pub fn run<T>(
        &mut self,
        shared: &Shared,
        limit: &JobLimit,
        snapshot: bool,
        job: &impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        limit.check()?;
        let conn = &mut *self.0;
        if !snapshot {
            return limited(limit, || job(&mut Tx::reading(AnyConnection::Sqlite(conn), shared, limit)));
        }
        run(conn, "BEGIN")?;
        let result = limited(limit, || job(&mut Tx::reading(AnyConnection::Sqlite(conn), shared, limit)));
        run(conn, "COMMIT")?;
        result
    }
}

/// Runs a statement that has no values, such as the borders of a transaction.
pub(super) fn run(conn: &mut Conn, statement: &str) -> Result<()> {
    conn.batch_execute(statement).map_err(|error| Error::Unavailable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::page::{Bound, PageRequest, Sort, SortKey};
    use crate::store::migrations;
    use crate::store::rows::Shape;
    use crate::store::url::DatabaseUrl;
    use diesel::prelude::*;
    use diesel::sql_types::BigInt;

    #[derive(QueryableByName)]
    struct Statement {
        #[diesel(sql_type = BigInt)]
        runs: i64,
        #[diesel(sql_type = BigInt)]
        prepared_again: i64,
    }

    #[test]
    fn bound_limits_and_bounds_do_not_force_a_statement_to_be_prepared_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        migrations::run(&DatabaseUrl::Sqlite(path.clone()), true).unwrap();
        let mut conn = connect(&path, false).unwrap();
        let one = |users: &[i64], targets: &[i64], types: Option<Vec<i16>>| Shape {
            users: users.to_vec(),
            targets: targets.to_vec(),
            types,
            seen_by: None,
        };
        let shapes = [
            one(&[], &[], None),
            one(&[], &[], Some(vec![1])),
            one(&[1], &[], None),
            one(&[1], &[], Some(vec![1])),
            one(&[], &[1], None),
            one(&[], &[1], Some(vec![1])),
            one(&[1], &[2], None),
            Shape { seen_by: Some(1), ..Shape::default() },
        ];
        for shape in &shapes {
            for turn in 0..20 {
                let slice = PageRequest::window(Sort::default(), turn, 50 - turn);
                queries::relationship_pages::page(&mut conn, shape, &slice).unwrap();
                let after = Some(Bound { place: SortKey::Id(turn), is_inclusive: false });
                queries::relationship_pages::page(&mut conn, shape, &PageRequest { after, ..slice }).unwrap();
            }
        }
        let question = "SELECT run AS runs, reprep AS prepared_again FROM sqlite_stmt WHERE sql LIKE 'SELECT c.total%'";
        let found: Vec<Statement> = diesel::sql_query(question).load(&mut conn).unwrap();
        let found: Vec<_> = found.iter().map(|it| (it.runs, it.prepared_again)).collect();
        assert_eq!(found, vec![(20, 0); 2 * shapes.len()], "one statement each, kept prepared");
    }
}
