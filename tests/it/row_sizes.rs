//! Rows are bounded in bytes; larger rows of earlier releases can be read, and made smaller.

use user_relationships::model::id::UserId;

use crate::both;
use crate::support::groups::{MEMBERS, new_group, new_member};
use crate::support::import::ImportFixture;
use crate::support::{Answer, App, Client, Value, json};

const ME: &str = "/api/v2/users/me";
const USERS: &str = "/api/v2/users";
const KIB_64: usize = 64 * 1024;

/// A list of texts with that total of bytes.
fn texts(bytes: usize) -> Vec<String> {
    let whole = vec!["x".repeat(1_000); bytes / 1_000];
    [whole, vec!["x".repeat(bytes % 1_000)]].concat()
}

fn change(attributes: &Value) -> Value {
    json!({"data": {"type": "users", "attributes": attributes}})
}

fn created(email: &str, attributes: &Value) -> Value {
    let mut document = change(attributes);
    document["data"]["attributes"]["email"] = email.into();
    document
}

/// Stores a profile as an earlier release could.
fn store_large_profile(app: &App, user: &Client) {
    let id = UserId::new(user.id);
    app.write(move |tx| {
        let old = tx.user(id)?.expect("the user exists");
        let mut data = old.data.clone();
        (data.profile.location, data.profile.unit) = (texts(90_000), texts(90_000));
        tx.update_user(&old, &data)
    });
}

#[track_caller]
fn assert_refused(answer: Answer, pointer: &str) {
    let answer = answer.refused(422, "invalid-attribute");
    assert_eq!(answer.source("pointer"), Some(pointer), "{}", answer.text);
    let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("65536 bytes"), "{detail}");
}

both!(a_profile_above_64_kib_is_refused_at_the_largest_value, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let (half, more) = (texts(KIB_64 / 2), texts(KIB_64 / 2 + 100));
    // Each list is valid, both together are not.
    ann.patch(ME, &change(&json!({"location": half, "phone": ["1"]}))).expect(200);
    assert_refused(ann.patch(ME, &change(&json!({"unit": more, "phone": ["2"]}))), "/data/attributes/unit");
    let both_lists = json!({"location": half, "unit": more});
    assert_refused(admin.post(USERS, &created("bob@example.com", &both_lists)), "/data/attributes/unit");
    assert_eq!(admin.get(&format!("{USERS}?filter[email]=bob@example.com")).total(), 0);
    let shown = ann.get(ME).expect(200);
    assert_eq!(shown.body["data"]["attributes"]["phone"], json!(["1"]));
    // In an operation.
    let data = json!({"type": "users", "id": ann.id.to_string(), "attributes": {"unit": more}});
    let document = json!({"atomic:operations": [{"op": "update", "data": data}]}).to_string();
    let headers = [("content-type", "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"")];
    let answer = ann.send("POST", "/api/v2/operations", &headers, Some(document.as_bytes()));
    assert_refused(answer, "/atomic:operations/0/data/attributes/unit");
    // A character counts with its bytes.
    let letters = vec!["é".repeat(1_000); 20];
    assert_refused(ann.patch(ME, &change(&json!({"twitter": letters}))), "/data/attributes/twitter");
    ann.patch(ME, &change(&json!({"twitter": vec!["e".repeat(1_000); 20]}))).expect(200);
});

both!(properties_count_towards_the_size_of_a_profile, |app| {
    let ann = app.user();
    ann.patch(ME, &change(&json!({"location": texts(KIB_64 / 2)}))).expect(200);
    let send = |bytes: usize| {
        let properties = json!({"notes": texts(bytes)});
        let body =
            json!({"form_configuration_name": "reference_rest_api_update_user", "form": {"properties": properties}});
        ann.form("PUT", &format!("/api/users/{}", ann.id), &body)
    };
    let answer = send(KIB_64 / 2 + 100).expect(422);
    assert_eq!(answer.fields(), ["properties"]);
    assert!(answer.text.contains("65536 bytes"), "{}", answer.text);
    send(KIB_64 / 4).expect(204);
    assert_refused(ann.patch(ME, &change(&json!({"unit": texts(KIB_64 / 4)}))), "/data/attributes/unit");
});

both!(a_profile_that_is_too_large_already_can_only_shrink, |app| {
    let ann = app.user();
    store_large_profile(app, &ann);
    assert_refused(ann.patch(ME, &change(&json!({"phone": ["1"]}))), "/data/attributes/phone");
    ann.patch(ME, &change(&json!({"first-name": "Ann"}))).expect(200);
    ann.patch(ME, &change(&json!({"location": texts(89_000)}))).expect(200);
    ann.patch(ME, &change(&json!({"location": texts(80_000), "phone": ["1"]}))).expect(200);
    ann.patch(ME, &change(&json!({"location": null, "unit": null}))).expect(200);
    assert_eq!(ann.get(ME).expect(200).body["data"]["attributes"]["phone"], json!(["1"]));
});

both!(properties_that_are_too_large_already_can_only_shrink, |app| {
    let ann = app.user();
    let stored = |name: &str| json!({name: "x".repeat(9_000), "old": "x".repeat(KIB_64), "a": 1}).to_string();
    let group = new_group(app, ann.id, &stored("group_name"));
    let member = new_member(app, group, ann.id, &stored("status"));
    for (path, form, name) in [
        (format!("/api/user/relationships/{group}"), "reference_rest_api_relationship_update", "group_name"),
        (format!("/api/user/relationship_users/{member}"), "reference_rest_api_relationship_user_update", "status"),
    ] {
        let send = |length: usize| {
            let properties = json!({name: "y".repeat(length)});
            let body = json!({"form_configuration_name": form, "form": {"properties": properties}});
            ann.form("PUT", &path, &body)
        };
        send(8_000).expect(204);
        let answer = send(8_001).expect(422);
        assert_eq!(answer.fields(), ["properties"]);
        assert!(answer.text.contains("65536 bytes"), "{}", answer.text);
    }
    assert_eq!(ann.get(&format!("{MEMBERS}/{member}")).expect(200).body["data"]["attributes"]["properties"]["a"], 1);
});

#[test]
fn an_import_rejects_a_line_whose_profile_is_too_large() {
    for fixture in ImportFixture::all() {
        let user = |email: &str, location: usize, unit: usize| {
            let line = json!({"type": "user", "email": email, "location": texts(location), "unit": texts(unit)});
            format!("{line}\n")
        };
        let lines = [user("a@x.org", 40_000, 20_000), user("b@x.org", 40_000, 40_000), user("c@x.org", 1, 1)].concat();
        for options in [&["--dry-run"][..], &[]] {
            let outcome = fixture.import(&lines, options).expect(1);
            assert!(
                outcome.stderr.contains("line 2: the attributes of a user must have at most 65536 bytes"),
                "{}",
                outcome.stderr
            );
            assert!(outcome.stderr.contains("1 line was rejected"), "{}", outcome.stderr);
        }
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 2);
        let outcome = fixture.import(&user("c@x.org", 40_000, 40_000), &[]).expect(1);
        assert!(outcome.stderr.contains("line 1: the attributes of a user"), "{}", outcome.stderr);
    }
}
