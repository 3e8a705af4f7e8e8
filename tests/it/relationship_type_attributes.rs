//! The roles and rules of relationship types as attributes: documents and validation.

use crate::both;
use crate::support::{Answer, Client, Value, json};

const URL: &str = "/api/v2/relationship-types";
const MENTOR: &str = "/api/v2/relationship-types/mentor";

fn document(name: &str, attributes: &Value) -> Value {
    json!({"data": {"type": "relationship-types", "id": name, "attributes": attributes}})
}

fn register(client: &Client, name: &str, attributes: &Value) -> Answer {
    client.post(URL, &document(name, attributes))
}

fn change(client: &Client, name: &str, attributes: &Value) -> Answer {
    client.patch(&format!("{URL}/{name}"), &document(name, attributes))
}

/// The attributes of a type without its times.
fn attributes(answer: &Answer) -> Value {
    let mut attributes = answer.body["data"]["attributes"].clone();
    attributes.as_object_mut().unwrap().retain(|name, _| !name.ends_with("-at"));
    attributes
}

/// Code and pointer of every error of a document.
fn errors(answer: &Answer) -> Vec<(&str, &str)> {
    let errors = answer.body["errors"].as_array().unwrap().iter();
    errors
        .map(|error| (error["code"].as_str().unwrap(), error["source"]["pointer"].as_str().unwrap_or("none")))
        .collect()
}

fn detail(answer: &Answer) -> &str {
    answer.body["errors"][0]["detail"].as_str().unwrap()
}

fn pointer(attribute: &str) -> String {
    format!("/data/attributes/{attribute}")
}

both!(a_type_has_its_roles_and_rules_in_every_document, |app| {
    let admin = app.admin();
    let sent = json!({
        "description": "Runs the club", "user-role": "members", "target-role": "presidents", "is-symmetric": false,
        "is-acyclic": true, "max-per-user": 1, "managed-by": "admin",
    });
    let mut expected = sent.clone();
    expected["is-tree"] = json!(true);
    let made = register(&admin, "president", &sent).expect(201);
    assert_eq!(attributes(&made), expected);
    for client in [app.user(), app.caller("ext")] {
        assert_eq!(attributes(&client.get(&format!("{URL}/president")).expect(200)), expected);
        let listed = client.get(&format!("{URL}?limit=50")).expect(200);
        let rows = listed.body["data"].as_array().unwrap();
        assert!(rows.contains(&made.body["data"]), "{}", listed.text);
    }
    let changed = change(&admin, "president", &json!({"max-per-user": 2, "user-role": null})).expect(200);
    expected["max-per-user"] = json!(2);
    expected["user-role"] = json!(null);
    expected["is-tree"] = json!(false);
    assert_eq!(attributes(&changed), expected);
    app.assert_no_drift();
});

both!(a_type_starts_without_roles_and_rules, |app| {
    let made = register(&app.admin(), "buddy", &json!({})).expect(201);
    let expected = json!({
        "description": null, "user-role": null, "target-role": null, "is-symmetric": false, "is-acyclic": false,
        "max-per-user": null, "managed-by": "owner", "is-tree": false,
    });
    assert_eq!(attributes(&made), expected);
});

both!(built_in_types_have_their_roles_and_no_rules, |app| {
    let ann = app.user();
    for (name, user_role, target_role) in [
        ("subordinate", json!("subordinates"), json!("supervisors")),
        ("mentor", json!("mentees"), json!("mentors")),
        ("colleague", json!(null), json!(null)),
    ] {
        let mut stored = attributes(&ann.get(&format!("{URL}/{name}")).expect(200));
        let described = stored.as_object_mut().unwrap().remove("description");
        assert!(described.is_some_and(|text| text.is_string()));
        let expected = json!({
            "user-role": user_role, "target-role": target_role, "is-symmetric": false, "is-acyclic": false,
            "max-per-user": null, "managed-by": "owner", "is-tree": false,
        });
        assert_eq!(stored, expected);
    }
});

both!(each_role_and_rule_is_changed_alone_and_undone, |app| {
    let admin = app.admin();
    let before = attributes(&register(&admin, "buddy", &json!({})).expect(201));
    for (name, values) in [
        ("user-role", vec![json!("a"), json!("buddy"), json!("x".repeat(64)), json!(null)]),
        ("target-role", vec![json!("a-1"), json!(null)]),
        ("is-symmetric", vec![json!(true), json!(false)]),
        ("is-acyclic", vec![json!(true), json!(false)]),
        ("max-per-user", vec![json!(1), json!(1_000), json!(2.0), json!(null)]),
        ("managed-by", vec![json!("admin"), json!("owner")]),
    ] {
        for value in values {
            let changed = change(&admin, "buddy", &json!({name: value})).expect(200);
            let stored = &changed.body["data"]["attributes"][name];
            assert_eq!(
                (stored, stored.as_f64()),
                (&json!(if value == json!(2.0) { json!(2) } else { value.clone() }), value.as_f64())
            );
            assert_eq!(attributes(&admin.get(&format!("{URL}/buddy")).expect(200)), attributes(&changed));
        }
        assert_eq!(attributes(&admin.get(&format!("{URL}/buddy")).expect(200)), before, "{name}");
    }
});

