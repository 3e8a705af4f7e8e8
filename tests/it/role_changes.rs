//! Changes of who has a role towards a user, by its linkage.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::both;
use crate::conformance::checked::JSON_API;
use crate::item;
use crate::support::{Answer, App, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const TYPES: &str = "/api/v2/relationship-types";
const USERS: &str = "/api/v2/users";

/// Changes attributes of a type.
fn set(admin: &Client, name: &str, attributes: &Value) {
    let document = json!({"data": {"type": "relationship-types", "id": name, "attributes": attributes}});
    admin.patch(&format!("{TYPES}/{name}"), &document).expect(200);
}

/// Makes `subordinate` a tree with the role `supervisor`, and `colleague` symmetric with the role `colleagues`.
fn organize(admin: &Client) {
    set(admin, "subordinate", &json!({"is-acyclic": true, "max-per-user": 1, "target-role": "supervisor"}));
    set(admin, "colleague", &json!({"is-symmetric": true, "user-role": "colleagues", "target-role": "colleagues"}));
}

fn url(id: i64, role: &str) -> String {
    format!("{USERS}/{id}/relationships/{role}")
}

fn user(id: i64) -> Value {
    json!({"type": "users", "id": id.to_string()})
}

fn one(id: i64) -> Value {
    json!({"data": user(id)})
}

fn many(ids: &[i64]) -> Value {
    json!({"data": ids.iter().map(|id| user(*id)).collect::<Vec<_>>()})
}

fn remove(client: &Client, url: &str, document: &Value) -> Answer {
    client.send("DELETE", url, &[JSON_API], Some(document.to_string().as_bytes()))
}

/// The edges of a user of a type, as id and target.
fn edges_of(client: &Client, id: i64, kind: &str) -> Vec<(i64, i64)> {
    let list = client.get(&format!("{EDGES}?user={id}&relationship={kind}&limit=50")).expect(200);
    let target = |row: &Value| row["relationships"]["target"]["data"]["id"].as_str().unwrap().parse().unwrap();
    list.ids().into_iter().zip(list.body["data"].as_array().unwrap().iter().map(target)).collect()
}

item!([96, 101], a_reassignment_replaces_the_only_user_with_a_role, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let [bob, cleo, below] = [app.user().id, app.user().id, app.user().id];
    organize(&admin);
    let url = url(ann.id, "supervisor");
    let first = ann.patch(&url, &one(bob)).expect(200);
    let edge = edges_of(&ann, ann.id, "subordinate");
    assert_eq!((first.body["data"].clone(), edge[0].1), (user(bob), bob));
    assert_eq!(first.body["meta"], json!({"previous": [], "user-relationship": edge[0].0.to_string()}));
    assert_eq!(first.body["links"]["related"], format!("{USERS}/{}/supervisor", ann.id));
    assert_eq!(first.header("etag"), ann.get(&url).expect(200).header("etag"));
    // The users below move along.
    admin.post(EDGES, &crate::support::edge(Some(below), "subordinate", ann.id)).expect(201);
    let second = ann.patch(&url, &one(cleo)).expect(200);
    let moved = edges_of(&ann, ann.id, "subordinate");
    assert_eq!((moved.len(), moved[0].1), (1, cleo));
    assert!(moved[0].0 > edge[0].0, "a new edge has a new id");
    assert_eq!(second.body["meta"], json!({"previous": [user(bob)], "user-relationship": moved[0].0.to_string()}));
    ann.get(&format!("{EDGES}/{}", edge[0].0)).refused(404, "not-found");
    app.assert_no_drift();
    // The present value changes nothing.
    let same = ann.patch(&url, &one(cleo)).expect(200);
    assert_eq!(same.body["meta"], json!({"previous": [user(cleo)], "user-relationship": moved[0].0.to_string()}));
    assert_eq!(same.header("etag"), second.header("etag"));
    let none = ann.patch(&url, &json!({"data": null})).expect(200);
    assert_eq!(none.body["meta"], json!({"previous": [user(cleo)], "user-relationship": null}));
    assert!(none.body["data"].is_null() && edges_of(&ann, ann.id, "subordinate").is_empty());
    let nothing = ann.patch(&url, &json!({"data": null})).expect(200);
    assert_eq!(nothing.body["meta"], json!({"previous": [], "user-relationship": null}));
    assert_eq!(
        ann.patch(&format!("{USERS}/me/relationships/supervisor"), &one(bob)).expect(200).body["data"],
        user(bob)
    );
    app.assert_no_drift();
});

