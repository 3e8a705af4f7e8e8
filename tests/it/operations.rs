//! The atomic operations extension (`contract/json-api-1.1.md`, A1 to A17).

use crate::both;
use crate::item;
use crate::support::{Answer, App, Client, Value, json};

const PATH: &str = "/api/v2/operations";
const MEDIA_TYPE: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";

fn send(client: &Client, operations: &Value) -> Answer {
    let document = json!({"atomic:operations": operations});
    client.send("POST", PATH, &[("content-type", MEDIA_TYPE)], Some(document.to_string().as_bytes()))
}

/// An `add` of a relationship; each end is a resource identifier without its type.
fn add(user: &Value, relationship: &str, target: &Value) -> Value {
    let end = |end: &Value| {
        let mut identifier = end.clone();
        identifier["type"] = json!("users");
        json!({"data": identifier})
    };
    json!({"op": "add", "data": {
        "type": "user-relationships",
        "attributes": {"relationship": relationship},
        "relationships": {"user": end(user), "target": end(target)},
    }})
}

fn id(client: &Client) -> Value {
    json!({"id": client.id.to_string()})
}

fn count(app: &App) -> i64 {
    app.admin().get("/api/v2/user-relationships?limit=0").expect(200).total()
}

item!(
    [A3, A7, A12, A13],
    operations_create_users_and_relate_them_by_lid,
    plain
        | app
        | {
            let admin = app.admin();
            let user = |lid: &str| json!({"op": "add", "data": {"type": "users", "lid": lid, "attributes": {"email": format!("{lid}@example.org")}}});
            let mut edge = add(&json!({"lid": "a"}), "mentor", &json!({"lid": "b"}));
            edge["data"]["lid"] = json!("edge");
            let change = json!({"op": "update", "ref": {"type": "user-relationships", "lid": "edge"}, "data":
        {"type": "user-relationships", "attributes": {"relationship": "colleague"}}});
            let answer = send(&admin, &json!([user("a"), user("b"), edge, change])).expect(200);
            assert_eq!(answer.header("content-type"), Some(MEDIA_TYPE));
            assert_eq!(answer.body["jsonapi"]["ext"], json!(["https://jsonapi.org/ext/atomic"]));
            assert!(answer.body.get("data").is_none() && answer.body.get("errors").is_none());
            let results = answer.body["atomic:results"].as_array().unwrap();
            assert_eq!(results.len(), 4);
            assert_eq!(results[2]["data"]["relationships"]["target"]["data"]["id"], results[1]["data"]["id"]);
            assert_eq!(results[3]["data"]["attributes"]["relationship"], "colleague");
            assert_eq!(results[3]["data"]["id"], results[2]["data"]["id"]);
            app.assert_no_drift();
        }
);

item!(
    [A6, A9, A11],
    a_failed_operation_rolls_back_the_others_and_is_named,
    plain | app | {
        let (ann, bob) = (app.user(), app.user());
        let good = add(&id(&ann), "mentor", &id(&bob));
        for (bad, status, code, pointer) in [
            (good.clone(), 409, "already-exists", "/atomic:operations/1"),
            (add(&id(&bob), "mentor", &id(&ann)), 403, "not-owner", "/atomic:operations/1"),
            (
                add(&id(&ann), "nemesis", &id(&bob)),
                422,
                "unknown-relationship-type",
                "/atomic:operations/1/data/attributes/relationship",
            ),
            (
                add(&id(&ann), "mentor", &json!({"id": "999999"})),
                404,
                "related-resource-not-found",
                "/atomic:operations/1/data/relationships/target/data",
            ),
            (
                json!({"op": "remove", "ref": {"type": "user-relationships", "id": "999999"}}),
                404,
                "not-found",
                "/atomic:operations/1",
            ),
        ] {
            let answer = send(&ann, &json!([good, bad])).refused(status, code);
            assert_eq!(answer.source("pointer"), Some(pointer));
            assert_eq!(count(app), 0);
        }
        app.assert_no_drift();
    }
);

