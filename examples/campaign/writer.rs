//! Clients that write, each to relationships of its own users, and know what must be stored.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Plan;
use super::feed::{Edge, number};
use super::stage::{EDGES, Stage, TREE, USERS};
use crate::support::random::Random;
use crate::support::{Answer, Client, Value, json};

const JSON_API: &str = "application/vnd.api+json";
const ATOMIC: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
const KINDS: [&str; 2] = ["mentor", "colleague"];
const PEOPLE: usize = 10;
/// A transaction whose client has no answer ends within this time.
const SETTLED: Duration = Duration::from_secs(8);
/// How often a request with an `Idempotency-Key` is sent.
const ATTEMPTS: usize = 8;

/// What a writer knows of a relationship that it has created. It knows that all others do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    There(i64),
    /// A change had no answer at this moment.
    Unknown(Instant),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Acknowledged,
    Refused,
    Unknown,
}

/// A request, or several attempts of it.
pub struct Operation {
    /// The prefix of its request ids.
    pub name: String,
    pub outcome: Outcome,
    /// The changes that the answer names.
    pub changes: Vec<(&'static str, i64)>,
    /// The fewest changes that it makes if it makes any.
    pub least: usize,
}

/// An import that was acknowledged.
pub struct Imported {
    pub id: i64,
    pub edges: Vec<Edge>,
}

pub struct Writer {
    number: usize,
    random: Random,
    client: Client,
    /// The last `Consistency-Token`, with which a replica shows what was written before, and when it arrived.
    token: Option<(String, Instant)>,
    pause: Duration,
    /// The users whose relationships only this writer changes.
    pub people: Vec<i64>,
    pub edges: BTreeMap<Edge, Known>,
    bosses: BTreeMap<i64, i64>,
    /// Since when the bosses are not known.
    unknown_bosses: Option<Instant>,
    pub operations: Vec<Operation>,
    pub findings: Vec<(&'static str, String)>,
    pub statuses: BTreeMap<u16, usize>,
    pub acknowledged: usize,
}

/// Creates users.
pub fn add_people(stage: &Stage, name: &str, count: usize) -> Vec<i64> {
    let client = stage.client(0);
    // A busy machine may need several attempts, each of which may succeed without an answer.
    let create = |place: usize, attempt: usize| {
        let attributes = json!({"email": format!("{name}-{place}-{attempt}@example.com")});
        let answer = client.post(USERS, &json!({"data": {"type": "users", "attributes": attributes}}));
        (answer.status != 503).then(|| answer.expect(201).id())
    };
    let add = |place| (0..20).find_map(|attempt| create(place, attempt)).expect("a service without faults");
    (0..count).map(add).collect()
}

fn relationship((user, kind, target): &Edge) -> Value {
    let end = |id: &i64| json!({"data": {"type": "users", "id": id.to_string()}});
    json!({"type": "user-relationships", "attributes": {"relationship": kind},
           "relationships": {"user": end(user), "target": end(target)}})
}

impl Writer {
    pub fn new(stage: &Stage, number: usize, plan: &Plan) -> Self {
        Self {
            number,
            random: Random::new(plan.seed.wrapping_mul(31).wrapping_add(number as u64)),
            client: stage.client(number),
            token: None,
            pause: Duration::from_millis(if plan.is_soak { 100 } else { 5 }),
            people: add_people(stage, &format!("writer{number}"), PEOPLE),
            edges: BTreeMap::new(),
            bosses: BTreeMap::new(),
            unknown_bosses: None,
            operations: Vec::new(),
            findings: Vec::new(),
            statuses: BTreeMap::new(),
            acknowledged: 0,
        }
    }

    /// Writes until `is_over` is set.
    pub fn run(mut self, stage: &Stage, is_over: &AtomicBool) -> Self {
        while !is_over.load(Ordering::SeqCst) {
            self.client = self.client.at(stage.address(self.number));
            let begun = Instant::now();
            let before = self.acknowledged;
            self.write();
            if self.acknowledged > before {
                stage.note_success();
                stage.latencies.lock().expect("latencies").push(begun.elapsed());
            }
            thread::sleep(self.pause);
        }
        self
    }

