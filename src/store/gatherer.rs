//! The one who stores new relationships on PostgreSQL for all that ask at the same time.
//!
//! # Design
//! A durable commit costs a flush of the disk and a few round trips, whatever it holds. So the gatherer takes all plain
//! creates that are waiting, stores them with one statement, commits once, and only then answers them all. Who may
//! create what was decided before; the statement leaves out whatever something stands in the way of, such as the same
//! relationship, a missing user or a lock. Whoever is left out, and all of them where the statement fails, are told so
//! and run an ordinary job of their own, which finds out why. Rows are given to those who asked for them by what they
//! are, never by their place: they come back in any order.

use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use super::OpenError;
use super::postgres::Engine;
use super::tx::Shared;
use crate::model::error::{Error, Result};
use crate::model::id::UserId;
use crate::model::relationship::{Edge, Relationship};

/// Creates that may wait at once; more are refused.
const QUEUE: usize = 4_096;
/// Creates that share a commit at most, so that the first one's answer is not long in coming.
const GATHERED: usize = 256;

/// A relationship that somebody wants and may have, and who is to be noted as its author.
#[derive(Debug)]
pub(super) struct Asked {
    pub edge: Edge,
    pub author: Option<UserId>,
}

struct Waiting {
    asked: Asked,
    answer: oneshot::Sender<Result<Option<Relationship>>>,
}

/// The door to the gatherer's thread; the thread ends when this is dropped.
pub(super) struct Gatherer {
    queue: Sender<Waiting>,
}

impl Gatherer {
    /// Starts the thread. It takes a connection of the engine's pool whenever somebody asks.
    pub fn start(engine: Arc<Engine>, shared: Shared) -> std::result::Result<Self, OpenError> {
        let (queue, waiting) = channel(QUEUE);
        let cannot =
            |error: std::io::Error| OpenError::Unreachable(format!("cannot start the gatherer's thread: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(cannot)?;
        std::thread::Builder::new()
            .name("gatherer".to_owned())
            .spawn(move || runtime.block_on(gather_all(&engine, &shared, waiting)))
            .map_err(cannot)?;
        Ok(Self { queue })
    }

    /// Stores a relationship in the next commit and gives it once that is durable; `None` if it was left out.
    pub async fn gather(&self, asked: Asked) -> Result<Option<Relationship>> {
        let (answer, result) = oneshot::channel();
        self.queue.try_send(Waiting { asked, answer }).map_err(|refused| {
            Error::Unavailable(match refused {
                TrySendError::Full(_) => format!("{QUEUE} creates are waiting already"),
                TrySendError::Closed(_) => "the gatherer's thread has ended".to_owned(),
            })
        })?;
        result.await.map_err(|_| Error::Unavailable("the gatherer's thread has ended".to_owned()))?
    }
}

async fn gather_all(engine: &Engine, shared: &Shared, mut queue: Receiver<Waiting>) {
    while let Some(first) = queue.recv().await {
        let permit = engine.permit().await;
        // Only now: whoever came while there was no connection comes along.
        let mut gathered = vec![first];
        gathered.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(GATHERED - 1));
        gathered.retain(|waiting| !waiting.answer.is_closed());
        let stored = permit.and_then(|_permit| store(engine, shared, &gathered));
        answer(gathered, stored);
    }
}

/// What was stored, by what it is; nothing at all where the statement failed.
fn store(engine: &Engine, shared: &Shared, gathered: &[Waiting]) -> Result<HashMap<Edge, Relationship>> {
    // Of several who ask for the same one, the first is its author; an ordinary job tells the others that it is there.
    let mut asked: Vec<_> = gathered.iter().map(|waiting| &waiting.asked).collect();
    let mut seen = std::collections::HashSet::with_capacity(asked.len());
    asked.retain(|asked| seen.insert(&asked.edge));
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let stored = engine.run_gathered(shared, &|tx| tx.insert_gathered(&asked))?;
    if let Some(rows) = stored.as_ref().filter(|rows| !rows.is_empty()) {
        shared.measures.committed(rows.len());
    }
    let by_edge = |row: Relationship| {
        let edge = Edge { user: row.user, target: row.target, relationship: row.relationship.clone() };
        (edge, row)
    };
    Ok(stored.unwrap_or_default().into_iter().map(by_edge).collect())
}

fn answer(gathered: Vec<Waiting>, mut stored: Result<HashMap<Edge, Relationship>>) {
    for Waiting { asked, answer } in gathered {
        let result = match &mut stored {
            Ok(rows) => Ok(rows.remove(&asked.edge)),
            Err(error) => Err(error.clone()),
        };
        // Nobody may be waiting any more; the write stands all the same.
        drop(answer.send(result));
    }
}
