//! Rules of relationship types that are turned on over stored relationships.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use user_relationships::domain::{relationship_types, users};
use user_relationships::model::caller::Caller;
use user_relationships::model::precondition::Precondition;
use user_relationships::model::relationship_type::{TypeAttribute, TypeName};
use user_relationships::model::user::{Field, Value as UserValue};

use crate::both;
use crate::support::citus::skips_on_spread_rows;
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Value, edge, json};

const TYPES: &str = "/api/v2/relationship-types";
const EDGES: &str = "/api/v2/user-relationships";

/// New users without tokens.
fn people<const N: usize>(app: &App) -> [i64; N] {
    let made = app.write(move |tx| {
        let create = |number| {
            let email = UserValue::Text(format!("person{number}@example.org"));
            users::create(tx, &Caller::OPERATOR, None, &[(Field::Email, email)]).map(|user| user.id.get())
        };
        (0..N).map(create).collect::<Result<Vec<_>, _>>()
    });
    made.try_into().expect("the same number")
}

/// Creates relationships of a type, and returns their ids.
fn relate(admin: &Client, name: &str, ends: &[(i64, i64)]) -> Vec<i64> {
    let create = |(user, target): &(i64, i64)| admin.post(EDGES, &edge(Some(*user), name, *target)).expect(201).id();
    ends.iter().map(create).collect()
}

/// Changes attributes of a type.
fn set(admin: &Client, name: &str, attributes: &Value) -> Answer {
    let document = json!({"data": {"type": "relationship-types", "id": name, "attributes": attributes}});
    admin.patch(&format!("{TYPES}/{name}"), &document)
}

/// Asserts that rules are refused, with an error for each attribute and its `meta`, and that the type stays as it is.
#[track_caller]
fn assert_violated(admin: &Client, name: &str, attributes: &Value, expected: &[(&str, Value)]) {
    let before = admin.get(&format!("{TYPES}/{name}")).expect(200);
    let refused = set(admin, name, attributes).refused(409, "rules-violated");
    let errors = refused.body["errors"].as_array().expect("errors");
    let found: Vec<_> =
        errors.iter().map(|error| (error["source"]["pointer"].clone(), error["meta"].clone())).collect();
    let pointer = |attribute: &str| json!(format!("/data/attributes/{attribute}"));
    let expected: Vec<_> = expected.iter().map(|(attribute, meta)| (pointer(attribute), meta.clone())).collect();
    assert_eq!(found, expected, "{}", refused.text);
    let after = admin.get(&format!("{TYPES}/{name}")).expect(200);
    assert_eq!((after.header("etag"), &after.body["data"]), (before.header("etag"), &before.body["data"]));
}

