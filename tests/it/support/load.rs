//! Clients that change edges without pause and remember every response.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::client::Client;
use super::{edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const KINDS: [&str; 3] = ["mentor", "colleague", "subordinate"];

/// What a client knows of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// A create returned this id.
    There(i64),
    /// A delete succeeded, or the edge was never created.
    Gone,
    /// The last change got no response or a 503: it was performed completely or not at all.
    Unknown,
}

/// A client and what it knows of all edges that it may own.
pub struct Worker {
    client: Client,
    owner: i64,
    edges: Vec<(i64, &'static str, Known)>,
    /// Changes with a successful response.
    pub acknowledged: usize,
    /// Changes with a 503.
    pub refused: usize,
}

impl Worker {
    /// A worker on edges of that owner, who has none yet.
    pub fn new(client: Client, owner: i64, targets: &[i64]) -> Self {
        let edges = targets.iter().flat_map(|target| KINDS.map(|kind| (*target, kind, Known::Gone))).collect();
        Self { client, owner, edges, acknowledged: 0, refused: 0 }
    }

    /// The same worker at an instance that was started again.
    pub fn at(self, client: Client) -> Self {
        Self { client, ..self }
    }

    /// Changes without a successful response.
    pub fn unanswered(&self) -> usize {
        self.edges.iter().filter(|(_, _, known)| *known == Known::Unknown).count()
    }

    /// Changes edges in turn until `stop` is set, or until the service no longer responds.
    fn work(&mut self, stop: &AtomicBool) {
        loop {
            for at in 0..self.edges.len() {
                let (target, kind, known) = self.edges[at];
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let answered = match known {
                    Known::Unknown => continue,
                    Known::Gone => {
                        let body = edge(Some(self.owner), kind, target).to_string();
                        let headers = [("content-type", "application/vnd.api+json")];
                        self.client.attempt("POST", EDGES, &headers, Some(body.as_bytes()))
                    }
                    Known::There(id) => self.client.attempt("DELETE", &format!("{EDGES}/{id}"), &[], None),
                };
                // Until there is a response.
                self.edges[at].2 = Known::Unknown;
                let Ok(answer) = answered else { return };
                self.edges[at].2 = match (answer.status, known) {
                    (201, Known::Gone) => Known::There(answer.id()),
                    (204, Known::There(_)) => Known::Gone,
                    (503, _) => {
                        assert!(answer.header("retry-after").is_some(), "{answer:?}");
                        self.refused += 1;
                        continue;
                    }
                    _ => panic!("{known:?} {answer:?}"),
                };
                self.acknowledged += 1;
            }
            if self.edges.iter().all(|(_, _, known)| *known == Known::Unknown) {
                return;
            }
        }
    }

    /// Compares the stored edges with the responses.
    pub fn assert_kept(&self) {
        for (target, kind, known) in &self.edges {
            let filter = format!("user={}&target={target}&relationship={kind}", self.owner);
            let found = self.client.get(&format!("{EDGES}?{filter}")).expect(200);
            assert_eq!(found.ids().len(), usize::try_from(found.total()).unwrap(), "{}", found.text);
            match known {
                Known::There(id) => assert_eq!(found.ids(), [*id], "a created edge is lost: {filter}"),
                Known::Gone => assert_eq!(found.ids(), [0_i64; 0], "a deleted edge is back: {filter}"),
                Known::Unknown => assert!(found.total() <= 1, "{}", found.text),
            }
        }
    }
}

/// Runs all workers during `happen`; they end after `stop` is set.
pub fn under_load<T>(workers: &mut [Worker], happen: impl FnOnce(&AtomicBool) -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for worker in workers {
            let stop = &stop;
            scope.spawn(move || worker.work(stop));
        }
        // Also when `happen` panics; otherwise the scope would never end.
        let _stopper = Stopper(&stop);
        happen(&stop)
    })
}

struct Stopper<'a>(&'a AtomicBool);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The document that creates a user.
pub fn user(email: &str) -> super::Value {
    json!({"data": {"type": "users", "attributes": {"email": email}}})
}
