//! The forms dialect: the documented examples, and all other requests.

use crate::both;
use crate::support::{App, Client, Value, json};

const USERS: &str = "/api/users";
const GROUPS: &str = "/api/user/relationships";
const MEMBERS: &str = "/api/user/relationship_users";

/// The body of a request, with the built-in form of that name.
pub fn form(name: &str, form: &Value) -> Value {
    json!({"form_configuration_name": format!("reference_rest_api_{name}"), "form": form})
}

/// The same, for a record of a type.
pub fn typed(name: &str, kind: &str, values: &Value) -> Value {
    let mut body = form(name, values);
    body["parent_resource_id"] = kind.into();
    body
}

/// A new group of the built-in type.
pub fn group(client: &Client, name: &str) -> i64 {
    let body = typed("relationship_create", "special_group", &json!({"properties": {"group_name": name}}));
    client.form("POST", GROUPS, &body).expect(201).model_id()
}

/// Adds a user to a group.
pub fn member(client: &Client, group: i64, user: i64) -> i64 {
    let values = json!({"relationship_id": group, "user_id": user, "properties": {"status": "active"}});
    let body = typed("relationship_user_create", "special_group_users", &values);
    client.form("POST", MEMBERS, &body).expect(201).model_id()
}

/// The attributes of a resource in `/api/v2`.
pub fn attributes(client: &Client, path: &str) -> Value {
    client.get(path).expect(200).body["data"]["attributes"].clone()
}

fn with_token(app: &App, client: &Client, spelling: &str) -> Client {
    let secret = client.authorization().expect("a token").rsplit('=').next().expect("a secret");
    app.anonymous().with_authorization(&spelling.replace("SECRET", secret))
}

