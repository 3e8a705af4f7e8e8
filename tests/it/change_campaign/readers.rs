//! Readers of the feed.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::stage::Stage;
use crate::support::changes::{CHANGES, cursor};
use crate::support::feed_copy::{Copy, TREE, number, rows};
use crate::support::random::Random;
use crate::support::{Answer, Client, Value};

/// The changes of relationships of each request: action and id.
pub type Requests = HashMap<String, Vec<(String, i64)>>;

/// Tells writers and readers when to end.
#[derive(Default)]
pub struct Signal {
    has_no_writers: AtomicBool,
    has_no_changes: AtomicBool,
}

impl Signal {
    pub fn may_write(&self) -> bool {
        !self.has_no_writers.load(Ordering::SeqCst)
    }

    pub fn stop_writers(&self) {
        self.has_no_writers.store(true, Ordering::SeqCst);
    }

    /// Readers end when they have seen everything.
    pub fn stop_readers(&self) {
        self.has_no_changes.store(true, Ordering::SeqCst);
    }
}

/// How a reader follows the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Poll,
    LongPoll,
    /// It forgets what it has not saved every second, and goes on from its saved state with a new client.
    Restarted,
}

/// What a reader does with a page.
pub trait Reader: Clone {
    /// Applies the changes of a page.
    fn apply(&mut self, stage: &Stage, page: &Answer);
    fn count_restart(&mut self);
}

/// A reader of all changes.
#[derive(Debug, Clone)]
pub struct Follower {
    pub copy: Copy,
    /// A digest of each change, from the first one on.
    pub digests: Vec<u64>,
    pub reads: usize,
    pub restarts: usize,
}

impl Default for Follower {
    fn default() -> Self {
        Self { copy: Copy::empty(), digests: Vec::new(), reads: 0, restarts: 0 }
    }
}

impl Follower {
    /// The number of the last change.
    pub fn last(&self) -> i64 {
        i64::try_from(self.digests.len()).expect("a number")
    }
}

fn digest(change: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    change.to_string().hash(&mut hasher);
    hasher.finish()
}

impl Reader for Follower {
    fn apply(&mut self, _: &Stage, page: &Answer) {
        self.reads += 1;
        for change in rows(page) {
            assert_eq!(number(&change["id"]), self.last() + 1, "a change is missing or doubled: {change}");
            self.copy.apply(change);
            self.digests.push(digest(change));
        }
    }

    fn count_restart(&mut self) {
        self.restarts += 1;
    }
}

/// A reader of all changes that also remembers which request made them, and checks the rules of transactions.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    pub follower: Follower,
    pub requests: Requests,
    /// The changes that the filter selects.
    pub of_filter: Vec<(i64, u64)>,
    transaction: i64,
    request_id: Option<String>,
    at: String,
    /// How many relationships of the tree each user has.
    bosses: BTreeMap<i64, usize>,
}

impl Reader for Ledger {
    fn apply(&mut self, stage: &Stage, page: &Answer) {
        for change in rows(page) {
            self.check_transaction(change);
            if change["attributes"]["subject-type"] == "user-relationships" {
                self.record(stage.people[0], change);
            }
        }
        self.follower.apply(stage, page);
    }

    fn count_restart(&mut self) {
        self.follower.count_restart();
    }
}

impl Ledger {
    /// Changes of one transaction are adjacent, and have one request and one time.
    fn check_transaction(&mut self, change: &Value) {
        let attributes = &change["attributes"];
        let (at, request_id) = (attributes["at"].as_str().expect("a time"), attributes["request-id"].as_str());
        let transaction = number(&attributes["transaction"]);
        assert!(at >= self.at.as_str(), "the time decreases: {change}");
        if transaction == self.transaction {
            assert_eq!((at, request_id), (self.at.as_str(), self.request_id.as_deref()), "{change}");
            return;
        }
        assert!(self.bosses.values().all(|bosses| *bosses <= 1), "a rule is broken before {change}");
        self.bosses.retain(|_, bosses| *bosses > 0);
        assert_eq!(number(&change["id"]), transaction, "{change}");
        let is_new = request_id.is_none_or(|id| self.requests.insert(id.to_owned(), Vec::new()).is_none());
        assert!(is_new, "a request was performed twice: {change}");
        (self.transaction, self.request_id, self.at) = (transaction, request_id.map(str::to_owned), at.to_owned());
    }

