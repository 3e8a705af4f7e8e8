//! Where the bytes of files are.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the bytes of a file are.
#[derive(Debug, Clone)]
pub enum FileLocation {
    /// At a path; `-` is stdin.
    Path(PathBuf),
    /// In the body of a request.
    Upload(Arc<dyn UploadedFile>),
}

/// The body of a request, which can be read several times.
pub trait UploadedFile: fmt::Debug + Send + Sync {
    /// Its size in bytes.
    fn size(&self) -> u64;

    /// Its content from the beginning.
    ///
    /// # Errors
    /// Those of the place where it is kept.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;
}

impl FileLocation {
    /// The path, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Upload(_) => None,
        }
    }
}

impl fmt::Display for FileLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "`{}`", path.display()),
            Self::Upload(_) => f.write_str("the upload"),
        }
    }
}

/// Why a file cannot be imported, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError(pub String);
