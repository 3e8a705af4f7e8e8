//! The one thread that writes to SQLite.
//!
//! # Design
//! A durable commit costs a flush of the disk, whatever its size. So the writer takes all waiting writes, runs each
//! inside a savepoint of one transaction, commits once, and only then returns all results. There is no batching delay.
//! A job that fails or panics is rolled back to its savepoint and does not affect the others.
//!
//! A job that exceeds its limit is stopped, even in the middle of a statement. SQLite rolls back the whole transaction
//! when it stops a statement that writes; the other jobs of that transaction then run again in a new one.

use diesel::prelude::*;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use tokio::sync::oneshot;

use super::conn::{Conn, run};
use super::interrupt::run_limited;
use super::wal::Wal;
use super::{queries, text_index};
use crate::model::error::{Error, Result};
use crate::store::fault::Fault;
use crate::store::job::ErasedJob;
use crate::store::limit::JobLimit;
use crate::store::opening::OpenError;
use crate::store::schema::changes;
use crate::store::tx::{AnyConnection, StoreContext, Tx};

/// The most writes that may wait; more are refused.
const QUEUE: usize = 4_096;
/// The most writes that share a commit, so that the first of them does not wait long for its result.
const MAX_BATCH: usize = 256;
/// How often a job runs at most after conflicts with another process.
const ATTEMPTS: u32 = 3;

/// Sends jobs to the writer's thread, which ends when this is dropped.
pub(super) struct Writer {
    queue: SyncSender<WaitingJob>,
}

/// What happens to the savepoint of a job.
enum SavepointAction {
    Keep,
    Undo,
    UndoAndRetry,
    /// The job was stopped; SQLite may have rolled back the transaction.
    UndoStopped,
}

/// What happened to a transaction of several jobs.
enum BatchOutcome {
    /// All jobs get their results, whether it was committed or not.
    Ended(Result<()>),
    /// SQLite stopped the job at this index and rolled back the transaction: the other jobs run again.
    StoppedBy(usize),
}

/// A job and the receiver of its result.
struct WaitingJob {
    job: ErasedJob,
    limit: JobLimit,
    result: Result<()>,
    /// Whether the job has written changes to the log.
    has_changes: bool,
    answer: oneshot::Sender<Result<()>>,
}

impl WaitingJob {
    /// Runs the job, inside a savepoint of its own.
    fn run(&mut self, conn: &mut Conn, shared: &StoreContext) -> SavepointAction {
        // The store has turned a panic of the job into an error.
        let mut tx = Tx::writing(AnyConnection::Sqlite(conn), shared, &self.limit, shared.changes.switch());
        self.result = run_limited(&self.limit, || (self.job)(&mut tx));
        if self.result.is_ok()
            && let Err(error) = tx.check_limit()
        {
            self.result = Err(error);
        }
        self.has_changes = self.result.is_ok() && tx.has_written_changes();
        match (&self.result, tx.fault()) {
            (Ok(()), _) => SavepointAction::Keep,
            (Err(_), Some(Fault::Limit)) => SavepointAction::UndoStopped,
            (Err(_), Some(Fault::Conflict)) => SavepointAction::UndoAndRetry,
            (Err(_), _) => SavepointAction::Undo,
        }
    }

    /// Whether the caller no longer waits for the result.
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    /// Sends the result, once the transaction is committed or has failed.
    fn send_result(self, committed: &Result<()>) {
        let result = match committed {
            Ok(()) => self.result,
            // The job's own error may depend on the write of another job, which is rolled back too.
            Err(error) => Err(error.clone()),
        };
        // The caller may be gone; the write is committed all the same.
        drop(self.answer.send(result));
    }
}

impl Writer {
    /// Starts the thread on a connection of its own.
    pub fn start(conn: Conn, wal: Wal, shared: StoreContext) -> std::result::Result<Self, OpenError> {
        let (queue, waiting) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || run_writer(conn, &waiting, wal, &shared))
            .map_err(|error| OpenError::Unreachable(format!("cannot start the writer's thread: {error}")))?;
        Ok(Self { queue })
    }

    /// Runs a job in the next commit and returns its result once that is durable.
    pub async fn write(&self, limit: JobLimit, job: ErasedJob) -> Result<()> {
        let (answer, result) = oneshot::channel();
        let unanswered = Err(Error::Unavailable("the writer sent no result".to_owned()));
        self.queue.try_send(WaitingJob { job, limit, result: unanswered, has_changes: false, answer }).map_err(
            |refused| {
                Error::Unavailable(match refused {
                    TrySendError::Full(_) => format!("{QUEUE} writes are already waiting"),
                    TrySendError::Disconnected(_) => "the writer's thread has ended".to_owned(),
                })
            },
        )?;
        result.await.map_err(|_| Error::Unavailable("the writer's thread has ended".to_owned()))?
    }
}

