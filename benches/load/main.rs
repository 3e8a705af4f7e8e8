//! Measures the targets of `docs/PERFORMANCE.md`: `cargo bench --bench load`; `-- --help` lists the options.
//!
//! # Design
//! Machines differ and are noisy, so only ratios are meaningful: short rounds of the service alternate with rounds of what
//! it is compared with, on the same machine. The service is the real program with its default settings in a separate
//! process: tokens are verified, writes are durable, counts are maintained, and the log goes to a file. The client has one
//! thread and shares the machine with the servers. The service inherits the environment (`RUST_LOG`, `WORKERS`, …).

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "an unexpected result stops the benchmark; figures are rounded anyway"
)]

mod ablations;
mod changes;
mod client;
mod data;
mod graph;
mod imports;
mod peers;
mod postgres;
mod processor;
mod report;
mod rules;
mod scale;
mod scattered;
mod search;
#[expect(dead_code, reason = "benches/hostile uses the rest")]
mod servers;
mod syncs;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Instant;

use clap::Parser;

use client::{Make, Round, run};
use data::{Filled, POPULAR, TYPES, fill};
use postgres::Cluster;
use report::{HEAD, Report, Target, median, percentile};
use servers::{Server, serve_constant, serve_one_by_one};

/// The allocator of the program, for the servers that it is compared with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EDGES: &str = "/api/v2/user-relationships";

/// Measures the service compared with alternatives, and writes a table of ratios
#[derive(Debug, Parser)]
struct Args {
    /// Size of the data: 1 is 100,000 users and 1,000,000 relationships
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Rounds of each kind; they alternate
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds per round
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Connections that read; twice as many write
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Only these parts
    #[arg(long, value_delimiter = ',', value_parser = PARTS, default_values = PARTS)]
    only: Vec<String>,
    /// Another build of the program, such as the last release, to compare with in the parts `changes`, `scattered`
    /// and `search`
    #[arg(long, value_name = "PROGRAM")]
    before: Option<PathBuf>,
    /// File for the table
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/load.md"))]
    output: PathBuf,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
    /// Run the server with a constant response at this address
    #[arg(long, hide = true)]
    constant: Option<SocketAddr>,
    /// Run the server with one transaction per create at this address
    #[arg(long, hide = true, requires = "file")]
    one_by_one: Option<SocketAddr>,
    /// Its SQLite file
    #[arg(long, hide = true)]
    file: Option<PathBuf>,
}

/// The parts that `--only` selects.
const PARTS: [&str; 16] = [
    "import",
    "imports",
    "sync",
    "lists",
    "growth",
    "creates",
    "changes",
    "rules",
    "graph",
    "postgres",
    "peers",
    "ablations",
    "processor",
    "scattered",
    "connections",
    "search",
];

/// The parts that share one SQLite file.
const ON_ONE_FILE: [&str; 7] = ["lists", "creates", "connections", "rules", "graph", "ablations", "processor"];
/// The parts that share one PostgreSQL database.
const ON_ONE_DATABASE: [&str; 8] =
    ["rules", "graph", "postgres", "peers", "ablations", "processor", "scattered", "connections"];
/// The parts that have PostgreSQL databases of their own.
const ON_DATABASES: [&str; 5] = ["import", "imports", "sync", "changes", "search"];

