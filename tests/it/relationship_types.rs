//! Relationship types: listing, registering, updating and removing.

use crate::both;
use crate::support::{Answer, App, Client, Value, edge, json};

const URL: &str = "/api/v2/relationship-types";
const EDGES: &str = "/api/v2/user-relationships";

/// The document of a type with that name.
fn kind(name: &str, attributes: &Value) -> Value {
    json!({"data": {"type": "relationship-types", "id": name, "attributes": attributes}})
}

fn register(client: &Client, name: &str) -> Answer {
    client.post(URL, &kind(name, &json!({})))
}

fn names(answer: &Answer) -> Vec<&str> {
    answer.body["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

fn all(app: &App) -> Vec<String> {
    let listed = app.user().get(&format!("{URL}?limit=50")).expect(200);
    names(&listed).into_iter().map(str::to_owned).collect()
}

both!(a_new_database_has_three_types_that_every_caller_sees, |app| {
    for client in [app.user(), app.admin(), app.caller("ext")] {
        let listed = client.get(URL).expect(200);
        assert_eq!((names(&listed), listed.total()), (vec!["colleague", "mentor", "subordinate"], 3));
        for row in listed.body["data"].as_array().unwrap() {
            let one = client.get(row["links"]["self"].as_str().unwrap()).expect(200);
            assert_eq!(one.body["data"], *row);
            let attributes: Vec<_> = row["attributes"].as_object().unwrap().keys().collect();
            let rules = ["is-acyclic", "is-symmetric", "is-tree", "managed-by", "max-per-user", "target-role"];
            assert_eq!(attributes, [&["created-at", "description"][..], &rules, &["updated-at", "user-role"]].concat());
        }
    }
});

both!(types_are_listed_in_pages, |app| {
    let ann = app.user();
    let page = ann.get(&format!("{URL}?limit=1&offset=1")).expect(200);
    assert_eq!((names(&page), page.total()), (vec!["mentor"], 3));
    for (name, offset) in [("first", 0), ("prev", 0), ("next", 2), ("last", 2)] {
        let link = format!("{URL}?page%5Boffset%5D={offset}&page%5Blimit%5D=1");
        assert_eq!(page.body["links"][name], json!(link));
    }
    let count = ann.get(&format!("{URL}/?page[limit]=0")).expect(200);
    assert_eq!((names(&count), count.total(), &count.body["links"]["next"]), (vec![], 3, &json!(null)));
    assert_eq!(names(&ann.get(&format!("{URL}?offset=99")).expect(200)), Vec::<&str>::new());
    ann.get(&format!("{URL}?limit=51")).refused(400, "invalid-parameter");
    ann.get(&format!("{URL}?filter[id]=mentor")).refused(400, "unknown-parameter");
    ann.get(&format!("{URL}/mentor?limit=1")).refused(400, "unknown-parameter");
});

both!(an_admin_registers_describes_and_removes_a_type, |app| {
    let admin = app.admin();
    let made = admin.post(URL, &kind("coach", &json!({"description": "Trains somebody"}))).expect(201);
    assert_eq!(made.header("location"), Some("/api/v2/relationship-types/coach"));
    let attributes = &made.body["data"]["attributes"];
    let expected = json!({
        "type": "relationship-types",
        "id": "coach",
        "attributes": {
            "description": "Trains somebody",
            "user-role": null,
            "target-role": null,
            "is-symmetric": false,
            "is-acyclic": false,
            "max-per-user": null,
            "managed-by": "owner",
            "is-tree": false,
            "created-at": attributes["created-at"],
            "updated-at": attributes["updated-at"],
        },
        "links": {"self": "/api/v2/relationship-types/coach"},
    });
    assert_eq!(made.body["data"], expected);
    let one = format!("{URL}/coach");
    assert_eq!(app.user().get(&one).expect(200).body["data"], expected);
    for description in [json!("Other words"), json!(null), json!("é".repeat(1_000)), json!("")] {
        let sent = json!({"description": description, "created-at": "ignored", "updated-at": 1});
        let changed = admin.patch(&one, &kind("coach", &sent)).expect(200);
        assert_eq!(changed.body["data"]["attributes"]["description"], description);
        let unchanged = admin.patch(&one, &kind("coach", &json!({}))).expect(200);
        assert_eq!(unchanged.body["data"], changed.body["data"]);
    }
    admin.delete(&one).expect(204);
    for method in ["GET", "DELETE"] {
        admin.send(method, &one, &[], None).refused(404, "not-found");
    }
    admin.patch(&one, &kind("coach", &json!({}))).refused(404, "not-found");
    assert_eq!(all(app).len(), 3);
    app.assert_no_drift();
});

both!(only_admins_write_types, |app| {
    for client in [app.user(), app.caller("ext")] {
        register(&client, "coach").refused(403, "not-admin");
        client.post(URL, &json!("nonsense")).refused(403, "not-admin");
        for name in ["mentor", "nothing"] {
            client.patch(&format!("{URL}/{name}"), &kind(name, &json!({}))).refused(403, "not-admin");
            client.delete(&format!("{URL}/{name}")).refused(403, "not-admin");
        }
    }
    assert_eq!(all(app), ["colleague", "mentor", "subordinate"]);
});

both!(a_type_is_refused_for_every_documented_reason, |app| {
    let admin = app.admin();
    let refused = |document: &Value, status: u16, code: &str, pointer: Option<&str>| {
        let answer = admin.post(URL, document).refused(status, code);
        assert_eq!(answer.source("pointer"), pointer, "{document}");
    };
    let too_long = "a".repeat(65);
    for name in ["", "1a", "-a", "Coach", "a_b", "a b", "ä", "a\u{0}", "me/too", too_long.as_str()] {
        refused(&kind(name, &json!({})), 422, "invalid-attribute", Some("/data/id"));
        admin.get(&format!("{URL}/{}", name.replace(['\0', ' ', 'ä'], "%20"))).expect(if name.is_empty() {
            200
        } else {
            404
        });
    }
    refused(&json!({"data": {"type": "relationship-types"}}), 422, "missing-attribute", Some("/data"));
    refused(&json!({"data": {"type": "relationship-types", "id": 1}}), 400, "malformed-document", Some("/data/id"));
    refused(&json!({"data": {"type": "users", "id": "coach"}}), 409, "type-mismatch", Some("/data/type"));
    refused(&kind("mentor", &json!({})), 409, "already-exists", None);
    let description = Some("/data/attributes/description");
    for value in [json!(1), json!(["a"]), json!("x".repeat(1_001)), json!("a\u{0}")] {
        refused(&kind("coach", &json!({"description": value})), 422, "invalid-attribute", description);
    }
    refused(&kind("coach", &json!({"colour": 1})), 422, "unknown-attribute", Some("/data/attributes/colour"));
    let other = admin.patch(&format!("{URL}/mentor"), &kind("colleague", &json!({}))).refused(409, "id-mismatch");
    assert_eq!(other.source("pointer"), Some("/data/id"));
    assert_eq!(all(app), ["colleague", "mentor", "subordinate"]);
});

both!(the_shortest_and_the_longest_legal_names_are_registered_and_used, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    for name in ["a", "x-9-", &"a".repeat(64)] {
        register(&admin, name).expect(201);
        admin.get(&format!("{URL}/{name}")).expect(200);
        let made = ann.post(EDGES, &edge(None, name, bob.id)).expect(201);
        assert_eq!(ann.get(&format!("{EDGES}?relationship={name}")).expect(200).ids(), [made.id()]);
    }
});

both!(a_type_that_relationships_use_cannot_be_removed, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let made = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    admin.delete(&format!("{URL}/mentor")).refused(409, "type-in-use");
    ann.delete(made.header("location").unwrap()).expect(204);
    admin.delete(&format!("{URL}/mentor")).expect(204);
    ann.post(EDGES, &edge(None, "mentor", bob.id)).refused(422, "unknown-relationship-type");
    assert_eq!(ann.get(&format!("{EDGES}?relationship=mentor")).expect(200).total(), 0);
    register(&admin, "mentor").expect(201);
    ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    app.assert_no_drift();
});

