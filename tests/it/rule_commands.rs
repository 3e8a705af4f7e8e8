//! `type check`, and rules in `check`.

use crate::both;
use crate::support::citus::skips_on_spread_rows;
use crate::support::process::run;
use crate::support::sql::Raw;
use crate::support::{App, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";

/// Stores relationships as an earlier release does, which knows no rules and no counts below, and counts them.
fn slip(app: &App, name: &str, ends: &[(i64, i64)]) {
    let mut raw = Raw::connect(&app.home().url());
    for (user, target) in ends {
        raw.run(&format!(
            "INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at) \
             SELECT {user}, {target}, id, 0, 0 FROM relationship_types WHERE name = '{name}'"
        ));
    }
    raw.run(
        "DELETE FROM counts_by_user; DELETE FROM counts_by_target; DELETE FROM counts_by_type; \
         INSERT INTO counts_by_user (user_id, type_id, n) \
         SELECT user_id, type_id, COUNT(*) FROM user_relationships GROUP BY user_id, type_id; \
         INSERT INTO counts_by_target (target_id, type_id, slot, n) \
         SELECT target_id, type_id, 0, COUNT(*) FROM user_relationships GROUP BY target_id, type_id; \
         INSERT INTO counts_by_type (type_id, slot, n) \
         SELECT type_id, 0, COUNT(*) FROM user_relationships GROUP BY type_id",
    );
}

/// The lines of a table, as texts.
fn counts_below(app: &App) -> Vec<String> {
    let columns = "user_id || ' ' || n || ' ' || height AS line";
    Raw::connect(&app.home().url()).lines(&format!("SELECT {columns} FROM counts_below ORDER BY user_id"))
}

both!(type_check_reports_what_a_rule_would_refuse, |app| {
    let url = app.home().text();
    let (admin, [ann, bob, cho]) = (app.admin(), [(); 3].map(|()| app.user().id));
    for (user, target) in [(ann, bob), (bob, ann), (ann, cho)] {
        admin.post(EDGES, &edge(Some(user), "mentor", target)).expect(201);
    }
    let tree = ["type", "check", "mentor", "--acyclic", "--max-per-user", "1"];
    let found = run(&url, &tree).expect(1);
    let lines: Vec<_> = found.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{found:?}");
    assert!(lines[0].contains("`is-acyclic`: there is 1 set of users"), "{found:?}");
    assert!(lines[0].ends_with(&format!("(users {ann} → {bob} → {ann})")), "{found:?}");
    assert!(
        lines[1].contains("`max-per-user`: 1 user owns more than 1") && lines[1].ends_with(&format!("(users {ann})"))
    );
    assert!(found.stderr.contains("2 rules are violated"), "{found:?}");
    let found = run(&url, &[&tree[..], &["--json"]].concat()).expect(1);
    let lines: Vec<Value> = found.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let [ann_text, bob_text] = [ann, bob].map(|id| id.to_string());
    let acyclic = json!({"attribute": "is-acyclic", "count": 1, "examples": [[ann_text, bob_text, ann_text]]});
    assert_eq!(lines, [acyclic, json!({"attribute": "max-per-user", "count": 1, "examples": [ann_text]})]);
    let found = run(&url, &["type", "check", "mentor", "--symmetric"]).expect(1);
    assert!(found.stdout.contains("`is-symmetric`: 1 pair of relationships") && found.stdout.lines().count() == 1);
    for passed in [&["--max-per-user", "2"][..], &[]] {
        assert_eq!(run(&url, &[&["type", "check", "mentor"], passed].concat()).expect(0).stdout, "");
    }
    let attributes = admin.get("/api/v2/relationship-types/mentor").expect(200).body["data"]["attributes"].clone();
    assert_eq!((&attributes["is-acyclic"], &attributes["max-per-user"]), (&json!(false), &json!(null)));
});

both!(type_check_without_a_rule_checks_those_of_the_type, |app| {
    let url = app.home().text();
    let [ann, bob, cho] = [(); 3].map(|()| app.user().id);
    run(&url, &["type", "set", "mentor", "--max-per-user", "1"]).expect(0);
    slip(app, "mentor", &[(ann, bob), (bob, ann), (ann, cho)]);
    let found = run(&url, &["type", "check", "mentor"]).expect(1);
    assert!(found.stdout.starts_with("`max-per-user`: ") && found.stdout.lines().count() == 1, "{found:?}");
    assert!(found.stderr.contains("1 rule is violated"), "{found:?}");
    let unknown = run(&url, &["type", "check", "coach"]).expect(1);
    assert!(unknown.stderr.contains("there is no relationship type `coach`; `type list` shows all"), "{unknown:?}");
    for wrong in [&["--symmetric", "--acyclic"][..], &["--max-per-user", "0"], &["--max-per-user", "1001"]] {
        run(&url, &[&["type", "check", "mentor"], wrong].concat()).expect(2);
    }
    run(&url, &["type", "check", "Mentor"]).expect(2);
});

both!(the_command_line_checks_any_number_of_relationships, |app| {
    let url = app.home().text();
    Raw::connect(&app.home().url())
        .run("INSERT INTO counts_by_type (type_id, slot, n) SELECT id, 0, 1000001 FROM relationship_types");
    for command in [&["check", "mentor", "--acyclic"][..], &["set", "mentor", "--acyclic", "true"]] {
        run(&url, &[&["type"], command].concat()).expect(0);
    }
});

both!(check_reports_relationships_that_break_rules, |app| {
    let url = app.home().text();
    let (admin, [ann, bob, cho, dan]) = (app.admin(), [(); 4].map(|()| app.user().id));
    run(&url, &["type", "set", "mentor", "--acyclic", "true", "--max-per-user", "1"]).expect(0);
    run(&url, &["type", "set", "colleague", "--symmetric", "true"]).expect(0);
    admin.post(EDGES, &edge(Some(ann), "mentor", bob)).expect(201);
    admin.post(EDGES, &edge(Some(ann), "colleague", bob)).expect(201);
    assert_eq!(run(&url, &["check"]).expect(0).stdout, "");
    slip(app, "mentor", &[(bob, cho), (cho, bob), (cho, dan)]);
    slip(app, "colleague", &[(bob, ann)]);
    let broken = |found: &str| {
        let lines: Vec<_> = found.lines().filter(|line| line.starts_with("type ")).collect();
        assert_eq!(lines.len(), 3, "{found}");
        assert!(lines[0].starts_with("type colleague: `is-symmetric`: 1 pair"), "{found}");
        assert!(lines[1].starts_with("type mentor: `is-acyclic`: there is 1 set"), "{found}");
        assert!(lines[1].ends_with(&format!("(users {bob} → {cho} → {bob})")), "{found}");
        assert!(lines[2].starts_with("type mentor: `max-per-user`: 1 user owns"), "{found}");
    };
    let found = run(&url, &["check"]).expect(1);
    broken(&found.stdout);
    assert!(found.stderr.contains("3 rules are broken by relationships of an earlier release"), "{found:?}");
    let repaired = run(&url, &["check", "--repair"]).expect(1);
    broken(&repaired.stdout);
    assert_eq!(counts_below(app), Vec::<String>::new(), "users on and above a cycle have no count");
    let found = run(&url, &["check"]).expect(1);
    assert_eq!(found.stdout.lines().count(), 3, "only the rules are left: {found:?}");
    run(&url, &["type", "set", "colleague", "--symmetric", "false"]).expect(0);
    run(&url, &["type", "set", "mentor", "--acyclic", "false", "--max-per-user", "none"]).expect(0);
    assert_eq!(run(&url, &["check"]).expect(0).stdout, "");
});

both!(check_finds_and_repairs_wrong_counts_below, |app| {
    let url = app.home().text();
    let (admin, [ann, bob, cho, dan]) = (app.admin(), [(); 4].map(|()| app.user().id));
    for (user, target) in [(bob, ann), (cho, bob), (dan, bob)] {
        admin.post(EDGES, &edge(Some(user), "subordinate", target)).expect(201);
    }
    run(&url, &["type", "set", "subordinate", "--acyclic", "true", "--max-per-user", "1"]).expect(0);
    let counts = [format!("{ann} 3 2"), format!("{bob} 2 1")];
    assert_eq!(counts_below(app), counts);
    let mut raw = Raw::connect(&app.home().url());
    let insert = |name: &str, user: i64, n: i64| {
        format!(
            "INSERT INTO counts_below (type_id, user_id, n, height) SELECT id, {user}, {n}, 0 FROM relationship_types \
             WHERE name = '{name}'"
        )
    };
    // A row without users below is the same as none.
    raw.run(&insert("subordinate", cho, 0));
    assert_eq!(run(&url, &["check"]).expect(0).stdout, "");
    for (wrong, lines) in [
        (format!("UPDATE counts_below SET n = n + 1 WHERE user_id = {ann}"), 1),
        (format!("UPDATE counts_below SET height = 7 WHERE user_id = {bob}"), 1),
        ("DELETE FROM counts_below".to_owned(), 2),
        (insert("subordinate", dan, 5), 1),
        (insert("mentor", ann, 1), 1),
    ] {
        raw.run(&wrong);
        let found = run(&url, &["check"]).expect(1);
        assert_eq!(found.stdout.lines().count(), lines, "{wrong}: {found:?}");
        assert!(found.stdout.lines().all(|line| line.starts_with("count below: user ")), "{found:?}");
        let repaired = run(&url, &["check", "--repair"]).expect(0);
        assert!(repaired.stderr.contains(" repaired"), "{repaired:?}");
        assert_eq!(run(&url, &["check"]).expect(0).stdout, "");
        assert_eq!(counts_below(app), counts);
    }
});

both!(repair_counts_below_without_removed_relationships, |app| {
    if skips_on_spread_rows("the test writes rows itself, with statements that Citus refuses") {
        return;
    }
    let url = app.home().text();
    let (admin, [ann, bob]) = (app.admin(), [(); 2].map(|()| app.user().id));
    run(&url, &["type", "set", "mentor", "--acyclic", "true", "--max-per-user", "1"]).expect(0);
    admin.post(EDGES, &edge(Some(bob), "mentor", ann)).expect(201);
    let mut raw = Raw::connect(&app.home().url());
    let defer = if matches!(raw, Raw::Sqlite(_)) {
        "PRAGMA foreign_keys = OFF; "
    } else {
        "SET LOCAL session_replication_role = replica; "
    };
    raw.run(&format!(
        "{defer}UPDATE user_relationships SET target_id = 999 WHERE target_id = {ann}; \
         UPDATE counts_by_target SET target_id = 999 WHERE target_id = {ann}; \
         UPDATE counts_below SET user_id = 999 WHERE user_id = {ann}"
    ));
    run(&url, &["check"]).expect(1);
    run(&url, &["check", "--repair"]).expect(0);
    assert_eq!(run(&url, &["check"]).expect(0).stdout, "");
    assert_eq!(counts_below(app), Vec::<String>::new());
});
