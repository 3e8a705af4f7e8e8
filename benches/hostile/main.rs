//! Attacks while a normal client works: `cargo bench --bench hostile`; `-- --help` lists the options.
//!
//! # Design
//! The real program runs with its default settings in a separate process, on SQLite and then on PostgreSQL. Attackers with
//! ordinary tokens, or without any, perform expensive requests concurrently. Meanwhile a normal client with its own token
//! and address reads and writes, probes run, and the memory of the process is sampled. Each attack has a bounded rate that
//! costs the attacker little, because the attackers share two cores with the service: the harm is the work of the service
//! per request, not the number of requests.
//!
//! The exit code is 1 if a target is missed. `LOAD_PROGRAM` names another build of the program, to compare releases.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an unexpected result stops the benchmark; figures are rounded anyway"
)]

mod attacks;
#[path = "../load/data.rs"]
#[expect(dead_code, reason = "the load driver uses the rest")]
mod data;
mod http;
mod normal;
#[path = "../load/postgres.rs"]
#[expect(dead_code, reason = "the load driver uses the rest")]
mod postgres;
mod seed;
#[path = "../load/servers.rs"]
#[expect(dead_code, reason = "the load driver uses the rest")]
mod servers;
mod verdict;
mod watch;

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};

use attacks::{ATTACKS, Ground};
use http::{Client, Request};
use postgres::Cluster;
use seed::Seed;
use servers::Server;
use verdict::{HEAD, Outcome};

/// The soft limit of open files of the service, the usual default.
const FILES: u32 = 1_024;

