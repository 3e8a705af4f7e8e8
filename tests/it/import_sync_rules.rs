//! The steps of a synchronization: no step breaks a rule, and what would break one in the end is known before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use user_relationships::clock::Clock;
use user_relationships::domain::sync::{EdgeStep, Planner, SyncOptions, SyncPlan, apply_steps};
use user_relationships::domain::transfer::{
    self, ImportLine, ImportOptions, Record, RelationshipLine, UserLine, UserReference,
};
use user_relationships::domain::{relationship_types, users};
use user_relationships::model::caller::Caller;
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::error::{Error, Result};
use user_relationships::model::field::Value;
use user_relationships::model::id::UserId;
use user_relationships::model::precondition::Precondition;
use user_relationships::model::relationship::EdgeData;
use user_relationships::model::relationship_type::{TypeAttribute, TypeName};
use user_relationships::model::user::Field;
use user_relationships::store::{Cost, Settings, Store, Tx};

use crate::support::app::{self, Engine, Home};
use crate::support::sql::Raw;

const TREE: &str = "tree";
/// Types with rules: acyclic, and the most relationships of a user.
const TYPES: [(&str, bool, Option<i64>); 4] =
    [(TREE, true, Some(1)), ("acyclic", true, None), ("few", false, Some(2)), ("free", false, None)];

type Ends = (i64, i64);

/// A database with users 1 to `users` and types with rules.
struct Base {
    home: Home,
    store: Store,
}

impl Base {
    fn all(users: i64) -> impl Iterator<Item = Self> {
        [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(move |engine| Self::new(engine, users))
    }

    fn new(engine: Engine, users: i64) -> Option<Self> {
        let home = Home::new(engine)?;
        let settings = Settings { pool_size: 1, workers: 1, ..app::config(home.url()).store_settings() };
        let base = Self { store: Store::open(&settings, Clock::System).expect("the database opens"), home };
        base.must_write(move |tx| {
            for id in 1..=users {
                let email = (Field::Email, Value::Text(email_of(id)));
                users::create(tx, &Caller::OPERATOR, Some(UserId::new(id)), &[email])?;
            }
            for (name, is_acyclic, max) in TYPES {
                let name = TypeName::parse(name).expect("a name");
                let rules = [
                    (TypeAttribute::IsAcyclic, Value::Flag(is_acyclic)),
                    (TypeAttribute::MaxPerUser, max.map_or(Value::Null, Value::Integer)),
                ];
                relationship_types::create(tx, &Caller::OPERATOR, &name, &[])?;
                relationship_types::change(tx, &Caller::OPERATOR, Some(&name), &Precondition::None, &rules, None)?;
            }
            Ok(())
        });
        Some(base)
    }

    fn write<T: Send + 'static>(&self, job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static) -> Result<T> {
        app::wait(self.store.write("test", ChangeOrigin::WITHOUT_CALLER, job))
    }

