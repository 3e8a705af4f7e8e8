//! The numbers of relationship types: there are 32,767, and no request can exhaust them.

use std::collections::BTreeSet;
use std::thread;

use crate::both;
use crate::support::process::run;
use crate::support::sql::Raw;
use crate::support::{App, Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const TYPES: &str = "/api/v2/relationship-types";

fn raw(app: &App) -> Raw {
    Raw::connect(&app.config.database_url)
}

fn register(admin: &Client, name: &str) -> u16 {
    admin.post(TYPES, &json!({"data": {"type": "relationship-types", "id": name}})).status
}

/// The number under which a type is stored.
fn number_of(app: &App, name: &str) -> i64 {
    raw(app).number(&format!("SELECT CAST(id AS BIGINT) AS number FROM relationship_types WHERE name = '{name}'"))
}

/// Marks every number as one of a type deleted long ago.
fn use_up(app: &App) {
    raw(app).run("INSERT INTO retired_type_ids (id, retired_at) VALUES (32767, 0)");
}

both!(refused_registrations_use_no_type_number, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let long = "x".repeat(1_001);
    for _ in 0..5 {
        assert_eq!(register(&admin, "mentor"), 409);
        assert_eq!(register(&ann, "friend"), 403);
        assert_eq!(register(&admin, "Not A Name"), 422);
        let described =
            json!({"data": {"type": "relationship-types", "id": "friend", "attributes": {"description": long}}});
        admin.post(TYPES, &described).refused(422, "invalid-attribute");
    }
    if let Raw::Postgres(_) = raw(app) {
        let drawn = raw(app).number("SELECT CAST(last_value AS BIGINT) AS number FROM relationship_types_id_seq");
        assert_eq!(drawn, 3, "the sequence, which the previous release uses");
    }
    assert_eq!(register(&admin, "friend"), 201);
    assert_eq!(number_of(app, "friend"), 4);
    if let Raw::Postgres(_) = raw(app) {
        // A registration by the previous release.
        raw(app).run("INSERT INTO relationship_types (name, created_at, updated_at) VALUES ('drawn', 0, 0)");
        assert_eq!(number_of(app, "drawn"), 5);
    }
    let aborted = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
    let body = json!({"atomic:operations": []}).to_string();
    admin.send("POST", "/api/v2/operations", &[("content-type", aborted)], Some(body.as_bytes()));
    assert_eq!(register(&admin, "foe"), 201);
    assert!(number_of(app, "foe") <= 6);
});

both!(numbers_of_removed_types_are_used_again, |app| {
    let admin = app.admin();
    assert_eq!(register(&admin, "friend"), 201);
    admin.delete(&format!("{TYPES}/friend")).expect(204);
    assert_eq!(register(&admin, "friend"), 201);
    assert_eq!(number_of(app, "friend"), 5, "a new number while there is one");
    use_up(app);
    // The number 4 is not reused yet, because an instance may still have its old type in its cache.
    assert_eq!(register(&admin, "foe"), 201);
    assert_eq!(number_of(app, "foe"), 6);
    raw(app).run("UPDATE retired_type_ids SET retired_at = 0");
    assert_eq!(register(&admin, "rival"), 201);
    assert_eq!(number_of(app, "rival"), 4);
    let (ann, bob) = (app.user(), app.user());
    for name in ["friend", "foe", "rival"] {
        ann.post(EDGES, &edge(None, name, bob.id)).expect(201);
        assert_eq!(ann.get(&format!("{EDGES}?relationship={name}")).expect(200).total(), 1);
    }
    app.assert_no_drift();
});

both!(registering_returns_409_when_all_numbers_are_in_use, |app| {
    let admin = app.admin();
    raw(app).run(
        "WITH RECURSIVE numbers (n) AS (SELECT 4 UNION ALL SELECT n + 1 FROM numbers WHERE n < 32767) \
         INSERT INTO relationship_types (id, name, created_at, updated_at) SELECT n, 'kind-' || n, 0, 0 FROM numbers",
    );
    let refused = admin.post(TYPES, &json!({"data": {"type": "relationship-types", "id": "friend"}}));
    let refused = refused.refused(409, "too-many-types");
    assert!(refused.text.contains("32767"), "{}", refused.text);
    assert_eq!(register(&admin, "kind-4"), 409);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lines.ndjson");
    let (ann, bob) = (app.user(), app.user());
    let line = json!({"type": "user-relationship", "user": ann.id, "target": bob.id, "relationship": "friend"});
    std::fs::write(&file, line.to_string()).expect("a file");
    let outcome = run(&app.home().text(), &["import", "--create-types", file.to_str().expect("a path")]);
    assert!(outcome.code != 0 && outcome.stderr.contains("32767 types"), "{outcome:?}");
    admin.delete(&format!("{TYPES}/kind-9")).expect(204);
    assert_eq!(register(&admin, "friend"), 409, "the number is not reused yet");
    raw(app).run("UPDATE retired_type_ids SET retired_at = 0");
    assert_eq!(register(&admin, "friend"), 201);
    assert_eq!(number_of(app, "friend"), 9);
});

both!(
    types_registered_at_the_same_time_get_different_numbers,
    |config| {
        config.workers = 4;
        config.database_pool_size = 8;
    },
    |app| {
        let admin = app.admin();
        let statuses: Vec<u16> = thread::scope(|scope| {
            let admin = &admin;
            // Each name twice.
            let threads: Vec<_> =
                (0..16).map(|n| scope.spawn(move || register(admin, &format!("kind-{}", n / 2)))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
        assert_eq!((count(201), count(409)), (8, 8), "{statuses:?}");
        let numbers: BTreeSet<_> = (0..8).map(|n| number_of(app, &format!("kind-{n}"))).collect();
        assert_eq!(numbers, (4..12).collect(), "no number is skipped");
    }
);
