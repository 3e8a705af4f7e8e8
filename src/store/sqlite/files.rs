//! The files of a database and who may read them.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
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

/// Why SQLite cannot open a file, for people. SQLite itself says "unable to open database file" whatever the reason.
///
/// It tries to create a file in the folder, as SQLite does beside every database. It does not open the database itself:
/// closing it would release the locks that this process has on it (POSIX).
pub(in crate::store) fn explain_failure(path: &Path) -> Option<String> {
    if let Some(reason) = explain_folder(path) {
        return Some(reason);
    }
    let folder = folder_of(path);
    if path.is_dir() {
        return Some(format!("`{}` is a folder; `DATABASE_URL` must name a file in it", path.display()));
    }
    if let Err(error) = try_to_create(folder) {
        return explain_error(folder, &error);
    }
    let is_protected = path.metadata().is_ok_and(|found| found.permissions().readonly());
    is_protected.then(|| format!("the file `{}` is read-only; change its mode or owner", path.display()))
}

/// Why the folder of a file cannot be used; `None` if it is a folder that this user can enter.
pub(in crate::store) fn explain_folder(path: &Path) -> Option<String> {
    let folder = folder_of(path);
    let shown = folder.display();
    match folder.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Some(format!("the folder `{shown}` does not exist; create it, or correct `DATABASE_URL`"))
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            Some(format!("a part of `{shown}` is a file and not a folder; correct `DATABASE_URL`"))
        }
        Err(error) => explain_error(folder, &error),
        Ok(found) if !found.is_dir() => Some(format!("`{shown}` is a file and not a folder; correct `DATABASE_URL`")),
        Ok(_) => match path.try_exists() {
            Err(error) => explain_error(folder, &error),
            Ok(_) => None,
        },
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates an empty file and removes it again.
fn try_to_create(folder: &Path) -> io::Result<()> {
    let scratch = folder.join(format!(".user-relationships-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&scratch)?;
    std::fs::remove_file(scratch)
}

/// What an error of the file system means for a folder; `None` for one that says nothing about it.
fn explain_error(folder: &Path, error: &io::Error) -> Option<String> {
    let shown = folder.display();
    match error.kind() {
        ErrorKind::PermissionDenied => Some(format!(
            "this user may not use the folder `{shown}`: SQLite needs to create files in it; change its owner or mode"
        )),
        ErrorKind::ReadOnlyFilesystem => Some(format!("the file system of the folder `{shown}` is read-only")),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(format!("the disk of the folder `{shown}` is full")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_for_a_file_that_cannot_be_opened_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        let explained = |path: &Path| explain_failure(path).unwrap_or_default();
        assert!(explained(&home.path().join("none").join("a.db")).contains("does not exist"));
        assert!(explained(&file.join("a.db")).contains("is a file and not a folder"));
        assert!(explained(&file.join("deeper").join("a.db")).contains("is a file and not a folder"));
        assert!(explained(home.path()).contains("is a folder"));
        assert_eq!(explain_failure(&home.path().join("a.db")), None);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "nothing stays");
    }

    #[test]
    fn errors_of_the_file_system_are_explained() {
        for (kind, words) in [
            (ErrorKind::PermissionDenied, "this user may not use the folder `/data`"),
            (ErrorKind::ReadOnlyFilesystem, "is read-only"),
            (ErrorKind::StorageFull, "is full"),
        ] {
            let explained = explain_error(Path::new("/data"), &io::Error::from(kind)).unwrap();
            assert!(explained.contains(words), "{explained}");
        }
        assert_eq!(explain_error(Path::new("/data"), &io::Error::from(ErrorKind::Interrupted)), None);
    }
}
