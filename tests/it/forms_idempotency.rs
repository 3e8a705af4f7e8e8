//! `Idempotency-Key` in the forms dialect.

use crate::both;
use crate::support::groups::new_group;
use crate::support::{Answer, App, Client, Value, json};

const USERS: &str = "/api/users";
const GROUPS: &str = "/api/user/relationships";
const MEMBERS: &str = "/api/user/relationship_users";

fn send(client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("accept", "application/json"), ("idempotency-key", key)];
    client.send("POST", path, &headers, Some(body.to_string().as_bytes()))
}

fn new_user(email: &str) -> Value {
    let form = json!({"first_name": "Ann", "email": email, "password": "correct horse"});
    json!({"form_configuration_name": "reference_rest_api_create_user", "form": form})
}

fn group(name: &str) -> Value {
    let form = json!({"properties": {"group_name": name}});
    json!({
        "form_configuration_name": "reference_rest_api_relationship_create",
        "parent_resource_id": "special_group",
        "form": form,
    })
}

fn member(group: i64, user: i64) -> Value {
    let form = json!({"relationship_id": group, "user_id": user, "properties": {"status": "active"}});
    json!({
        "form_configuration_name": "reference_rest_api_relationship_user_create",
        "parent_resource_id": "special_group_users",
        "form": form,
    })
}

/// The numbers of users, groups and memberships.
fn counts(app: &App) -> [i64; 3] {
    let admin = app.admin();
    ["users", "groups", "group-members"].map(|list| admin.get(&format!("/api/v2/{list}?limit=0")).expect(200).total())
}

both!(a_form_that_is_sent_again_with_its_key_takes_effect_once, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let of_bob = new_group(app, bob.id, "{}");
    for (client, path, body) in [
        (&admin, USERS, new_user("new@example.com")),
        (&bob, GROUPS, group("Captains")),
        (&bob, MEMBERS, member(of_bob, admin.id)),
    ] {
        let key = format!("k{path}");
        let first = send(client, path, &key, &body).expect(201);
        assert_eq!(first.header("idempotent-replayed"), None);
        let before = counts(app);
        for _ in 0..2 {
            let again = send(client, path, &key, &body).expect(201);
            assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &first.body), "{path}");
        }
        let after = counts(app);
        assert_eq!([after[1], after[2]], [before[1], before[2]], "{path}");
        // Another request with the same key, and the same request with another key.
        let mut other = body.clone();
        other["x"] = json!(1);
        let reused = send(client, path, &key, &other);
        assert_eq!((reused.status, reused.fields()), (422, vec!["base"]), "{path}: {}", reused.text);
        let second = send(client, path, "other", &body);
        assert_eq!(second.status, if path == GROUPS { 201 } else { 422 }, "{path}: {}", second.text);
    }
});

both!(keys_of_forms_belong_to_their_callers_and_survive_their_records, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let of_ann = send(&ann, GROUPS, "k", &group("A")).expect(201).model_id();
    let of_bob = send(&bob, GROUPS, "k", &group("A")).expect(201).model_id();
    assert_ne!(of_ann, of_bob);
    let deletion = json!({"form_configuration_name": "reference_rest_api_relationship_delete"});
    ann.form("DELETE", &format!("{GROUPS}/{of_ann}"), &deletion).expect(204);
    let again = send(&ann, GROUPS, "k", &group("A")).expect(201);
    assert_eq!((again.model_id(), again.header("idempotent-replayed")), (of_ann, Some("true")));
    // A caller who may no longer create users is refused, whatever the key.
    let made = send(&admin, USERS, "u", &new_user("once@example.com")).expect(201);
    let id = admin.id;
    app.admin()
        .patch(&format!("/api/v2/users/{id}"), &json!({"data": {"attributes": {"access-level": "user"}}}))
        .expect(200);
    assert!(made.model_id() > 0);
    assert_eq!(send(&admin, USERS, "u", &new_user("once@example.com")).status, 403);
});

both!(a_refused_form_stores_nothing_under_its_key, |app| {
    let admin = app.admin();
    let invalid = json!({"form_configuration_name": "reference_rest_api_create_user", "form": {"email": "x"}});
    send(&admin, USERS, "k", &invalid).expect(422);
    let made = send(&admin, USERS, "k", &new_user("valid@example.com")).expect(201);
    assert_eq!(made.header("idempotent-replayed"), None);
    for key in ["a b", &"k".repeat(256)] {
        let refused = send(&admin, USERS, key, &new_user("other@example.com"));
        assert_eq!((refused.status, refused.fields()), (400, vec!["base"]), "{key}");
    }
    // A session is not tied to a caller, so its key is ignored.
    let session = json!({
        "form_configuration_name": "reference_rest_api_create_session",
        "form": {"email": "valid@example.com", "password": "correct horse"},
    });
    let (one, two) = (
        send(&app.anonymous(), "/api/sessions", "k", &session),
        send(&app.anonymous(), "/api/sessions", "k", &session),
    );
    assert_ne!(one.expect(201).model_id(), two.expect(201).model_id());
});

both!(equal_forms_that_arrive_together_create_one_record, |app| {
    let admin = app.admin();
    let before = counts(app)[1];
    let answers: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..6)
            .map(|_| {
                let admin = admin.clone();
                scope.spawn(move || {
                    let user = send(&admin, USERS, "u", &new_user("together@example.com")).expect(201).model_id();
                    (user, send(&admin, GROUPS, "g", &group("Together")).expect(201).model_id())
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|ids| *ids == answers[0]), "{answers:?}");
    assert_eq!(counts(app)[1], before + 1);
});