both!(every_instance_accepts_a_new_type_immediately, |app| {
    let beside = app.beside();
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let there = beside.client_like(&ann);
    for name in ["first", "second"] {
        there.post(EDGES, &edge(None, name, bob.id)).refused(422, "unknown-relationship-type");
        assert_eq!(there.get(&format!("{EDGES}?relationship={name}")).expect(200).total(), 0);
        register(&admin, name).expect(201);
        let made = there.post(EDGES, &edge(None, name, bob.id)).expect(201);
        for client in [&ann, &there] {
            let listed = client.get(&format!("{EDGES}?relationship={name}")).expect(200);
            assert_eq!((listed.ids(), listed.total()), (vec![made.id()], 1));
            assert_eq!(listed.body["data"][0]["attributes"]["relationship"], name);
            client.get(&format!("{URL}/{name}")).expect(200);
        }
        admin.delete(&format!("{URL}/{name}")).refused(409, "type-in-use");
    }
});

both!(a_type_registered_again_is_the_new_one_on_every_instance, |app| {
    let beside = app.beside();
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let there = beside.client_like(&ann);
    register(&admin, "coach").expect(201);
    let made = there.post(EDGES, &edge(None, "coach", bob.id)).expect(201);
    there.delete(made.header("location").unwrap()).expect(204);
    admin.delete(&format!("{URL}/coach")).expect(204);
    there.post(EDGES, &edge(None, "coach", bob.id)).refused(422, "unknown-relationship-type");
    register(&admin, "coach").expect(201);
    let made = there.post(EDGES, &edge(None, "coach", bob.id)).expect(201);
    for client in [&ann, &there] {
        let listed = client.get(&format!("{EDGES}?relationship=coach")).expect(200);
        assert_eq!((listed.ids(), listed.total()), (vec![made.id()], 1));
    }
    app.assert_no_drift();
});
