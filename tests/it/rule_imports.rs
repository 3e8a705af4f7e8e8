//! Imports into types with rules: in batches, in a first load, and as a dry run.

use std::fmt::Write as _;
use std::fs;

use crate::support::demo::Demo;
use crate::support::import::{ImportFixture, counts, lines, relation, user};
use crate::support::process::{Outcome, run};
use crate::support::{Value, json};

const TREE: [&str; 5] = ["subordinate", "--acyclic", "yes", "--max-per-user", "1"];

/// The three ways in which lines are imported.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    FirstLoad,
    Batches,
    DryRun,
}

const WAYS: [Way; 3] = [Way::FirstLoad, Way::Batches, Way::DryRun];

/// Imports lines into an empty database of each kind, with the rules of one type set before.
fn import_in_all_ways(rules: &[&str], text: &str, check: impl Fn(&ImportFixture, Way, &Outcome)) {
    for way in WAYS {
        let is_load = way == Way::FirstLoad;
        for fixture in if is_load { ImportFixture::all_direct() } else { ImportFixture::all() } {
            fixture.run(&[&["type", "set"], rules].concat()).expect(0);
            let session = (way == Way::Batches).then(|| fixture.open_session());
            let options: &[&str] = if way == Way::DryRun { &["--dry-run"] } else { &[] };
            let outcome = fixture.import(text, options);
            drop(session);
            let was_load = outcome.stderr.contains("the database has no relationships yet");
            assert_eq!(was_load, is_load, "{}", outcome.stderr);
            if way == Way::DryRun {
                assert_eq!(edges(&fixture), 0);
            } else {
                fixture.assert_no_drift();
            }
            check(&fixture, way, &outcome);
        }
    }
}

fn edges(fixture: &ImportFixture) -> i64 {
    fixture.number("SELECT COUNT(*) AS number FROM user_relationships")
}

fn users(count: i64) -> String {
    lines(&(1..=count).map(user).collect::<Vec<_>>())
}

/// The reasons of rejected lines.
fn rejected(outcome: &Outcome) -> Vec<&str> {
    outcome.stderr.lines().filter(|line| line.starts_with("line ")).collect()
}

#[test]
fn an_import_rejects_the_line_that_closes_a_ring() {
    let ring = lines(&[
        relation(1, "subordinate", 2),
        relation(2, "subordinate", 3),
        relation(3, "subordinate", 1),
        relation(4, "subordinate", 1),
    ]);
    import_in_all_ways(&TREE, &(users(4) + &ring), |fixture, way, outcome| {
        assert_eq!((outcome.code, counts(outcome)[1]), (1, [3, 0, 0, 1]), "{way:?}: {}", outcome.stderr);
        let reason = "line 7: `target`: user 1 already leads back to user 3 along `subordinate` relationships, which may \
                      form no cycle (user 3 → user 1 → user 2 → user 3); correct the line, or delete one of these \
                      relationships";
        assert_eq!(rejected(outcome), [reason], "{way:?}");
        if way != Way::DryRun {
            let below = "SELECT n * 10 + height AS number FROM counts_below WHERE user_id = 3";
            assert_eq!(fixture.number(below), 33, "{way:?}");
        }
    });
}

#[test]
fn a_ring_is_found_across_batches() {
    // The first batch has 2,000 lines, so that the ring closes in the second one.
    let mut text = users(1_999) + &lines(&[relation(1, "subordinate", 2)]);
    text += &lines(&[relation(2, "subordinate", 3), relation(3, "subordinate", 1), relation(4, "subordinate", 1)]);
    import_in_all_ways(&TREE, &text, |fixture, way, outcome| {
        assert_eq!(counts(outcome)[1], [3, 0, 0, 1], "{way:?}: {}", outcome.stderr);
        assert!(rejected(outcome)[0].contains("user 3 → user 1 → user 2 → user 3"), "{}", outcome.stderr);
        if way != Way::DryRun {
            let below = "SELECT n * 10 + height AS number FROM counts_below WHERE user_id = 3";
            assert_eq!(fixture.number(below), 33, "{way:?}");
        }
    });
}

