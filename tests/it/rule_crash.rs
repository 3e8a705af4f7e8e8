//! A process that is killed while it changes a tree: what it acknowledged is stored, and counts below agree.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::both;
use crate::support::graph::{EDGES, add, assert_clean, on_cycles, register, remove, rounds, stored_where, tree, users};
use crate::support::process::{PATIENCE, Service, run, until};
use crate::support::sql::Raw;
use crate::support::{Answer, Client, edge, json};

const KIND: &str = "boss";
const WORKERS: usize = 4;
const USERS: usize = 48;

/// What a worker knows of the edge that a user owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// This edge, to this target, was acknowledged.
    There(i64, i64),
    /// There is none.
    Gone,
    /// The last change got no answer: the edge is the one before, or one to the target after, or none.
    Unknown { before: Option<(i64, i64)>, after: Option<i64> },
}

/// A client that creates, moves and deletes the edges of its own users.
struct Mover {
    client: Client,
    own: Vec<(i64, Known)>,
    all: Vec<i64>,
    seed: usize,
}

impl Mover {
    fn random(&mut self, below: usize) -> usize {
        self.seed = (self.seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        self.seed / 1024 % below
    }

    /// Changes edges until the service no longer answers, and counts the answers.
    fn work(&mut self, acknowledged: &AtomicUsize) {
        loop {
            let (at, target, choice) = (self.random(self.own.len()), self.random(self.all.len()), self.random(4));
            let ((user, known), target) = (self.own[at], self.all[target]);
            if user == target {
                continue;
            }
            let before = match known {
                Known::There(id, target) => Some((id, target)),
                Known::Gone => None,
                Known::Unknown { .. } => continue,
            };
            let is_delete = before.is_some() && choice == 0;
            self.own[at].1 = Known::Unknown { before, after: (!is_delete).then_some(target) };
            let Some(answer) = self.send(user, before, target, is_delete) else { return };
            self.own[at].1 = match (answer.status, answer.codes().first()) {
                (201, _) => Known::There(answer.id(), target),
                (200, _) => {
                    let id = answer.body["atomic:results"][1]["data"]["id"].as_str().expect("an id");
                    Known::There(id.parse().expect("a number"), target)
                }
                (204, _) => Known::Gone,
                (409, Some(&("relationship-cycle" | "already-exists"))) => known,
                _ => panic!("{known:?} {answer:?}"),
            };
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn send(&self, user: i64, before: Option<(i64, i64)>, target: i64, is_delete: bool) -> Option<Answer> {
        let json_api = [("content-type", "application/vnd.api+json")];
        let atomic = [("content-type", crate::support::graph::ATOMIC)];
        let sent = match before {
            None => {
                let body = edge(Some(user), KIND, target).to_string();
                self.client.attempt("POST", EDGES, &json_api, Some(body.as_bytes()))
            }
            Some((id, _)) if is_delete => self.client.attempt("DELETE", &format!("{EDGES}/{id}"), &[], None),
            Some((id, _)) => {
                let body = json!({"atomic:operations": [remove(id), add(user, KIND, target)]}).to_string();
                self.client.attempt("POST", "/api/v2/operations", &atomic, Some(body.as_bytes()))
            }
        };
        sent.ok()
    }

    /// Compares the stored edges of its users with the answers, and reads what it does not know.
    fn compare(&mut self, raw: &mut Raw) {
        for (user, known) in &mut self.own {
            let stored = stored_where(raw, KIND, &format!("AND user_id = {user}"));
            let stored: Vec<_> = stored.into_iter().map(|(id, (_, target))| (id, target)).collect();
            match *known {
                Known::There(id, target) => {
                    assert_eq!(stored, [(id, target)], "an acknowledged edge of {user} is lost");
                }
                Known::Gone => assert_eq!(stored, [], "a deleted edge of {user} is back"),
                // The last change has happened completely or not at all.
                Known::Unknown { before, after } => {
                    let targets: Vec<_> = stored.iter().map(|(_, target)| *target).collect();
                    let is_old = stored == before.into_iter().collect::<Vec<_>>();
                    assert!(is_old || targets == after.into_iter().collect::<Vec<_>>(), "{known:?} {stored:?}");
                }
            }
            *known = stored.first().map_or(Known::Gone, |(id, target)| Known::There(*id, *target));
        }
    }
}

both!(a_tree_survives_kill_9_while_it_changes, |app| {
    let url = app.home().text();
    let admin = app.admin();
    register(&admin, KIND, &tree());
    let all = users(app, USERS);
    let mover = |number: usize| Mover {
        client: admin.clone(),
        own: all.chunks(USERS / WORKERS).nth(number).expect("users").iter().map(|id| (*id, Known::Gone)).collect(),
        all: all.clone(),
        seed: number + 1,
    };
    let mut movers: Vec<_> = (0..WORKERS).map(mover).collect();
    let mut raw = Raw::connect(&app.config.database_url);
    for round in 0..rounds(5).min(200) {
        let service = Service::start(&url, &[]);
        let acknowledged = AtomicUsize::new(0);
        thread::scope(|scope| {
            for mover in &mut movers {
                mover.client = admin.at(service.address);
                let acknowledged = &acknowledged;
                scope.spawn(move || mover.work(acknowledged));
            }
            until("changes are acknowledged", PATIENCE, || acknowledged.load(Ordering::Relaxed) >= 40);
            thread::sleep(Duration::from_micros(1_700 * (round as u64 % 11)));
            service.kill();
        });
        run(&url, &["check"]).expect(0);
        for mover in &mut movers {
            mover.compare(&mut raw);
        }
        assert_eq!(on_cycles(stored_where(&mut raw, KIND, "").into_values()).len(), 0);
    }
    assert_clean(app);
});