both!(only_admins_set_roles_and_rules, |app| {
    let before = app.admin().get(MENTOR).expect(200).body;
    for client in [app.user(), app.caller("ext")] {
        for sent in [json!({"user-role": "pupils"}), json!({"managed-by": "admin"}), json!({"max-per-user": "many"})] {
            change(&client, "mentor", &sent).refused(403, "not-admin");
            register(&client, "new", &sent).refused(403, "not-admin");
        }
    }
    assert_eq!(app.admin().get(MENTOR).expect(200).body, before);
});

both!(a_change_of_rules_needs_the_current_tag, |app| {
    let admin = app.admin();
    let tag = admin.get(MENTOR).expect(200).header("etag").unwrap().to_owned();
    let send = |tag: &str, attributes: &Value| {
        let headers = [("content-type", "application/vnd.api+json"), ("if-match", tag)];
        admin.send("PATCH", MENTOR, &headers, Some(document("mentor", attributes).to_string().as_bytes()))
    };
    let newer = send(&tag, &json!({"max-per-user": 3})).expect(200).header("etag").unwrap().to_owned();
    assert_ne!(newer, tag);
    let refused = send(&tag, &json!({"max-per-user": 4})).refused(412, "precondition-failed");
    assert_eq!(refused.source("header"), Some("If-Match"));
    send(&newer, &json!({"max-per-user": null})).expect(200);
});

both!(a_whole_type_is_sent_back_unchanged, |app| {
    let admin = app.admin();
    let rules = json!({"user-role": "pupils", "target-role": "tutors", "is-acyclic": true, "max-per-user": 1});
    register(&admin, "tutor", &rules).expect(201);
    for name in ["tutor", "subordinate", "colleague"] {
        let stored = admin.get(&format!("{URL}/{name}")).expect(200);
        let sent = admin.patch(&format!("{URL}/{name}"), &json!({"data": stored.body["data"]})).expect(200);
        assert_eq!((sent.header("etag"), &sent.body["data"]), (stored.header("etag"), &stored.body["data"]));
    }
    // `is-tree` follows from the others.
    let changed = change(&admin, "tutor", &json!({"is-tree": false})).expect(200);
    assert_eq!(changed.body["data"]["attributes"]["is-tree"], true);
});

both!(fieldsets_select_roles_and_rules, |app| {
    let ann = app.user();
    let one = ann.get(&format!("{MENTOR}?fields[relationship-types]=user-role,is-tree")).expect(200);
    assert_eq!(one.body["data"]["attributes"], json!({"user-role": "mentees", "is-tree": false}));
    let refused = ann.get(&format!("{MENTOR}?fields[relationship-types]=is-cyclic")).refused(400, "unknown-field");
    for name in ["user-role", "target-role", "is-symmetric", "is-acyclic", "max-per-user", "managed-by", "is-tree"] {
        assert!(detail(&refused).contains(name), "{}", refused.text);
    }
});

both!(values_of_roles_and_rules_are_validated, |app| {
    let admin = app.admin();
    let before = admin.get(MENTOR).expect(200).body;
    let long = "x".repeat(65);
    let boolean = [json!("true"), json!(1), json!(null), json!([])];
    let role =
        [json!(""), json!("Mentors"), json!("1st"), json!("a b"), json!("é"), json!(long), json!(true), json!(["a"])];
    let number = [json!(0), json!(1_001), json!(-1), json!(1.5), json!("3"), json!(true), json!(1e30), json!({})];
    let manager = [json!("Admin"), json!("user"), json!(""), json!(null), json!(true)];
    for (name, values, words) in [
        ("user-role", &role[..], "1 to 64 characters of `a-z`"),
        ("target-role", &role, "or null"),
        ("is-symmetric", &boolean, "`true` or `false`"),
        ("is-acyclic", &boolean, "`true` or `false`"),
        ("max-per-user", &number, "an integer from 1 to 1000, or null"),
        ("managed-by", &manager, "one of `owner`, `admin`"),
    ] {
        for value in values {
            for answer in
                [change(&admin, "mentor", &json!({name: value})), register(&admin, "new", &json!({name: value}))]
            {
                let refused = answer.refused(422, "invalid-attribute");
                assert_eq!(refused.source("pointer"), Some(&*pointer(name)), "{value}");
                assert!(detail(&refused).starts_with(&format!("`{name}` must be ")), "{}", refused.text);
                assert!(detail(&refused).contains(words), "{}", refused.text);
            }
        }
    }
    assert_eq!(admin.get(MENTOR).expect(200).body, before);
    admin.get(&format!("{URL}/new")).refused(404, "not-found");
});