item!([101, H3, H4], a_reassignment_honours_if_match, |app| {
    let (admin, ann, bob, cleo) = (app.admin(), app.user(), app.user(), app.user());
    organize(&admin);
    let url = url(ann.id, "supervisor");
    let before = ann.get(&url).expect(200).header("etag").expect("a tag").to_owned();
    let put = |tag: &str, id: i64| ann.put_in("PATCH", &url, &[("if-match", tag)], &one(id));
    let after = put(&before, bob.id).expect(200).header("etag").expect("a tag").to_owned();
    for stale in [&*before, "\"x\"", &format!("W/{after}")] {
        let refused = put(stale, cleo.id).refused(412, "precondition-failed");
        assert_eq!(refused.source("header"), Some("If-Match"));
    }
    put("*", cleo.id).expect(200);
    put(&after, bob.id).refused(412, "precondition-failed");
    let present = ann.get(&url).expect(200).header("etag").expect("a tag").to_owned();
    put(&present, bob.id).expect(200);
    assert_eq!(edges_of(&ann, ann.id, "subordinate").len(), 1);
});

item!([101], rules_refuse_a_reassignment_and_nothing_changes, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let [bob, cleo] = [app.user(), app.user()];
    organize(&admin);
    admin.patch(&url(bob.id, "supervisor"), &one(ann.id)).expect(200);
    admin.patch(&url(cleo.id, "supervisor"), &one(bob.id)).expect(200);
    admin.patch(&url(ann.id, "supervisor"), &one(app.user().id)).expect(200);
    let before = edges_of(&admin, ann.id, "subordinate");
    let ids = |ids: &[i64]| json!(ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    let cycle = admin.patch(&url(ann.id, "supervisor"), &one(cleo.id)).refused(409, "relationship-cycle");
    assert_eq!(cycle.body["errors"][0]["meta"]["path"], ids(&[ann.id, cleo.id, bob.id, ann.id]));
    assert_eq!(cycle.source("pointer"), Some("/data"));
    for (body, status, code, pointer) in [
        (one(ann.id), 422, "self-relationship", "/data"),
        (one(999_999), 404, "related-resource-not-found", "/data"),
        (many(&[bob.id]), 422, "invalid-relationship", "/data"),
        (json!({"data": {"type": "groups", "id": "1"}}), 409, "type-mismatch", "/data/type"),
        (json!({"data": {"type": "users", "id": 5}}), 422, "invalid-relationship", "/data/id"),
        (json!({"data": {"type": "users", "id": "x"}}), 422, "invalid-relationship", "/data/id"),
        (json!({"data": {"type": "users"}}), 422, "invalid-relationship", "/data"),
        (json!({"data": {"type": "users", "lid": "a"}}), 422, "invalid-relationship", "/data"),
        (json!({"data": "5"}), 422, "invalid-relationship", "/data"),
        (json!({}), 400, "malformed-document", ""),
        (json!([]), 400, "malformed-document", ""),
    ] {
        let refused = ann.patch(&url(ann.id, "supervisor"), &body).refused(status, code);
        assert_eq!(refused.source("pointer"), Some(pointer), "{}", refused.text);
    }
    ann.send("PATCH", &url(ann.id, "supervisor"), &[JSON_API], Some(b"{")).refused(400, "malformed-json");
    ann.send("PATCH", &url(ann.id, "supervisor"), &[("content-type", "text/plain")], Some(b"{}"))
        .refused(415, "unsupported-media-type");
    bob.patch(&url(ann.id, "supervisor"), &json!({"data": 5})).refused(403, "not-owner");
    ann.patch(&url(ann.id, "boss"), &one(bob.id)).refused(404, "not-found");
    ann.patch(&format!("{}?x=1", url(ann.id, "supervisor")), &one(bob.id)).refused(400, "unknown-parameter");
    assert_eq!(edges_of(&admin, ann.id, "subordinate"), before);
    set(&admin, "subordinate", &json!({"managed-by": "admin"}));
    ann.patch(&url(ann.id, "supervisor"), &one(bob.id)).refused(403, "not-admin");
    admin.patch(&url(ann.id, "supervisor"), &json!({"data": null})).expect(200);
    app.assert_no_drift();
});

