//! What commands ask about the files of a database; PostgreSQL has none that concern this program.

use std::path::PathBuf;

use super::sqlite::{bulk, files};
use super::url::DatabaseUrl;

/// Whether no other process has the database open, which long writes would block. A missing file counts as unused.
#[must_use]
pub fn has_exclusive_access(url: &DatabaseUrl) -> bool {
    match url {
        DatabaseUrl::Sqlite(path) => bulk::is_alone(path),
        // Writers of other rows do not wait there; `Tx::begin_bulk_load` checks for itself before it blocks others.
        DatabaseUrl::Postgres(_) => true,
    }
}

/// The files of a database that users of this machine other than their owner can read or write.
#[must_use]
pub fn exposed_files(url: &DatabaseUrl) -> Vec<PathBuf> {
    match url {
        DatabaseUrl::Sqlite(path) => files::exposed(path),
        DatabaseUrl::Postgres(_) => Vec::new(),
    }
}

/// Moves the write-ahead log of an SQLite database, which many writes make long, into the database file.
pub fn checkpoint_wal(url: &DatabaseUrl) {
    if let DatabaseUrl::Sqlite(path) = url {
        bulk::checkpoint_wal(path);
    }
}