fn main() {
    let args = Args::parse();
    if let Some(address) = args.constant {
        return serve_constant(address).expect("the constant server runs");
    }
    if let (Some(address), Some(file)) = (args.one_by_one, &args.file) {
        return serve_one_by_one(address, file).expect("the server runs");
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let settings = format!("{cores} cores, scale {}, {} rounds of {} s each", args.scale, args.rounds, args.seconds);
    println!("{settings}\n\n{HEAD}");
    let mut bench = Bench { args, folder: tempfile::tempdir().expect("a folder"), report: Report::default() };
    if bench.does("import") {
        bench.import("SQLite", 100_000.0, |n, folder| format!("sqlite://{}/{n}.db", folder.display()));
    }
    if bench.does("imports") {
        let folder = bench.folder.path().to_owned();
        bench.imports("SQLite", 100_000.0, |name| format!("sqlite://{}/{name}.db", folder.display()));
    }
    if bench.does("sync") {
        let file = bench.folder.path().join("sync.db");
        bench.syncs("SQLite", 10.0, &format!("sqlite://{}", file.display()));
    }
    if bench.does_any(&ON_ONE_FILE) {
        bench.sqlite();
    }
    if bench.does("growth") {
        bench.growth();
    }
    if bench.does("scattered") {
        bench.scattered();
    }
    if bench.does("changes") {
        bench.changes("SQLite", None);
    }
    if bench.does("search") {
        let folder = bench.folder.path().to_owned();
        bench.search("SQLite", 3_000.0, |name| format!("sqlite://{}/{name}.db", folder.display()));
    }
    if bench.does_any(&ON_ONE_DATABASE) || bench.does_any(&ON_DATABASES) {
        match Cluster::start() {
            Some(cluster) => bench.postgres(&cluster),
            None => println!("PostgreSQL is not measured: its programs are not installed"),
        }
    }
    fs::write(&bench.args.output, format!("{settings}\n\n{}", bench.report.table())).expect("the table is written");
    println!("\nwritten to {}", bench.args.output.display());
}

struct Bench {
    args: Args,
    folder: tempfile::TempDir,
    report: Report,
}

/// A service on filled data, and its requests.
struct Stage<'d> {
    server: Server,
    data: &'d Filled,
    /// The number of the next create; no create occurs twice.
    creates: AtomicU64,
    lists: AtomicU64,
}

impl<'d> Stage<'d> {
    fn new(data: &'d Filled, folder: &Path) -> Self {
        Self::with(data, folder, &[])
    }

    /// A stage with these settings.
    fn with(data: &'d Filled, folder: &Path, settings: &[(&str, &str)]) -> Self {
        let server = Server::service(&data.program, &data.url, folder, settings);
        Self { server, data, creates: AtomicU64::new(0), lists: AtomicU64::new(0) }
    }

    fn get(&self, query: &str) -> (usize, Vec<u8>) {
        (0, self.request(&format!("GET {EDGES}?{query}"), None))
    }

    /// A request of an admin, optionally with a document.
    fn request(&self, what: &str, document: Option<&str>) -> Vec<u8> {
        let head = format!("{what} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token token={}\r\n", self.data.token);
        let rest = document.map(|text| {
            format!("Content-Type: application/vnd.api+json\r\nContent-Length: {}\r\n\r\n{text}", text.len())
        });
        (head + rest.as_deref().unwrap_or("\r\n")).into_bytes()
    }

    /// The list of the relationships of a random user.
    fn list(&self, n: u64) -> (usize, Vec<u8>) {
        self.get(&format!("filter%5Buser%5D={}", self.data.random_user(n)))
    }

    /// Creates a relationship that does not exist: the data has no mentors.
    fn create(&self, n: u64) -> (usize, Vec<u8>) {
        let users = self.data.users;
        let (user, step) = (n % users, n / users);
        self.create_between(user + 1, "mentor", (user + 1 + step) % users + 1)
    }

