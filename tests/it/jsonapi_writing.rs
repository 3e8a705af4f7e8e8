//! JSON:API 1.1, "Creating, Updating and Deleting Resources": items 75 to 104 of the checklist.

use std::collections::BTreeSet;

use crate::conformance::{Checked, EDGES, JSON_API, TYPES, USERS, make, retyped};
use crate::item;
use crate::support::{Answer, Client, Value, edge, json};

const JA: &str = "application/vnd.api+json";

/// A create whose document has `value` at `pointer`; null removes the member.
fn post_with(client: &Checked<Client>, target: i64, pointer: &str, value: Option<Value>) -> Answer {
    let mut document = edge(None, "mentor", target);
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => drop(parent.insert(name.to_owned(), value)),
        None => drop(parent.remove(name)),
    }
    client.post(EDGES, &document)
}

fn linkage(kind: &str, id: &str) -> Value {
    json!({"type": kind, "id": id})
}

item!([75, 90], a_request_with_one_error_changes_nothing, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let id = make(&ann, "mentor", bob.id).id();
    let everything = || [EDGES, USERS, TYPES].map(|list| admin.get(list).expect(200).body["data"].clone());
    let before = everything();
    let mut change = retyped(id, "colleague");
    change["data"]["relationships"] = json!({"target": {"data": linkage("users", &admin.id.to_string())}});
    ann.patch(&format!("{EDGES}/{id}"), &change).refused(403, "immutable-relationship");
    let mut change = retyped(id, "colleague");
    change["data"]["attributes"]["colour"] = json!("red");
    ann.patch(&format!("{EDGES}/{id}"), &change).refused(422, "unknown-attribute");
    let me = |attributes: Value| json!({"data": {"attributes": attributes}});
    ann.patch("/api/v2/users/me", &me(json!({"first-name": "Ann", "phone": 1}))).refused(422, "invalid-attribute");
    ann.patch("/api/v2/users/me", &me(json!({"first-name": "Ann", "alt-id": "1"})))
        .refused(403, "admin-only-attribute");
    let new = |attributes: Value| json!({"data": {"type": "users", "attributes": attributes}});
    admin.post(USERS, &new(json!({"email": "n@people.example", "colour": 1}))).refused(422, "unknown-attribute");
    post_with(&ann, 999_999, "/data/attributes/relationship", Some(json!("colleague")))
        .refused(404, "related-resource-not-found");
    assert_eq!(everything(), before);
    app.assert_no_drift();
});

item!([76, 77, 118], a_create_is_one_resource_object_with_a_type_and_linkage, |app| {
    let (ann, bob) = (app.user(), app.user());
    let whole = edge(None, "mentor", bob.id)["data"].clone();
    for (value, pointer) in
        [(json!([whole]), "/data"), (json!(null), "/data"), (json!("x"), "/data"), (json!(1), "/data")]
    {
        let refused = post_with(&ann, bob.id, "/data", Some(value)).refused(400, "malformed-document");
        assert_eq!(refused.source("pointer"), Some(pointer));
    }
    assert_eq!(ann.post(EDGES, &json!({"meta": {}})).refused(400, "malformed-document").source("pointer"), Some(""));
    let untyped = post_with(&ann, bob.id, "/data/type", None).refused(400, "malformed-document");
    assert_eq!(untyped.source("pointer"), Some("/data"));
    for (value, at) in [
        (json!({}), "/data/relationships/target"),
        (json!({"links": {}}), "/data/relationships/target"),
        (json!({"meta": {"data": {}}}), "/data/relationships/target"),
        (json!([]), "/data/relationships/target"),
        (json!({"data": null}), "/data/relationships/target/data"),
        (json!({"data": []}), "/data/relationships/target/data"),
        (json!({"data": {"type": "users", "lid": "a"}}), "/data/relationships/target/data"),
        (json!({"data": {"id": "1"}}), "/data/relationships/target/data"),
    ] {
        let refused = post_with(&ann, bob.id, "/data/relationships/target", Some(value.clone()));
        assert_eq!(refused.refused(422, "invalid-relationship").source("pointer"), Some(at), "{value}");
    }
    let missing = post_with(&ann, bob.id, "/data/relationships", None).refused(422, "missing-relationship");
    assert_eq!(missing.source("pointer"), Some("/data"));
    assert_eq!(ann.get(EDGES).total(), 0);
});

