//! What the rules of relationship types refuse, request by request.

use crate::both;
use crate::support::graph::{
    EDGES, acyclic, assert_clean, create, kind, meta, path, register, retype, set_rules, store, stored, symmetric,
    texts, tree, users,
};
use crate::support::scrape::scrape;
use crate::support::{Answer, Client, edge, json};

const TARGET: &str = "/data/relationships/target/data";

/// Asserts that an error has no `meta` and that its text names no user and no relationship.
#[track_caller]
fn assert_discreet(answer: &Answer) {
    let error = &answer.body["errors"][0];
    assert!(error.get("meta").is_none(), "{}", answer.text);
    let detail = error["detail"].as_str().unwrap();
    assert!(!detail.contains(|character: char| character.is_ascii_digit()), "{detail}");
}

fn detail(answer: &Answer) -> &str {
    answer.body["errors"][0]["detail"].as_str().unwrap()
}

/// A tree and an acyclic type that is not a tree.
fn acyclic_types(admin: &Client) -> [&'static str; 2] {
    register(admin, "boss", &tree());
    register(admin, "needs", &acyclic());
    ["boss", "needs"]
}

both!(an_edge_that_closes_a_cycle_is_refused_with_its_path, |app| {
    let admin = app.admin();
    for kind in acyclic_types(&admin) {
        let ids = users(app, 5);
        store(app, kind, &path(&ids));
        let answer = create(&admin, ids[4], kind, ids[0]).refused(409, "relationship-cycle");
        assert_eq!(*meta(&answer, "path"), texts(&[ids[4], ids[0], ids[1], ids[2], ids[3], ids[4]]));
        assert_eq!(answer.source("pointer"), Some(TARGET));
        assert!(answer.body["errors"][0]["links"].get("about").is_none(), "{}", answer.text);
        let owner = app.client_of(user_relationships::model::id::UserId::new(ids[4]));
        let answer = owner.post(EDGES, &edge(None, kind, ids[3])).refused(409, "relationship-cycle");
        assert_eq!(*meta(&answer, "path"), texts(&[ids[4], ids[3], ids[4]]), "its users are visible to a user");
        assert_eq!(stored(app, kind).len(), 4);
    }
    let mentees = users(app, 3);
    for pair in [[0, 1], [1, 2], [2, 0], [1, 0]] {
        create(&admin, mentees[pair[0]], "mentor", mentees[pair[1]]).expect(201);
    }
    assert_clean(app);
});

both!(an_edge_beyond_the_limit_is_refused_with_the_existing_ones, |app| {
    let admin = app.admin();
    register(&admin, "boss", &json!({"max-per-user": 1, "target-role": "bosses"}));
    register(&admin, "buddy", &json!({"max-per-user": 1}));
    register(&admin, "coach", &json!({"max-per-user": 3, "target-role": "coaches"}));
    let ids = users(app, 6);
    for (kind, max, role) in [("boss", 1, Some("bosses")), ("buddy", 1, None), ("coach", 3, None)] {
        let made: Vec<_> = (1..=max).map(|at| create(&admin, ids[0], kind, ids[at]).expect(201).id()).collect();
        let answer = create(&admin, ids[0], kind, ids[5]).refused(409, "too-many-relationships");
        assert_eq!(*meta(&answer, "max"), json!(max));
        assert_eq!(*meta(&answer, "existing-ids"), texts(&made));
        let about = &answer.body["errors"][0]["links"]["about"];
        let expected = if max == 1 { json!(format!("{EDGES}/{}", made[0])) } else { json!(null) };
        assert_eq!(*about, expected, "{}", answer.text);
        let reassigns = format!("/api/v2/users/{}/relationships/bosses", ids[0]);
        assert_eq!(detail(&answer).contains(&reassigns), role.is_some(), "{}", answer.text);
        let again = create(&admin, ids[0], kind, ids[1]).refused(409, "already-exists");
        assert_eq!(*meta(&again, "existing-id"), json!(made[0].to_string()));
        admin.delete(&format!("{EDGES}/{}", made[0])).expect(204);
        create(&admin, ids[0], kind, ids[5]).expect(201);
        assert_eq!(stored(app, kind).len(), max);
    }
    // Others may have as many.
    create(&admin, ids[1], "boss", ids[2]).expect(201);
    assert_clean(app);
});

