//! Validation of the member `form`: accepted values, and the messages for the others.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use user_relationships::http::forms::config::catalogue::Catalogue;
use user_relationships::http::forms::config::definition::Form;
use user_relationships::http::forms::config::resource::FormResource;
use user_relationships::http::forms::validation_result::{FormMismatch, Validated};

use crate::any_input::check_property;
use crate::support::forms::{json_leaf, load};
use crate::support::{Value, json};

const LONGEST: usize = 10_000;

/// The form `f` of a user with this configuration.
fn form(configuration: &str) -> Form {
    let text = format!("name: f\nresource: User\nconfiguration: {{ {configuration} }}\n");
    load(&[("a.yml", &text)]).expect(configuration).form("f").expect("the form").as_ref().clone()
}

/// A built-in form.
fn built_in(name: &str) -> Form {
    Catalogue::built_in().form(&format!("reference_rest_api_{name}")).expect(name).as_ref().clone()
}

fn validate(form: &Form, sent: &Value) -> Result<Validated, FormMismatch> {
    form.validate(sent.as_object().expect("an object"), None, true)
}

#[track_caller]
fn errors(form: &Form, sent: &Value) -> Value {
    serde_json::to_value(validate(form, sent).expect("a request that fits the form").errors).expect("JSON")
}

#[test]
fn the_documented_requests_are_accepted() {
    let forms = Catalogue::built_in();
    let sent = json!({"first_name": "Example", "email": "example1@platformos.com", "password": "somepassword"});
    let validated = validate(&built_in("create_user"), &sent).expect("the example");
    assert!(validated.errors.is_empty());
    assert_eq!(Value::Object(validated.values), sent);
    let validate = |name: &str, kind: Option<(FormResource, &str)>, sent: Value| {
        let kind = kind.map(|(resource, name)| forms.type_of(resource, &json!(name)).expect("the type"));
        let validated = built_in(name)
            .validate(sent.as_object().expect("an object"), kind.map(AsRef::as_ref), true)
            .expect("the example");
        assert!(validated.errors.is_empty(), "{validated:?}");
        (Value::Object(validated.values), Value::Object(validated.properties))
    };
    let group = validate(
        "relationship_create",
        Some((FormResource::Relationship, "special_group")),
        json!({"properties": {"group_name": "Captains"}}),
    );
    assert_eq!(group, (json!({}), json!({"group_name": "Captains"})));
    for (relationship_id, user_id) in [(json!(1), json!(2)), (json!("1"), json!("2"))] {
        let member = validate(
            "relationship_user_create",
            Some((FormResource::RelationshipUser, "special_group_users")),
            json!({"relationship_id": relationship_id, "user_id": user_id, "properties": {"status": "active"}}),
        );
        assert_eq!(member, (json!({"relationship_id": 1, "user_id": 2}), json!({"status": "active"})));
    }
}

#[test]
fn all_messages_of_all_fields_are_returned() {
    let sent = json!({"email": "unknown", "password": " "});
    let expected = json!({
        "email": ["is invalid"],
        "first_name": ["can't be blank"],
        "password": ["can't be blank", "is too short (minimum is 8 characters)"],
    });
    assert_eq!(errors(&built_in("create_user"), &sent), expected);
    let blank = json!({
        "relationship_id": ["can't be blank"],
        "user_id": ["can't be blank"],
        "properties.status": ["can't be blank"],
    });
    assert_eq!(errors(&built_in("relationship_user_create"), &json!({})), blank);
    let nulls = json!({"relationship_id": null, "user_id": null, "properties": {"status": null}});
    assert_eq!(errors(&built_in("relationship_user_create"), &nulls), blank);
    assert_eq!(errors(&built_in("relationship_user_update"), &json!({})), json!({}));
}

