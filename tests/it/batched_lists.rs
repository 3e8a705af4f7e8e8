//! Concurrent lists on PostgreSQL share a statement, and have the same results as without.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::task::{JoinHandle, yield_now};
use user_relationships::clock::Clock;
use user_relationships::domain::relationships::load_endpoints;
use user_relationships::domain::roles::{self, RolePath};
use user_relationships::model::caller::Caller;
use user_relationships::model::error::Result;
use user_relationships::model::filter::RelationshipFilter;
use user_relationships::model::id::UserId;
use user_relationships::model::page::{Direction, Page, PageRequest, Sort, SortBy};
use user_relationships::model::read_budget::ReadBudget;
use user_relationships::model::relationship::End;
use user_relationships::model::relationship_query::{IncludedEnds, RelationshipPage, RelationshipQuery};
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::role::RoleQuery;
use user_relationships::store::{Cost, Store, Tx};

use crate::support::app::{App, Engine, config, run, wait};
use crate::support::citus::skips_on_spread_rows;
use crate::support::graph::set_rules;
use crate::support::hold::hold;
use crate::support::{edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";

/// A store beside an app with one connection, so that lists can be delayed.
fn store_beside(app: &App) -> Store {
    let mut config = config(app.config.database_url.clone());
    config.database_pool_size = 1;
    Store::open(&config.store_settings(), Clock::System).expect("the database opens")
}

/// Starts a list that may join a batch. It has been polled once on return, which puts it into the queue.
async fn ask(
    store: &Store,
    filter: RelationshipFilter,
    slice: PageRequest,
    included: IncludedEnds,
) -> JoinHandle<Result<Option<RelationshipPage>>> {
    let store = store.clone();
    let query = RelationshipQuery { filter, page: slice, included, has_authors: false };
    // `None` if it is left out of the batch.
    let waiting =
        tokio::spawn(async move { store.list_relationships("test.lists", query, None, |_, _| Ok(None)).await });
    yield_now().await;
    waiting
}

/// The same list outside of a batch.
async fn alone(
    store: &Store,
    filter: RelationshipFilter,
    slice: PageRequest,
    included: IncludedEnds,
) -> RelationshipPage {
    let read = store.read("test.list", Cost::BoundedSnapshot, move |tx| {
        let page = tx.relationships(&filter, &slice)?;
        let shown = &page.items[..page.items.len().min(included.rows)];
        let included = load_endpoints(tx, shown, &included.ends, included.budget)?;
        Ok(RelationshipPage { page, included })
    });
    read.await.expect("a page")
}

fn ends(ends: &[End], rows: usize) -> IncludedEnds {
    IncludedEnds { ends: ends.to_vec(), rows, ..IncludedEnds::default() }
}

fn of_user(id: i64) -> RelationshipFilter {
    RelationshipFilter { users: vec![UserId::new(id)], ..RelationshipFilter::default() }
}

fn of_target(id: i64) -> RelationshipFilter {
    RelationshipFilter { targets: vec![UserId::new(id)], ..RelationshipFilter::default() }
}

fn of_type(filter: RelationshipFilter, name: &str) -> RelationshipFilter {
    RelationshipFilter { relationships: vec![TypeName::parse(name).expect("a name")], ..filter }
}

fn window(offset: i64, limit: i64) -> PageRequest {
    PageRequest::window(Sort::default(), offset, limit)
}

#[test]
fn batched_lists_equal_the_same_lists_run_alone() {
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let users: Vec<i64> = (0..8).map(|_| app.user().id).collect();
            let admin = app.admin();
            for (place, user) in users.iter().enumerate() {
                for target in &users[..place] {
                    for kind in ["mentor", "colleague"] {
                        admin.post(EDGES, &edge(Some(*user), kind, *target)).expect(201);
                    }
                }
            }
            let store = store_beside(app);
            let mut asked = Vec::new();
            for id in users.iter().copied().chain([999_999]) {
                for filter in
                    [of_user(id), of_target(id), of_type(of_user(id), "mentor"), of_type(of_target(id), "colleague")]
                {
                    for slice in [window(0, 20), window(1, 2), window(0, 0), window(500, 50)] {
                        for included in [ends(&[], 0), ends(&[End::Target], 20), ends(&[End::User, End::Target], 1)] {
                            asked.push((filter.clone(), slice.clone(), included));
                        }
                    }
                }
            }
            wait(async {
                // Loads the types into the cache.
                alone(&store, of_user(users[1]), window(0, 1), IncludedEnds::default()).await;
                let (held, resume) = hold(&store).await;
                let mut waiting = Vec::new();
                for (filter, slice, included) in &asked {
                    waiting.push(ask(&store, filter.clone(), slice.clone(), included.clone()).await);
                }
                resume.send(()).expect("the job waits");
                held.await.expect("no panic").expect("it did nothing");
                let mut answered = 0;
                for ((filter, slice, included), waiting) in asked.into_iter().zip(waiting) {
                    let together = waiting.await.expect("no panic").expect("an answer");
                    let what = format!("{filter:?} {slice:?} {included:?}");
                    let has_type = !filter.relationships.is_empty();
                    let alone = alone(&store, filter, slice, included).await;
                    match together {
                        Some(page) => assert_eq!(page, alone, "{what}"),
                        // Only an ordinary job returns an empty page for an unknown type.
                        None => assert!(has_type && alone.page.total == 0, "{what}"),
                    }
                    answered += alone.page.items.len();
                }
                assert!(answered > 200, "{answered}");
            });
        },
    );
}