both!(the_reverse_of_a_symmetric_edge_already_exists, |app| {
    let admin = app.admin();
    register(&admin, "peer", &symmetric());
    let (ann, bob) = (app.user(), app.user());
    let made = ann.post(EDGES, &edge(None, "peer", bob.id)).expect(201).id();
    for (user, target) in [(&bob, &ann), (&ann, &bob)] {
        let answer = user.post(EDGES, &edge(None, "peer", target.id)).refused(409, "already-exists");
        assert_eq!(*meta(&answer, "existing-id"), json!(made.to_string()));
        assert_eq!(answer.body["errors"][0]["links"]["about"], json!(format!("{EDGES}/{made}")));
    }
    assert_eq!(stored(app, "peer").len(), 1);
    ann.delete(&format!("{EDGES}/{made}")).expect(204);
    bob.post(EDGES, &edge(None, "peer", ann.id)).expect(201);
    // Cycles of three are no pairs.
    let third = app.user();
    ann.post(EDGES, &edge(None, "peer", third.id)).expect(201);
    third.post(EDGES, &edge(None, "peer", bob.id)).expect(201);
    assert_clean(app);
});

both!(either_end_deletes_a_symmetric_edge_and_its_owner_changes_it, |app| {
    let admin = app.admin();
    register(&admin, "peer", &symmetric());
    let (ann, bob, eve) = (app.user(), app.user(), app.user());
    let made = || ann.post(EDGES, &edge(None, "peer", bob.id)).expect(201).id();
    let id = made();
    retype(&bob, id, "mentor").refused(403, "not-owner");
    eve.delete(&format!("{EDGES}/{id}")).refused(403, "not-owner");
    bob.delete(&format!("{EDGES}/{id}")).expect(204);
    let id = made();
    retype(&ann, id, "mentor").expect(200);
    // It has a direction now.
    bob.delete(&format!("{EDGES}/{id}")).refused(403, "not-owner");
    retype(&ann, id, "peer").expect(200);
    set_rules(&admin, "peer", &json!({"managed-by": "admin"})).expect(200);
    for client in [&ann, &bob] {
        client.delete(&format!("{EDGES}/{id}")).refused(403, "not-admin");
    }
    let ext = app.caller("ext");
    let other = create(&admin, ext.id, "peer", ann.id).expect(201).id();
    ext.delete(&format!("{EDGES}/{other}")).refused(403, "not-admin");
    ext.delete(&format!("{EDGES}/{id}")).refused(404, "not-found");
    set_rules(&admin, "peer", &json!({"managed-by": "owner"})).expect(200);
    ann.delete(&format!("{EDGES}/{other}")).expect(204);
    bob.delete(&format!("{EDGES}/{id}")).expect(204);
    assert_clean(app);
});

both!(only_admins_write_edges_of_a_type_that_admins_manage, |app| {
    let admin = app.admin();
    register(&admin, "badge", &json!({"managed-by": "admin"}));
    let (ann, bob) = (app.user(), app.user());
    ann.post(EDGES, &edge(None, "badge", bob.id)).refused(403, "not-admin");
    let id = create(&admin, ann.id, "badge", bob.id).expect(201).id();
    let own = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    assert_eq!(ann.get(&format!("{EDGES}/{id}")).expect(200).id(), id);
    retype(&ann, id, "colleague").refused(403, "not-admin");
    retype(&ann, own, "badge").refused(403, "not-admin");
    ann.delete(&format!("{EDGES}/{id}")).refused(403, "not-admin");
    retype(&admin, id, "colleague").expect(200);
    retype(&ann, id, "badge").refused(403, "not-admin");
    retype(&admin, id, "badge").expect(200);
    admin.delete(&format!("{EDGES}/{id}")).expect(204);
    retype(&admin, own, "badge").expect(200);
    assert_eq!(stored(app, "badge").len(), 1);
    assert_clean(app);
});