#[test]
fn messages_are_those_of_rails() {
    let numbers = "numericality: { only_integer: true, greater_than: 1, less_than_or_equal_to: 9 }";
    let cases = [
        ("presence: true", json!(""), vec!["can't be blank"]),
        ("presence: true", json!([]), vec!["can't be blank"]),
        ("presence: true", json!({}), vec!["can't be blank"]),
        ("presence: true", json!(false), vec![]),
        ("presence: true", json!(0), vec![]),
        ("length: { minimum: 2 }", json!("ä"), vec!["is too short (minimum is 2 characters)"]),
        ("length: { maximum: 1 }", json!("ab"), vec!["is too long (maximum is 1 character)"]),
        ("length: { maximum: 2 }", json!("äö"), vec![]),
        ("length: { is: 3 }", json!([1, 2]), vec!["is the wrong length (should be 3 elements)"]),
        ("inclusion: { in: [a, 1, true] }", json!("b"), vec!["is not included in the list"]),
        ("inclusion: { in: [a, 1, true] }", json!("1"), vec!["is not included in the list"]),
        ("inclusion: { in: [a, 1, true] }", json!([1.0, "a"]), vec![]),
        ("inclusion: { in: [a, 1, true] }", json!(["a", "b"]), vec!["is not included in the list"]),
        (r"format: { with: '\A[a-z]+\z' }", json!("abc"), vec![]),
        (r"format: { with: '\A[a-z]+\z' }", json!("abc\n"), vec!["is invalid"]),
        (r"format: { with: '^[a-z]+$' }", json!("abc\ndef1"), vec!["is invalid"]),
        (r"format: { with: '\d' }", json!(5), vec!["is invalid"]),
        ("email: true", json!("a@example.com"), vec![]),
        ("email: true", json!("a@"), vec!["is invalid"]),
        ("email: true", json!(""), vec!["is invalid"]),
        ("email: true", json!(1), vec!["is invalid"]),
        ("numericality: true", json!("1.5"), vec![]),
        ("numericality: true", json!("a"), vec!["is not a number"]),
        (numbers, json!(9), vec![]),
        (numbers, json!("10"), vec!["must be less than or equal to 9"]),
        (numbers, json!(0.5), vec!["must be an integer", "must be greater than 1"]),
        ("numericality: { equal_to: 5 }", json!(6), vec!["must be equal to 5"]),
        ("length: { is: 1 }, email: true, numericality: true", json!(null), vec![]),
        ("presence: false, email: false, numericality: false", json!("x"), vec![]),
    ];
    for (validation, value, messages) in cases {
        let form = form(&format!("properties: {{ x: {{ validation: {{ {validation} }} }} }}"));
        let found = errors(&form, &json!({"properties": {"x": value}}));
        let expected = if messages.is_empty() { json!({}) } else { json!({"properties.x": messages}) };
        assert_eq!(found, expected, "{validation} of {value}");
        let missing = errors(&form, &json!({}));
        assert_eq!(missing != json!({}), validation == "presence: true", "only `presence` concerns missing values");
    }
}

#[test]
fn a_confirmation_must_be_equal_if_it_is_sent() {
    let demanded = "{ validation: { confirmation: true } }";
    let form = form(&format!("password: {demanded}, properties: {{ code: {demanded}, other: {{}} }}"));
    let cases = [
        (json!({"password": "abc"}), json!({})),
        (json!({"password": "abc", "password_confirmation": "abc"}), json!({})),
        (json!({"password": "abc", "password_confirmation": null}), json!({})),
        (
            json!({"password": "abc", "password_confirmation": "abd"}),
            json!({"password_confirmation": ["doesn't match `password`"]}),
        ),
        (json!({"password_confirmation": "abc"}), json!({"password_confirmation": ["doesn't match `password`"]})),
        (
            json!({"properties": {"code": "1", "code_confirmation": 1}}),
            json!({"properties.code_confirmation": ["doesn't match `code`"]}),
        ),
    ];
    for (sent, expected) in cases {
        assert_eq!(errors(&form, &sent), expected, "{sent}");
    }
    let validated = validate(
        &form,
        &json!({"password_confirmation": "a", "password": "a", "properties": {"code_confirmation": "1", "code": "1"}}),
    );
    let validated = validated.expect("all of it is listed");
    assert_eq!((validated.values.len(), validated.properties.len()), (1, 1), "a confirmation is not stored");
    let other = validate(&form, &json!({"properties": {"other_confirmation": 1}}));
    assert_eq!(other, Err(FormMismatch::NotListed("properties.other_confirmation".to_owned())));
}

