//! Synchronizations of a people file of which 1 % has changed: duration and memory, and what lists of a running service
//! take beside them.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::data::{Filled, USERS, run, scatter};
use super::report::{Target, percentile};
use super::servers::program;
use super::{Bench, Stage};

/// The people who lead all others.
const LEADERS: u64 = 1_000;
/// One in this many people differs between the two files.
const CHANGED: u64 = 100;
/// The length of a round of lists beside a synchronization.
const ROUND: f64 = 0.2;

/// A run of `import --sync`.
struct SyncRun {
    seconds: f64,
    /// The most resident memory, and the most of it that belongs to no file, in MiB.
    resident: f64,
    anonymous: f64,
}

impl Bench {
    /// Loads people, then synchronizes two files alternately, alone and beside lists.
    pub fn syncs(&mut self, database: &str, longest: f64, url: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let users = (self.args.scale * USERS) as u64;
        let files = ["first.csv", "second.csv"].map(|name| folder.path().join(name));
        write(&files[0], users, 0);
        write(&files[1], users, 1);
        run(url, &["migrate", "run"]);
        run(url, &["user", "add", "--email", "admin@example.com", "--access-level", "admin"]);
        let token = run(url, &["token", "create", "--user", "admin@example.com"]).trim().to_owned();
        let started = Instant::now();
        run(url, &["import", "--format", "csv", "--users", files[0].to_str().expect("the path is text")]);
        let imported = started.elapsed();
        let mut number = 0;
        let mut next = || {
            number += 1;
            start(url, &files[number % 2])
        };
        let runs: Vec<_> = (0..self.args.rounds).map(|_| watch(next())).collect();
        let figures = |figure: fn(&SyncRun) -> f64| runs.iter().map(figure).collect::<Vec<_>>();
        let what = format!("{database}: synchronization of {users} people, 1 % changed");
        self.report.add(&what, &figures(|run| run.seconds), " s", Target::Most(longest), String::new());
        let what = format!("{database}: its most resident memory");
        let anonymous = figures(|run| run.anonymous).into_iter().fold(0.0, f64::max);
        let detail = format!("at most {anonymous:.0} MiB of it belong to no file");
        self.report.add(&what, &figures(|run| run.resident), " MiB", Target::Most(200.0), detail);
        let program = program();
        let data = Filled { url: url.to_owned(), program, users, token, relationships: users as usize, imported };
        let stage = Stage::new(&data, self.folder.path());
        for connections in [1, 4] {
            self.lists_beside_syncs(database, longest, &stage, connections, &mut next);
        }
    }

    fn lists_beside_syncs(
        &mut self,
        database: &str,
        longest: f64,
        stage: &Stage<'_>,
        connections: usize,
        next: &mut dyn FnMut() -> Child,
    ) {
        let lists = |seconds| stage.lists(connections, seconds, &|n| stage.list(n)).latencies[0].clone();
        lists(0.5);
        let (mut ratios, mut times, mut slowest) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new()]);
        for _ in 0..self.args.rounds {
            let alone = percentile(&mut lists(self.args.seconds), 99);
            let (started, mut child, mut latencies) = (Instant::now(), next(), Vec::new());
            while child.try_wait().expect("a child of ours").is_none() {
                latencies.extend(lists(ROUND));
            }
            times.push(started.elapsed().as_secs_f64());
            require_success(&mut child);
            let beside = percentile(&mut latencies, 99);
            ratios.push(beside / alone);
            slowest[0].push(alone);
            slowest[1].push(beside);
        }
        let what = format!("{database}: synchronization beside lists on {connections} connections");
        self.report.add(&what, &times, " s", Target::Most(longest), String::new());
        let what = format!("{database}: p99 of these lists / without the synchronization");
        let [alone, beside] = slowest.map(|figures| super::report::median(&figures));
        let detail = format!("{beside:.2} ms compared with {alone:.2} ms");
        self.report.add(&what, &ratios, "", Target::Most(3.0), detail);
    }
}

fn start(url: &str, file: &Path) -> Child {
    let mut command = Command::new(program());
    command.env("DATABASE_URL", url).args(["import", "--format", "csv", "--sync", "--users"]).arg(file);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

fn require_success(child: &mut Child) {
    assert!(child.wait().expect("a child of ours").success(), "the synchronization succeeds");
}

/// Waits for the end of a synchronization.
fn watch(mut child: Child) -> SyncRun {
    let started = Instant::now();
    let mut run = SyncRun { seconds: 0.0, resident: 0.0, anonymous: 0.0 };
    while child.try_wait().expect("a child of ours").is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / 1024.0
        };
        run.resident = run.resident.max(mib("VmHWM"));
        run.anonymous = run.anonymous.max(mib("RssAnon"));
        thread::sleep(Duration::from_millis(2));
    }
    run.seconds = started.elapsed().as_secs_f64();
    require_success(&mut child);
    run
}

/// Writes a people file. Half of those who differ between the versions have another supervisor, the others another unit.
fn write(path: &Path, users: u64, version: u64) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    writeln!(file, "Employee #;Work Email;First Name;Last Name;Job Title;Department;Supervisor").expect("room");
    for number in 1..=users {
        let version = if number % CHANGED == 0 { version } else { 0 };
        let (moved, renamed) = if (number / CHANGED).is_multiple_of(2) { (version, 0) } else { (0, version) };
        let leader = scatter(number + moved * users) % LEADERS.min(number.saturating_sub(1)).max(1) + 1;
        let supervisor = if number > 1 { format!("E{leader}") } else { String::new() };
        let (last, unit) = (scatter(number) % 5_000, number % 100 + 100 * renamed);
        writeln!(file, "E{number};e{number}@example.com;First{number};Last{last};Job {unit};Unit {unit};{supervisor}")
            .expect("room");
    }
    // Otherwise the disk is still writing the file while the synchronization is timed.
    file.into_inner().expect("room").sync_all().expect("the disk accepts the file");
}
