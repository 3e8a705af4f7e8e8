//! Graphs of one relationship type: users, rules, edges, and an independent search for cycles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use user_relationships::config::Config;
use user_relationships::domain::relationships::{self, NewRelationship};
use user_relationships::domain::transfer::{
    self, ImportLine, ImportOptions, ImportOutcome, Record, RelationshipLine, UserReference,
};
use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::id::UserId;
use user_relationships::model::relationship::EdgeData;
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::user::{Field, Value as Held};
use user_relationships::store::Tx;

use super::client::{Answer, Client};
use super::scrape::scrape;
use super::sql::Raw;
use super::{App, Value, edge, json};

pub const EDGES: &str = "/api/v2/user-relationships";
pub const TYPES: &str = "/api/v2/relationship-types";
pub const TRANSFERS: &str = "/api/v2/transfers";
/// The media type of atomic operations.
pub const ATOMIC: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";

/// Enough connections for real concurrency.
pub fn wide(config: &mut Config) {
    config.workers = 4;
    config.database_pool_size = 8;
    config.database_timeout = Duration::from_secs(20);
    config.request_timeout = Duration::from_secs(25);
    config.auth_refresh = Duration::from_mins(1);
}

/// The rules of a tree.
pub fn tree() -> Value {
    json!({"is-acyclic": true, "max-per-user": 1})
}

/// The rules of a type in which only cycles are refused.
pub fn acyclic() -> Value {
    json!({"is-acyclic": true})
}

/// The rules of a type without direction.
pub fn symmetric() -> Value {
    json!({"is-symmetric": true})
}

/// The document of a type.
pub fn kind(name: &str, attributes: &Value) -> Value {
    json!({"data": {"type": "relationship-types", "id": name, "attributes": attributes}})
}

/// Registers a type with these attributes.
#[track_caller]
pub fn register(admin: &Client, name: &str, attributes: &Value) {
    admin.post(TYPES, &kind(name, attributes)).expect(201);
}

/// Changes attributes of a type.
pub fn set_rules(admin: &Client, name: &str, attributes: &Value) -> Answer {
    admin.patch(&format!("{TYPES}/{name}"), &kind(name, attributes))
}

/// The ids of new users.
pub fn users(app: &App, count: usize) -> Vec<i64> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let first = NEXT.fetch_add(count, Ordering::Relaxed);
    app.write(move |tx: &mut Tx<'_>| {
        let email = |number| [(Field::Email, Held::Text(format!("node{number}@example.com")))];
        let create = |number| Ok(users::create(tx, &Caller::OPERATOR, None, &email(number))?.id.get());
        (first..first + count).map(create).collect()
    })
}

/// Imports edges of a type as one batch of a file, inside this process.
pub fn import(app: &App, kind: &str, pairs: &[(i64, i64)]) -> ImportOutcome {
    import_all(app, &pairs.iter().map(|(user, target)| (*user, *target, kind)).collect::<Vec<_>>())
}

/// The same for edges of any types.
pub fn import_all(app: &App, edges: &[(i64, i64, &str)]) -> ImportOutcome {
    let lines: Vec<_> = edges.iter().zip(1..).map(|(edge, number)| line(*edge, number)).collect();
    app.write(move |tx: &mut Tx<'_>| transfer::import(tx, &lines, ImportOptions::default()))
}

fn line((user, target, kind): (i64, i64, &str), number: u64) -> ImportLine {
    let of = |id| UserReference::Id(UserId::new(id));
    let data = EdgeData::new(TypeName::parse(kind).expect("a name"));
    let edge =
        RelationshipLine { id: None, user: of(user), target: of(target), data, created_at: None, updated_at: None };
    ImportLine { number, record: Record::Relationship(edge) }
}

/// Stores edges that obey the rules, in one transaction.
#[track_caller]
pub fn store(app: &App, kind: &str, pairs: &[(i64, i64)]) {
    let (kind, pairs) = (kind.to_owned(), pairs.to_vec());
    app.write(move |tx: &mut Tx<'_>| {
        pairs.iter().try_for_each(|(user, target)| {
            let new = NewRelationship::of_type(Some(UserId::new(*user)), UserId::new(*target), &kind);
            relationships::create(tx, &Caller::OPERATOR, &new).map(drop)
        })
    });
}

/// The edges of a path through these users.
pub fn path(users: &[i64]) -> Vec<(i64, i64)> {
    users.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// Creates an edge.
pub fn create(client: &Client, user: i64, kind: &str, target: i64) -> Answer {
    client.post(EDGES, &edge(Some(user), kind, target))
}

/// Changes the type of an edge.
pub fn retype(client: &Client, id: i64, kind: &str) -> Answer {
    let body = json!({"data": {"type": "user-relationships", "id": id.to_string(),
                               "attributes": {"relationship": kind}}});
    client.patch(&format!("{EDGES}/{id}"), &body)
}

/// The document of a transfer.
pub fn transfer(kind: &str, from: i64, to: i64, take_place: bool) -> Value {
    let user = |id: i64| json!({"data": {"type": "users", "id": id.to_string()}});
    json!({"data": {"type": "transfers", "attributes": {"relationship": kind, "take-place": take_place},
                    "relationships": {"from": user(from), "to": user(to)}}})
}

/// The operation that adds an edge.
pub fn add(user: i64, kind: &str, target: i64) -> Value {
    json!({"op": "add", "data": edge(Some(user), kind, target)["data"]})
}

/// The operation that changes the type of an edge.
pub fn update(id: i64, kind: &str) -> Value {
    json!({"op": "update", "data": {"type": "user-relationships", "id": id.to_string(),
                                    "attributes": {"relationship": kind}}})
}

/// The operation that removes an edge.
pub fn remove(id: i64) -> Value {
    json!({"op": "remove", "ref": {"type": "user-relationships", "id": id.to_string()}})
}

/// Sends operations.
pub fn operate(client: &Client, operations: &[Value]) -> Answer {
    let body = json!({"atomic:operations": operations}).to_string();
    client.send("POST", "/api/v2/operations", &[("content-type", ATOMIC)], Some(body.as_bytes()))
}

/// A member of the `meta` of the first error.
pub fn meta<'a>(answer: &'a Answer, name: &str) -> &'a Value {
    &answer.body["errors"][0]["meta"][name]
}