both!(a_change_of_type_obeys_the_rules_of_the_new_type, |app| {
    let admin = app.admin();
    register(&admin, "boss", &tree());
    register(&admin, "peer", &symmetric());
    let ids = users(app, 4);
    store(app, "boss", &path(&ids[..3]));
    store(app, "peer", &[(ids[0], ids[3])]);
    let draft = |user: usize, target: usize| create(&admin, ids[user], "mentor", ids[target]).expect(201).id();
    let cycle = draft(2, 0);
    let answer = retype(&admin, cycle, "boss").refused(409, "relationship-cycle");
    assert_eq!(*meta(&answer, "path"), texts(&[ids[2], ids[0], ids[1], ids[2]]));
    let extra = draft(0, 3);
    let answer = retype(&admin, extra, "boss").refused(409, "too-many-relationships");
    assert_eq!(*meta(&answer, "max"), json!(1));
    let existing = *stored(app, "peer").keys().next().unwrap();
    for id in [extra, draft(3, 0)] {
        let answer = retype(&admin, id, "peer").refused(409, "already-exists");
        assert_eq!(*meta(&answer, "existing-id"), json!(existing.to_string()));
    }
    assert_eq!((stored(app, "boss").len(), stored(app, "peer").len(), stored(app, "mentor").len()), (2, 1, 3));
    // An edge that leaves its type frees the place; one that keeps its type is not counted against itself.
    let top = stored(app, "boss").into_iter().find(|(_, pair)| *pair == (ids[1], ids[2])).unwrap().0;
    retype(&admin, top, "boss").expect(200);
    retype(&admin, top, "mentor").expect(200);
    retype(&admin, cycle, "boss").expect(200);
    let answer = retype(&admin, top, "boss").refused(409, "relationship-cycle");
    assert_eq!(*meta(&answer, "path"), texts(&[ids[1], ids[2], ids[0], ids[1]]));
    assert_clean(app);
});

both!(an_ext_caller_learns_of_no_hidden_user_from_a_refusal, |app| {
    let admin = app.admin();
    acyclic_types(&admin);
    register(&admin, "peer", &symmetric());
    let (ext, ids) = (app.caller("ext"), users(app, 4));
    store(app, "needs", &path(&[ids[0], ids[1], ids[2], ext.id]));
    store(app, "mentor", &[(ext.id, ids[0])]);
    let answer = ext.post(EDGES, &edge(None, "needs", ids[0])).refused(409, "relationship-cycle");
    assert_discreet(&answer);
    assert_eq!(answer.source("pointer"), Some(TARGET));
    // A hidden user is reported as missing whatever the rules say.
    for target in [ids[1], 999_999] {
        let answer = ext.post(EDGES, &edge(None, "needs", target)).refused(404, "related-resource-not-found");
        assert_discreet(&answer);
    }
    let own = create(&admin, ext.id, "boss", ids[3]).expect(201).id();
    for (target, status) in [(ids[0], 409), (ids[1], 404), (999_999, 404)] {
        assert_eq!(ext.post(EDGES, &edge(None, "boss", target)).status, status);
    }
    let answer = ext.post(EDGES, &edge(None, "boss", ids[0])).refused(409, "too-many-relationships");
    assert_eq!(*meta(&answer, "existing-ids"), texts(&[own]), "its own relationships are visible to it");
    let peer = create(&admin, ids[0], "peer", ext.id).expect(201).id();
    let answer = ext.post(EDGES, &edge(None, "peer", ids[0])).refused(409, "already-exists");
    assert_eq!(*meta(&answer, "existing-id"), json!(peer.to_string()));
    let draft = ext.post(EDGES, &edge(None, "colleague", ids[0])).expect(201).id();
    assert_discreet(&retype(&ext, draft, "needs").refused(409, "relationship-cycle"));
});

