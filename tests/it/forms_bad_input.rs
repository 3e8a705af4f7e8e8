//! Invalid requests of the forms dialect: the error names the problem, and nothing changes.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::both;
use crate::forms::{form, group, member, typed};
use crate::support::forms::json_leaf;
use crate::support::{App, Value, json};

const USERS: &str = "/api/users";
const GROUPS: &str = "/api/user/relationships";
const MEMBERS: &str = "/api/user/relationship_users";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn rows(app: &App) -> (i64, i64, i64) {
    let admin = app.admin();
    let total = |path: &str| admin.get(path).expect(200).total();
    (total("/api/v2/users?filter[email]=x@example.com"), total("/api/v2/groups"), total("/api/v2/group-members"))
}

both!(wrong_parameters_get_406_and_change_nothing, |app| {
    let admin = app.admin();
    let before = rows(app);
    let group = group(&admin, "Captains");
    let member = member(&admin, group, app.user().id);
    let user = json!({"first_name": "A", "email": "x@example.com", "password": "long enough"});
    let named = |name: Value, form: Value| json!({"form_configuration_name": name, "form": form});
    let with = |name: &str, value: Value| {
        let mut values = user.clone();
        values[name] = value;
        form("create_user", &values)
    };
    let typed_by = |parent: Value| {
        let mut body = form("relationship_create", &json!({"properties": {"group_name": "x"}}));
        body["parent_resource_id"] = parent;
        body
    };
    let path_of_user = format!("{USERS}/{}", admin.id);
    let path_of_member = format!("{MEMBERS}/{member}");
    let wrong = [
        ("POST", USERS, json!({"form": user}), "`form_configuration_name`"),
        ("POST", USERS, named(json!(5), user.clone()), "`form_configuration_name`"),
        ("POST", USERS, named(Value::Null, user.clone()), "`form_configuration_name`"),
        ("POST", USERS, named(json!("no such form"), user.clone()), "no such form configuration"),
        ("POST", USERS, named(json!("reference_rest_api_relationship_create"), user.clone()), "another resource"),
        ("POST", USERS, json!({"form_configuration_name": "reference_rest_api_create_user"}), "`form`"),
        ("POST", USERS, named(json!("reference_rest_api_create_user"), json!("x")), "`form`"),
        ("POST", USERS, named(json!("reference_rest_api_create_user"), json!([user])), "`form`"),
        ("POST", USERS, json!([user]), "object"),
        ("POST", USERS, json!("x"), "object"),
        ("POST", USERS, with("access_level", json!("admin")), "access_level"),
        ("POST", USERS, with("id", json!(1)), "`id`"),
        ("POST", USERS, with("is_enabled", json!(true)), "is_enabled"),
        ("POST", USERS, with("password_hash", json!("x")), "password_hash"),
        ("POST", USERS, with("first_name", json!("a\u{0}b")), "U+0000"),
        ("POST", USERS, with("properties", json!({"a\u{0}": 1})), "U+0000"),
        ("PUT", &path_of_user, form("update_user", &json!({"email": "y@example.com"})), "email"),
        ("PUT", &path_of_user, form("update_user", &json!({"access_level": "admin"})), "access_level"),
        ("PUT", &path_of_user, form("relationship_update", &json!({})), "another resource"),
        (
            "POST",
            GROUPS,
            form("relationship_create", &json!({"properties": {"group_name": "x"}})),
            "`parent_resource_id`",
        ),
        ("POST", GROUPS, typed_by(json!("no_such_type")), "`parent_resource_id`"),
        ("POST", GROUPS, typed_by(json!("special_group_users")), "`parent_resource_id`"),
        ("POST", GROUPS, typed_by(json!(["special_group"])), "`parent_resource_id`"),
        ("POST", GROUPS, typed_by(json!(99)), "`parent_resource_id`"),
        (
            "POST",
            GROUPS,
            typed("relationship_create", "special_group", &json!({"properties": {"group_name": "x", "color": "red"}})),
            "color",
        ),
        ("POST", GROUPS, typed("relationship_create", "special_group", &json!({"owner_id": 1})), "owner_id"),
        (
            "PUT",
            &path_of_member,
            form("relationship_update", &json!({"properties": {"group_name": "x"}})),
            "group_name",
        ),
        ("PUT", &path_of_member, form("relationship_update", &json!({"user_id": 1})), "user_id"),
        ("PUT", &path_of_member, form("update_user", &json!({})), "another resource"),
        ("POST", MEMBERS, typed("relationship_create", "special_group_users", &json!({})), "another resource"),
    ];
    for (method, path, body, expected) in &wrong {
        let answer = admin.form(method, path, body).expect(406);
        assert_eq!(answer.fields(), ["base"], "{body}");
        assert_eq!(answer.body["model"], json!({}));
        assert!(
            answer.body["errors"]["base"][0].as_str().is_some_and(|it| it.contains(expected)),
            "{} does not contain {expected}",
            answer.text
        );
    }
    for body in ["", "{", "nonsense", "{\"form\":", "\u{feff}{", "[[[[[[", "nul"] {
        let answer = admin.send("POST", USERS, JSON, Some(body.as_bytes())).expect(406);
        assert!(answer.text.contains("JSON"), "{}", answer.text);
    }
    admin
        .send("POST", USERS, &[("content-type", "application/x-www-form-urlencoded")], Some(b"form[email]=x"))
        .expect(406);
    admin.send("POST", USERS, JSON, Some("[".repeat(100_000).as_bytes())).expect(406);
    admin.send("POST", USERS, JSON, Some(&[b'"', 0xff, 0xfe, b'"'])).expect(406);
    for (path, query) in [
        (format!("{GROUPS}/{group}"), ""),
        (format!("{GROUPS}/{group}"), "?form_configuration_name=x"),
        (format!("{GROUPS}/{group}"), "?form_configuration_name=reference_rest_api_relationship_user_delete"),
    ] {
        admin.delete(&format!("{path}{query}")).expect(406);
    }
    let after = rows(app);
    assert_eq!((before.0, before.1 + 1, before.2 + 1), after);
});

