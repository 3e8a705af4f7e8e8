//! An import and clients that write to the same types with rules at the same time.

use std::thread;
use std::time::Duration;

use crate::both;
use crate::support::app::run as run_on;
use crate::support::citus::skips_on_spread_rows;
use crate::support::graph::{
    acyclic, assert_clean, concurrently, create, findings, import, on_cycles, path, register, rounds, store, stored,
    stored_where, tree, users, wide,
};
use crate::support::import::{lines, relation};
use crate::support::process::{PATIENCE, finish, program, run, until};
use crate::support::sql::Raw;
use crate::support::{Engine, json};

both!(an_import_and_clients_cannot_close_cycles_together, |config| { wide(config) }, |app| {
    let url = app.home().text();
    let admin = app.admin();
    for (kind, rules) in [("boss", tree()), ("needs", acyclic())] {
        register(&admin, kind, &rules);
        let (pairs, ids) = (60, users(app, 120));
        let text: Vec<_> = (0..pairs).map(|at| relation(ids[2 * at], kind, ids[2 * at + 1])).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("edges.ndjson");
        std::fs::write(&file, lines(&text)).expect("a file");
        let mut command = program();
        command.env("DATABASE_URL", &url).args(["import", &file.display().to_string()]);
        let created = thread::scope(|scope| {
            let import = scope.spawn(|| finish(&mut command));
            // From the last line to the first, as long as the import runs, so that they meet.
            let mut created = 0;
            for at in (0..pairs).rev() {
                if !import.is_finished() {
                    thread::sleep(Duration::from_millis(2));
                }
                let answer = create(&admin, ids[2 * at + 1], kind, ids[2 * at]);
                match answer.status {
                    201 => created += 1,
                    _ => drop(answer.refused(409, "relationship-cycle")),
                }
            }
            import.join().expect("it ends");
            created
        });
        let all = stored(app, kind);
        assert_eq!(all.len(), pairs, "one direction of each pair; {created} by clients");
        assert_eq!(on_cycles(all.into_values()).len(), 0);
    }
    run(&url, &["check"]).expect(0);
});

both!(an_import_and_clients_cannot_exceed_a_limit_together, |config| { wide(config) }, |app| {
    let admin = app.admin();
    for (kind, rules) in [("boss", tree()), ("few", json!({"max-per-user": 1}))] {
        register(&admin, kind, &rules);
        for round in 0..rounds(6).min(200) {
            let (owners, targets) = (users(app, 16), users(app, 2));
            let lines: Vec<_> = owners.iter().map(|owner| (*owner, targets[0])).collect();
            // One thread imports all; the others create another relationship of each owner.
            let created = concurrently(5, |number| {
                if number == 0 {
                    return import(app, kind, &lines).relationships.added;
                }
                // In the order of the lines and in the other order, so that they meet.
                let mut own: Vec<_> = owners.chunks(4).nth(number - 1).expect("owners").to_vec();
                if (round + number) % 2 == 0 {
                    own.reverse();
                }
                let is_created = |owner: &&i64| {
                    let answer = create(&admin, **owner, kind, targets[1]);
                    answer.status == 201 || answer.refused(409, "too-many-relationships").status != 409
                };
                own.iter().filter(is_created).count() as u64
            });
            let condition = format!("AND user_id BETWEEN {} AND {}", owners[0], owners[owners.len() - 1]);
            let stored = stored_where(&mut Raw::connect(&app.config.database_url), kind, &condition);
            assert_eq!(stored.len(), owners.len(), "one of each owner; {created:?} of {stored:?}");
            assert_eq!(created.iter().sum::<u64>(), owners.len() as u64);
        }
    }
    assert_clean(app);
});

/// Stops an import after it has judged its line and before it stores it, by a lock of a user that only its line names.
/// A create that would close a ring with the line must wait for it.
#[test]
fn a_create_waits_for_an_import_that_has_judged_its_lines() {
    if skips_on_spread_rows("the test locks a row itself, which Citus refuses") {
        return;
    }
    run_on(Engine::Postgres, wide, |app| {
        let admin = app.admin();
        let (mut holder, mut observer) =
            (Raw::connect(&app.config.database_url), Raw::connect(&app.config.database_url));
        for (kind, rules) in [("boss", tree()), ("needs", acyclic())] {
            register(&admin, kind, &rules);
            let [a, b, c, d] = users(app, 4).try_into().expect("four");
            store(app, kind, &[(a, b), (c, d)]);
            holder.run(&format!("BEGIN; SELECT id FROM users WHERE id = {b} FOR UPDATE"));
            let (outcome, answer) = thread::scope(|scope| {
                let import = scope.spawn(|| import(app, kind, &[(b, c)]));
                until("the import waits", PATIENCE, || observer.waiting_sessions() == 1);
                let create = scope.spawn(|| create(&admin, d, kind, a));
                until("the create waits or ends", PATIENCE, || {
                    observer.waiting_sessions() == 2 || create.is_finished()
                });
                holder.run("COMMIT");
                (import.join().expect("it ends"), create.join().expect("it ends"))
            });
            assert_eq!((outcome.relationships.added, outcome.relationships.rejected), (1, 0), "{kind}");
            let all = stored(app, kind);
            assert!(on_cycles(all.clone().into_values()).is_empty(), "{kind}: {all:?}");
            answer.refused(409, "relationship-cycle");
        }
        assert_clean(app);
    });
}

/// An earlier release neither waits for the lock of a type nor counts below users.
#[test]
fn an_import_counts_below_what_an_earlier_release_stores_meanwhile() {
    if skips_on_spread_rows("the test locks a row itself, which Citus refuses") {
        return;
    }
    run_on(Engine::Postgres, wide, |app| {
        register(&app.admin(), "boss", &tree());
        let ids = users(app, 4);
        let mut earlier = Raw::connect(&app.config.database_url);
        earlier.run(&format!(
            "BEGIN; INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at) \
             SELECT {}, {}, id, 0, 0 FROM relationship_types WHERE name = 'boss'",
            ids[1], ids[2]
        ));
        let mut observer = Raw::connect(&app.config.database_url);
        let outcome = thread::scope(|scope| {
            let import = scope.spawn(|| import(app, "boss", &path(&ids)));
            until("the import waits for the other transaction", PATIENCE, || observer.waiting_sessions() == 1);
            earlier.run("COMMIT");
            import.join().expect("it ends")
        });
        let counts = outcome.relationships;
        assert_eq!((counts.added, counts.unchanged, counts.rejected), (2, 1, 0));
        assert_eq!(stored(app, "boss").len(), 3);
        // Counts of the edge itself are up to the earlier release.
        let found = findings(app).unwrap_or_default();
        assert!(!found.contains("count below"), "{found}");
    });
}
