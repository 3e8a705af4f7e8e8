//! Concurrent changes and deletes of relationships on PostgreSQL share a statement and a commit, and have the same results
//! as without.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, yield_now};
use user_relationships::clock::Clock;
use user_relationships::model::authors::AuthoredRelationship;
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::error::{Error, Result};
use user_relationships::model::id::{RelationshipId, UserId};
use user_relationships::model::relationship_type::TypeName;
use user_relationships::store::{GatheredChange, GatheredDelete, GatheredWriter, Store, Tx};

use crate::both;
use crate::support::app::{App, Engine, config, run, wait};
use crate::support::changes::{CHANGES, after, follow, now};
use crate::support::citus::skips_on_citus;
use crate::support::hold::hold;
use crate::support::random::Random;
use crate::support::{Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";

/// A store with a single connection, so that writes can be delayed.
fn store_beside(app: &App) -> Store {
    let mut config = config(app.config.database_url.clone());
    config.database_pool_size = 1;
    config.database_timeout = Duration::from_mins(1);
    Store::open(&config.store_settings(), Clock::System).expect("the database opens")
}

/// A writer who is not an admin, or is one.
fn writer(caller: &Client, is_admin: bool) -> GatheredWriter {
    let id = UserId::new(caller.id);
    let origin = ChangeOrigin { actor: Some(id), request_id: Some("together".to_owned()) };
    GatheredWriter { owner: (!is_admin).then_some(id), origin }
}

/// Creates a relationship of the caller, and returns its id.
fn create(owner: &Client, kind: &str, target: i64) -> i64 {
    owner.post(EDGES, &edge(None, kind, target)).expect(201).id()
}

/// Starts a delete, which has been polled once on return. It is refused if the batch leaves it out.
async fn delete(store: &Store, id: i64, writer: GatheredWriter) -> JoinHandle<Result<()>> {
    let store = store.clone();
    let delete = GatheredDelete { id: RelationshipId::new(id), writer };
    let left_out = |_: &mut Tx<'_>| Err(Error::not_found("left out"));
    let waiting = tokio::spawn(async move { store.delete_relationship("test.delete", delete, left_out).await });
    yield_now().await;
    waiting
}

/// The same for a change.
async fn change(
    store: &Store,
    (id, version): (i64, i64),
    kind: &str,
    writer: GatheredWriter,
) -> JoinHandle<Result<AuthoredRelationship>> {
    let store = store.clone();
    let relationship = TypeName::parse(kind).expect("a name");
    let change = GatheredChange { id: RelationshipId::new(id), version, relationship, writer };
    let left_out = |_: &mut Tx<'_>| Err(Error::not_found("left out"));
    let waiting = tokio::spawn(async move { store.change_relationship("test.change", change, left_out).await });
    yield_now().await;
    waiting
}

async fn is_done<T>(waiting: JoinHandle<Result<T>>) -> bool {
    waiting.await.expect("no panic").is_ok()
}

#[test]
fn a_batch_of_deletes_leaves_out_those_that_only_a_job_can_judge() {
    if skips_on_citus("deletes do not share a commit") {
        return;
    }
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let (admin, ann, bob, cid) = (app.admin(), app.user(), app.user(), app.user());
            let own = create(&ann, "mentor", bob.id);
            let foreign = create(&bob, "mentor", ann.id);
            let by_admin = create(&bob, "colleague", cid.id);
            let rules = json!({"data": {"type": "relationship-types", "id": "boss",
                "attributes": {"is-acyclic": true, "max-per-user": 1}}});
            admin.post("/api/v2/relationship-types", &rules).expect(201);
            let in_tree = create(&ann, "boss", cid.id);
            let start = now(&admin);
            let store = store_beside(app);
            wait(async {
                let (held, resume) = hold(&store).await;
                let of_ann = || writer(&ann, false);
                let waiting = [
                    delete(&store, own, of_ann()).await,
                    delete(&store, own, of_ann()).await,
                    delete(&store, foreign, of_ann()).await,
                    delete(&store, by_admin, writer(&admin, true)).await,
                    delete(&store, in_tree, of_ann()).await,
                    delete(&store, 999_999, of_ann()).await,
                ];
                resume.send(()).expect("the job waits");
                held.await.expect("no panic").expect("it did nothing");
                let mut done = Vec::new();
                for waiting in waiting {
                    done.push(is_done(waiting).await);
                }
                assert_eq!(done, [true, false, false, true, false, false]);
            });
            let left: Vec<_> = admin.get(EDGES).expect(200).ids();
            assert!(!left.contains(&own) && !left.contains(&by_admin) && left.contains(&foreign), "{left:?}");
            app.assert_no_drift();
            let logged = after(&admin, &start, "").expect(200);
            let deleted = logged.body["data"].as_array().expect("a list").iter().filter(|change| {
                let attributes = &change["attributes"];
                attributes["action"] == "deleted" && attributes["request-id"] == "together"
            });
            let deleted: Vec<_> = deleted.map(|change| change["attributes"]["subject-id"].clone()).collect();
            assert!(deleted.contains(&json!(own.to_string())) && deleted.contains(&json!(by_admin.to_string())));
            ann.get(&format!("{EDGES}/{own}")).expect(404);
        },
    );
}