item!([78, 85, C7], a_client_generated_id_is_a_403_used_or_unused, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let taken = make(&ann, "colleague", bob.id).id().to_string();
    for id in [&*taken, "4242", "2f8e8a5c-1d1c-4d0a-9e38-0a5a3f0f7b11", ""] {
        let refused = post_with(&ann, bob.id, "/data/id", Some(json!(id))).refused(403, "client-generated-id");
        assert_eq!(refused.source("pointer"), Some("/data/id"));
        let user = json!({"data": {"type": "users", "id": id, "attributes": {"email": "x@people.example"}}});
        admin.post(USERS, &user).refused(403, "client-generated-id");
    }
    post_with(&ann, bob.id, "/data/lid", Some(json!("local"))).expect(201);
    // Where the client chooses the ids, an existing one is a 409.
    let kind = json!({"data": {"type": "relationship-types", "id": "mentor"}});
    let conflict = admin.post(TYPES, &kind).refused(409, "already-exists");
    assert!(conflict.source("pointer").is_none_or(|at| at == "/data/id"));
});

item!([79, 80, 81, 83], a_create_returns_201_with_the_resource_and_its_location, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let user = json!({"data": {"type": "users", "attributes": {"email": "new@people.example"}}});
    let kind = json!({"data": {"type": "relationship-types", "id": "friend", "attributes": {"description": "x"}}});
    for (list, document) in [(EDGES, edge(Some(ann.id), "mentor", bob.id)), (USERS, user), (TYPES, kind)] {
        let made = admin.post(list, &document).expect(201);
        let location = made.header("location").unwrap();
        assert_eq!(made.body["data"]["links"]["self"], json!(location));
        assert!(location.starts_with(&format!("{list}/")) && made.header("etag").is_some());
        let attributes = made.body["data"]["attributes"].as_object().unwrap();
        assert!(attributes["created-at"].is_string() && attributes["created-at"] == attributes["updated-at"]);
        let fetched = admin.get(location).expect(200);
        assert_eq!((&fetched.body["data"], fetched.header("etag")), (&made.body["data"], made.header("etag")));
    }
});

item!([84, 86, 87, C6], errors_in_a_create_have_their_own_status_and_pointer, |app| {
    let (ann, bob) = (app.user(), app.user());
    let target = "/data/relationships/target/data";
    for (pointer, value, status, code, blamed) in [
        (target, linkage("users", "999999"), 404, "related-resource-not-found", target),
        (target, linkage("users", "9223372036854775807"), 404, "related-resource-not-found", target),
        (target, linkage("user", "1"), 409, "type-mismatch", "/data/relationships/target/data/type"),
        (target, linkage("user-relationships", "1"), 409, "type-mismatch", "/data/relationships/target/data/type"),
        (target, linkage("users", "x"), 422, "invalid-relationship", "/data/relationships/target/data/id"),
        (target, linkage("users", "0"), 422, "invalid-relationship", "/data/relationships/target/data/id"),
        (
            target,
            linkage("users", "9223372036854775808"),
            422,
            "invalid-relationship",
            "/data/relationships/target/data/id",
        ),
        (target, json!({"type": "users", "id": 1}), 422, "invalid-relationship", "/data/relationships/target/data/id"),
        ("/data/type", json!("users"), 409, "type-mismatch", "/data/type"),
        ("/data/type", json!("User-Relationships"), 409, "type-mismatch", "/data/type"),
    ] {
        let refused = post_with(&ann, bob.id, pointer, Some(value.clone())).refused(status, code);
        assert_eq!(refused.source("pointer"), Some(blamed), "{value}");
    }
    for id in ["0", "-1", "x", "01", "9223372036854775808"] {
        ann.get(&format!("{EDGES}?filter[user]={id}")).refused(400, "invalid-parameter");
        ann.get(&format!("{EDGES}/{id}")).refused(404, "not-found");
    }
    let first = make(&ann, "mentor", bob.id);
    let again = ann.post(EDGES, &edge(None, "mentor", bob.id)).refused(409, "already-exists");
    let about = again.body["errors"][0]["links"]["about"].as_str().unwrap();
    assert_eq!((ann.get(about).expect(200).id(), about), (first.id(), first.header("location").unwrap()));
});

