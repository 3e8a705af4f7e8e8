//! Random writes; afterwards lists at random moments show what a memory of the stored edges has.
//!
//! `AS_OF_WRITES=10000 AS_OF_PAIRS=1000 cargo test --test it as_of_model` compares more.

use std::collections::BTreeMap;

use user_relationships::domain::transfer::{self, ImportLine, ImportOptions, Record, RelationshipLine, UserReference};
use user_relationships::model::id::UserId;
use user_relationships::model::relationship::EdgeData;
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::time::Timestamp;
use user_relationships::store::Tx;

use crate::both;
use crate::support::graph::{
    EDGES, TRANSFERS, add, create, operate, register, remove, repetitions, retype, symmetric, transfer, tree, update,
    users, wide,
};
use crate::support::past::{Memory, State, StoredEdge, as_of, assert_row, of_kind, read_pages};
use crate::support::traversal::{Edges, Row, Towards, depths, pre_order, rows};
use crate::support::{App, Client, json};

/// A tree, a symmetric type, and one with cycles.
const KINDS: [&str; 3] = ["boss", "peer", "knows"];
const TREE: usize = 0;
const SYMMETRIC: usize = 1;
/// The users at a time. Deleted ones are replaced.
const USERS: usize = 14;

struct Model<'a> {
    app: &'a App,
    admin: Client,
    /// All users that ever were, and those that are.
    all: Vec<i64>,
    present: Vec<i64>,
    memory: Memory,
    seed: u64,
}

impl<'a> Model<'a> {
    fn new(app: &'a App, seed: u64) -> Self {
        let admin = app.admin();
        for (kind, mut rules) in KINDS.iter().zip([tree(), symmetric(), json!({})]) {
            rules["user-role"] = json!(format!("{kind}-users"));
            rules["target-role"] = json!(format!("{kind}-targets"));
            if *kind == KINDS[SYMMETRIC] {
                rules["target-role"] = rules["user-role"].clone();
            }
            register(&admin, kind, &rules);
        }
        let present = users(app, USERS);
        Self { app, admin, all: present.clone(), present, memory: Memory::new(app), seed }
    }

