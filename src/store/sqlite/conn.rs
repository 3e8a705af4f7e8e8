//! A connection to an SQLite file.

use diesel::connection::SimpleConnection;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::{Connection, ConnectionError, ConnectionResult, QueryResult, RunQueryDsl, SqliteConnection};
use std::path::Path;
use std::time::Duration;

use super::{files, interrupt};
use crate::model::error::{Error, Result};
use crate::store::opening::{MAPPED_BYTES, OpenError};

pub(in crate::store) type Conn = SqliteConnection;
pub(in crate::store) type Db = diesel::sqlite::Sqlite;

/// How long a statement waits for another process that writes.
pub(super) const BUSY_MILLIS: u32 = 5_000;
/// The size of the write-ahead log, in bytes, that SQLite keeps when it starts the log again (`journal_size_limit`).
const WAL_KEPT: u64 = 80 << 20;
/// The size of the write-ahead log, in bytes, above which the writer empties it.
pub(super) const WAL_LIMIT: u64 = 256 << 20;

/// Opens a connection that may write; creates the file if `create`.
///
/// # Errors
/// [`OpenError::Missing`], [`OpenError::Locked`] or [`OpenError::Unreachable`].
pub(in crate::store) fn connect(path: &Path, create: bool) -> std::result::Result<Conn, OpenError> {
    if create {
        files::create_private(path);
    } else if !path.exists() {
        return Err(missing(path));
    }
    let unreachable = |error: ConnectionError| {
        let reason = files::explain_failure(path).map(|reason| format!(": {reason}")).unwrap_or_default();
        OpenError::Unreachable(format!("{}: {error}{reason}", path.display()))
    };
    let waited = Duration::from_millis(BUSY_MILLIS.into());
    establish(path).map_err(|error| as_locked(path, &error, waited).unwrap_or_else(|| unreachable(error)))
}

/// The error for a file that does not exist, or that this user may not see.
fn missing(path: &Path) -> OpenError {
    match (path.try_exists(), files::explain_folder(path)) {
        (Err(error), reason) => {
            let reason = reason.unwrap_or_else(|| error.to_string());
            OpenError::Unreachable(format!("{}: unable to open database file: {reason}", path.display()))
        }
        (Ok(_), reason) => OpenError::Missing { path: path.to_owned(), reason },
    }
}

/// Has the statements of a connection wait longer, or shorter, for another process that writes.
///
/// # Errors
/// Those of SQLite.
pub(in crate::store) fn wait_for_writers(conn: &mut Conn, patience: Duration) -> QueryResult<()> {
    conn.batch_execute(&format!("PRAGMA busy_timeout = {}", patience.as_millis()))
}

/// [`OpenError::Locked`] if an error of SQLite means that another process held the lock for as long as the statement
/// waited for it.
pub(in crate::store) fn as_locked(path: &Path, error: &impl ToString, waited: Duration) -> Option<OpenError> {
    // diesel has no kind for it.
    let is_locked = error.to_string().contains("database is locked");
    is_locked.then(|| OpenError::Locked { path: path.to_owned(), waited })
}

/// Opens a connection and sets it up.
///
/// # Errors
/// Those of SQLite.
pub(in crate::store) fn establish(path: &Path) -> ConnectionResult<Conn> {
    let name = path.to_str().ok_or_else(|| ConnectionError::BadConnection("the path is not UTF-8".to_owned()))?;
    interrupt::prepare();
    let mut conn = Conn::establish(name)?;
    // FULL: with NORMAL a power failure can lose an acknowledged write.
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = {BUSY_MILLIS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = {WAL_KEPT}; PRAGMA mmap_size = {MAPPED_BYTES}; \
         PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;"
    ))
    .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// Has a connection map at most that many bytes of the file into memory.
///
/// # Errors
/// Those of SQLite.
pub(super) fn map_at_most(conn: &mut Conn, bytes: u64) -> ConnectionResult<()> {
    conn.batch_execute(&format!("PRAGMA mmap_size = {bytes}")).map_err(ConnectionError::CouldntSetupConfiguration)
}

/// Runs a statement without values, such as `BEGIN`, which is kept prepared.
pub(super) fn run(conn: &mut Conn, statement: &'static str) -> Result<()> {
    PlainStatement(statement).execute(conn).map(drop).map_err(|error| Error::Unavailable(error.to_string()))
}

/// A statement without values.
struct PlainStatement(&'static str);

impl QueryFragment<Db> for PlainStatement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

impl QueryId for PlainStatement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<Conn> for PlainStatement {}
