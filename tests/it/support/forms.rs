//! Folders of form configurations.

use std::fs;

use tempfile::TempDir;
use user_relationships::http::forms::config::catalogue::Catalogue;

/// A folder with these files.
pub fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

/// The forms of these files, or everything that is wrong with them.
pub fn load(files: &[(&str, &str)]) -> Result<Catalogue, Vec<String>> {
    let folder = folder(files);
    Catalogue::load(folder.path()).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}
