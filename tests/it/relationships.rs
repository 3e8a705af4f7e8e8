//! Single relationships: creating, reading, updating and deleting, and the URLs around them.

use std::collections::BTreeSet;

use crate::both;
use crate::support::{Answer, Client, Value, edge, json, without_authors};

const URL: &str = "/api/v2/user-relationships";
const MEDIA_TYPE: &str = "application/vnd.api+json";

fn url_of(id: i64) -> String {
    format!("{URL}/{id}")
}

/// The document of an update.
fn change(id: i64, relationship: &str) -> Value {
    json!({"data": {"type": "user-relationships", "id": id.to_string(), "attributes": {"relationship": relationship}}})
}

fn make(owner: &Client, relationship: &str, target: &Client) -> i64 {
    owner.post(URL, &edge(None, relationship, target.id)).expect(201).id()
}

/// Asserts that a resource object is a complete relationship.
#[track_caller]
fn assert_whole(resource: &Value, user: i64, relationship: &str, target: i64) {
    let id: i64 = resource["id"].as_str().expect("an id").parse().expect("a number");
    let end = |name: &str, user: i64| {
        json!({
            "data": {"type": "users", "id": user.to_string()},
            "links": {"self": format!("{URL}/{id}/relationships/{name}"), "related": format!("{URL}/{id}/{name}")},
        })
    };
    let attributes = &resource["attributes"];
    for name in ["created-at", "updated-at"] {
        assert_rfc_2822(attributes[name].as_str().expect("a time"));
    }
    let expected = json!({
        "type": "user-relationships",
        "id": id.to_string(),
        "attributes": {
            "relationship": relationship,
            "created-at": attributes["created-at"],
            "updated-at": attributes["updated-at"],
        },
        "relationships": {"user": end("user", user), "target": end("target", target)},
        "links": {"self": url_of(id)},
    });
    assert_eq!(without_authors(resource), expected);
}

#[track_caller]
fn assert_rfc_2822(text: &str) {
    let parsed = chrono::DateTime::parse_from_rfc2822(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(parsed.format("%a, %d %b %Y %H:%M:%S %z").to_string(), text);
}

fn send(client: &Client, method: &str, path: &str, body: &str) -> Answer {
    client.send(method, path, &[("content-type", MEDIA_TYPE)], Some(body.as_bytes()))
}

both!(a_create_returns_the_whole_resource_and_its_location, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    for (client, user, relationship) in
        [(&ann, None, "mentor"), (&ann, Some(ann.id), "colleague"), (&admin, Some(ann.id), "subordinate")]
    {
        let made = client.post(URL, &edge(user, relationship, bob.id)).expect(201);
        assert_whole(&made.body["data"], ann.id, relationship, bob.id);
        assert_eq!(made.header("location"), made.body["data"]["links"]["self"].as_str());
        let read = bob.get(made.header("location").unwrap()).expect(200);
        assert_eq!(read.body["data"], without_authors(&made.body["data"]));
    }
    app.assert_no_drift();
});

both!(the_default_owner_of_an_edge_is_the_caller, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let made = admin.post(URL, &edge(None, "mentor", bob.id)).expect(201);
    assert_whole(&made.body["data"], admin.id, "mentor", bob.id);
});

both!(read_only_and_undefined_members_are_ignored, |app| {
    let (ann, bob) = (app.user(), app.user());
    let mut document = edge(None, "mentor", bob.id);
    document["meta"] = json!({});
    document["bar"] = json!(2);
    document["jsonapi"] = json!({"version": "1.0"});
    document["data"]["foo"] = json!(1);
    document["data"]["links"] = json!({"self": "/elsewhere"});
    document["data"]["attributes"]["created-at"] = json!("Wed, 21 May 2014 10:11:24 +0300");
    document["data"]["attributes"]["updated-at"] = json!(null);
    document["data"]["attributes"]["@context"] = json!("x");
    document["data"]["relationships"]["@x"] = json!([]);
    document["data"]["relationships"]["target"]["meta"] = json!({"a": 1});
    document["data"]["relationships"]["target"]["data"]["foo"] = json!("bar");
    let made = ann.post(URL, &document).expect(201);
    assert_whole(&made.body["data"], ann.id, "mentor", bob.id);
    assert!(!made.text.contains("2014"), "{}", made.text);

    // A client sends the whole record back in an update.
    let sent_back = ann.patch(&url_of(made.id()), &made.body).expect(200);
    assert_eq!(sent_back.body["data"], made.body["data"]);
});

