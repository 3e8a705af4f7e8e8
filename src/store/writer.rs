//! The one thread that writes to SQLite.
//!
//! # Design
//! A durable commit costs a flush of the disk, whatever it holds. So the writer takes all writes that are waiting,
//! runs each inside a savepoint of one transaction, commits once, and only then answers them all. A job that
//! fails, or panics, is rolled back to its savepoint and spoils nobody else's.
//!
//! A job that reaches its limit is stopped, even in the middle of a statement. SQLite rolls back the whole transaction
//! when it stops a statement that writes; the other jobs of that transaction then run again in a new one.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use tokio::sync::oneshot;

use super::OpenError;
use super::fault::Fault;
use super::limit::JobLimit;
use super::sqlite::interrupt::limited;
use super::sqlite::wal::Wal;
use super::sqlite::{Conn, run};
use super::tx::{AnyConnection, Shared, Tx};
use crate::model::error::{Error, Result};

/// Writes that may wait at once; more are refused.
const QUEUE: usize = 4_096;
/// Writes that share a commit at most, so that the first one's answer is not long in coming.
const GATHERED: usize = 256;
/// How often a job runs that somebody else was faster than.
const ATTEMPTS: u32 = 3;

/// The door to the writer's thread; the thread ends when this is dropped.
pub(super) struct Writer {
    queue: SyncSender<Box<dyn Work>>,
}

/// A job together with whoever waits for its answer.
trait Work: Send {
    /// Runs the job, inside a savepoint of its own.
    fn run(&mut self, conn: &mut Conn, shared: &Shared) -> Outcome;
    /// Whether the waiter has gone away.
    fn is_abandoned(&self) -> bool;
    /// Answers, once the fate of the transaction is known.
    fn answer(self: Box<Self>, committed: &Result<()>);
}

/// What becomes of a job's savepoint.
enum Outcome {
    Keep,
    Undo,
    UndoAndRepeat,
    /// The job was stopped, and with it perhaps the transaction.
    UndoStopped,
}

/// What becomes of a transaction of several jobs.
enum Ending {
    /// All jobs get their answers, whether it was committed or not.
    Ended(Result<()>),
    /// The job at this place was stopped, which ended the transaction: the others run again.
    LostBy(usize),
}

struct Waiting<T, F> {
    job: F,
    limit: JobLimit,
    result: Result<T>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: Fn(&mut Tx<'_>) -> Result<T> + Send> Work for Waiting<T, F> {
    fn run(&mut self, conn: &mut Conn, shared: &Shared) -> Outcome {
        // A panic does not get here: the store has made it an error of the job.
        let mut tx = Tx::writing(AnyConnection::Sqlite(conn), shared, &self.limit);
        self.result = limited(&self.limit, || (self.job)(&mut tx));
        if self.result.is_ok()
            && let Err(error) = tx.check_limit()
        {
            self.result = Err(error);
        }
        match (&self.result, tx.fault()) {
            (Ok(_), _) => Outcome::Keep,
            (Err(_), Some(Fault::Limit)) => Outcome::UndoStopped,
            (Err(_), Some(Fault::Conflict)) => Outcome::UndoAndRepeat,
            (Err(_), _) => Outcome::Undo,
        }
    }

    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn answer(self: Box<Self>, committed: &Result<()>) {
        let result = match committed {
            Ok(()) => self.result,
            // A refusal may rest on a neighbour's write that is gone now, so it falls as well.
            Err(error) => Err(error.clone()),
        };
        // Nobody may be waiting any more; the write stands all the same.
        drop(self.answer.send(result));
    }
}

impl Writer {
    /// Starts the thread on a connection of its own.
    pub fn start(conn: Conn, wal: Wal, shared: Shared) -> std::result::Result<Self, OpenError> {
        let (queue, waiting) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || write_all(conn, &waiting, wal, &shared))
            .map_err(|error| OpenError::Unreachable(format!("cannot start the writer's thread: {error}")))?;
        Ok(Self { queue })
    }