item!(
    [A4, A10],
    a_malformed_operation_is_refused_before_any_runs,
    plain | app | {
        let (ann, bob) = (app.user(), app.user());
        let good = add(&id(&ann), "mentor", &id(&bob));
        let user = json!({"type": "users", "id": "1"});
        for (bad, code, pointer) in [
            (json!({"op": "move", "data": user}), "malformed-document", "/op"),
            (json!({"data": user}), "malformed-document", ""),
            (json!(7), "malformed-document", ""),
            (json!({"op": "remove"}), "malformed-document", ""),
            (json!({"op": "remove", "ref": user, "href": "/api/v2/users/1"}), "malformed-document", ""),
            (json!({"op": "remove", "ref": {"type": "users"}}), "malformed-document", "/ref"),
            (json!({"op": "remove", "ref": {"type": "users", "lid": "x"}}), "malformed-document", "/ref/lid"),
            (json!({"op": "add"}), "malformed-document", ""),
            (json!({"op": "add", "data": []}), "malformed-document", "/data"),
            (json!({"op": "add", "data": {}}), "malformed-document", "/data"),
            (
                add(&id(&ann), "mentor", &json!({"lid": "later"})),
                "malformed-document",
                "/data/relationships/target/data/lid",
            ),
        ] {
            let answer = send(&ann, &json!([good, bad])).refused(400, code);
            assert_eq!(answer.source("pointer"), Some(format!("/atomic:operations/1{pointer}").as_str()), "{bad}");
        }
        let types = json!({"op": "add", "data": {"type": "relationship-types", "id": "x"}});
        send(&ann, &json!([types])).refused(409, "type-mismatch");
        assert_eq!(count(app), 0);
    }
);

item!(
    [A2],
    a_document_of_operations_has_no_other_members,
    plain | app | {
        let ann = app.user();
        let post = |document: Value| {
            ann.send("POST", PATH, &[("content-type", MEDIA_TYPE)], Some(document.to_string().as_bytes()))
        };
        for document in [
            json!({}),
            json!([]),
            json!({"atomic:operations": []}),
            json!({"atomic:operations": {}}),
            json!({"atomic:operations": [{}], "data": null}),
            json!({"atomic:operations": [{}], "included": []}),
            json!({"atomic:operations": [{}], "atomic:results": []}),
        ] {
            post(document).refused(400, "malformed-document");
        }
        ann.send("POST", PATH, &[("content-type", MEDIA_TYPE)], Some(b"{")).refused(400, "malformed-json");
    }
);

item!(
    [A1],
    operations_require_the_media_type_of_the_extension,
    plain | app | {
        let ann = app.user();
        for media_type in ["application/vnd.api+json", "application/json", "text/plain"] {
            let headers = [("content-type", media_type)];
            ann.send("POST", PATH, &headers, Some(b"{}")).refused(415, "unsupported-media-type");
        }
        let headers = [("content-type", MEDIA_TYPE)];
        ann.send("POST", "/api/v2/user-relationships", &headers, Some(b"{}")).refused(415, "unsupported-media-type");
        app.anonymous().send("POST", PATH, &headers, Some(b"{")).refused(401, "unauthenticated");
    }
);

item!(
    [A5, A14],
    a_target_is_named_by_ref_or_by_href,
    plain
        | app
        | {
            let (ann, bob) = (app.user(), app.user());
            let made = send(&ann, &json!([add(&json!(id(&ann)), "mentor", &id(&bob))])).expect(200);
            let edge = made.body["atomic:results"][0]["data"]["id"].clone();
            let url = format!("/api/v2/user-relationships/{}", edge.as_str().unwrap());
            let data = |relationship: &str| json!({"type": "user-relationships", "id": edge, "attributes": {"relationship": relationship}});
            let operations = json!([
                {"op": "update", "href": url, "data": data("colleague")},
                {"op": "update", "data": data("subordinate")},
                {"op": "update", "ref": {"type": "user-relationships", "id": edge}, "data": data("mentor")},
                {"op": "remove", "href": format!("http://example.org{url}")},
                {"op": "add", "href": "/api/v2/user-relationships", "data": add(&id(&ann), "mentor", &id(&bob))["data"]},
            ]);
            let answer = send(&ann, &operations).expect(200);
            assert_eq!(answer.body["atomic:results"][3], json!({}));
            assert_eq!(count(app), 1);
            let elsewhere = json!([{"op": "remove", "href": "/somewhere/else"}]);
            assert_eq!(
                send(&ann, &elsewhere).refused(404, "not-found").source("pointer"),
                Some("/atomic:operations/0/href")
            );
        }
);