item!([89, 95, 87], an_update_must_name_the_type_and_id_of_its_url, |app| {
    let (ann, bob) = (app.user(), app.user());
    let (one, other) = (make(&ann, "mentor", bob.id).id(), make(&ann, "colleague", bob.id).id());
    let url = format!("{EDGES}/{one}");
    for (data, status, code, pointer) in [
        (json!([retyped(one, "subordinate")["data"]]), 400, "malformed-document", "/data"),
        (json!(null), 400, "malformed-document", "/data"),
        (json!({"type": "user-relationships"}), 400, "malformed-document", "/data"),
        (json!({"id": one.to_string()}), 400, "malformed-document", "/data"),
        (json!({"type": "user-relationships", "id": one}), 400, "malformed-document", "/data/id"),
        (json!({"type": "user-relationships", "id": other.to_string()}), 409, "id-mismatch", "/data/id"),
        (json!({"type": "users", "id": one.to_string()}), 409, "type-mismatch", "/data/type"),
    ] {
        let refused = ann.patch(&url, &json!({"data": data})).refused(status, code);
        assert_eq!(refused.source("pointer"), Some(pointer), "{data}");
    }
    let me = format!("{USERS}/{}", ann.id);
    let user = |kind: &str, id: i64| json!({"data": {"type": kind, "id": id.to_string(), "attributes": {}}});
    ann.patch(&me, &user("people", ann.id)).refused(409, "type-mismatch");
    ann.patch(&me, &user("users", bob.id)).refused(409, "id-mismatch");
    ann.patch(&me, &user("users", ann.id)).expect(200);
});

item!([90, 92], an_update_keeps_omitted_values_and_returns_the_result, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let made = make(&ann, "mentor", bob.id);
    let url = made.header("location").unwrap();
    let bare = json!({"data": {"type": "user-relationships", "id": made.id().to_string()}});
    assert_eq!(ann.patch(url, &bare).expect(200).body["data"], made.body["data"]);
    let changed = ann.patch(url, &retyped(made.id(), "colleague")).expect(200);
    assert_eq!(changed.body["data"]["relationships"], made.body["data"]["relationships"]);
    assert_eq!(ann.get(url).expect(200).body, changed.body);
    let attributes = json!({"email": "new@people.example", "first-name": "New", "phone": ["1"], "alt-id": "7"});
    let made = admin.post(USERS, &json!({"data": {"type": "users", "attributes": attributes}})).expect(201);
    let url = made.header("location").unwrap();
    let change = json!({"data": {"type": "users", "id": made.id().to_string(), "attributes": {"last-name": "Name"}}});
    let changed = admin.patch(url, &change).expect(200);
    let (mut before, after) = (made.body["data"].clone(), changed.body["data"].clone());
    for (name, value) in [("last-name", json!("Name")), ("name", json!("New Name"))] {
        before["attributes"][name] = value;
    }
    before["attributes"]["updated-at"] = after["attributes"]["updated-at"].clone();
    assert_eq!(after, before);
});