#[test]
fn unlisted_and_read_only_fields_do_not_fit_the_form() {
    let form = form("email: {}, properties: { a: {}, b: { property_options: { readonly: true, default: 1 } } }");
    let cases = [
        (json!({"id": 1}), "the form has no field `id`"),
        (json!({"access_level": "admin", "email": 5}), "the form has no field `access_level`"),
        (json!({"password": "x"}), "the form has no field `password`"),
        (json!({"email_confirmation": "x"}), "the form has no field `email_confirmation`"),
        (json!({"properties": {"c": 1}}), "the form has no field `properties.c`"),
        (json!({"properties": {"b": 1}}), "`properties.b` is read-only"),
        (json!({"email": "a\u{0}@example.com"}), "`email` contains U+0000"),
        (json!({"properties": {"a": [{"\u{0}": 1}]}}), "`properties` contains U+0000"),
        (json!({"x\u{0}\n\u{1b}[0m": 1}), "`x[0m` contains U+0000"),
    ];
    for (sent, sentence) in cases {
        assert_eq!(validate(&form, &sent).expect_err("a mismatch").to_string(), sentence, "{sent}");
    }
    let long = validate(&form, &json!({"x".repeat(5_000): 1})).expect_err("a mismatch").to_string();
    assert!(long.len() < 200, "{long}");
    let none = built_in("delete_session");
    assert!(validate(&none, &json!({"email": 1})).is_err() && validate(&none, &json!({})).is_ok());
    assert!(validate(&built_in("relationship_delete"), &json!({"properties": {}})).is_err());
}

#[test]
fn values_of_another_kind_get_a_message_on_their_field() {
    let user = built_in("update_user");
    assert_eq!(
        errors(&user, &json!({"first_name": 5, "properties": []})),
        json!({
            "first_name": ["is not a string"], "properties": ["is not an object"],
        })
    );
    assert_eq!(errors(&user, &json!({"properties": null})), json!({"properties": ["is not an object"]}));
    let member = built_in("relationship_user_update");
    for bad in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("x"),
        json!(""),
        json!("0"),
        json!("1e3"),
        json!("+1"),
        json!([1]),
        json!(u64::MAX),
    ] {
        let found = errors(&member, &json!({"user_id": bad}));
        assert_eq!(found, json!({"user_id": ["must be a positive integer"]}), "{bad}");
    }
    assert_eq!(errors(&member, &json!({"user_id": null})), json!({"user_id": ["can't be blank"]}));
}

#[test]
fn properties_must_be_defined_by_the_type_and_of_its_kind() {
    let text = "name: t\nresource: Relationship\ncustom_attributes:\n- { name: size, attribute_type: integer }\n- { name: founded, \
                attribute_type: date }\n---\nname: f\nresource: Relationship\nconfiguration: { properties: { size: { validation: { \
                numericality: { greater_than: 0 } } }, founded: {}, other: { property_options: { default: 1 } } } }\n---\nname: \
                free\nresource: Relationship\nconfiguration: { properties: {} }\n";
    let forms = load(&[("a.yml", text)]).expect("a type and two forms");
    let kind = forms.type_of(FormResource::Relationship, &json!(1));
    let validate = |form: &str, properties: Value| {
        let sent = json!({"properties": properties});
        forms.form(form).expect("a form").validate(sent.as_object().expect("an object"), kind.map(AsRef::as_ref), true)
    };
    for form in ["f", "free"] {
        let good = validate(form, json!({"size": 5, "founded": "2026-02-28"})).expect("defined");
        assert!(good.errors.is_empty());
        assert!(!good.properties.contains_key("other"), "a default of what the type does not define");
        let bad = validate(form, json!({"size": "5", "founded": "soon"})).expect("defined").errors;
        assert_eq!(bad.messages("properties.size"), ["is not an integer"]);
        assert_eq!(bad.messages("properties.founded"), ["is not a date (YYYY-MM-DD)"]);
    }
    assert_eq!(
        validate("f", json!({"size": 0})).expect("defined").errors.messages("properties.size"),
        ["must be greater than 0"]
    );
    let undefined = validate("f", json!({"other": 1})).expect_err("not defined").to_string();
    assert_eq!(undefined, "the type `t` does not define `properties.other`");
    assert!(matches!(validate("free", json!({"any": 1})), Err(FormMismatch::NotDefined(..))));
}

