//! Threads that answer, on PostgreSQL, all who ask the same kind of thing at the same time.
//!
//! # Design
//! A statement costs a round trip, two wake-ups and, if it writes, a flush of the disk, whatever it holds. So a gatherer
//! takes all questions of its kind that are waiting and answers them with one statement. Nobody waits for others to
//! come: what gathers is what arrived while the last statement ran. Whatever the statement leaves out, and all of it
//! where it fails, is told so and runs as an ordinary job of its own, which finds out why.

mod creates;
mod lists;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Mutex, oneshot};

pub(super) use creates::Create;
pub(super) use lists::List;

use super::postgres::permits::Permits;
use super::postgres::{Engine, Mode, Permit};
use super::tx::Shared;
use super::{Engine as Engines, OpenError, Store, catch_panic, named};
use crate::model::error::{Error, Result};
use crate::model::filter::RelationshipFilter;
use crate::model::id::UserId;
use crate::model::page::{Page, PageRequest};
use crate::model::relationship::{Edge, Relationship};

impl Store {
    /// Stores and counts a relationship that its author may create, together with those that others ask for at the
    /// same time; once it is answered it is durable. `None` if nothing was done: then [`write`](Self::write) does it,
    /// or says why it cannot be done. On SQLite, where all writes are gathered, that is always so.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn create_gathered(
        &self,
        name: &'static str,
        edge: Edge,
        author: Option<UserId>,
    ) -> Result<Option<Relationship>> {
        let Engines::Postgres { server, .. } = &*self.engine else { return Ok(None) };
        let _timed = self.shared.measures.time(name);
        server.connected().creates.ask(Create { edge, author }).await.map_err(|error| named(name, error))
    }

    /// The relationships of a slice and how many match in all, for a caller to be shown: read together with the lists
    /// that others ask for at the same time, and after all of them were asked for; from the replica if there is one.
    /// `None` if this is no list that is read like that: then [`read_replica`](Self::read_replica) does it. On SQLite,
    /// where lists are read on the thread that asks, that is always so.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn list_gathered(
        &self,
        name: &'static str,
        filter: &RelationshipFilter,
        slice: &PageRequest,
    ) -> Result<Option<Page<Relationship>>> {
        let Engines::Postgres { server, replica } = &*self.engine else { return Ok(None) };
        let Some(list) = List::of(filter, slice) else { return Ok(None) };
        let _timed = self.shared.measures.time(name);
        if let Some(replica) = replica
            && let Ok(read) = replica.list(list.clone()).await
        {
            return Ok(read);
        }
        server.connected().lists.ask(list).await.map_err(|error| named(name, error))
    }
}

/// Questions of a kind that may wait at once; more are refused.
const QUEUE: usize = 4_096;

/// Something that can be asked by many at once.
pub(super) trait BatchQuery: Send + Sized + 'static {
    type Answer: Send + 'static;
    /// What is asked, for people.
    const NAME: &'static str;
    /// The most that are answered together, so that the first one's answer is not long in coming.
    const MAX_BATCH: usize;

    /// How its statement meets the database.
    const MODE: Mode;

    /// Answers, in their order, with one statement (or a few); `None` for what was left out.
    fn answer(asked: &[&Self], engine: &Engine, shared: &Shared) -> Result<Vec<Option<Self::Answer>>>;
}

struct Waiting<Q: BatchQuery> {
    question: Q,
    since: Instant,
    answer: oneshot::Sender<Result<Option<Q::Answer>>>,
}

/// What the threads of a gatherer share: one of them at a time takes what waits.
struct Queue<Q: BatchQuery> {
    waiting: Receiver<Waiting<Q>>,
    /// Taken from the queue while there was no connection, oldest first.
    held: VecDeque<Waiting<Q>>,
}

/// The door to the threads; they end when this is dropped.
pub(super) struct Batcher<Q: BatchQuery> {
    queue: Sender<Waiting<Q>>,
}

