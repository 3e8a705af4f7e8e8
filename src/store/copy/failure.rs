//! Why a copy failed.

use std::fmt;

use diesel::result::{DatabaseErrorKind, Error};

use crate::store::opening::OpenError;

/// Why a copy failed. The target is as before.
#[derive(Debug)]
pub enum CopyFailure {
    /// A database cannot be opened.
    Open(OpenError),
    /// The databases cannot be copied like this, and what to do.
    Unsuitable(String),
    /// The source cannot be read.
    Source(Error),
    /// The target cannot be written.
    Target(Error),
    /// A table has another number of rows than its copy.
    Different {
        /// The table.
        table: &'static str,
        /// The rows of the source.
        source: i64,
        /// The rows of the target.
        target: i64,
    },
}

impl CopyFailure {
    /// Whether a server ended the connection.
    #[must_use]
    pub fn is_connection_lost(&self) -> bool {
        let (Self::Source(error) | Self::Target(error)) = self else { return false };
        matches!(error, Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _) | Error::BrokenTransactionManager)
    }
}

impl fmt::Display for CopyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Unsuitable(cause) => f.write_str(cause),
            Self::Source(error) => write!(f, "the source cannot be read: {error}; nothing was copied"),
            Self::Target(error) => write!(f, "the target cannot be written: {error}; nothing was copied"),
            Self::Different { table, source, target } => write!(
                f,
                "the table `{table}` has {source} rows, and its copy has {target}; nothing was copied; report this"
            ),
        }
    }
}

impl std::error::Error for CopyFailure {}

impl From<OpenError> for CopyFailure {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}