item!([97, 99, 100], members_are_added_and_removed_once, |app| {
    let (admin, ann) = (app.admin(), app.user());
    organize(&admin);
    let ids: Vec<_> = (0..4).map(|_| app.user().id).collect();
    let mentors = url(ann.id, "mentors");
    let added = ann.post(&mentors, &many(&[ids[2], ids[0]])).expect(200);
    assert_eq!((added.ids(), added.total()), (vec![ids[2], ids[0]], 2));
    assert_eq!(added.body["data"][0], user(ids[2]));
    assert_eq!(ann.post(&mentors, &many(&ids)).expect(200).total(), 4);
    assert_eq!(ann.post(&mentors, &many(&ids)).expect(200).total(), 4);
    assert_eq!(ann.post(&mentors, &many(&[])).expect(200).total(), 4);
    let removed = remove(&ann, &mentors, &many(&[ids[0], ids[1], 999_999, ann.id])).expect(200);
    assert_eq!((removed.ids(), removed.total()), (vec![ids[2], ids[3]], 2));
    assert_eq!(remove(&ann, &mentors, &many(&[ids[0]])).expect(200).total(), 2);
    // Both ends of a symmetric type are the owner's side.
    let bob = app.user();
    assert_eq!(ann.post(&url(ann.id, "colleagues"), &many(&[bob.id])).expect(200).total(), 1);
    assert_eq!(bob.post(&url(bob.id, "colleagues"), &many(&[ann.id, ids[0]])).expect(200).total(), 2);
    assert_eq!(admin.get(&format!("{EDGES}?relationship=colleague")).expect(200).total(), 2);
    assert_eq!(remove(&bob, &url(bob.id, "colleagues"), &many(&[ann.id])).expect(200).total(), 1);
    assert_eq!(ann.get(&url(ann.id, "colleagues")).expect(200).total(), 0);
    app.assert_no_drift();
});

item!([98, 100, 101], only_admins_change_a_role_from_the_target, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    organize(&admin);
    let boss = url(ann.id, "subordinates");
    for client in [&ann, &bob] {
        client.post(&boss, &many(&[bob.id])).refused(403, "not-owner");
        remove(client, &boss, &many(&[bob.id])).refused(403, "not-owner");
    }
    for client in [&ann, &admin] {
        client.patch(&boss, &many(&[bob.id])).refused(403, "unsupported-update");
        client.patch(&url(ann.id, "mentors"), &many(&[bob.id])).refused(403, "unsupported-update");
        client.post(&url(ann.id, "supervisor"), &many(&[bob.id])).refused(403, "unsupported-update");
        remove(client, &url(ann.id, "supervisor"), &many(&[bob.id])).refused(403, "unsupported-update");
    }
    let cleo = app.user();
    let added = admin.post(&boss, &many(&[cleo.id, bob.id])).expect(200);
    assert_eq!((added.ids(), added.total()), (vec![cleo.id, bob.id], 2));
    let taken = admin.post(&url(cleo.id, "subordinates"), &many(&[app.user().id, bob.id]));
    let taken = taken.refused(409, "too-many-relationships");
    assert_eq!(taken.source("pointer"), Some("/data/1"));
    admin.post(&url(bob.id, "subordinates"), &many(&[ann.id])).refused(409, "relationship-cycle");
    assert_eq!(admin.get(&url(cleo.id, "subordinates")).expect(200).total(), 0, "all or none");
    assert_eq!(remove(&admin, &boss, &many(&[cleo.id])).expect(200).ids(), [bob.id]);
    set(&admin, "subordinate", &json!({"managed-by": "admin"}));
    bob.post(&boss, &many(&[cleo.id])).refused(403, "not-admin");
    set(&admin, "mentor", &json!({"managed-by": "admin"}));
    ann.post(&url(ann.id, "mentors"), &many(&[cleo.id])).refused(403, "not-admin");
    remove(&ann, &url(ann.id, "mentors"), &many(&[cleo.id])).refused(403, "not-admin");
    app.assert_no_drift();
});

