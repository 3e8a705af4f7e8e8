//! Transfers: relationships that target one user are handed over to another one.

use crate::both;
use crate::conformance::checked::JSON_API;
use crate::item;
use crate::support::graph::{
    EDGES, TRANSFERS, acyclic, assert_clean, create, findings, meta, path, register, store, stored, symmetric, texts,
    transfer, tree, users,
};
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Value, json};

const KIND: &str = "boss";

fn hand_over(admin: &Client, from: i64, to: i64, take_place: bool) -> Answer {
    admin.post(TRANSFERS, &transfer(KIND, from, to, take_place))
}

/// The numbers of moved and of merged relationships.
fn numbers(answer: &Answer) -> (i64, i64) {
    let number = |name: &str| answer.body["data"]["attributes"][name].as_i64().expect("a number");
    (number("moved"), number("merged"))
}

/// The stored edges, by owner and target.
fn ends(app: &App) -> Vec<(i64, i64)> {
    let mut ends: Vec<_> = stored(app, KIND).into_values().collect();
    ends.sort_unstable();
    ends
}

#[track_caller]
fn assert_edges(app: &App, expected: &[(i64, i64)]) {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(ends(app), expected);
    assert_clean(app);
}

item!([79, 80, 81], a_transfer_moves_all_edges_that_target_the_user, |app| {
    let admin = app.admin();
    let [top, leaver, successor, a, b, c] = users(&app, 6).try_into().expect("six");
    register(&admin, KIND, &tree());
    store(&app, KIND, &[(leaver, top), (successor, top), (a, leaver), (b, leaver), (c, a)]);
    let before = stored(&app, KIND);
    let answer = admin.post(TRANSFERS, &transfer(KIND, leaver, successor, false)).expect(201);
    let data = &answer.body["data"];
    let id = answer.id();
    assert_eq!(answer.header("location"), Some(&*format!("{TRANSFERS}/{id}")));
    let mut attributes = data["attributes"].clone();
    let created = attributes["created-at"].take();
    let created = created.as_str().expect("a time");
    assert!(created.ends_with('Z') && created.as_bytes()[10] == b'T' && created.len() == 27, "{created}");
    assert_eq!(
        attributes,
        json!({"relationship": KIND, "take-place": false, "moved": 2, "merged": 0, "created-at": null})
    );
    let user = |id: i64| json!({"data": {"type": "users", "id": id.to_string()}});
    assert_eq!(data["relationships"], json!({"from": user(leaver), "to": user(successor), "actor": user(admin.id)}));
    assert_edges(&app, &[(leaver, top), (successor, top), (a, successor), (b, successor), (c, a)]);
    // Moved edges are new ones, in the order of the old ones.
    let after = stored(&app, KIND);
    let moved: Vec<_> = after.iter().filter(|(_, ends)| ends.1 == successor).collect();
    assert_eq!(moved.iter().map(|(_, ends)| ends.0).collect::<Vec<_>>(), [a, b]);
    assert!(moved.iter().all(|(id, _)| !before.contains_key(id)));
    let shown = admin.get(&format!("{TRANSFERS}/{id}")).expect(200);
    assert_eq!((&shown.body["data"], shown.header("etag")), (data, answer.header("etag")));
    // Nothing is left to move.
    assert_eq!(numbers(&hand_over(&admin, leaver, successor, false).expect(201)), (0, 0));
});

both!(moved_edges_are_new_edges_of_the_admin, |app| {
    let admin = app.admin();
    let [leaver, successor, a] = users(app, 3).try_into().expect("three");
    register(&admin, KIND, &json!({}));
    let old = create(&admin, a, KIND, leaver).expect(201).id();
    hand_over(&admin, leaver, successor, false).expect(201);
    admin.get(&format!("{EDGES}/{old}")).refused(404, "not-found");
    let mut raw = Raw::connect(&app.config.database_url);
    let authors = raw.lines(&format!(
        "SELECT created_by || ' ' || updated_by || ' ' || version AS line FROM user_relationships WHERE user_id = {a}"
    ));
    assert_eq!(authors, [format!("{0} {0} 1", admin.id)]);
    assert!(stored(app, KIND).keys().all(|id| *id > old));
    assert_clean(app);
});