#[test]
fn an_import_rejects_lines_above_the_limit_per_user() {
    let rules = ["mentor", "--max-per-user", "2"];
    let text = users(5)
        + &lines(&[
            relation(1, "mentor", 2),
            relation(1, "mentor", 3),
            relation(1, "mentor", 2),
            relation(1, "mentor", 4),
            relation(1, "mentor", 4),
            relation(2, "mentor", 1),
            relation(1, "colleague", 4),
        ]);
    import_in_all_ways(&rules, &text, |_, way, outcome| {
        assert_eq!(counts(outcome)[1], [4, 0, 1, 2], "{way:?}: {}", outcome.stderr);
        let reason =
            "`user`: user 1 owns 2 `mentor` relationships, which is the most that it may; delete one of them first";
        assert_eq!(rejected(outcome), [format!("line 9: {reason}"), format!("line 10: {reason}")], "{way:?}");
    });
}

#[test]
fn symmetric_relationships_count_as_unchanged_in_both_directions() {
    let rules = ["colleague", "--symmetric", "yes"];
    let text = users(3)
        + &lines(&[
            relation(1, "colleague", 2),
            relation(2, "colleague", 1),
            relation(2, "colleague", 3),
            relation(2, "colleague", 3),
            relation(1, "mentor", 2),
            relation(2, "mentor", 1),
        ]);
    import_in_all_ways(&rules, &text, |fixture, way, outcome| {
        assert_eq!((outcome.code, counts(outcome)[1]), (0, [4, 0, 2, 0]), "{way:?}: {}", outcome.stderr);
        if way != Way::DryRun {
            assert_eq!(edges(fixture), 4);
            let again = fixture.import(&lines(&[relation(3, "colleague", 2)]), &[]).expect(0);
            assert_eq!(counts(&again)[1], [0, 0, 1, 0]);
        }
    });
}

#[test]
fn an_import_rejects_paths_of_more_than_64_relationships() {
    let tree = TREE;
    let graph = ["subordinate", "--acyclic", "yes"];
    // Two chains of 40 and 24 relationships, which another one joins; and one more below them.
    let mut text = users(70);
    let chain = |from: i64, to: i64| (from..to).map(|id| relation(id + 1, "subordinate", id)).collect::<Vec<_>>();
    text += &lines(&chain(1, 41));
    text += &lines(&chain(42, 65));
    text +=
        &lines(&[relation(42, "subordinate", 41), relation(66, "subordinate", 65), relation(67, "subordinate", 64)]);
    for rules in [&tree[..], &graph] {
        import_in_all_ways(rules, &text, |_, way, outcome| {
            assert_eq!(counts(outcome)[1], [65, 0, 0, 1], "{way:?}: {}", outcome.stderr);
            let reason = "line 135: `target`: from user 66 to user 65 a path of more than 64 `subordinate` relationships \
                          would result, or cannot be ruled out among 10000 users; choose another target";
            assert_eq!(rejected(outcome), [reason], "{way:?}");
        });
    }
}

#[test]
fn a_strict_import_stops_at_the_first_line_that_a_rule_refuses() {
    let text = users(4)
        + &lines(&[
            relation(1, "mentor", 2),
            relation(1, "subordinate", 2),
            relation(1, "subordinate", 3),
            relation(1, "mentor", 3),
        ]);
    for fixture in ImportFixture::all() {
        fixture.run(&[&["type", "set"], &TREE[..]].concat()).expect(0);
        // Types are judged one after the other, lines are reported in order.
        fixture.run(&["type", "set", "mentor", "--max-per-user", "1"]).expect(0);
        for options in [&["--strict"][..], &["--strict", "--dry-run"]] {
            let stopped = fixture.import(&text, options).expect(1);
            assert!(rejected(&stopped)[0].starts_with("line 7: `user`: user 1 owns 1 `subordinate`"), "{stopped:?}");
            assert_eq!(edges(&fixture), 0);
        }
    }
}

#[test]
fn managed_by_does_not_bind_imports() {
    let rules = ["mentor", "--managed-by", "admin", "--max-per-user", "1"];
    import_in_all_ways(&rules, &(users(2) + &lines(&[relation(1, "mentor", 2)])), |_, way, outcome| {
        assert_eq!((outcome.code, counts(outcome)[1]), (0, [1, 0, 0, 0]), "{way:?}");
    });
}

#[test]
fn types_that_an_import_registers_have_no_rules() {
    let text = users(2) + &lines(&[relation(1, "ally", 2), relation(2, "ally", 1)]);
    for options in [&["--create-types"][..], &["--create-types", "--dry-run"]] {
        for fixture in ImportFixture::all() {
            let outcome = fixture.import(&text, options).expect(0);
            assert_eq!(counts(&outcome)[1], [2, 0, 0, 0]);
        }
    }
}