both!(operations_cannot_change_linkage, |app| {
    let (ann, bob) = (app.user(), app.user());
    let made = send(&ann, &json!([add(&id(&ann), "mentor", &id(&bob))])).expect(200);
    let edge = made.body["atomic:results"][0]["data"]["id"].as_str().unwrap().to_owned();
    for target in [
        json!({"ref": {"type": "user-relationships", "id": edge, "relationship": "target"}}),
        json!({"href": format!("/api/v2/user-relationships/{edge}/relationships/user")}),
        json!({"ref": {"type": "users", "id": ann.id.to_string(), "relationship": "user-relationships"}}),
    ] {
        let mut operation = target;
        operation["op"] = json!("update");
        operation["data"] = json!({"type": "users", "id": ann.id.to_string()});
        send(&ann, &json!([operation])).refused(403, "immutable-relationship");
    }
    let moved = json!({"op": "update", "data": {"type": "user-relationships", "id": edge, "relationships":
        {"target": {"data": {"type": "users", "id": ann.id.to_string()}}}}});
    send(&ann, &json!([moved])).refused(403, "immutable-relationship");
});

both!(each_operation_is_authorized_as_if_it_were_alone, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let new = json!({"op": "add", "data": {"type": "users", "attributes": {"email": "new@example.org"}}});
    send(&ann, &json!([new])).refused(403, "not-admin");
    let gone = |user: &Client| json!({"op": "remove", "ref": {"type": "users", "id": user.id.to_string()}});
    send(&ann, &json!([gone(&bob)])).refused(403, "not-admin");
    send(&admin, &json!([gone(&admin)])).refused(409, "own-account");
    let level = json!({"op": "update", "data": {"type": "users", "id": ann.id.to_string(), "attributes":
        {"access-level": "admin"}}});
    let refused = send(&ann, &json!([level])).refused(403, "admin-only-attribute");
    assert_eq!(refused.source("pointer"), Some("/atomic:operations/0/data/attributes/access-level"));
    send(&admin, &json!([gone(&bob)])).expect(200);
    bob.get("/api/v2/users/me").refused(401, "unauthenticated");
});

/// Operations on SQLite may take a twentieth of it; a test machine is slow.
fn patient(config: &mut user_relationships::config::Config) {
    config.request_timeout = std::time::Duration::from_mins(1);
}

both!(a_request_has_at_most_1000_operations, |config| { patient(config) }, |app| {
    let admin = app.admin();
    let hub = app.user();
    let user = |n: usize| json!({"op": "add", "data": {"type": "users", "lid": n.to_string(), "attributes": {"email": format!("u{n}@x.org")}}});
    let mut operations: Vec<_> = (0..500).map(user).collect();
    operations.extend((0..500).map(|n: usize| add(&json!({"lid": n.to_string()}), "subordinate", &id(&hub))));
    let answer = send(&admin, &json!(operations)).expect(200);
    assert_eq!(answer.body["atomic:results"].as_array().unwrap().len(), 1_000);
    assert_eq!(count(app), 500);
    operations.push(user(1_000));
    send(&admin, &json!(operations)).refused(400, "malformed-document");
    app.assert_no_drift();
});

both!(repeated_operations_are_performed_once, |app| {
    let (ann, bob) = (app.user(), app.user());
    let document = json!({"atomic:operations": [add(&id(&ann), "mentor", &id(&bob))]}).to_string();
    let headers = [("content-type", MEDIA_TYPE), ("idempotency-key", "once")];
    let first = ann.send("POST", PATH, &headers, Some(document.as_bytes())).expect(200);
    let again = ann.send("POST", PATH, &headers, Some(document.as_bytes())).expect(200);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!((first.text, again.header("content-type")), (again.text.clone(), Some(MEDIA_TYPE)));
    assert_eq!(count(app), 1);
});
