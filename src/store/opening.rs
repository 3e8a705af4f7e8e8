//! The settings of a store, and the errors of opening one.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::url::{DatabaseUrl, PostgresUrl};
use crate::model::database_problem::DatabaseProblem;

/// The settings of a store.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database.
    pub url: DatabaseUrl,
    /// A replica of it, if there is one.
    pub replica: Option<PostgresUrl>,
    /// The number of connections to PostgreSQL, and to a replica.
    pub pool_size: u32,
    /// The longest wait for a connection.
    pub timeout: Duration,
    /// The longest time that a statement may run on PostgreSQL.
    pub longest_statement: Duration,
    /// The longest time that a job may run; `None` for commands, whose jobs may take hours.
    pub longest_job: Option<Duration>,
    /// The number of threads that serve requests; each of them may read from SQLite.
    pub workers: usize,
    /// The most bytes of an SQLite file that a connection maps into memory.
    pub mapped_bytes: u64,
}

/// The bytes of an SQLite file that a connection of the service maps into memory.
pub const MAPPED_BYTES: u64 = 1 << 30;

/// Why a database cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// There is no SQLite file.
    Missing {
        /// The file.
        path: PathBuf,
        /// Why it could not be created either, such as a missing folder.
        reason: Option<String>,
    },
    /// The database, whose URL this is without its password, has no schema.
    NoSchema(String),
    /// The database has an encoding that the service cannot use.
    Unusable(DatabaseProblem),
    /// libpq cannot parse the URL.
    Unreadable(String),
    /// The database does not respond, or refuses the connection.
    Unreachable(String),
    /// A pooler would return the rows of other queries.
    MixedStatements(&'static str),
    /// Another process holds the write lock of an SQLite file.
    Locked {
        /// The file.
        path: PathBuf,
        /// How long the lock was waited for.
        waited: Duration,
    },
    /// The schema cannot be used or changed.
    Schema(String),
    /// A command cannot be used where the rows of the database are.
    Layout(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path, reason } => {
                let path = path.display();
                write!(f, "there is no database at `{path}`: set `DATABASE_URL`, or create one with `migrate run`")?;
                reason.iter().try_for_each(|reason| write!(f, "; {reason}"))
            }
            Self::NoSchema(url) => {
                write!(f, "the database `{url}` has no schema yet: correct `DATABASE_URL`, or run `migrate run`")
            }
            Self::Unusable(problem) => write!(f, "`DATABASE_URL`: {problem}"),
            Self::Unreadable(cause) => write!(f, "`DATABASE_URL`: {cause}"),
            Self::MixedStatements(explanation) => write!(f, "`DATABASE_URL`: {explanation}"),
            Self::Layout(cause) => f.write_str(cause),
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