    fn record(&mut self, filtered: i64, change: &Value) {
        let attributes = &change["attributes"];
        let action = attributes["action"].as_str().expect("an action");
        if let Some(requests) = self.request_id.as_ref().and_then(|id| self.requests.get_mut(id)) {
            requests.push((action.to_owned(), number(&attributes["subject-id"])));
        }
        let end = |name: &str| number(&change["relationships"][name]["data"]["id"]);
        let (is_tree, was_tree) = (attributes["relationship"] == TREE, attributes["previous-relationship"] == TREE);
        let bosses = self.bosses.entry(end("user")).or_default();
        *bosses += usize::from(is_tree && action != "deleted");
        *bosses -= usize::from(was_tree || is_tree && action == "deleted");
        if (is_tree || was_tree) && (end("user") == filtered || end("target") == filtered) {
            self.of_filter.push((number(&change["id"]), digest(change)));
        }
    }
}

/// Reads a page; `None` while the service or its database is away.
fn read(client: &Client, path: &str, wait: u32) -> Option<Answer> {
    let answer = client.attempt("GET", path, &[("prefer", &format!("wait={wait}"))], None).ok();
    match answer {
        Some(answer) if answer.status == 200 => Some(answer),
        Some(answer) if answer.status != 503 => panic!("{} {}", answer.status, answer.text),
        _ => {
            thread::sleep(Duration::from_millis(20));
            None
        }
    }
}

/// Reads pages until there are no more changes.
fn read_all(
    stage: &Stage,
    signal: &Signal,
    manner: Manner,
    query: &str,
    mut take: impl FnMut(&Answer, bool) -> Option<String>,
) {
    let number = manner as usize;
    let (mut client, mut random, mut begun) = (stage.client(number), Random::new(number as u64 + 40), Instant::now());
    let mut after = None;
    loop {
        // A request that begins after the last commit sees everything.
        let is_end = signal.has_no_changes.load(Ordering::SeqCst);
        let is_restarted = manner == Manner::Restarted && begun.elapsed() > Duration::from_secs(1);
        client = if is_restarted { stage.client(random.below(2)) } else { client.at(stage.address(number)) };
        begun = if is_restarted { Instant::now() } else { begun };
        let position = after.as_ref().map_or_else(String::new, |cursor| format!("&page[after]={cursor}"));
        let path = format!("{CHANGES}?page[size]={}{query}{position}", random.below(300) + 1);
        let wait = u32::from(manner == Manner::LongPoll && !is_end);
        let Some(page) = read(&client, &path, wait) else { continue };
        after = take(&page, is_restarted);
        let is_last = page.body["links"]["next"].is_null();
        if is_end && is_last && !is_restarted && rows(&page).is_empty() {
            return;
        }
        if is_last && manner != Manner::LongPoll {
            thread::sleep(Duration::from_millis(random.below(20) as u64));
        }
    }
}

/// Follows all changes.
pub fn follow<R: Reader>(stage: &Stage, signal: &Signal, manner: Manner, new: R) -> R {
    let (mut reader, mut saved) = (new.clone(), (new, None));
    let mut pages = 0;
    read_all(stage, signal, manner, "", |page, is_restarted| {
        pages += 1;
        if is_restarted {
            // It ends before it saves this page, and forgets the last ones.
            (reader, _) = saved.clone();
            reader.count_restart();
            saved.0 = reader.clone();
            return saved.1.clone();
        }
        reader.apply(stage, page);
        let position = Some(cursor(page));
        if manner == Manner::Restarted && (pages % 3 == 0 || rows(page).is_empty()) {
            saved = (reader.clone(), position.clone());
        }
        position
    });
    reader
}

/// Follows the changes of one user in the tree.
pub fn filtered(stage: &Stage, signal: &Signal) -> Vec<(i64, u64)> {
    let mut found = Vec::new();
    let query = format!("&filter[user]={}&filter[relationship]={TREE}", stage.people[0]);
    read_all(stage, signal, Manner::Poll, &query, |page, _| {
        found.extend(rows(page).iter().map(|change| (number(&change["id"]), digest(change))));
        Some(cursor(page))
    });
    found
}
