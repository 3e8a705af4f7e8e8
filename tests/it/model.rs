//! Random sequences of changes, each step compared with a model in memory: statuses, rows in order, and exact totals.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};

use user_relationships::store::Tx;

use crate::both;
use crate::support::load::user;
use crate::support::{App, Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
/// The last one is not registered.
const KINDS: [&str; 4] = ["mentor", "colleague", "subordinate", "rival"];
const USERS: usize = 6;
const CASES: u32 = 30;
const STEPS: usize = 40;

#[derive(Debug, Clone)]
enum Change {
    Create { user: usize, target: usize, kind: usize },
    Retype { which: usize, kind: usize },
    Delete { which: usize },
    DeleteUser { user: usize },
}

/// A list: the caller (the ext user, or else an admin), the filters, offset and limit.
#[derive(Debug, Clone)]
struct Ask {
    is_ext: bool,
    users: BTreeSet<usize>,
    targets: BTreeSet<usize>,
    kinds: BTreeSet<usize>,
    offset: usize,
    limit: usize,
}

fn changes() -> impl Strategy<Value = Change> {
    let (user, kind, which) = (0..USERS, 0..KINDS.len(), 0..20_usize);
    prop_oneof![
        12 => (user.clone(), user.clone(), kind.clone())
            .prop_map(|(user, target, kind)| Change::Create { user, target, kind }),
        4 => (which.clone(), kind).prop_map(|(which, kind)| Change::Retype { which, kind }),
        3 => which.prop_map(|which| Change::Delete { which }),
        // The first one is the ext caller, who is not deleted.
        1 => (1..USERS).prop_map(|user| Change::DeleteUser { user }),
    ]
}

fn asks() -> impl Strategy<Value = Ask> {
    let some = |most: usize| proptest::collection::btree_set(0..most, 0..3);
    (prop::bool::weighted(0.3), some(USERS), some(USERS), some(KINDS.len()), 0..6_usize, 0..8_usize)
        .prop_map(|(is_ext, users, targets, kinds, offset, limit)| Ask { is_ext, users, targets, kinds, offset, limit })
}

/// What should be stored.
struct Model {
    users: Vec<i64>,
    is_there: Vec<bool>,
    /// Owner, target and type of each edge, by its id.
    edges: BTreeMap<i64, (usize, usize, usize)>,
    /// Every id that was used; the last one is beyond all.
    ids: Vec<i64>,
}

impl Model {
    fn has(&self, edge: (usize, usize, usize)) -> bool {
        self.edges.values().any(|there| *there == edge)
    }

    /// The ids in a list, and the total.
    fn list(&self, ask: &Ask) -> (Vec<i64>, i64) {
        let fits = |set: &BTreeSet<usize>, value: usize| set.is_empty() || set.contains(&value);
        let shown = |(user, target, kind): (usize, usize, usize)| {
            fits(&ask.users, user)
                && fits(&ask.targets, target)
                && fits(&ask.kinds, kind)
                && (!ask.is_ext || user == 0 || target == 0)
        };
        let all: Vec<i64> = self.edges.iter().filter(|(_, edge)| shown(**edge)).map(|(id, _)| *id).collect();
        let total = i64::try_from(all.len()).expect("few");
        (all.into_iter().skip(ask.offset).take(ask.limit).collect(), total)
    }

    /// Applies the change to the service and to the model; the statuses must agree.
    fn apply(&mut self, admin: &Client, change: &Change) -> TestCaseResult {
        match *change {
            Change::Create { user, target, kind } => {
                let answer = admin.post(EDGES, &edge(Some(self.users[user]), KINDS[kind], self.users[target]));
                let expected = match (user == target || kind == 3, self.is_there[user] && self.is_there[target]) {
                    (true, _) => 422,
                    (_, false) => 404,
                    _ if self.has((user, target, kind)) => 409,
                    _ => 201,
                };
                prop_assert_eq!(answer.status, expected, "{}", answer.text);
                if expected == 201 {
                    let id = answer.id();
                    prop_assert!(self.ids.iter().all(|other| *other < id), "ids increase and are never reused");
                    self.edges.insert(id, (user, target, kind));
                    self.ids.push(id);
                }
            }
            Change::Retype { which, kind } => {
                let id = self.ids[which % self.ids.len()];
                let body = json!({"data": {"type": "user-relationships", "id": id.to_string(),
                                           "attributes": {"relationship": KINDS[kind]}}});
                let answer = admin.patch(&format!("{EDGES}/{id}"), &body);
                let expected = match self.edges.get(&id) {
                    None => 404,
                    Some(_) if kind == 3 => 422,
                    Some((_, _, before)) if *before == kind => 200,
                    Some((user, target, _)) if self.has((*user, *target, kind)) => 409,
                    Some(_) => 200,
                };
                prop_assert_eq!(answer.status, expected, "{}", answer.text);
                if let (200, Some(edge)) = (expected, self.edges.get_mut(&id)) {
                    edge.2 = kind;
                }
            }
            Change::Delete { which } => {
                let id = self.ids[which % self.ids.len()];
                let expected = if self.edges.remove(&id).is_some() { 204 } else { 404 };
                prop_assert_eq!(admin.delete(&format!("{EDGES}/{id}")).status, expected);
            }
            Change::DeleteUser { user } => {
                let expected = if self.is_there[user] { 204 } else { 404 };
                prop_assert_eq!(admin.delete(&format!("/api/v2/users/{}", self.users[user])).status, expected);
                self.is_there[user] = false;
                self.edges.retain(|_, (owner, target, _)| *owner != user && *target != user);
            }
        }
        Ok(())
    }

    fn compare(&self, caller: &Client, ask: &Ask) -> TestCaseResult {
        let mut query = format!("?offset={}&limit={}", ask.offset, ask.limit);
        for (name, set) in [("user", &ask.users), ("target", &ask.targets)] {
            let ids: Vec<_> = set.iter().map(|at| self.users[*at].to_string()).collect();
            if !ids.is_empty() {
                query = format!("{query}&{name}={}", ids.join(","));
            }
        }
        let kinds: Vec<_> = ask.kinds.iter().map(|kind| KINDS[*kind]).collect();
        if !kinds.is_empty() {
            query = format!("{query}&relationship={}", kinds.join(","));
        }
        let answer = caller.get(&format!("{EDGES}{query}"));
        prop_assert_eq!(answer.status, 200, "{}", answer.text);
        prop_assert_eq!((answer.ids(), answer.total()), self.list(ask), "{}", query);
        Ok(())
    }
}

/// One case on an empty graph of new users.
fn play(app: &App, admin: &Client, steps: &[(Change, Ask)]) -> TestCaseResult {
    let ext = app.caller("ext");
    let mut users = vec![ext.id];
    for number in 1..USERS {
        let email = format!("model{}x{number}@example.com", ext.id);
        users.push(admin.post("/api/v2/users", &user(&email)).expect(201).id());
    }
    let mut model = Model { is_there: vec![true; USERS], users, edges: BTreeMap::new(), ids: vec![0] };
    let result = steps.iter().try_for_each(|(change, ask)| {
        model.apply(admin, change)?;
        model.compare(if ask.is_ext { &ext } else { admin }, ask)
    });
    for user in &model.users {
        let status = admin.delete(&format!("/api/v2/users/{user}")).status;
        assert!(status == 204 || status == 404, "{status}");
    }
    result
}

both!(
    random_changes_agree_with_the_model,
    |config| { config.auth_refresh = std::time::Duration::from_mins(1) },
    |app| {
        let admin = app.admin();
        let config = Config { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let played = runner.run(&vec((changes(), asks()), STEPS), |steps| {
            play(app, &admin, &steps)?;
            let drift = app.read(|tx: &mut Tx<'_>| tx.check()).repairable;
            prop_assert!(drift.is_empty(), "{:?}", drift);
            Ok(())
        });
        played.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(admin.get(EDGES).expect(200).total(), 0);
    }
);
