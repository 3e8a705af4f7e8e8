//! One write of each kind, and what each changes.

use std::collections::BTreeSet;

use crate::support::graph::{ATOMIC, EDGES, TRANSFERS, TYPES, add, create, kind, register, remove, transfer, tree};
use crate::support::{Client, Value, json};

const JSON_API: &str = "application/vnd.api+json";
const USERS: &str = "/api/v2/users";

/// All edges, users, rules and transfers: what a write may change. `check` compares everything else with these.
pub type State = BTreeSet<String>;

/// One write of some kind.
pub struct Write {
    pub name: &'static str,
    method: &'static str,
    path: String,
    media_type: &'static str,
    document: Option<Value>,
    /// The part of the state that disappears, and what appears.
    change: [Vec<String>; 2],
}

impl Write {
    fn new(name: &'static str, method: &'static str, path: String, document: Option<Value>) -> Self {
        Self { name, method, path, media_type: JSON_API, document, change: Default::default() }
    }

    fn removes(mut self, lines: &[String]) -> Self {
        self.change[0].extend_from_slice(lines);
        self
    }

    fn adds(mut self, lines: &[String]) -> Self {
        self.change[1].extend_from_slice(lines);
        self
    }

    /// Sends it. There is no answer if the service is killed meanwhile.
    pub fn send(&self, client: &Client) -> Option<u16> {
        let body = self.document.as_ref().map(ToString::to_string);
        let headers = [("content-type", self.media_type)];
        let headers = if body.is_some() { &headers[..] } else { &[] };
        let answer = client.attempt(self.method, &self.path, headers, body.as_deref().map(str::as_bytes)).ok()?;
        assert!(answer.status < 300, "{}: {answer:?}", self.name);
        Some(answer.status)
    }

    /// The state after the write.
    pub fn applied_to(&self, before: &State) -> State {
        let [gone, new] = &self.change;
        assert!(gone.iter().all(|line| before.contains(line)), "{}: {gone:?} of {before:?}", self.name);
        let mut after = before.clone();
        after.retain(|line| !gone.contains(line));
        after.extend(new.iter().cloned());
        assert_ne!(after, *before, "{}", self.name);
        after
    }
}

fn edge(user: i64, kind: &str, target: i64) -> String {
    format!("{user} {kind} {target}")
}

/// The record of a transfer that moved that many edges.
fn moved(kind: &str, from: i64, to: i64, moved: usize) -> String {
    format!("transfer {kind} {from} {to} {moved}")
}

/// Users and edges for the writes.
pub struct Stage<'a> {
    pub admin: &'a Client,
}