fn texts(ids: &[i64]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// The stored counts below of a type: user, number and height.
fn counts_below(app: &App, name: &str) -> Vec<String> {
    Raw::connect(&app.home().url()).lines(&format!(
        "SELECT user_id || ' ' || n || ' ' || height AS line FROM counts_below JOIN relationship_types AS t \
         ON t.id = type_id WHERE t.name = '{name}' ORDER BY user_id"
    ))
}

both!(a_limit_per_user_is_checked_over_stored_relationships, |app| {
    let (admin, [ann, bob, cho, dan]) = (app.admin(), people(app));
    let made = relate(&admin, "mentor", &[(ann, bob), (ann, cho), (ann, dan), (bob, cho), (bob, dan), (cho, dan)]);
    let violated = |max, users: &[i64]| {
        let meta = json!({"count": users.len(), "examples": texts(users)});
        assert_violated(&admin, "mentor", &json!({"max-per-user": max}), &[("max-per-user", meta)]);
    };
    violated(1, &[ann, bob]);
    violated(2, &[ann]);
    set(&admin, "mentor", &json!({"max-per-user": 3})).expect(200);
    violated(2, &[ann]);
    admin.delete(&format!("{EDGES}/{}", made[0])).expect(204);
    set(&admin, "mentor", &json!({"max-per-user": 2})).expect(200);
    violated(1, &[ann, bob]);
    app.assert_no_drift();
});

both!(a_cycle_of_stored_relationships_is_shown_as_a_path, |app| {
    let (admin, [ann, bob, cho, dan, eve]) = (app.admin(), people(app));
    let made = relate(&admin, "mentor", &[(ann, bob), (bob, cho), (cho, ann), (dan, ann), (cho, eve), (eve, cho)]);
    let meta = json!({"count": 1, "examples": [texts(&[ann, bob, cho, ann])]});
    assert_violated(&admin, "mentor", &json!({"is-acyclic": true}), &[("is-acyclic", meta)]);
    admin.delete(&format!("{EDGES}/{}", made[2])).expect(204);
    let meta = json!({"count": 1, "examples": [texts(&[cho, eve, cho])]});
    assert_violated(&admin, "mentor", &json!({"is-acyclic": true}), &[("is-acyclic", meta)]);
    admin.delete(&format!("{EDGES}/{}", made[4])).expect(204);
    let changed = set(&admin, "mentor", &json!({"is-acyclic": true})).expect(200);
    assert_eq!(changed.body["data"]["attributes"]["is-acyclic"], true);
});

both!(pairs_in_both_directions_prevent_a_symmetric_type, |app| {
    let (admin, [ann, bob, cho]) = (app.admin(), people(app));
    let made = relate(&admin, "colleague", &[(ann, bob), (cho, ann), (bob, ann), (bob, cho)]);
    relate(&admin, "mentor", &[(ann, bob)]);
    let meta = json!({"count": 1, "examples": [texts(&[made[0], made[2]])]});
    assert_violated(&admin, "colleague", &json!({"is-symmetric": true}), &[("is-symmetric", meta)]);
    admin.delete(&format!("{EDGES}/{}", made[2])).expect(204);
    set(&admin, "colleague", &json!({"is-symmetric": true})).expect(200);
});

both!(two_violated_rules_are_two_errors, |app| {
    let (admin, [ann, bob, cho]) = (app.admin(), people(app));
    relate(&admin, "mentor", &[(ann, bob), (bob, ann), (ann, cho)]);
    let both = json!({"is-acyclic": true, "max-per-user": 1, "description": "A tree"});
    let acyclic = json!({"count": 1, "examples": [texts(&[ann, bob, ann])]});
    let max = json!({"count": 1, "examples": texts(&[ann])});
    assert_violated(&admin, "mentor", &both, &[("is-acyclic", acyclic.clone()), ("max-per-user", max)]);
    let wide = json!({"is-acyclic": true, "max-per-user": 2});
    assert_violated(&admin, "mentor", &wide, &[("is-acyclic", acyclic)]);
});

both!(at_most_ten_examples_are_shown_with_the_whole_count, |app| {
    let (admin, ids) = (app.admin(), people::<24>(app));
    let pairs: Vec<_> = ids.chunks(2).flat_map(|two| [(two[0], two[1]), (two[1], two[0])]).collect();
    relate(&admin, "mentor", &pairs);
    let examples: Vec<_> = ids.chunks(2).take(10).map(|two| texts(&[two[0], two[1], two[0]])).collect();
    let meta = json!({"count": 12, "examples": examples});
    assert_violated(&admin, "mentor", &json!({"is-acyclic": true}), &[("is-acyclic", meta)]);
});

both!(the_largest_examples_leave_room_for_another_error, |app| {
    if skips_on_spread_rows("the test writes rows itself, with statements that Citus refuses") {
        return;
    }
    let admin = app.admin();
    let mut raw = Raw::connect(&app.home().url());
    // Ids of 19 digits, in a cycle of as many users as an example shows.
    let ids = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 499)";
    let id = "9000000000000000000 + i";
    raw.run(&format!(
        "INSERT INTO users (id, email, email_key, name_key, search_key, access_level, is_enabled, profile, created_at, \
         updated_at) {ids} SELECT {id}, 'ring' || i, 'ring' || i, '', '', 0, TRUE, '{{}}', 0, 0 FROM s"
    ));
    raw.run(&format!(
        "INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at) {ids} \
         SELECT {id}, 9000000000000000000 + i % 499 + 1, t.id, 0, 0 FROM s, relationship_types AS t WHERE name = 'mentor'"
    ));
    raw.run(&format!(
        "INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at) {ids} \
         SELECT {id}, {}, t.id, 0, 0 FROM s, relationship_types AS t WHERE name = 'mentor'",
        admin.id
    ));
    let refused = set(&admin, "mentor", &json!({"is-acyclic": true, "max-per-user": 1})).refused(409, "rules-violated");
    let errors = refused.body["errors"].as_array().expect("errors");
    let meta: Vec<_> = errors.iter().map(|error| (&error["meta"]["count"], &error["meta"]["examples"])).collect();
    assert_eq!((meta.len(), meta[0].0, meta[1].0), (2, &json!(1), &json!(499)));
    assert_eq!(meta[0].1[0].as_array().map(Vec::len), Some(500));
    assert_eq!(meta[1].1.as_array().map(Vec::len), Some(10));
});

