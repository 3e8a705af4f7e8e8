//! What the work on an import shares: the database, and why the work ends.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::edge_columns::EdgeColumnError;
use super::feed::Batches;
use super::settings::{ImportSettings, for_requests};
use super::sources::{FileLocation, SourceError};
use super::upload::StoredUpload;
use crate::domain::imports::{self, HeldImport};
use crate::model::change::ChangeOrigin;
use crate::model::error::{Error, Result as JobResult};
use crate::model::id::ImportId;
use crate::model::import::{Import, ImportState};
use crate::store::{Cost, Store, Tx};

/// The shortest pause after a transaction.
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);

/// Why the work on an import ends before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndOfWork {
    /// The import was deleted, cancelled, or taken over by another instance.
    Lost,
    /// The service shuts down.
    Shutdown,
    /// The database fails, which may end by itself. The text is for the log.
    Unavailable(String),
    /// The import fails, and this is why.
    Failed(String),
}

impl From<Error> for EndOfWork {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(cause) => Self::Unavailable(cause),
            Error::Internal(cause) => {
                log::error!(cause = cause.as_str(); "an import failed");
                Self::Failed("a fault of the service; its log has the cause".to_owned())
            }
            Error::Refused(problems) => {
                let details: Vec<_> = problems.iter().map(|problem| problem.detail.as_ref()).collect();
                Self::Failed(details.join("; "))
            }
        }
    }
}

impl From<io::Error> for EndOfWork {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::ConnectionAborted {
            return Self::Unavailable(error.to_string());
        }
        Self::Failed(for_requests(&error.to_string()))
    }
}

impl From<SourceError> for EndOfWork {
    fn from(SourceError(message): SourceError) -> Self {
        Self::Failed(for_requests(&message))
    }
}

impl From<EdgeColumnError> for EndOfWork {
    fn from(error: EdgeColumnError) -> Self {
        match error {
            EdgeColumnError::UnknownName(error) => error.into(),
            EdgeColumnError::Store(error) => error.into(),
        }
    }
}

/// The work on one import, on a thread of its own, which may block.
pub(super) struct ImportWork {
    /// The database.
    pub store: Store,
    /// The import, as it was when the work began.
    pub import: Import,
    /// Its options.
    pub settings: ImportSettings,
    /// The instance that works on it.
    pub runner: String,
    /// Whether the service shuts down.
    pub is_stopping: Arc<AtomicBool>,
    /// When the reading of the file must have ended.
    pub read_until: Option<Instant>,
    runtime: Runtime,
}

impl ImportWork {
    /// Prepares the work on an import. Reading its file may take `read_time`.
    ///
    /// # Errors
    /// If the options cannot be read, or the system has no resources.
    pub fn new(
        store: Store,
        import: Import,
        runner: String,
        is_stopping: Arc<AtomicBool>,
        read_time: Duration,
    ) -> Result<Self, EndOfWork> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let settings = ImportSettings::parse(&import.options).map_err(EndOfWork::Failed)?;
        let read_until = Instant::now().checked_add(read_time);
        Ok(Self { store, import, settings, runner, is_stopping, read_until, runtime })
    }

    /// The same work after the reading of the file.
    pub fn without_read_limit(self) -> Self {
        Self { read_until: None, ..self }
    }

    pub fn id(&self) -> ImportId {
        self.import.id
    }

    /// Runs a future to its end.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        // Compiled once for each type of result.
        let work: Pin<&mut dyn Future<Output = T>> = pin!(work);
        self.runtime.block_on(work)
    }

    /// The upload.
    pub fn location(&self) -> FileLocation {
        let size = u64::try_from(self.import.size).unwrap_or_default();
        FileLocation::Upload(Arc::new(StoredUpload { store: self.store.clone(), id: self.id(), size }))
    }

    /// Fails if the service shuts down, or the reading of the file takes too long.
    ///
    /// # Errors
    /// [`EndOfWork::Shutdown`], or [`EndOfWork::Failed`].
    pub fn check_time(&self) -> Result<(), EndOfWork> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err(EndOfWork::Shutdown);
        }
        if self.read_until.is_some_and(|until| until < Instant::now()) {
            let problem = "reading the file took longer than `IMPORT_TIMEOUT`; upload it in parts";
            return Err(EndOfWork::Failed(problem.to_owned()));
        }
        Ok(())
    }

    /// Reads from the database.
    ///
    /// # Errors
    /// Those of the store.
    pub fn read<T: Send + 'static>(
        &self,
        name: &'static str,
        job: impl Fn(&mut Tx<'_>) -> JobResult<T> + Send + 'static,
    ) -> Result<T, EndOfWork> {
        self.check_time()?;
        Ok(self.wait(self.store.read(name, Cost::Unbounded, job))?)
    }

    /// Runs a transaction that changes the import, as long as this instance works on it in that state. Then lets requests
    /// write.
    ///
    /// # Errors
    /// Those of the store, and [`EndOfWork::Lost`] or a lost right, without a change.
    pub fn step<T: Send + 'static>(
        &self,
        state: ImportState,
        job: impl Fn(&mut Tx<'_>, &mut Import) -> JobResult<T> + Send + 'static,
    ) -> Result<T, EndOfWork> {
        self.check_time()?;
        let written = self.write_step(state, job)?;
        Ok(written?)
    }

    /// The same; a job that is refused by the domain is no end of the work.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn write_step<T: Send + 'static>(
        &self,
        state: ImportState,
        job: impl Fn(&mut Tx<'_>, &mut Import) -> JobResult<T> + Send + 'static,
    ) -> Result<JobResult<T>, EndOfWork> {
        let (id, runner) = (self.id(), self.runner.clone());
        let job = move |tx: &mut Tx<'_>| {
            let mut import = match imports::hold(tx, id, state, &runner)? {
                HeldImport::Held(import) => *import,
                HeldImport::Lost => return Ok(Err(EndOfWork::Lost)),
                HeldImport::NoAdmin => return Ok(Err(lost_right())),
            };
            let value = job(tx, &mut import)?;
            import.attempts = 0;
            tx.save_import(&import)?;
            Ok(Ok(value))
        };
        let origin = ChangeOrigin { actor: Some(self.import.actor), request_id: self.import.request_id.clone() };
        let begun = Instant::now();
        let written = self.wait(self.store.write("imports.step", origin, job));
        std::thread::sleep((begun.elapsed() / 4).max(SHORTEST_PAUSE));
        match written {
            Ok(Ok(value)) => Ok(Ok(value)),
            Ok(Err(end)) => Err(end),
            Err(refused @ Error::Refused(_)) => Ok(Err(refused)),
            Err(error) => Err(error.into()),
        }
    }
}

fn lost_right() -> EndOfWork {
    EndOfWork::Failed(
        "the user who started the run is no enabled admin any more, so it stopped; what was written stays".to_owned(),
    )
}

/// The next batch; `None` at the end of the file.
///
/// # Errors
/// Those of the file and of the database that keeps it.
pub(super) fn next_batch(batches: &Batches) -> Result<Option<super::feed::Batch>, EndOfWork> {
    Ok(batches.recv().ok().transpose()?)
}
