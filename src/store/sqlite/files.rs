//! The files of a database and who may read them.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

/// Creates an empty file that only this user can read, which SQLite then opens as a new database. SQLite gives the
/// files that it creates beside it the same mode. An error is left for SQLite to report.
pub(in crate::store) fn create_private(path: &Path) {
    // Never opens an existing file: closing it would release the locks that this process has on it (POSIX).
    if path.exists() {
        return;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(path));
}

/// The files of a database that users of this machine other than their owner can read or write.
#[cfg(unix)]
pub(in crate::store) fn exposed(path: &Path) -> Vec<PathBuf> {
    use std::os::unix::fs::PermissionsExt;

    let files = ["", "-wal", "-shm"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    });
    let is_exposed = |path: &PathBuf| path.metadata().is_ok_and(|about| about.permissions().mode() & 0o077 != 0);
    files.into_iter().filter(is_exposed).collect()
}

/// None: Windows has no file modes.
#[cfg(not(unix))]
pub(in crate::store) fn exposed(_path: &Path) -> Vec<PathBuf> {
    Vec::new()
}
