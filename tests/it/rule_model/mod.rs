//! Random sequences of all writes under changing rules: every answer is the one that a model predicts, and afterwards the
//! stored edges are those of the model.
//!
//! `RULE_CASES=1000 cargo test --release --test it rule_model` plays more sequences.

mod prediction;

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};

use user_relationships::domain;
use user_relationships::model::caller::Caller;
use user_relationships::model::id::UserId;
use user_relationships::model::precondition::Precondition;
use user_relationships::store::Tx;

use crate::both;
use crate::support::graph::{
    self, EDGES, findings, import_all, kind, operate, path, repetitions, retype, store, users, wide,
};
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Value, edge, json};

use prediction::{FREE, HANDLES, KINDS, Model, Rules, Verdict};

const CASES: usize = 8;
const STEPS: usize = 40;
/// An id that no edge gets.
const UNUSED: i64 = 999_999_999_999;
/// The edges of the two paths that each case begins with. Joined, with two more edges, they are one too long.
const CHAINS: [usize; 2] = [32, 30];

#[derive(Debug, Clone)]
enum Change {
    Create { by: usize, edge: (usize, usize, usize) },
    Retype { by: usize, which: usize, kind: usize },
    Delete { by: usize, which: usize },
    DeleteUser { user: usize },
    Operations { by: usize, all: Vec<Operation> },
    Import { edges: Vec<(usize, usize, usize)> },
    SetRule { kind: usize, rule: usize },
}

#[derive(Debug, Clone)]
enum Operation {
    Add((usize, usize, usize)),
    Update { which: usize, kind: usize },
    Remove { which: usize },
}

fn any_edge() -> impl Strategy<Value = (usize, usize, usize)> {
    // The last type is not registered.
    (0..HANDLES, 0..HANDLES, prop_oneof![40 => 0..KINDS.len(), 1 => Just(KINDS.len())])
}

fn operations() -> impl Strategy<Value = Operation> {
    let which = 0..20_usize;
    prop_oneof![
        3 => any_edge().prop_map(Operation::Add),
        2 => (which.clone(), 0..KINDS.len()).prop_map(|(which, kind)| Operation::Update { which, kind }),
        2 => which.prop_map(|which| Operation::Remove { which }),
    ]
}

fn changes() -> impl Strategy<Value = Change> {
    // Those beyond the users are the admin.
    let (by, which) = (0..3 * FREE, 0..20_usize);
    prop_oneof![
        12 => (by.clone(), any_edge()).prop_map(|(by, edge)| Change::Create { by, edge }),
        4 => (by.clone(), which.clone(), 0..KINDS.len())
            .prop_map(|(by, which, kind)| Change::Retype { by, which, kind }),
        4 => (by.clone(), which).prop_map(|(by, which)| Change::Delete { by, which }),
        1 => (0..FREE).prop_map(|user| Change::DeleteUser { user }),
        5 => (by, vec(operations(), 1..4)).prop_map(|(by, all)| Change::Operations { by, all }),
        4 => vec(any_edge(), 1..6).prop_map(|edges| Change::Import { edges }),
        4 => (0..KINDS.len(), 0..9_usize).prop_map(|(kind, rule)| Change::SetRule { kind, rule }),
    ]
}

/// A model beside the service.
struct Play<'a> {
    app: &'a App,
    admin: &'a Client,
    clients: Vec<Client>,
    model: Model,
    raw: Raw,
    /// Ids of edges that were stored; the first one never was.
    ids: Vec<i64>,
}

/// Whether an answer is the predicted one.
fn compare(answer: &Answer, verdict: &Verdict, success: u16) -> TestCaseResult {
    match verdict {
        Ok(()) => prop_assert_eq!(answer.status, success, "{}", answer.text),
        Err((status, codes)) => {
            prop_assert_eq!(answer.status, *status, "{:?}: {}", codes, answer.text);
            let all_known = answer.codes().iter().all(|code| codes.contains(code));
            prop_assert!(all_known, "{:?}: {}", codes, answer.text);
        }
    }
    Ok(())
}