both!(a_create_is_refused_for_every_documented_reason, |app| {
    let (ann, bob) = (app.user(), app.user());
    let first = make(&ann, "mentor", &bob);
    let refused = |document: &Value, status: u16, code: &str, pointer: Option<&str>| {
        let answer = ann.post(URL, document).refused(status, code);
        assert_eq!(answer.source("pointer"), pointer, "{}", answer.text);
        answer
    };
    refused(&edge(Some(bob.id), "mentor", ann.id), 403, "not-owner", None);
    let mut named = edge(None, "colleague", bob.id);
    named["data"]["id"] = json!("77");
    refused(&named, 403, "client-generated-id", Some("/data/id"));
    let target = Some("/data/relationships/target/data");
    refused(&edge(None, "mentor", 999_999), 404, "related-resource-not-found", target);
    refused(&edge(None, "mentor", ann.id), 422, "self-relationship", target);
    let again = refused(&edge(None, "mentor", bob.id), 409, "already-exists", None);
    assert_eq!(again.body["errors"][0]["links"]["about"], json!(url_of(first)));
    assert_eq!(again.body["errors"][0]["meta"]["existing-id"], json!(first.to_string()));
    let unknown =
        refused(&edge(None, "foe", bob.id), 422, "unknown-relationship-type", Some("/data/attributes/relationship"));
    let detail = unknown.body["errors"][0]["detail"].as_str().unwrap();
    assert!(["subordinate", "colleague", "mentor"].iter().all(|name| detail.contains(name)), "{detail}");
    let missing_owner = app.admin().post(URL, &edge(Some(999_999), "mentor", bob.id));
    let missing_owner = missing_owner.refused(404, "related-resource-not-found");
    assert_eq!(missing_owner.source("pointer"), Some("/data/relationships/user/data"));
    assert_eq!(ann.get(URL).expect(200).ids(), [first]);
    app.assert_no_drift();
});

both!(an_invalid_document_is_refused_with_pointers, |app| {
    let (ann, bob) = (app.user(), app.user());
    let whole = edge(None, "mentor", bob.id);
    let with = |pointer: &str, value: Value| {
        let mut document = whole.clone();
        *document.pointer_mut(pointer).expect("a place in the document") = value;
        document
    };
    let linkage = |kind: &str, id: Value| json!({"type": kind, "id": id});
    let (data, target) = ("/data", "/data/relationships/target");
    let inside = format!("{target}/data");
    let cases = [
        (with("/data/type", json!("users")), 409, "type-mismatch", "/data/type"),
        (with("/data/type", json!(1)), 400, "malformed-document", "/data/type"),
        (with(data, json!([])), 400, "malformed-document", data),
        (with(data, json!(null)), 400, "malformed-document", data),
        (with(data, json!({"attributes": {}})), 400, "malformed-document", data),
        (with("/data/attributes", json!([])), 400, "malformed-document", "/data/attributes"),
        (with("/data/relationships", json!(null)), 400, "malformed-document", "/data/relationships"),
        (with("/data/attributes", json!({})), 422, "missing-attribute", "/data/attributes"),
        (with("/data/relationships", json!({})), 422, "missing-relationship", "/data/relationships"),
        (with("/data/attributes/relationship", json!(7)), 422, "invalid-attribute", "/data/attributes/relationship"),
        (with("/data/attributes/relationship", json!(null)), 422, "invalid-attribute", "/data/attributes/relationship"),
        (with(target, json!({})), 422, "invalid-relationship", target),
        (with(target, json!(null)), 422, "invalid-relationship", target),
        (with(&inside, json!(null)), 422, "invalid-relationship", &inside),
        (with(&inside, json!([])), 422, "invalid-relationship", &inside),
        (with(&inside, json!({"type": "users"})), 422, "invalid-relationship", &inside),
        (with(&inside, linkage("users", json!(9))), 422, "invalid-relationship", &format!("{inside}/id")),
        (with(&inside, linkage("users", json!("x"))), 422, "invalid-relationship", &format!("{inside}/id")),
        (with(&inside, linkage("users", json!("01"))), 422, "invalid-relationship", &format!("{inside}/id")),
        (with(&inside, linkage("people", json!("1"))), 409, "type-mismatch", &format!("{inside}/type")),
    ];
    for (document, status, code, pointer) in cases {
        let answer = ann.post(URL, &document).refused(status, code);
        assert_eq!(answer.source("pointer"), Some(pointer), "{document}");
    }
    assert_eq!(ann.get(URL).expect(200).total(), 0);
});