    fn write(&mut self) {
        self.settle_one();
        let edge = self.some_edge();
        match self.random.below(100) {
            0..=44 => self.create(edge),
            45..=56 => self.retype(),
            57..=76 => self.delete(),
            77..=86 => self.operate(edge),
            87..=94 => self.change_boss(),
            _ => self.transfer(),
        }
    }

    fn some_edge(&mut self) -> Edge {
        let user = self.random.choose(&self.people);
        let others: Vec<_> = self.people.iter().copied().filter(|other| *other != user).collect();
        (user, self.random.choose(&KINDS).to_owned(), self.random.choose(&others))
    }

    fn some_stored(&mut self) -> Option<(Edge, i64)> {
        let there = self.edges.iter().filter_map(|(edge, known)| match known {
            Known::There(id) => Some((edge.clone(), *id)),
            Known::Unknown(_) => None,
        });
        let there: Vec<_> = there.collect();
        (!there.is_empty()).then(|| there[self.random.below(there.len())].clone())
    }

    fn begin(&mut self, least: usize) -> String {
        let name = format!("w{}-{}", self.number, self.operations.len());
        let (outcome, changes) = (Outcome::Unknown, Vec::new());
        self.operations.push(Operation { name: name.clone(), outcome, changes, least });
        name
    }

    /// Sends an attempt; `None` without an answer, and for 503.
    fn send(&mut self, name: &str, method: &str, path: &str, body: Option<&Value>, key: bool) -> Option<Answer> {
        let text = body.map(ToString::to_string);
        let media_type = if path.ends_with("operations") { ATOMIC } else { JSON_API };
        let request_id = name.to_owned();
        let operation = name.rsplit_once('.').map_or(name, |(operation, _)| operation);
        let mut headers = vec![("x-request-id", request_id.as_str())];
        headers.extend(text.is_some().then_some(("content-type", media_type)));
        headers.extend(key.then_some(("idempotency-key", operation)));
        let answer = self.client.attempt(method, path, &headers, text.as_deref().map(str::as_bytes)).ok();
        *self.statuses.entry(answer.as_ref().map_or(0, |answer| answer.status)).or_default() += 1;
        if let Some(token) = answer.as_ref().and_then(|answer| answer.header("consistency-token")) {
            self.token = Some((token.to_owned(), Instant::now()));
        }
        if answer.is_none() {
            // The service is being started again.
            thread::sleep(Duration::from_millis(50));
        }
        answer.filter(|answer| answer.status != 503)
    }

