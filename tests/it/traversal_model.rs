//! Random changes of edges; afterwards every traversal shows what a naive search in memory finds.
//!
//! `TRAVERSAL_ROUNDS=200 cargo test --release --test it traversal_model` makes more changes.

use crate::both;
use crate::support::graph::{EDGES, acyclic, assert_clean, create, register, repetitions, stored, users, wide};
use crate::support::random::Random;
use crate::support::traversal::{Edges, Towards, assert_breadth_first, depths, is_on_cycle, pre_order, walk};
use crate::support::{App, Client, json};

/// The users.
const USERS: usize = 12;
/// A tree, an acyclic type and one with cycles. The role of each in both directions is its name before `-users` and
/// `-targets`.
const KINDS: [&str; 3] = ["boss", "needs", "knows"];
const TREE: usize = 0;
const ACYCLIC: usize = 1;

/// The stored edges beside the service.
struct Model<'a> {
    app: &'a App,
    admin: Client,
    ids: Vec<i64>,
    edges: [Edges; 3],
    random: Random,
}

impl<'a> Model<'a> {
    fn new(app: &'a App, seed: u64) -> Self {
        let admin = app.admin();
        let mut rules = [json!({"is-acyclic": true, "max-per-user": 1}), acyclic(), json!({})];
        for (kind, rules) in KINDS.iter().zip(&mut rules) {
            rules["user-role"] = json!(format!("{kind}-users"));
            rules["target-role"] = json!(format!("{kind}-targets"));
            register(&admin, kind, rules);
        }
        Self { app, admin, ids: users(app, USERS), edges: Default::default(), random: Random::new(seed) }
    }

    fn any_user(&mut self) -> i64 {
        self.random.choose(&self.ids)
    }