both!(a_successor_below_the_user_is_refused_in_an_acyclic_type, |app| {
    let admin = app.admin();
    for rules in [tree(), acyclic()] {
        let [top, leaver, a, b, c] = users(app, 5).try_into().expect("five");
        let kind = if rules == tree() { "tree" } else { "dag" };
        register(&admin, kind, &rules);
        store(app, kind, &[(leaver, top), (a, leaver), (b, leaver), (c, b)]);
        let before = stored(app, kind);
        for (successor, path) in [(a, vec![a, a]), (c, vec![b, c, b])] {
            let refused =
                admin.post(TRANSFERS, &transfer(kind, leaver, successor, false)).refused(409, "relationship-cycle");
            assert_eq!(meta(&refused, "path"), &texts(&path), "{}", refused.text);
            assert_eq!(refused.source("pointer"), Some("/data/relationships/to/data"));
        }
        assert_eq!(stored(app, kind), before);
        // To the user above it is possible.
        assert_eq!(numbers(&admin.post(TRANSFERS, &transfer(kind, leaver, top, false)).expect(201)), (2, 0));
    }
    assert_clean(app);
});

both!(a_report_takes_the_place_of_its_supervisor, |app| {
    let admin = app.admin();
    let [top, leaver, successor, a, b] = users(app, 5).try_into().expect("five");
    register(&admin, KIND, &tree());
    store(app, KIND, &[(leaver, top), (successor, leaver), (a, leaver), (b, successor)]);
    assert_eq!(numbers(&hand_over(&admin, leaver, successor, true).expect(201)), (1, 0));
    assert_edges(app, &[(leaver, top), (successor, top), (a, successor), (b, successor)]);
});

both!(a_successor_deeper_below_takes_its_branch_along, |app| {
    let admin = app.admin();
    let [top, leaver, upper, middle, successor, under, other] = users(app, 7).try_into().expect("seven");
    register(&admin, KIND, &tree());
    store(app, KIND, &path(&[under, successor, middle, upper, leaver, top]));
    store(app, KIND, &[(other, leaver)]);
    assert_eq!(numbers(&hand_over(&admin, leaver, successor, true).expect(201)), (2, 0));
    assert_edges(
        app,
        &[(leaver, top), (successor, top), (upper, successor), (other, successor), (middle, upper), (under, successor)],
    );
});

both!(a_successor_of_the_top_becomes_the_top, |app| {
    let admin = app.admin();
    let [leaver, a, successor, outside, above] = users(app, 5).try_into().expect("five");
    register(&admin, KIND, &tree());
    store(app, KIND, &[(a, leaver), (successor, a), (outside, above)]);
    assert_eq!(numbers(&hand_over(&admin, leaver, successor, true).expect(201)), (1, 0));
    assert_edges(app, &[(a, successor), (outside, above)]);
    // So does one from another part of the tree.
    assert_eq!(numbers(&hand_over(&admin, successor, outside, true).expect(201)), (1, 0));
    assert_edges(app, &[(a, outside)]);
});

both!(a_supervisor_who_takes_the_place_of_a_report_stays, |app| {
    let admin = app.admin();
    let [top, successor, leaver, a, peer] = users(app, 5).try_into().expect("five");
    register(&admin, KIND, &tree());
    store(app, KIND, &[(successor, top), (leaver, successor), (peer, successor), (a, leaver)]);
    let before = stored(app, KIND);
    assert_eq!(numbers(&hand_over(&admin, leaver, successor, true).expect(201)), (1, 0));
    assert_edges(app, &[(successor, top), (leaver, successor), (peer, successor), (a, successor)]);
    // A peer has the same supervisor already, so its edge stays.
    assert_eq!(numbers(&hand_over(&admin, peer, leaver, true).expect(201)), (0, 0));
    let kept = before.iter().filter(|(_, ends)| ends.0 != a);
    assert!(kept.into_iter().all(|(id, ends)| stored(app, KIND).get(id) == Some(ends)));
    // The target of the leaver is below the successor, so the edge to it would close a cycle.
    let refused = hand_over(&admin, a, top, true);
    refused.refused(409, "relationship-cycle");
    assert_clean(app);
});

