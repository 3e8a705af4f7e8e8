//! A process that is killed after each statement of the transaction that numbers changes: none is lost or doubled.
//! `rule_crash_points` kills a process in each kind of write.

use std::collections::BTreeSet;
use std::thread;

use user_relationships::store::url::DatabaseUrl;

use crate::support::changes::{CHANGES, cursor, follow};
use crate::support::cluster::PrivateServer;
use crate::support::process::{PATIENCE, Service, new_user_token, run, until};
use crate::support::sql::Raw;
use crate::support::statement_gate::StatementGate;

/// The statements of the transaction, by their first words.
const STATEMENTS: [&str; 4] = ["BEGIN", "SELECT 1 FROM change_log FOR UPDATE", "WITH cut AS", "COMMIT"];
/// The changes of the sets that wait in each round.
const SETS: [i64; 3] = [2, 1, 3];
/// The first number of a user of these changes, which do not exist.
const FIRST: i64 = 1_000_000;

/// Stores committed sets of changes of the users from `first` on, and returns the next user.
fn store_sets(raw: &mut Raw, mut first: i64) -> i64 {
    for changes in SETS {
        raw.run(&format!(
            "WITH drawn AS MATERIALIZED (SELECT nextval('change_set_ids') AS set_id)
             INSERT INTO unnumbered_changes (set_id, place, at, action, subject_type, subject_id, user_id)
             SELECT set_id, place, 5, 1, 1, {first} + place, {first} + place
             FROM drawn, generate_series(0, {changes} - 1) AS place"
        ));
        first += changes;
    }
    first
}

/// Asserts that each change up to a user is there once, that sets are whole, and that numbers are dense. Returns how many
/// have no number.
fn verify(raw: &mut Raw, url: &str, next: i64) -> i64 {
    run(url, &["check"]).expect(0);
    let all = format!("subject_id >= {FIRST}");
    let numbered = format!("SELECT subject_id FROM changes WHERE {all}");
    let waiting = format!("SELECT subject_id FROM unnumbered_changes WHERE {all}");
    let both = format!("({numbered} UNION ALL {waiting}) AS logged");
    assert_eq!(raw.number(&format!("SELECT COUNT(*) AS number FROM {both}")), next - FIRST);
    assert_eq!(raw.number(&format!("SELECT COUNT(DISTINCT subject_id) AS number FROM {both}")), next - FIRST);
    let broken = format!(
        "SELECT COUNT(*) AS number FROM changes AS one WHERE {all} AND place > 0 AND NOT EXISTS \
         (SELECT 1 FROM changes AS before WHERE before.n = one.n - 1 AND before.place = one.place - 1 \
         AND before.subject_id = one.subject_id - 1)"
    );
    assert_eq!(raw.number(&broken), 0, "a set is not whole");
    raw.number(&format!("SELECT COUNT(*) AS number FROM ({waiting}) AS waiting"))
}

#[test]
fn numbering_killed_after_any_statement_loses_and_doubles_nothing() {
    let Some(server) = PrivateServer::start() else { return };
    let url = server.url("postgres");
    let token = new_user_token(&url, "root@example.com", "admin");
    let mut raw = Raw::connect(&DatabaseUrl::parse(&url).expect("the server's URL"));
    let sessions = "SELECT count(*) AS number FROM pg_stat_activity WHERE application_name = 'user-relationships'";
    let (mut next, mut reached, mut position) = (FIRST, BTreeSet::new(), None);
    // Other statements of the service may come in between, so that further rounds reach what the first ones have missed.
    for most in (1..=6).cycle().take(60) {
        let gate = StatementGate::to(&server.socket());
        let service = Service::start(&gate.url("postgres"), &[("DATABASE_POOL_SIZE", "2")]);
        let client = service.client(&token);
        // Numbers what the last round has left.
        let page = client.get(CHANGES).expect(200);
        position = position.or_else(|| Some(cursor(&page)));
        gate.close_after(most);
        next = store_sets(&mut raw, next);
        let passed = thread::scope(|scope| {
            let asked = scope.spawn(|| client.attempt("GET", CHANGES, &[], None));
            let passed = gate.wait_until_held(PATIENCE);
            service.kill();
            drop(gate);
            assert!(asked.join().expect("no panic").is_err());
            passed
        });
        until("the server ends the sessions", PATIENCE, || raw.number(sessions) == 0);
        let is_numbering = passed.iter().any(|text| text.starts_with(STATEMENTS[2]));
        let is_done = is_numbering && passed.last().is_some_and(|text| text == "COMMIT");
        let waiting = verify(&mut raw, &url, next);
        assert_eq!(waiting == 0, is_done, "{waiting} changes wait after {passed:#?}");
        reached.extend(STATEMENTS.iter().filter(|start| passed.last().is_some_and(|text| text.starts_with(**start))));
        if reached.len() == STATEMENTS.len() {
            break;
        }
    }
    assert_eq!(reached, STATEMENTS.iter().collect(), "the process was killed after each statement");
    // A reader from the beginning sees each of them once, in the order of their sets.
    let service = Service::start(&url, &[]);
    let path = format!("{CHANGES}?page[size]=7&page[after]={}", position.expect("a position"));
    let (changes, _) = follow(&service.client(&token), &path);
    let users = changes.iter().map(|change| change["attributes"]["subject-id"].as_str().expect("an id").to_owned());
    assert_eq!(users.collect::<Vec<_>>(), (FIRST..next).map(|user| user.to_string()).collect::<Vec<_>>());
    verify(&mut raw, &url, next);
}
