//! Invalid form files: each problem is reported with its line and reason.

use std::fmt::Write;
use std::time::{Duration, Instant};

use proptest::prelude::any;
use proptest::sample::Index;
use user_relationships::http::forms::config::builtin;
use user_relationships::http::forms::config::catalogue::Catalogue;

use crate::any_input::check_property;
use crate::support::forms::load;

/// The first three lines of a form.
const FORM: &str = "name: f\nresource: User\nconfiguration:\n";
/// The first three lines of a type.
const TYPE: &str = "name: t\nresource: Relationship\ncustom_attributes:\n";

/// Asserts that a file has exactly one problem, in this line.
#[track_caller]
fn assert_refused(text: &str, line: u64, reason: &str) {
    let problems = load(&[("a.yml", text)]).expect_err(text);
    assert!(
        problems.len() == 1 && problems[0].starts_with(&format!("a.yml:{line}: ")) && problems[0].contains(reason),
        "{text}\n{problems:#?}\nexpected line {line}: {reason}"
    );
}

#[test]
fn documents_that_are_neither_forms_nor_types_are_refused() {
    let cases = [
        ("# a comment\n- name: f", 2, "this document has neither or both"),
        ("name: f\nresource: User", 1, "this document has neither or both"),
        ("name: f\nresource: User\nconfiguration: {}\ncustom_attributes: []", 1, "this document has neither or both"),
        ("just a text", 1, "this document has neither or both"),
        ("name: f\nresource: [", 2, "not valid YAML"),
        ("name: f\n\tresource: User", 1, "not valid YAML"),
        ("name: *undefined", 1, "not valid YAML"),
        ("name: !!python/object f\nresource: User\nconfiguration: {}", 1, "not valid YAML"),
        ("name: f\nresource: User\nconfiguration: {}\n---\na: b: c", 5, "not valid YAML"),
    ];
    for (text, line, reason) in cases {
        assert_refused(text, line, reason);
    }
}

#[test]
fn invalid_forms_are_refused() {
    let cases = [
        ("name: f\nresource: User\naction: create\nconfiguration: {}", 3, "a form has no key `action`"),
        ("name: f\nname: g\nresource: User\nconfiguration: {}", 2, "duplicate key `name`"),
        ("name: f\nresource: Users\nconfiguration: {}", 2, "unknown resource `Users`"),
        ("name: f\nconfiguration: {}", 1, "a form needs a `resource`"),
        ("resource: User\nconfiguration: {}", 1, "a form needs a `name`"),
        ("name: 5\nresource: User\nconfiguration: {}", 1, "`name` must be a string"),
        ("name: ''\nresource: User\nconfiguration: {}", 1, "the name of a form must have 1 to 100 characters"),
        ("name: f\nresource: User\nresource_owner: owner\nconfiguration: {}", 3, "`self` or `anyone`"),
        ("name: f\nresource: User\nconfiguration: [email]", 3, "`configuration` must be a mapping"),
        ("name: f\nresource: Session\nconfiguration:\n  properties: {}", 4, "a `Session` has no field `properties`"),
        ("name: f\nresource: Relationship\nconfiguration:\n  user_id: {}", 4, "no field `user_id`"),
    ];
    for (text, line, reason) in cases {
        assert_refused(text, line, reason);
    }
    let twice = format!("{FORM}  email: {{}}\n---\nname: f\nresource: Session\nconfiguration: {{}}");
    assert_refused(&twice, 6, "the form `f` is already defined in a.yml:1");
}

#[test]
fn invalid_fields_and_properties_are_refused() {
    let cases = [
        ("  email: {}\n  first_name: {}\n  email: {}", 6, "duplicate key `email`"),
        ("  email: &a {}\n  first_name:\n    <<: *a", 6, "merge keys"),
        ("  is_admin: {}", 4, "a `User` has no field `is_admin`"),
        ("  access_level: {}", 4, "has no field `access_level`"),
        ("  email: true", 4, "`email` must be a mapping"),
        ("  email:\n    validate: {}", 5, "`email` has no key `validate`"),
        ("  email:\n    property_options: {}", 5, "only properties can have `property_options`"),
        ("  email:\n    validation: [presence]", 5, "`validation` must be a mapping"),
        ("  email:\n    validation:\n      unique: true", 6, "unknown validation `unique`"),
        ("  properties: [x]", 4, "`properties` must be a mapping"),
        ("  properties:\n    '': {}", 5, "the name of a property"),
        ("  properties:\n    x: text", 5, "`x` must be a mapping"),
        ("  properties:\n    x: {}\n    x: {}", 6, "duplicate key `x`"),
        ("  properties:\n    x: { property_options: { virtual: 1 } }", 5, "`virtual`"),
        ("  properties:\n    x: { property_options: { readonly: 1 } }", 5, "`readonly` must be"),
        ("  properties:\n    x: { property_options: { default: \"\\0\" } }", 5, "U+0000"),
        (
            "  properties:\n    x:\n      validation: { length: { minimum: 3 } }\n      property_options: { default: a }",
            7,
            "the default of `x` is too short (minimum is 3 characters)",
        ),
        (
            "  properties:\n    x: { validation: { presence: true }, property_options: { default: '' } }",
            5,
            "the default of `x` can't be blank",
        ),
        (
            "  properties:\n    x: { validation: { presence: true }, property_options: { readonly: true } }",
            5,
            "read-only: give it a default",
        ),
        (
            "  properties:\n    x: { validation: { confirmation: true } }\n    x_confirmation: {}",
            5,
            "also listed as a property",
        ),
    ];
    for (text, line, reason) in cases {
        assert_refused(&format!("{FORM}{text}"), line, reason);
    }
}

