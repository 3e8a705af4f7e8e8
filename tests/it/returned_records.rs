//! Records that client libraries send back with members that only the service sets.

use crate::both;
use crate::support::{Answer, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const TYPES: &str = "/api/v2/relationship-types";
const OPERATIONS: &str = "/api/v2/operations";

fn operate(client: &Client, document: &Value) -> Answer {
    let media_type = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
    client.send("POST", OPERATIONS, &[("content-type", media_type)], Some(document.to_string().as_bytes()))
}

/// Turns a resource into what kitsu sends: relationships without linkage become attributes.
fn as_kitsu_sends(resource: &Value) -> Value {
    let mut sent = resource.clone();
    let relationships = sent.as_object_mut().unwrap().remove("relationships").unwrap_or_default();
    for (name, relationship) in relationships.as_object().into_iter().flatten() {
        let place = if relationship.get("data").is_some() { "relationships" } else { "attributes" };
        sent[place][name] = relationship.clone();
    }
    json!({"data": sent})
}

/// Turns a resource into what jsona sends: `links` and `meta` become attributes, relationships have linkage only.
fn as_jsona_sends(resource: &Value) -> Value {
    let mut sent = resource.clone();
    let links = sent.as_object_mut().unwrap().remove("links");
    let relationships = sent.as_object_mut().unwrap().remove("relationships").unwrap_or_default();
    for (name, relationship) in relationships.as_object().into_iter().flatten() {
        if let Some(data) = relationship.get("data") {
            sent["relationships"][name] = json!({ "data": data });
        }
    }
    sent["attributes"]["links"] = links.into();
    sent["attributes"]["meta"] = json!({"page": {"cursor": "x"}});
    json!({"data": sent})
}

/// The same resource with everything that the service sets in all three places.
fn with_server_members(resource: &Value) -> Value {
    let mut sent = resource.clone();
    let server_made = ["name", "is-supervisor", "user-relationships", "targeted-by"];
    let names = if sent["type"] == "users" { &server_made[..] } else { &[] };
    for name in ["created-at", "updated-at", "links", "meta"].iter().chain(names) {
        for place in ["attributes", "relationships"] {
            let linkless = json!({"links": {"related": "/x"}});
            sent[place][*name] = if place == "relationships" { linkless } else { json!("x") };
        }
        sent[*name] = json!({});
    }
    json!({"data": sent})
}

both!(whole_records_that_kitsu_and_jsona_send_back_are_accepted, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let edge_url = format!("{EDGES}/{}", bob.post(EDGES, &edge(None, "mentor", admin.id)).expect(201).id());
    let type_url = format!("{TYPES}/mentor");
    for (client, url, attribute, value) in [
        (&bob, "/api/v2/users/me".to_owned(), "first-name", "Bo"),
        (&admin, format!("{USERS}/{}", bob.id), "last-name", "Lee"),
        (&bob, edge_url, "relationship", "colleague"),
        (&admin, type_url, "description", "Teaches"),
    ] {
        for (index, convert) in [as_kitsu_sends, as_jsona_sends, with_server_members].into_iter().enumerate() {
            let mut resource = client.get(&url).expect(200).body["data"].clone();
            let value = if attribute == "relationship" && index == 1 { "mentor" } else { value };
            resource["attributes"][attribute] = json!(value);
            let document = convert(&resource);
            let changed = client.patch(&url, &document).expect(200);
            assert_eq!(changed.body["data"]["attributes"][attribute], json!(value), "{document}");
            assert_ne!(changed.body["data"]["attributes"]["created-at"], "x");
            assert_eq!(client.get(&url).expect(200).body["data"], changed.body["data"]);
        }
    }
});

both!(new_records_may_have_members_that_the_service_sets, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let target = || json!({"data": {"type": "users", "id": bob.id.to_string()}});
    let person = json!({"type": "users", "attributes": {"email": "new@example.com", "first-name": "N"}});
    let new_edge = json!({"type": "user-relationships", "attributes": {"relationship": "mentor"},
        "relationships": {"target": target()}});
    let kind = json!({"type": "relationship-types", "id": "coach", "attributes": {"description": "Trains"}});
    for (url, resource) in [(USERS, &person), (EDGES, &new_edge), (TYPES, &kind)] {
        let made = admin.post(url, &with_server_members(resource)).expect(201);
        let attributes = made.body["data"]["attributes"].as_object().unwrap();
        assert!(attributes.values().all(|value| value != "x"), "{}", made.text);
    }
    // Members that the service does not have are errors, wherever they are.
    for (url, resource) in [(USERS, &person), (EDGES, &new_edge), (TYPES, &kind)] {
        for (place, code) in [("attributes", "unknown-attribute"), ("relationships", "unknown-relationship")] {
            for name in ["created_at", "link", "version", "colour"] {
                let mut document = with_server_members(resource);
                document["data"][place][name] = json!({"links": {}});
                let refused = admin.post(url, &document).refused(422, code);
                assert_eq!(refused.source("pointer"), Some(&*format!("/data/{place}/{name}")));
            }
        }
    }
    // A linkage is a request to change something, which the service refuses.
    let mut linked = json!({"data": person});
    linked["data"]["relationships"] = json!({"targeted-by": {"data": []}});
    admin.post(USERS, &linked).refused(403, "immutable-relationship");
});

both!(operations_ignore_members_that_the_service_sets, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let target = json!({"data": {"type": "users", "id": bob.id.to_string()}});
    let mut new_edge = json!({"type": "user-relationships", "attributes": {"relationship": "mentor"}});
    new_edge["relationships"] = json!({"target": target});
    let person = json!({"type": "users", "attributes": {"email": "atomic@example.com"}});
    let shown = bob.get("/api/v2/users/me").expect(200).body["data"].clone();
    let operations = json!({"atomic:operations": [
        {"op": "add", "data": with_server_members(&new_edge)["data"]},
        {"op": "add", "data": with_server_members(&person)["data"]},
        {"op": "update", "data": as_kitsu_sends(&shown)["data"]},
        {"op": "update", "data": as_jsona_sends(&shown)["data"]},
        {"op": "update", "data": with_server_members(&shown)["data"]},
    ]});
    let done = operate(&admin, &operations).expect(200);
    assert_eq!(done.body["atomic:results"].as_array().unwrap().len(), 5);
    let mut unknown = operations;
    unknown["atomic:operations"][1]["data"]["attributes"] = json!({"email": "b@example.com", "version": 1});
    let refused = operate(&admin, &unknown).refused(422, "unknown-attribute");
    assert_eq!(refused.source("pointer"), Some("/atomic:operations/1/data/attributes/version"));
});