    fn random(&mut self, below: usize) -> usize {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.seed >> 33).expect("a small number") % below
    }

    fn user(&mut self) -> i64 {
        let at = self.random(self.present.len());
        self.present[at]
    }

    fn any_edge(&mut self) -> Option<StoredEdge> {
        let edges = self.memory.now().len();
        let at = self.random(edges.max(1));
        self.memory.now().get(at).map(|edge| (**edge).clone())
    }

    /// One random write, which may be refused, and remembers what is stored after it.
    fn write(&mut self) {
        let (kind, user, target) = (KINDS[self.random(3)], self.user(), self.user());
        let edge = self.any_edge();
        let status = match (self.random(20), edge) {
            (0..=6, _) => create(&self.admin, user, kind, target).status,
            (7..=9, Some(edge)) => self.admin.delete(&format!("{EDGES}/{}", edge.id)).status,
            (10..=12, Some(edge)) => retype(&self.admin, edge.id, kind).status,
            (13..=14, _) => self.reassign(user, target),
            (15, _) => {
                let is_tree = kind == KINDS[TREE];
                self.admin.post(TRANSFERS, &transfer(kind, user, target, is_tree)).status
            }
            (16, Some(edge)) => {
                let all = [remove(edge.id), add(edge.user, kind, target), add(user, KINDS[2], edge.target)];
                operate(&self.admin, &all).status
            }
            (17, Some(edge)) => operate(&self.admin, &[update(edge.id, kind), update(edge.id, KINDS[2])]).status,
            (18, _) => self.import(kind, target),
            (19, _) if self.random(4) == 0 => self.delete(user, target),
            _ => 200,
        };
        assert!(matches!(status, 200 | 201 | 204 | 400..=422), "{status}");
        self.memory.remember(self.app);
    }

    fn reassign(&self, user: i64, target: i64) -> u16 {
        let path = format!("/api/v2/users/{user}/relationships/{}-targets", KINDS[TREE]);
        self.admin.patch(&path, &json!({"data": {"type": "users", "id": target.to_string()}})).status
    }

    /// Imports edges that were created in the past.
    fn import(&mut self, kind: &str, target: i64) -> u16 {
        let of = |id| UserReference::Id(UserId::new(id));
        let past = |days| Some(Timestamp::from_micros(1_700_000_000_000_000 + days * 86_400_000_000));
        let lines: Vec<_> = (1..=3)
            .map(|number| {
                let data = EdgeData::new(TypeName::parse(kind).expect("a name"));
                let (user, days) = (of(self.user()), i64::try_from(number).expect("few"));
                let (created_at, updated_at) = (past(days), past(days + 1));
                let edge = RelationshipLine { id: None, user, target: of(target), data, created_at, updated_at };
                ImportLine { number, record: Record::Relationship(edge) }
            })
            .collect();
        self.app.write(move |tx: &mut Tx<'_>| transfer::import(tx, &lines, ImportOptions::default()));
        200
    }

    fn delete(&mut self, user: i64, successor: i64) -> u16 {
        let end = if self.random(2) == 0 { format!("?transfer-to={successor}") } else { String::new() };
        let status = self.admin.delete(&format!("/api/v2/users/{user}{end}")).status;
        if status == 204 {
            self.present.retain(|id| *id != user);
            let new = users(self.app, 1);
            self.present.extend(&new);
            self.all.extend(new);
        }
        status
    }

    /// A random moment since the writes began, and the edges then.
    fn moment(&mut self) -> (i64, State) {
        let place = self.random(self.memory.states.len());
        let at = self.memory.states[place].0;
        (at, self.memory.at(at).clone())
    }

    /// Compares the list of edges around a user with the memory.
    fn compare_edges(&mut self, user: i64, (at, state): &(i64, State)) {
        let (end, paging) = (self.random(4), self.random(4));
        let kind = Some(KINDS[self.random(3)]).filter(|_| self.random(2) == 0);
        let has_ends = |edge: &StoredEdge| match end {
            0 => edge.user == user,
            1 => edge.target == user,
            _ => edge.user == user || edge.target == user,
        };
        let name = ["user", "target", "participant", "participant"][end];
        let mut expected: Vec<_> =
            state.iter().filter(|edge| has_ends(edge) && kind.is_none_or(|kind| edge.kind == kind)).cloned().collect();
        let (sort, key): (_, fn(&StoredEdge) -> i64) = [
            ("id", (|edge| edge.id) as fn(&StoredEdge) -> i64),
            ("created-at", |edge| edge.created_at),
            ("updated-at", |edge| edge.updated_at),
        ][self.random(3)];
        expected.sort_by_key(|edge| (key(edge), edge.id));
        let is_descending = self.random(2) == 0;
        if is_descending {
            expected.reverse();
        }
        let sign = if is_descending { "-" } else { "" };
        let kinds = kind.map(|kind| format!("&filter[relationship]={kind}")).unwrap_or_default();
        let size = 1 + self.random(6);
        let paging =
            ["limit=50".to_owned(), format!("limit={size}"), format!("page[size]={size}"), "page[size]=50".to_owned()]
                [paging]
                .clone();
        let url = format!("{EDGES}?filter[{name}]={user}&sort={sign}{sort}{kinds}&{paging}&{}", as_of(*at));
        let moment = Timestamp::from_micros(*at).iso8601();
        let found = read_pages(&self.admin, &url, |page| {
            assert_eq!(page.total(), i64::try_from(expected.len()).expect("few"), "{url} {}", page.text);
            assert_eq!(page.body["meta"]["as-of"], moment);
        });
        assert_eq!(found.len(), expected.len(), "{url}: {found:?}, not {expected:?}");
        for (row, edge) in found.iter().zip(&expected) {
            let is_deleted = self.memory.now().iter().all(|now| now.id != edge.id);
            assert_row(row, edge, is_deleted);
        }
    }

    fn is_deleted(&self, user: i64) -> bool {
        !self.present.contains(&user)
    }

    /// Compares the users with a role towards a user with the memory.
    fn compare_role(&mut self, user: i64, (at, state): &(i64, State)) {
        let kind = self.random(3);
        let towards = [Towards::Users, Towards::Targets][self.random(2)];
        let edges = of_kind(state, KINDS[kind]);
        let other = |(id, (owner, target)): (&i64, &(i64, i64))| match (kind, towards) {
            (SYMMETRIC, _) => {
                (*owner == user).then_some((*target, *id)).or_else(|| (*target == user).then_some((*owner, *id)))
            }
            (_, Towards::Users) => (*target == user).then_some((*owner, *id)),
            (_, Towards::Targets) => (*owner == user).then_some((*target, *id)),
        };
        let expected: Vec<_> = edges.iter().filter_map(other).collect();
        let url = format!("{}&page[size]=3", role_url(kind, user, towards, *at));
        let rows = if kind == TREE && towards == Towards::Targets {
            let one = self.admin.get(&role_url(kind, user, towards, *at)).expect(200);
            assert_eq!(one.body["meta"]["as-of"], Timestamp::from_micros(*at).iso8601());
            [&one.body["data"]].into_iter().filter(|row| !row.is_null()).cloned().collect()
        } else {
            let total = i64::try_from(expected.len()).expect("few");
            read_pages(&self.admin, &url, |page| assert_eq!(page.total(), total, "{url} {}", page.text))
        };
        let number = |value: &crate::support::Value| value.as_str().expect("an id").parse::<i64>().expect("a number");
        let found: Vec<_> =
            rows.iter().map(|row| (number(&row["id"]), number(&row["meta"]["user-relationship"]))).collect();
        assert_eq!(found, expected, "{url}");
        for row in rows {
            let is_deleted = self.is_deleted(number(&row["id"]));
            assert_eq!(row["meta"]["is-deleted"] == true, is_deleted, "{row}");
            assert_eq!(
                (row.get("attributes").is_none(), row.get("links").is_none()),
                (is_deleted, is_deleted),
                "{row}"
            );
        }
    }

    /// Compares a traversal with the memory.
    fn compare_traversal(&mut self, user: i64, (at, state): &(i64, State)) {
        let kind = [TREE, 2][self.random(2)];
        let towards = [Towards::Users, Towards::Targets][self.random(2)];
        let most = [usize::MAX, 1, 2, 64][self.random(4)];
        let edges = of_kind(state, KINDS[kind]);
        let depth = if most == usize::MAX { "all".to_owned() } else { most.to_string() };
        let url = format!("{}&max-depth={depth}", role_url(kind, user, towards, *at));
        let (mut totals, size) = (Vec::new(), 1 + self.random(5));
        let mut found = Vec::new();
        read_pages(&self.admin, &format!("{url}&page[size]={size}"), |page| {
            totals.push(page.total());
            found.extend(rows(page));
        });
        if kind == TREE && towards == Towards::Users {
            let expected: Vec<_> =
                pre_order(&edges, user, most).into_iter().map(|row| Row { below: None, ..row }).collect();
            assert_eq!(found, expected, "{url} {edges:?}");
        } else {
            assert_levels(&edges, user, towards, most, &found);
        }
        let rows_found = i64::try_from(found.len()).expect("few");
        assert!(totals.iter().all(|total| *total == rows_found), "{url}: {totals:?}");
        let at = self.random(self.all.len());
        let other = self.all[at];
        let one = self.admin.get(&format!("{url}&filter[id]={other}")).expect(200);
        let expected: Vec<_> = found.into_iter().filter(|row| row.id == other).collect();
        assert_eq!(rows(&one), expected, "{url} {other}");
    }

    /// The rules of the types hold at a moment: the answers are what they are compared with.
    fn assert_rules((at, state): &(i64, State)) {
        let tree = of_kind(state, KINDS[TREE]);
        let mut owned: BTreeMap<i64, usize> = BTreeMap::new();
        for (user, _) in tree.values() {
            *owned.entry(*user).or_default() += 1;
            assert!(!depths(&tree, *user, Towards::Targets, usize::MAX).contains_key(user), "a cycle at {at}");
        }
        assert!(owned.values().all(|edges| *edges == 1), "{tree:?} at {at}");
    }
}