impl<Q: BatchQuery> Batcher<Q> {
    /// Starts so many threads. Each takes a connection of the engine's pool whenever somebody asks.
    pub fn start(threads: usize, engine: &Arc<Engine>, shared: &Shared) -> std::result::Result<Self, OpenError> {
        let (queue, waiting) = channel(QUEUE);
        let waiting = Arc::new(Mutex::new(Queue { waiting, held: VecDeque::new() }));
        let cannot =
            |error: std::io::Error| OpenError::Unreachable(format!("cannot start a thread for {}: {error}", Q::NAME));
        for _ in 0..threads {
            let (engine, shared, waiting) = (Arc::clone(engine), shared.clone(), Arc::clone(&waiting));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(cannot)?;
            std::thread::Builder::new()
                .name(Q::NAME.to_owned())
                .spawn(move || runtime.block_on(answer_all(&engine, &shared, &waiting)))
                .map_err(cannot)?;
        }
        Ok(Self { queue })
    }

    /// Asks; `None` if the question was left out, and then nothing was done.
    pub async fn ask(&self, question: Q) -> Result<Option<Q::Answer>> {
        let (answer, result) = oneshot::channel();
        self.queue.try_send(Waiting { question, since: Instant::now(), answer }).map_err(|refused| {
            Error::Unavailable(match refused {
                TrySendError::Full(_) => format!("{QUEUE} {} are waiting already", Q::NAME),
                TrySendError::Closed(_) => format!("the thread for {} has ended", Q::NAME),
            })
        })?;
        result.await.map_err(|_| Error::Unavailable(format!("the thread for {} has ended", Q::NAME)))?
    }
}

async fn answer_all<Q: BatchQuery>(engine: &Engine, shared: &Shared, queue: &Mutex<Queue<Q>>) {
    loop {
        let mut locked = queue.lock().await;
        let Some((permit, gathered)) = locked.next(engine.permits()).await else { return };
        drop(locked);
        if gathered.is_empty() {
            continue;
        }
        let questions: Vec<_> = gathered.iter().map(|waiting| &waiting.question).collect();
        let answers = catch_panic(|| Q::answer(&questions, engine, shared));
        drop(permit);
        distribute(gathered, answers);
    }
}

impl<Q: BatchQuery> Queue<Q> {
    /// A permit and who is to be answered with it; `None` when nobody can ask any more. Those fail that have waited for
    /// the permit as long as anybody may, and nobody else.
    async fn next(&mut self, permits: &Permits) -> Option<(Permit, Vec<Waiting<Q>>)> {
        loop {
            let first = match self.held.pop_front() {
                Some(first) => first,
                None => self.waiting.recv().await?,
            };
            let until = first.since.checked_add(permits.timeout()).unwrap_or(first.since);
            self.held.push_front(first);
            let permit = permits.acquire_gathered(Q::MODE, until.into()).await;
            // Only now: whoever came while there was no connection comes along.
            while self.held.len() < Q::MAX_BATCH
                && let Ok(waiting) = self.waiting.try_recv()
            {
                self.held.push_back(waiting);
            }
            if let Some(permit) = permit {
                let gathered = self.held.drain(..self.held.len().min(Q::MAX_BATCH));
                let gathered = gathered.filter(|waiting| !waiting.answer.is_closed()).collect();
                return Some((permit, gathered));
            }
            self.refuse_late(permits.timeout());
        }
    }

    fn refuse_late(&mut self, timeout: Duration) {
        while let Some(late) = self.held.pop_front_if(|waiting| waiting.since.elapsed() >= timeout) {
            let error = Error::Unavailable(format!("no connection became free within {timeout:?}"));
            drop(late.answer.send(Err(error)));
        }
    }
}

/// Gives each its own. Nobody may be waiting any more; what was done stands all the same.
fn distribute<Q: BatchQuery>(gathered: Vec<Waiting<Q>>, answers: Result<Vec<Option<Q::Answer>>>) {
    match answers {
        Ok(answers) => {
            let answers = answers.into_iter().chain(std::iter::repeat_with(|| None));
            for (Waiting { answer, .. }, given) in gathered.into_iter().zip(answers) {
                drop(answer.send(Ok(given)));
            }
        }
        Err(error) => {
            for Waiting { answer, .. } in gathered {
                drop(answer.send(Err(error.clone())));
            }
        }
    }
}
