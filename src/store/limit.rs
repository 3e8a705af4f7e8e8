//! How long a job may run, and whether its caller still waits for the answer.
//!
//! # Design
//! A job is checked before each of its questions and before its commit. A statement that is running is stopped as
//! well: on SQLite by a progress handler (`sqlite::interrupt`), on PostgreSQL by `pg_cancel_backend` from another
//! connection (`postgres::canceller`), with `statement_timeout` behind it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::postgres::canceller::Canceller;
use super::postgres::sessions::Backend;
use crate::model::error::{Error, Result};

/// The limit of one job.
#[derive(Debug, Clone)]
pub(super) struct JobLimit {
    deadline: Option<Instant>,
    cancellation: Option<Arc<Cancellation>>,
}

impl JobLimit {
    /// No limit.
    pub const NONE: Self = Self { deadline: None, cancellation: None };

    /// A job whose caller cannot leave before it ends. It needs no memory of its own.
    pub fn until(deadline: Option<Instant>) -> Self {
        Self { deadline, cancellation: None }
    }

    /// A job that ends early when the second value is dropped. `canceller` stops a statement on PostgreSQL.
    pub fn cancellable(deadline: Option<Instant>, canceller: Option<&Canceller>) -> (Self, CancelOnDrop) {
        let cancellation = Arc::new(Cancellation::default());
        let on_drop = CancelOnDrop { cancellation: Arc::clone(&cancellation), canceller: canceller.cloned() };
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

    /// Notes which session of PostgreSQL works for the job, until the returned value leaves.
    pub fn enter(&self, backend: Option<Backend>) -> Entered<'_> {
        let cancellation = self.cancellation.as_deref().filter(|_| backend.is_some());
        if let Some(cancellation) = cancellation {
            *cancellation.statement() = Statement { backend, is_cancel_sent: false };
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

/// Shared by a job and its caller.
#[derive(Debug, Default)]
pub(super) struct Cancellation {
    is_cancelled: AtomicBool,
    statement: Mutex<Statement>,
}

/// The session that works for a job.
#[derive(Debug, Default)]
struct Statement {
    backend: Option<Backend>,
    is_cancel_sent: bool,
}

impl Cancellation {
    /// The session to send a cancel request to, if one works for the job. From now on the session is not used for any
    /// other job, so that a late cancel request meets nobody else's statement.
    pub fn claim(&self) -> Option<Backend> {
        let mut statement = self.statement();
        let backend = statement.backend?;
        statement.is_cancel_sent = true;
        Some(backend)
    }

    fn is_running(&self) -> bool {
        self.statement().backend.is_some()
    }

    fn statement(&self) -> MutexGuard<'_, Statement> {
        self.statement.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session of PostgreSQL works for a job.
pub(super) struct Entered<'l>(Option<&'l Cancellation>);

impl Entered<'_> {
    /// The session no longer works for the job. Returns whether a cancel request was sent to it; then it must be
    /// closed.
    pub fn leave(self) -> bool {
        self.0.is_some_and(|cancellation| std::mem::take(&mut *cancellation.statement()).is_cancel_sent)
    }
}

/// Held by the future that waits for a job: a dropped future (deadline of the request, client gone) ends the job.
pub(super) struct CancelOnDrop {
    cancellation: Arc<Cancellation>,
    canceller: Option<Canceller>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        // The flag comes first: a job that enters a session later finds it set.
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

    const BACKEND: Backend = Backend { pid: 7, started: 1 };

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
    fn a_session_is_cancelled_only_while_it_works_for_the_job() {
        let (limit, _guard) = JobLimit::cancellable(None, None);
        let cancellation = limit.cancellation.clone().unwrap();
        assert_eq!(cancellation.claim(), None);
        let entered = limit.enter(Some(BACKEND));
        assert_eq!(cancellation.claim(), Some(BACKEND));
        assert!(entered.leave(), "the session must be closed");
        assert_eq!(cancellation.claim(), None);
        assert!(!limit.enter(Some(BACKEND)).leave());
        assert!(!limit.enter(None).leave());
    }
}
