//! Creating, updating and deleting users.

use crate::both;
use crate::support::{Answer, App, Client, Value, edge, json};

const URL: &str = "/api/v2/users";
const EDGES: &str = "/api/v2/user-relationships";

/// The document of a create.
fn new(attributes: &Value) -> Value {
    json!({"data": {"type": "users", "attributes": attributes}})
}

/// Updates attributes of a user.
fn change(client: &Client, id: i64, attributes: &Value) -> Answer {
    let document = json!({"data": {"type": "users", "id": id.to_string(), "attributes": attributes}});
    client.patch(&format!("{URL}/{id}"), &document)
}

fn attributes_of(client: &Client, id: i64) -> Value {
    client.get(&format!("{URL}/{id}")).expect(200).body["data"]["attributes"].clone()
}

#[track_caller]
fn assert_pointers(answer: &Answer, pointers: &[&str]) {
    let errors = answer.body["errors"].as_array().unwrap();
    let mut found: Vec<_> = errors.iter().map(|error| error["source"]["pointer"].as_str().unwrap_or("-")).collect();
    found.sort_unstable();
    assert_eq!(found, pointers, "{}", answer.text);
}

fn users(app: &App) -> i64 {
    app.admin().get(&format!("{URL}?filter[is-enabled]=true,false&limit=0")).expect(200).total() - 1
}

both!(an_admin_creates_a_user_with_only_an_address, |app| {
    let admin = app.admin();
    let made = admin.post(URL, &new(&json!({"email": "Ann@Example.com"}))).expect(201);
    assert_eq!(made.header("location"), Some(&*format!("{URL}/{}", made.id())));
    assert_eq!(made.body["data"]["links"]["self"].as_str(), made.header("location"));
    let attributes = &made.body["data"]["attributes"];
    assert_eq!(attributes["email"], "Ann@Example.com");
    assert_eq!((&attributes["access-level"], &attributes["is-enabled"]), (&json!("user"), &json!(true)));
    assert_eq!((&attributes["name"], &attributes["phone"]), (&json!(null), &json!([])));
    assert_eq!(admin.get(made.header("location").unwrap()).expect(200).body["data"], made.body["data"]);
    app.assert_no_drift();
});

both!(an_admin_creates_a_user_with_every_attribute, |app| {
    let sent = json!({
        "first-name": "Ann", "last-name": "Berg", "email": "ann@example.com", "description": "d".repeat(10_000),
        "additional-info": "é".repeat(300), "location": ["Oslo"], "unit": ["R", "D"], "phone": ["+47 1"],
        "mobile": ["+47 2"], "job-title": ["Boss"], "website": ["https://a.example"], "skype": ["ann"],
        "twitter": ["@ann"], "alt-id": "x-1", "is-enabled": false, "access-level": "ext",
    });
    let mut document = new(&sent);
    let computed = json!({"name": "No", "is-supervisor": true, "created-at": "never", "updated-at": 1});
    document["data"]["attributes"].as_object_mut().unwrap().extend(computed.as_object().unwrap().clone());
    let made = app.admin().post(URL, &document).expect(201);
    let attributes = &made.body["data"]["attributes"];
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(attributes[name], *value, "{name}");
    }
    assert_eq!((&attributes["name"], &attributes["is-supervisor"]), (&json!("Ann Berg"), &json!(false)));
    app.assert_no_drift();
});

both!(only_admins_create_and_delete_users, |app| {
    let (ann, ext) = (app.user(), app.caller("ext"));
    let before = users(app);
    for client in [&ann, &ext] {
        client.post(URL, &new(&json!({"email": "new@example.com"}))).refused(403, "not-admin");
        client.post(URL, &json!("nonsense")).refused(403, "not-admin");
        for id in [ann.id, ext.id, 999_999] {
            client.delete(&format!("{URL}/{id}")).refused(403, "not-admin");
        }
    }
    assert_eq!(users(app), before + 1, "only the admin that counts is new");
});

both!(an_address_is_required_valid_and_unique_ignoring_case, |app| {
    let admin = app.admin();
    admin.post(URL, &new(&json!({"email": "ann@example.com"}))).expect(201);
    let refused = |attributes: Value, status: u16, code: &str| {
        let answer = admin.post(URL, &new(&attributes)).refused(status, code);
        answer.source("pointer").unwrap().to_owned()
    };
    assert!("/data/attributes".starts_with(&refused(json!({"first-name": "Ann"}), 422, "missing-attribute")));
    let long = format!("{}@example.com", "a".repeat(250));
    for email in [
        json!(""),
        json!("x"),
        json!("a@"),
        json!("@b"),
        json!("a b@c.example"),
        json!("Ann <ann@example.com>"),
        json!("a\u{0}@b.example"),
        json!(long),
        json!(null),
        json!(1),
        json!(["a@b.example"]),
    ] {
        assert_eq!(refused(json!({"email": email}), 422, "invalid-attribute"), "/data/attributes/email");
    }
    for email in ["ann@example.com", "ANN@Example.COM"] {
        assert_eq!(refused(json!({"email": email}), 409, "email-taken"), "/data/attributes/email");
    }
    let bob = app.named("bob@example.com", "user");
    let taken = change(&admin, bob.id, &json!({"email": "Ann@example.com"})).refused(409, "email-taken");
    assert_eq!(taken.source("pointer"), Some("/data/attributes/email"));
    change(&admin, bob.id, &json!({"email": "BOB@example.com"})).expect(200);
    change(&admin, bob.id, &json!({"email": "bob2@example.com"})).expect(200);
    app.assert_no_drift();
});

