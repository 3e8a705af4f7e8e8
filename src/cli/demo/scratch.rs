//! A temporary directory that is removed on drop.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

/// A directory in the system's temporary one with an unguessable name; removed on drop.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Creates the directory with permissions for the current user only.
    ///
    /// # Errors
    /// Those of the file system, or [`io::ErrorKind::Other`] if the system has no random numbers.
    pub fn new() -> io::Result<Self> {
        let mut bytes = [0_u8; 16];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("the system has no random numbers"))?;
        let mut name = "user-relationships-".to_owned();
        for byte in bytes {
            write!(name, "{byte:02x}").map_err(io::Error::other)?;
        }
        let path = std::env::temp_dir().join(name);
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        // Fails if the directory exists, so that another user cannot have prepared it.
        builder.create(&path)?;
        Ok(Self(path))
    }

    /// The path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            log::warn!("`{}` was not removed: {error}", self.0.display());
        }
    }
}