#[test]
fn lists_of_other_shapes_are_not_batched() {
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let id = app.user().id;
            let store = store_beside(app);
            let both_ends = RelationshipFilter { targets: vec![UserId::new(1)], ..of_user(id) };
            let two_users = RelationshipFilter { users: vec![UserId::new(1), UserId::new(id)], ..of_user(id) };
            let two_types = RelationshipFilter {
                relationships: ["mentor", "colleague"].map(|name| TypeName::parse(name).expect("a name")).to_vec(),
                ..of_user(id)
            };
            let of_an_outsider = RelationshipFilter { seen_by: Some(UserId::new(id)), ..of_user(id) };
            let by_time = Sort { by: SortBy::CreatedAt, direction: Direction::Ascending };
            let backwards = Sort { by: SortBy::Id, direction: Direction::Descending };
            let cases = [
                (RelationshipFilter::default(), window(0, 20)),
                (both_ends, window(0, 20)),
                (two_users, window(0, 20)),
                (two_types, window(0, 20)),
                (of_an_outsider, window(0, 20)),
                (of_type(of_user(id), "no-such-type"), window(0, 20)),
                (of_user(id), PageRequest::window(by_time, 0, 20)),
                (of_user(id), PageRequest::window(backwards, 0, 20)),
                (of_user(id), window(5_000, 20)),
                (of_user(id), PageRequest { is_from_end: true, ..window(0, 20) }),
            ];
            wait(async {
                for (filter, slice) in cases {
                    let what = format!("{filter:?} {slice:?}");
                    let answer = ask(&store, filter, slice, IncludedEnds::default()).await.await.expect("no panic");
                    assert_eq!(answer.expect("an answer"), None, "{what}");
                }
                let answer = ask(&store, of_user(id), window(0, 20), IncludedEnds::default()).await;
                let empty = RelationshipPage { page: Page::empty(), included: Vec::new() };
                assert_eq!(answer.await.expect("no panic").expect("an answer"), Some(empty));
            });
        },
    );
}