#[test]
fn a_batch_of_changes_leaves_out_those_that_only_a_job_can_judge() {
    if skips_on_citus("changes do not share a commit") {
        return;
    }
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let (admin, ann, bob, cid) = (app.admin(), app.user(), app.user(), app.user());
            let rules =
                json!({"data": {"type": "relationship-types", "id": "boss", "attributes": {"is-acyclic": true}}});
            admin.post("/api/v2/relationship-types", &rules).expect(201);
            // Their steps in the counts of Ann cancel each other out.
            let to_colleague = create(&ann, "mentor", bob.id);
            let to_mentor = create(&ann, "colleague", cid.id);
            let changed = create(&bob, "mentor", cid.id);
            let taken = create(&bob, "mentor", ann.id);
            create(&bob, "colleague", ann.id);
            let foreign = create(&cid, "mentor", ann.id);
            let by_admin = create(&cid, "mentor", bob.id);
            let ruled = create(&cid, "boss", ann.id);
            let start = now(&admin);
            let store = store_beside(app);
            let answers = wait(async {
                let (held, resume) = hold(&store).await;
                let waiting = [
                    change(&store, (to_colleague, 1), "colleague", writer(&ann, false)).await,
                    change(&store, (to_mentor, 1), "mentor", writer(&ann, false)).await,
                    change(&store, (changed, 2), "colleague", writer(&bob, false)).await,
                    change(&store, (taken, 1), "colleague", writer(&bob, false)).await,
                    change(&store, (foreign, 1), "colleague", writer(&ann, false)).await,
                    change(&store, (by_admin, 1), "colleague", writer(&admin, true)).await,
                    change(&store, (by_admin, 1), "mentor", writer(&admin, true)).await,
                    change(&store, (ruled, 1), "mentor", writer(&cid, false)).await,
                    change(&store, (foreign, 1), "boss", writer(&cid, false)).await,
                    change(&store, (foreign, 1), "no-such-type", writer(&cid, false)).await,
                ];
                resume.send(()).expect("the job waits");
                held.await.expect("no panic").expect("it did nothing");
                let mut answers = Vec::new();
                for waiting in waiting {
                    answers.push(waiting.await.expect("no panic"));
                }
                answers
            });
            let done: Vec<_> = answers.iter().map(Result::is_ok).collect();
            assert_eq!(done, [true, true, false, false, false, true, false, false, false, false]);
            let by = answers[5].as_ref().expect("it is changed");
            assert_eq!((by.relationship.version, by.relationship.data.relationship.as_str()), (2, "colleague"));
            let authors = by.authors.expect("authors");
            assert_eq!(authors.created_by.map(UserId::get), Some(cid.id));
            assert_eq!(authors.updated_by.map(UserId::get), Some(admin.id));
            let shown = admin.get(&format!("{EDGES}/{by_admin}")).expect(200);
            assert_eq!(shown.body["data"]["attributes"]["relationship"], "colleague");
            app.assert_no_drift();
            let logged = after(&admin, &start, "").expect(200);
            let changes: Vec<_> = logged.body["data"].as_array().expect("a list").iter().collect();
            assert_eq!(changes.len(), 3, "{changes:?}");
            for change in changes {
                let attributes = &change["attributes"];
                let [new, old] = [&attributes["relationship"], &attributes["previous-relationship"]];
                assert!(new != old && attributes["action"] == "updated", "{attributes}");
                assert_eq!(attributes["request-id"], "together");
            }
        },
    );
}

both!(concurrent_writes_of_the_same_relationships_have_one_winner_each, |app| {
    let (admin, users) = (app.admin(), [app.user(), app.user(), app.user()]);
    let (deleted, created) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let start = now(&admin);
    let until = Instant::now() + Duration::from_secs(2);
    thread::scope(|scope| {
        for number in 0..6 {
            let (users, admin, deleted, created) = (&users, &admin, &deleted, &created);
            scope.spawn(move || {
                let mut random = Random::new(number);
                while Instant::now() < until {
                    let (user, target) = (random.below(3), random.below(3));
                    let kind = ["mentor", "colleague", "subordinate"][random.below(3)];
                    let owner = &users[user];
                    if user != target && owner.post(EDGES, &edge(None, kind, users[target].id)).status == 201 {
                        created.fetch_add(1, Ordering::Relaxed);
                    }
                    let mine = admin.get(&format!("{EDGES}?user={}", owner.id)).expect(200).ids();
                    let Some(id) = mine.get(random.below(mine.len().max(1))) else { continue };
                    let path = format!("{EDGES}/{id}");
                    if random.below(2) == 0 {
                        let status = owner.delete(&path).status;
                        assert!([204, 404].contains(&status), "{status}");
                        deleted.fetch_add(usize::from(status == 204), Ordering::Relaxed);
                    } else {
                        let id = id.to_string();
                        let document = json!({"data": {"type": "user-relationships", "id": id,
                            "attributes": {"relationship": kind}}});
                        let status = owner.patch(&path, &document).status;
                        assert!([200, 404, 409].contains(&status), "{status}");
                    }
                }
            });
        }
    });
    app.assert_no_drift();
    let (deleted, created) = (deleted.into_inner(), created.into_inner());
    let total = admin.get(EDGES).expect(200).total();
    assert!(deleted > 20, "{deleted}");
    assert_eq!(i64::try_from(created - deleted).expect("a number"), total);
    let (logged, _) = follow(&admin, &format!("{CHANGES}?page[after]={start}"));
    assert_eq!(logged.iter().filter(|change| change["attributes"]["action"] == "deleted").count(), deleted);
});