#[test]
fn a_dry_run_names_users_that_have_no_id_yet() {
    let new = |name: &str| json!({"type": "user", "email": format!("{name}@example.com")});
    let text = lines(&[new("ann"), new("bob")])
        + &lines(&[
            relation("email:ann@example.com", "subordinate", "email:bob@example.com"),
            relation("email:bob@example.com", "subordinate", "email:ann@example.com"),
        ]);
    for fixture in ImportFixture::all() {
        fixture.run(&[&["type", "set"], &TREE[..]].concat()).expect(0);
        let outcome = fixture.import(&text, &["--dry-run"]).expect(1);
        assert!(rejected(&outcome)[0].contains("(a new user → a new user → a new user)"), "{}", outcome.stderr);
        let outcome = fixture.import(&text, &[]).expect(1);
        assert!(rejected(&outcome)[0].contains("(user 2 → user 1 → user 2)"), "{}", outcome.stderr);
    }
}

/// The lines of an export in which only the ids of relationships may differ.
fn without_ids(export: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str::<Value>(line).expect("a line");
    let mut all: Vec<Value> = export.lines().map(parse).collect();
    for line in all.iter_mut().filter(|line| line["type"] == "user-relationship") {
        line["id"] = Value::Null;
    }
    all
}

#[test]
fn a_database_with_rules_round_trips_with_and_without_them() {
    let mut text = users(40);
    for id in 2..=40 {
        writeln!(text, "{}", relation(id, "subordinate", id / 3 + 1)).expect("text");
        writeln!(text, "{}", relation(id, "colleague", id - 1)).expect("text");
    }
    let set_rules = |fixture: &ImportFixture| {
        fixture.run(&[&["type", "set"], &TREE[..]].concat()).expect(0);
        fixture.run(&["type", "set", "colleague", "--symmetric", "yes"]).expect(0);
    };
    for fixture in ImportFixture::all() {
        set_rules(&fixture);
        fixture.import(&text, &[]).expect(0);
        let exported = fixture.export();
        assert!(edges(&fixture) > 70);
        for has_rules in [false, true] {
            for is_load in [false, true] {
                let other = fixture.another();
                if has_rules {
                    set_rules(&other);
                }
                let session = (!is_load).then(|| other.open_session());
                other.import(&exported, &[]).expect(0);
                drop(session);
                assert_eq!(without_ids(&other.export()), without_ids(&exported), "rules: {has_rules}, load: {is_load}");
                other.assert_no_drift();
                let again = other.import(&exported, &[]).expect(0);
                assert_eq!(counts(&again)[1][0], 0);
            }
        }
    }
}

/// The file of a running demo.
fn database_of(demo: &Demo) -> String {
    let folder = fs::read_dir(demo.folder.path()).expect("a folder").next().expect("an entry").expect("an entry");
    format!("sqlite://{}", folder.path().join("demo.db").display())
}

#[test]
fn the_demo_has_rules_and_round_trips_with_and_without_them() {
    let demo = Demo::start();
    let url = database_of(&demo);
    let listed = run(&url, &["type", "list"]).expect(0).stdout;
    let types: Vec<_> = listed.lines().map(|line| line.split('\t').take(4).collect::<Vec<_>>()).collect();
    let tree = ["subordinate", "subordinates", "supervisor", "acyclic,max-per-user=1"];
    assert_eq!(types[0], ["colleague", "colleagues", "colleagues", "symmetric"]);
    assert_eq!(types[2], tree);
    run(&url, &["check"]).expect(0);
    let exported = run(&url, &["export"]).expect(0).stdout;
    for has_rules in [false, true] {
        for fixture in ImportFixture::all() {
            if has_rules {
                fixture.run(&[&["type", "set"], &TREE[..], &["--target-role", "supervisor"]].concat()).expect(0);
                let colleague = ["--symmetric", "yes", "--user-role", "colleagues", "--target-role", "colleagues"];
                fixture.run(&[&["type", "set", "colleague"], &colleague[..]].concat()).expect(0);
            }
            fixture.import(&exported, &[]).expect(0);
            assert_eq!(fixture.export_all(), exported, "rules: {has_rules}");
            fixture.assert_no_drift();
        }
    }
    assert_eq!(demo.stop().0, Some(0));
}