    /// Ends an operation: with the expected success, an expected refusal, or a finding. Returns whether it succeeded.
    fn end(&mut self, answer: &Answer, expected: &[u16], changes: Vec<(&'static str, i64)>) -> bool {
        let is_expected = expected.contains(&answer.status);
        let is_success = answer.status < 300;
        let Some(operation) = self.operations.last_mut() else { return false };
        operation.outcome = if is_success { Outcome::Acknowledged } else { Outcome::Refused };
        operation.changes = changes;
        if !is_expected {
            let finding = format!("{}: {} instead of {expected:?}: {}", operation.name, answer.status, answer.text);
            self.findings.push(("wrong", finding));
        }
        self.acknowledged += usize::from(is_success && is_expected);
        is_success && is_expected
    }

    fn create(&mut self, edge: Edge) {
        let expected = match self.edges.get(&edge) {
            None => 201,
            // Most of them are not worth a request.
            Some(Known::There(_)) if self.random.below(10) == 0 => 409,
            Some(_) => return,
        };
        let (name, body) = (self.begin(1), json!({"data": relationship(&edge)}));
        // Without a key, creates are batched.
        let has_key = self.random.below(3) == 0;
        let attempts = if has_key { ATTEMPTS } else { 1 };
        for attempt in 0..attempts {
            let answer = self.send(&format!("{name}.{attempt}"), "POST", EDGES, Some(&body), has_key);
            match answer {
                // The first attempt still runs.
                Some(answer) if answer.body["errors"][0]["code"] == "idempotency-key-in-use" => {}
                Some(answer) => {
                    let id = number(&answer.body["data"]["id"]);
                    let changes = if answer.status == 201 { vec![("created", id)] } else { Vec::new() };
                    if self.end(&answer, &[expected], changes) {
                        self.edges.insert(edge.clone(), Known::There(id));
                        self.check_read(&edge, id);
                    }
                    return;
                }
                None => {}
            }
            thread::sleep(Duration::from_millis(if has_key { 300 } else { 0 }));
        }
        if expected == 201 {
            self.edges.insert(edge, Known::Unknown(Instant::now()));
        }
    }

    /// After a write, the next read shows it.
    fn check_read(&mut self, edge: &Edge, id: i64) {
        if self.random.below(5) > 0 {
            return;
        }
        let Some(answer) = self.read(&format!("{EDGES}/{id}")) else { return };
        let shows = answer.body["data"]["attributes"]["relationship"] == edge.1;
        if !(answer.status == 200 && shows) {
            self.findings.push(("wrong", format!("a read after the write of {edge:?}: {}", answer.text)));
        }
    }

    fn retype(&mut self) {
        let Some((edge, id)) = self.some_stored() else { return };
        let kind = if edge.1 == KINDS[0] { KINDS[1] } else { KINDS[0] };
        let new = (edge.0, kind.to_owned(), edge.2);
        let expected = match self.edges.get(&new) {
            None => 200,
            Some(Known::There(_)) => 409,
            Some(Known::Unknown(_)) => return,
        };
        let name = self.begin(1);
        let body = json!({"data": {"type": "user-relationships", "id": id.to_string(),
                                   "attributes": {"relationship": kind}}});
        let path = format!("{EDGES}/{id}");
        match self.send(&format!("{name}.0"), "PATCH", &path, Some(&body), false) {
            None if expected == 200 => self.forget(&[&edge, &new]),
            None => {}
            Some(answer) => {
                let changes = if answer.status == 200 { vec![("updated", id)] } else { Vec::new() };
                if self.end(&answer, &[expected], changes) {
                    self.edges.remove(&edge);
                    self.edges.insert(new.clone(), Known::There(id));
                    self.check_read(&new, id);
                }
            }
        }
    }

    fn forget(&mut self, edges: &[&Edge]) {
        for edge in edges {
            self.edges.insert((*edge).clone(), Known::Unknown(Instant::now()));
        }
    }

    fn delete(&mut self) {
        let Some((edge, id)) = self.some_stored() else { return };
        let name = self.begin(1);
        match self.send(&format!("{name}.0"), "DELETE", &format!("{EDGES}/{id}"), None, false) {
            None => self.forget(&[&edge]),
            Some(answer) => {
                if self.end(&answer, &[204], vec![("deleted", id)]) {
                    self.edges.remove(&edge);
                }
            }
        }
    }

    /// A create and a delete, of which both or none happen.
    fn operate(&mut self, edge: Edge) {
        let Some((old, id)) = self.some_stored() else { return };
        if self.edges.contains_key(&edge) {
            return;
        }
        let name = self.begin(2);
        let remove = json!({"op": "remove", "ref": {"type": "user-relationships", "id": id.to_string()}});
        let body = json!({"atomic:operations": [{"op": "add", "data": relationship(&edge)}, remove]});
        match self.send(&format!("{name}.0"), "POST", "/api/v2/operations", Some(&body), false) {
            None => self.forget(&[&edge, &old]),
            Some(answer) => {
                let new = number(&answer.body["atomic:results"][0]["data"]["id"]);
                let changes = if answer.status == 200 { vec![("created", new), ("deleted", id)] } else { Vec::new() };
                if self.end(&answer, &[200], changes) {
                    self.edges.remove(&old);
                    self.edges.insert(edge, Known::There(new));
                }
            }
        }
    }

    /// Replaces the boss of a user.
    fn change_boss(&mut self) {
        if let Some(since) = self.unknown_bosses {
            if self.is_settled(since) {
                self.read_bosses();
            }
            return;
        }
        let (user, _, boss) = self.some_edge();
        let mut above = Some(boss);
        let leads_back = std::iter::from_fn(|| {
            let this = above?;
            above = self.bosses.get(&this).copied();
            Some(this)
        });
        let is_cycle = leads_back.take(PEOPLE + 1).any(|it| it == user);
        let is_change = self.bosses.get(&user) != Some(&boss);
        let name = self.begin(usize::from(is_change));
        let path = format!("{USERS}/{user}/relationships/bosses");
        let body = json!({"data": {"type": "users", "id": boss.to_string()}});
        match self.send(&format!("{name}.0"), "PATCH", &path, Some(&body), false) {
            None => self.unknown_bosses = Some(Instant::now()),
            Some(answer) => {
                let expected: &[u16] = if is_cycle { &[409] } else { &[200, 204] };
                if self.end(&answer, expected, Vec::new()) {
                    self.bosses.insert(user, boss);
                }
            }
        }
    }

    fn read_bosses(&mut self) {
        let people: Vec<_> = self.people.iter().map(ToString::to_string).collect();
        let query = format!("filter[user]={}&filter[relationship]={TREE}", people.join(","));
        if let Some(found) = self.read_edges(&query) {
            self.bosses = found.into_keys().map(|(user, _, boss)| (user, boss)).collect();
            self.unknown_bosses = None;
        }
    }

    /// Whether a change without an answer at that moment has ended, and reads show it.
    fn is_settled(&self, since: Instant) -> bool {
        self.token.as_ref().is_some_and(|(_, at)| *at > since + SETTLED)
    }

    /// A page or a resource; `None` without an answer, and for 503.
    fn read(&self, path: &str) -> Option<Answer> {
        let token = self.token.as_ref().map(|(token, _)| ("consistency-token", token.as_str()));
        let headers: Vec<_> = token.into_iter().collect();
        self.client.attempt("GET", path, &headers, None).ok().filter(|answer| answer.status != 503)
    }

    /// The relationships in a list; `None` without an answer.
    fn read_edges(&mut self, query: &str) -> Option<BTreeMap<Edge, i64>> {
        let mut found = BTreeMap::new();
        let mut next = Some(format!("{EDGES}?{query}&page[size]=50"));
        while let Some(path) = next {
            let page = self.read(&path)?;
            if page.status != 200 {
                self.findings.push(("wrong", format!("{path}: {} {}", page.status, page.text)));
                return None;
            }
            for row in page.body["data"].as_array()? {
                let end = |name: &str| number(&row["relationships"][name]["data"]["id"]);
                let kind = row["attributes"]["relationship"].as_str()?.to_owned();
                found.insert((end("user"), kind, end("target")), number(&row["id"]));
            }
            next = page.body["links"]["next"].as_str().map(str::to_owned);
            let total = page.body["meta"]["total-count"].as_u64();
            if next.is_none() && total != u64::try_from(found.len()).ok() {
                self.findings.push(("wrong", format!("{} rows of {total:?} in {query}", found.len())));
            }
        }
        Some(found)
    }

    /// Reads what a change without an answer has done.
    fn settle_one(&mut self) {
        let settled = self.edges.iter().find(|(_, known)| match known {
            Known::Unknown(since) => self.is_settled(*since),
            Known::There(_) => false,
        });
        let Some((edge, _)) = settled else { return };
        let edge = edge.clone();
        let query = format!("filter[user]={}&filter[relationship]={}&filter[target]={}", edge.0, edge.1, edge.2);
        let Some(found) = self.read_edges(&query) else { return };
        match found.get(&edge) {
            Some(id) => self.edges.insert(edge, Known::There(*id)),
            None => self.edges.remove(&edge),
        };
    }

    /// Gives the relationships that target one user another target, in one request.
    fn transfer(&mut self) {
        let (from, kind, to) = self.some_edge();
        let wanted_kind = &kind;
        let of = |target: i64| self.edges.iter().filter(move |((_, it, end), _)| it == wanted_kind && *end == target);
        let is_known = |known: &Known| matches!(known, Known::There(_));
        let is_simple = of(from).chain(of(to)).all(|(edge, known)| is_known(known) && edge.0 != to && edge.0 != from);
        let moved: Vec<_> = of(from).map(|(edge, _)| edge.clone()).collect();
        let unchanged: Vec<_> = of(to).map(|(edge, _)| edge.clone()).collect();
        if !is_simple || moved.is_empty() {
            return;
        }
        let name = self.begin(moved.len());
        let end = |id: i64| json!({"data": {"type": "users", "id": id.to_string()}});
        let body = json!({"data": {"type": "transfers", "attributes": {"relationship": kind},
                                   "relationships": {"from": end(from), "to": end(to)}}});
        let expected: Vec<Edge> = moved.iter().map(|edge| (edge.0, kind.clone(), to)).chain(unchanged).collect();
        let Some(answer) = self.send(&format!("{name}.0"), "POST", "/api/v2/transfers", Some(&body), false) else {
            return self.forget(&moved.iter().chain(&expected).collect::<Vec<_>>());
        };
        if !self.end(&answer, &[201], Vec::new()) {
            return;
        }
        self.forget(&moved.iter().chain(&expected).collect::<Vec<_>>());
        let query = format!("filter[target]={from},{to}&filter[relationship]={kind}");
        let Some(found) = self.read_edges(&query) else { return };
        let mut wanted = expected.clone();
        wanted.sort();
        wanted.dedup();
        if found.keys().ne(&wanted) {
            self.findings.push(("wrong", format!("{name}: {found:?} instead of {wanted:?}")));
        }
        self.edges.retain(|edge, _| !moved.contains(edge));
        self.edges.extend(found.into_iter().map(|(edge, id)| (edge, Known::There(id))));
    }
}

/// Imports relationships of its own users again and again.
pub fn import_repeatedly(stage: &Stage, is_over: &AtomicBool, plan: &Plan, people: &[i64]) -> Vec<Imported> {
    const ROWS: usize = 20;
    let mut done = Vec::new();
    let pairs = people.iter().flat_map(|user| people.iter().map(move |target| (*user, *target)));
    let pairs: Vec<_> = pairs.filter(|(user, target)| user != target).collect();
    for chunk in pairs.chunks(ROWS) {
        let edges: Vec<Edge> = chunk.iter().map(|(user, target)| (*user, KINDS[0].to_owned(), *target)).collect();
        thread::sleep(Duration::from_secs(if plan.is_soak { 20 } else { 2 }));
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        if let Some(id) = import(stage, &edges) {
            stage.note_success();
            done.push(Imported { id, edges });
        }
    }
    done
}

/// Uploads a file and runs its import; returns its id if it is done.
fn import(stage: &Stage, edges: &[Edge]) -> Option<i64> {
    let line = |(user, kind, target): &Edge| {
        json!({"type": "user-relationship", "user": user, "relationship": kind, "target": target}).to_string() + "\n"
    };
    let (file, path) = (edges.iter().map(line).collect::<String>(), "/api/v2/imports");
    let headers = [("content-type", "application/x-ndjson")];
    let uploaded = stage.client(0).attempt("POST", path, &headers, Some(file.as_bytes())).ok()?;
    let id = (uploaded.status == 202).then(|| number(&uploaded.body["data"]["id"]))?;
    let own = format!("{path}/{id}");
    let body =
        json!({"data": {"type": "imports", "id": id.to_string(), "attributes": {"state": "running"}}}).to_string();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(100));
        let Ok(shown) = stage.client(0).attempt("GET", &own, &[], None) else { continue };
        match shown.body["data"]["attributes"]["state"].as_str() {
            Some("preview") => {
                drop(stage.client(0).attempt("PATCH", &own, &[("content-type", JSON_API)], Some(body.as_bytes())));
            }
            Some("done") => return Some(id),
            Some("failed" | "cancelled") => return None,
            _ => {}
        }
    }
    None
}
