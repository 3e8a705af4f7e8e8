//! Deletions of users that hand over the relationships which target them.

use crate::both;
use crate::support::graph::{
    EDGES, TRANSFERS, acyclic, assert_clean, meta, path, register, store, stored, symmetric, texts, tree, users,
};
use crate::support::{Answer, App, Client, edge, json};

const USERS: &str = "/api/v2/users";

fn leave(admin: &Client, id: i64, query: &str) -> Answer {
    admin.delete(&format!("{USERS}/{id}?{query}"))
}

fn ends(app: &App, kind: &str) -> Vec<(i64, i64)> {
    let mut ends: Vec<_> = stored(app, kind).into_values().collect();
    ends.sort_unstable();
    ends
}

#[track_caller]
fn assert_edges(app: &App, kind: &str, expected: &[(i64, i64)]) {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(ends(app, kind), expected);
    assert_clean(app);
}

both!(a_deleted_user_leaves_its_team_to_a_successor, |app| {
    let admin = app.admin();
    let [top, leaver, successor, a, b] = users(app, 5).try_into().expect("five");
    register(&admin, "tree", &tree());
    register(&admin, "single", &json!({"max-per-user": 1}));
    register(&admin, "plain", &json!({}));
    register(&admin, "owned", &json!({"max-per-user": 1}));
    store(app, "tree", &[(leaver, top), (successor, top), (a, leaver), (b, a)]);
    store(app, "single", &[(b, leaver), (leaver, a)]);
    store(app, "plain", &[(a, leaver)]);
    store(app, "owned", &[(leaver, a)]);
    leave(&admin, leaver, &format!("transfer-to={successor}")).expect(204);
    admin.get(&format!("{USERS}/{leaver}")).refused(404, "not-found");
    assert_edges(app, "tree", &[(successor, top), (a, successor), (b, a)]);
    assert_edges(app, "single", &[(b, successor)]);
    assert_edges(app, "plain", &[]);
    // What the user owned is gone: it did not target the user, and the successor does not take its place.
    assert_edges(app, "owned", &[]);
    // Each type in which something was handed over is recorded.
    let listed = admin.get(TRANSFERS).expect(200);
    let rows = listed.body["data"].as_array().expect("a list");
    let kinds: Vec<_> = rows.iter().map(|row| row["attributes"]["relationship"].as_str().expect("a type")).collect();
    assert_eq!(kinds, ["tree", "single"]);
    for row in rows {
        assert_eq!((&row["attributes"]["moved"], &row["attributes"]["take-place"]), (&json!(1), &json!(false)));
        assert_eq!(row["relationships"]["from"]["data"]["id"], leaver.to_string());
        assert_eq!(row["relationships"]["actor"]["data"]["id"], admin.id.to_string());
    }
});

both!(a_successor_below_the_deleted_user_takes_its_place, |app| {
    let admin = app.admin();
    let [top, leaver, upper, successor, a, outside] = users(app, 6).try_into().expect("six");
    register(&admin, "tree", &tree());
    register(&admin, "single", &json!({"max-per-user": 1}));
    store(app, "tree", &path(&[successor, upper, leaver, top]));
    store(app, "tree", &[(a, leaver)]);
    // Where it is not below, its own edge stays.
    store(app, "single", &[(a, leaver), (successor, outside)]);
    leave(&admin, leaver, &format!("transfer-to={successor}")).expect(204);
    assert_edges(app, "tree", &[(successor, top), (upper, successor), (a, successor)]);
    assert_edges(app, "single", &[(a, successor), (successor, outside)]);
    let rows = admin.get(TRANSFERS).expect(200).body["data"].clone();
    assert_eq!(
        (&rows[0]["attributes"]["take-place"], &rows[1]["attributes"]["take-place"]),
        (&json!(true), &json!(false))
    );
    // The top may leave as well.
    leave(&admin, top, &format!("transfer-to={a}")).expect(204);
    assert_edges(app, "tree", &[(successor, a), (upper, successor)]);
});