#[test]
fn a_list_that_includes_a_large_profile_is_not_batched() {
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let (ann, bob) = (app.user(), app.user());
            ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
            let of_size = |bytes: usize| {
                let change = json!({"data": {"type": "users", "id": bob.id.to_string(),
                    "attributes": {"unit": vec!["x".repeat(1_000); bytes / 1_000]}}});
                app.admin().patch(&format!("/api/v2/users/{}", bob.id), &change).expect(200);
            };
            let store = store_beside(app);
            let list = async || {
                let asked = ask(&store, of_user(ann.id), window(0, 20), ends(&[End::Target], 20)).await;
                asked.await.expect("no panic").expect("an answer").map(|list| list.included.len())
            };
            of_size(5_000);
            assert_eq!(wait(list()), None);
            let answer = ann.get(&format!("{EDGES}?user={}&include=target", ann.id)).expect(200);
            assert_eq!(answer.body["included"].as_array().map(Vec::len), Some(1));
            of_size(3_000);
            assert_eq!(wait(list()), Some(1));
        },
    );
}

#[test]
fn a_list_shows_every_change_acknowledged_before_it() {
    run(
        Engine::Postgres,
        |config| config.workers = 2,
        |app| {
            let (admin, stop) = (app.admin(), AtomicBool::new(false));
            let hub = app.user().id;
            thread::scope(|scope| {
                let workers: Vec<_> = (0..6)
                    .map(|_| {
                        let (me, stop) = (app.user(), &stop);
                        scope.spawn(move || {
                            let mine = format!("{EDGES}?user={}", me.id);
                            let of_the_type = format!("{mine}&relationship=mentor");
                            let mut rounds = 0;
                            while !stop.load(Ordering::Relaxed) {
                                let id = me.post(EDGES, &edge(None, "mentor", hub)).expect(201).id();
                                for list in [&mine, &of_the_type] {
                                    let listed = me.get(list).expect(200);
                                    assert_eq!(listed.ids(), [id]);
                                    assert_eq!(listed.body["meta"]["total-count"], 1, "{}", listed.body);
                                }
                                me.delete(&format!("{EDGES}/{id}")).expect(204);
                                for list in [&mine, &of_the_type] {
                                    let listed = me.get(list).expect(200);
                                    assert!(listed.ids().is_empty(), "{}", listed.body);
                                    assert_eq!(listed.body["meta"]["total-count"], 0, "{}", listed.body);
                                }
                                rounds += 1;
                            }
                            rounds
                        })
                    })
                    .collect();
                thread::sleep(std::time::Duration::from_secs(2));
                stop.store(true, Ordering::Relaxed);
                let rounds: u32 = workers.into_iter().map(|worker| worker.join().expect("no panic")).sum();
                assert!(rounds > 20, "{rounds}");
            });
            assert!(admin.get(&format!("{EDGES}?target={hub}")).expect(200).ids().is_empty());
            app.assert_no_drift();
        },
    );
}

#[test]
fn batched_lists_show_the_type_another_instance_replaced() {
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let kind = json!({"data": {"type": "relationship-types", "id": "buddy", "attributes": {}}});
            let other = app.beside();
            let (admin, ann, bob) = (app.admin(), app.user(), app.user());
            let (there, ann_there) = (other.client_like(&admin), other.client_like(&ann));
            let list = format!("{EDGES}?user={}&relationship=buddy", ann.id);
            admin.post("/api/v2/relationship-types", &kind).expect(201);
            let id = ann.post(EDGES, &edge(None, "buddy", bob.id)).expect(201).id();
            assert_eq!(ann.get(&list).expect(200).ids(), [id]);
            there.delete(&format!("{EDGES}/{id}")).expect(204);
            there.delete("/api/v2/relationship-types/buddy").expect(204);
            there.post("/api/v2/relationship-types", &kind).expect(201);
            let id = ann_there.post(EDGES, &edge(None, "buddy", bob.id)).expect(201).id();
            assert_eq!(ann.get(&list).expect(200).ids(), [id]);
            assert_eq!(ann.get(&format!("{EDGES}?user={}", ann.id)).expect(200).ids(), [id]);
        },
    );
}

