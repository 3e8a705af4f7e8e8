//! Any input gets a response that names the client's error, and the service keeps running.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::both;
use crate::support::{Client, Value, edge, json};

const CASES: u32 = 150;

/// Checks a property for many inputs, which are the same in every run.
pub fn check_property<S: Strategy>(inputs: &S, property: impl Fn(S::Value)) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(inputs, |input| {
        property(input);
        Ok(())
    });
    outcome.expect("the property holds");
}

fn is_answered(answer: &crate::support::Answer, what: &dyn std::fmt::Debug) {
    assert!((200..500).contains(&answer.status), "{} for {what:?}: {}", answer.status, answer.text);
}

/// Names and values that have a meaning somewhere, mixed with others that have none.
fn words() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(vec![
        "user",
        "target",
        "limit",
        "offset",
        "sort",
        "include",
        "fields[users]",
        "filter[user]",
        "filter[_]",
        "filter",
        "page[size]",
        "page[after]",
        "page[before]",
        "page[offset]",
        "page%5Blimit%5D",
        "relationship",
        "query",
        "a[][]",
        "1",
        "0",
        "-1",
        "50",
        "51",
        "9223372036854775807",
        "9223372036854775808",
        "1,2",
        ",",
        "name",
        "-created-at",
        "subordinate",
        "%00",
        "%",
        "%ff",
        "%25",
        "+",
        "é",
        "[",
        "]",
        "=",
        "&",
        "",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "[!-~]{0,12}"]
}

both!(any_query_gets_a_response, |app| {
    let ann = app.admin();
    let queries = proptest::collection::vec((words(), words()), 0..6);
    check_property(&queries, |pairs| {
        let query: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        // The client library refuses to send characters that a URI must not contain.
        let query: String =
            query.join("&").chars().filter(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}#".contains(*c)).collect();
        for path in ["/api/v2/user-relationships", "/api/v2/users", "/api/v2/relationship-types", "/api/v2/users/me"] {
            is_answered(&ann.get(&format!("{path}?{query}")), &query);
        }
    });
    let many = "p&".repeat(3_000);
    ann.get(&format!("/api/v2/users?{many}")).refused(400, "unknown-parameter");
});

/// JSON of every kind; some of it resembles a document.
fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<i64>().prop_map(|number| json!(number)),
        ".{0,8}".prop_map(|text| json!(text)),
        Just(json!("users")),
        Just(json!("user-relationships")),
        Just(json!("1")),
        Just(json!("mentor")),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let names = proptest::sample::select(vec![
            "data",
            "type",
            "id",
            "lid",
            "attributes",
            "relationships",
            "user",
            "target",
            "relationship",
            "email",
            "first-name",
            "location",
            "is-enabled",
            "@x",
            "meta",
            "op",
            "ref",
            "href",
            "atomic:operations",
            "",
        ]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((names, inner), 0..6).prop_map(|members| Value::Object(
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

/// A valid document with one value replaced.
fn mutated() -> impl Strategy<Value = Value> {
    let places = proptest::sample::select(vec![
        "",
        "/data",
        "/data/type",
        "/data/attributes",
        "/data/attributes/relationship",
        "/data/relationships",
        "/data/relationships/target",
        "/data/relationships/target/data",
        "/data/relationships/target/data/id",
        "/data/relationships/target/data/type",
    ]);
    (places, json_values()).prop_map(|(place, value)| {
        let mut document = edge(None, "mentor", 1);
        *document.pointer_mut(place).expect("a place in the document") = value;
        document
    })
}

fn send(client: &Client, method: &str, path: &str, body: &[u8]) -> crate::support::Answer {
    let media_type = if path.ends_with("operations") {
        "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\""
    } else {
        "application/vnd.api+json"
    };
    client.send(method, path, &[("content-type", media_type)], Some(body))
}

both!(any_document_gets_a_response, |app| {
    let ann = app.admin();
    check_property(&prop_oneof![json_values(), mutated()], |document| {
        let body = document.to_string();
        let me = format!("/api/v2/users/{}", ann.id);
        for (method, path) in [
            ("POST", "/api/v2/user-relationships"),
            ("POST", "/api/v2/users"),
            ("POST", "/api/v2/relationship-types"),
            ("POST", "/api/v2/operations"),
            ("PATCH", me.as_str()),
            ("DELETE", "/api/v2/user-relationships/1"),
        ] {
            is_answered(&send(&ann, method, path, body.as_bytes()), &body);
        }
        let operations = json!({"atomic:operations": [document]}).to_string();
        is_answered(&send(&ann, "POST", "/api/v2/operations", operations.as_bytes()), &operations);
    });
    app.assert_no_drift();
});

both!(any_bytes_get_a_response, |app| {
    let ann = app.admin();
    check_property(&proptest::collection::vec(any::<u8>(), 0..200), |bytes| {
        is_answered(&send(&ann, "POST", "/api/v2/user-relationships", &bytes), &bytes);
    });
    let deep = [b"[".repeat(100_000), b"{\"data\":".repeat(10_000)].concat();
    send(&ann, "POST", "/api/v2/user-relationships", &deep).refused(400, "malformed-json");
    let long = json!({"data": {"type": "users", "attributes": {"x".repeat(900_000): 1}}}).to_string();
    send(&ann, "POST", "/api/v2/users", long.as_bytes()).refused(422, "unknown-attribute");
});

both!(any_header_gets_a_response, |app| {
    let ann = app.admin();
    let values = "[ -~]{0,40}";
    check_property(&(words(), values), |(name, value)| {
        for header in ["accept", "if-none-match", "if-match", "prefer", "idempotency-key", "x-request-id", "origin"] {
            let headers = [(header, value.as_str())];
            is_answered(&ann.send("GET", "/api/v2/users/me", &headers, None), &(header, &value));
        }
        let cursor: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        is_answered(&ann.get(&format!("/api/v2/users?page%5Bafter%5D={cursor}")), &cursor);
    });
    ann.get("/api/v2/users/me").expect(200);
});
