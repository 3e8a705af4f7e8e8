//! Creates of types with rules that share a commit on PostgreSQL are judged in their order.

use std::time::Duration;

use tokio::task::yield_now;
use user_relationships::clock::Clock;
use user_relationships::domain::relationships::create_together;
use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::error::Result;
use user_relationships::model::id::UserId;
use user_relationships::model::relationship::{EdgeData, NewEdge, Relationship};
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::user::{AccessLevel, Field, Value as Held};
use user_relationships::store::{GatheredCreate, Store, Tx};

use crate::support::app::{Engine, Home, config, wait};
use crate::support::citus::{has_spread_rows, shards, skips_on_tenants};
use crate::support::hold::hold;
use crate::support::process::run;
use crate::support::sql::Raw;

const KIND: &str = "subordinate";

/// A store with one connection on a database of 80 users, whose type `subordinate` has these rules.
struct Fixture {
    store: Store,
    users: Vec<UserId>,
    home: Home,
}

impl Fixture {
    fn new(rules: &str) -> Option<Self> {
        if skips_on_tenants("creates do not share a commit") {
            return None;
        }
        let home = Home::new(Engine::Postgres)?;
        Raw::connect(&home.url()).run(&format!("UPDATE relationship_types SET {rules} WHERE name = '{KIND}'"));
        let mut config = config(home.url());
        config.database_pool_size = 1;
        // A busy machine takes its time to fill the queue; no request may time out meanwhile.
        config.database_timeout = Duration::from_mins(1);
        let store = Store::open(&config.store_settings(), Clock::System).expect("the database opens");
        let add = |tx: &mut Tx<'_>| {
            let email = |number| [(Field::Email, Held::Text(format!("user{number}@example.com")))];
            (0..80).map(|number| Ok(users::create(tx, &Caller::OPERATOR, None, &email(number))?.id)).collect()
        };
        let users: Vec<UserId> = wait(store.write("test.users", ChangeOrigin::WITHOUT_CALLER, add)).expect("users");
        let fixture = Self { store, users, home };
        // The store learns the rules from the first create, and gathers the next ones by them. Spread rows need none.
        let stored = wait(fixture.queue((78, 79))).expect("an answer");
        assert_eq!(stored.is_some(), has_spread_rows());
        assert!(stored.is_some() || fixture.create(&[(78, 79)]) == [true]);
        Some(fixture)
    }

    /// Creates an edge; `None` if it is left out, and would run as a job that finds the reason.
    fn queue(&self, (user, target): (usize, usize)) -> impl Future<Output = Result<Option<Relationship>>> + 'static {
        let data = EdgeData::new(TypeName::parse(KIND).expect("a name"));
        let edge = NewEdge { user: self.users[user], target: self.users[target], data };
        let create =
            GatheredCreate { caller: Caller { id: edge.user, level: AccessLevel::User }, edge, request_id: None };
        let store = self.store.clone();
        async move { store.create_relationship("test.gather", create, create_together, |_| Ok(None)).await }
    }

    /// Creates edges that wait together, and returns whether each was stored with others.
    fn create(&self, edges: &[(usize, usize)]) -> Vec<bool> {
        wait(async {
            let (held, resume) = hold(&self.store).await;
            let mut waiting = Vec::new();
            for edge in edges {
                waiting.push(tokio::spawn(self.queue(*edge)));
                // The first poll puts it into the queue.
                yield_now().await;
            }
            resume.send(()).expect("the job waits");
            held.await.expect("no panic").expect("it did nothing");
            let mut are_stored = Vec::new();
            for create in waiting {
                are_stored.push(create.await.expect("no panic").expect("an answer").is_some());
            }
            are_stored
        })
    }

    /// Creates edges together, and compares which of them are stored, all in one commit.
    #[track_caller]
    fn assert_created(&self, edges: &[((usize, usize), bool)]) {
        let expected: Vec<_> = edges.iter().map(|(_, is_stored)| *is_stored).collect();
        assert_eq!(self.create(&edges.iter().map(|(edge, _)| *edge).collect::<Vec<_>>()), expected, "{edges:?}");
        let mut raw = Raw::connect(&self.home.url());
        let in_commits = "SELECT COUNT(DISTINCT xmin::text) AS number FROM user_relationships WHERE id > 1";
        assert!((1..=shards(&mut raw)).contains(&raw.number(in_commits)));
        run(&self.home.text(), &["check"]).expect(0);
    }
}

#[test]
fn a_batch_closes_no_cycle_and_exceeds_no_limit_of_a_tree() {
    let Some(fixture) = Fixture::new("is_acyclic = TRUE, max_per_user = 1") else { return };
    fixture.assert_created(&[
        ((0, 1), true),
        ((1, 0), false),
        ((0, 2), false),
        ((2, 0), true),
        ((1, 2), false),
        ((1, 78), true),
        ((79, 2), false),
        ((3, 2), true),
    ]);
}

#[test]
fn a_batch_closes_no_cycle_of_an_acyclic_type() {
    let Some(fixture) = Fixture::new("is_acyclic = TRUE") else { return };
    fixture.assert_created(&[
        ((0, 1), true),
        ((1, 0), false),
        ((0, 2), true),
        ((2, 3), true),
        ((3, 0), false),
        ((1, 3), true),
        ((3, 78), true),
        ((79, 0), false),
        ((78, 1), false),
    ]);
}

#[test]
fn a_batch_stores_one_direction_of_a_symmetric_edge() {
    let Some(fixture) = Fixture::new("is_symmetric = TRUE, user_role = NULL, target_role = NULL") else { return };
    fixture.assert_created(&[((0, 1), true), ((1, 0), false), ((79, 78), false), ((2, 1), true), ((1, 2), false)]);
}

#[test]
fn a_batch_exceeds_no_limit() {
    let Some(fixture) = Fixture::new("max_per_user = 2") else { return };
    fixture.assert_created(&[
        ((0, 1), true),
        ((1, 0), true),
        ((0, 2), true),
        ((0, 3), false),
        ((78, 0), true),
        ((78, 1), false),
    ]);
}

#[test]
fn a_batch_makes_no_path_of_more_than_64() {
    for rules in ["is_acyclic = TRUE, max_per_user = 1", "is_acyclic = TRUE"] {
        let Some(fixture) = Fixture::new(rules) else { return };
        let chain: Vec<_> = (0..66).map(|user| ((user, user + 1), user != 64)).collect();
        fixture.assert_created(&chain);
    }
}
