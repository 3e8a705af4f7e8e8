//! Answers concurrent requests of one kind together, on PostgreSQL.
//!
//! # Design
//! A statement costs a round trip, two context switches and, if it writes, a flush of the disk, whatever its size. So a
//! thread takes all waiting requests of its kind and runs one statement for them. There is no batching delay: a batch
//! holds the requests that arrived while the previous statement ran. A request that the statement leaves out, or any
//! request of a batch that failed, then runs as an ordinary job, which finds the reason.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Mutex, oneshot};

use crate::model::error::{Error, Result};
use crate::store::job::catch_panic;
use crate::store::opening::OpenError;
use crate::store::postgres::engine::PostgresEngine;
use crate::store::postgres::mode::{Gathering, Mode};
use crate::store::postgres::permits::{Permit, PostgresPermits};
use crate::store::tx::StoreContext;

/// The most requests of a kind that may wait; more are refused.
const QUEUE: usize = 4_096;

/// A request that can be answered together with others of its kind.
pub(in crate::store) trait BatchQuery: Send + Sized + 'static {
    type Answer: Send + 'static;
    /// The kind, for people.
    const NAME: &'static str;
    /// The most requests of a batch, so that the first of them does not wait long for its answer.
    const MAX_BATCH: usize;

    /// The transaction of the statement.
    const MODE: Mode;
    /// Whether requests are gathered also where rows are spread over the nodes of a Citus cluster.
    const GATHERS_SPREAD_ROWS: bool = false;
    /// Both.
    const GATHERING: Gathering = Gathering { mode: Self::MODE, has_spread_rows: Self::GATHERS_SPREAD_ROWS };

    /// Whether the request can be answered in one batch with `first`, the first of it.
    fn joins(&self, first: &Self) -> bool {
        let _ = first;
        true
    }

    /// Answers a batch with one statement (or a few), in its order; `None` for requests that were left out.
    ///
    /// # Errors
    /// Those of the engine.
    fn answer(batch: &[&Self], engine: &PostgresEngine, shared: &StoreContext) -> Result<Vec<Option<Self::Answer>>>;
}

struct WaitingQuery<Q: BatchQuery> {
    query: Q,
    since: Instant,
    answer: oneshot::Sender<Result<Option<Q::Answer>>>,
}

/// The queue that the threads of a batcher share: one of them at a time takes a batch from it.
struct BatchQueue<Q: BatchQuery> {
    waiting: Receiver<WaitingQuery<Q>>,
    /// Requests that were received while there was no connection, or that did not join a batch, oldest first.
    held: VecDeque<WaitingQuery<Q>>,
}

/// Sends requests to threads that answer them in batches. The threads end when this is dropped.
pub(in crate::store) struct Batcher<Q: BatchQuery> {
    queue: Sender<WaitingQuery<Q>>,
    engine: Arc<PostgresEngine>,
}

impl<Q: BatchQuery> Batcher<Q> {
    /// Starts that many threads. Each takes a connection of the engine's pool for a batch.
    ///
    /// # Errors
    /// [`OpenError`] when a thread cannot be started.
    pub fn start(
        threads: usize,
        engine: &Arc<PostgresEngine>,
        shared: &StoreContext,
    ) -> std::result::Result<Self, OpenError> {
        let (queue, waiting) = channel(QUEUE);
        let waiting = Arc::new(Mutex::new(BatchQueue { waiting, held: VecDeque::new() }));
        let cannot_start =
            |error: std::io::Error| OpenError::Unreachable(format!("cannot start a thread for {}: {error}", Q::NAME));
        for _ in 0..threads {
            let (engine, shared, waiting) = (Arc::clone(engine), shared.clone(), Arc::clone(&waiting));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(cannot_start)?;
            std::thread::Builder::new()
                .name(Q::NAME.to_owned())
                .spawn(move || runtime.block_on(answer_all(&engine, &shared, &waiting)))
                .map_err(cannot_start)?;
        }
        Ok(Self { queue, engine: Arc::clone(engine) })
    }