both!(named_types_are_handed_over_instead, |app| {
    let admin = app.admin();
    let [leaver, successor, a, b, t] = users(app, 5).try_into().expect("five");
    register(&admin, "tree", &tree());
    register(&admin, "dag", &acyclic());
    register(&admin, "pairs", &symmetric());
    store(app, "tree", &[(a, leaver)]);
    store(app, "dag", &[(a, leaver), (successor, leaver), (leaver, t)]);
    store(app, "pairs", &[(leaver, a), (b, leaver), (successor, b)]);
    leave(&admin, leaver, &format!("transfer-to={successor}&transfer-types=dag,pairs,mentor")).expect(204);
    assert_edges(app, "tree", &[]);
    assert_edges(app, "dag", &[(a, successor), (successor, t)]);
    assert_edges(app, "pairs", &[(successor, a), (successor, b)]);
});

both!(a_refused_handover_deletes_nothing_and_names_its_parameter, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let [leaver, successor, upper, a] = users(app, 4).try_into().expect("four");
    register(&admin, "dag", &acyclic());
    store(app, "dag", &[(successor, leaver), (successor, upper), (upper, leaver), (a, leaver)]);
    let before = stored(app, "dag");
    for (query, status, code, parameter) in [
        ("transfer-to=999999".to_owned(), 404, "related-resource-not-found", "transfer-to"),
        (format!("transfer-to={leaver}"), 422, "self-relationship", "transfer-to"),
        ("transfer-to=x".to_owned(), 400, "invalid-parameter", "transfer-to"),
        ("transfer-to=".to_owned(), 400, "invalid-parameter", "transfer-to"),
        ("transfer-types=dag".to_owned(), 400, "invalid-parameter", "transfer-types"),
        (format!("transfer-to={successor}&transfer-types="), 400, "invalid-parameter", "transfer-types"),
        (format!("transfer-to={successor}&transfer-types=A"), 400, "invalid-parameter", "transfer-types"),
        (format!("transfer-to={successor}&transfer-types=foe"), 422, "unknown-relationship-type", "transfer-types"),
        (format!("transfer-to={successor}&transfer-to={a}"), 400, "duplicate-parameter", "transfer-to"),
        (format!("transfer-to={successor}&x=1"), 400, "unknown-parameter", "x"),
        (format!("transfer-to={successor}&transfer-types=dag"), 409, "relationship-cycle", "transfer-to"),
    ] {
        let refused = leave(&admin, leaver, &query).refused(status, code);
        assert_eq!(refused.source("parameter"), Some(parameter), "{query}: {}", refused.text);
        if code == "relationship-cycle" {
            assert_eq!(meta(&refused, "path"), &texts(&[upper, successor, upper]));
        }
    }
    leave(&admin, 999_998, &format!("transfer-to={successor}")).refused(404, "not-found");
    leave(&admin, admin.id, &format!("transfer-to={successor}")).refused(409, "own-account");
    leave(&ann, leaver, &format!("transfer-to={successor}")).refused(403, "not-admin");
    leave(&ann, ann.id, &format!("transfer-to={successor}")).refused(403, "not-admin");
    let stale = admin.send("DELETE", &format!("{USERS}/{leaver}?transfer-to={a}"), &[("if-match", "\"x\"")], None);
    stale.refused(412, "precondition-failed");
    assert_eq!(stored(app, "dag"), before);
    assert_eq!(admin.get(TRANSFERS).expect(200).total(), 0);
    assert_clean(app);
});

both!(a_deletion_without_a_successor_is_as_before, |app| {
    let admin = app.admin();
    let [leaver, a] = users(app, 2).try_into().expect("two");
    register(&admin, "tree", &tree());
    store(app, "tree", &[(a, leaver)]);
    admin.post(EDGES, &edge(Some(leaver), "mentor", a)).expect(201);
    admin.delete(&format!("{USERS}/{leaver}")).expect(204);
    assert_edges(app, "tree", &[]);
    assert_eq!(admin.get(TRANSFERS).expect(200).total(), 0);
});
