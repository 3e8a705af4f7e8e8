//! `type list` and `type set`.

use crate::support::bare::Bare;
use crate::support::import::{ImportFixture, counts, lines, relation, user};
use crate::support::process::{Outcome, run};
use crate::support::{Value, json};

/// An empty database for a test on each engine, with its URL.
fn databases(name: &str) -> Vec<(Bare, String)> {
    let migrated = |bare: Bare| {
        let url = bare.url();
        run(&url, &["migrate", "run"]).expect(0);
        (bare, url)
    };
    Bare::all(name).into_iter().map(migrated).collect()
}

fn set(url: &str, args: &[&str]) -> Outcome {
    run(url, &[&["type", "set"], args].concat())
}

fn listed(url: &str, name: &str) -> Value {
    let listed = run(url, &["type", "list", "--json"]).expect(0);
    let all: Vec<Value> = listed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    all.into_iter().find(|one| one["id"] == name).unwrap_or_default()
}

#[test]
fn type_list_prints_roles_and_rules() {
    for (_bare, url) in databases("type_list") {
        set(&url, &["pal", "--create", "--symmetric", "yes", "--managed-by", "admin", "--description", "A\tfriend"])
            .expect(0);
        set(&url, &["subordinate", "--acyclic", "TRUE", "--max-per-user", "1", "--description", ""]).expect(0);
        let listed = run(&url, &["type", "list"]).expect(0);
        let rows: Vec<_> = listed.stdout.lines().map(|line| line.split('\t').collect::<Vec<_>>()).collect();
        assert_eq!(rows.len(), 4, "{listed:?}");
        assert_eq!(rows[1][..4], ["mentor", "mentees", "mentors", "-"]);
        assert_eq!(rows[2], ["pal", "-", "-", "symmetric,managed-by=admin", "A friend"]);
        assert_eq!(rows[3], ["subordinate", "subordinates", "supervisors", "acyclic,max-per-user=1", "-"]);
        assert_eq!(listed.stderr, "");
    }
}

#[test]
fn type_list_prints_json_lines_with_the_attributes_of_the_api() {
    for (_bare, url) in databases("type_json") {
        set(&url, &["subordinate", "--acyclic", "1", "--max-per-user", "1"]).expect(0);
        let found = self::listed(&url, "subordinate");
        let members: Vec<_> = found.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "created-at",
            "description",
            "id",
            "is-acyclic",
            "is-symmetric",
            "is-tree",
            "managed-by",
            "max-per-user",
            "target-role",
            "updated-at",
            "user-role",
        ];
        assert_eq!(members, expected);
        assert_eq!(
            (&found["is-tree"], &found["max-per-user"], &found["is-symmetric"]),
            (&json!(true), &json!(1), &json!(false))
        );
        assert!(found["updated-at"].as_str().is_some_and(|time| time.ends_with('Z')), "{found}");
        let lines = run(&url, &["type", "list", "--json"]).expect(0).stdout.lines().count();
        assert_eq!(lines, 3);
    }
}

#[test]
fn type_set_changes_each_attribute_and_nothing_else() {
    for (_bare, url) in databases("type_set") {
        set(&url, &["buddy", "--create"]).expect(0);
        let mut expected = listed(&url, "buddy");
        for (option, text, member, value) in [
            ("--description", "Helps", "description", json!("Helps")),
            ("--user-role", "buddies", "user-role", json!("buddies")),
            ("--user-role", "none", "user-role", json!(null)),
            ("--target-role", "friends", "target-role", json!("friends")),
            ("--target-role", "none", "target-role", json!(null)),
            ("--symmetric", "On", "is-symmetric", json!(true)),
            ("--symmetric", "no", "is-symmetric", json!(false)),
            ("--acyclic", "yes", "is-acyclic", json!(true)),
            ("--acyclic", "OFF", "is-acyclic", json!(false)),
            ("--max-per-user", "1000", "max-per-user", json!(1_000)),
            ("--max-per-user", "none", "max-per-user", json!(null)),
            ("--managed-by", "admin", "managed-by", json!("admin")),
        ] {
            let ended = set(&url, &["buddy", option, text]).expect(0);
            assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
            let found = listed(&url, "buddy");
            expected[member] = value;
            expected["updated-at"] = found["updated-at"].clone();
            assert_eq!(found, expected, "{option} {text}");
        }
        let both = ["buddy", "--create", "--description", "", "--managed-by", "owner"];
        set(&url, &both).expect(0);
        assert_eq!(listed(&url, "buddy")["description"], json!(null), "`--create` changes a type that exists");
    }
}