/// Ids as they are in documents.
pub fn texts(ids: &[i64]) -> Value {
    ids.iter().map(ToString::to_string).collect()
}

/// The stored edges of a type, by id.
pub fn stored(app: &App, kind: &str) -> BTreeMap<i64, (i64, i64)> {
    stored_where(&mut Raw::connect(&app.config.database_url), kind, "")
}

/// The stored edges of a type that satisfy a condition such as `AND user_id = 1`.
pub fn stored_where(raw: &mut Raw, kind: &str, condition: &str) -> BTreeMap<i64, (i64, i64)> {
    let lines = raw.lines(&format!(
        "SELECT e.id || ' ' || user_id || ' ' || target_id AS line FROM user_relationships AS e \
         JOIN relationship_types AS t ON t.id = e.type_id WHERE t.name = '{kind}' {condition}"
    ));
    let numbers = |line: &String| line.split(' ').map(|text| text.parse().expect("a number")).collect::<Vec<i64>>();
    lines.iter().map(numbers).map(|row| (row[0], (row[1], row[2]))).collect()
}

/// The users on cycles, and between cycles: what is left after the users at either end of a path are removed repeatedly.
pub fn on_cycles<Id: Ord + Copy>(edges: impl IntoIterator<Item = (Id, Id)>) -> BTreeSet<Id> {
    let mut edges: Vec<_> = edges.into_iter().collect();
    loop {
        let (users, targets): (BTreeSet<Id>, BTreeSet<Id>) = edges.iter().copied().unzip();
        let before = edges.len();
        edges.retain(|(user, target)| targets.contains(user) && users.contains(target));
        if edges.len() == before {
            return users;
        }
    }
}

/// What `check` finds, if anything: counts, keys, rules or counts below that disagree with the rows.
pub fn findings(app: &App) -> Option<String> {
    fn is_empty<T: Default + PartialEq>(report: &T) -> bool {
        *report == T::default()
    }
    let report = app.read(|tx: &mut Tx<'_>| tx.check());
    (!is_empty(&report)).then(|| format!("{report:#?}"))
}

/// Asserts that `check` finds nothing.
#[track_caller]
pub fn assert_clean(app: &App) {
    assert_eq!(findings(app), None);
}

/// Asserts that the service has not run a job again because of a deadlock.
#[track_caller]
pub fn assert_no_deadlock(app: &App) {
    let deadlocks = scrape(&app.anonymous()).count("store_retries_total", &[("code", "40P01")]);
    assert_eq!(deadlocks, 0, "deadlocks");
}

/// The results of threads that start together.
pub fn concurrently<T: Send>(threads: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let run = |number| {
            let (start, act) = (&start, &act);
            scope.spawn(move || {
                start.wait();
                act(number)
            })
        };
        let all: Vec<_> = (0..threads).map(run).collect();
        all.into_iter().map(|thread| thread.join().expect("a thread ends well")).collect()
    })
}

/// The number of rounds of a race: `RULE_ROUNDS`, or the number that the suite uses.
pub fn rounds(usual: usize) -> usize {
    repetitions("RULE_ROUNDS", usual)
}

/// How often a test repeats what it does: the number in a variable, or the number that the suite uses.
#[expect(clippy::disallowed_methods, reason = "a setting of tests only")]
pub fn repetitions(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// The first of many new users with consecutive ids. They have no counts, so `check` would report them.
pub fn crowd(app: &App, count: i64) -> i64 {
    let like = users(app, 1)[0];
    let mut raw = Raw::connect(&app.config.database_url);
    let first = like + 1;
    raw.run(&format!(
        "INSERT INTO users (id, email, email_key, name_key, access_level, is_enabled, profile, created_at, updated_at)
         SELECT i, 'c' || i || '@example.org', 'c' || i || '@example.org', '', access_level, is_enabled, profile, 0, 0
         FROM ({}) AS numbers, (SELECT * FROM users WHERE id = {like}) AS like_this",
        numbers(&raw, first, count)
    ));
    if let Raw::Postgres(_) = raw {
        raw.number(&format!("SELECT setval(pg_get_serial_sequence('users', 'id'), {}) AS number", first + count));
    }
    first
}

/// Stores edges of a type without rules for `count` consecutive numbers `i` from `first`; the ends are expressions of `i`.
pub fn store_many(app: &App, kind: &str, first: i64, count: i64, ends: [&str; 2]) {
    let mut raw = Raw::connect(&app.config.database_url);
    raw.run(&format!(
        "INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at)
         SELECT {}, {}, t.id, 0, 0 FROM ({}) AS numbers, relationship_types AS t WHERE t.name = '{kind}'",
        ends[0],
        ends[1],
        numbers(&raw, first, count)
    ));
}

/// A query of some numbers `i` in a row.
pub fn numbers(raw: &Raw, first: i64, count: i64) -> String {
    let last = first + count - 1;
    match raw {
        Raw::Sqlite(_) => {
            format!(
                "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) SELECT i FROM n"
            )
        }
        Raw::Postgres(_) => format!("SELECT i FROM generate_series({first}::bigint, {last}) AS n(i)"),
    }
}