both!(rules_hold_after_the_type_is_changed_by_another_instance, |app| {
    let admin = app.admin();
    register(&admin, "buddy", &json!({}));
    let (other, ids) = (app.beside(), users(app, 3));
    let there = other.client_like(&admin);
    let made = create(&there, ids[0], "buddy", ids[1]).expect(201).id();
    set_rules(&admin, "buddy", &acyclic()).expect(200);
    create(&there, ids[1], "buddy", ids[0]).refused(409, "relationship-cycle");
    set_rules(&admin, "buddy", &json!({"is-acyclic": false, "is-symmetric": true})).expect(200);
    create(&there, ids[1], "buddy", ids[0]).refused(409, "already-exists");
    set_rules(&admin, "buddy", &json!({"is-symmetric": false, "max-per-user": 1})).expect(200);
    create(&there, ids[0], "buddy", ids[2]).refused(409, "too-many-relationships");
    set_rules(&admin, "buddy", &json!({"max-per-user": null})).expect(200);
    create(&there, ids[0], "buddy", ids[2]).expect(201);
    create(&there, ids[1], "buddy", ids[0]).expect(201);
    there.delete(&format!("{EDGES}/{made}")).expect(204);
    assert_clean(app);
});

both!(deleting_a_user_frees_limits_and_cuts_trees, |app| {
    let admin = app.admin();
    let ids = users(app, 4);
    for kind in acyclic_types(&admin) {
        store(app, kind, &path(&ids));
    }
    admin.delete(&format!("/api/v2/users/{}", ids[2])).expect(204);
    assert_clean(app);
    for kind in ["boss", "needs"] {
        create(&admin, ids[1], kind, ids[3]).expect(201);
        create(&admin, ids[3], kind, ids[0]).refused(409, "relationship-cycle");
        assert_eq!(stored(app, kind).len(), 2);
    }
    assert_clean(app);
});

both!(refusals_are_counted_by_rule, |app| {
    let admin = app.admin();
    acyclic_types(&admin);
    register(&admin, "peer", &symmetric());
    let ids = users(app, 66);
    store(app, "boss", &path(&ids[..65]));
    store(app, "peer", &[(ids[0], ids[1])]);
    let count = |rule| scrape(&app.anonymous()).count("rule_refusals_total", &[("rule", rule)]);
    let all = || ["acyclic", "depth", "max-per-user", "symmetric"].map(count);
    assert_eq!(all(), [0; 4]);
    create(&admin, ids[64], "boss", ids[0]).refused(409, "relationship-cycle");
    create(&admin, ids[65], "boss", ids[0]).refused(409, "relationship-too-deep");
    create(&admin, ids[64], "boss", ids[65]).refused(409, "relationship-too-deep");
    create(&admin, ids[0], "boss", ids[65]).refused(409, "too-many-relationships");
    create(&admin, ids[1], "peer", ids[0]).refused(409, "already-exists");
    assert_eq!(all(), [1, 2, 1, 1]);
    // Without the rule, the same direction is refused as well.
    create(&admin, ids[0], "peer", ids[1]).refused(409, "already-exists");
    assert_eq!(all(), [1, 2, 1, 1]);
});

both!(types_without_rules_refuse_what_they_always_refused, |app| {
    let admin = app.admin();
    register(&admin, "plain", &json!({}));
    let ids = users(app, 3);
    let made = create(&admin, ids[0], "plain", ids[1]).expect(201).id();
    create(&admin, ids[1], "plain", ids[0]).expect(201);
    create(&admin, ids[0], "plain", ids[2]).expect(201);
    let answer = create(&admin, ids[0], "plain", ids[1]).refused(409, "already-exists");
    assert_eq!(*meta(&answer, "existing-id"), json!(made.to_string()));
    create(&admin, ids[0], "plain", ids[0]).refused(422, "self-relationship");
    let document = kind("plain", &json!({"is-symmetric": true, "is-acyclic": true}));
    admin.patch("/api/v2/relationship-types/plain", &document).refused(422, "invalid-attribute");
});