#[test]
fn type_set_reports_usage_errors_with_option_and_cure() {
    for (args, words) in [
        (&["mentor"][..], &["--acyclic", "required"][..]),
        (&["Mentor", "--acyclic", "yes"], &["Mentor", "starting with a letter"]),
        (&["mentor", "--acyclic", "maybe"], &["--acyclic", "maybe", "`yes`"]),
        (&["mentor", "--symmetric", ""], &["--symmetric", "`true`"]),
        (&["mentor", "--max-per-user", "0"], &["--max-per-user", "`none` or an integer from 1 to 1000"]),
        (&["mentor", "--max-per-user", "1001"], &["--max-per-user", "1001"]),
        (&["mentor", "--user-role", "A b"], &["--user-role", "`none` or a name of 1 to 64"]),
        (&["mentor", "--target-role", ""], &["--target-role", "`none`"]),
        (&["mentor", "--managed-by", "user"], &["--managed-by", "owner, admin"]),
        (&["mentor", "--tree", "yes"], &["--tree"]),
        (&["--acyclic", "yes"], &["<NAME>"]),
    ] {
        let ended = set("sqlite://none.db", args).expect(2);
        for word in words {
            assert!(ended.stderr.contains(word), "{args:?}: {word} in {ended:?}");
        }
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn type_set_refuses_what_the_api_refuses_in_words_of_options() {
    for (_bare, url) in databases("type_refused") {
        let before = run(&url, &["type", "list", "--json"]).expect(0).stdout;
        for (args, words) in [
            (&["buddy", "--acyclic", "yes"][..], &["`buddy`", "`type list`", "`--create`"][..]),
            (
                &["mentor", "--symmetric", "yes"],
                &["`--symmetric`: both roles", "`--user-role` is `mentees`", "to `none`"],
            ),
            (
                &["colleague", "--symmetric", "yes", "--acyclic", "yes", "--max-per-user", "2"],
                &["`--acyclic`: `--symmetric` excludes", "`--max-per-user`: `--symmetric` excludes", "to `none`"],
            ),
            (&["colleague", "--user-role", "email"], &["`--user-role`: must not be `email`"]),
            (&["colleague", "--target-role", "mentees"], &["`--target-role`: `mentees` is the `--user-role` of"]),
            (&["mentees", "--create"], &["`mentees` is the `--user-role` of the relationship type `mentor`"]),
            (&["colleague", "--description", &"x".repeat(1_001)], &["`--description`: must have at most 1000"]),
        ] {
            let ended = set(&url, args).expect(1);
            for word in words {
                assert!(ended.stderr.contains(word), "{args:?}: {word} in {ended:?}");
            }
            assert!(!ended.stderr.contains("is-") && !ended.stderr.contains("null"), "{ended:?}");
            assert_eq!(ended.stdout, "");
        }
        assert_eq!(run(&url, &["type", "list", "--json"]).expect(0).stdout, before);
    }
}

#[test]
fn type_set_refuses_a_rule_that_stored_relationships_break_with_examples() {
    for fixture in ImportFixture::all() {
        let edges = [(1, 2), (2, 3), (3, 1), (3, 2)].map(|(user, target)| relation(user, "mentor", target));
        fixture.import(&lines(&[&[user(1), user(2), user(3)][..], &edges].concat()), &[]).expect(0);
        let before = fixture.run(&["type", "list", "--json"]).expect(0).stdout;
        let set = |options: &[&str]| fixture.run(&[&["type", "set", "mentor"], options].concat());
        let refused = set(&["--acyclic", "yes", "--max-per-user", "1", "--description", "x"]).expect(1);
        for words in ["`--acyclic`: there is 1 set", "2 → 3", "`--max-per-user`: 1 user owns more than 1", ": 3"] {
            assert!(refused.stderr.contains(words), "{words} in {refused:?}");
        }
        let roles = ["--user-role", "none", "--target-role", "none"];
        let refused = set(&[&["--symmetric", "yes"], &roles[..]].concat()).expect(1);
        assert!(refused.stderr.contains("`--symmetric`: 1 pair") && refused.stderr.contains(": 2 → 4"), "{refused:?}");
        assert_eq!(fixture.run(&["type", "list", "--json"]).expect(0).stdout, before, "nothing changed");
        set(&["--max-per-user", "2"]).expect(0);
        fixture.assert_no_drift();
    }
}

#[test]
fn import_does_not_create_a_type_with_the_name_of_a_role() {
    for fixture in ImportFixture::all() {
        let text = lines(&[user(1), user(2), relation(1, "supervisors", 2), relation(1, "friend", 2)]);
        for options in [&["--create-types", "--dry-run"][..], &["--create-types"]] {
            let ended = fixture.import(&text, options).expect(1);
            assert_eq!(counts(&ended)[1], [1, 0, 0, 1], "{options:?}");
            let words =
                "line 3: `relationship`: `supervisors` is the `target-role` of the relationship type `subordinate`";
            assert!(ended.stderr.contains(words), "{ended:?}");
        }
        let listed = fixture.run(&["type", "list"]).expect(0).stdout;
        assert!(listed.contains("\nfriend\t") && !listed.contains("\nsupervisors\t"), "{listed}");
        fixture.assert_no_drift();
    }
}