both!(documented_requests_get_the_documented_responses, |app| {
    let admin = app.admin();
    for (number, spelling) in
        ["Token token=SECRET", "token token=SECRET", "TOKEN Token=\"SECRET\""].into_iter().enumerate()
    {
        let client = with_token(app, &admin, spelling);
        let body = format!(
            r#"{{"form_configuration_name":"reference_rest_api_create_user","form":{{"first_name":"Example","email":"example{number}@platformos.com","password":"somepassword"}}}}"#
        );
        let headers = [("accept", "application/json"), ("content-type", "application/json")];
        let made = client.send("POST", USERS, &headers, Some(body.as_bytes())).expect(201);
        let id = made.model_id();
        assert_eq!(made.text, format!(r#"{{"model":{{"id":{id}}},"errors":{{}}}}"#));
        assert_eq!(made.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(attributes(&admin, &format!("/api/v2/users/{id}"))["first-name"], "Example");
    }
    let body = r#"{"form_configuration_name":"reference_rest_api_relationship_create","parent_resource_id":"special_group","form":{"properties":{"group_name":"Captains"}}}"#;
    let headers = [("accept", "application/json"), ("content-type", "application/json")];
    let group = admin.send("POST", GROUPS, &headers, Some(body.as_bytes())).expect(201).model_id();
    let user = app.user();
    let body = format!(
        r#"{{"form_configuration_name":"reference_rest_api_relationship_user_create","parent_resource_id":"special_group_users","form":{{"relationship_id":{group},"user_id":{},"properties":{{"status":"active"}}}}}}"#,
        user.id
    );
    let member = admin.send("POST", MEMBERS, &headers, Some(body.as_bytes())).expect(201).model_id();
    let body = r#"{"form_configuration_name":"reference_rest_api_relationship_update","form":{"properties":{"status":"not_verified"}}}"#;
    let path = format!("{MEMBERS}/{member}");
    let changed = admin.send("PUT", &path, &headers, Some(body.as_bytes())).expect(204);
    assert_eq!((changed.text.as_str(), changed.header("content-type")), ("", None));
    let shown = attributes(&admin, &format!("/api/v2/group-members/{member}"));
    assert_eq!(shown["properties"], json!({"status": "not_verified"}));
    assert_eq!(shown["member-type"], "special_group_users");
});

both!(every_path_accepts_a_json_suffix, |app| {
    let admin = app.admin();
    let user = json!({"first_name": "A", "email": "a@example.com", "password": "long enough"});
    let id = admin.form("POST", "/api/users.json", &form("create_user", &user)).expect(201).model_id();
    let path = format!("/api/users/{id}.json");
    admin.form("PUT", &path, &form("update_user", &json!({"last_name": "B"}))).expect(204);
    let credentials = json!({"email": "a@example.com", "password": "long enough"});
    let opened = app.anonymous().form("POST", "/api/sessions.json", &form("create_session", &credentials)).expect(201);
    let session = format!("Token token={}", opened.body["model"]["token"].as_str().expect("a token"));
    let me = app.anonymous().with_authorization(&session);
    me.form("DELETE", "/api/sessions.json", &form("delete_session", &json!({}))).expect(204);
    let typed_group = typed("relationship_create", "special_group", &json!({"properties": {"group_name": "G"}}));
    let group = admin.form("POST", &format!("{GROUPS}.json"), &typed_group).expect(201).model_id();
    let values = json!({"relationship_id": group, "user_id": id, "properties": {"status": "x"}});
    let typed_member = typed("relationship_user_create", "special_group_users", &values);
    let member = admin.form("POST", &format!("{MEMBERS}.json"), &typed_member).expect(201).model_id();
    let path = format!("{MEMBERS}/{member}.json");
    admin.form("PUT", &path, &form("relationship_user_update", &json!({"properties": {"status": "y"}}))).expect(204);
    let query = "?form_configuration_name=reference_rest_api_relationship_user_delete";
    admin.delete(&format!("{path}{query}")).expect(204);
    let path = format!("{GROUPS}/{group}.json");
    admin.form("PUT", &path, &form("relationship_update", &json!({"properties": {"group_name": "H"}}))).expect(204);
    admin.form("DELETE", &path, &form("relationship_delete", &json!({}))).expect(204);
});

both!(users_are_shared_with_api_v2, |app| {
    let admin = app.admin();
    let values = json!({"first_name": "Ann", "last_name": "Lee", "email": "Ann@example.com", "password": "long enough",
        "external_id": "77", "properties": {"nickname": "annie", "tags": ["a", 1, {"deep": null}]}});
    let id = admin.form("POST", USERS, &form("create_user", &values)).expect(201).model_id();
    let shown = attributes(&admin, &format!("/api/v2/users/{id}"));
    for (name, value) in [("first-name", "Ann"), ("last-name", "Lee"), ("email", "Ann@example.com"), ("alt-id", "77")] {
        assert_eq!(shown[name], value);
    }
    assert_eq!((&shown["access-level"], &shown["is-enabled"]), (&json!("user"), &json!(true)));
    assert!(!admin.get(&format!("/api/v2/users/{id}")).text.contains("long enough"));

    let other = app.user();
    let change = form("update_user", &json!({"first_name": "Bob", "last_name": null, "properties": {"nickname": "b"}}));
    other.form("PUT", &format!("{USERS}/{}", other.id), &change).expect(204);
    let shown = attributes(&other, "/api/v2/users/me");
    assert_eq!((&shown["first-name"], &shown["last-name"]), (&json!("Bob"), &Value::Null));
    app.assert_no_drift();
});

both!(an_update_keeps_fields_that_are_not_sent, |app| {
    let (owner, user) = (app.user(), app.user());
    let group = group(&owner, "Captains");
    let member = member(&owner, group, user.id);
    let path = format!("/api/v2/groups/{group}");
    let before = owner.get(&path).expect(200);
    owner.form("PUT", &format!("{GROUPS}/{group}"), &form("relationship_update", &json!({}))).expect(204);
    assert_eq!(owner.get(&path).header("etag"), before.header("etag"), "nothing changed");
    let rename = form("relationship_update", &json!({"properties": {"group_name": "Majors"}}));
    owner.form("PUT", &format!("{GROUPS}/{group}"), &rename).expect(204);
    assert_eq!(attributes(&owner, &path)["properties"], json!({"group_name": "Majors"}));
    assert_ne!(owner.get(&path).header("etag"), before.header("etag"));
    let path = format!("{MEMBERS}/{member}");
    owner.form("PUT", &path, &form("relationship_user_update", &json!({"relationship_id": group}))).expect(204);
    let shown = attributes(&owner, &format!("/api/v2/group-members/{member}"));
    assert_eq!(shown["properties"], json!({"status": "active"}));
});

both!(a_membership_can_move_only_to_a_group_of_the_caller, |app| {
    let (owner, stranger, user, late) = (app.user(), app.user(), app.user(), app.user());
    let (here, there, foreign) = (group(&owner, "A"), group(&owner, "B"), group(&stranger, "C"));
    let path = format!("{MEMBERS}/{}", member(&owner, here, user.id));
    let to = |group: i64| form("relationship_user_update", &json!({"relationship_id": group.to_string()}));
    owner.form("PUT", &path, &to(foreign)).expect(403);
    user.form("PUT", &path, &to(there)).expect(403);
    assert_eq!(owner.form("PUT", &path, &to(999_999)).expect(422).fields(), ["relationship_id"]);
    owner.form("PUT", &path, &to(there)).expect(204);
    assert_eq!(owner.get(&format!("/api/v2/group-members?filter[group]={there}")).expect(200).total(), 1);
    let second = format!("{MEMBERS}/{}", member(&owner, there, late.id));
    let change = form("relationship_user_update", &json!({"user_id": user.id}));
    assert_eq!(owner.form("PUT", &second, &change).expect(422).fields(), ["user_id"], "a member already");
});

both!(a_membership_needs_an_existing_user_and_group_and_is_unique, |app| {
    let (owner, user) = (app.user(), app.user());
    let group = group(&owner, "Captains");
    member(&owner, group, user.id);
    let add = |group: i64, user: i64, status: Value| {
        let values = json!({"relationship_id": group, "user_id": user, "properties": {"status": status}});
        owner.form("POST", MEMBERS, &typed("relationship_user_create", "special_group_users", &values))
    };
    assert_eq!(add(group, user.id, json!("x")).expect(422).fields(), ["user_id"]);
    assert_eq!(add(group, 999_999, json!("x")).expect(422).fields(), ["user_id"]);
    assert_eq!(add(999_999, user.id, json!("x")).expect(422).fields(), ["relationship_id"]);
    let all = add(999_999, 888_888, Value::Null).expect(422);
    assert_eq!(all.fields(), ["properties.status", "relationship_id", "user_id"]);
    assert_eq!(all.body["model"]["relationship_id"], 999_999, "the values are sent back");
    assert_eq!(owner.get(&format!("/api/v2/group-members?filter[group]={group}")).expect(200).total(), 1);
});

both!(concurrent_creates_of_one_membership_succeed_once, |app| {
    let (owner, user) = (app.user(), app.user());
    let group = group(&owner, "Captains");
    let values = json!({"relationship_id": group, "user_id": user.id, "properties": {"status": "x"}});
    let body = typed("relationship_user_create", "special_group_users", &values);
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| owner.form("POST", MEMBERS, &body).status)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 422].contains(status)), "{statuses:?}");
});