both!(invalid_values_get_422_with_all_messages_of_all_fields, |app| {
    let admin = app.admin();
    app.named("taken@example.com", "user");
    let sent = json!({"first_name": " ", "email": "TAKEN@example.com", "password": "short", "last_name": 5});
    let refused = admin.form("POST", USERS, &form("create_user", &sent)).expect(422);
    assert_eq!(refused.fields(), ["email", "first_name", "last_name", "password"]);
    assert_eq!(refused.body["errors"]["email"], json!(["has already been taken"]));
    assert_eq!(refused.body["model"], json!({"first_name": " ", "email": "TAKEN@example.com", "last_name": 5}));
    let refused = admin.form("POST", USERS, &form("create_user", &json!({}))).expect(422);
    assert_eq!(refused.fields(), ["email", "first_name", "password"]);
    assert_eq!(refused.body["model"], json!({}));
    for (values, field) in [
        (json!({"email": "no address"}), "email"),
        (json!({"email": ["x@example.com"]}), "email"),
        (json!({"first_name": "x".repeat(256)}), "first_name"),
        (json!({"password": "x".repeat(2_000)}), "password"),
        (json!({"properties": "x"}), "properties"),
        (json!({"properties": {"a": "x".repeat(70_000)}}), "properties"),
    ] {
        let mut all = json!({"first_name": "A", "email": "x@example.com", "password": "long enough"});
        for (name, value) in values.as_object().expect("an object") {
            all[name] = value.clone();
        }
        let refused = admin.form("POST", USERS, &form("create_user", &all)).expect(422);
        assert!(refused.fields().iter().all(|it| it.starts_with(field)), "{field}: {:?}", refused.fields());
    }
    for (values, field) in [
        (json!({}), "properties.group_name"),
        (json!({"properties": {"group_name": ""}}), "properties.group_name"),
        (json!({"properties": {"group_name": 5}}), "properties.group_name"),
        (json!({"properties": [1]}), "properties"),
    ] {
        let body = typed("relationship_create", "special_group", &values);
        assert!(admin.form("POST", GROUPS, &body).expect(422).fields().contains(&field), "{values}");
    }
    for (name, value) in [
        ("relationship_id", json!("x")),
        ("relationship_id", json!(-1)),
        ("user_id", json!(1.5)),
        ("user_id", json!({})),
        ("user_id", json!("99999999999999999999")),
    ] {
        let mut values = json!({"relationship_id": 1, "user_id": 1, "properties": {"status": "x"}});
        values[name] = value;
        let body = typed("relationship_user_create", "special_group_users", &values);
        assert!(admin.form("POST", MEMBERS, &body).expect(422).fields().contains(&name), "{values}");
    }
    assert_eq!(rows(app).0, 0);
});

