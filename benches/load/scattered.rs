//! Creates with uniformly random ends: each changes other pages of the indexes.

use std::fs;
use std::path::Path;

use super::changes::{copy_file, file_url};
use super::client::run;
use super::data::{Filled, fill, scatter};
use super::postgres::Cluster;
use super::report::{Target, percentile};
use super::servers::Server;
use super::{Bench, Stage};

/// The size of a page of SQLite, in bytes.
const PAGE: f64 = 4_096.0;

impl Bench {
    /// Measures creates on SQLite, with `--before` compared with another build.
    pub fn scattered(&mut self) {
        let folder = self.folder.path().to_owned();
        let data = fill(&file_url(&folder, "before"), self.args.scale, &folder);
        let of_other = self.args.before.clone().map(|program| {
            let url = copy_file(&folder, "other");
            Filled { url, program, ..data.clone() }
        });
        let own = Stage::new(&data, &folder);
        let other = of_other.as_ref().map(|data| Stage::new(data, &folder));
        let connections = 2 * self.args.connections;
        let create = |stage: &Stage<'_>, seconds| {
            run(stage.server.address, connections, seconds, &stage.creates, &|n| stage.create_scattered(n))
        };
        let (mut latencies, mut pages, mut longest) = (Vec::new(), Vec::new(), 0);
        let pairs = self.alternate(
            |seconds| other.as_ref().map_or(f64::NAN, |other| create(other, seconds).rate()),
            |seconds| {
                let before = written(&own.server);
                let mut round = create(&own, seconds);
                let rate = round.rate();
                pages.push((written(&own.server) - before) / PAGE / round.answers() as f64);
                longest = longest.max(wal_of(&folder));
                latencies.append(&mut round.latencies[1]);
                rate
            },
        );
        let what = format!("SQLite: creates with random ends among {} relationships", data.relationships);
        if other.is_some() {
            self.report.add(&format!("{what} / before"), &pairs.ratios, "", Target::Least(2.0), pairs.rates());
        }
        let detail = format!("{:.0}/s", pairs.second);
        let p99 = percentile(&mut latencies, 99);
        self.report.add(&format!("{what}, p99"), &[p99], " ms", Target::Most(15.0), detail);
        self.report.add(&format!("{what}, written"), &pages, " pages", Target::None, String::new());
        let mib = longest as f64 / 1024.0 / 1024.0;
        self.report.add(&format!("{what}, largest log"), &[mib], " MiB", Target::Most(256.0), String::new());
    }

    /// Measures creates on PostgreSQL, compared with single inserts.
    pub fn scattered_on_postgres(&mut self, stage: &Stage<'_>, cluster: &Cluster) {
        let writers = 2 * self.args.connections;
        let mut latencies = Vec::new();
        let pairs = self.alternate(
            |seconds| cluster.inserts(stage.data.users, writers, seconds),
            |seconds| {
                let make = |n| stage.create_scattered(n);
                let mut round = run(stage.server.address, writers, seconds, &stage.creates, &make);
                let rate = round.rate();
                latencies.append(&mut round.latencies[1]);
                rate
            },
        );
        let detail = format!("{}; p99 {:.2} ms", pairs.rates(), percentile(&mut latencies, 99));
        let what = "PostgreSQL: creates with random ends / `pgbench`, single inserts without counts";
        self.report.add(what, &pairs.ratios, "", Target::Least(1.2), detail);
    }
}

impl Stage<'_> {
    /// Creates a relationship between two users that are far from those of the previous ones, no pair twice; the data has
    /// none of this type.
    fn create_scattered(&self, n: u64) -> (usize, Vec<u8>) {
        let users = self.data.users - 2;
        // Steps by the golden ratio are spread evenly, and meet each user once before any of them twice.
        let step = (1..users).map(|more| (users as f64 * 0.618) as u64 + more).find(|step| are_coprime(*step, users));
        let user = n * step.expect("a prime") % users;
        let distance = 1 + (n / users + scatter(n % users)) % (users - 1);
        self.create_between(3 + user, "mentor", 3 + (user + distance) % users)
    }
}

/// The bytes that a server has written to files.
fn written(server: &Server) -> f64 {
    let counts = fs::read_to_string(format!("/proc/{}/io", server.id())).expect("a child process");
    let line = counts.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).expect("the kernel provides it")
}

/// The size of the write-ahead log.
fn wal_of(folder: &Path) -> u64 {
    fs::metadata(folder.join("before.db-wal")).map_or(0, |log| log.len())
}

fn are_coprime(one: u64, other: u64) -> bool {
    let (mut one, mut other) = (one, other);
    while other > 0 {
        (one, other) = (other, one % other);
    }
    one == 1
}
