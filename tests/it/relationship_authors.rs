//! `created-by` and `updated-by` of relationships: for admins and owners.

use crate::both;
use crate::support::graph::{EDGES, assert_clean};
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Value, edge, json};

fn author(id: Option<i64>) -> Value {
    json!({"data": id.map(|id| json!({"type": "users", "id": id.to_string()}))})
}

/// `created-by` and `updated-by` of a resource.
fn authors(resource: &Value) -> (Value, Value) {
    let of = |name: &str| resource["relationships"][name].clone();
    (of("created-by"), of("updated-by"))
}

#[track_caller]
fn assert_authors(resource: &Value, created_by: Option<i64>, updated_by: Option<i64>) {
    assert_eq!(authors(resource), (author(created_by), author(updated_by)), "{resource}");
}

#[track_caller]
fn assert_hidden(resource: &Value) {
    assert_eq!(authors(resource), (Value::Null, Value::Null), "{resource}");
    assert!(resource["relationships"]["user"].is_object(), "{resource}");
}

fn retype(client: &Client, id: i64, name: &str) -> Answer {
    let document =
        json!({"data": {"type": "user-relationships", "id": id.to_string(), "attributes": {"relationship": name}}});
    client.patch(&format!("{EDGES}/{id}"), &document).expect(200)
}

both!(admins_and_owners_see_who_created_and_changed_a_relationship, |app| {
    let (admin, ann, bob, other) = (app.admin(), app.user(), app.user(), app.user());
    let made = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    assert_authors(&made.body["data"], Some(ann.id), Some(ann.id));
    let id = made.id();
    let url = format!("{EDGES}/{id}");
    let changed = retype(&admin, id, "colleague");
    assert_authors(&changed.body["data"], Some(ann.id), Some(admin.id));
    for client in [&ann, &admin] {
        assert_authors(&client.get(&url).expect(200).body["data"], Some(ann.id), Some(admin.id));
    }
    for client in [&bob, &other] {
        assert_hidden(&client.get(&url).expect(200).body["data"]);
        assert_hidden(
            &client.get(&format!("{url}?fields[user-relationships]=user,created-by")).expect(200).body["data"],
        );
    }
    // The authors stay after they are deleted.
    admin.delete(&format!("/api/v2/users/{}", other.id)).expect(204);
    let second = app.admin();
    retype(&second, id, "mentor");
    admin.delete(&format!("/api/v2/users/{}", second.id)).expect(204);
    assert_authors(&admin.get(&url).expect(200).body["data"], Some(ann.id), Some(second.id));
});

both!(a_relationship_of_the_command_line_has_null_authors, |app| {
    let (ann, bob) = (app.user(), app.user());
    let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    let mut raw = Raw::connect(&app.config.database_url);
    raw.run(&format!("UPDATE user_relationships SET created_by = NULL, updated_by = NULL WHERE id = {id}"));
    assert_authors(&ann.get(&format!("{EDGES}/{id}")).expect(200).body["data"], None, None);
});

both!(a_list_has_authors_only_where_its_fields_name_them, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let own = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    let other = admin.post(EDGES, &edge(Some(bob.id), "mentor", ann.id)).expect(201).id();
    let rows = |client: &Client, query: &str| {
        let answer = client.get(&format!("{EDGES}?{query}")).expect(200);
        let rows = answer.body["data"].as_array().expect("a list").clone();
        assert_eq!(answer.ids(), [own, other]);
        rows
    };
    for query in ["", "fields[user-relationships]=user,target", "page[size]=2"] {
        rows(&admin, query).iter().for_each(assert_hidden);
    }
    let named = "fields[user-relationships]=user,created-by,updated-by";
    for query in [named.to_owned(), format!("{named}&page[size]=5"), format!("{named}&include=target&sort=created-at")]
    {
        let seen = rows(&admin, &query);
        assert_authors(&seen[0], Some(ann.id), Some(ann.id));
        assert_authors(&seen[1], Some(admin.id), Some(admin.id));
        let seen = rows(&ann, &query);
        assert_authors(&seen[0], Some(ann.id), Some(ann.id));
        assert_hidden(&seen[1]);
    }
    // A filter by one user, which PostgreSQL otherwise reads in batches.
    let answer = ann.get(&format!("{EDGES}?filter[user]={}&fields[user-relationships]=created-by", ann.id)).expect(200);
    assert_eq!(answer.body["data"][0]["relationships"], json!({"created-by": author(Some(ann.id))}));
    assert_eq!(answer.body["data"][0].get("attributes"), None);
    let answer = ann.get(&format!("{EDGES}/{other}?fields[user-relationships]=created-by")).expect(200);
    assert_eq!(answer.body["data"].get("relationships"), None);
});

both!(an_entity_tag_depends_on_whether_the_authors_are_visible, |app| {
    let (ann, bob) = (app.user(), app.user());
    let url = format!("{EDGES}/{}", ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id());
    let tag = |client: &Client| client.get(&url).expect(200).header("etag").expect("a tag").to_owned();
    let (seen, hidden) = (tag(&ann), tag(&bob));
    assert_ne!(seen, hidden);
    assert_eq!(ann.send("GET", &url, &[("if-none-match", &seen)], None).status, 304);
    assert_eq!(ann.send("GET", &url, &[("if-none-match", &hidden)], None).status, 200);
    // Both name the same state.
    assert_eq!(ann.send("DELETE", &url, &[("if-match", &hidden)], None).status, 204);
});

fn send_back(app: &App) -> (Client, i64, Value) {
    let (ann, bob) = (app.user(), app.user());
    let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    let record = ann.get(&format!("{EDGES}/{id}")).expect(200).body["data"].clone();
    (ann, id, record)
}

both!(a_record_that_is_sent_back_with_its_authors_is_accepted, |app| {
    let (ann, id, mut record) = send_back(app);
    assert!(record["relationships"]["created-by"].is_object());
    record["attributes"]["relationship"] = json!("colleague");
    record["relationships"]["created-by"] = author(Some(1));
    record["attributes"]["updated-by"] = json!("x");
    let changed = ann.patch(&format!("{EDGES}/{id}"), &json!({"data": record})).expect(200);
    assert_authors(&changed.body["data"], Some(ann.id), Some(ann.id));
    record.as_object_mut().expect("an object").remove("id");
    record["attributes"]["relationship"] = json!("mentor");
    let made = ann.post(EDGES, &json!({"data": record})).expect(201);
    assert_authors(&made.body["data"], Some(ann.id), Some(ann.id));
    assert_clean(app);
});

both!(a_repeated_create_has_its_authors, |app| {
    let (ann, bob) = (app.user(), app.user());
    let body = edge(None, "mentor", bob.id).to_string();
    let headers = [("content-type", "application/vnd.api+json"), ("idempotency-key", "k")];
    let send = || ann.send("POST", EDGES, &headers, Some(body.as_bytes())).expect(201);
    let (first, second) = (send(), send());
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.text, second.text);
    assert_authors(&second.body["data"], Some(ann.id), Some(ann.id));
});