both!(deleting_a_group_or_a_user_removes_the_memberships, |app| {
    let (owner, user, admin) = (app.user(), app.user(), app.admin());
    let (first, second) = (group(&owner, "A"), group(&owner, "B"));
    member(&owner, first, user.id);
    let left = member(&owner, second, user.id);
    let query = "?form_configuration_name=reference_rest_api_relationship_delete";
    owner.delete(&format!("{GROUPS}/{first}{query}")).expect(204);
    owner.delete(&format!("{GROUPS}/{first}{query}")).expect(404);
    let of_user = format!("/api/v2/group-members?filter[user]={}", user.id);
    assert_eq!(admin.get(&of_user).expect(200).ids(), [left]);
    admin.delete(&format!("/api/v2/users/{}", user.id)).expect(204);
    assert_eq!(admin.get(&of_user).expect(200).total(), 0);
    admin.delete(&format!("/api/v2/users/{}", owner.id)).expect(204);
    let orphan = admin.get(&format!("/api/v2/groups/{second}")).expect(200);
    assert_eq!(orphan.body["data"]["relationships"]["owner"]["data"], Value::Null);
});

both!(prefer_return_representation_gets_a_body, |app| {
    let me = app.user();
    let body = form("update_user", &json!({"first_name": "Ann"})).to_string();
    let send = |headers: &[(&str, &str)]| me.send("PUT", &format!("{USERS}/{}", me.id), headers, Some(body.as_bytes()));
    let answer = send(&[("prefer", "return=representation"), ("accept", "application/json")]).expect(200);
    assert_eq!((answer.text.as_str(), answer.header("preference-applied")), ("{}", Some("return=representation")));
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    let answer = send(&[("prefer", "return=representation"), ("accept", "application/vnd.api+json")]).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/vnd.api+json"));
    let answer = me.send("POST", GROUPS, &[("accept", "application/vnd.api+json, application/json")], Some(b"x"));
    assert_eq!(answer.expect(406).header("content-type"), Some("application/json; charset=utf-8"));
    let answer = me.send("POST", GROUPS, &[("accept", "application/vnd.api+json")], Some(b"x"));
    assert_eq!(answer.expect(406).header("content-type"), Some("application/vnd.api+json"));
});
