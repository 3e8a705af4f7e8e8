//! How long a job may run, and whether its caller still waits for the result.
//!
//! # Design
//! A job checks its limit before each statement and before its commit. A running statement is stopped as well: on
//! SQLite by a progress handler (`sqlite::interrupt`), on PostgreSQL by `pg_cancel_backend` over another connection
//! (`postgres::canceller`), with `statement_timeout` as the fallback.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::model::error::{Error, Result};

/// A backend process of PostgreSQL. Its start tells it from any other process with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backend {
    pub pid: i32,
    /// When it started, in microseconds since 1970.
    pub started: i64,
}

/// How to find the process of PostgreSQL that runs the statements of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CancelTarget {
    /// That of a direct connection.
    Backend(Backend),
    /// Behind a pooler: the one whose transaction holds the advisory lock with this key.
    LockHolder(i64),
}

/// Stops the running statement of a cancelled job.
pub(super) trait CancelStatement: Send + Sync {
    /// Stops the statement of the job soon, as far as possible. It must not block.
    fn cancel(&self, cancellation: &Arc<Cancellation>);
}

/// The limit of one job.
#[derive(Debug, Clone)]
pub(super) struct JobLimit {
    deadline: Option<Instant>,
    cancellation: Option<Arc<Cancellation>>,
}

impl JobLimit {
    /// No limit.
    pub const NONE: Self = Self { deadline: None, cancellation: None };

    /// The limit of a job whose caller cannot leave before the job ends. It allocates nothing.
    pub fn until(deadline: Option<Instant>) -> Self {
        Self { deadline, cancellation: None }
    }

    /// The limit of a job that ends early when the second value is dropped. `canceller` stops its statement, where a
    /// statement does not stop by itself.
    pub fn cancellable(deadline: Option<Instant>, canceller: Option<Arc<dyn CancelStatement>>) -> (Self, CancelOnDrop) {
        let cancellation = Arc::new(Cancellation::default());
        let on_drop = CancelOnDrop { cancellation: Arc::clone(&cancellation), canceller };
        (Self { deadline, cancellation: Some(cancellation) }, on_drop)
    }

    /// Whether the job must end.
    pub fn is_exceeded(&self) -> bool {
        self.is_cancelled() || self.is_late()
    }

    /// [`Error::Unavailable`] if the job must end.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::Unavailable("the request ended before its job".to_owned()));
        }
        if self.is_late() {
            return Err(Error::Unavailable("the job took longer than a request may".to_owned()));
        }
        Ok(())
    }

    /// Whether the job ends early when its caller leaves.
    pub fn is_cancellable(&self) -> bool {
        self.cancellation.is_some()
    }

    /// Records which process runs the statements of the job, until [`Entered::leave`].
    pub fn enter(&self, target: Option<CancelTarget>) -> Entered<'_> {
        let cancellation = self.cancellation.as_deref().filter(|_| target.is_some());
        if let Some(cancellation) = cancellation {
            *cancellation.statement() = RunningStatement { target, is_cancel_sent: false };
        }
        Entered(cancellation)
    }

    fn is_cancelled(&self) -> bool {
        self.cancellation.as_ref().is_some_and(|it| it.is_cancelled.load(Ordering::SeqCst))
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// The state that a job and its caller share.
#[derive(Debug, Default)]
pub(super) struct Cancellation {
    is_cancelled: AtomicBool,
    statement: Mutex<RunningStatement>,
}

/// The process that runs the statements of a job, if any.
#[derive(Debug, Default)]
struct RunningStatement {
    target: Option<CancelTarget>,
    is_cancel_sent: bool,
}

impl Cancellation {
    /// The process to send a cancel request to, if one runs a statement of the job. Its connection is closed
    /// afterwards, so that a late cancel request cannot stop a statement of another job.
    pub fn claim(&self) -> Option<CancelTarget> {
        let mut statement = self.statement();
        let target = statement.target?;
        statement.is_cancel_sent = true;
        Some(target)
    }

    fn is_running(&self) -> bool {
        self.statement().target.is_some()
    }

    fn statement(&self) -> MutexGuard<'_, RunningStatement> {
        self.statement.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process of PostgreSQL runs the statements of a job.
pub(super) struct Entered<'l>(Option<&'l Cancellation>);

impl Entered<'_> {
    /// Records that the process no longer runs statements of the job. Returns whether a cancel request was sent to it;
    /// if so, its connection must be closed.
    pub fn leave(self) -> bool {
        self.0.is_some_and(|cancellation| std::mem::take(&mut *cancellation.statement()).is_cancel_sent)
    }
}

/// Cancels a job when it is dropped, with the future that waits for the job: at the deadline of the request, or when
/// its client disconnects.
pub(super) struct CancelOnDrop {
    cancellation: Arc<Cancellation>,
    canceller: Option<Arc<dyn CancelStatement>>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        // Set the flag first: a job that takes a connection later finds it set.
        self.cancellation.is_cancelled.store(true, Ordering::SeqCst);
        if let Some(canceller) = self.canceller.as_ref().filter(|_| self.cancellation.is_running()) {
            canceller.cancel(&self.cancellation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const TARGETS: [CancelTarget; 2] =
        [CancelTarget::Backend(Backend { pid: 7, started: 1 }), CancelTarget::LockHolder(7)];

    #[test]
    fn a_job_ends_at_its_deadline_and_when_its_caller_leaves() {
        assert!(!JobLimit::until(None).is_exceeded());
        assert!(!JobLimit::until(Instant::now().checked_add(Duration::from_mins(1))).is_exceeded());
        assert!(JobLimit::until(Some(Instant::now())).check().is_err());
        let (limit, guard) = JobLimit::cancellable(None, None);
        limit.check().unwrap();
        drop(guard);
        limit.check().unwrap_err();
    }

    #[test]
    fn a_backend_is_cancelled_only_while_it_works_for_the_job() {
        let (limit, _guard) = JobLimit::cancellable(None, None);
        let cancellation = limit.cancellation.clone().unwrap();
        assert_eq!(cancellation.claim(), None);
        for target in TARGETS {
            let entered = limit.enter(Some(target));
            assert_eq!(cancellation.claim(), Some(target));
            assert!(entered.leave(), "the connection must be closed");
            assert_eq!(cancellation.claim(), None);
            assert!(!limit.enter(Some(target)).leave());
        }
        assert!(!limit.enter(None).leave());
    }
}
