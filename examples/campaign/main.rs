//! A fault campaign: clients write, readers follow the feed, and processes, networks and disks fail at random, with a model
//! as the judge.
//!
//! `cargo run --release --example campaign -- --minutes 30`; `--help` lists the options. The exit code is 1 if an
//! acknowledged write was lost, a request was performed twice, counts drifted or an answer was wrong.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::must_use_candidate,
    clippy::similar_names,
    missing_docs,
    reason = "a harness that fails panics, and the panic has the location"
)]

#[path = "campaign.rs"]
mod campaign;

#[allow(dead_code, unused_imports, reason = "the tests use the rest")]
mod support;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Parser;
use user_relationships::clock::Clock;

use campaign::{Plan, Weakness};
use support::Engine;

/// Kills, delays and fills up everything below a service, and compares what it stored with what it acknowledged.
#[derive(Parser)]
struct Options {
    /// How long faults happen, on each database.
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// `sqlite` or `postgres`; both, one after the other, by default.
    #[arg(long)]
    database: Option<String>,
    /// The seed of all random choices; a new one by default.
    #[arg(long)]
    seed: Option<u64>,
    /// The longest pause between two faults, in milliseconds.
    #[arg(long, default_value_t = 800)]
    pause: u64,
    /// A tenth of the writes, without faults; prints memory, open files, the size of the write-ahead log and p99 each
    /// minute.
    #[arg(long)]
    soak: bool,
    /// Lets PostgreSQL acknowledge commits before they are durable, and only kills it: the campaign must report lost writes.
    #[arg(long)]
    asynchronous_commit: bool,
}

fn main() -> ExitCode {
    // The service is this program, too: `cargo run --example` builds no other one.
    if std::env::args_os().nth(1).is_some_and(|first| campaign::COMMANDS.iter().any(|command| first == *command)) {
        return run_service();
    }
    let options = Options::parse();
    if let Some(reason) = enter_namespace() {
        eprintln!("no disk of PostgreSQL will be full: {reason}");
    }
    let seed = options.seed.unwrap_or(Clock::System.now().micros().unsigned_abs());
    let engines = match options.database.as_deref() {
        Some("sqlite") => vec![Engine::Sqlite],
        Some("postgres") => vec![Engine::Postgres],
        _ => vec![Engine::Sqlite, Engine::Postgres],
    };
    let mut is_clean = true;
    for engine in engines {
        let plan = Plan {
            time: Duration::from_secs_f64(options.minutes * 60.0),
            seed,
            pause: Duration::from_millis(options.pause),
            is_soak: options.soak,
            weakness: if options.asynchronous_commit { Weakness::AsynchronousCommit } else { Weakness::None },
        };
        let Some(verdict) = campaign::run(engine, &plan) else { continue };
        println!("{verdict}");
        is_clean &= verdict.is_clean();
    }
    if is_clean { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Starts this program again where the disks that it mounts end with it; returns why that is impossible, and `None` in the
/// program that was started.
fn enter_namespace() -> Option<std::io::Error> {
    if std::env::var_os(campaign::NAMESPACE).is_some() {
        return None;
    }
    let unshare = ["--mount", "--propagation", "private"];
    // Without the right to do so, `unshare` would end this program.
    let may_mount = "mount -t tmpfs none /mnt";
    let tried = Command::new("unshare").args(unshare).args(["sh", "-c", may_mount]).stderr(Stdio::null()).status();
    match tried {
        Ok(status) if status.success() => {}
        Ok(_) => return Some(std::io::Error::other("this program may not mount one")),
        Err(error) => return Some(error),
    }
    let mut again = Command::new("unshare");
    again.args(unshare).arg(std::env::current_exe().ok()?).args(std::env::args_os().skip(1));
    Some(again.env(campaign::NAMESPACE, "1").exec())
}

fn run_service() -> ExitCode {
    let done = user_relationships::cli::parse().map(|matches| user_relationships::cli::run(&matches));
    match done {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            for message in &failure.messages {
                eprintln!("{message}");
            }
            ExitCode::from(failure.code)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
