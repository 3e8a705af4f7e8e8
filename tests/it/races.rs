//! Concurrent requests keep every promise that single requests keep.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use user_relationships::config::Config;

use crate::both;
use crate::support::graph::concurrently;
use crate::support::process::Service;
use crate::support::sql::Raw;
use crate::support::{App, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const TYPES: &str = "/api/v2/relationship-types";

/// Enough connections for real concurrency.
fn wide(config: &mut Config) {
    config.workers = 4;
    config.database_pool_size = 8;
    config.database_timeout = std::time::Duration::from_secs(20);
    config.request_timeout = std::time::Duration::from_secs(25);
}

/// The number of responses with each status.
fn tally(statuses: impl IntoIterator<Item = u16>) -> BTreeMap<u16, usize> {
    let mut tally = BTreeMap::new();
    for status in statuses {
        *tally.entry(status).or_default() += 1;
    }
    tally
}

#[track_caller]
fn only(statuses: impl IntoIterator<Item = u16>, allowed: &[u16]) -> BTreeMap<u16, usize> {
    let tally = tally(statuses);
    assert!(tally.keys().all(|status| allowed.contains(status)), "{tally:?}");
    tally
}

fn retyped(id: i64, relationship: &str) -> Value {
    json!({"data": {"type": "user-relationships", "id": id.to_string(), "attributes": {"relationship": relationship}}})
}

fn identical_creates(app: &App) -> (BTreeMap<u16, usize>, i64) {
    let (ann, bob) = (app.user(), app.user());
    let body = edge(None, "mentor", bob.id);
    let tally = tally(concurrently(64, |_| ann.post(EDGES, &body).status));
    let rows = format!("SELECT COUNT(*) AS number FROM user_relationships WHERE user_id = {}", ann.id);
    let rows = Raw::connect(&app.config.database_url).number(&rows);
    let listed = ann.get(&format!("{EDGES}?user={}&relationship=mentor", ann.id)).expect(200);
    assert_eq!((listed.ids().len(), listed.total()), (usize::try_from(rows.min(20)).unwrap(), rows));
    (tally, rows)
}

both!(of_64_concurrent_identical_creates_one_succeeds, |config| { wide(config) }, |app| {
    assert_eq!(identical_creates(app), (BTreeMap::from([(201, 1), (409, 63)]), 1));
    app.assert_no_drift();
});

both!(without_the_unique_index_identical_creates_insert_many_rows, |config| { wide(config) }, |app| {
    Raw::connect(&app.config.database_url).run("DROP INDEX user_relationships_identity");
    let (tally, rows) = identical_creates(app);
    assert!(rows > 1, "duplicates are prevented without the index, so the test above proves nothing: {tally:?}");
});

both!(concurrent_creates_and_deletes_leave_at_most_one_edge, |config| { wide(config) }, |app| {
    let (ann, bob) = (app.user(), app.user());
    let body = edge(None, "mentor", bob.id);
    let statuses = concurrently(12, |number| {
        let mut statuses = Vec::new();
        for _ in 0..15 {
            let made = ann.post(EDGES, &body);
            statuses.push(made.status);
            let found = ann.get(&format!("{EDGES}?user={}&target={}", ann.id, bob.id)).expect(200);
            assert!(found.total() <= 1, "{}", found.text);
            assert_eq!(found.ids().len(), usize::try_from(found.total()).unwrap(), "{}", found.text);
            if number % 2 == 0 {
                let ids = found.ids();
                statuses.extend(ids.first().map(|id| ann.delete(&format!("{EDGES}/{id}")).status));
            }
        }
        statuses
    });
    let tally = only(statuses.concat(), &[201, 409, 204, 404]);
    let left = ann.get(&format!("{EDGES}?user={}", ann.id)).expect(200).total();
    let (made, gone) = (tally.get(&201).copied().unwrap_or(0), tally.get(&204).copied().unwrap_or(0));
    assert_eq!(usize::try_from(left).unwrap(), made - gone, "{tally:?}");
    app.assert_no_drift();
});

both!(concurrent_deletes_of_one_edge_succeed_once, |config| { wide(config) }, |app| {
    let (ann, bob) = (app.user(), app.user());
    for _ in 0..5 {
        let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
        let tally = tally(concurrently(16, |_| ann.delete(&format!("{EDGES}/{id}")).status));
        assert_eq!(tally, BTreeMap::from([(204, 1), (404, 15)]));
    }
    app.assert_no_drift();
});

both!(concurrent_updates_of_one_edge_leave_one_of_their_types, |config| { wide(config) }, |app| {
    let (ann, bob) = (app.user(), app.user());
    let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    let kinds = ["mentor", "colleague", "subordinate"];
    let statuses = concurrently(32, |number| {
        let change = |round| ann.patch(&format!("{EDGES}/{id}"), &retyped(id, kinds[(number + round) % 3])).status;
        (0..6).map(change).collect::<Vec<_>>()
    });
    only(statuses.concat(), &[200]);
    let kind = ann.get(&format!("{EDGES}/{id}")).expect(200).body["data"]["attributes"]["relationship"].clone();
    for other in kinds {
        let listed = ann.get(&format!("{EDGES}?user={}&relationship={other}", ann.id)).expect(200);
        assert_eq!(listed.total(), i64::from(kind == other), "{kind} {other}");
    }
    app.assert_no_drift();
});

both!(edges_that_swap_types_concurrently_stay_two, |config| { wide(config) }, |app| {
    let (ann, bob) = (app.user(), app.user());
    let make = |kind| ann.post(EDGES, &edge(None, kind, bob.id)).expect(201).id();
    let ids = [make("mentor"), make("colleague")];
    let statuses = concurrently(16, |number| {
        let id = ids[number % 2];
        let kinds = ["colleague", "mentor", "subordinate"];
        let change = |round| ann.patch(&format!("{EDGES}/{id}"), &retyped(id, kinds[(number / 2 + round) % 3])).status;
        (0..8).map(change).collect::<Vec<_>>()
    });
    only(statuses.concat(), &[200, 409]);
    assert_eq!(ann.get(&format!("{EDGES}?user={}", ann.id)).expect(200).ids(), ids);
    app.assert_no_drift();
});

both!(users_related_to_each_other_can_be_deleted_concurrently, |config| { wide(config) }, |app| {
    let admin = app.admin();
    let users: Vec<Client> = (0..8).map(|_| app.user()).collect();
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let pairs = || ids.iter().flat_map(|one| ids.iter().map(move |other| (*one, *other))).filter(|(a, b)| a != b);
    let edges: Vec<i64> = pairs()
        .map(|(user, target)| admin.post(EDGES, &edge(Some(user), "colleague", target)).expect(201).id())
        .collect();
    let statuses = concurrently(14, |number| match users.get(number) {
        Some(user) => vec![admin.delete(&format!("/api/v2/users/{}", user.id)).status],
        // Forwards and backwards over all edges, while their ends are deleted.
        None => (0..edges.len())
            .map(|step| {
                let id = edges[if number % 2 == 0 { step } else { edges.len() - 1 - step }];
                admin.patch(&format!("{EDGES}/{id}"), &retyped(id, ["mentor", "subordinate"][number % 2])).status
            })
            .collect(),
    });
    let tally = only(statuses.concat(), &[200, 204, 404]);
    assert_eq!(tally.get(&204), Some(&8), "{tally:?}");
    assert_eq!(admin.get(EDGES).expect(200).total(), 0);
    app.assert_no_drift();
});

both!(of_concurrent_users_with_one_address_one_is_created, |config| { wide(config) }, |app| {
    let admin = app.admin();
    for round in 0..3 {
        let tally = tally(concurrently(16, |number| {
            let email =
                if number % 2 == 0 { format!("Ann{round}@example.com") } else { format!("ann{round}@EXAMPLE.com") };
            let answer =
                admin.post("/api/v2/users", &json!({"data": {"type": "users", "attributes": {"email": email}}}));
            if answer.status == 201 { 201 } else { answer.refused(409, "email-taken").status }
        }));
        assert_eq!(tally, BTreeMap::from([(201, 1), (409, 15)]));
    }
    app.assert_no_drift();
});

both!(a_user_deleted_while_it_gains_edges_leaves_none, |config| { wide(config) }, |app| {
    let admin = app.admin();
    let others: Vec<Client> = (0..8).map(|_| app.user()).collect();
    for _ in 0..5 {
        let leaving = app.user();
        let statuses = concurrently(9, |number| match others.get(number) {
            None => vec![admin.delete(&format!("/api/v2/users/{}", leaving.id)).status],
            Some(other) => ["mentor", "colleague", "subordinate"]
                .into_iter()
                .flat_map(|kind| {
                    let there = other.post(EDGES, &edge(None, kind, leaving.id)).status;
                    [there, admin.post(EDGES, &edge(Some(leaving.id), kind, other.id)).status]
                })
                .collect(),
        });
        let tally = only(statuses.concat(), &[201, 404, 204]);
        assert_eq!(tally.get(&204), Some(&1));
        assert_eq!(admin.get(&format!("{EDGES}?target={}", leaving.id)).expect(200).total(), 0);
        assert_eq!(admin.get(&format!("{EDGES}?user={}", leaving.id)).expect(200).total(), 0);
        app.assert_no_drift();
    }
});

both!(a_type_deleted_while_it_gains_edges_is_gone_or_in_use, |config| { wide(config) }, |app| {
    let admin = app.admin();
    let users: Vec<Client> = (0..6).map(|_| app.user()).collect();
    for round in 0..5 {
        let name = format!("buddy-{round}");
        let kind = json!({"data": {"type": "relationship-types", "id": name, "attributes": {}}});
        admin.post(TYPES, &kind).expect(201);
        let made = AtomicBool::new(false);
        let statuses = concurrently(7, |number| match users.get(number) {
            None => vec![admin.delete(&format!("{TYPES}/{name}")).status],
            Some(user) => users
                .iter()
                .filter(|other| other.id != user.id)
                .map(|other| {
                    let status = user.post(EDGES, &edge(None, &name, other.id)).status;
                    made.fetch_or(status == 201, Ordering::Relaxed);
                    status
                })
                .collect(),
        });
        let tally = only(statuses.concat(), &[201, 422, 204, 409]);
        let there = admin.get(&format!("{EDGES}?relationship={name}")).expect(200).total();
        assert_eq!(usize::try_from(there).unwrap(), tally.get(&201).copied().unwrap_or(0), "{tally:?}");
        let is_there = admin.get(&format!("{TYPES}/{name}")).status == 200;
        assert_eq!((is_there, there > 0), (tally.contains_key(&409), tally.contains_key(&409)), "{tally:?}");
        app.assert_no_drift();
    }
});

both!(a_type_replaced_by_another_instance_is_listed_here, |app| {
    let other = Service::start(&app.home().text(), &[]);
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let there = admin.at(other.address);
    let kind = json!({"data": {"type": "relationship-types", "id": "buddy", "attributes": {}}});
    admin.post(TYPES, &kind).expect(201);
    let id = ann.post(EDGES, &edge(None, "buddy", bob.id)).expect(201).id();
    assert_eq!(ann.get(&format!("{EDGES}?relationship=buddy")).expect(200).total(), 1);
    there.delete(&format!("{EDGES}/{id}")).expect(204);
    there.delete(&format!("{TYPES}/buddy")).expect(204);
    there.post(TYPES, &kind).expect(201);
    let id = there.post(EDGES, &edge(Some(ann.id), "buddy", bob.id)).expect(201).id();
    for filter in ["relationship=buddy", "relationship=buddy,mentor", "relationship=mentor"] {
        let expected = if filter.contains("buddy") { vec![id] } else { Vec::new() };
        assert_eq!(ann.get(&format!("{EDGES}?{filter}")).expect(200).ids(), expected, "{filter}");
    }
});
