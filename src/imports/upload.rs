//! An upload that the database keeps in pieces.

use std::io::{self, Read};

use super::sources::UploadedFile;
use crate::model::error::{Error, Result as JobResult};
use crate::model::id::ImportId;
use crate::store::{Cost, Store, Tx};

/// The bytes of a piece.
pub const CHUNK_BYTES: usize = 256 << 10;

/// An upload that the database keeps.
#[derive(Clone)]
pub struct StoredUpload {
    /// The database.
    pub store: Store,
    /// The import.
    pub id: ImportId,
    /// The size in bytes.
    pub size: u64,
}

impl std::fmt::Debug for StoredUpload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredUpload({})", self.id)
    }
}

impl UploadedFile for StoredUpload {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        // Files are read on threads of their own, which run nothing else.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (store, id) = (self.store.clone(), self.id);
        Ok(Box::new(StoredBytes { runtime, store, id, next: 0, left: self.size, bytes: Vec::new(), start: 0 }))
    }
}

/// Reads an upload, one piece at a time.
struct StoredBytes {
    runtime: tokio::runtime::Runtime,
    store: Store,
    id: ImportId,
    /// The number of the next piece.
    next: i64,
    /// The bytes in later pieces.
    left: u64,
    bytes: Vec<u8>,
    start: usize,
}

impl Read for StoredBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.start == self.bytes.len() && self.left > 0 {
            self.fetch()?;
        }
        let ready = self.bytes.get(self.start..).unwrap_or_default();
        let length = ready.len().min(buffer.len());
        if let (Some(from), Some(to)) = (ready.get(..length), buffer.get_mut(..length)) {
            to.copy_from_slice(from);
        }
        self.start += length;
        Ok(length)
    }
}

impl StoredBytes {
    fn fetch(&mut self) -> io::Result<()> {
        let (id, number) = (self.id, self.next);
        let job = move |tx: &mut Tx<'_>| tx.import_chunk(id, number);
        let found: JobResult<_> = self.runtime.block_on(self.store.read("imports.chunk", Cost::Unbounded, job));
        let bytes = found
            .map_err(|error| failed(&error))?
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the upload is gone"))?;
        let length = u64::try_from(bytes.len()).unwrap_or_default();
        (self.bytes, self.start, self.next) = (bytes, 0, self.next + 1);
        self.left = self.left.saturating_sub(length);
        Ok(())
    }
}

/// A failure of the database, which may end by itself; other failures of reading are those of the file.
fn failed(error: &Error) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, format!("{error:?}"))
}