fn run_writer(mut conn: Conn, waiting: &Receiver<WaitingJob>, mut wal: Wal, shared: &StoreContext) {
    loop {
        let first = match wal.next_check() {
            None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(pause) => waiting.recv_timeout(pause),
        };
        match first {
            Ok(first) => {
                let mut batch = vec![first];
                batch.extend(waiting.try_iter().take(MAX_BATCH - 1));
                write_batch(&mut conn, batch, shared);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        text_index::move_after_load(&mut conn);
        wal.keep_short(&mut conn);
    }
}

fn write_batch(conn: &mut Conn, mut batch: Vec<WaitingJob>, shared: &StoreContext) {
    loop {
        batch.retain(|work| !work.is_abandoned());
        match commit(conn, &mut batch, shared) {
            BatchOutcome::Ended(committed) => {
                if committed.is_ok() {
                    shared.metrics.count_commit(batch.len());
                    if batch.iter().any(|work| work.has_changes) {
                        shared.changes.wake_readers();
                    }
                } else {
                    // Fails where SQLite has rolled back by itself, as it does on some errors such as a full disk.
                    drop(run(conn, "ROLLBACK"));
                }
                for work in batch {
                    work.send_result(&committed);
                }
                return;
            }
            // One job fewer in each round, so that this ends.
            BatchOutcome::StoppedBy(index) => batch.remove(index).send_result(&Ok(())),
        }
    }
}

fn commit(conn: &mut Conn, batch: &mut [WaitingJob], shared: &StoreContext) -> BatchOutcome {
    match batch {
        [] => BatchOutcome::Ended(Ok(())),
        [alone] => BatchOutcome::Ended(commit_alone(conn, alone, shared)),
        several => commit_several(conn, several, shared).unwrap_or_else(|error| BatchOutcome::Ended(Err(error))),
    }
}

/// Begins a transaction of all jobs of a batch. No other process writes to the change log until it ends.
fn begin(conn: &mut Conn, shared: &StoreContext) -> Result<()> {
    run(conn, "BEGIN IMMEDIATE")?;
    read_log(conn, shared)
}

/// Reads whether changes are logged, and the time of the last one, for the jobs of a transaction.
fn read_log(conn: &mut Conn, shared: &StoreContext) -> Result<()> {
    let unavailable = |error: diesel::result::Error| Error::Unavailable(error.to_string());
    let is_on = queries::change_writes::is_on(conn).map_err(unavailable)?;
    shared.changes.set_switch(is_on);
    if is_on {
        let last = changes::table.order(changes::n.desc()).select(changes::at).first(conn);
        shared.changes.set_last(last.optional().map_err(unavailable)?.unwrap_or(i64::MIN));
    }
    Ok(())
}

fn commit_several(conn: &mut Conn, batch: &mut [WaitingJob], shared: &StoreContext) -> Result<BatchOutcome> {
    begin(conn, shared)?;
    for (index, work) in batch.iter_mut().enumerate() {
        for _ in 0..ATTEMPTS {
            run(conn, "SAVEPOINT job")?;
            match work.run(conn, shared) {
                SavepointAction::Keep => {
                    run(conn, "RELEASE job")?;
                    break;
                }
                SavepointAction::Undo => {
                    undo(conn, shared)?;
                    break;
                }
                SavepointAction::UndoAndRetry => {
                    undo(conn, shared)?;
                    shared.types.clear();
                }
                SavepointAction::UndoStopped => {
                    if undo(conn, shared).is_err() {
                        drop(run(conn, "ROLLBACK"));
                        return Ok(BatchOutcome::StoppedBy(index));
                    }
                    break;
                }
            }
        }
    }
    text_index::move_before_commit(conn)?;
    run(conn, "COMMIT").map(|()| BatchOutcome::Ended(Ok(())))
}

/// Undoes a job, which may have turned the change log on or off.
fn undo(conn: &mut Conn, shared: &StoreContext) -> Result<()> {
    run(conn, "ROLLBACK TO job")?;
    run(conn, "RELEASE job")?;
    read_log(conn, shared)
}

/// A single job needs no savepoint, which would keep a copy in memory of every page that the job changes.
fn commit_alone(conn: &mut Conn, work: &mut WaitingJob, shared: &StoreContext) -> Result<()> {
    for _ in 0..ATTEMPTS {
        begin(conn, shared)?;
        match work.run(conn, shared) {
            SavepointAction::Keep => {
                text_index::move_before_commit(conn)?;
                return run(conn, "COMMIT");
            }
            SavepointAction::Undo | SavepointAction::UndoStopped => {
                // Fails where SQLite has rolled back by itself; the job's own error says why.
                drop(run(conn, "ROLLBACK"));
                return Ok(());
            }
            SavepointAction::UndoAndRetry => {
                run(conn, "ROLLBACK")?;
                shared.types.clear();
            }
        }
    }
    Ok(())
}
