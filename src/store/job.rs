//! What every job goes through, whichever database runs it.
//!
//! # Design
//! Engines run jobs without the type of their result, which the store takes from where the job has left it. So the code
//! that runs jobs is compiled once and not for each of a few hundred jobs, which took a sixth of the program.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use super::metrics::JobTracker;
use super::tx::Tx;
use crate::model::change::ChangeOrigin;
use crate::model::error::{Error, Result};

/// A job that leaves its result somewhere. It may run more than once; the last result counts.
pub(super) type ErasedJob = Box<dyn FnMut(&mut Tx<'_>) -> Result<()> + Send>;

/// Where a job leaves its result.
pub(super) struct JobResult<T>(Arc<Mutex<Option<T>>>);

impl<T> JobResult<T> {
    /// The result of a job that has succeeded.
    ///
    /// # Errors
    /// [`Error::Internal`] if the job has not run.
    pub fn take(&self) -> Result<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(no_result)
    }
}

/// The error for a job that succeeded but left no result, which cannot happen.
pub(super) fn no_result() -> Error {
    Error::Internal("a job left no result".to_owned())
}

/// A job without the type of its result, and where it leaves that.
pub(super) fn erase<T: Send + 'static>(
    job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> (ErasedJob, JobResult<T>) {
    let result = Arc::new(Mutex::new(None));
    let place = Arc::clone(&result);
    let leave = move |found| *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    (Box::new(move |tx| job(tx).map(&leave)), JobResult(result))
}

/// Runs an attempt of a job, which is counted; a panic becomes an error.
pub(super) fn attempt(
    tracker: &JobTracker,
    job: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
    tx: &mut Tx<'_>,
) -> Result<()> {
    tracker.attempt(|| {
        let result = catch_panic(|| job(tx));
        (result, tx.conflict_code())
    })
}

/// Adds to a job that its attempts are counted and its panics become errors.
pub(super) fn track(tracker: JobTracker, mut job: ErasedJob) -> ErasedJob {
    Box::new(move |tx| attempt(&tracker, &mut job, tx))
}

/// Adds to a job that its changes are logged.
pub(super) fn log_changes(origin: ChangeOrigin, mut job: ErasedJob) -> ErasedJob {
    Box::new(move |tx| {
        tx.set_change_origin(origin.clone());
        job(tx)?;
        tx.write_changes()
    })
}

/// Turns a panic of a job into an error of that job, so that its thread and the jobs beside it go on.
pub(super) fn catch_panic<T>(job: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|_| Err(Error::Internal("a job panicked".to_owned())))
}

/// Runs a job on a thread that may block.
///
/// # Errors
/// Those of the job, or [`Error::Internal`] if it panics.
#[expect(clippy::disallowed_methods, reason = "the only place that moves work off a worker's thread")]
pub(super) async fn run_blocking<T: Send + 'static>(job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(job)
        .await
        .unwrap_or_else(|_| Err(Error::Internal("a job ended without a result".to_owned())))
}

/// Puts the name of a job before the cause of its failure.
pub(super) fn with_job_name(name: &'static str, error: Error) -> Error {
    match error {
        Error::Refused(problems) => Error::Refused(problems),
        Error::Unavailable(cause) => Error::Unavailable(format!("{name}: {cause}")),
        Error::Internal(cause) => Error::Internal(format!("{name}: {cause}")),
    }
}
