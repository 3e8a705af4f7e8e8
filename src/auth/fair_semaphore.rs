//! A semaphore for expensive work that serves requesters round robin.
//!
//! # Design
//! Each requester has its own queue, and the queues are served in turn: a requester with a hundred requests delays
//! another one by a single piece of work, not by a hundred. Queues are short, so that a requester cannot fill the
//! memory.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot::{Receiver, Sender, channel};

use crate::model::network;

/// The longest wait for a permit.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// The limit of waiting requests of one requester.
const MAX_WAITING_PER_REQUESTER: usize = 16;
/// The limit of waiting requests of all requesters.
const MAX_WAITING: usize = 4_096;

/// The address of a client that is not authenticated yet; `None` for all verified callers together.
pub type Requester = Option<IpAddr>;

/// Why no permit is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overloaded {
    /// The requester has `MAX_WAITING_PER_REQUESTER` requests waiting.
    SourceIsBusy,
    /// Too many requests are waiting in total, or the wait took too long.
    AllAreBusy,
}

/// The semaphore; cheap to clone.
#[derive(Debug, Clone)]
pub struct FairSemaphore(Arc<Mutex<Queues>>);

#[derive(Debug)]
struct Queues {
    free: usize,
    waiting: usize,
    by_requester: HashMap<Requester, VecDeque<Sender<FairPermit>>>,
    /// Requesters with a queue, the next one first.
    order: VecDeque<Requester>,
}

/// A permit. Dropping it passes it on.
#[derive(Debug)]
pub struct FairPermit(Option<FairSemaphore>);

impl FairSemaphore {
    /// At most `most` permits at the same time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let queues = Queues { free: most, waiting: 0, by_requester: HashMap::new(), order: VecDeque::new() };
        Self(Arc::new(Mutex::new(queues)))
    }

    /// Waits for a permit for `requester`.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn acquire(&self, requester: Requester) -> Result<FairPermit, Overloaded> {
        self.acquire_within(MAX_WAIT, requester).await
    }

    async fn acquire_within(&self, max_wait: Duration, requester: Requester) -> Result<FairPermit, Overloaded> {
        let receiver = match self.enqueue(requester.map(network::client_prefix))? {
            Ok(permit) => return Ok(permit),
            Err(receiver) => receiver,
        };
        match tokio::time::timeout(max_wait, receiver).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Overloaded::AllAreBusy),
        }
    }

    /// A permit if one is free; otherwise a place in the queue of the requester.
    fn enqueue(&self, requester: Requester) -> Result<Result<FairPermit, Receiver<FairPermit>>, Overloaded> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.free > 0 {
            queues.free -= 1;
            return Ok(Ok(FairPermit(Some(self.clone()))));
        }
        if queues.waiting >= MAX_WAITING {
            return Err(Overloaded::AllAreBusy);
        }
        let queue = queues.by_requester.entry(requester).or_default();
        // Cancelled requests leave closed places.
        let before = queue.len();
        queue.retain(|place| !place.is_closed());
        let (cancelled, waiting) = (before - queue.len(), queue.len());
        if waiting >= MAX_WAITING_PER_REQUESTER {
            queues.waiting -= cancelled;
            return Err(Overloaded::SourceIsBusy);
        }
        let (sender, receiver) = channel();
        queue.push_back(sender);
        queues.waiting = queues.waiting + 1 - cancelled;
        if before == 0 {
            queues.order.push_back(requester);
        }
        Ok(Err(receiver))
    }

    /// Passes a permit to the requester whose turn it is.
    fn pass_on(self) {
        let shared = Arc::clone(&self.0);
        let mut permit = FairPermit(Some(self));
        loop {
            let mut queues = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(sender) = queues.pop_next() else {
                queues.free += 1;
                // The permit is counted as free; its drop must not pass it on again.
                permit.0 = None;
                return;
            };
            drop(queues);
            match sender.send(permit) {
                Ok(()) => return,
                Err(returned) => permit = returned,
            }
        }
    }
}

impl Queues {
    fn pop_next(&mut self) -> Option<Sender<FairPermit>> {
        let requester = self.order.pop_front()?;
        let queue = self.by_requester.get_mut(&requester)?;
        let sender = queue.pop_front();
        if queue.is_empty() {
            self.by_requester.remove(&requester);
        } else {
            self.order.push_back(requester);
        }
        self.waiting -= usize::from(sender.is_some());
        sender
    }
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        if let Some(semaphore) = self.0.take() {
            semaphore.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Requester = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));
    const OTHER: Requester = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)));

    #[tokio::test]
    async fn requesters_are_served_in_turn() {
        let semaphore = FairSemaphore::new(1);
        let first = semaphore.acquire(ONE).await.unwrap();
        let mut many: Vec<_> =
            (0..MAX_WAITING_PER_REQUESTER).map(|_| semaphore.enqueue(ONE).unwrap().unwrap_err()).collect();
        assert_eq!(semaphore.enqueue(ONE).unwrap_err(), Overloaded::SourceIsBusy);
        let mut other = semaphore.enqueue(OTHER).unwrap().unwrap_err();
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
    async fn a_cancelled_request_takes_no_permit_and_no_place() {
        let semaphore = FairSemaphore::new(1);
        let first = semaphore.acquire(ONE).await.unwrap();
        for _ in 0..3 * MAX_WAITING_PER_REQUESTER {
            drop(semaphore.enqueue(ONE).unwrap());
        }
        let mut last = semaphore.enqueue(ONE).unwrap().unwrap_err();
        drop(first);
        drop(last.try_recv().unwrap());
        let queues = semaphore.0.lock().unwrap();
        assert_eq!((queues.free, queues.waiting, queues.order.len(), queues.by_requester.len()), (1, 0, 0, 0));
    }

    #[tokio::test]
    async fn the_total_of_waiting_requests_is_limited() {
        let semaphore = FairSemaphore::new(1);
        let _first = semaphore.acquire(ONE).await.unwrap();
        let mut waiting = Vec::new();
        for number in 0..MAX_WAITING / MAX_WAITING_PER_REQUESTER {
            let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
            let requester = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 1, high, low)));
            waiting.extend((0..MAX_WAITING_PER_REQUESTER).map(|_| semaphore.enqueue(requester).unwrap().unwrap_err()));
        }
        assert_eq!(semaphore.enqueue(OTHER).unwrap_err(), Overloaded::AllAreBusy);
        assert_eq!(waiting.len(), MAX_WAITING);
    }

    #[tokio::test]
    async fn a_request_that_waits_too_long_is_refused() {
        let semaphore = FairSemaphore::new(1);
        let first = semaphore.acquire(ONE).await.unwrap();
        let refused = semaphore.acquire_within(Duration::from_millis(20), OTHER).await.unwrap_err();
        assert_eq!(refused, Overloaded::AllAreBusy);
        drop(first);
        assert!(semaphore.acquire(OTHER).await.is_ok());
    }
}
