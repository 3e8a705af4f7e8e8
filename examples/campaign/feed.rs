//! Readers of the change feed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::stage::Stage;
use crate::support::{Answer, Client, Value};

pub const CHANGES: &str = "/api/v2/changes";
/// The longest time without an answer after all faults.
const LONGEST_OUTAGE: Duration = Duration::from_mins(1);

/// A relationship: owner, type and target.
pub type Edge = (i64, String, i64);

/// A change of a relationship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub number: i64,
    pub transaction: i64,
    pub request: String,
    pub action: String,
    pub id: i64,
    pub edge: Edge,
}

/// What a reader saw.
#[derive(Default)]
pub struct Feed {
    /// The number of the last change of any kind.
    pub last: i64,
    pub changes: Vec<Change>,
    pub pages: usize,
    /// Kinds of findings, and what they are.
    pub findings: Vec<(&'static str, String)>,
}

/// The number in a member of text.
pub fn number(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or(-1)
}

/// Follows the feed from its first change until `is_over` is set and everything is read. `wait` is for long polls, in
/// seconds.
pub fn follow(stage: &Stage, is_over: &AtomicBool, wait: usize) -> Feed {
    let (mut feed, mut after) = (Feed::default(), String::new());
    let mut client = stage.client(wait);
    let mut last_answer = Instant::now();
    loop {
        // A request to the primary that begins after the last commit sees everything.
        let is_end = is_over.load(Ordering::SeqCst);
        client = client.at(if is_end { stage.primary_address() } else { stage.address(wait) });
        let path = format!("{CHANGES}?page[size]=500{after}");
        let prefer = format!("wait={}", if is_end { 0 } else { wait });
        let Some(page) = read(&client, &path, &prefer) else {
            if is_end && last_answer.elapsed() > LONGEST_OUTAGE {
                feed.findings.push(("wrong", format!("the feed did not answer for {LONGEST_OUTAGE:?}")));
                return feed;
            }
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        last_answer = Instant::now();
        if page.status != 200 {
            feed.findings.push(("wrong", format!("the feed: {} {}", page.status, page.text)));
            return feed;
        }
        let rows = page.body["data"].as_array().cloned().unwrap_or_default();
        for row in &rows {
            feed.add(row);
        }
        feed.pages += 1;
        after = format!("&page[after]={}", page.body["meta"]["cursor"].as_str().unwrap_or_default());
        if is_end && rows.is_empty() {
            return feed;
        }
        if rows.len() < 500 && wait == 0 {
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A page; `None` while the service or its database is away.
fn read(client: &Client, path: &str, prefer: &str) -> Option<Answer> {
    client.attempt("GET", path, &[("prefer", prefer)], None).ok().filter(|answer| answer.status != 503)
}

impl Feed {
    fn add(&mut self, row: &Value) {
        let attributes = &row["attributes"];
        let number_of_row = number(&row["id"]);
        if number_of_row <= self.last {
            self.findings.push(("repeated", format!("change {number_of_row} after {}", self.last)));
        }
        if number_of_row > self.last + 1 {
            self.findings.push(("lost", format!("the changes between {} and {number_of_row}", self.last)));
        }
        self.last = number_of_row;
        if attributes["subject-type"] == "user-relationships" {
            let end = |name: &str| number(&row["relationships"][name]["data"]["id"]);
            let text = |name: &str| attributes[name].as_str().unwrap_or_default().to_owned();
            self.changes.push(Change {
                number: number_of_row,
                transaction: number(&attributes["transaction"]),
                request: text("request-id"),
                action: text("action"),
                id: number(&attributes["subject-id"]),
                edge: (end("user"), text("relationship"), end("target")),
            });
        }
    }
}