both!(types_without_cycles_rule_drop_the_edge_between_the_two_users, |app| {
    let admin = app.admin();
    for (kind, rules) in
        [("plain", json!({})), ("single", json!({"max-per-user": 1})), ("few", json!({"max-per-user": 2}))]
    {
        let [leaver, successor, a] = users(app, 3).try_into().expect("three");
        register(&admin, kind, &rules);
        store(app, kind, &[(successor, leaver), (a, leaver)]);
        let answer = admin.post(TRANSFERS, &transfer(kind, leaver, successor, false)).expect(201);
        assert_eq!(numbers(&answer), (1, 0));
        assert_eq!(stored(app, kind).into_values().collect::<Vec<_>>(), [(a, successor)], "{kind}");
    }
    assert_clean(app);
});

both!(edges_that_the_successor_has_already_are_merged, |app| {
    let admin = app.admin();
    for (kind, rules) in [("plain", json!({})), ("dag", acyclic()), ("few", json!({"max-per-user": 2}))] {
        let [leaver, successor, a, b] = users(app, 4).try_into().expect("four");
        register(&admin, kind, &rules);
        store(app, kind, &[(a, leaver), (a, successor), (b, leaver)]);
        let answer = admin.post(TRANSFERS, &transfer(kind, leaver, successor, false)).expect(201);
        assert_eq!(numbers(&answer), (1, 1));
        assert_eq!(stored(app, kind).into_values().collect::<Vec<_>>(), [(a, successor), (b, successor)], "{kind}");
    }
    assert_clean(app);
});

both!(a_symmetric_type_hands_over_the_edges_in_both_directions, |app| {
    let admin = app.admin();
    let [leaver, successor, a, b, c] = users(app, 5).try_into().expect("five");
    register(&admin, KIND, &symmetric());
    store(app, KIND, &[(a, leaver), (leaver, b), (c, leaver), (successor, c), (leaver, successor)]);
    assert_eq!(numbers(&hand_over(&admin, leaver, successor, true).expect(201)), (2, 1));
    assert_edges(app, &[(a, successor), (successor, b), (successor, c)]);
    // The new ones are in the order of the old ones, whichever end the leaver was at.
    assert_eq!(stored(app, KIND).into_values().collect::<Vec<_>>(), [(successor, c), (a, successor), (successor, b)]);
});

both!(the_successor_gets_the_targets_of_the_leaver_in_other_types, |app| {
    let admin = app.admin();
    let [leaver, successor, a, t, both, u] = users(app, 6).try_into().expect("six");
    register(&admin, KIND, &acyclic());
    store(app, KIND, &[(a, leaver), (leaver, u), (leaver, t), (leaver, both), (successor, both), (successor, leaver)]);
    assert_eq!(numbers(&hand_over(&admin, leaver, successor, true).expect(201)), (1, 0));
    let kept = [(leaver, u), (leaver, t), (leaver, both), (successor, both)];
    let new = [(successor, u), (successor, t), (a, successor)];
    assert_edges(app, &[&kept[..], &new].concat());
    // New ones are in the order of the old ones, those that the leaver owns first.
    assert_eq!(stored(app, KIND).into_values().skip(kept.len()).collect::<Vec<_>>(), new);
    // A target that is the successor itself is skipped.
    assert_eq!(numbers(&hand_over(&admin, leaver, t, true).expect(201)), (0, 0));
    assert_edges(app, &[&kept[..], &new, &[(t, u), (t, both)]].concat());
});

