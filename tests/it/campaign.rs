//! A short fault campaign on each database, and one with a broken protection, which must find lost writes.

#[path = "../../examples/campaign/campaign.rs"]
mod program;

use std::time::Duration;

use crate::support::Engine;
use program::{Plan, Weakness};

const SEED: u64 = 20_261_129;

fn plan(seconds: u64, seed: u64, weakness: Weakness) -> Plan {
    let (time, pause) = (Duration::from_secs(seconds), Duration::from_millis(400));
    Plan { time, seed, pause, is_soak: false, weakness }
}

fn campaign(engine: Engine) {
    let Some(verdict) = program::run(engine, &plan(20, SEED, Weakness::None)) else { return };
    eprintln!("{verdict}");
    assert!(verdict.is_clean(), "{verdict}");
    assert!(verdict.kills() > 0 && verdict.acknowledged() > 20, "{verdict}");
}

#[test]
fn nothing_is_lost_or_repeated_whatever_fails_on_sqlite() {
    campaign(Engine::Sqlite);
}

#[test]
fn nothing_is_lost_or_repeated_whatever_fails_on_postgres() {
    campaign(Engine::Postgres);
}

#[test]
fn the_campaign_reports_writes_that_a_crash_of_postgres_loses() {
    // PostgreSQL flushes every 200 ms, so the kills of one campaign may all miss the acknowledged writes.
    for seed in SEED..SEED + 5 {
        let plan = plan(12, seed, Weakness::AsynchronousCommit);
        let Some(verdict) = program::run(Engine::Postgres, &plan) else { return };
        if verdict.count("lost") > 0 {
            assert!(!verdict.is_clean(), "{verdict}");
            return;
        }
        eprintln!("{verdict}");
    }
    panic!("five campaigns found no lost write");
}