    /// The code that refuses an edge; `None` if it is admitted.
    fn refusal(&self, kind: usize, user: i64, target: i64) -> Option<&'static str> {
        let edges = &self.edges[kind];
        let is_cycle = depths(edges, target, Towards::Targets, usize::MAX).contains_key(&user);
        if edges.values().any(|ends| *ends == (user, target)) {
            Some("already-exists")
        } else if kind == TREE && edges.values().any(|(owner, _)| *owner == user) {
            Some("too-many-relationships")
        } else {
            (kind <= ACYCLIC && is_cycle).then_some("relationship-cycle")
        }
    }

    /// One random change, of which the answer is the expected one.
    fn change(&mut self) {
        let (kind, user, target) = (self.random.below(KINDS.len()), self.any_user(), self.any_user());
        let choice = self.random.below(10);
        if choice < 2 && !self.edges[kind].is_empty() {
            let at = self.random.below(self.edges[kind].len());
            let id = *self.edges[kind].keys().nth(at).expect("an edge");
            self.admin.delete(&format!("{EDGES}/{id}")).expect(204);
            self.edges[kind].remove(&id);
        } else if user == target {
            // Nothing is its own target.
        } else if choice < 6 && kind == TREE {
            self.reassign(user, target);
        } else {
            let answer = create(&self.admin, user, KINDS[kind], target);
            match self.refusal(kind, user, target) {
                // An edge that exists may be reported by the limit that it fills.
                Some(_) if answer.status == 409 => {}
                None => drop(self.edges[kind].insert(answer.expect(201).id(), (user, target))),
                Some(code) => panic!("{code} was expected; {}", answer.text),
            }
        }
    }

    fn reassign(&mut self, user: i64, target: i64) {
        let path = format!("/api/v2/users/{user}/relationships/{}-targets", KINDS[TREE]);
        let answer = self.admin.patch(&path, &json!({"data": {"type": "users", "id": target.to_string()}}));
        let old = self.edges[TREE].iter().find(|(_, (owner, _))| *owner == user).map(|(id, ends)| (*id, ends.1));
        if old.is_some_and(|(_, present)| present == target) {
            answer.expect(200);
        } else if depths(&self.edges[TREE], target, Towards::Targets, usize::MAX).contains_key(&user) {
            answer.refused(409, "relationship-cycle");
        } else {
            old.map(|(id, _)| self.edges[TREE].remove(&id));
            let answer = answer.expect(200);
            let id = answer.body["meta"]["user-relationship"].as_str().expect("an id").parse().expect("a number");
            self.edges[TREE].insert(id, (user, target));
        }
    }

    /// The URL of a traversal.
    fn url(kind: usize, start: i64, towards: Towards, depth: &str) -> String {
        let end = if towards == Towards::Users { "users" } else { "targets" };
        format!("/api/v2/users/{start}/{}-{end}?max-depth={depth}", KINDS[kind])
    }

    /// Compares a traversal, read in pages of random sizes, with the model.
    fn compare(&mut self, kind: usize, start: i64, towards: Towards) {
        let most = [usize::MAX, 1, 2, 3, 64][self.random.below(5)];
        let depth = if most == usize::MAX { "all".to_owned() } else { most.to_string() };
        let size = ["page[size]", "limit"][self.random.below(2)];
        let url = format!("{}&{size}={}", Self::url(kind, start, towards, &depth), 1 + self.random.below(5));
        let walk = walk(&self.admin, &url, |_| ());
        let edges = &self.edges[kind];
        if kind == TREE && towards == Towards::Users {
            assert_eq!(walk.rows, pre_order(edges, start, most), "{url} {edges:?}");
        } else {
            assert_breadth_first(edges, start, towards, most, kind == TREE, &walk.rows);
        }
        let rows = i64::try_from(walk.rows.len()).expect("few");
        assert!(walk.totals.iter().all(|total| *total == rows), "{url}: {:?} of {rows} rows", walk.totals);
        if kind <= ACYCLIC {
            assert!(!walk.has_cycle, "{url}");
        } else if most == usize::MAX && is_on_cycle(edges, start) {
            assert!(walk.has_cycle, "{url} {edges:?}");
        }
        let count = self.admin.get(&format!("{}&limit=0", Self::url(kind, start, towards, &depth))).expect(200);
        assert_eq!((count.total(), count.ids().len()), (rows, 0));
        let other = self.any_user();
        let one =
            self.admin.get(&format!("{}&filter[id]={other}", Self::url(kind, start, towards, &depth))).expect(200);
        let found: Vec<_> = walk.rows.iter().filter(|row| row.id == other).collect();
        assert_eq!(crate::support::traversal::rows(&one).iter().collect::<Vec<_>>(), found, "{url} {other}");
        assert_eq!(one.total(), i64::try_from(found.len()).expect("few"));
    }

    /// Compares the users that several have in common.
    fn compare_shared(&mut self, kind: usize) {
        let (start, one, other) = (self.any_user(), self.any_user(), self.any_user());
        let url = format!("{}&filter[shared-with]={one},{other}", Self::url(kind, start, Towards::Targets, "all"));
        let found = walk(&self.admin, &format!("{url}&page[size]=2"), |_| ());
        let edges = &self.edges[kind];
        let above = |user| depths(edges, user, Towards::Targets, usize::MAX);
        let (of_one, of_other) = (above(one), above(other));
        let mut expected: Vec<_> = above(start).into_iter().map(|(user, depth)| (depth, user)).collect();
        expected.retain(|(_, user)| of_one.contains_key(user) && of_other.contains_key(user));
        expected.sort_unstable();
        let shown: Vec<_> = found.rows.iter().map(|row| (row.depth, row.id)).collect();
        assert_eq!(shown, expected, "{url} along {edges:?}");
        let rows = i64::try_from(expected.len()).expect("few");
        assert!(found.totals.iter().all(|total| *total == rows), "{url} {:?}", found.totals);
    }

    fn compare_all(&mut self) {
        for kind in 0..KINDS.len() {
            for start in self.ids.clone() {
                self.compare(kind, start, Towards::Users);
                self.compare(kind, start, Towards::Targets);
            }
        }
    }
}

both!(traversals_agree_with_a_model_after_random_changes, |config| { wide(config) }, |app| {
    let rounds = repetitions("TRAVERSAL_ROUNDS", 12);
    let mut model = Model::new(app, 42);
    for round in 0..rounds {
        for _ in 0..6 {
            model.change();
        }
        for kind in 0..KINDS.len() {
            for towards in [Towards::Users, Towards::Targets] {
                let start = model.any_user();
                model.compare(kind, start, towards);
            }
            model.compare_shared(kind);
        }
        if round % 10 == 9 {
            model.compare_all();
        }
    }
    model.compare_all();
    for (number, kind) in KINDS.iter().enumerate() {
        assert_eq!(stored(app, kind), model.edges[number]);
    }
    assert_clean(model.app);
});