both!(rules_that_exclude_each_other_are_refused, |app| {
    let admin = app.admin();
    // What is stored, what is sent, and the attribute that the error names.
    for (stored, sent, blamed) in [
        (json!({}), json!({"is-symmetric": true, "is-acyclic": true}), "is-acyclic"),
        (json!({"is-symmetric": true}), json!({"is-acyclic": true}), "is-acyclic"),
        (json!({"is-acyclic": true}), json!({"is-symmetric": true}), "is-symmetric"),
        (json!({}), json!({"is-symmetric": true, "max-per-user": 1}), "max-per-user"),
        (json!({"is-symmetric": true}), json!({"max-per-user": 1}), "max-per-user"),
        (json!({"max-per-user": 1}), json!({"is-symmetric": true, "max-per-user": 1}), "is-symmetric"),
        (json!({}), json!({"is-symmetric": true, "user-role": "a"}), "user-role"),
        (json!({}), json!({"is-symmetric": true, "user-role": "a", "target-role": "b"}), "target-role"),
        (json!({"user-role": "a", "target-role": "b"}), json!({"is-symmetric": true}), "is-symmetric"),
        (json!({"user-role": "a", "target-role": "a", "is-symmetric": true}), json!({"user-role": null}), "user-role"),
        (
            json!({"user-role": "a", "target-role": "a", "is-symmetric": true}),
            json!({"is-symmetric": false}),
            "is-symmetric",
        ),
        (json!({}), json!({"user-role": "a", "target-role": "a"}), "target-role"),
        (json!({"target-role": "a"}), json!({"user-role": "a"}), "user-role"),
    ] {
        let made = register(&admin, "pal", &stored).expect(201);
        let refused = change(&admin, "pal", &sent).refused(422, "invalid-attribute");
        assert_eq!(errors(&refused), [("invalid-attribute", &*pointer(blamed))], "{stored} {sent}");
        assert!(
            detail(&refused).contains("set ") && detail(&refused).contains(&format!("`{blamed}`")),
            "{}",
            refused.text
        );
        assert_eq!(admin.get(&format!("{URL}/pal")).expect(200).body["data"], made.body["data"]);
        admin.delete(&format!("{URL}/pal")).expect(204);
        if stored == json!({}) {
            let refused = register(&admin, "pal", &sent).refused(422, "invalid-attribute");
            assert_eq!(errors(&refused), [("invalid-attribute", &*pointer(blamed))], "{sent}");
        }
    }
});

both!(allowed_combinations_of_roles_and_rules_are_stored, |app| {
    let admin = app.admin();
    for (number, sent) in [
        json!({"is-symmetric": true}),
        json!({"is-symmetric": true, "user-role": "pals", "target-role": "pals", "managed-by": "admin"}),
        json!({"is-acyclic": true}),
        json!({"max-per-user": 1_000}),
        json!({"is-acyclic": true, "max-per-user": 1, "user-role": "children"}),
        json!({"is-acyclic": true, "max-per-user": 2, "target-role": "parents"}),
    ]
    .iter()
    .enumerate()
    {
        let made = register(&admin, &format!("kind-{number}"), sent).expect(201);
        for (name, value) in sent.as_object().unwrap() {
            assert_eq!(&made.body["data"]["attributes"][name], value, "{sent}");
        }
    }
    // A change of both sides of an exclusion is judged by its result.
    let swapped = json!({"is-symmetric": true, "is-acyclic": false, "max-per-user": null, "target-role": null});
    change(&admin, "kind-5", &swapped).expect(200);
    change(&admin, "kind-1", &json!({"is-symmetric": false, "target-role": null})).expect(200);
    let exchanged = json!({"user-role": null, "target-role": "pals"});
    assert_eq!(change(&admin, "kind-1", &exchanged).expect(200).body["data"]["attributes"]["target-role"], "pals");
});

both!(all_problems_of_a_type_are_reported_together, |app| {
    let admin = app.admin();
    let sent = json!({
        "description": 1, "user-role": "email", "target-role": "Nobody", "is-symmetric": true, "is-acyclic": true,
        "max-per-user": 3, "managed-by": "nobody",
    });
    let expected = ["description", "target-role", "managed-by", "is-acyclic", "max-per-user", "user-role"].map(pointer);
    for answer in [change(&admin, "mentor", &sent), register(&admin, "new", &sent)] {
        let refused = answer.refused(422, "invalid-attribute");
        assert_eq!(errors(&refused), expected.each_ref().map(|pointer| ("invalid-attribute", &**pointer)));
    }
    let taken = json!({"user-role": "subordinates", "target-role": "supervisors"});
    let refused = register(&admin, "mentees", &taken).refused(409, "role-taken");
    let all =
        [("role-taken", "/data/id"), ("role-taken", &*pointer("user-role")), ("role-taken", &*pointer("target-role"))];
    assert_eq!(errors(&refused), all);
});