impl Stage<'_> {
    pub fn users<const N: usize>(&self) -> [i64; N] {
        [(); N].map(|()| {
            let document =
                json!({"data": {"type": "users", "attributes": {"email": format!("u{}@example.com", next())}}});
            self.admin.post(USERS, &document).expect(201).id()
        })
    }

    fn link(&self, user: i64, kind: &str, target: i64) -> i64 {
        create(self.admin, user, kind, target).expect(201).id()
    }

    /// A chain of the tree `boss`: `users` of which each is below the next one.
    fn chain<const N: usize>(&self) -> ([i64; N], Vec<i64>) {
        let users = self.users();
        let edges = users.windows(2).map(|pair| self.link(pair[0], "boss", pair[1])).collect();
        (users, edges)
    }

    fn types(&self) {
        register(self.admin, "boss", &json!({"is-acyclic": true, "max-per-user": 1, "target-role": "superior"}));
        register(self.admin, "line", &tree());
        register(self.admin, "ally", &json!({"is-acyclic": true, "max-per-user": 5, "target-role": "allies"}));
        register(self.admin, "loose", &json!({}));
    }

    /// One write of each kind. Each has users of its own, so that they do not depend on each other.
    pub fn writes(&self) -> Vec<Write> {
        self.types();
        vec![
            self.create_without_rules(),
            self.create_in_tree(),
            self.change_of_type(),
            self.delete_in_tree(),
            self.deletion_of_user(),
            self.reassignment(),
            self.to_many_add(),
            self.operations(),
            self.rule_turned_on(),
            self.transfer(),
            self.deletion_with_successor(),
        ]
    }

    fn create_without_rules(&self) -> Write {
        let [user, target] = self.users();
        let document = crate::support::edge(Some(user), "loose", target);
        Write::new("create without rules", "POST", EDGES.to_owned(), Some(document))
            .adds(&[edge(user, "loose", target)])
    }

    fn create_in_tree(&self) -> Write {
        let (low, _) = self.chain::<3>();
        let (high, _) = self.chain::<3>();
        let document = crate::support::edge(Some(low[2]), "boss", high[0]);
        Write::new("create in a tree", "POST", EDGES.to_owned(), Some(document)).adds(&[edge(low[2], "boss", high[0])])
    }

    fn change_of_type(&self) -> Write {
        let (ids, edges) = self.chain::<4>();
        let document = json!({"data": {"type": "user-relationships", "id": edges[1].to_string(),
                                       "attributes": {"relationship": "line"}}});
        Write::new("change of a type", "PATCH", format!("{EDGES}/{}", edges[1]), Some(document))
            .removes(&[edge(ids[1], "boss", ids[2])])
            .adds(&[edge(ids[1], "line", ids[2])])
    }

    fn delete_in_tree(&self) -> Write {
        let (ids, edges) = self.chain::<4>();
        Write::new("delete in a tree", "DELETE", format!("{EDGES}/{}", edges[1]), None)
            .removes(&[edge(ids[1], "boss", ids[2])])
    }

    fn deletion_of_user(&self) -> Write {
        let (ids, _) = self.chain::<5>();
        let [ally] = self.users();
        self.link(ids[2], "ally", ally);
        self.link(ids[0], "line", ids[2]);
        Write::new("deletion of a user", "DELETE", format!("{USERS}/{}", ids[2]), None).removes(&[
            edge(ids[1], "boss", ids[2]),
            edge(ids[2], "boss", ids[3]),
            edge(ids[2], "ally", ally),
            edge(ids[0], "line", ids[2]),
            format!("user {}", ids[2]),
        ])
    }

    fn reassignment(&self) -> Write {
        let (ids, _) = self.chain::<3>();
        let (others, _) = self.chain::<3>();
        let path = format!("{USERS}/{}/relationships/superior", ids[1]);
        Write::new("reassignment", "PATCH", path, Some(json!({"data": user(others[0])})))
            .removes(&[edge(ids[1], "boss", ids[2])])
            .adds(&[edge(ids[1], "boss", others[0])])
    }

    fn to_many_add(&self) -> Write {
        let ids = self.users::<4>();
        self.link(ids[0], "ally", ids[1]);
        let path = format!("{USERS}/{}/relationships/allies", ids[0]);
        let members: Vec<_> = ids[1..].iter().map(|id| user(*id)).collect();
        Write::new("add to many", "POST", path, Some(json!({"data": members})))
            .adds(&[edge(ids[0], "ally", ids[2]), edge(ids[0], "ally", ids[3])])
    }

    fn operations(&self) -> Write {
        let (ids, edges) = self.chain::<3>();
        let [other] = self.users();
        let operations = [remove(edges[1]), add(ids[1], "boss", other), add(ids[0], "line", other)];
        let document = json!({"atomic:operations": operations});
        let write = Write::new("operations", "POST", "/api/v2/operations".to_owned(), Some(document));
        Write { media_type: ATOMIC, ..write }
            .removes(&[edge(ids[1], "boss", ids[2])])
            .adds(&[edge(ids[1], "boss", other), edge(ids[0], "line", other)])
    }

    fn rule_turned_on(&self) -> Write {
        let ids = self.users::<3>();
        self.link(ids[0], "loose", ids[1]);
        self.link(ids[1], "loose", ids[2]);
        let document = kind("loose", &tree());
        Write::new("rule turned on", "PATCH", format!("{TYPES}/loose"), Some(document))
            .removes(&["type loose 0 0".to_owned()])
            .adds(&["type loose 1 1".to_owned()])
    }

    /// A successor two steps below takes the place of a user with three reports.
    fn transfer(&self) -> Write {
        let (ids, _) = self.chain::<5>();
        let reports = self.users::<2>();
        for report in reports {
            self.link(report, "boss", ids[2]);
        }
        let document = transfer("boss", ids[2], ids[0], true);
        Write::new("transfer", "POST", TRANSFERS.to_owned(), Some(document))
            .removes(&[ids[1], reports[0], reports[1]].map(|report| edge(report, "boss", ids[2])))
            .removes(&[edge(ids[0], "boss", ids[1])])
            .adds(&[ids[1], reports[0], reports[1]].map(|report| edge(report, "boss", ids[0])))
            .adds(&[edge(ids[0], "boss", ids[3]), moved("boss", ids[2], ids[0], 3)])
    }

    /// The successor takes the place of the user in one tree, and only gets its reports in another one.
    fn deletion_with_successor(&self) -> Write {
        let (ids, _) = self.chain::<4>();
        let [report, above] = self.users();
        self.link(report, "boss", ids[1]);
        self.link(report, "line", ids[1]);
        self.link(ids[3], "line", ids[1]);
        self.link(ids[1], "line", above);
        let path = format!("{USERS}/{}?transfer-to={}", ids[1], ids[0]);
        Write::new("deletion with a successor", "DELETE", path, None)
            .removes(&[edge(ids[0], "boss", ids[1]), edge(ids[1], "boss", ids[2]), edge(report, "boss", ids[1])])
            .removes(&[edge(report, "line", ids[1]), edge(ids[3], "line", ids[1]), edge(ids[1], "line", above)])
            .removes(&[format!("user {}", ids[1])])
            .adds(&[edge(ids[0], "boss", ids[2]), edge(report, "boss", ids[0]), moved("boss", ids[1], ids[0], 1)])
            .adds(&[edge(report, "line", ids[0]), edge(ids[3], "line", ids[0]), moved("line", ids[1], ids[0], 2)])
    }
}

fn user(id: i64) -> Value {
    json!({"type": "users", "id": id.to_string()})
}

/// A number that no other user of this process has.
fn next() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