#[test]
fn a_new_record_gets_defaults_and_null_clears_a_field() {
    let form = form(
        "last_name: {}, properties: { a: { property_options: { default: x } }, b: { property_options: { default: 1, readonly: \
         true }, validation: { presence: true } }, c: {}, d: { property_options: { default: y }, validation: { presence: true } } }",
    );
    let validate = |sent: Value, is_new| {
        let validated = form.validate(sent.as_object().expect("an object"), None, is_new).expect("listed");
        assert!(validated.errors.is_empty(), "{validated:?}");
        (Value::Object(validated.values), Value::Object(validated.properties))
    };
    assert_eq!(validate(json!({}), true), (json!({}), json!({"a": "x", "b": 1, "d": "y"})));
    assert_eq!(validate(json!({}), false), (json!({}), json!({})), "the stored values are kept");
    let cleared = json!({"last_name": null, "properties": {"a": null, "c": null}});
    assert_eq!(validate(cleared.clone(), true), (json!({"last_name": null}), json!({"b": 1, "d": "y"})));
    assert_eq!(validate(cleared, false), (json!({"last_name": null}), json!({"a": null, "c": null})));
}

#[test]
fn all_values_have_size_limits() {
    let user = built_in("create_user");
    let messages = |sent: Value, field: &str| errors(&user, &sent).get(field).cloned().unwrap_or_default();
    let long = |count: usize| "ä".repeat(count);
    assert_eq!(messages(json!({"last_name": long(LONGEST)}), "last_name"), json!(null));
    let too_long = json!(["is too long (maximum is 10000 characters)"]);
    assert_eq!(messages(json!({"last_name": long(LONGEST + 1)}), "last_name"), too_long);
    assert_eq!(messages(json!({"properties": {"a": [{"b": long(LONGEST + 1)}]}}), "properties.a"), too_long);
    assert_eq!(messages(json!({"password": "x".repeat(1_024)}), "password"), json!(null));
    assert_eq!(messages(json!({"password": long(513)}), "password"), json!(["is too long (maximum is 1024 bytes)"]));
    let many: Value = (0..9_000).map(|number| (number.to_string(), json!(1))).collect::<serde_json::Map<_, _>>().into();
    let too_large = json!(["is too large (maximum is 65536 bytes of JSON)"]);
    assert_eq!(messages(json!({"properties": many}), "properties"), too_large);
    let deep = (0..8).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(
        messages(json!({"properties": {"a": deep}}), "properties"),
        json!(["is nested too deeply (maximum is 8 levels)"])
    );
    for name in [String::new(), "x".repeat(101), "a\nb".to_owned()] {
        assert_eq!(messages(json!({"properties": {name: 1}}), "properties").as_array().map(Vec::len), Some(1));
    }
    assert_eq!(messages(json!({"properties": {long(100): 1}}), "properties"), json!(null));
}

