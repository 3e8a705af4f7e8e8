//! Random lines for types with rules: a dry run, batches and a first load agree with a model in memory.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};

use user_relationships::clock::Clock;
use user_relationships::domain::relationship_types;
use user_relationships::domain::transfer::{
    self, ImportLine, ImportOptions, ImportOutcome, LoadMemory, PendingRecords, Record, RelationshipLine, UserReference,
};
use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::field::Value;
use user_relationships::model::id::UserId;
use user_relationships::model::precondition::Precondition;
use user_relationships::model::relationship::EdgeData;
use user_relationships::model::relationship_type::{TypeAttribute, TypeName};
use user_relationships::model::user::Field;
use user_relationships::store::{Cost, Settings, Store, Tx};

use crate::support::app::{self, Engine, Home};
use crate::support::sql::Raw;

const USERS: i64 = 7;
const CASES: u32 = 12;
const TREE: &str = "tree";
const TYPES: [&str; 5] = [TREE, "acyclic", "pair", "few", "free"];

/// Owner, type and target.
type Line = (i64, usize, i64);

/// A database with users and types with rules.
struct Base {
    home: Home,
    store: Store,
}

impl Base {
    fn new(engine: Engine) -> Option<Self> {
        let home = Home::direct(engine)?;
        // As for the commands: a load on PostgreSQL needs the only session.
        let settings = Settings { pool_size: 1, workers: 1, ..app::config(home.url()).store_settings() };
        let base = Self { store: Store::open(&settings, Clock::System).expect("the database opens"), home };
        base.write(|tx| {
            for id in 1..=USERS {
                let email = (Field::Email, Value::Text(format!("u{id}@example.com")));
                users::create(tx, &Caller::OPERATOR, Some(UserId::new(id)), &[email])?;
            }
            let rules = |acyclic: bool, symmetric: bool, max: Option<i64>| {
                vec![
                    (TypeAttribute::IsAcyclic, Value::Flag(acyclic)),
                    (TypeAttribute::IsSymmetric, Value::Flag(symmetric)),
                    (TypeAttribute::MaxPerUser, max.map_or(Value::Null, Value::Integer)),
                ]
            };
            let all = [
                rules(true, false, Some(1)),
                rules(true, false, None),
                rules(false, true, None),
                rules(false, false, Some(2)),
                rules(false, false, None),
            ];
            for (name, rules) in TYPES.iter().zip(all) {
                let name = TypeName::parse(name).expect("a name");
                relationship_types::create(tx, &Caller::OPERATOR, &name, &[])?;
                relationship_types::change(tx, &Caller::OPERATOR, Some(&name), &Precondition::None, &rules, None)?;
            }
            Ok(())
        });
        Some(base)
    }

    fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&mut Tx<'_>) -> user_relationships::model::error::Result<T> + Send + Sync + 'static,
    ) -> T {
        app::wait(self.store.write("test", ChangeOrigin::WITHOUT_CALLER, job)).expect("the job succeeds")
    }

    fn import(&self, batches: &[Vec<ImportLine>]) -> ImportOutcome {
        sum(batches, |lines| self.write(move |tx| transfer::import(tx, &lines, ImportOptions::default())))
    }

    fn dry_run(&self, batches: &[Vec<ImportLine>]) -> ImportOutcome {
        let pending = std::sync::Arc::new(std::sync::Mutex::new(PendingRecords::default()));
        sum(batches, |lines| {
            let pending = pending.clone();
            let job = move |tx: &mut Tx<'_>| {
                transfer::dry_run(tx, &lines, ImportOptions::default(), &mut pending.lock().expect("a lock"))
            };
            app::wait(self.store.read("test", Cost::Unbounded, job)).expect("the job succeeds")
        })
    }

    fn load(&self, batches: &[Vec<ImportLine>]) -> ImportOutcome {
        let batches = batches.to_vec();
        self.write(move |tx| {
            let dropped = tx.begin_bulk_load()?.expect("no relationships exist");
            let (mut memory, mut all) = (LoadMemory::default(), ImportOutcome::default());
            for lines in &batches {
                let outcome = transfer::load(tx, lines, ImportOptions::default(), &mut memory)?;
                add(&mut all, &outcome);
            }
            let removed = tx.end_bulk_load(&dropped)?;
            transfer::count_loaded(tx, &memory)?;
            all.relationships.added -= removed;
            all.relationships.unchanged += removed;
            Ok(all)
        })
    }

    fn lines(&self, sql: &str) -> BTreeSet<String> {
        Raw::connect(&self.home.url()).lines(sql).into_iter().collect()
    }

    fn edges(&self) -> BTreeSet<String> {
        self.lines(
            "SELECT user_id || ' ' || t.name || ' ' || target_id AS line FROM user_relationships \
             JOIN relationship_types AS t ON t.id = type_id",
        )
    }

    fn below(&self) -> BTreeSet<String> {
        self.lines("SELECT user_id || ' ' || n || ' ' || height AS line FROM counts_below WHERE n <> 0 OR height <> 0")
    }
}