impl<'a> Play<'a> {
    fn new(app: &'a App, admin: &'a Client) -> Self {
        let clients: Vec<_> = (0..FREE).map(|_| app.user()).collect();
        let mut nodes: Vec<_> = clients.iter().map(|client| client.id).collect();
        let chains = CHAINS.map(|edges| users(app, edges + 1));
        let ends = chains.iter().flat_map(|chain| [chain[0], chain[chain.len() - 1]]);
        nodes.extend(ends);
        nodes.extend(chains.iter().flat_map(|chain| &chain[1..chain.len() - 1]));
        let mut model = Model::new(nodes);
        for (number, (name, rules)) in KINDS.iter().zip(Rules::at_first()).enumerate() {
            admin.patch(&format!("{}/{name}", graph::TYPES), &kind(name, &rules.attributes())).expect(200);
            model.rules[number] = rules;
        }
        for chain in &chains {
            for number in [0, 1] {
                store(app, KINDS[number], &path(chain));
                model.add_path(chain, number);
            }
        }
        let raw = Raw::connect(&app.config.database_url);
        Self { app, admin, clients, model, raw, ids: vec![UNUSED] }
    }

    /// The user who acts, if it exists; the admin otherwise.
    fn caller(&self, by: usize) -> (Option<usize>, &Client) {
        match self.clients.get(by) {
            Some(client) if self.model.is_there[by] => (Some(by), client),
            _ => (None, self.admin),
        }
    }

    fn id(&self, which: usize) -> i64 {
        self.ids[which % self.ids.len()]
    }

    fn ends(&self, (user, target, number): (usize, usize, usize)) -> (i64, i64, &'static str) {
        (self.model.nodes[user], self.model.nodes[target], KINDS.get(number).copied().unwrap_or("rival"))
    }

    fn operation(&self, operation: &Operation) -> Value {
        match operation {
            Operation::Add(edge) => {
                let (user, target, kind) = self.ends(*edge);
                graph::add(user, kind, target)
            }
            Operation::Update { which, kind } => graph::update(self.id(*which), KINDS[*kind]),
            Operation::Remove { which } => graph::remove(self.id(*which)),
        }
    }

    fn predict(&self, model: &mut Model, by: Option<usize>, operation: &Operation) -> Verdict {
        match operation {
            Operation::Add(edge) => model.create(by, *edge),
            Operation::Update { which, kind } => model.retype(by, self.id(*which), *kind),
            Operation::Remove { which } => model.delete(by, self.id(*which)),
        }
    }

    fn apply(&mut self, change: &Change) -> TestCaseResult {
        let mut after = self.model.clone();
        match change {
            Change::Create { by, edge: new } => {
                let ((caller, client), (user, target, kind)) = (self.caller(*by), self.ends(*new));
                let verdict = after.create(caller, *new);
                compare(&client.post(EDGES, &edge(Some(user), kind, target)), &verdict, 201)?;
            }
            Change::Retype { by, which, kind } => {
                let (caller, client) = self.caller(*by);
                let verdict = after.retype(caller, self.id(*which), *kind);
                compare(&retype(client, self.id(*which), KINDS[*kind]), &verdict, 200)?;
            }
            Change::Delete { by, which } => {
                let (caller, client) = self.caller(*by);
                let verdict = after.delete(caller, self.id(*which));
                compare(&client.delete(&format!("{EDGES}/{}", self.id(*which))), &verdict, 204)?;
            }
            Change::DeleteUser { user } => {
                let verdict = after.delete_user(*user);
                compare(&self.admin.delete(&format!("/api/v2/users/{}", self.model.nodes[*user])), &verdict, 204)?;
            }
            Change::Operations { by, all } => {
                let (caller, client) = self.caller(*by);
                let verdicts = all.iter().map(|operation| self.predict(&mut after, caller, operation));
                let (at, verdict) = verdicts.enumerate().find(|(_, verdict)| verdict.is_err()).unwrap_or((0, Ok(())));
                let sent: Vec<_> = all.iter().map(|operation| self.operation(operation)).collect();
                let answer = operate(client, &sent);
                compare(&answer, &verdict, 200)?;
                if verdict.is_err() {
                    let pointer = answer.source("pointer").unwrap_or_default();
                    prop_assert!(pointer.starts_with(&format!("/atomic:operations/{at}")), "{}", answer.text);
                    after = self.model.clone();
                }
            }
            Change::Import { edges } => {
                let (verdicts, unchanged) = after.import(edges);
                let lines: Vec<_> = edges.iter().map(|edge| self.ends(*edge)).collect();
                let outcome = import_all(self.app, &lines);
                let mut rejected: Vec<_> = outcome.rejected.iter().map(|(number, _)| *number).collect();
                rejected.sort_unstable();
                // A line may have several faults.
                rejected.dedup();
                let expected: Vec<_> =
                    verdicts.iter().zip(1..).filter(|(one, _)| one.is_err()).map(|(_, at)| at).collect();
                prop_assert_eq!(rejected, expected, "{:?} {:?}", verdicts, outcome.rejected);
                prop_assert_eq!(outcome.relationships.unchanged, unchanged, "{:?}", verdicts);
            }
            Change::SetRule { kind, rule } => self.set_rule(&mut after, *kind, *rule)?,
        }
        self.model = after;
        self.adopt()
    }

