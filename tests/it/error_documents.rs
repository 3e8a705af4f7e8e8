//! Error documents are small and take linear time, whatever the request is.

use std::time::{Duration, Instant};

use crate::both;
use crate::support::{Answer, Client, Value, edge, json};

const ME: &str = "/api/v2/users/me";
const USERS: &str = "/api/v2/users";
/// The largest error document in bytes.
const LARGEST: usize = 16 * 1024;
/// The largest response of the forms dialect that refuses values, in bytes: messages, and the values sent back.
const LARGEST_FORM: usize = 24 * 1024;
/// The longest time to refuse the largest request, in a build without optimizations on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest number of errors that are listed; the rest are counted.
#[track_caller]
fn assert_bounded(answer: &Answer, problems: usize) {
    assert!(answer.text.len() <= LARGEST, "{} bytes", answer.text.len());
    let shown = answer.codes().len();
    assert!((1..=20).contains(&shown), "{shown}");
    let more = answer.body["meta"]["more"].as_u64().unwrap_or_default();
    assert_eq!(shown as u64 + more, problems as u64, "{}", answer.text);
}

fn change(attributes: &Value) -> Value {
    json!({"data": {"type": "users", "attributes": attributes}})
}

/// An object with `number` unknown members.
fn members(count: usize, name: impl Fn(usize) -> String) -> Value {
    (0..count).map(|number| (name(number), Value::from(0))).collect::<serde_json::Map<_, _>>().into()
}

fn send_in_time(client: &Client, document: &Value) -> Answer {
    let started = Instant::now();
    let answer = client.patch(ME, document);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    answer
}

both!(a_query_of_many_unknown_names_gets_a_short_response, |app| {
    let ann = app.user();
    for (path, name, code) in [
        (USERS, "a", "unknown-parameter"),
        ("/api/v2/relationship-types", "include", "unsupported-include"),
        (USERS, "sort=id", "duplicate-parameter"),
        ("/api/v2/user-relationships", "user=1", "duplicate-parameter"),
        ("/api/v2/groups/1/relationships/owner", "b", "unknown-parameter"),
    ] {
        let count = 7_000 / (name.len() + 1);
        let answer = ann.get(&format!("{path}?{}", vec![name; count].join("&"))).refused(400, code);
        let first_is_fine = usize::from(code == "duplicate-parameter");
        assert_bounded(&answer, count - first_is_fine);
    }
    let answer = ann.get(&format!("{USERS}?fields[users]={}", "X,".repeat(3_900))).refused(400, "unknown-field");
    assert_bounded(&answer, 3_901);
    // Two errors are listed in full.
    let answer = ann.get(&format!("{USERS}?a=1&limit=x")).expect(400);
    assert_eq!((answer.codes().len(), &answer.body["meta"]), (2, &Value::Null));
});

both!(error_documents_truncate_names_from_the_query, |app| {
    let ann = app.user();
    let long = "é".repeat(1_300);
    let encoded = "%C3%A9".repeat(1_300);
    let answer = ann.get(&format!("{USERS}?{encoded}=1")).refused(400, "unknown-parameter");
    assert_bounded(&answer, 1);
    let cut: String = long.chars().take(64).chain(['…']).collect();
    assert_eq!(answer.source("parameter"), Some(cut.as_str()));
    assert!(answer.body["errors"][0]["detail"].as_str().unwrap().contains(&cut));
    let answer = ann.get(&format!("{USERS}?fields[users]={encoded}")).refused(400, "unknown-field");
    assert_bounded(&answer, 1);
    // Twenty errors with the longest names and ids of requests stay below the bound together.
    let names: Vec<_> = (0..20).map(|number| format!("{number}{}", "%22".repeat(130))).collect();
    let id = [("x-request-id", "\"".repeat(128))];
    let headers = id.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_bounded(&ann.send("GET", &format!("{USERS}?{}", names.join("&")), &headers, None), 20);
});