    fn must_write<T: Send + 'static>(&self, job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static) -> T {
        self.write(job).expect("the job succeeds")
    }

    fn store(&self, name: &str, edges: &[Ends]) {
        let lines = edge_lines(name, edges);
        let outcome = self.must_write(move |tx| transfer::import(tx, &lines, ImportOptions::default()));
        assert_eq!(outcome.rejected, []);
    }

    /// Plans to have exactly some relationships of some users.
    fn plan(&self, name: &str, people: &[i64], edges: &[Ends]) -> SyncPlan {
        let type_name = TypeName::parse(name).expect("a name");
        let planner = Mutex::new(Some(Planner::new(SyncOptions::default(), [type_name])));
        let lines: Vec<_> = people.iter().map(|id| user_line(*id)).chain(edge_lines(name, edges)).collect();
        let planner = Arc::new(planner);
        let job = move |tx: &mut Tx<'_>| {
            let mut planner = planner.lock().expect("a lock").take().expect("it runs once");
            let outcome = planner.add(tx, 0, &lines)?;
            assert_eq!(outcome.rejected, []);
            planner.finish(tx)
        };
        app::wait(self.store.read("test", Cost::Unbounded, job)).expect("the job succeeds")
    }

    fn apply(&self, name: &str, steps: &[EdgeStep]) -> Result<()> {
        let (name, steps) = (TypeName::parse(name).expect("a name"), steps.to_vec());
        self.write(move |tx| apply_steps(tx, &name, &steps, None))
    }

    fn edges(&self, name: &str) -> BTreeSet<Ends> {
        let sql = format!(
            "SELECT user_id || ' ' || target_id AS line FROM user_relationships WHERE type_id = \
             (SELECT id FROM relationship_types WHERE name = '{name}')"
        );
        let pair = |line: String| {
            let (user, target) = line.split_once(' ').expect("two ids");
            (user.parse().expect("an id"), target.parse().expect("an id"))
        };
        Raw::connect(&self.home.url()).lines(&sql).into_iter().map(pair).collect()
    }

    fn assert_no_drift(&self) {
        let report = app::wait(self.store.read("test", Cost::Unbounded, |tx: &mut Tx<'_>| tx.check()));
        let report = report.expect("the check runs");
        assert!(report.repairable.is_empty(), "{report:?}");
    }
}

fn email_of(id: i64) -> String {
    format!("u{id}@example.com")
}

fn user_line(id: i64) -> ImportLine {
    let fields = vec![(Field::Email, Value::Text(email_of(id)))];
    let line = UserLine { id: None, email: email_of(id), fields, properties: None, created_at: None, updated_at: None };
    ImportLine { number: u64::try_from(id).expect("an id"), record: Record::User(Box::new(line)) }
}

fn edge_lines(name: &str, edges: &[Ends]) -> Vec<ImportLine> {
    let line = |(number, (user, target)): (u64, &Ends)| {
        let reference = |id: i64| UserReference::Email(email_of(id));
        let data = EdgeData::new(TypeName::parse(name).expect("a name"));
        let (user, target) = (reference(*user), reference(*target));
        let edge = RelationshipLine { id: None, user, target, data, created_at: None, updated_at: None };
        ImportLine { number, record: Record::Relationship(edge) }
    };
    (1000..).zip(edges).map(line).collect()
}

fn has_cycle(edges: &BTreeSet<Ends>) -> bool {
    let mut left = edges.clone();
    loop {
        let owners: BTreeSet<_> = left.iter().map(|(user, _)| *user).collect();
        let before = left.len();
        left.retain(|(_, target)| owners.contains(target));
        if left.len() == before {
            return !left.is_empty();
        }
    }
}

fn most_owned(edges: &BTreeSet<Ends>) -> i64 {
    let mut owned = BTreeMap::new();
    for (user, _) in edges {
        *owned.entry(user).or_insert(0) += 1;
    }
    owned.into_values().max().unwrap_or(0)
}

fn breaks(edges: &BTreeSet<Ends>, is_acyclic: bool, max: Option<i64>) -> bool {
    is_acyclic && has_cycle(edges) || max.is_some_and(|max| most_owned(edges) > max)
}

/// Keeps the edges that obey the rules.
fn legal(wanted: &[Ends], is_acyclic: bool, max: Option<i64>) -> BTreeSet<Ends> {
    let mut edges = BTreeSet::new();
    for ends in wanted.iter().filter(|(user, target)| user != target) {
        edges.insert(*ends);
        if breaks(&edges, is_acyclic, max) {
            edges.remove(ends);
        }
    }
    edges
}

#[test]
fn steps_one_at_a_time_reach_any_legal_state() {
    const USERS: i64 = 7;
    for base in Base::all(USERS) {
        let edges = || vec((1..=USERS, 1..=USERS), 0..12);
        let case = (0..TYPES.len(), edges(), edges(), vec(any::<bool>(), 7), any::<bool>());
        let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
        let result = runner.run(&case, |(kind, old, new, listed, is_legal)| {
            let (name, is_acyclic, max) = TYPES[kind];
            let empty: Vec<_> = (1..=USERS).collect();
            let reset = base.plan(name, &empty, &[]);
            base.apply(name, &reset.types[0].steps).expect("all edges are deleted");
            let old: Vec<_> = legal(&old, is_acyclic, max).into_iter().collect();
            base.store(name, &old);
            let people: Vec<_> = (1..=USERS).zip(&listed).filter(|(_, is)| **is).map(|(id, _)| id).collect();
            let new: BTreeSet<_> = if is_legal {
                legal(&new, is_acyclic, max)
            } else {
                new.into_iter().filter(|(user, target)| user != target).collect()
            };
            let owners: BTreeSet<_> = people.iter().copied().chain(new.iter().map(|(user, _)| *user)).collect();
            let kept = old.iter().copied().filter(|(user, _)| !owners.contains(user));
            let wanted: BTreeSet<_> = kept.chain(new.iter().copied()).collect();
            let plan = base.plan(name, &people, &new.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(!plan.problems.is_empty(), breaks(&wanted, is_acyclic, max), "{:?} {:?}", old, wanted);
            if plan.problems.is_empty() {
                for step in &plan.types[0].steps {
                    let applied = base.apply(name, std::slice::from_ref(step));
                    prop_assert!(applied.is_ok(), "{:?} to {:?}: {:?}: {:?}", old, wanted, step, applied);
                }
                prop_assert_eq!(base.edges(name), wanted);
                let again = base.plan(name, &people, &new.iter().copied().collect::<Vec<_>>());
                prop_assert!(again.is_empty());
                base.assert_no_drift();
            }
            Ok(())
        });
        result.unwrap_or_else(|failure| panic!("{failure}"));
    }
}

/// A chain of users: each but the last is below the next one.
fn chain(users: impl Iterator<Item = i64> + Clone) -> Vec<Ends> {
    users.clone().zip(users.skip(1)).collect()
}

#[test]
fn a_long_chain_is_reversed_step_by_step() {
    for base in Base::all(65) {
        base.store(TREE, &chain(1..=65));
        let reversed = chain((1..=65).rev());
        let plan = base.plan(TREE, &[1], &reversed);
        assert_eq!((plan.problems.len(), plan.types[0].steps.len()), (0, 65));
        for step in &plan.types[0].steps {
            base.apply(TREE, std::slice::from_ref(step)).expect("no step breaks a rule");
        }
        assert_eq!(base.edges(TREE), reversed.into_iter().collect());
        base.assert_no_drift();
    }
}

#[test]
fn depth_is_checked_on_the_final_state_only() {
    for base in Base::all(140) {
        // Three chains: 1 to 40, 41 to 80, 81 to 122.
        base.store(TREE, &[chain(1..=40), chain(41..=80), chain(81..=122)].concat());
        // 40 moves to the end of the second chain with all below it, of whom half move to the end of the third one.
        let plan = base.plan(TREE, &[], &[(40, 41), (20, 81)]);
        assert_eq!(plan.problems, []);
        for step in &plan.types[0].steps {
            base.apply(TREE, std::slice::from_ref(step)).expect("depth does not matter meanwhile");
        }
        base.assert_no_drift();
        let deep = base.plan(TREE, &[], &[(122, 41)]);
        assert!(deep.problems[0].problem.as_ref().unwrap().contains("at most 64 are allowed"), "{:?}", deep.problems);
    }
}

#[test]
fn a_step_is_refused_when_others_wrote_meanwhile() {
    for base in Base::all(5) {
        base.store(TREE, &[(1, 2)]);
        let plan = base.plan(TREE, &[1, 3], &[(1, 4), (3, 5)]);
        // Meanwhile user 4 gets below user 1, and user 5 is deleted.
        base.store(TREE, &[(4, 1)]);
        base.must_write(|tx| users::delete(tx, &Caller::OPERATOR, UserId::new(5), &Precondition::None));
        let before = base.edges(TREE);
        for (place, steps) in plan.types[0].steps.iter().enumerate() {
            let Err(Error::Refused(problems)) = base.apply(TREE, std::slice::from_ref(steps)) else {
                panic!("step {place} is not refused")
            };
            assert!(problems[0].operation == Some(0) && problems[0].detail.contains("run the import again"));
        }
        assert_eq!(base.edges(TREE), before);
        // A new plan works with what is there.
        let plan = base.plan(TREE, &[1, 4], &[(1, 3)]);
        base.apply(TREE, &plan.types[0].steps).expect("the steps are applied");
        assert_eq!(base.edges(TREE), BTreeSet::from([(1, 3)]));
        base.assert_no_drift();
    }
}