item!([91, C8], an_update_may_repeat_linkage_but_not_change_it, |app| {
    let (ann, bob, cleo) = (app.user(), app.user(), app.user());
    let made = make(&ann, "mentor", bob.id);
    let url = made.header("location").unwrap();
    ann.patch(url, &made.body).expect(200);
    let with = |target: Value| {
        let mut document = retyped(made.id(), "colleague");
        document["data"]["relationships"] = json!({"target": target});
        ann.patch(url, &document)
    };
    let pointer = "/data/relationships/target";
    assert_eq!(with(json!({})).refused(422, "invalid-relationship").source("pointer"), Some(pointer));
    for other in [linkage("users", &cleo.id.to_string()), linkage("users", "999999")] {
        let refused = with(json!({"data": other})).refused(403, "immutable-relationship");
        assert!(refused.source("pointer").is_some_and(|at| at.starts_with(pointer)));
    }
    assert_eq!(ann.get(url).expect(200).body["data"], made.body["data"]);
    // The relationships of a user are lists in other responses; clients send whole records back with their links.
    let me = ann.get("/api/v2/users/me").expect(200);
    assert_eq!(ann.patch("/api/v2/users/me", &me.body).expect(200).body["data"], me.body["data"]);
    let replaced = json!({"data": {"relationships": {"targeted-by": {"data": []}}}});
    ann.patch("/api/v2/users/me", &replaced).refused(403, "immutable-relationship");
});

item!([93, 96, 101, C7], an_unsupported_update_is_a_403_with_the_reason, |app| {
    let (ann, bob) = (app.user(), app.user());
    let url = make(&ann, "mentor", bob.id).header("location").unwrap().to_owned();
    let mut seen = BTreeSet::new();
    for end in ["user", "target"] {
        let path = format!("{url}/relationships/{end}");
        for document in
            [json!({"data": linkage("users", &bob.id.to_string())}), json!({"data": null}), json!({"data": []})]
        {
            for method in ["PATCH", "POST", "DELETE"] {
                let refused = ann.put_in(method, &path, &[], &document).refused(403, "immutable-relationship");
                seen.insert(refused.codes()[0].to_owned());
            }
        }
    }
    // The user at the end of a relationship is updated at its own URL.
    let user = json!({"data": {"type": "users", "id": bob.id.to_string(), "attributes": {"first-name": "x"}}});
    let refused = bob.patch(&format!("{url}/target"), &user).refused(403, "unsupported-update");
    seen.insert(refused.codes()[0].to_owned());
    seen.insert(bob.delete(&url).refused(403, "not-owner").codes()[0].to_owned());
    seen.insert(post_with(&ann, bob.id, "/data/id", Some(json!("1"))).expect(403).codes()[0].to_owned());
    assert_eq!(seen.len(), 4, "four kinds of 403, each with its code");
});

item!([94, 103], updates_and_deletes_of_missing_resources_are_404, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let id = make(&ann, "mentor", bob.id).id();
    let url = format!("{EDGES}/{id}");
    ann.delete(&url).expect(204);
    ann.delete(&url).refused(404, "not-found");
    ann.patch(&url, &retyped(id, "colleague")).refused(404, "not-found");
    let user = json!({"data": {"type": "users", "id": "999999", "attributes": {}}});
    admin.patch(&format!("{USERS}/999999"), &user).refused(404, "not-found");
    admin.delete(&format!("{USERS}/999999")).refused(404, "not-found");
    let kind = json!({"data": {"type": "relationship-types", "id": "unknown", "attributes": {}}});
    admin.patch(&format!("{TYPES}/unknown"), &kind).refused(404, "not-found");
    admin.delete(&format!("{TYPES}/unknown")).refused(404, "not-found");
});

item!([102, 104, C8], a_delete_returns_204_and_ignores_body_and_content_type, |app| {
    let (ann, bob) = (app.user(), app.user());
    for (content_type, body) in [
        (Some(JA), "{\"data\":{\"type\":\"user-relationships\",\"id\":\"1\"}}"),
        (Some(JA), "{}"),
        (Some("text/plain"), "nonsense"),
        (None, "{\"data\":null}"),
        (Some(JA), ""),
    ] {
        let url = make(&ann, "mentor", bob.id).header("location").unwrap().to_owned();
        let headers: Vec<_> = content_type.map(|sent| (JSON_API.0, sent)).into_iter().collect();
        let gone = ann.send("DELETE", &format!("{url}/"), &headers, Some(body.as_bytes())).expect(204);
        assert_eq!((&*gone.text, gone.header("content-type")), ("", None));
        ann.get(&url).refused(404, "not-found");
    }
});