item!([97, 101], a_bad_list_of_members_changes_nothing, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    organize(&admin);
    let mentors = url(ann.id, "mentors");
    for (body, status, code, pointer) in [
        (json!({"data": null}), 422, "invalid-relationship", "/data"),
        (one(bob.id), 422, "invalid-relationship", "/data"),
        (json!({"data": [user(bob.id), null]}), 422, "invalid-relationship", "/data/1"),
        (many(&[bob.id, bob.id]), 422, "invalid-relationship", "/data/1"),
        (json!({"data": [user(bob.id), {"type": "groups", "id": "1"}]}), 409, "type-mismatch", "/data/1/type"),
        (json!({"data": [user(bob.id), {"type": "users", "id": "-1"}]}), 422, "invalid-relationship", "/data/1/id"),
        (json!({}), 400, "malformed-document", ""),
    ] {
        for method in ["POST", "DELETE"] {
            let refused = ann.send(method, &mentors, &[JSON_API], Some(body.to_string().as_bytes()));
            let refused = refused.refused(status, code);
            assert_eq!(refused.source("pointer"), Some(pointer), "{}", refused.text);
        }
    }
    let refused = ann.post(&mentors, &many(&[bob.id, ann.id])).refused(422, "self-relationship");
    assert_eq!(refused.source("pointer"), Some("/data/1"));
    let refused = ann.post(&mentors, &many(&[bob.id, 999_999])).refused(404, "related-resource-not-found");
    assert_eq!(refused.source("pointer"), Some("/data/1"));
    assert_eq!(ann.get(&mentors).expect(200).total(), 0);
});

item!([101], an_ext_caller_learns_nothing_by_changing_a_role, |app| {
    let (admin, ext, friend, stranger) = (app.admin(), app.caller("ext"), app.user(), app.user());
    organize(&admin);
    friend.post(EDGES, &edge(None, "mentor", ext.id)).expect(201);
    admin.patch(&url(friend.id, "supervisor"), &one(stranger.id)).expect(200);
    let refusal = |answer: Answer| (answer.status, answer.body["errors"][0]["detail"].clone());
    for role in ["supervisor", "mentors"] {
        let send = |id: i64| match role {
            "supervisor" => ext.patch(&url(ext.id, role), &one(id)),
            _ => ext.post(&url(ext.id, role), &many(&[id])),
        };
        let (hidden, missing) = (refusal(send(stranger.id)), refusal(send(999_999)));
        assert_eq!((hidden.0, &hidden), (404, &missing));
        send(friend.id).expect(200);
    }
    ext.patch(&url(friend.id, "supervisor"), &one(ext.id)).refused(403, "not-owner");
    ext.patch(&url(stranger.id, "supervisor"), &one(ext.id)).refused(404, "not-found");
    admin.patch(&url(ext.id, "supervisor"), &json!({"data": null})).expect(200);
    admin.patch(&url(stranger.id, "supervisor"), &one(ext.id)).expect(200);
    let cycle = ext.patch(&url(ext.id, "supervisor"), &one(friend.id)).refused(409, "relationship-cycle");
    assert!(cycle.body["errors"][0]["meta"]["path"].is_null(), "{}", cycle.text);
});

/// The number of readers, and of reassignments at the same time.
const READERS: usize = 16;
const WRITERS: usize = 64;

/// Reads the supervisor of a user in all ways until `is_over`: there is always exactly one.
fn watch(client: &Client, id: i64, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        assert!(client.get(&format!("{USERS}/{id}/supervisor")).expect(200).body["data"].is_object());
        assert!(client.get(&url(id, "supervisor")).expect(200).body["data"].is_object());
        assert_eq!(edges_of(client, id, "subordinate").len(), 1);
    }
}

