//! What the service should store and answer.

use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::service::{FuzzedService, USERS};

const EDGES: &str = "/api/v2/user-relationships";
/// `boss` is a tree, and `rival` is not registered.
const KINDS: [&str; 4] = ["mentor", "boss", "colleague", "rival"];
const TREE: usize = 1;
const UNKNOWN_ID: i64 = 999_999_999;
/// A page of all relationships: five users have at most 44 of different ends and types, and a page has at most 50.
const ALL: Selection = Selection { filters: 0, edge: (0, 0, 0), offset: 0, limit: 50 };

/// User, target and type, each by its place.
type EdgePlaces = (usize, usize, usize);

/// A list with a filter for each bit of `filters`.
#[derive(Clone, Copy)]
struct Selection {
    filters: usize,
    edge: EdgePlaces,
    offset: usize,
    limit: usize,
}

/// The relationships that should be stored, and the changes that should be in the feed.
#[derive(Default, Clone)]
pub(super) struct EdgeModel {
    edges: BTreeMap<i64, EdgePlaces>,
    /// All ids that were assigned.
    ids: Vec<i64>,
    /// Action, id and type.
    changes: Vec<(&'static str, i64, usize)>,
    /// Where the feed began.
    start: Option<String>,
}

impl EdgeModel {
    pub fn apply(&mut self, service: &FuzzedService, what: u8, one: usize, other: usize) {
        if self.start.is_none() {
            let (_, answer) = service.get("/api/v2/changes?filter[from]=now");
            self.start = text(&answer, "/meta/cursor").map(str::to_owned);
        }
        let edge = (one % USERS, one / USERS % USERS, other % KINDS.len());
        match what % 8 {
            0..=2 => self.create(service, edge),
            3 => self.retype(service, one, other % KINDS.len()),
            4 => self.delete(service, one),
            5 => self.operate(service, edge, other / KINDS.len()),
            6 => self.list(
                service,
                Selection {
                    filters: other,
                    edge: (edge.0, edge.1, other / 8 % KINDS.len()),
                    offset: other / 32 % 4,
                    limit: one / 25 % 6,
                },
            ),
            _ => self.check(service),
        }
    }

    /// Compares everything, deletes everything, and compares again.
    pub fn finish(mut self, service: &FuzzedService) {
        self.check(service);
        while let Some((id, edge)) = self.edges.pop_first() {
            let (status, answer) = service.delete(&format!("{EDGES}/{id}"));
            assert_eq!(status, 204, "{answer}");
            self.changes.push(("deleted", id, edge.2));
        }
        self.check(service);
    }

    /// The status of a new edge, or of an edge that replaces another one.
    fn judge(&self, (user, target, kind): EdgePlaces, replaced: Option<i64>) -> u16 {
        let mut others = self.edges.iter().filter(|(id, _)| Some(**id) != replaced).map(|(_, edge)| *edge);
        match () {
            () if user == target || kind >= KINDS.len() - 1 => 422,
            () if others.any(|edge| edge == (user, target, kind)) => 409,
            () if kind == TREE && self.breaks_tree(user, target, replaced) => 409,
            () => 201,
        }
    }

    fn breaks_tree(&self, user: usize, target: usize, replaced: Option<i64>) -> bool {
        let boss = |of: usize| {
            let mut tree = self.edges.iter().filter(|(id, edge)| Some(**id) != replaced && edge.2 == TREE);
            tree.find(|(_, edge)| edge.0 == of).map(|(_, edge)| edge.1)
        };
        let mut above = std::iter::successors(Some(target), |user| boss(*user)).take(USERS + 1);
        boss(user).is_some() || above.any(|it| it == user)
    }

    fn add(&mut self, id: Option<i64>, edge: EdgePlaces) {
        let id = id.unwrap_or_default();
        assert!(self.ids.iter().all(|other| *other < id), "ids increase: {id}");
        self.ids.push(id);
        self.edges.insert(id, edge);
        self.changes.push(("created", id, edge.2));
    }

    fn some_id(&self, which: usize) -> i64 {
        self.ids.get(which % (self.ids.len() + 1)).copied().unwrap_or(UNKNOWN_ID)
    }

    fn create(&mut self, service: &FuzzedService, edge: EdgePlaces) {
        let (status, answer) = service.post(EDGES, &json!({"data": document_of(service, edge)}));
        assert_eq!(status, self.judge(edge, None), "{edge:?} {answer}");
        if status == 201 {
            self.add(answer.pointer("/data").and_then(id_of), edge);
        }
    }

    fn retype(&mut self, service: &FuzzedService, which: usize, kind: usize) {
        let id = self.some_id(which);
        let body = json!({"data": {"type": "user-relationships", "id": id.to_string(),
                                   "attributes": {"relationship": KINDS.get(kind)}}});
        let (status, answer) = service.patch(&format!("{EDGES}/{id}"), &body);
        let expected = match self.edges.get(&id) {
            None => 404,
            Some((.., before)) if *before == kind => 200,
            Some((user, target, _)) => match self.judge((*user, *target, kind), Some(id)) {
                201 => 200,
                refused => refused,
            },
        };
        assert_eq!(status, expected, "{id} {kind} {answer}");
        if let (200, Some(edge)) = (status, self.edges.get_mut(&id))
            && edge.2 != kind
        {
            edge.2 = kind;
            self.changes.push(("updated", id, kind));
        }
    }

