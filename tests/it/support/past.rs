//! The stored edges, remembered after each write, and what lists at a moment show.

use std::collections::BTreeMap;
use std::sync::Arc;

use user_relationships::model::time::Timestamp;

use super::client::{Answer, Client};
use super::graph::{EDGES, register, tree};
use super::sql::Raw;
use super::traversal::Edges;
use super::{App, Value, json};

/// A stored edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEdge {
    pub id: i64,
    pub user: i64,
    pub target: i64,
    pub kind: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// The edges at a moment, by id.
pub type State = Vec<Arc<StoredEdge>>;

/// The edges after each of many writes.
pub struct Memory {
    raw: Raw,
    /// When each state was read, in microseconds since 1970. No write runs at that moment.
    pub states: Vec<(i64, State)>,
}

impl Memory {
    pub fn new(app: &App) -> Self {
        let mut memory = Self { raw: Raw::connect(&app.config.database_url), states: Vec::new() };
        memory.remember(app);
        memory
    }

    /// Remembers the present edges.
    pub fn remember(&mut self, app: &App) {
        let lines = self.raw.lines(
            "SELECT e.id || ' ' || user_id || ' ' || target_id || ' ' || t.name || ' ' || e.created_at || ' ' || \
             e.updated_at AS line FROM user_relationships AS e JOIN relationship_types AS t ON t.id = e.type_id \
             ORDER BY e.id",
        );
        let known: BTreeMap<_, _> = self
            .states
            .last()
            .map(|(_, state)| state.iter().map(|edge| (edge.id, edge)))
            .into_iter()
            .flatten()
            .collect();
        let rows = lines.iter().map(|line| {
            let edge = parse(line);
            let same = known.get(&edge.id).filter(|known| ****known == edge);
            same.map_or_else(|| Arc::new(edge), |known| Arc::clone(known))
        });
        let state = rows.collect();
        self.states.push((app.clock.now().micros(), state));
    }

    /// The edges at a moment.
    pub fn at(&self, micros: i64) -> &State {
        let next = self.states.partition_point(|(at, _)| *at <= micros);
        &self.states[next - 1].1
    }

    /// The edges now.
    pub fn now(&self) -> &State {
        &self.states.last().expect("a state").1
    }
}

fn parse(line: &str) -> StoredEdge {
    let parts: Vec<_> = line.split(' ').collect();
    let number = |at: usize| parts[at].parse().expect("a number");
    StoredEdge {
        id: number(0),
        user: number(1),
        target: number(2),
        kind: parts[3].to_owned(),
        created_at: number(4),
        updated_at: number(5),
    }
}

/// The edges of one type.
pub fn of_kind(state: &State, kind: &str) -> Edges {
    state.iter().filter(|edge| edge.kind == kind).map(|edge| (edge.id, (edge.user, edge.target))).collect()
}

/// The parameter for a moment, in microseconds since 1970.
pub fn as_of(micros: i64) -> String {
    format!("filter[as-of]={}", Timestamp::from_micros(micros).iso8601())
}

/// Reads all pages of a list, of whatever size its URL asks for, and passes each to `check`.
#[track_caller]
pub fn read_pages(client: &Client, url: &str, mut check: impl FnMut(&Answer)) -> Vec<Value> {
    let (mut rows, mut next) = (Vec::new(), Some(url.to_owned()));
    while let Some(url) = next {
        let page = client.get(&url).expect(200);
        check(&page);
        rows.extend(page.body["data"].as_array().expect("a list").iter().cloned());
        next = page.body["links"]["next"].as_str().map(str::to_owned);
        assert!(rows.len() < 100_000, "{url} does not end");
    }
    rows
}

/// The row of an edge, which may be deleted.
#[track_caller]
pub fn assert_row(row: &Value, edge: &StoredEdge, is_deleted: bool) {
    let time = |micros| Timestamp::from_micros(micros).rfc2822(chrono_tz::UTC).as_str().to_owned();
    assert_eq!((&row["type"], &row["id"]), (&"user-relationships".into(), &edge.id.to_string().into()));
    let attributes = &row["attributes"];
    assert_eq!(attributes["relationship"], edge.kind, "{row}");
    assert_eq!(attributes["created-at"], time(edge.created_at), "{row}");
    assert_eq!(attributes["updated-at"], time(edge.updated_at), "{row}");
    assert_eq!(row.get("links").is_none(), is_deleted, "{row}");
    for (end, id) in [("user", edge.user), ("target", edge.target)] {
        let linkage = &row["relationships"][end];
        assert_eq!((&linkage["data"]["type"], &linkage["data"]["id"]), (&"users".into(), &id.to_string().into()));
        assert_eq!(linkage.get("links").is_none(), is_deleted, "{row}");
    }
}

/// The present moment, between two writes.
pub fn now(app: &App) -> i64 {
    app.clock.now().micros()
}

/// Makes a tree with the roles `bosses`, of at most one user, and `reports`.
pub fn organize(admin: &Client) {
    let mut rules = tree();
    rules["user-role"] = json!("reports");
    rules["target-role"] = json!("boss-of");
    register(admin, "boss", &rules);
}

/// The URL of the relationships of a user at a moment.
pub fn list(user: i64, at: i64) -> String {
    format!("{EDGES}?filter[user]={user}&{}", as_of(at))
}

/// The URL of the users with a role at a moment.
pub fn role(user: i64, role: &str, at: i64) -> String {
    format!("/api/v2/users/{user}/{role}?{}", as_of(at))
}