fn role_url(kind: usize, user: i64, towards: Towards, at: i64) -> String {
    let end = if towards == Towards::Targets && kind != SYMMETRIC { "targets" } else { "users" };
    format!("/api/v2/users/{user}/{}-{end}?{}", KINDS[kind], as_of(at))
}

/// Rows have the smallest depths, in order of depth and id, and each edge leads one step back.
#[track_caller]
fn assert_levels(edges: &Edges, start: i64, towards: Towards, most: usize, found: &[Row]) {
    let reached = depths(edges, start, towards, most);
    let mut expected: Vec<_> = reached.iter().map(|(user, depth)| (*depth, *user)).collect();
    expected.sort_unstable();
    let shown: Vec<_> = found.iter().map(|row| (row.depth, row.id)).collect();
    assert_eq!(shown, expected, "from {start} {towards:?}, {most} steps, along {edges:?}");
    for row in found {
        let ends = if towards == Towards::Users { (row.id, row.via) } else { (row.via, row.id) };
        assert_eq!(edges.get(&row.edge), Some(&ends), "{row:?}");
        assert_eq!(reached.get(&row.via).copied().unwrap_or(0), row.depth - 1, "{row:?}");
        assert_eq!(row.below, None);
    }
}

both!(
    lists_at_random_moments_show_what_a_memory_has,
    |config| {
        wide(config);
    },
    |app| {
        let (writes, pairs) = (repetitions("AS_OF_WRITES", 1_000), repetitions("AS_OF_PAIRS", 100));
        let mut model = Model::new(app, 7);
        for _ in 0..writes {
            model.write();
        }
        for _ in 0..pairs {
            let at = model.random(model.all.len());
            let (user, moment) = (model.all[at], model.moment());
            Model::assert_rules(&moment);
            model.compare_edges(user, &moment);
            model.compare_role(user, &moment);
            model.compare_traversal(user, &moment);
        }
        app.assert_no_drift();
    }
);