#[test]
fn invalid_types_are_refused() {
    let cases = [
        ("name: t\nresource: Relationship\ncustom_attributes: []\ntable: x", 4, "a type has no key `table`"),
        ("name: t\nresource: User\ncustom_attributes: []", 1, "only `Relationship` and `RelationshipUser` have types"),
        ("name: t\ncustom_attributes: []", 1, "a type needs a `resource`"),
        ("resource: Relationship\ncustom_attributes: []", 1, "a type needs a `name`"),
        ("name: 12\nresource: Relationship\ncustom_attributes: []", 1, "`name` must be a string"),
        ("name: '12'\nresource: Relationship\ncustom_attributes: []", 1, "must begin with a letter"),
        ("name: a/b\nresource: Relationship\ncustom_attributes: []", 1, "must begin with a letter"),
        ("name: t\nresource: Relationship\ncustom_attributes: {}", 3, "`custom_attributes` must be a list"),
    ];
    for (text, line, reason) in cases {
        assert_refused(text, line, reason);
    }
    let cases = [
        ("- a", 4, "a custom attribute must be a mapping"),
        ("- { name: a, attribute_type: string, x: 1 }", 4, "a custom attribute has no key `x`"),
        ("- name: a", 4, "needs a `name` and an `attribute_type`"),
        ("- { name: a, attribute_type: text }", 4, "unknown attribute type `text`"),
        ("- { name: '', attribute_type: date }", 4, "the name of a custom attribute"),
        ("- { name: a, attribute_type: date }\n- { name: a, attribute_type: date }", 5, "is defined twice"),
        (
            "- { name: n, attribute_type: integer }\n---\nname: f\nresource: Relationship\nconfiguration:\n  properties:\n    \
             n: { property_options: { default: a } }",
            10,
            "the default of `n`, which is an integer in the type `t`, is not an integer",
        ),
        (
            "- { name: a, attribute_type: date }\n---\nname: T\nresource: RelationshipUser\ncustom_attributes: []",
            6,
            "the type `t` is already defined in a.yml:1",
        ),
    ];
    for (text, line, reason) in cases {
        assert_refused(&format!("{TYPE}{text}"), line, reason);
    }
}

#[test]
fn invalid_validation_parameters_are_refused() {
    let cases = [
        ("presence: yes", "`presence` must be `true` or `false`"),
        ("presence: {}", "`presence` must be `true` or `false`"),
        ("length: 8", "`length` must be a mapping"),
        ("length: {}", "`length` needs `minimum`, `maximum` or `is`"),
        ("length: { min: 1, is: 1 }", "`length` has no key `min`"),
        ("length: { minimum: 3, maximum: 2 }", "`minimum` must not be greater"),
        ("length: { is: 3, minimum: 2 }", "`is` cannot be combined"),
        ("length: { minimum: -1 }", "`minimum` must be an integer from 0"),
        ("length: { maximum: 1.5 }", "`maximum` must be an integer from 0"),
        ("length: { is: '5' }", "`is` must be an integer from 0"),
        ("length: { minimum: 10001 }", "must be at most 10000"),
        ("inclusion: [a]", "`inclusion` must be a mapping"),
        ("inclusion: { in: [] }", "`inclusion` needs `in`"),
        ("inclusion: { in: a }", "`inclusion` needs `in`"),
        ("inclusion: { in: [a], within: [b] }", "`inclusion` has no key `within`"),
        ("inclusion: { in: [[a]] }", "cannot have a value of this kind"),
        ("inclusion: { in: [~] }", "cannot have a value of this kind"),
        ("format: {}", "`format` needs `with`"),
        ("format: { with: 5 }", "`with` must be a string"),
        ("format: { with: a, on: b }", "`format` has no key `on`"),
        ("format: { with: '(' }", "unclosed group"),
        ("format: { with: '(?=a)b' }", "look-around"),
        ("format: { with: '(a)\\1' }", "backreferences"),
    ];
    for (validation, reason) in cases {
        assert_refused(&format!("{FORM}  email: {{ validation: {{ {validation} }} }}"), 4, reason);
        assert_refused(&format!("{FORM}  properties:\n    x: {{ validation: {{ {validation} }} }}"), 5, reason);
    }
    for (validation, reason) in [
        ("numericality: 5", "`numericality` must be `true`, `false` or a mapping"),
        ("numericality: {}", "`numericality` must be `true`, `false` or a mapping"),
        ("numericality: { odd: true }", "`numericality` has no key `odd`"),
        ("numericality: { less_than: a }", "`less_than` must be a number"),
        ("numericality: { only_integer: 1 }", "`only_integer` must be `true` or `false`"),
    ] {
        assert_refused(&format!("{FORM}  properties:\n    x: {{ validation: {{ {validation} }} }}"), 5, reason);
    }
}