    fn create_between(&self, user: u64, kind: &str, target: u64) -> (usize, Vec<u8>) {
        let [user, target] = [user, target].map(|id| format!(r#"{{"data":{{"type":"users","id":"{id}"}}}}"#));
        let body = format!(
            r#"{{"data":{{"type":"user-relationships","attributes":{{"relationship":"{kind}"}},"relationships":{{"user":{user},"target":{target}}}}}}}"#
        );
        (1, self.request(&format!("POST {EDGES}"), Some(&body)))
    }

    fn lists(&self, connections: usize, seconds: f64, make: &Make) -> Round {
        run(self.server.address, connections, seconds, &self.lists, make)
    }

    fn creates(&self, connections: usize, seconds: f64) -> Round {
        run(self.server.address, connections, seconds, &self.creates, &|n| self.create(n))
    }
}

impl Bench {
    fn does(&self, part: &str) -> bool {
        self.args.only.iter().any(|it| it == part)
    }

    fn does_any(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.does(part))
    }

    fn fill_sqlite(&self, name: &str, scale: f64) -> (PathBuf, Filled) {
        let file = self.folder.path().join(name);
        let data = fill(&format!("sqlite://{}", file.display()), scale, self.folder.path());
        (file, data)
    }

    /// Measures two figures alternately, and the ratio of each pair: the second to the first.
    fn alternate(&self, mut first: impl FnMut(f64) -> f64, mut second: impl FnMut(f64) -> f64) -> Pairs {
        first(0.3);
        second(0.3);
        let seconds = self.args.seconds;
        let pairs = (0..self.args.rounds).map(|_| (first(seconds), second(seconds)));
        let (first, second): (Vec<_>, Vec<_>) = pairs.unzip();
        let ratios = first.iter().zip(&second).map(|(first, second)| second / first).collect();
        Pairs { first: median(&first), second: median(&second), ratios }
    }

    fn sqlite(&mut self) {
        let (file, data) = self.fill_sqlite("load.db", self.args.scale);
        self.start(&data);
        let copy = self.folder.path().join("one-by-one.db");
        fs::copy(&file, &copy).expect("room for a copy");
        if self.does("ablations") {
            self.counts("SQLite", &data);
            self.indexes(&data, &file);
        }
        let stage = Stage::new(&data, self.folder.path());
        if self.does("lists") {
            self.lists(&stage);
        }
        if self.does("creates") {
            self.mixed(&stage);
            self.creates(&stage, &file, &copy);
        }
        if self.does("connections") {
            self.many_connections("SQLite", &stage);
        }
        if self.does("rules") {
            self.rules("SQLite", &data, 0.5);
        }
        if self.does("graph") {
            self.graph("SQLite", &data, None);
        }
        if self.does("processor") {
            self.processor("SQLite", &data);
        }
        let (own, mapped) = stage.server.memory();
        let detail = format!("and {mapped} MiB of pages mapped from files");
        self.report.add("memory after all parts", &[own as f64], " MiB", Target::Most(200.0), detail);
    }

    /// Imports the same data several times, each time into an empty database.
    fn import(&mut self, database: &str, least: f64, url: impl Fn(usize, &Path) -> String) {
        let folder = tempfile::tempdir().expect("a folder");
        let all: Vec<_> =
            (0..self.args.rounds).map(|n| fill(&url(n, folder.path()), self.args.scale, folder.path())).collect();
        let rates: Vec<_> = all.iter().map(|data| data.relationships as f64 / data.imported.as_secs_f64()).collect();
        let detail = all.last().map(|data| format!("{} relationships, and {} users", data.relationships, data.users));
        let what = format!("{database}: import, relationships/s");
        self.report.add(&what, &rates, "", Target::Least(least), detail.unwrap_or_default());
    }

    /// The time from the start of the process to a response of `/readyz`.
    fn start(&mut self, data: &Filled) {
        let once = || {
            let started = Instant::now();
            let server = Server::service(&data.program, &data.url, self.folder.path(), &[]);
            let request: &Make = &|_| (0, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec());
            run(server.address, 1, 0.0, &AtomicU64::new(0), request);
            started.elapsed().as_secs_f64() * 1000.0
        };
        let times: Vec<_> = (0..self.args.rounds).map(|_| once()).collect();
        self.report.add("SQLite: start to `/readyz`", &times, " ms", Target::Most(300.0), String::new());
    }

    fn lists(&mut self, stage: &Stage<'_>) {
        let constant = Server::constant();
        let connections = self.args.connections;
        let whole = |_| stage.get("page%5Blimit%5D=50");
        let random_user: &Make = &|n| stage.list(n);
        for (what, make, target) in [
            ("SQLite: list of a user / constant body", random_user, 0.30),
            ("SQLite: 50 rows of the whole table / constant body", &whole as &Make, 0.20),
        ] {
            let warm = stage.lists(connections, 0.3, make);
            let bytes = warm.bytes / (warm.answers() as u64).max(1);
            let same_size = |n| {
                let (kind, request) = make(n);
                let request = String::from_utf8(request).expect("the request is text");
                (kind, request.replacen(EDGES, &format!("/{bytes}"), 1).into_bytes())
            };
            let mut latencies = Vec::new();
            let pairs = self.alternate(
                |seconds| run(constant.address, connections, seconds, &AtomicU64::new(0), &same_size).rate(),
                |seconds| {
                    let mut round = stage.lists(connections, seconds, make);
                    let rate = round.rate();
                    latencies.append(&mut round.latencies[0]);
                    rate
                },
            );
            let (p50, p99) = (percentile(&mut latencies, 50), percentile(&mut latencies, 99));
            let detail = format!("{bytes} bytes; {}; p50 {p50:.2} ms, p99 {p99:.2} ms", pairs.rates());
            self.report.add(what, &pairs.ratios, "", Target::Least(target), detail);
        }
        // Pages of the same length.
        let busy = Self::random_busy_user(stage);
        for (what, filter) in [("without", String::new()), ("with", format!("&filter%5Brelationship%5D={}", TYPES[0]))]
        {
            let ordinary = |_| stage.get(&format!("filter%5Btarget%5D={busy}{filter}&page%5Blimit%5D=5"));
            let popular = |_| stage.get(&format!("filter%5Btarget%5D={POPULAR}{filter}&page%5Blimit%5D=5"));
            let pairs = self.alternate(
                |seconds| stage.lists(connections, seconds, &ordinary).rate(),
                |seconds| stage.lists(connections, seconds, &popular).rate(),
            );
            let what = format!("SQLite: list of the popular target / of an ordinary one, {what} a type");
            self.report.add(&what, &pairs.ratios, "", Target::Least(0.8), pairs.rates());
        }
    }

    /// A target with enough relationships for a page of the same length as that of the popular one.
    fn random_busy_user(stage: &Stage<'_>) -> u64 {
        let bytes = |target| {
            let filter = format!("filter%5Btarget%5D={target}&filter%5Brelationship%5D={}", TYPES[0]);
            stage.lists(1, 0.0, &|_| stage.get(&format!("{filter}&page%5Blimit%5D=5"))).bytes
        };
        // Shorter ids change the length by a few bytes, a missing row by hundreds.
        let enough = bytes(POPULAR) - 200;
        let mut all = (0..stage.data.users).map(|n| stage.data.random_user(n));
        all.find(|target| bytes(*target) >= enough).expect("a user has a page of relationships")
    }

    /// The latency of lists with one create per nine lists.
    fn mixed(&mut self, stage: &Stage<'_>) {
        let connections = self.args.connections;
        let creates = AtomicU64::new(1 << 20);
        let mixed = |n: u64| {
            if n.is_multiple_of(10) {
                stage.create(creates.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
            } else {
                stage.list(n)
            }
        };
        let p99 = |mut round: Round| percentile(&mut round.latencies[0], 99);
        let pairs = self.alternate(
            |seconds| p99(stage.lists(connections, seconds, &|n| stage.list(n))),
            |seconds| p99(stage.lists(connections, seconds, &mixed)),
        );
        let detail = format!("{:.2} ms alone, {:.2} ms beside creates", pairs.first, pairs.second);
        let what = "SQLite: p99 of lists, beside a tenth of creates / alone";
        self.report.add(what, &pairs.ratios, "", Target::Most(3.0), detail);
    }

    fn creates(&mut self, stage: &Stage<'_>, file: &Path, copy: &Path) {
        let one_by_one = Server::one_by_one(copy);
        let connections = self.args.connections * 2;
        let counter = AtomicU64::new(0);
        let users = stage.data.users;
        let plain = |n: u64| {
            let (user, step) = (n % users, n / users);
            let target = (user + 1 + step) % users + 1;
            let head = "Host: localhost\r\nContent-Length: 0\r\n";
            (1, format!("POST /{}/{target} HTTP/1.1\r\n{head}\r\n", user + 1).into_bytes())
        };
        let mut latencies = Vec::new();
        let mut largest = 0;
        let pairs = self.alternate(
            |seconds| run(one_by_one.address, connections, seconds, &counter, &plain).rate(),
            |seconds| {
                let mut round = stage.creates(connections, seconds);
                let rate = round.rate();
                latencies.append(&mut round.latencies[1]);
                let log = fs::metadata(file.with_extension("db-wal")).map_or(0, |log| log.len());
                largest = largest.max(log);
                rate
            },
        );
        let what = "SQLite: creates / one transaction a request";
        self.report.add(what, &pairs.ratios, "", Target::Least(2.5), pairs.rates());
        let p99 = percentile(&mut latencies, 99);
        self.report.add("SQLite: p99 of creates", &[p99], " ms", Target::Most(20.0), String::new());
        let mib = largest as f64 / 1024.0 / 1024.0;
        self.report.add("SQLite: largest write-ahead log", &[mib], " MiB", Target::Most(256.0), String::new());
    }

    fn postgres(&mut self, cluster: &Cluster) {
        if self.does("import") {
            self.import("PostgreSQL", 60_000.0, |n, _| cluster.another(&format!("import{n}")));
        }
        if self.does("imports") {
            self.imports("PostgreSQL", 60_000.0, |name| cluster.another(&name.replace('-', "_")));
        }
        if self.does("sync") {
            self.syncs("PostgreSQL", 15.0, &cluster.another("sync"));
        }
        if self.does("changes") {
            self.changes("PostgreSQL", Some(cluster));
        }
        if self.does("search") {
            self.search("PostgreSQL", 2_000.0, |name| cluster.another(name));
        }
        if !self.does_any(&ON_ONE_DATABASE) {
            return;
        }
        let data = fill(&cluster.url(), self.args.scale, self.folder.path());
        let folder = self.folder.path().to_owned();
        if self.does("ablations") {
            self.counts("PostgreSQL", &data);
            self.pools(&data);
        }
        if self.does("rules") {
            self.rules("PostgreSQL", &data, 0.35);
        }
        if self.does("graph") {
            self.graph("PostgreSQL", &data, Some(cluster));
        }
        if self.does("peers") {
            self.peers(&data, cluster);
        }
        if self.does("processor") {
            self.processor("PostgreSQL", &data);
        }
        if self.does("scattered") {
            self.scattered_on_postgres(&Stage::new(&data, &folder), cluster);
        }
        let stage = Stage::new(&data, &folder);
        if self.does("connections") {
            self.many_connections("PostgreSQL", &stage);
        }
        if !self.does("postgres") {
            return;
        }
        let (readers, writers) = (self.args.connections, self.args.connections * 2);
        let mut latencies = Vec::new();
        let pairs = self.alternate(
            |seconds| cluster.lists_and_counts(data.users, readers, seconds),
            |seconds| {
                let mut round = stage.lists(readers, seconds, &|n| stage.list(n));
                let rate = round.rate();
                latencies.append(&mut round.latencies[0]);
                rate
            },
        );
        let detail = format!("{}; p99 {:.2} ms", pairs.rates(), percentile(&mut latencies, 99));
        let what = "PostgreSQL: list of a user / `pgbench`, list and count";
        self.report.add(what, &pairs.ratios, "", Target::Least(0.75), detail);
        let pairs = self.alternate(
            |seconds| cluster.lists(data.users, readers, seconds),
            |seconds| stage.lists(readers, seconds, &|n| stage.list(n)).rate(),
        );
        let what = "PostgreSQL: list of a user / `pgbench`, both in the statement of the service";
        self.report.add(what, &pairs.ratios, "", Target::None, pairs.rates());

        let mut latencies = Vec::new();
        let pairs = self.alternate(
            |seconds| cluster.inserts(data.users, writers, seconds),
            |seconds| {
                let mut round = stage.creates(writers, seconds);
                let rate = round.rate();
                latencies.append(&mut round.latencies[1]);
                rate
            },
        );
        let detail = format!("{}; p99 {:.2} ms", pairs.rates(), percentile(&mut latencies, 99));
        let what = "PostgreSQL: creates with counts / `pgbench`, single inserts without";
        self.report.add(what, &pairs.ratios, "", Target::Least(1.0), detail);
    }
}

/// The results of two alternating measurements.
struct Pairs {
    first: f64,
    second: f64,
    ratios: Vec<f64>,
}

impl Pairs {
    fn rates(&self) -> String {
        format!("{:.0}/s compared with {:.0}/s", self.second, self.first)
    }
}
