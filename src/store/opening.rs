//! What a store is opened with, and why it cannot be opened.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::url::{DatabaseUrl, PostgresUrl};

/// What a store is made from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the data is.
    pub url: DatabaseUrl,
    /// Where a replica of it is, if there is one.
    pub replica: Option<PostgresUrl>,
    /// Connections to PostgreSQL, and as many to a replica.
    pub pool_size: u32,
    /// The longest wait for one.
    pub timeout: Duration,
    /// The longest that a statement may run on PostgreSQL.
    pub longest_statement: Duration,
    /// The longest that a job may run; `None` for commands, whose jobs may take hours.
    pub longest_job: Option<Duration>,
    /// Threads that serve requests; each may read from SQLite at once.
    pub workers: usize,
}

/// Why a database cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// There is no SQLite file.
    Missing(PathBuf),
    /// The URL says something that libpq does not know.
    Unreadable(String),
    /// The database does not answer, or refuses.
    Unreachable(String),
    /// Another process writes to an SQLite file and has not let go of it.
    Locked {
        /// The file.
        path: PathBuf,
        /// For so long.
        waited: Duration,
    },
    /// It answers, but its schema cannot be used or changed.
    Schema(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => {
                write!(f, "there is no database at `{}`; `serve` or `migrate run` creates one", path.display())
            }
            Self::Unreadable(cause) => write!(f, "`DATABASE_URL`: {cause}"),
            Self::Unreachable(cause) => write!(f, "the database is unreachable: {cause}"),
            Self::Locked { path, waited } => write!(
                f,
                "the database `{0}` is locked: another process has been writing to it for {waited:?}, perhaps an import; \
                 wait until it has finished, or stop it (`fuser {0}` shows it), then try again",
                path.display()
            ),
            Self::Schema(cause) => write!(f, "the schema of the database is unusable: {cause}"),
        }
    }
}

impl std::error::Error for OpenError {}