#[test]
fn gathered_roles_equal_the_same_roles_run_alone() {
    if skips_on_spread_rows("jobs read the users with a role") {
        return;
    }
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let (admin, users) = (app.admin(), (0..6).map(|_| app.user().id).collect::<Vec<_>>());
            set_rules(
                &admin,
                "subordinate",
                &json!({"is-acyclic": true, "max-per-user": 1, "user-role": "team",
                "target-role": "supervisor"}),
            )
            .expect(200);
            set_rules(
                &admin,
                "colleague",
                &json!({"is-symmetric": true, "user-role": "colleagues",
                "target-role": "colleagues"}),
            )
            .expect(200);
            for (place, user) in users.iter().enumerate().skip(1) {
                admin.post(EDGES, &edge(Some(*user), "subordinate", users[place / 3])).expect(201);
                admin.post(EDGES, &edge(Some(*user), "colleague", users[place - 1])).expect(201);
                for target in &users[..place] {
                    admin.post(EDGES, &edge(Some(*user), "mentor", *target)).expect(201);
                }
            }
            let (store, caller) = (store_beside(app), Caller::OPERATOR);
            let roles = ["mentors", "mentees", "supervisor", "team", "colleagues", "no-such-role"];
            let slices = [window(0, 20), window(1, 2), window(0, 0), window(500, 50)];
            let (roles, slices) = (&roles, &slices);
            let of_user =
                |id: i64| roles.iter().flat_map(move |role| slices.iter().map(move |slice| (id, *role, slice)));
            wait(async {
                let (mut gathered, mut left_out) = (0, 0);
                for (id, role, slice) in users.iter().copied().chain([999_999]).flat_map(of_user) {
                    let what = format!("{id} {role} {slice:?}");
                    let path = RolePath { user: UserId::new(id), role: role.to_owned() };
                    let (budget, page) = (ReadBudget::for_answer(true), slice.clone());
                    let query =
                        RoleQuery { role: TypeName::parse(role).expect("a name"), user: path.user, page, budget };
                    let page = slice.clone();
                    let job = move |tx: &mut Tx<'_>| roles::list(tx, &caller, &path, &page, budget);
                    let alone = store.read("test.role", Cost::BoundedSnapshot, job).await;
                    let together = store.list_role_users("test.roles", query, None).await.expect("an answer");
                    if together.is_some() {
                        assert_eq!(alone.ok(), together, "{what}");
                        gathered += 1;
                    } else {
                        assert!(role == "colleagues" || alone.is_err(), "{what}");
                        left_out += 1;
                    }
                }
                assert!(gathered == 96 && left_out == 72, "{gathered} {left_out}");
            });
        },
    );
}

#[test]
fn gathered_roles_are_those_of_the_type_that_another_instance_changed() {
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let other = app.beside();
            let (admin, ann, bob) = (app.admin(), app.user(), app.user());
            let there = other.client_like(&admin);
            admin.post(EDGES, &edge(Some(ann.id), "mentor", bob.id)).expect(201);
            let (pupils, teachers) = (format!("{USERS}/{}/pupils", bob.id), format!("{USERS}/{}/mentors", ann.id));
            let mentees = format!("{USERS}/{}/mentees", bob.id);
            // The first of each reads the types, the second joins a batch.
            for _ in 0..2 {
                assert_eq!(bob.get(&mentees).expect(200).ids(), [ann.id]);
                assert_eq!(ann.get(&teachers).expect(200).ids(), [bob.id]);
            }
            set_rules(&there, "mentor", &json!({"user-role": "pupils", "max-per-user": 1})).expect(200);
            bob.get(&mentees).refused(404, "not-found");
            assert_eq!(bob.get(&pupils).expect(200).ids(), [ann.id]);
            // Now at most one user has the role.
            assert_eq!(ann.get(&teachers).expect(200).id(), bob.id);
            set_rules(&there, "mentor", &json!({"max-per-user": null})).expect(200);
            assert_eq!(ann.get(&teachers).expect(200).ids(), [bob.id]);
            set_rules(&there, "mentor", &json!({"is-symmetric": true, "user-role": "peers", "target-role": "peers"}))
                .expect(200);
            ann.get(&teachers).refused(404, "not-found");
            for (user, peer) in [(&ann, &bob), (&bob, &ann)] {
                assert_eq!(user.get(&format!("{USERS}/{}/peers", user.id)).expect(200).ids(), [peer.id]);
            }
        },
    );
}