both!(a_type_registered_again_elsewhere_is_checked, |app| {
    let beside = app.beside();
    let (admin, [ann, bob]) = (app.admin(), people(app));
    let there = beside.client_like(&admin);
    let register = || {
        let new = json!({"data": {"type": "relationship-types", "id": "coach", "attributes": {}}});
        admin.post(TYPES, &new).expect(201)
    };
    register();
    there.get(&format!("{EDGES}?relationship=coach")).expect(200);
    admin.delete(&format!("{TYPES}/coach")).expect(204);
    register();
    relate(&admin, "coach", &[(ann, bob), (bob, ann)]);
    set(&there, "coach", &json!({"is-acyclic": true})).refused(409, "rules-violated");
});

both!(loosening_a_rule_succeeds_over_data_that_breaks_it, |app| {
    let (admin, [ann, bob, cho]) = (app.admin(), people(app));
    set(&admin, "mentor", &json!({"is-acyclic": true, "max-per-user": 1})).expect(200);
    // An earlier release obeys no rules.
    let insert = "INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at) ";
    let of_mentor = "id, 0, 0 FROM relationship_types WHERE name = 'mentor'";
    let mut raw = Raw::connect(&app.home().url());
    for (user, target) in [(ann, bob), (bob, ann), (ann, cho)] {
        raw.run(&format!("{insert} SELECT {user}, {target}, {of_mentor}"));
    }
    for looser in [json!({"max-per-user": 2}), json!({"max-per-user": null}), json!({"is-acyclic": false})] {
        set(&admin, "mentor", &looser).expect(200);
    }
    set(&admin, "mentor", &json!({"is-acyclic": true})).refused(409, "rules-violated");
});

both!(a_chain_of_70_stored_relationships_may_become_acyclic, |app| {
    let (admin, ids) = (app.admin(), people::<71>(app));
    let chain: Vec<_> = ids.windows(2).map(|two| (two[0], two[1])).collect();
    relate(&admin, "mentor", &chain);
    set(&admin, "mentor", &json!({"is-acyclic": true, "max-per-user": 1})).expect(200);
    let counts = counts_below(app, "mentor");
    assert_eq!((counts.len(), &counts[69]), (70, &format!("{} 70 70", ids[70])));
});

both!(counts_below_exist_while_a_type_is_a_tree, |app| {
    let (admin, [ann, bob, cho, dan]) = (app.admin(), people(app));
    relate(&admin, "mentor", &[(bob, ann), (cho, ann), (dan, cho)]);
    relate(&admin, "subordinate", &[(ann, bob)]);
    set(&admin, "mentor", &json!({"is-acyclic": true, "max-per-user": 2})).expect(200);
    assert_eq!(counts_below(app, "mentor"), Vec::<String>::new());
    let counts = [format!("{ann} 3 2"), format!("{cho} 1 1")];
    set(&admin, "mentor", &json!({"user-role": null, "target-role": null})).expect(200);
    let symmetric = json!({"is-symmetric": true, "is-acyclic": false, "max-per-user": null});
    for looser in [json!({"max-per-user": 2}), json!({"max-per-user": null}), json!({"is-acyclic": false}), symmetric] {
        let tree = json!({"is-symmetric": false, "is-acyclic": true, "max-per-user": 1});
        set(&admin, "mentor", &tree).expect(200);
        assert_eq!(counts_below(app, "mentor"), counts);
        set(&admin, "mentor", &json!({"description": looser.to_string()})).expect(200);
        assert_eq!(counts_below(app, "mentor"), counts);
        set(&admin, "mentor", &looser).expect(200);
        assert_eq!(counts_below(app, "mentor"), Vec::<String>::new());
    }
});

both!(a_deleted_type_leaves_no_lock_and_no_counts_behind, |app| {
    let (admin, [ann, bob]) = (app.admin(), people(app));
    let tree = json!({"is-acyclic": true, "max-per-user": 1});
    let new = json!({"data": {"type": "relationship-types", "id": "coach", "attributes": tree}});
    admin.post(TYPES, &new).expect(201);
    let made = relate(&admin, "coach", &[(ann, bob)]);
    let mut raw = Raw::connect(&app.home().url());
    let locks = "SELECT COUNT(*) AS number FROM relationship_type_locks";
    assert_eq!(raw.number(locks), 4);
    admin.delete(&format!("{TYPES}/coach")).refused(409, "type-in-use");
    admin.delete(&format!("{EDGES}/{}", made[0])).expect(204);
    admin.delete(&format!("{TYPES}/coach")).expect(204);
    assert_eq!(raw.number(locks), 3);
    assert_eq!(raw.number("SELECT COUNT(*) AS number FROM counts_below"), 0);
});

