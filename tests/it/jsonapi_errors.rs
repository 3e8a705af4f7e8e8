//! JSON:API 1.1, "Errors": items 113 to 119 of the checklist. `errors.rs` goes through the whole catalogue.

use std::collections::BTreeMap;

use crate::conformance::{EDGES, JSON_API, TYPES, USERS, make};
use crate::item;
use crate::support::{Answer, Value, edge, json};

/// The sources of all errors, in their order.
fn sources(answer: &Answer) -> Vec<&Value> {
    answer.body["errors"].as_array().expect("errors").iter().map(|error| &error["source"]).collect()
}

fn typed(attributes: &Value, relationships: &Value) -> Value {
    json!({"data": {"type": "user-relationships", "attributes": attributes, "relationships": relationships}})
}

item!([113, 114], several_errors_share_the_status_that_covers_them, |app| {
    let (ann, bob) = (app.user(), app.user());
    let statuses = |answer: &Answer| {
        let errors = answer.body["errors"].as_array().unwrap().iter();
        errors.map(|error| error["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let alike = ann.get(&format!("{EDGES}?limit=x&offset=x&sort=x&include=x")).expect(400);
    assert_eq!(statuses(&alike), vec!["400"; 4]);
    let invalid = typed(&json!({"relationship": 1, "x": 1}), &json!({"target": {"data": null}}));
    let invalid = ann.post(EDGES, &invalid).expect(422);
    assert_eq!(statuses(&invalid), vec!["422"; 3]);
    let target = json!({"data": {"type": "people", "id": "1"}});
    let mixed = ann.post(EDGES, &typed(&json!({"relationship": 1}), &json!({"target": target}))).expect(400);
    let mut found = statuses(&mixed);
    found.sort();
    assert_eq!(found, ["409", "422"]);
    let missing =
        app.admin().post(EDGES, &edge(Some(999_998), "mentor", 999_999)).refused(404, "related-resource-not-found");
    assert_eq!(statuses(&missing), vec!["404"; 2]);
    make(&ann, "mentor", bob.id);
    assert_eq!(statuses(&ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(409)), ["409"]);
});

item!([115], each_error_code_always_has_the_same_title, |app| {
    let (ann, bob) = (app.user(), app.user());
    let mut titles: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for answer in [
        ann.get(&format!("{EDGES}?limit=x")),
        ann.get(&format!("{USERS}?filter[is-enabled]=x")),
        ann.get(&format!("{EDGES}?x=1")),
        ann.get(&format!("{USERS}?y=1")),
        ann.get(&format!("{EDGES}/1")),
        ann.get(&format!("{TYPES}/x")),
        ann.get("/nothing"),
        ann.get(&format!("{USERS}?sort=x")),
        ann.get(&format!("{TYPES}?sort=x")),
        ann.post(EDGES, &typed(&json!({}), &json!({}))),
        ann.post(EDGES, &edge(None, "foe", bob.id)),
        ann.post(EDGES, &edge(None, "fiend", bob.id)),
    ] {
        for error in answer.body["errors"].as_array().unwrap() {
            let (code, title) = (error["code"].as_str().unwrap(), error["title"].as_str().unwrap());
            let known = titles.entry(code.to_owned()).or_insert((title.to_owned(), 0));
            assert_eq!(known.0, title, "{code}");
            known.1 += 1;
        }
    }
    assert!(titles.len() >= 6 && titles.values().any(|(_, uses)| *uses > 1), "{titles:?}");
});

item!([116], an_error_links_to_its_documentation_and_the_conflict, |app| {
    let (ann, bob) = (app.user(), app.user());
    let made = make(&ann, "mentor", bob.id);
    let conflict = ann.post(EDGES, &edge(None, "mentor", bob.id)).refused(409, "already-exists");
    let error = &conflict.body["errors"][0];
    assert_eq!(error["links"]["about"].as_str(), made.header("location"));
    assert_eq!(error["meta"]["existing-id"], json!(made.id().to_string()));
    ann.get(error["links"]["about"].as_str().unwrap()).expect(200);
    for answer in [conflict, ann.get("/nothing"), ann.get(&format!("{EDGES}?limit=x")), app.anonymous().get(EDGES)] {
        let error = &answer.body["errors"][0];
        let (page, anchor) = error["links"]["type"].as_str().unwrap().split_once('#').unwrap();
        assert_eq!(error["code"], json!(anchor));
        assert!(app.anonymous().get(page).expect(200).text.contains(&format!("id=\"{anchor}\"")));
        assert!(answer.status == 409 || error["links"].get("about").is_none());
    }
});

item!([117, 119], an_error_names_the_header_that_caused_it, |app| {
    let (ann, bob) = (app.user(), app.user());
    let url = make(&ann, "mentor", bob.id).header("location").unwrap().to_owned();
    let document = edge(None, "colleague", bob.id).to_string();
    let body = Some(document.as_bytes());
    for (answer, status, name) in [
        (app.anonymous().get(EDGES), 401, "Authorization"),
        (ann.get_with(EDGES, &[("accept", "text/html")]), 406, "Accept"),
        (ann.send("POST", EDGES, &[("content-type", "text/html")], body), 415, "Content-Type"),
        (ann.send("POST", EDGES, &[], body), 415, "Content-Type"),
        (ann.send("DELETE", &url, &[("if-match", "\"0-0\"")], None), 412, "If-Match"),
        (ann.send("POST", EDGES, &[JSON_API, ("idempotency-key", "a b")], body), 400, "Idempotency-Key"),
    ] {
        let answer = answer.expect(status);
        assert_eq!(sources(&answer), [&json!({"header": name})], "{}", answer.text);
    }
});

item!([117, 118], a_pointer_names_the_most_specific_existing_value, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let target = json!({"target": {"data": {"type": "users", "id": bob.id.to_string()}}});
    let documents = [
        json!({}),
        json!([]),
        json!({"data": null}),
        json!({"data": {}}),
        json!({"data": {"type": "user-relationships"}}),
        json!({"data": {"type": 5}}),
        typed(&json!({}), &json!({})),
        typed(&json!(null), &json!({})),
        typed(&json!({}), &target),
        typed(&json!({"relationship": "mentor"}), &json!({})),
        typed(&json!({"relationship": "mentor"}), &json!({"target": {}})),
        typed(&json!({"relationship": "mentor"}), &json!({"target": {"data": {}}})),
        typed(&json!({"relationship": "mentor"}), &json!({"target": {"data": {"type": "users"}}})),
        typed(&json!({"relationship": "mentor"}), &json!({"target": {"data": {"type": 1, "id": "1"}}})),
        typed(&json!({"relationship": "mentor", "a~b/c": 1, "": 2}), &target),
        typed(&json!({"relationship": {"x": 1}}), &target),
    ];
    for document in documents {
        for client in [&ann, &admin] {
            let answer = client.post(EDGES, &document);
            assert!((400..500).contains(&answer.status), "{document}");
            for source in sources(&answer) {
                let pointer = source["pointer"].as_str().unwrap_or_else(|| panic!("no pointer in {}", answer.text));
                assert!(document.pointer(pointer).is_some(), "`{pointer}` is not in {document}");
            }
        }
    }
    for attributes in [json!({}), json!({"first-name": "x"}), json!({"email": 1}), json!({"email": "x", "phone": [1]})]
    {
        let document = json!({"data": {"type": "users", "attributes": attributes}});
        let answer = admin.post(USERS, &document).expect(422);
        for source in sources(&answer) {
            let pointer = source["pointer"].as_str().expect("a pointer");
            assert!(document.pointer(pointer).is_some(), "`{pointer}` is not in {document}");
        }
    }
    let bare = json!({"data": {"type": "users"}});
    assert_eq!(admin.post(USERS, &bare).refused(422, "missing-attribute").source("pointer"), Some("/data"));
});

item!([117], an_error_names_the_parameter_as_the_client_spelled_it, |app| {
    let ann = app.user();
    for name in ["limit", "page[limit]", "user", "filter[user]", "page[size]"] {
        let refused = ann.get(&format!("{EDGES}?{name}=x")).refused(400, "invalid-parameter");
        assert_eq!(sources(&refused), [&json!({"parameter": name})]);
        let encoded = name.replace('[', "%5B").replace(']', "%5D");
        let refused = ann.get(&format!("{EDGES}?{encoded}=x")).refused(400, "invalid-parameter");
        assert_eq!(sources(&refused), [&json!({"parameter": name})]);
    }
    let nothing_at_fault = ann.get(&format!("{EDGES}/1")).refused(404, "not-found");
    assert_eq!(sources(&nothing_at_fault), [&Value::Null], "a missing value");
});

item!([C2], dates_have_a_padded_day_and_a_numeric_offset, |app| {
    let (ann, bob) = (app.user(), app.user());
    let id = make(&ann, "mentor", bob.id).id();
    let mut raw = crate::support::sql::Raw::connect(&app.home().url());
    for (micros, expected) in [
        (1_401_784_136_000_000_i64, "Tue, 03 Jun 2014 08:28:56 +0000"),
        (1_401_784_136_999_999, "Tue, 03 Jun 2014 08:28:56 +0000"),
        (1_419_984_000_000_000, "Wed, 31 Dec 2014 00:00:00 +0000"),
    ] {
        raw.run(&format!("UPDATE user_relationships SET created_at = {micros}, version = version + 1 WHERE id = {id}"));
        let shown = ann.get(&format!("{EDGES}/{id}")).expect(200);
        assert_eq!(shown.body["data"]["attributes"]["created-at"], json!(expected));
    }
});