both!(rules_refuse_what_the_successor_cannot_take_over, |app| {
    let admin = app.admin();
    let source = |refused: Answer| assert_eq!(refused.source("pointer"), Some("/data/relationships/to/data"));
    let [leaver, successor, upper, a, t, u] = users(app, 6).try_into().expect("six");
    register(&admin, KIND, &json!({"is-acyclic": true, "max-per-user": 2}));
    // The successor is below twice: once deeper.
    store(app, KIND, &[(successor, leaver), (successor, upper), (upper, leaver)]);
    let refused = hand_over(&admin, leaver, successor, true).refused(409, "relationship-cycle");
    assert_eq!(meta(&refused, "path"), &texts(&[upper, successor, upper]));
    source(refused);
    let [leaver, successor] = users(app, 2).try_into().expect("two");
    store(app, KIND, &[(leaver, t), (leaver, u), (successor, a)]);
    let refused = hand_over(&admin, leaver, successor, true).refused(409, "too-many-relationships");
    assert_eq!((meta(&refused, "max"), meta(&refused, "existing-ids").as_array().unwrap().len()), (&json!(2), 1));
    source(refused);
    // A chain of 64 may not become longer.
    register(&admin, "chain", &tree());
    let [long, short] = [users(app, 64), users(app, 6)];
    store(app, "chain", &path(&long));
    store(app, "chain", &path(&short));
    let before = stored(app, "chain");
    let refused = admin.post(TRANSFERS, &transfer("chain", long[60], short[0], false));
    assert_eq!(refused.refused(409, "relationship-too-deep").source("pointer"), Some("/data/relationships/to/data"));
    assert_eq!(stored(app, "chain"), before);
    admin.post(TRANSFERS, &transfer("chain", long[60], short[1], false)).expect(201);
    assert_clean(app);
});

item!([77, 78, 84, 86], an_invalid_transfer_names_its_fault, |app| {
    let admin = app.admin();
    let [leaver, successor] = users(&app, 2).try_into().expect("two");
    let valid = transfer("mentor", leaver, successor, false);
    let with = |pointer: &str, value: Value| {
        let mut document = valid.clone();
        *document.pointer_mut(pointer).expect("a member") = value;
        document
    };
    let (attributes, relationships) = ("/data/attributes", "/data/relationships");
    for (document, status, code, pointer) in [
        (
            with("/data/attributes/relationship", json!("foe")),
            422,
            "unknown-relationship-type",
            "/data/attributes/relationship",
        ),
        (with("/data/attributes/relationship", json!(5)), 422, "invalid-attribute", "/data/attributes/relationship"),
        (with("/data/attributes/relationship", json!(null)), 422, "invalid-attribute", "/data/attributes/relationship"),
        (with("/data/attributes/take-place", json!("yes")), 422, "invalid-attribute", "/data/attributes/take-place"),
        (with(attributes, json!({})), 422, "missing-attribute", attributes),
        (with(attributes, json!({"relationship": "mentor", "x": 1})), 422, "unknown-attribute", "/data/attributes/x"),
        (
            with(relationships, json!({"to": {"data": {"type": "users", "id": "1"}}})),
            422,
            "missing-relationship",
            relationships,
        ),
        (with("/data/relationships/to/data", json!(null)), 422, "invalid-relationship", "/data/relationships/to/data"),
        (
            with("/data/relationships/to/data/id", json!("x")),
            422,
            "invalid-relationship",
            "/data/relationships/to/data/id",
        ),
        (
            with("/data/relationships/to/data/type", json!("groups")),
            409,
            "type-mismatch",
            "/data/relationships/to/data/type",
        ),
        (
            with("/data/relationships/to/data/id", json!(leaver.to_string())),
            422,
            "self-relationship",
            "/data/relationships/to/data",
        ),
        (
            with("/data/relationships/to/data/id", json!("999999")),
            404,
            "related-resource-not-found",
            "/data/relationships/to/data",
        ),
        (
            with("/data/relationships/from/data/id", json!("999999")),
            404,
            "related-resource-not-found",
            "/data/relationships/from/data",
        ),
        (with("/data/type", json!("users")), 409, "type-mismatch", "/data/type"),
    ] {
        let refused = admin.post(TRANSFERS, &document).refused(status, code);
        assert_eq!(refused.source("pointer"), Some(pointer), "{}", refused.text);
    }
    let mut with_id = valid.clone();
    with_id["data"]["id"] = json!("5");
    admin.post(TRANSFERS, &with_id).refused(403, "client-generated-id");
    let unknown = with(
        "/data/relationships",
        json!({"from": {"data": {"type": "users", "id": "999998"}},
                                                     "to": {"data": {"type": "users", "id": "999999"}}}),
    );
    assert_eq!(admin.post(TRANSFERS, &unknown).codes(), ["related-resource-not-found"; 2]);
    assert_eq!(admin.get(TRANSFERS).expect(200).total(), 0);
    // The attribute is optional, and what the service sets is ignored.
    let mut sparse = valid.clone();
    sparse["data"]["attributes"] = json!({"relationship": "mentor", "moved": 5, "created-at": "x"});
    assert_eq!(numbers(&admin.post(TRANSFERS, &sparse).expect(201)), (0, 0));
});

