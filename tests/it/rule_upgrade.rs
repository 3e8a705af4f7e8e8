//! The upgrade to a release with rules, in the order of docs/OPERATIONS.md, with what an earlier release writes.
//!
//! # Design
//! The statements of the earlier release are written out here: it knows neither the new columns nor the new tables.

use crate::support::bare::Bare;
use crate::support::process::{Service, new_user_token, revert_to_before, run};
use crate::support::sql::Raw;
use crate::support::{edge, json};
use user_relationships::store::url::DatabaseUrl;

const EDGES: &str = "/api/v2/user-relationships";
const TYPES: &str = "/api/v2/relationship-types";

/// Stores and counts a relationship as the earlier release does.
fn insert_as_earlier_release(url: &str, user: i64, target: i64, kind: &str) {
    let kind = format!("(SELECT id FROM relationship_types WHERE name = '{kind}')");
    raw(url).run(&format!(
        "INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at)
             VALUES ({user}, {target}, {kind}, 0, 0);
         INSERT INTO counts_by_user (user_id, type_id, n) VALUES ({user}, {kind}, 1);
         INSERT INTO counts_by_target (target_id, type_id, slot, n) VALUES ({target}, {kind}, 0, 1);
         INSERT INTO counts_by_type (type_id, slot, n) VALUES ({kind}, 0, 1)
             ON CONFLICT (type_id, slot) DO UPDATE SET n = counts_by_type.n + 1"
    ));
}

fn raw(url: &str) -> Raw {
    Raw::connect(&DatabaseUrl::parse(url).expect("a URL of a test"))
}

fn register_as_earlier_release(url: &str, name: &str) {
    let columns = "INSERT INTO relationship_types (name, created_at, updated_at)";
    raw(url).run(&format!("{columns} VALUES ('{name}', 0, 0)"));
}

#[test]
fn rules_are_turned_on_after_the_last_instance_is_upgraded() {
    for bare in Bare::all("rules") {
        let url = bare.url();
        run(&url, &["migrate", "run"]).expect(0);
        revert_to_before(&url, "2026-11-29-000000_rules");
        for number in 1..=6 {
            raw(&url).run(&format!(
                "INSERT INTO users (email, email_key, name_key, access_level, is_enabled, profile, created_at, updated_at)
                 VALUES ('u{number}@example.com', 'u{number}@example.com', '', 0, TRUE, '{{}}', 0, 0);
                 INSERT INTO counts_of_users (is_enabled, access_level, n) VALUES (TRUE, 0, 1)
                 ON CONFLICT (is_enabled, access_level) DO UPDATE SET n = counts_of_users.n + 1"
            ));
        }
        register_as_earlier_release(&url, "reports-to");
        insert_as_earlier_release(&url, 2, 1, "reports-to");

        // 1. The migration. The earlier release still writes, and registers a type.
        run(&url, &["migrate", "run"]).expect(0);
        register_as_earlier_release(&url, "buddy");
        insert_as_earlier_release(&url, 3, 2, "reports-to");
        insert_as_earlier_release(&url, 1, 2, "buddy");

        // 2. and 3. All instances are replaced, then rules are turned on, also for the type without a row to lock.
        let service = Service::start(&url, &[("NO_MIGRATE", "true")]);
        let admin = service.client(&new_user_token(&url, "root@example.com", "admin"));
        for (name, rules) in
            [("reports-to", json!({"is-acyclic": true, "max-per-user": 1})), ("buddy", json!({"is-symmetric": true}))]
        {
            let change = json!({"data": {"type": "relationship-types", "id": name, "attributes": rules}});
            admin.patch(&format!("{TYPES}/{name}"), &change).expect(200);
        }
        admin.post(EDGES, &edge(Some(1), "reports-to", 3)).refused(409, "relationship-cycle");
        admin.post(EDGES, &edge(Some(2), "buddy", 1)).refused(409, "already-exists");
        admin.post(EDGES, &edge(Some(4), "reports-to", 3)).expect(201);
        run(&url, &["check"]).expect(0);

        // Out of order: an instance of the earlier release writes while the rule is on.
        insert_as_earlier_release(&url, 1, 4, "reports-to");
        let found = run(&url, &["check"]).expect(1).stdout;
        assert!(found.contains("type reports-to: `is-acyclic`"), "{found}");
        raw(&url).run("DELETE FROM user_relationships WHERE user_id = 1 AND target_id = 4");
        run(&url, &["check", "--repair"]).expect(0);
        run(&url, &["check"]).expect(0);
    }
}
