//! Changes get their numbers after their commit, on PostgreSQL.

use std::time::Duration;

use user_relationships::model::id::UserId;
use user_relationships::model::time::Timestamp;

use crate::support::app::{run, wait};
use crate::support::process::in_time;
use crate::support::sql::Raw;
use crate::support::{App, Engine};

/// Stores a set of changes of users at a time.
fn store(raw: &mut Raw, set: i64, changes: i64, at: i64) {
    raw.run(&format!(
        "INSERT INTO unnumbered_changes (set_id, place, at, action, subject_type, subject_id) \
         SELECT {set}, i, {at}, 0, 1, {set} FROM generate_series(0, {changes} - 1) AS i"
    ));
}

/// The numbered changes: number, place, set and time.
fn numbered(app: &App) -> Vec<String> {
    Raw::connect(&app.home().url())
        .lines("SELECT concat_ws(' ', n, place, subject_id, at) AS line FROM changes ORDER BY changes.n")
}

/// A connection to a database whose log is empty after its seventh change.
fn start(app: &App) -> Raw {
    let mut raw = Raw::connect(&app.home().url());
    raw.run("DELETE FROM unnumbered_changes; DELETE FROM changes; UPDATE change_log SET last_number = 7, last_at = 50");
    raw
}

#[test]
fn sets_are_numbered_whole_in_their_order_and_late_commits_later() {
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let mut raw = start(app);
            let mut late = Raw::connect(&app.home().url());
            late.run("BEGIN");
            store(&mut late, 7, 2, 60);
            store(&mut raw, 9, 1, 70);
            store(&mut raw, 5, 3, 40);
            wait(app.store.number_changes()).expect("numbers");
            late.run("COMMIT");
            store(&mut raw, 12, 1, 90);
            wait(app.store.number_changes()).expect("numbers");
            let expected = ["8 0 5 50", "9 1 5 50", "10 2 5 50", "11 0 9 70", "12 0 7 70", "13 1 7 70", "14 0 12 90"];
            assert_eq!(numbered(app), expected);
            assert_eq!(raw.number("SELECT last_number AS number FROM change_log"), 14);
            assert_eq!(raw.number("SELECT last_at AS number FROM change_log"), 90);
            assert_eq!(raw.number("SELECT COUNT(*) AS number FROM unnumbered_changes"), 0);
        },
    );
}

#[test]
fn a_change_without_a_number_is_after_every_moment() {
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let mut raw = start(app);
            raw.run("UPDATE change_log SET horizon_number = last_number");
            raw.run(
                "INSERT INTO unnumbered_changes (set_id, place, at, action, subject_type, subject_id, user_id, target_id, \
                 relationship, edge_created_at) VALUES (5, 0, 10, 0, 0, 9, 3, 4, 'mentor', 10)",
            );
            let changes = || {
                app.read(|tx| {
                    let log = tx.change_log()?;
                    let moment = tx.change_moment(&log, Timestamp::from_micros(60))?;
                    tx.edge_changes_after(&moment, &[UserId::new(4)], 10)
                })
            };
            assert_eq!(changes().len(), 1);
            wait(app.store.number_changes()).expect("numbers");
            assert_eq!(changes().len(), 0);
        },
    );
}

#[test]
fn a_set_that_is_too_large_for_one_transaction_stays_whole() {
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let mut raw = start(app);
            for (set, changes) in [(1, 600), (2, 401), (3, 1_200), (4, 1_000), (5, 1)] {
                store(&mut raw, set, changes, 60 + set);
            }
            wait(app.store.number_changes()).expect("numbers");
            let gaps = "SELECT COUNT(*) AS number FROM changes AS one WHERE NOT EXISTS (SELECT 1 FROM changes AS next \
                        WHERE next.n = one.n + 1 AND (next.subject_id, next.place) > (one.subject_id, one.place))";
            assert_eq!(raw.number(gaps), 1, "only the last change has no next one");
            assert_eq!(raw.number("SELECT MAX(n) - MIN(n) AS number FROM changes"), 3_201);
            let transactions = "SELECT COUNT(DISTINCT (subject_id, n - place)) AS number FROM changes";
            assert_eq!(raw.number(transactions), 5);
        },
    );
}

#[test]
fn numbering_is_fast_before_the_database_has_statistics() {
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let mut raw = start(app);
            let mut set = 0;
            // Compiling the statement takes a second.
            in_time("numbering", Duration::from_millis(400), || {
                for _ in 0..50 {
                    set += 1;
                    store(&mut raw, set, 4, 60);
                }
                wait(app.store.number_changes()).expect("numbers");
            });
            assert_eq!(raw.number("SELECT MAX(n) AS number FROM changes"), 7 + 4 * set);
        },
    );
}