    fn delete(&mut self, service: &FuzzedService, which: usize) {
        let id = self.some_id(which);
        let (status, answer) = service.delete(&format!("{EDGES}/{id}"));
        let before = self.edges.remove(&id);
        assert_eq!(status, if before.is_some() { 204 } else { 404 }, "{id} {answer}");
        self.changes.extend(before.map(|edge| ("deleted", id, edge.2)));
    }

    /// A create and a delete, or two creates, of which both or none happen.
    fn operate(&mut self, service: &FuzzedService, edge: EdgePlaces, which: usize) {
        let add = |edge: EdgePlaces| json!({"op": "add", "data": document_of(service, edge)});
        let reverse = (edge.1, edge.0, edge.2);
        let id = self.some_id(which / 2);
        let is_delete = which.is_multiple_of(2);
        let mut expected = self.judge(edge, None);
        if expected == 201 {
            let mut after = self.clone();
            after.edges.insert(i64::MAX, edge);
            expected = match is_delete {
                true if after.edges.contains_key(&id) => 201,
                true => 404,
                false => after.judge(reverse, None),
            };
        }
        let second = if is_delete {
            json!({"op": "remove", "ref": {"type": "user-relationships", "id": id.to_string()}})
        } else {
            add(reverse)
        };
        let (status, answer) = service.post("/api/v2/operations", &json!({"atomic:operations": [add(edge), second]}));
        if status == 503 {
            // Operations have half a second, which a busy machine may exceed; then nothing was written.
            return;
        }
        assert_eq!(status, if expected == 201 { 200 } else { expected }, "{edge:?} {answer}");
        if status == 200 {
            let created = |place: usize| answer.pointer(&format!("/atomic:results/{place}/data")).and_then(id_of);
            self.add(created(0), edge);
            if is_delete {
                let before = self.edges.remove(&id);
                self.changes.extend(before.map(|edge| ("deleted", id, edge.2)));
            } else {
                self.add(created(1), reverse);
            }
        }
    }

    fn list(&self, service: &FuzzedService, Selection { filters, edge, offset, limit }: Selection) {
        let mut path = format!("{EDGES}?page[offset]={offset}&page[limit]={limit}");
        let values = [
            ("user", service.user_id(edge.0)),
            ("target", service.user_id(edge.1)),
            ("relationship", (*KINDS.get(edge.2).unwrap_or(&"")).to_owned()),
        ];
        for (bit, (name, value)) in values.iter().enumerate() {
            if filters & (1 << bit) != 0 {
                path = format!("{path}&filter[{name}]={value}");
            }
        }
        let is_shown = |found: &EdgePlaces| {
            let is = |bit: usize, matches: bool| filters & (1 << bit) == 0 || matches;
            is(0, found.0 == edge.0) && is(1, found.1 == edge.1) && is(2, found.2 == edge.2)
        };
        let all: Vec<_> = self.edges.iter().filter(|(_, edge)| is_shown(edge)).map(|(id, _)| *id).collect();
        let (status, answer) = service.get(&path);
        assert_eq!(status, 200, "{answer}");
        let ids: Vec<_> = list_of(&answer).iter().filter_map(id_of).collect();
        assert_eq!(ids, all.iter().copied().skip(offset).take(limit).collect::<Vec<_>>(), "{path}");
        let total = answer.pointer("/meta/total-count").and_then(Value::as_u64);
        assert_eq!(total, u64::try_from(all.len()).ok(), "{path} {answer}");
    }

    /// Compares everything that is stored with the model, the counts with the rows, and the feed with what happened.
    fn check(&self, service: &FuzzedService) {
        self.list(service, ALL);
        service.check();
        let Some(start) = &self.start else { return };
        let filter = "filter[subject-type]=user-relationships&page[size]=500";
        let (status, answer) = service.get(&format!("/api/v2/changes?page[after]={start}&{filter}"));
        assert_eq!(status, 200, "{answer}");
        let attribute = |change: &Value, name| text(change, &format!("/attributes/{name}")).map(str::to_owned);
        let found: Vec<_> = list_of(&answer)
            .iter()
            .map(|change| ["action", "subject-id", "relationship"].map(|name| attribute(change, name)))
            .collect();
        let expected = self.changes.iter().map(|(action, id, kind)| {
            let kind = KINDS.get(*kind).map(|&kind| kind.to_owned());
            [Some((*action).to_owned()), Some(id.to_string()), kind]
        });
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}

/// The resource object of a new edge.
fn document_of(service: &FuzzedService, (user, target, kind): EdgePlaces) -> Value {
    let end = |place: usize| json!({"data": {"type": "users", "id": service.user_id(place)}});
    json!({"type": "user-relationships", "attributes": {"relationship": KINDS.get(kind)},
           "relationships": {"user": end(user), "target": end(target)}})
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

fn list_of(answer: &Value) -> &[Value] {
    answer.pointer("/data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn id_of(resource: &Value) -> Option<i64> {
    text(resource, "/id")?.parse().ok()
}