both!(properties_of_a_user_have_a_total_size_limit, |app| {
    let me = app.user();
    let add = |name: &str| {
        let values = json!({"properties": {name: "x".repeat(9_900)}});
        me.form("PUT", &format!("{USERS}/{}", me.id), &form("update_user", &values))
    };
    for name in ["a", "b", "c", "d", "e", "f"] {
        add(name).expect(204);
    }
    assert_eq!(add("g").expect(422).fields(), ["properties"]);
    let free = form("update_user", &json!({"properties": {"a": null}}));
    me.form("PUT", &format!("{USERS}/{}", me.id), &free).expect(204);
    add("g").expect(204);
});

both!(an_update_of_a_missing_record_gets_404, |app| {
    let admin = app.admin();
    for id in ["999999", "0", "x", "1x", "99999999999999999999", "1.xml", "%00"] {
        for (path, name) in
            [(USERS, "update_user"), (GROUPS, "relationship_update"), (MEMBERS, "relationship_user_update")]
        {
            let answer = admin.form("PUT", &format!("{path}/{id}"), &form(name, &json!({}))).expect(404);
            assert_eq!((answer.fields(), &answer.body["model"]), (vec!["base"], &json!({})));
        }
    }
});

both!(
    a_body_that_is_too_large_gets_413,
    |config| {
        config.max_body = 2_048;
    },
    |app| {
        let values = json!({"first_name": "x".repeat(4_000)});
        assert_eq!(app.admin().form("POST", USERS, &form("create_user", &values)).expect(413).fields(), ["base"]);
    }
);

both!(arbitrary_bodies_get_no_5xx_response, |app| {
    let admin = app.admin();
    let leaf = prop_oneof![
        5 => json_leaf(),
        1 => Just(json!("reference_rest_api_create_user")),
        1 => Just(json!("special_group")),
        1 => Just(json!("x@example.com")),
    ];
    let names = prop_oneof![
        Just("form".to_owned()),
        Just("form_configuration_name".to_owned()),
        Just("parent_resource_id".to_owned()),
        Just("properties".to_owned()),
        Just("email".to_owned()),
        Just("password".to_owned()),
        Just("first_name".to_owned()),
        Just("group_name".to_owned()),
        Just("relationship_id".to_owned()),
        Just("user_id".to_owned()),
        "\\PC{0,6}",
    ];
    let value = leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(names.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let forms = prop_oneof![Just("create_user"), Just("relationship_create"), Just("relationship_user_create")];
    let paths = prop_oneof![Just(USERS), Just(GROUPS), Just(MEMBERS)];
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let done = runner.run(&(paths, forms, value.clone(), value), |(path, name, values, whole)| {
        for body in [typed(name, "special_group", &values), whole] {
            let answer = admin.form("POST", path, &body);
            prop_assert!([201, 406, 422].contains(&answer.status), "{} {}: {}", answer.status, body, answer.text);
        }
        Ok(())
    });
    done.expect("no case fails");
});