#[test]
fn validations_that_do_not_apply_to_a_field_are_refused() {
    let cases = [
        ("first_name: { validation: { uniqueness: true } }", "only the `email` of a `User` can have `uniqueness`"),
        (
            "properties: { x: { validation: { uniqueness: true } } }",
            "only the `email` of a `User` can have `uniqueness`",
        ),
        ("first_name: { validation: { inclusion: { in: [1] } } }", "cannot have a value of this kind"),
        ("email: { validation: { numericality: true } }", "`email` cannot have `numericality`"),
        ("password: { validation: { numericality: true } }", "`password` cannot have `numericality`"),
        ("password: { validation: { inclusion: { in: [a] } } }", "`password` cannot have `inclusion`"),
        ("password: { validation: { email: true } }", "`password` cannot have `email`"),
    ];
    for (field, reason) in cases {
        assert_refused(&format!("{FORM}  {field}"), 4, reason);
    }
    // The kind that a type gives a property counts as well.
    let cases = [
        ("boolean", "numericality: true", "`a`, which is a boolean in the type `t`, cannot have `numericality`"),
        ("integer", "length: { is: 1 }", "`a`, which is an integer in the type `t`, cannot have `length`"),
        ("array", "format: { with: a }", "`a`, which is an array in the type `t`, cannot have `format`"),
        ("float", "email: true", "`a`, which is a float in the type `t`, cannot have `email`"),
        ("array", "confirmation: true", "`a`, which is an array in the type `t`, cannot have `confirmation`"),
        ("string", "inclusion: { in: [a, 1] }", "`a`, which is a string in the type `t`, cannot have `inclusion`"),
        ("date", "inclusion: { in: [soon] }", "`a`, which is a date in the type `t`, cannot have `inclusion`"),
    ];
    for (kind, validation, reason) in cases {
        let form = format!(
            "name: f\nresource: Relationship\nconfiguration:\n  properties:\n    a: {{ validation: {{ {validation} }} }}"
        );
        let typed = |kind| format!("{TYPE}- {{ name: a, attribute_type: {kind} }}\n---\n{form}");
        assert_refused(&typed(kind), 10, reason);
    }
    let session = "name: f\nresource: Session\nconfiguration:\n  email: { validation: { uniqueness: true } }";
    assert_refused(session, 4, "only the `email` of a `User` can have `uniqueness`");
}

#[test]
fn ids_can_only_have_presence_and_inclusion() {
    let form = |validation| {
        format!("name: f\nresource: RelationshipUser\nconfiguration:\n  user_id: {{ validation: {{ {validation} }} }}")
    };
    for (name, validation) in [
        ("email", "email: true"),
        ("length", "length: { is: 1 }"),
        ("format", "format: { with: a }"),
        ("confirmation", "confirmation: true"),
        ("numericality", "numericality: true"),
    ] {
        assert_refused(&form(validation), 4, &format!("`user_id` cannot have `{name}`"));
    }
    assert_refused(&form("inclusion: { in: [0] }"), 4, "cannot have a value of this kind");
    assert_refused(&form("inclusion: { in: [a] }"), 4, "cannot have a value of this kind");
}

