//! Copies of SQLite databases.

use std::path::Path;

/// A copy of an SQLite file that no process has open.
#[derive(Debug)]
pub struct SqliteCopy {
    folder: tempfile::TempDir,
}

impl SqliteCopy {
    /// Copies the file and its log.
    pub fn of(file: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["test.db", "test.db-wal"] {
            let from = file.with_file_name(name);
            if from.exists() {
                std::fs::copy(from, folder.path().join(name)).expect("a copy");
            }
        }
        Self { folder }
    }

    /// The `DATABASE_URL` of the copy.
    pub fn url(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("test.db").display())
    }

    /// The size of the log in front of the database.
    pub fn log_size(&self) -> u64 {
        std::fs::metadata(self.folder.path().join("test.db-wal")).map_or(0, |file| file.len())
    }
}