both!(a_type_of_an_earlier_release_gets_its_lock_with_its_first_rule, |app| {
    let admin = app.admin();
    let mut raw = Raw::connect(&app.home().url());
    raw.run("DELETE FROM relationship_type_locks");
    for max in [2, 1] {
        set(&admin, "mentor", &json!({"max-per-user": max})).expect(200);
    }
    let revision = "SELECT revision AS number FROM relationship_type_locks";
    assert_eq!(raw.number(revision), 1);
});

both!(a_request_checks_at_most_a_million_relationships, |app| {
    let (admin, [ann, bob]) = (app.admin(), people(app));
    relate(&admin, "mentor", &[(ann, bob)]);
    let mut raw = Raw::connect(&app.home().url());
    raw.run("UPDATE counts_by_type SET n = 1000001");
    let refused = set(&admin, "mentor", &json!({"is-acyclic": true, "max-per-user": 1})).refused(409, "rules-violated");
    for (place, attribute) in ["is-acyclic", "max-per-user"].iter().enumerate() {
        let error = &refused.body["errors"][place];
        assert_eq!(error["source"]["pointer"], format!("/data/attributes/{attribute}"));
        let detail = error["detail"].as_str().expect("a detail");
        assert!(detail.contains("`user-relationships type set mentor --acyclic true --max-per-user 1`"), "{detail}");
    }
    raw.run("UPDATE counts_by_type SET n = 1000000");
    set(&admin, "mentor", &json!({"is-acyclic": true, "max-per-user": 1})).expect(200);
    raw.run("UPDATE counts_by_type SET n = 1000001");
    set(&admin, "mentor", &json!({"max-per-user": 2})).expect(200);
});

both!(relationships_above_the_limit_are_noticed_despite_a_wrong_count, |app| {
    let (admin, [ann, bob, cho]) = (app.admin(), people(app));
    relate(&admin, "mentor", &[(ann, bob), (bob, cho), (ann, cho)]);
    Raw::connect(&app.home().url()).run("UPDATE counts_by_type SET n = 0");
    let acyclic = |most| {
        app.write(move |tx| {
            let name = TypeName::parse("mentor");
            let changes = [(TypeAttribute::IsAcyclic, UserValue::Flag(true))];
            let changed =
                relationship_types::change(tx, &Caller::OPERATOR, name.as_ref(), &Precondition::None, &changes, most);
            Ok(changed.is_ok())
        })
    };
    assert!(!acyclic(Some(2)));
    assert!(acyclic(Some(3)));
});

both!(a_rule_waits_for_relationships_that_are_not_committed_yet, |app| {
    if skips_on_spread_rows("the test locks a row itself, which Citus refuses") {
        return;
    }
    let (admin, [ann, bob]) = (app.admin(), people(app));
    relate(&admin, "mentor", &[(ann, bob)]);
    let mut raw = Raw::connect(&app.home().url());
    raw.run(if matches!(raw, Raw::Sqlite(_)) { "BEGIN IMMEDIATE" } else { "BEGIN" });
    raw.run(&format!(
        "INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at) \
         SELECT {bob}, {ann}, id, 0, 0 FROM relationship_types WHERE name = 'mentor'"
    ));
    thread::scope(|scope| {
        let turned_on = scope.spawn(|| set(&admin, "mentor", &json!({"is-acyclic": true})));
        thread::sleep(Duration::from_millis(300));
        assert!(!turned_on.is_finished());
        raw.run("COMMIT");
        turned_on.join().expect("an answer").refused(409, "rules-violated");
    });
});

both!(a_rule_is_turned_on_while_others_write_without_a_pause, |app| {
    if skips_on_spread_rows("the test locks a row itself, which Citus refuses") {
        return;
    }
    let admin = app.admin();
    if matches!(Raw::connect(&app.home().url()), Raw::Sqlite(_)) {
        // All writers of SQLite wait in one queue.
        return;
    }
    let (is_done, is_started) = (AtomicBool::new(false), Barrier::new(17));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut raw = Raw::connect(&app.home().url());
                is_started.wait();
                while !is_done.load(Ordering::SeqCst) {
                    raw.run("BEGIN; SELECT 1 FROM relationship_types FOR KEY SHARE; SELECT pg_sleep(0.01); COMMIT");
                }
            });
        }
        is_started.wait();
        thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        let turned_on = set(&admin, "mentor", &json!({"is-acyclic": true}));
        is_done.store(true, Ordering::SeqCst);
        turned_on.expect(200);
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    });
});
