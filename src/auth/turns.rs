//! Turns at work that takes a core for a while, given to sources one after another.
//!
//! # Design
//! Each source has a queue of its own, and the queues take turns: a source that asks a hundred times delays another
//! source by one piece of work, not by a hundred. A queue is short, so a source cannot fill the memory either.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot::{Receiver, Sender, channel};

use crate::model::network;

/// The longest wait for a turn.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The most that wait of one source.
const PER_SOURCE: usize = 16;
/// The most that wait in all.
const MOST: usize = 4_096;

/// Whose work it is: that of a client that is not known yet, by its network, or that of verified callers together.
pub type Source = Option<IpAddr>;

/// Why there is no turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTurn {
    /// The source has [`PER_SOURCE`] pieces of work waiting.
    SourceIsBusy,
    /// Too many sources are waiting.
    AllAreBusy,
}

/// Gives turns.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Mutex<Queues>>);

#[derive(Debug)]
struct Queues {
    free: usize,
    waiting: usize,
    of_source: HashMap<Source, VecDeque<Sender<Turn>>>,
    /// Sources with a queue, the next one first.
    order: VecDeque<Source>,
}

/// A turn, given on when it is dropped.
#[derive(Debug)]
pub struct Turn(Option<Turns>);

impl Turns {
    /// At most `most` turns at the same time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let queues = Queues { free: most, waiting: 0, of_source: HashMap::new(), order: VecDeque::new() };
        Self(Arc::new(Mutex::new(queues)))
    }

    /// Waits for a turn of `source`.
    ///
    /// # Errors
    /// [`NoTurn`].
    pub async fn take(&self, source: Source) -> Result<Turn, NoTurn> {
        let given = match self.join(source.map(network::client_prefix))? {
            Ok(turn) => return Ok(turn),
            Err(given) => given,
        };
        match tokio::time::timeout(LONGEST_WAIT, given).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(NoTurn::AllAreBusy),
        }
    }

    /// A turn if one is free, or else a place in the queue of the source.
    fn join(&self, source: Source) -> Result<Result<Turn, Receiver<Turn>>, NoTurn> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.free > 0 {
            queues.free -= 1;
            return Ok(Ok(Turn(Some(self.clone()))));
        }
        if queues.waiting >= MOST {
            return Err(NoTurn::AllAreBusy);
        }
        let queue = queues.of_source.entry(source).or_default();
        // Requests that were given up leave their places behind.
        let before = queue.len();
        queue.retain(|place| !place.is_closed());
        let (given_up, waiting) = (before - queue.len(), queue.len());
        if waiting >= PER_SOURCE {
            queues.waiting -= given_up;
            return Err(NoTurn::SourceIsBusy);
        }
        let (give, given) = channel();
        queue.push_back(give);
        queues.waiting = queues.waiting + 1 - given_up;
        if before == 0 {
            queues.order.push_back(source);
        }
        Ok(Err(given))
    }

    /// Gives a turn on to the source that has waited longest since its last one.
    fn give_on(self) {
        let shared = Arc::clone(&self.0);
        let mut turn = Turn(Some(self));
        loop {
            let mut queues = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(give) = queues.next() else {
                queues.free += 1;
                // It is free now, and not to be given on again when it is dropped.
                turn.0 = None;
                return;
            };
            drop(queues);
            match give.send(turn) {
                Ok(()) => return,
                Err(unwanted) => turn = unwanted,
            }
        }
    }
}

impl Queues {
    fn next(&mut self) -> Option<Sender<Turn>> {
        let source = self.order.pop_front()?;
        let queue = self.of_source.get_mut(&source)?;
        let give = queue.pop_front();
        if queue.is_empty() {
            self.of_source.remove(&source);
        } else {
            self.order.push_back(source);
        }
        self.waiting -= usize::from(give.is_some());
        give
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.give_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Source = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));
    const OTHER: Source = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)));

    #[tokio::test]
    async fn sources_take_turns_however_many_requests_one_has() {
        let turns = Turns::new(1);
        let first = turns.take(ONE).await.unwrap();
        let mut many: Vec<_> = (0..PER_SOURCE).map(|_| turns.join(ONE).unwrap().unwrap_err()).collect();
        assert_eq!(turns.join(ONE).unwrap_err(), NoTurn::SourceIsBusy);
        let mut other = turns.join(OTHER).unwrap().unwrap_err();
        drop(first);
        let second = many[0].try_recv().unwrap();
        assert!(other.try_recv().is_err());
        drop(second);
        let third = other.try_recv().unwrap();
        assert!(many[1].try_recv().is_err());
        drop(third);
        assert!(many[1].try_recv().is_ok());
    }

    #[tokio::test]
    async fn a_request_that_was_given_up_takes_no_turn_and_no_place() {
        let turns = Turns::new(1);
        let first = turns.take(ONE).await.unwrap();
        for _ in 0..3 * PER_SOURCE {
            drop(turns.join(ONE).unwrap());
        }
        let mut last = turns.join(ONE).unwrap().unwrap_err();
        drop(first);
        drop(last.try_recv().unwrap());
        let queues = turns.0.lock().unwrap();
        assert_eq!((queues.free, queues.waiting, queues.order.len(), queues.of_source.len()), (1, 0, 0, 0));
    }
}