    /// Runs a job in the next commit and gives its result once that is durable.
    pub async fn write<T: Send + 'static>(
        &self,
        limit: JobLimit,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, result) = oneshot::channel();
        let unanswered = Err(Error::Unavailable("the writer gave no answer".to_owned()));
        self.queue.try_send(Box::new(Waiting { job, limit, result: unanswered, answer })).map_err(|refused| {
            Error::Unavailable(match refused {
                TrySendError::Full(_) => format!("{QUEUE} writes are waiting already"),
                TrySendError::Disconnected(_) => "the writer's thread has ended".to_owned(),
            })
        })?;
        result.await.map_err(|_| Error::Unavailable("the writer's thread has ended".to_owned()))?
    }
}

fn write_all(mut conn: Conn, waiting: &Receiver<Box<dyn Work>>, mut wal: Wal, shared: &Shared) {
    loop {
        let first = match wal.next_look() {
            None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(pause) => waiting.recv_timeout(pause),
        };
        match first {
            Ok(first) => {
                let mut gathered = vec![first];
                gathered.extend(waiting.try_iter().take(GATHERED - 1));
                write_together(&mut conn, gathered, shared);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        wal.keep_short(&mut conn);
    }
}

fn write_together(conn: &mut Conn, mut gathered: Vec<Box<dyn Work>>, shared: &Shared) {
    loop {
        gathered.retain(|work| !work.is_abandoned());
        match commit(conn, &mut gathered, shared) {
            Ending::Ended(committed) => {
                if committed.is_ok() {
                    shared.measures.committed(gathered.len());
                } else {
                    // SQLite ends a transaction by itself on some errors, such as a full disk; then there is nothing to
                    // roll back.
                    drop(run(conn, "ROLLBACK"));
                }
                for work in gathered {
                    work.answer(&committed);
                }
                return;
            }
            // One job fewer each time, so that this ends.
            Ending::LostBy(place) => gathered.remove(place).answer(&Ok(())),
        }
    }
}

fn commit(conn: &mut Conn, gathered: &mut [Box<dyn Work>], shared: &Shared) -> Ending {
    match gathered {
        [] => Ending::Ended(Ok(())),
        [alone] => Ending::Ended(commit_alone(conn, alone.as_mut(), shared)),
        several => commit_several(conn, several, shared).unwrap_or_else(|error| Ending::Ended(Err(error))),
    }
}

fn commit_several(conn: &mut Conn, gathered: &mut [Box<dyn Work>], shared: &Shared) -> Result<Ending> {
    run(conn, "BEGIN IMMEDIATE")?;
    for (place, work) in gathered.iter_mut().enumerate() {
        for _ in 0..ATTEMPTS {
            run(conn, "SAVEPOINT job")?;
            match work.run(conn, shared) {
                Outcome::Keep => {
                    run(conn, "RELEASE job")?;
                    break;
                }
                Outcome::Undo => {
                    run(conn, "ROLLBACK TO job; RELEASE job")?;
                    break;
                }
                Outcome::UndoAndRepeat => {
                    run(conn, "ROLLBACK TO job; RELEASE job")?;
                    shared.types.clear();
                }
                Outcome::UndoStopped => {
                    if run(conn, "ROLLBACK TO job; RELEASE job").is_err() {
                        drop(run(conn, "ROLLBACK"));
                        return Ok(Ending::LostBy(place));
                    }
                    break;
                }
            }
        }
    }
    run(conn, "COMMIT").map(|()| Ending::Ended(Ok(())))
}

/// A job that is alone needs no savepoint, which would keep a copy in memory of every page that it changes.
fn commit_alone(conn: &mut Conn, work: &mut dyn Work, shared: &Shared) -> Result<()> {
    for _ in 0..ATTEMPTS {
        run(conn, "BEGIN IMMEDIATE")?;
        match work.run(conn, shared) {
            Outcome::Keep => return run(conn, "COMMIT"),
            Outcome::Undo | Outcome::UndoStopped => {
                // There may be nothing to roll back (see above), and the job has its own error, which says why.
                drop(run(conn, "ROLLBACK"));
                return Ok(());
            }
            Outcome::UndoAndRepeat => {
                run(conn, "ROLLBACK")?;
                shared.types.clear();
            }
        }
    }
    Ok(())
}