both!(all_errors_in_a_document_are_reported_together, |app| {
    let document = json!({"data": {"type": "user-relationships",
        "attributes": {"relationship": 1, "colour": "red", "a/b~c": 1}, "relationships": {"friend": {"data": null}}}});
    let answer = app.user().post(URL, &document).refused(422, "missing-relationship");
    let errors = answer.body["errors"].as_array().unwrap();
    let found: BTreeSet<_> =
        errors.iter().map(|e| (e["code"].as_str().unwrap(), e["source"]["pointer"].as_str().unwrap())).collect();
    let expected = BTreeSet::from([
        ("invalid-attribute", "/data/attributes/relationship"),
        ("missing-relationship", "/data/relationships"),
        ("unknown-attribute", "/data/attributes/a~1b~0c"),
        ("unknown-attribute", "/data/attributes/colour"),
        ("unknown-relationship", "/data/relationships/friend"),
    ]);
    assert_eq!(found, expected);
});

both!(an_unknown_id_is_a_404_for_every_method, |app| {
    let admin = app.admin();
    for id in ["999999", "0", "01", "-1", "x", "1.0", "9223372036854775808", "%31%00"] {
        for path in
            ["", "/user", "/target", "/relationships/user", "/relationships/target", "/owner", "/relationships/owner"]
        {
            admin.get(&format!("{URL}/{id}{path}")).refused(404, "not-found");
        }
        admin.patch(&format!("{URL}/{id}"), &change(999_999, "mentor")).refused(404, "not-found");
        admin.delete(&format!("{URL}/{id}")).refused(404, "not-found");
    }
});

both!(an_update_changes_the_type_and_keeps_the_rest, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let id = make(&ann, "mentor", &bob);
    for (client, relationship) in [(&ann, "colleague"), (&admin, "subordinate"), (&ann, "subordinate")] {
        let changed = client.patch(&url_of(id), &change(id, relationship)).expect(200);
        assert_whole(&changed.body["data"], ann.id, relationship, bob.id);
        let shown = bob.get(&format!("{}/", url_of(id))).expect(200);
        assert_eq!(shown.body["data"], without_authors(&changed.body["data"]));
    }
    let mut with_ends = edge(Some(ann.id), "mentor", bob.id);
    with_ends["data"]["id"] = json!(id.to_string());
    ann.patch(&url_of(id), &with_ends).expect(200);
    let nothing = json!({"data": {"type": "user-relationships", "id": id.to_string()}});
    let unchanged = ann.patch(&url_of(id), &nothing).expect(200);
    assert_whole(&unchanged.body["data"], ann.id, "mentor", bob.id);
    app.assert_no_drift();
});

both!(the_ends_of_a_relationship_cannot_be_changed, |app| {
    let (ann, bob, cleo, admin) = (app.user(), app.user(), app.user(), app.admin());
    let id = make(&ann, "mentor", &bob);
    for (client, user, target, end) in [
        (&ann, ann.id, cleo.id, "target"),
        (&ann, cleo.id, bob.id, "user"),
        (&admin, ann.id, 999_999, "target"),
        (&admin, cleo.id, bob.id, "user"),
    ] {
        let mut document = edge(Some(user), "colleague", target);
        document["data"]["id"] = json!(id.to_string());
        let answer = client.patch(&url_of(id), &document).refused(403, "immutable-relationship");
        assert_eq!(answer.source("pointer"), Some(&*format!("/data/relationships/{end}")));
    }
    for end in ["user", "target"] {
        let url = format!("{}/relationships/{end}", url_of(id));
        for (client, method) in [(&ann, "PATCH"), (&ann, "POST"), (&ann, "DELETE"), (&admin, "PATCH")] {
            let body = json!({"data": {"type": "users", "id": cleo.id.to_string()}}).to_string();
            send(client, method, &url, &body).refused(403, "immutable-relationship");
        }
    }
    assert_whole(&ann.get(&url_of(id)).expect(200).body["data"], ann.id, "mentor", bob.id);
});