fn sum(batches: &[Vec<ImportLine>], run: impl Fn(Vec<ImportLine>) -> ImportOutcome) -> ImportOutcome {
    let mut all = ImportOutcome::default();
    for lines in batches {
        add(&mut all, &run(lines.clone()));
    }
    all
}

fn add(all: &mut ImportOutcome, outcome: &ImportOutcome) {
    all.add(outcome);
    all.rejected.extend(outcome.rejected.iter().cloned());
    all.rejected.sort();
}

/// Judges lines one by one, naively.
#[derive(Default)]
struct Model {
    edges: BTreeSet<(i64, usize, i64)>,
    /// Added, unchanged and rejected lines.
    counts: [u64; 3],
    rejected: Vec<u64>,
}

impl Model {
    fn targets(&self, kind: usize, user: i64) -> Vec<i64> {
        self.edges.iter().filter(|(owner, of, _)| (*owner, *of) == (user, kind)).map(|(_, _, target)| *target).collect()
    }

    fn leads(&self, kind: usize, from: i64, to: i64) -> bool {
        from == to || self.targets(kind, from).into_iter().any(|next| self.leads(kind, next, to))
    }

    fn apply(&mut self, number: u64, (user, kind, target): Line) {
        let exists = self.edges.contains(&(user, kind, target))
            || TYPES[kind] == "pair" && self.edges.contains(&(target, kind, user));
        let owned = self.targets(kind, user).len();
        let is_refused = user == target
            || match TYPES[kind] {
                TREE => owned == 1 || self.leads(kind, target, user),
                "acyclic" => self.leads(kind, target, user),
                "few" => owned == 2,
                _ => false,
            };
        if exists {
            self.counts[1] += 1;
        } else if is_refused {
            self.counts[2] += 1;
            self.rejected.push(number);
        } else {
            self.counts[0] += 1;
            self.edges.insert((user, kind, target));
        }
    }

    fn shown(&self) -> BTreeSet<String> {
        self.edges.iter().map(|(user, kind, target)| format!("{user} {} {target}", TYPES[*kind])).collect()
    }

    fn below(&self) -> BTreeSet<String> {
        let mut below = BTreeMap::<i64, (usize, usize)>::new();
        for user in 1..=USERS {
            let path = std::iter::successors(Some(user), |user| self.targets(0, *user).first().copied());
            for (depth, above) in path.enumerate().skip(1) {
                let entry = below.entry(above).or_default();
                *entry = (entry.0 + 1, entry.1.max(depth));
            }
        }
        below.into_iter().map(|(user, (n, height))| format!("{user} {n} {height}")).collect()
    }
}

fn line(number: u64, (user, kind, target): Line) -> ImportLine {
    let reference = |id| UserReference::Id(UserId::new(id));
    let record = RelationshipLine {
        id: None,
        user: reference(user),
        target: reference(target),
        data: EdgeData::new(TypeName::parse(TYPES[kind]).expect("a name")),
        created_at: None,
        updated_at: None,
    };
    ImportLine { number, record: Record::Relationship(record) }
}

/// Checks one random file, cut into batches, beside what is stored already.
fn check(engine: Engine, stored: &[Line], lines: &[Line], size: usize) -> TestCaseResult {
    let numbered = |lines: &[Line]| (1..).zip(lines).map(|(number, it)| line(number, *it)).collect::<Vec<_>>();
    let batches: Vec<_> = numbered(lines).chunks(size).map(<[ImportLine]>::to_vec).collect();
    let Some(base) = Base::new(engine) else { return Ok(()) };
    let mut model = Model::default();
    for line in stored {
        model.apply(0, *line);
    }
    base.import(&[numbered(stored)]);
    prop_assert_eq!(base.edges(), model.shown());
    prop_assert_eq!(base.below(), model.below());
    (model.counts, model.rejected) = ([0; 3], Vec::new());
    (1..).zip(lines).for_each(|(number, line)| model.apply(number, *line));

    let dry = base.dry_run(&batches);
    let tally = dry.relationships;
    prop_assert_eq!([tally.added, tally.unchanged, tally.rejected], model.counts);
    prop_assert_eq!(dry.rejected.iter().map(|(number, _)| *number).collect::<Vec<_>>(), model.rejected.clone());
    prop_assert_eq!(&base.import(&batches), &dry);
    prop_assert_eq!(base.edges(), model.shown());
    prop_assert_eq!(base.below(), model.below());
    if stored.is_empty() {
        drop(base);
        let Some(base) = Base::new(engine) else { return Ok(()) };
        prop_assert_eq!(&base.load(&batches), &dry);
        prop_assert_eq!(base.edges(), model.shown());
        prop_assert_eq!(base.below(), model.below());
    }
    Ok(())
}

#[test]
fn a_dry_run_batches_and_a_load_agree_with_a_model() {
    let line = || (1..=USERS, 0..TYPES.len(), 1..=USERS);
    let stored = prop_oneof![Just(Vec::new()), vec(line(), 1..15)];
    let cases = (stored, vec(line(), 1..50), 1..20_usize);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        runner
            .run(&cases, |(stored, lines, size)| check(engine, &stored, &lines, size))
            .unwrap_or_else(|error| panic!("{engine:?}: {error}"));
    }
}