both!(only_admins_make_and_see_transfers, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let [leaver, successor] = users(app, 2).try_into().expect("two");
    let made = admin.post(TRANSFERS, &transfer("mentor", leaver, successor, false)).expect(201);
    for caller in [&ann, &app.caller("ext")] {
        caller.post(TRANSFERS, &transfer("mentor", leaver, successor, false)).refused(403, "not-admin");
        caller.post(TRANSFERS, &json!({})).refused(403, "not-admin");
        caller.get(TRANSFERS).refused(403, "not-admin");
        caller.get(&format!("{TRANSFERS}?limit=x")).refused(403, "not-admin");
        caller.get(&format!("{TRANSFERS}/{}", made.id())).refused(403, "not-admin");
        caller.get(&format!("{TRANSFERS}/999999")).refused(403, "not-admin");
    }
    admin.get(&format!("{TRANSFERS}/999999")).refused(404, "not-found");
    admin.get(&format!("{TRANSFERS}/x")).refused(404, "not-found");
    admin.delete(&format!("{TRANSFERS}/{}", made.id())).refused(405, "method-not-allowed");
});

item!([61, 67, 70, 74], transfers_are_listed_in_pages, |app| {
    let admin = app.admin();
    let [leaver, successor] = users(&app, 2).try_into().expect("two");
    let ids: Vec<_> =
        (0..3).map(|_| admin.post(TRANSFERS, &transfer("mentor", leaver, successor, false)).expect(201).id()).collect();
    let page = admin.get(&format!("{TRANSFERS}?sort=-id&limit=2")).expect(200);
    assert_eq!((page.ids(), page.total()), (vec![ids[2], ids[1]], 3));
    let next = page.body["links"]["next"].as_str().expect("a link").to_owned();
    assert_eq!(admin.get(&next).expect(200).ids(), [ids[0]]);
    let by_cursor = admin.get(&format!("{TRANSFERS}?page[size]=2")).expect(200);
    let next = by_cursor.body["links"]["next"].as_str().expect("a link").to_owned();
    assert_eq!((by_cursor.ids(), admin.get(&next).expect(200).ids()), (ids[..2].to_vec(), ids[2..].to_vec()));
    let sparse = admin.get(&format!("{TRANSFERS}/{}?fields[transfers]=moved,to", ids[0])).expect(200);
    assert_eq!(sparse.body["data"]["attributes"], json!({"moved": 0}));
    assert!(sparse.body["data"]["relationships"]["from"].is_null());
    admin.get(&format!("{TRANSFERS}?include=from")).refused(400, "unsupported-include");
    admin.get(&format!("{TRANSFERS}?fields[transfers]=x")).refused(400, "unknown-field");
});

both!(a_repeated_transfer_with_a_key_moves_nothing_again, |app| {
    let admin = app.admin();
    let [leaver, successor, a] = users(app, 3).try_into().expect("three");
    register(&admin, KIND, &tree());
    store(app, KIND, &[(a, leaver)]);
    let body = transfer(KIND, leaver, successor, false).to_string();
    let headers = [JSON_API, ("idempotency-key", "k")];
    let send = || admin.send("POST", TRANSFERS, &headers, Some(body.as_bytes()));
    let first = send().expect(201);
    let again = send().expect(201);
    assert_eq!((&again.body, again.header("location")), (&first.body, first.header("location")));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(admin.get(TRANSFERS).expect(200).total(), 1);
    assert_edges(app, &[(a, successor)]);
});

both!(a_disabled_successor_is_accepted, |app| {
    let admin = app.admin();
    let [leaver, successor, a] = users(app, 3).try_into().expect("three");
    register(&admin, KIND, &json!({"max-per-user": 1, "managed-by": "admin"}));
    store(app, KIND, &[(a, leaver)]);
    let disabled = json!({"data": {"attributes": {"is-enabled": false}}});
    admin.patch(&format!("/api/v2/users/{successor}"), &disabled).expect(200);
    assert_eq!(numbers(&hand_over(&admin, leaver, successor, false).expect(201)), (1, 0));
    assert_eq!(findings(app), None);
});