both!(unknown_attributes_beyond_twenty_are_only_counted, |app| {
    let ann = app.user();
    let answer = send_in_time(&ann, &change(&members(90_000, |number| format!("a{number}")))).expect(422);
    assert_bounded(&answer, 90_000);
    assert_eq!(answer.source("pointer"), Some("/data/attributes/a0"));
    let mut document = change(&members(30_000, |number| format!("{number}")));
    document["data"]["relationships"] = members(30_000, |number| format!("r~/{number}"));
    assert_bounded(&send_in_time(&ann, &document).expect(422), 60_000);
    // The status of an error that is only counted still determines the status of the document.
    document["data"]["relationships"] = json!({"user-relationships": {"data": []}});
    assert_bounded(&send_in_time(&ann, &document).expect(400), 30_001);
});

both!(a_pointer_that_would_be_too_long_names_the_parent, |app| {
    let ann = app.user();
    let long = "x".repeat(500_000);
    let answer = ann.patch(ME, &change(&json!({&long: 1, "y": 1}))).refused(422, "unknown-attribute");
    assert_bounded(&answer, 2);
    assert_eq!(answer.source("pointer"), Some("/data/attributes"));
    assert_eq!(answer.body["errors"][1]["source"]["pointer"], "/data/attributes/y");
    let operation =
        json!({"op": "update", "data": {"type": "users", "id": ann.id.to_string(), "attributes": {&long: 1}}});
    let document = json!({"atomic:operations": [operation]}).to_string();
    let media_type = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
    let headers = [("content-type", media_type), ("accept", media_type)];
    let answer = ann.send("POST", "/api/v2/operations", &headers, Some(document.as_bytes()));
    let answer = answer.refused(422, "unknown-attribute");
    assert_bounded(&answer, 1);
    assert_eq!(answer.source("pointer"), Some("/atomic:operations/0/data/attributes"));
});

both!(error_documents_truncate_long_ids, |app| {
    let (admin, long) = (app.admin(), "y".repeat(7_000));
    let document = json!({"data": {"type": "relationship-types", "id": "z", "attributes": {}}});
    let answer = admin.patch(&format!("/api/v2/relationship-types/{long}"), &document).refused(409, "id-mismatch");
    assert_bounded(&answer, 1);
    assert!(answer.text.len() < 1_000, "{}", answer.text);
});

both!(the_error_for_an_unknown_type_lists_twenty_known_names, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    for number in 10..40 {
        let id = format!("type-{number}-{}", "x".repeat(50));
        admin
            .post("/api/v2/relationship-types", &json!({"data": {"type": "relationship-types", "id": id}}))
            .expect(201);
    }
    let answer = ann.post("/api/v2/user-relationships", &edge(None, &"é".repeat(100_000), bob.id));
    let answer = answer.refused(422, "unknown-relationship-type");
    assert_bounded(&answer, 1);
    let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.ends_with("and 13 more") && detail.chars().count() <= 2_000, "{detail}");
});

both!(form_messages_beyond_twenty_are_only_counted, |app| {
    let ann = app.user();
    let send = |form: &Value| {
        let started = Instant::now();
        let body = json!({"form_configuration_name": "reference_rest_api_update_user", "form": form});
        let answer = ann.form("PUT", &format!("/api/users/{}", ann.id), &body);
        assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
        assert!(answer.text.len() <= LARGEST_FORM, "{} bytes", answer.text.len());
        answer
    };
    // Names of properties contain no control characters.
    let answer = send(&json!({"properties": members(60_000, |number| format!("\u{1}{number}"))})).expect(422);
    assert_eq!(answer.body["errors"]["properties"].as_array().unwrap().len(), 20);
    let base = answer.body["errors"]["base"][0].as_str().unwrap();
    assert!(base.ends_with("more errors are not shown"), "{base}");
    // Small values are sent back.
    let answer = send(&json!({"first_name": 7, "last_name": "\u{1}".repeat(100_000)})).expect(422);
    assert_eq!(answer.body["model"], json!({"first_name": 7}));
    // Values that the form does not accept are named, and truncated.
    let answer = send(&json!({"x".repeat(500_000): 1})).expect(406);
    assert!(answer.text.len() < 400, "{}", answer.text);
});