    /// Waits for the answer to a request; `None` if the request was left out, and then nothing was done.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when too many requests wait or no connection becomes free.
    pub async fn ask(&self, query: Q) -> Result<Option<Q::Answer>> {
        if !self.engine.gathers(Q::GATHERING) {
            return Ok(None);
        }
        let (answer, result) = oneshot::channel();
        self.queue.try_send(WaitingQuery { query, since: Instant::now(), answer }).map_err(|refused| {
            Error::Unavailable(match refused {
                TrySendError::Full(_) => format!("{QUEUE} {} are already waiting", Q::NAME),
                TrySendError::Closed(_) => format!("the thread for {} has ended", Q::NAME),
            })
        })?;
        result.await.map_err(|_| Error::Unavailable(format!("the thread for {} has ended", Q::NAME)))?
    }
}

async fn answer_all<Q: BatchQuery>(engine: &PostgresEngine, shared: &StoreContext, queue: &Mutex<BatchQueue<Q>>) {
    loop {
        let mut locked = queue.lock().await;
        let Some((permit, batch)) = locked.next(engine.permits()).await else { return };
        drop(locked);
        if batch.is_empty() {
            continue;
        }
        let queries: Vec<_> = batch.iter().map(|waiting| &waiting.query).collect();
        let answers = catch_panic(|| Q::answer(&queries, engine, shared));
        drop(permit);
        distribute(batch, answers);
    }
}

impl<Q: BatchQuery> BatchQueue<Q> {
    /// The next batch with its permit; `None` once the batcher is dropped. Requests that have waited for a permit for
    /// the whole timeout fail, and only those.
    async fn next(&mut self, permits: &PostgresPermits) -> Option<(Permit, Vec<WaitingQuery<Q>>)> {
        loop {
            let first = match self.held.pop_front() {
                Some(first) => first,
                None => self.waiting.recv().await?,
            };
            let until = first.since.checked_add(permits.timeout()).unwrap_or(first.since);
            self.held.push_front(first);
            let permit = permits.acquire_for_batch(Q::MODE, until.into()).await;
            // After the wait, so that requests that arrived meanwhile join the batch.
            while self.held.len() < Q::MAX_BATCH
                && let Ok(waiting) = self.waiting.try_recv()
            {
                self.held.push_back(waiting);
            }
            if let Some(permit) = permit {
                return Some((permit, self.take_batch()));
            }
            self.refuse_late(permits.timeout());
        }
    }

    /// Takes the oldest request and those that join it; abandoned ones are dropped.
    fn take_batch(&mut self) -> Vec<WaitingQuery<Q>> {
        let mut batch: Vec<WaitingQuery<Q>> = Vec::new();
        let mut rest = VecDeque::new();
        for waiting in self.held.drain(..).filter(|waiting| !waiting.answer.is_closed()) {
            let joins = batch.first().is_none_or(|first| waiting.query.joins(&first.query));
            if joins && batch.len() < Q::MAX_BATCH { batch.push(waiting) } else { rest.push_back(waiting) }
        }
        self.held = rest;
        batch
    }

    fn refuse_late(&mut self, timeout: Duration) {
        while let Some(late) = self.held.pop_front_if(|waiting| waiting.since.elapsed() >= timeout) {
            let error = Error::Unavailable(format!("no connection became free within {timeout:?}"));
            drop(late.answer.send(Err(error)));
        }
    }
}

/// Sends each request its answer. The caller may be gone; a write is committed all the same.
fn distribute<Q: BatchQuery>(batch: Vec<WaitingQuery<Q>>, answers: Result<Vec<Option<Q::Answer>>>) {
    match answers {
        Ok(answers) => {
            let answers = answers.into_iter().chain(std::iter::repeat_with(|| None));
            for (WaitingQuery { answer, .. }, found) in batch.into_iter().zip(answers) {
                drop(answer.send(Ok(found)));
            }
        }
        Err(error) => {
            for WaitingQuery { answer, .. } in batch {
                drop(answer.send(Err(error.clone())));
            }
        }
    }
}
