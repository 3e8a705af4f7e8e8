//! The files of the project, for tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project.
pub struct File {
    /// Its path from the root.
    pub path: String,
    /// Its content.
    pub text: String,
}

impl File {
    /// The code that is compiled into the program: no comments, and nothing from `#[cfg(test)]` on.
    pub fn code(&self) -> String {
        let shipped = self.text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = shipped.lines().map(|line| {
            // The `//` of `https://` does not start a comment.
            let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
            comment.map_or(line, |(at, _)| &line[..at])
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads a file of the project.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files below a folder whose names end in `ending`.
pub fn files(folder: &str, ending: &str) -> Vec<File> {
    let mut all = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry of it");
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let path = path.to_string_lossy().into_owned();
                all.push(File { text: read(&path), path });
            }
        }
    }
    assert!(!all.is_empty(), "no files in {folder}");
    all
}

/// The lines between `<!-- name -->` and `<!-- /name -->`, without empty ones.
pub fn marked<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let (_, rest) = text.split_once(&format!("<!-- {name} -->")).expect("the opening marker");
    let (inside, _) = rest.split_once(&format!("<!-- /{name} -->")).expect("the closing marker");
    inside.lines().filter(|line| !line.trim().is_empty()).collect()
}

/// Asserts that there are no findings against a rule, and prints them otherwise.
#[track_caller]
pub fn assert_none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}:\n{}", findings.join("\n"));
}
