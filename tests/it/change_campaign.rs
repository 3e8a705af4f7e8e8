//! Readers follow the feed while clients write, transactions pause before they commit or roll back, and the service and
//! its database are killed: each reader sees every committed change once, in order, and its copy equals the tables.
//!
//! `CHANGE_SECONDS=300 cargo test --test it change_campaign` goes on for five minutes on each database.

mod readers;
mod stage;
mod writers;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::app::Engine;
use crate::support::feed_copy::stored_copy;
use crate::support::graph::repetitions;
use crate::support::process::run;
use crate::support::random::Random;
use readers::{Follower, Ledger, Manner, Signal, filtered, follow};
use stage::Stage;
use writers::Writer;

const WRITERS: usize = 16;

/// Stops writers and readers, also when the test fails: otherwise they would never end.
struct Stopper<'a>(&'a Signal);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        self.0.stop_writers();
        self.0.stop_readers();
    }
}

/// Kills the service or its database from time to time.
fn kill_repeatedly(stage: &Stage, time: Duration) {
    let (begun, mut random) = (Instant::now(), Random::new(20_261_129));
    for turn in 1.. {
        thread::sleep(Duration::from_millis(500 + random.below(800) as u64));
        if begun.elapsed() >= time {
            return;
        }
        match turn % 6 {
            2 => stage.crash_database(),
            5 => stage.restart_database(),
            _ => stage.kill_service(&mut random),
        }
    }
}

/// What the readers and writers found.
struct Found {
    ledger: Ledger,
    followers: Vec<Follower>,
    filtered: Vec<(i64, u64)>,
    writers: Vec<Writer>,
}

fn observe(stage: &Stage, time: Duration) -> Found {
    let signal = Signal::default();
    thread::scope(|scope| {
        let signal = &signal;
        let _stopper = Stopper(signal);
        let writers: Vec<_> =
            (0..WRITERS).map(|number| scope.spawn(move || Writer::new(number, stage).run(stage, signal))).collect();
        let ledger = scope.spawn(move || follow(stage, signal, Manner::Poll, Ledger::default()));
        let followers = [Manner::LongPoll, Manner::Restarted]
            .map(|manner| scope.spawn(move || follow(stage, signal, manner, Follower::default())));
        let filtered = scope.spawn(move || filtered(stage, signal));
        let is_disturbed = AtomicBool::new(true);
        thread::scope(|scope| {
            scope.spawn(|| stage.hold_writers_while(&is_disturbed));
            kill_repeatedly(stage, time);
            is_disturbed.store(false, Ordering::Relaxed);
        });
        // The last writes meet a service that stays, for long enough on a busy machine.
        thread::sleep(Duration::from_secs(2));
        signal.stop_writers();
        let writers = writers.into_iter().map(|writer| writer.join().expect("a writer")).collect();
        // Transactions of killed processes end.
        thread::sleep(Duration::from_millis(300));
        signal.stop_readers();
        Found {
            ledger: ledger.join().expect("a reader that polls"),
            followers: followers.map(|reader| reader.join().expect("a reader")).into_iter().collect(),
            filtered: filtered.join().expect("a reader that filters"),
            writers,
        }
    })
}

fn campaign(engine: Engine) {
    let Some(stage) = Stage::on(engine) else { return };
    let time = Duration::from_secs(repetitions("CHANGE_SECONDS", 5) as u64);
    let Found { ledger, followers, filtered, writers } = observe(&stage, time);

    let mut raw = stage.raw();
    let last = ledger.follower.last();
    assert_eq!(raw.number("SELECT COUNT(*) AS number FROM changes WHERE n > 0"), last, "numbers are dense");
    assert_eq!(raw.number("SELECT MAX(n) AS number FROM changes"), last);
    assert_eq!(raw.number("SELECT COUNT(*) AS number FROM unnumbered_changes"), 0);
    for follower in &followers {
        assert!(follower.digests == ledger.follower.digests, "readers saw different changes");
    }
    assert!(filtered == ledger.of_filter, "{} changes instead of {}", filtered.len(), ledger.of_filter.len());
    let stored = stored_copy(&stage.url());
    for follower in followers.iter().chain([&ledger.follower]) {
        assert_eq!(follower.copy, stored);
        assert_eq!(follower.copy.users, stored.users);
    }
    let mut statuses = BTreeMap::new();
    for writer in &writers {
        writer.assert_logged(&ledger.requests);
        writer.statuses.iter().for_each(|(status, count)| *statuses.entry(*status).or_insert(0) += count);
    }
    let reads = ledger.follower.reads + followers.iter().map(|follower| follower.reads).sum::<usize>();
    eprintln!(
        "{engine:?}: {last} changes in {} transactions, {} services and {} databases killed, {reads} pages read, \
         {} restarts of a reader, responses {statuses:?}",
        ledger.requests.len(),
        stage.killed_services(),
        stage.killed_databases(),
        followers.iter().map(|follower| follower.restarts).sum::<usize>(),
    );
    // A rollback is 503, like everything that the database could not do.
    for status in [201, 204, 503] {
        assert!(statuses.contains_key(&status), "{status} in {statuses:?}");
    }
    assert!(!filtered.is_empty());
    run(&stage.text(), &["check"]).expect(0);
}

#[test]
fn every_reader_sees_every_change_once_whatever_is_killed_on_sqlite() {
    campaign(Engine::Sqlite);
}

#[test]
fn every_reader_sees_every_change_once_whatever_is_killed_on_postgres() {
    campaign(Engine::Postgres);
}
