//! Numbers are dense under concurrent writers with pauses before their commits. A reader by identity loses changes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::app::{run, wait};
use crate::support::change_log::changes_after;
use crate::support::sql::Raw;
use crate::support::{App, Engine};

const WRITERS: i64 = 6;
const WRITES: i64 = 40;

/// Writes changes of the users with these numbers, as a job does, and the same rows with an identity. Every fifth
/// transaction is rolled back.
fn write(app: &App, writer: i64) -> BTreeSet<i64> {
    let mut raw = Raw::connect(&app.home().url());
    let mut committed = BTreeSet::new();
    for turn in 0..WRITES {
        let user = writer * WRITES + turn + 1;
        raw.run(&format!(
            "BEGIN; WITH drawn AS MATERIALIZED (SELECT nextval('change_set_ids') AS set_id)
             INSERT INTO unnumbered_changes (set_id, place, at, action, subject_type, subject_id, user_id)
             SELECT set_id, place, 5000 - {user}, 0, 1, {user}, {user} FROM drawn, generate_series(0, {turn} % 3) AS place;
             INSERT INTO by_identity (user_id) VALUES ({user})"
        ));
        thread::sleep(Duration::from_micros(u64::try_from((user * 7_919) % 6_000).expect("a time")));
        let is_kept = turn % 5 != 4;
        raw.run(if is_kept { "COMMIT" } else { "ROLLBACK" });
        committed.extend(is_kept.then_some(user));
    }
    committed
}

/// Follows the rows by their identity until the writers have ended.
fn follow_by_identity(app: &App, has_ended: &AtomicBool) -> BTreeSet<i64> {
    let mut raw = Raw::connect(&app.home().url());
    let (mut seen, mut last) = (BTreeSet::new(), 0);
    loop {
        let is_last = has_ended.load(Ordering::Acquire);
        let query = format!("SELECT id || ' ' || user_id AS line FROM by_identity WHERE id > {last} ORDER BY id");
        for line in raw.lines(&query) {
            let (id, user) = line.split_once(' ').expect("two numbers");
            last = last.max(id.parse().expect("a number"));
            seen.insert(user.parse().expect("a number"));
        }
        if is_last {
            return seen;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Follows the log until the writers have ended: the user of each change.
fn follow(app: &App, has_ended: &AtomicBool) -> Vec<i64> {
    let (mut seen, mut last) = (Vec::new(), 0);
    loop {
        let is_last = has_ended.load(Ordering::Acquire);
        for change in changes_after(app, last) {
            assert_eq!(change.number, last + 1, "the numbers are dense");
            last = change.number;
            seen.push(change.change.subject.id().expect("an id").parse().expect("a number"));
        }
        if is_last {
            return seen;
        }
    }
}

#[test]
fn readers_see_each_committed_change_once_and_by_identity_they_lose_some() {
    run(
        Engine::Postgres,
        |config| config.database_pool_size = 6,
        |app| {
            Raw::connect(&app.home().url())
                .run("CREATE TABLE by_identity (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id BIGINT)");
            let other = app.beside();
            let (has_ended, left) = (AtomicBool::new(false), AtomicI64::new(WRITERS));
            let (committed, by_identity, followed) = thread::scope(|scope| {
                let writers: Vec<_> = (0..WRITERS)
                    .map(|writer| {
                        let (has_ended, left) = (&has_ended, &left);
                        scope.spawn(move || {
                            let committed = write(app, writer);
                            has_ended.store(left.fetch_sub(1, Ordering::AcqRel) == 1, Ordering::Release);
                            committed
                        })
                    })
                    .collect();
                let by_identity = scope.spawn(|| follow_by_identity(app, &has_ended));
                let followers = [app, &other].map(|app| scope.spawn(|| follow(app, &has_ended)));
                let committed: BTreeSet<_> = writers.into_iter().flat_map(|it| it.join().expect("a writer")).collect();
                let followed = followers.map(|it| it.join().expect("a reader"));
                (committed, by_identity.join().expect("a reader"), followed)
            });
            for seen in &followed {
                assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), committed);
                let expected: i64 = committed.iter().map(|user| (user - 1) % WRITES % 3 + 1).sum();
                assert_eq!(i64::try_from(seen.len()), Ok(expected), "each change is seen once");
            }
            assert_eq!(followed[0], followed[1], "both readers see one order");
            assert!(by_identity.len() < committed.len(), "the control must lose changes");
            let decreasing = "SELECT COUNT(*) AS number FROM changes AS one JOIN changes AS next ON next.n = one.n + 1 \
                              WHERE next.at < one.at";
            assert_eq!(Raw::connect(&app.home().url()).number(decreasing), 0);
            wait(app.store.number_changes()).expect("nothing is left");
        },
    );
}