/// Runs attacks while a normal client works, and reports its latencies and errors
#[derive(Debug, Parser)]
struct Args {
    /// Seconds of attack on each database
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Size of the data: 1 is 100,000 users and 1,000,000 relationships
    #[arg(long, default_value_t = 0.3)]
    scale: f64,
    /// Only this database
    #[arg(long, value_parser = ["sqlite", "postgres"])]
    only: Option<String>,
    /// Only these attacks; `none` runs the normal client alone
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    only_attack: Vec<String>,
    /// Run each attack alone before all of them together
    #[arg(long)]
    each: bool,
    /// File for the report
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/hostile.md"))]
    output: PathBuf,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// Whether a run has ended.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// Whether the run has ended.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let names: Vec<_> = ATTACKS.iter().map(|attack| attack.name).collect();
    for name in &args.only_attack {
        assert!(name == "none" || names.contains(&name.as_str()), "no attack `{name}`; there are {names:?}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut report = Report { text: String::new(), misses: 0 };
    report.print(&format!("{} s of attack, scale {}, {FILES} files\n\n{HEAD}", args.seconds, args.scale));
    for engine in ["sqlite", "postgres"] {
        if args.only.as_deref().is_some_and(|only| only != engine) {
            continue;
        }
        let Some(database) = Database::new(engine, folder.path()) else {
            println!("PostgreSQL is not tested: its programs are not installed");
            continue;
        };
        run_all(&args, engine, &database, folder.path(), &mut report);
    }
    fs::write(&args.output, &report.text).expect("the report is written");
    println!("\nwritten to {}; {} targets missed", args.output.display(), report.misses);
    ExitCode::from(u8::from(report.misses > 0))
}

struct Report {
    text: String,
    misses: usize,
}

impl Report {
    fn print(&mut self, text: &str) {
        println!("{text}");
        self.text += text;
        self.text += "\n";
    }
}

fn run_all(args: &Args, engine: &str, database: &Database, folder: &Path, report: &mut Report) {
    let data = data::fill(&database.original(), args.scale, folder);
    let mut seed = seed::make_users(&data.url, data.users, &data.token);
    {
        let server = Server::service(&data.program, &data.url, folder, &[]);
        seed::fill(server.address, &mut seed);
    }
    let here = |index: &usize| engine == "postgres" || !ATTACKS[*index].is_for_postgres_only;
    let is_wanted =
        |index: &usize| args.only_attack.is_empty() || args.only_attack.iter().any(|name| name == ATTACKS[*index].name);
    let wanted: Vec<_> = (0..ATTACKS.len()).filter(here).filter(is_wanted).collect();
    let mut scenarios = Vec::new();
    if args.each {
        scenarios.push(("none", Vec::new()));
        scenarios.extend(wanted.iter().map(|index| (ATTACKS[*index].name, vec![*index])));
    }
    let name = match &wanted[..] {
        [] => "none",
        [one] => ATTACKS[*one].name,
        _ => "all",
    };
    if !(args.each && wanted.len() == 1) {
        scenarios.push((name, wanted));
    }
    for (name, chosen) in scenarios {
        let outcome = run(args.seconds, &database.copy(), folder, &seed, &chosen);
        report.print(&outcome.line(&format!("{engine}: {name}")));
        report.misses += outcome.misses().len();
        if name == "all" || !args.each {
            report.print(&format!("\nStored before: {}. {}", seed.stored, outcome.details()));
            if engine == "sqlite" && args.only.is_none() {
                report.print(HEAD);
            }
        }
    }
}

/// Runs some attacks while the normal client works.
fn run(seconds: u64, url: &str, folder: &Path, seed: &Seed, chosen: &[usize]) -> Outcome {
    let size_before = size(url);
    let types_before = types(url);
    let server = Server::service_with_files(url, folder, FILES);
    let (address, process, stop) = (server.address, server.id(), Stop::default());
    let started = Instant::now();
    let ground = Ground { address, seed, stop: &stop, url, started };
    let mut outcome = thread::scope(|scope| {
        let stop = &stop;
        let normal = scope.spawn(move || normal::run(address, seed, stop));
        let probes = ["/livez", "/readyz"].map(|path| scope.spawn(move || watch::probe(address, path, stop)));
        let memory = scope.spawn(move || watch::memory(process, stop));
        let connections = url.starts_with("postgres").then(|| scope.spawn(move || watch::connections(url, stop)));
        let ground = &ground;
        let attacks: Vec<_> =
            chosen.iter().map(|index| (*index, scope.spawn(move || attacks::run(*index, ground)))).collect();
        thread::sleep(Duration::from_secs(seconds));
        stop.set();
        let attacks = attacks.into_iter().map(|(index, attack)| (ATTACKS[index].name, attack.join().expect("it ends")));
        let [livez, readyz] = probes.map(|probe| probe.join().expect("it ends"));
        Outcome {
            normal: normal.join().expect("it ends"),
            livez,
            readyz,
            memory: memory.join().expect("it ends"),
            connections: connections.map(|watch| watch.join().expect("it ends")),
            attacks: attacks.collect(),
            recovery: Duration::ZERO,
            growth: 0,
            lost_type_ids: 0,
        }
    });
    outcome.recovery = recover(&server, seed);
    outcome.growth = size(url).saturating_sub(size_before);
    outcome.lost_type_ids = types(url) - types_before;
    outcome
}

/// The time after the attacks until a list has its usual latency.
fn recover(server: &Server, seed: &Seed) -> Duration {
    let ended = Instant::now();
    let stop = Stop::default();
    let request = Request::new("GET", "/api/v2/user-relationships?filter%5Buser%5D=3").token(&seed.normal.token);
    loop {
        let mut client = Client::new(server.address, Ipv4Addr::new(127, 0, 0, 5), &stop);
        let answer = client.send(&request, Duration::from_millis(500));
        if answer.is_ok_and(|answer| answer.status == 200) || ended.elapsed() > Duration::from_mins(1) {
            return ended.elapsed();
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Bytes of a database.
fn size(url: &str) -> u64 {
    if let Some(file) = url.strip_prefix("sqlite://") {
        let bytes = |end: &str| fs::metadata(format!("{file}{end}")).map_or(0, |file| file.len());
        return bytes("") + bytes("-wal");
    }
    let mut conn = PgConnection::establish(url).expect("the server");
    watch::number(&mut conn, "SELECT pg_database_size(current_database()) AS number").max(0) as u64
}

/// The last number from PostgreSQL's sequence of relationship types.
fn types(url: &str) -> i64 {
    if url.starts_with("sqlite") {
        return 0;
    }
    let mut conn = PgConnection::establish(url).expect("the server");
    watch::number(&mut conn, "SELECT last_value AS number FROM relationship_types_id_seq")
}

/// The data. Each scenario works on a copy.
enum Database {
    Sqlite(PathBuf),
    Postgres(Cluster),
}

impl Database {
    fn new(engine: &str, folder: &Path) -> Option<Self> {
        match engine {
            "sqlite" => Some(Self::Sqlite(folder.to_owned())),
            _ => Cluster::start().map(Self::Postgres),
        }
    }

    fn original(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite://{}/original.db", folder.display()),
            Self::Postgres(cluster) => cluster.another("original"),
        }
    }

    fn copy(&self) -> String {
        match self {
            Self::Sqlite(folder) => {
                let (original, copy) = (folder.join("original.db"), folder.join("copy.db"));
                let mut conn = SqliteConnection::establish(original.to_str().expect("a path")).expect("the file");
                conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
                for end in ["-wal", "-shm"] {
                    drop(fs::remove_file(folder.join(format!("copy.db{end}"))));
                }
                fs::copy(original, &copy).expect("room for a copy");
                format!("sqlite://{}", copy.display())
            }
            Self::Postgres(cluster) => cluster.copy("original", "copy"),
        }
    }
}