/// Ends [`watch`] when it is dropped, also by the panic of a writer.
struct EndOfWatch<'a>(&'a AtomicBool);

impl Drop for EndOfWatch<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reassigns a user to many others at the same time; returns the previous supervisor for each new one.
fn reassign_concurrently(app: &App, clients: &[Client], id: i64, targets: &[i64]) -> BTreeMap<i64, i64> {
    let (start, is_over) = (Barrier::new(targets.len()), AtomicBool::new(false));
    thread::scope(|scope| {
        let _end = EndOfWatch(&is_over);
        for _ in 0..READERS {
            let (client, is_over) = (app.client_like(&clients[0]), &is_over);
            scope.spawn(move || watch(&client, id, is_over));
        }
        let reassign = |(place, target): (usize, &i64)| {
            let (client, start, target) = (&clients[place % clients.len()], &start, *target);
            scope.spawn(move || {
                start.wait();
                let done = client.patch(&url(id, "supervisor"), &one(target)).expect(200);
                let previous = done.body["meta"]["previous"].as_array().expect("a list").clone();
                assert_eq!(previous.len(), 1, "{}", done.text);
                (target, previous[0]["id"].as_str().expect("an id").parse().expect("a number"))
            })
        };
        let all: Vec<_> = targets.iter().enumerate().map(reassign).collect();
        all.into_iter().map(|one| one.join().expect("no panic")).collect()
    })
}

both!(
    concurrent_reassignments_form_one_unbroken_chain,
    |config| {
        config.workers = 4;
        config.database_pool_size = 8;
        config.database_timeout = std::time::Duration::from_secs(20);
        config.request_timeout = std::time::Duration::from_secs(25);
    },
    |app| {
        let (admin, beside) = (app.admin(), app.beside());
        organize(&admin);
        let ids: Vec<_> = (0..WRITERS + 4).map(|_| app.user().id).collect();
        let (moved, rest) = ids.split_first().expect("users");
        // The moved user has users below, and the targets are in one tree.
        for (below, above) in [(rest[0], *moved), (rest[1], rest[0]), (rest[3], rest[2])] {
            admin.patch(&url(below, "supervisor"), &one(above)).expect(200);
        }
        let (first, targets) = (rest[2], &rest[3..]);
        admin.patch(&url(*moved, "supervisor"), &one(first)).expect(200);
        let clients = [admin.clone(), beside.client_like(&admin)];
        let done = reassign_concurrently(app, &clients, *moved, targets);
        let mut next: BTreeMap<_, _> = done.iter().map(|(target, previous)| (*previous, *target)).collect();
        assert_eq!(next.len(), targets.len(), "a supervisor was replaced twice");
        let mut last = first;
        while let Some(target) = next.remove(&last) {
            last = target;
        }
        assert!(next.is_empty(), "the chain is broken after {last}: {next:?}");
        assert_eq!(admin.get(&format!("{USERS}/{moved}/supervisor")).expect(200).id(), last);
        app.assert_no_drift();
    }
);

both!(concurrent_members_are_stored_once, |app| {
    let admin = app.admin();
    organize(&admin);
    let ids: Vec<_> = (0..6).map(|_| app.user().id).collect();
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for number in 0..4 {
            let (admin, ids, start) = (&admin, &ids, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..5 {
                    let mut members = ids[1..].to_vec();
                    if (number + round) % 2 == 0 {
                        members.reverse();
                    }
                    for role in ["mentees", "colleagues"] {
                        if number == 3 {
                            remove(admin, &url(ids[0], role), &many(&members[..2])).expect(200);
                        } else {
                            admin.post(&url(ids[0], role), &many(&members)).expect(200);
                        }
                    }
                }
            });
        }
    });
    for role in ["mentees", "colleagues"] {
        assert_eq!(admin.post(&url(ids[0], role), &many(&ids[1..])).expect(200).total(), 5);
    }
    app.assert_no_drift();
});