#[test]
fn a_group_form_on_a_member_is_validated_by_member_forms() {
    let text = "name: t\nresource: RelationshipUser\ncustom_attributes: [{ name: status, attribute_type: string }, { name: rank, \
                attribute_type: integer }, { name: fixed, attribute_type: string }, { name: unlisted, attribute_type: string }]\n\
                ---\nname: a\nresource: RelationshipUser\nconfiguration: { properties: { status: { validation: { presence: true, inclusion: { in: \
                [active] } } }, rank: {}, fixed: { property_options: { readonly: true } } } }\n\
                ---\nname: b\nresource: RelationshipUser\nconfiguration: { properties: { status: { validation: { length: { maximum: 3 } } } } }\n\
                ---\nname: g\nresource: Relationship\nconfiguration: { properties: { group_name: {}, unlisted: {} } }\n";
    let forms = load(&[("a.yml", text)]).expect("forms");
    let kind = forms.type_named(FormResource::RelationshipUser, "t");
    let validate = |sent: Value| {
        forms.validate_member_by_group_form(sent.as_object().expect("an object"), kind.map(AsRef::as_ref))
    };
    for good in [
        json!({}),
        json!({"properties": {}}),
        json!({"properties": {"status": "active", "rank": 1}}),
        json!({"properties": {"status": "off"}}),
    ] {
        let validated = validate(good.clone()).expect("listed");
        assert!(validated.errors.is_empty() && validated.values.is_empty(), "{good}");
        assert_eq!(Value::Object(validated.properties), good.get("properties").cloned().unwrap_or_else(|| json!({})));
    }
    let errors = validate(json!({"properties": {"status": "unknown", "rank": "x"}})).expect("listed").errors;
    assert_eq!(
        errors.messages("properties.status"),
        ["is not included in the list"],
        "the form `a` is the first by name"
    );
    assert_eq!(errors.messages("properties.rank"), ["is not an integer"]);
    assert!(!validate(json!({"properties": 1})).expect("listed").errors.is_empty());
    for (bad, sentence) in [
        (json!({"user_id": 1}), "the form has no field `user_id`"),
        (json!({"properties": {"group_name": "x"}}), "the form has no field `properties.group_name`"),
        (json!({"properties": {"unlisted": "x"}}), "the form has no field `properties.unlisted`"),
        (json!({"properties": {"fixed": "x"}}), "`properties.fixed` is read-only"),
        (json!({"properties": {"status": "\u{0}"}}), "`properties` contains U+0000"),
    ] {
        assert_eq!(validate(bad).expect_err("a mismatch").to_string(), sentence);
    }
    // The documented request, by the built-in forms.
    let forms = Catalogue::built_in();
    let sent = json!({"properties": {"status": "not_verified"}});
    let kind = forms.type_named(FormResource::RelationshipUser, "special_group_users");
    let validated = forms
        .validate_member_by_group_form(sent.as_object().expect("an object"), kind.map(AsRef::as_ref))
        .expect("the example");
    assert!(validated.errors.is_empty());
    assert_eq!(Value::Object(validated.properties), json!({"status": "not_verified"}));
}

/// Arbitrary JSON.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        5 => json_leaf(),
        1 => any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 30, 6, |inner| {
        let name = prop_oneof![Just("status".to_owned()), Just("group_name".to_owned()), any::<String>()];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map(name, inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn no_message_ever_contains_a_password() {
    let forms = Catalogue::built_in();
    let names =
        ["email", "first_name", "password", "password_confirmation", "properties", "user_id", "relationship_id", "id"];
    let bodies = proptest::collection::hash_map(proptest::sample::select(names.to_vec()), anything(), 0..5);
    check_property(&(bodies, "urp[a-z]{12}"), |(body, password)| {
        let mut sent: serde_json::Map<_, _> = body.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for value in [sent.get("password").cloned(), Some(json!(password)), Some(json!([{"x": password}]))] {
            sent.extend(value.map(|value| ("password".to_owned(), value)));
            for form in forms.forms() {
                for is_new in [true, false] {
                    let kind = forms.type_of(form.resource, &json!(1));
                    let message = match form.validate(&sent, kind.map(AsRef::as_ref), is_new) {
                        Ok(validated) => serde_json::to_string(&validated.errors).expect("JSON"),
                        Err(mismatch) => mismatch.to_string(),
                    };
                    assert!(!message.contains(&password), "{message}");
                }
            }
            drop(forms.validate_member_by_group_form(
                &sent,
                forms.type_of(FormResource::RelationshipUser, &json!(1)).map(AsRef::as_ref),
            ));
        }
    });
}