both!(an_update_is_refused_for_every_documented_reason, |app| {
    let (ann, bob) = (app.user(), app.user());
    let (first, second) = (make(&ann, "mentor", &bob), make(&ann, "colleague", &bob));
    bob.patch(&url_of(first), &change(first, "subordinate")).refused(403, "not-owner");
    bob.patch(&url_of(first), &json!("nonsense")).refused(403, "not-owner");
    let refused = |document: &Value, status: u16, code: &str, pointer: Option<&str>| {
        let answer = ann.patch(&url_of(first), document).refused(status, code);
        assert_eq!(answer.source("pointer"), pointer, "{}", answer.text);
        answer
    };
    refused(&change(second, "subordinate"), 409, "id-mismatch", Some("/data/id"));
    refused(&json!({"data": {"type": "users", "id": first.to_string()}}), 409, "type-mismatch", Some("/data/type"));
    refused(&json!({"data": {"type": "user-relationships"}}), 400, "malformed-document", Some("/data"));
    refused(&json!({"data": {"id": first.to_string()}}), 400, "malformed-document", Some("/data"));
    refused(&change(first, "foe"), 422, "unknown-relationship-type", Some("/data/attributes/relationship"));
    let mut unknown = change(first, "subordinate");
    unknown["data"]["attributes"]["colour"] = json!("red");
    refused(&unknown, 422, "unknown-attribute", Some("/data/attributes/colour"));
    let conflict = refused(&change(first, "colleague"), 409, "already-exists", None);
    assert_eq!(conflict.body["errors"][0]["links"]["about"], json!(url_of(second)));
    assert_eq!(conflict.body["errors"][0]["meta"]["existing-id"], json!(second.to_string()));
    assert_whole(&ann.get(&url_of(first)).expect(200).body["data"], ann.id, "mentor", bob.id);
    app.assert_no_drift();
});

both!(a_delete_returns_204_once_and_ignores_its_body, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    for (client, body) in [(&ann, ""), (&admin, "{}"), (&ann, "not json"), (&ann, "{\"data\":{\"type\":\"users\"}}")] {
        let id = make(&ann, "mentor", &bob);
        bob.delete(&url_of(id)).refused(403, "not-owner");
        let gone =
            client.send("DELETE", &url_of(id), &[("content-type", "text/plain")], Some(body.as_bytes())).expect(204);
        assert_eq!((gone.text.as_str(), gone.header("content-type")), ("", None));
        client.delete(&url_of(id)).refused(404, "not-found");
        client.get(&url_of(id)).refused(404, "not-found");
    }
    let (before, after) = (make(&ann, "mentor", &bob), ann.delete(&format!("{URL}/1/")).status);
    assert_eq!(after, 404, "the id of a deleted relationship is not reused");
    assert!(before > 4);
    app.assert_no_drift();
});

both!(the_urls_of_the_ends_return_linkage_and_users, |app| {
    let (ann, bob) = (app.user(), app.user());
    let id = make(&ann, "mentor", &bob);
    for (end, user) in [("user", &ann), ("target", &bob)] {
        let linkage = ann.get(&format!("{URL}/{id}/relationships/{end}")).expect(200);
        assert_eq!(linkage.body["data"], json!({"type": "users", "id": user.id.to_string()}));
        assert_eq!(linkage.body["links"]["self"], json!(format!("{URL}/{id}/relationships/{end}")));
        assert_eq!(linkage.body["links"]["related"], json!(format!("{URL}/{id}/{end}")));
        let related = ann.get(&format!("{URL}/{id}/{end}")).expect(200);
        let read = ann.get(&format!("/api/v2/users/{}", user.id)).expect(200);
        assert_eq!(related.body["data"], read.body["data"]);
    }
});