#[test]
fn bounds_that_no_number_satisfies_are_refused() {
    let form = |bounds| format!("{FORM}  properties:\n    x: {{ validation: {{ numericality: {{ {bounds} }} }} }}");
    for bounds in [
        "greater_than: 5, less_than: 5",
        "greater_than_or_equal_to: 5, less_than: 5",
        "greater_than: 6, less_than_or_equal_to: 5",
        "equal_to: 5, greater_than: 5",
        "only_integer: true, greater_than: 1, less_than: 2",
        "only_integer: true, equal_to: 1.5",
    ] {
        assert_refused(&form(bounds), 5, "no number satisfies");
    }
    for bounds in [
        "greater_than: 1, less_than: 2",
        "greater_than_or_equal_to: 5, less_than_or_equal_to: 5",
        "only_integer: true, greater_than: 1, less_than_or_equal_to: 2",
        "equal_to: 5, greater_than_or_equal_to: 5, only_integer: true",
        "only_integer: false",
    ] {
        load(&[("a.yml", &form(bounds))]).expect(bounds);
    }
}

#[test]
fn a_form_for_anyone_that_can_change_accounts_is_refused() {
    let form = |fields: &str| format!("name: f\nresource: User\nresource_owner: anyone\nconfiguration: {{ {fields} }}");
    let demanded = "validation: { presence: true }";
    for fields in [
        "email: {}".to_owned(),
        "password: {}".to_owned(),
        format!("password: {{ {demanded} }}"),
        format!("email: {{}}, password: {{ {demanded} }}"),
    ] {
        assert_refused(&form(&fields), 3, "gives accounts away");
        load(&[("a.yml", &form(&fields).replace("anyone", "self"))]).expect("owners and admins may do this");
    }
    let both = format!("email: {{ {demanded} }}, password: {{ {demanded} }}");
    assert_refused(&form(&both).replace("name: f", "name: update_account"), 3, "gives accounts away");
    let signup = load(&[("a.yml", &form(&format!("email: {{ {demanded} }}, password: {{ {demanded} }}")))]);
    assert!(signup.expect("a form to sign up with").form("f").expect("it").allows_account_takeover());
    let harmless = load(&[("a.yml", &form("first_name: {}"))]).expect("a harmless form");
    assert!(!harmless.form("f").expect("it").allows_account_takeover());
    assert!(Catalogue::built_in().forms().all(|form| !form.allows_account_takeover()));
}

#[test]
fn bombs_are_refused_quickly() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(laughs, "a{level}: &a{level} [{inner}]").unwrap();
    }
    let bombs = [
        laughs,
        format!("a: {}", "[".repeat(100_000)),
        format!("a: {}", "{b: ".repeat(50_000)),
        (0..5_000).map(|level| format!("{}a:\n", " ".repeat(level % 50))).collect::<Vec<_>>().concat(),
        (0..300).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<Vec<_>>().concat(),
        "- ".repeat(100_000),
        "---\n".repeat(60_000),
        "? ".repeat(100_000),
        format!("a: [{}]", "1,".repeat(120_000)),
        "&a [*a]".to_owned(),
        format!("{FORM}  email: {{ validation: {{ format: {{ with: '((((a{{100}}){{100}}){{100}}){{100}})' }} }} }}"),
        format!("{FORM}  email: {{ validation: {{ format: {{ with: '\\w{{5000}}' }} }} }}"),
        format!("{FORM}  email: {{ validation: {{ format: {{ with: '{}' }} }} }}", "(".repeat(900)),
        format!("{FORM}  email: {{ validation: {{ format: {{ with: '{}' }} }} }}", "a".repeat(1_001)),
    ];
    for bomb in bombs {
        let start = Instant::now();
        let problems = load(&[("a.yml", &bomb)]).expect_err("a bomb");
        let taken = start.elapsed();
        assert!(taken < Duration::from_secs(5), "{taken:?} for {}", &bomb[..60]);
        assert!(problems[0].len() < 400 && problems.len() < 20, "{problems:?}");
    }
}

#[test]
fn arbitrary_text_is_read_quickly() {
    check_property(&"[a-z0-9:{}\\[\\],&*!?|>'\"#%@` \\t\\n<~.\u{0}-]{0,300}", |text| {
        let start = Instant::now();
        drop(load(&[("a.yml", &text)]));
        assert!(start.elapsed() < Duration::from_secs(2), "{text:?}");
    });
}

#[test]
fn every_problem_of_a_corrupted_file_has_its_position() {
    let changes = (0..builtin::FILES.len(), any::<Index>(), 0..20_usize, "[a-z:{}\\[\\], \\n'0-9]{0,8}");
    check_property(&changes, |(file, at, cut, put)| {
        let mut text: Vec<char> = builtin::FILES[file].1.chars().collect();
        let at = at.index(text.len());
        let end = text.len().min(at + cut);
        text.splice(at..end, put.chars());
        let text: String = text.into_iter().collect();
        if let Err(problems) = load(&[("a.yml", &text)]) {
            let has_position = |problem: &String| problem.starts_with("a.yml:") && !problem.contains('\n');
            assert!(problems.iter().all(has_position), "{text}\n{problems:?}");
        }
    });
}
