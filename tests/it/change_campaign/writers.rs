//! Clients that write relationships in every way, and remember what each response said.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use super::readers::{Requests, Signal};
use super::stage::Stage;
use crate::support::feed_copy::{TREE, number};
use crate::support::graph::{ATOMIC, EDGES, TRANSFERS, add, remove, transfer, update};
use crate::support::random::Random;
use crate::support::{Answer, Client, Value, edge, json};

const KINDS: [&str; 3] = ["mentor", "colleague", TREE];
const JSON_API: &str = "application/vnd.api+json";

/// A request, and what a success changes for certain.
struct Write {
    method: &'static str,
    path: String,
    media_type: &'static str,
    document: Option<Value>,
    deleted: Option<i64>,
}

impl Write {
    fn new(method: &'static str, path: String, document: Value) -> Self {
        Self { method, path, media_type: JSON_API, document: Some(document), deleted: None }
    }

    fn send(&self, client: &Client) -> Option<Answer> {
        let body = self.document.as_ref().map(ToString::to_string);
        let headers = [("content-type", self.media_type)];
        let headers = if body.is_some() { &headers[..] } else { &[] };
        client.attempt(self.method, &self.path, headers, body.as_deref().map(str::as_bytes)).ok()
    }
}

/// What a response said: the request has changed these relationships.
struct Acknowledged {
    request_id: String,
    changes: Vec<(&'static str, i64)>,
}

/// A client.
pub struct Writer {
    number: usize,
    random: Random,
    people: Vec<i64>,
    acknowledged: Vec<Acknowledged>,
    /// The requests that were refused, and so changed nothing.
    refused: Vec<String>,
    /// How many responses had each status; 0 for none.
    pub statuses: BTreeMap<u16, usize>,
}

impl Writer {
    pub fn new(number: usize, stage: &Stage) -> Self {
        let random = Random::new(number as u64 + 1);
        let people = stage.people.clone();
        Self { number, random, people, acknowledged: Vec::new(), refused: Vec::new(), statuses: BTreeMap::new() }
    }

    /// Writes until the writers are stopped.
    pub fn run(mut self, stage: &Stage, signal: &Signal) -> Self {
        let mut client = stage.client(self.number);
        while signal.may_write() {
            client = client.at(stage.address(self.number));
            let write = self.choose(stage);
            let answer = write.send(&client);
            *self.statuses.entry(answer.as_ref().map_or(0, |answer| answer.status)).or_default() += 1;
            match answer {
                Some(answer) => self.remember(stage, &write, &answer),
                None => thread::sleep(Duration::from_millis(20)),
            }
        }
        self
    }

    fn choose(&mut self, stage: &Stage) -> Write {
        let person = |random: &mut Random, people: &[i64]| random.choose(people);
        let (user, target) = (person(&mut self.random, &self.people), person(&mut self.random, &self.people));
        let other = person(&mut self.random, &self.people);
        let known = stage.edges.lock().expect("the edges");
        let id = if known.is_empty() { 0 } else { self.random.choose(&known) };
        drop(known);
        let kind = self.random.choose(&KINDS);
        match self.random.below(12) {
            0..=4 => Write::new("POST", EDGES.to_owned(), edge(Some(user), kind, target)),
            5 => {
                let document = json!({"data": {"type": "user-relationships", "id": id.to_string(),
                                               "attributes": {"relationship": kind}}});
                Write::new("PATCH", format!("{EDGES}/{id}"), document)
            }
            6 | 7 => Write {
                document: None,
                deleted: Some(id),
                ..Write::new("DELETE", format!("{EDGES}/{id}"), Value::Null)
            },
            8 => {
                let boss = (target != other).then(|| json!({"type": "users", "id": target.to_string()}));
                Write::new("PATCH", format!("/api/v2/users/{user}/relationships/bosses"), json!({"data": boss}))
            }
            9 => Write::new("POST", TRANSFERS.to_owned(), transfer(kind, user, target, self.random.below(2) == 0)),
            10 => operations(&[add(user, kind, target), remove(id), add(target, "mentor", other)], Some(id)),
            _ => operations(&[update(id, kind), add(user, "colleague", target)], None),
        }
    }

    fn remember(&mut self, stage: &Stage, write: &Write, answer: &Answer) {
        let request_id = answer.header("x-request-id").expect("an id").to_owned();
        match answer.status {
            200..=299 => {
                let created = created(write, answer);
                stage.edges.lock().expect("the edges").extend(&created);
                let deleted = write.deleted.map(|id| ("deleted", id));
                let changes = created.into_iter().map(|id| ("created", id)).chain(deleted).collect();
                self.acknowledged.push(Acknowledged { request_id, changes });
            }
            // It is not known whether the commit succeeded.
            503 => {}
            400..=500 => {
                if answer.status == 404 {
                    let gone = write.path.rsplit('/').next().and_then(|id| id.parse().ok());
                    stage.edges.lock().expect("the edges").retain(|id| Some(*id) != gone);
                }
                self.refused.push(request_id);
            }
            status => panic!("{status} {}", answer.text),
        }
    }

    /// Compares the responses with the feed.
    pub fn assert_logged(&self, requests: &Requests) {
        for Acknowledged { request_id, changes } in &self.acknowledged {
            let logged = requests.get(request_id).map(Vec::as_slice).unwrap_or_default();
            for (action, id) in changes {
                let is_logged = logged.iter().any(|(found, edge)| found == action && edge == id);
                assert!(is_logged, "{request_id} {action} {id}, but the feed has {logged:?}");
            }
        }
        for request_id in &self.refused {
            assert!(!requests.contains_key(request_id), "the refused {request_id} is in the feed");
        }
    }
}

fn operations(operations: &[Value], deleted: Option<i64>) -> Write {
    let document = json!({"atomic:operations": operations});
    Write { media_type: ATOMIC, deleted, ..Write::new("POST", "/api/v2/operations".to_owned(), document) }
}

/// The ids of the relationships that a response says were created.
fn created(write: &Write, answer: &Answer) -> Vec<i64> {
    let id_of = |data: &Value| (data["type"] == "user-relationships").then(|| number(&data["id"]));
    if write.media_type == ATOMIC {
        let operations =
            write.document.as_ref().expect("operations")["atomic:operations"].as_array().expect("operations");
        let results = answer.body["atomic:results"].as_array().expect("results");
        let added = operations.iter().zip(results).filter(|(operation, _)| operation["op"] == "add");
        return added.filter_map(|(_, result)| id_of(&result["data"])).collect();
    }
    if answer.status == 201 { id_of(&answer.body["data"]).into_iter().collect() } else { Vec::new() }
}