both!(every_invalid_attribute_is_reported_with_its_pointer, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let bad = json!({
        "first-name": "x".repeat(256), "last-name": 1, "description": "a\u{0}b", "additional-info": "x".repeat(301),
        "location": "Oslo", "unit": [1], "phone": [null], "mobile": {}, "website": ["a\u{0}"], "alt-id": true,
        "is-enabled": null, "access-level": "king",
    });
    let mut pointers: Vec<_> = bad.as_object().unwrap().keys().map(|name| format!("/data/attributes/{name}")).collect();
    pointers.sort_unstable();
    let pointers: Vec<_> = pointers.iter().map(String::as_str).collect();
    assert_pointers(&change(&admin, ann.id, &bad).refused(422, "invalid-attribute"), &pointers);
    let before = attributes_of(&admin, ann.id);
    change(&ann, ann.id, &json!({"first-name": "Ann", "last-name": 1})).refused(422, "invalid-attribute");
    let unknown =
        change(&ann, ann.id, &json!({"colour": "red", "first-name": "Ann"})).refused(422, "unknown-attribute");
    assert_pointers(&unknown, &["/data/attributes/colour"]);
    assert_eq!(attributes_of(&admin, ann.id), before, "nothing was written");
});

both!(users_change_their_own_profile_and_admins_every_profile, |app| {
    let (admin, ann, ext) = (app.admin(), app.user(), app.caller("ext"));
    for (client, id) in [(&ann, ann.id), (&ext, ext.id), (&admin, ann.id), (&admin, admin.id)] {
        let changed =
            change(client, id, &json!({"first-name": "Ann", "last-name": "Berg", "phone": ["1"]})).expect(200);
        let attributes = &changed.body["data"]["attributes"];
        assert_eq!((&attributes["name"], &attributes["phone"]), (&json!("Ann Berg"), &json!(["1"])));
        let cleared = change(client, id, &json!({"first-name": null, "phone": null})).expect(200);
        let attributes = &cleared.body["data"]["attributes"];
        assert_eq!((&attributes["first-name"], &attributes["phone"]), (&json!(null), &json!([])));
        assert_eq!((&attributes["name"], &attributes["last-name"]), (&json!("Berg"), &json!("Berg")));
    }
    change(&ann, admin.id, &json!({"first-name": "Ann"})).refused(403, "not-owner");
    change(&ann, ext.id, &json!("nonsense")).refused(403, "not-owner");
    change(&ext, ann.id, &json!({"first-name": "Ann"})).refused(404, "not-found");
    let all = json!({"alt-id": "7", "is-enabled": false, "access-level": "ext", "email": "other@example.com"});
    let changed = change(&admin, ann.id, &all).expect(200);
    for (name, value) in all.as_object().unwrap() {
        assert_eq!(changed.body["data"]["attributes"][name], *value, "{name}");
    }
    app.assert_no_drift();
});

both!(users_may_send_admin_only_attributes_only_unchanged, |app| {
    let ann = app.named("ann@example.com", "user");
    let present = json!({"email": "ann@example.com", "alt-id": null, "is-enabled": true, "access-level": "user"});
    let mut whole = present.clone();
    whole["first-name"] = json!("Ann");
    assert_eq!(change(&ann, ann.id, &whole).expect(200).body["data"]["attributes"]["first-name"], "Ann");
    let other = json!({"email": "b@example.com", "alt-id": "1", "is-enabled": false, "access-level": "admin"});
    for (name, value) in other.as_object().unwrap() {
        let mut document = present.clone();
        document[name] = value.clone();
        let refused = change(&ann, ann.id, &document).refused(403, "admin-only-attribute");
        assert_pointers(&refused, &[&format!("/data/attributes/{name}")]);
    }
    let mut all = other.clone();
    all["first-name"] = json!("Bea");
    let refused = change(&ann, ann.id, &all).refused(403, "admin-only-attribute");
    assert_pointers(
        &refused,
        &["access-level", "alt-id", "email", "is-enabled"]
            .map(|n| format!("/data/attributes/{n}"))
            .each_ref()
            .map(String::as_str),
    );
    assert_eq!(attributes_of(&ann, ann.id)["first-name"], "Ann", "nothing was written");
});

