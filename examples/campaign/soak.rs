//! Prints what may grow, once a minute.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::stage::{Database, Stage};
use crate::support::Engine;

/// Watches for a time.
pub fn watch(stage: &Stage, time: Duration) {
    println!("| minute | memory, MiB | mapped files, MiB | open files | write-ahead log, MiB | writes | p99, ms |");
    println!("|---|---|---|---|---|---|---|");
    let begun = Instant::now();
    for minute in 1_u32.. {
        let end = begun + Duration::from_mins(1) * minute;
        if end > begun + time {
            return;
        }
        thread::sleep(end.saturating_duration_since(Instant::now()));
        let mut latencies = std::mem::take(&mut *stage.latencies.lock().expect("latencies"));
        latencies.sort_unstable();
        let p99 = latencies.get(latencies.len() * 99 / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
        let id = stage.service_id(0).unwrap_or_default();
        println!(
            "| {minute} | {} | {} | {} | {} | {} | {p99:.1} |",
            memory(id, "RssAnon:") / 1024,
            // Pages of a database that grows.
            memory(id, "RssFile:") / 1024,
            fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count),
            write_ahead_log(stage) / (1 << 20),
            latencies.len(),
        );
    }
}

/// A part of the resident memory (proc(5)), in KiB.
fn memory(process: u32, part: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(part)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// The bytes of the write-ahead log.
fn write_ahead_log(stage: &Stage) -> u64 {
    match (&stage.database, stage.engine) {
        (Database::File(folder), _) => fs::metadata(folder.path().join("campaign.db-wal")).map_or(0, |data| data.len()),
        (Database::Servers(_), Engine::Sqlite | Engine::Postgres) => {
            let sql = "SELECT CAST(SUM(size) AS BIGINT) AS number FROM pg_ls_waldir()";
            u64::try_from(stage.raw().number(sql)).unwrap_or_default()
        }
    }
}