    fn set_rule(&self, after: &mut Model, number: usize, rule: usize) -> TestCaseResult {
        let rules = self.model.rules[number].with(rule);
        let answer =
            self.admin.patch(&format!("{}/{}", graph::TYPES, KINDS[number]), &kind(KINDS[number], &rules.attributes()));
        let violations = self.model.violations(number, &rules);
        if rules.exclude_each_other() {
            return compare(&answer, &Err((422, &["invalid-attribute"])), 200);
        }
        if violations.is_empty() {
            after.rules[number] = rules;
            return compare(&answer, &Ok(()), 200);
        }
        compare(&answer, &Err((409, &["rules-violated"])), 200)?;
        let errors = answer.body["errors"].as_array().expect("errors").iter();
        let of = |error: &Value| {
            let pointer = error["source"]["pointer"].as_str().unwrap_or_default().to_owned();
            (pointer, error["meta"]["count"].as_u64().unwrap_or_default())
        };
        let found: BTreeMap<_, _> = errors.map(of).collect();
        prop_assert_eq!(found, violations, "{}", answer.text);
        Ok(())
    }

    /// Compares the stored edges with those of the model, and reads the ids of new ones.
    fn adopt(&mut self) -> TestCaseResult {
        let mut stored = BTreeMap::new();
        let place = |id| self.model.nodes.iter().position(|node| *node == id);
        for (number, name) in KINDS.iter().enumerate() {
            for (id, (user, target)) in graph::stored_where(&mut self.raw, name, "") {
                let edge = place(user).zip(place(target)).map(|(user, target)| (user, target, number));
                prop_assert!(edge.is_some_and(|edge| stored.insert(edge, id).is_none()), "{} {}", user, target);
            }
        }
        let keys = |edges: &BTreeMap<_, i64>| edges.keys().copied().collect::<Vec<_>>();
        prop_assert_eq!(keys(&stored), keys(&self.model.edges));
        for (edge, known) in &mut self.model.edges {
            let id = stored[edge];
            if *known == 0 {
                *known = id;
                self.ids.push(id);
            }
            prop_assert_eq!(*known, id, "{:?} has another id", edge);
        }
        Ok(())
    }

    fn end(self) {
        let left = self.model.nodes.iter().zip(&self.model.is_there).filter(|(_, is_there)| **is_there);
        let left: Vec<_> = left.map(|(id, _)| UserId::new(*id)).collect();
        self.app.write(move |tx: &mut Tx<'_>| {
            left.iter().try_for_each(|id| domain::users::delete(tx, &Caller::OPERATOR, *id, &Precondition::None))
        });
    }
}

fn play(app: &App, admin: &Client, changes: &[Change]) -> TestCaseResult {
    let mut play = Play::new(app, admin);
    play.adopt()?;
    play.ids = vec![UNUSED];
    let result = changes.iter().try_for_each(|change| play.apply(change));
    let findings = findings(app);
    play.end();
    result?;
    prop_assert_eq!(findings, None);
    Ok(())
}

both!(random_writes_under_rules_agree_with_the_model, |config| { wide(config) }, |app| {
    let admin = app.admin();
    for name in KINDS {
        graph::register(&admin, name, &json!({}));
    }
    let cases = u32::try_from(repetitions("RULE_CASES", CASES)).expect("few");
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 40, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let played = runner.run(&vec(changes(), STEPS), |changes| play(app, &admin, &changes));
    played.unwrap_or_else(|error| panic!("{error}"));
});