both!(an_unchanged_record_sent_back_changes_nothing, |app| {
    let (ann, bob) = (app.user(), app.user());
    ann.post(EDGES, &edge(None, "subordinate", bob.id)).expect(201);
    for client in [&ann, &bob] {
        let read = client.get(&format!("{URL}/me")).expect(200);
        let changed = client.patch(&format!("{URL}/{}", client.id), &read.body).expect(200);
        assert_eq!(changed.body["data"], read.body["data"]);
    }
    let computed = json!({"name": "X", "is-supervisor": true, "created-at": 1, "updated-at": null});
    assert_eq!(change(&ann, ann.id, &computed).expect(200).body["data"]["attributes"]["is-supervisor"], false);
    let with_data = json!({"data": {"type": "users", "id": ann.id.to_string(), "relationships": {
        "user-relationships": {"data": []}, "targeted-by": {"links": {}}}}});
    let refused = ann.patch(&format!("{URL}/{}", ann.id), &with_data).refused(403, "immutable-relationship");
    assert_pointers(&refused, &["/data/relationships/user-relationships"]);
    let unknown = json!({"data": {"type": "users", "id": ann.id.to_string(), "relationships": {"boss": {}}}});
    let refused = ann.patch(&format!("{URL}/{}", ann.id), &unknown).refused(422, "unknown-relationship");
    assert_pointers(&refused, &["/data/relationships/boss"]);
});

both!(an_update_may_omit_type_and_id_only_for_users, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let bare = |name: &str| json!({"data": {"attributes": {"first-name": name}}});
    for (name, path) in
        [("A", format!("{URL}/{}", ann.id)), ("B", format!("{URL}/me")), ("C", format!("{URL}/{}/", ann.id))]
    {
        assert_eq!(ann.patch(&path, &bare(name)).expect(200).body["data"]["attributes"]["first-name"], name);
    }
    let typed = |kind: &str, id: i64| json!({"data": {"type": kind, "id": id.to_string()}});
    ann.patch(&format!("{URL}/me"), &typed("users", bob.id)).refused(409, "id-mismatch");
    ann.patch(&format!("{URL}/{}", ann.id), &typed("user-relationships", ann.id)).refused(409, "type-mismatch");
    admin.post(URL, &json!({"data": {"attributes": {"email": "x@example.com"}}})).refused(400, "malformed-document");
    let mut named = new(&json!({"email": "x@example.com"}));
    named["data"]["id"] = json!("4711");
    assert_pointers(&admin.post(URL, &named).refused(403, "client-generated-id"), &["/data/id"]);
    let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    let bare = json!({"data": {"attributes": {"relationship": "colleague"}}});
    ann.patch(&format!("{EDGES}/{id}"), &bare).refused(400, "malformed-document");
    let bare = json!({"data": {"attributes": {"description": "x"}}});
    admin.patch("/api/v2/relationship-types/mentor", &bare).refused(400, "malformed-document");
});

both!(a_deleted_user_takes_its_relationships_and_tokens_with_it, |app| {
    let (ann, bob, cleo, admin) = (app.user(), app.user(), app.user(), app.admin());
    ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    bob.post(EDGES, &edge(None, "subordinate", ann.id)).expect(201);
    let left = bob.post(EDGES, &edge(None, "mentor", cleo.id)).expect(201).id();
    ann.get(&format!("{URL}/me")).expect(200);
    let gone = admin.delete(&format!("{URL}/{}", ann.id)).expect(204);
    assert_eq!(gone.text, "");
    ann.get(&format!("{URL}/me")).refused(401, "unauthenticated");
    admin.get(&format!("{URL}/{}", ann.id)).refused(404, "not-found");
    admin.delete(&format!("{URL}/{}", ann.id)).refused(404, "not-found");
    let listed = bob.get(EDGES).expect(200);
    assert_eq!((listed.ids(), listed.total()), (vec![left], 1));
    assert_eq!(bob.get(&format!("{EDGES}?target={}", ann.id)).expect(200).total(), 0);
    bob.post(EDGES, &edge(None, "mentor", ann.id)).refused(404, "related-resource-not-found");
    let again = admin.post(URL, &new(&json!({"email": "user0@example.com"}))).expect(201).id();
    assert!(again > admin.id, "ids are not reused");
    app.assert_no_drift();
});

both!(an_admin_cannot_delete_itself, |app| {
    let (admin, other) = (app.admin(), app.admin());
    admin.delete(&format!("{URL}/{}", admin.id)).refused(409, "own-account");
    admin.get(&format!("{URL}/me")).expect(200);
    other.delete(&format!("{URL}/{}", admin.id)).expect(204);
    admin.get(&format!("{URL}/me")).refused(401, "unauthenticated");
});

both!(changed_rights_apply_immediately, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let me = format!("{URL}/me");
    ann.get(&me).expect(200);
    for (attributes, status) in [
        (json!({"access-level": "excluded"}), 403),
        (json!({"access-level": "user"}), 200),
        (json!({"is-enabled": false}), 403),
        (json!({"is-enabled": true, "access-level": "ext"}), 200),
    ] {
        change(&admin, ann.id, &attributes).expect(200);
        ann.get(&me).expect(status);
    }
    ann.get(&format!("{URL}/{}", admin.id)).refused(404, "not-found");
    change(&admin, ann.id, &json!({"access-level": "admin"})).expect(200);
    ann.delete(&format!("{URL}/{}", admin.id)).expect(204);
    app.assert_no_drift();
});
