//! Creates with the change log, compared with creates without it, and both with another build.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection};

use super::client::run;
use super::data::{Filled, POPULAR, fill_with, run as run_program};
use super::postgres::Cluster;
use super::report::{Target, percentile};
use super::servers::program;
use super::{Bench, Stage};

/// The setting that turns the log off.
const OFF: [(&str, &str); 1] = [("CHANGES_RETENTION", "0")];
/// The types of the relationships to the popular user: every user owns one of each.
const TYPES: u64 = 8;

#[derive(QueryableByName)]
struct Bytes {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

impl Bench {
    /// Measures creates with and without the log; with `--before` also the upgrade, lists and creates of that build.
    pub fn changes(&mut self, database: &str, cluster: Option<&Cluster>) {
        let folder = self.folder.path().to_owned();
        let filled_by = self.args.before.clone().unwrap_or_else(program);
        let url = cluster.map_or_else(|| file_url(&folder, "before"), |cluster| cluster.another("before"));
        let before = fill_with(filled_by, &url, self.args.scale, &folder);
        let copy = |name: &str| {
            let url = cluster.map_or_else(|| copy_file(&folder, name), |cluster| cluster.copy("before", name));
            Filled { url, program: program(), ..before.clone() }
        };
        let [logged, unlogged, compared] = ["logged", "unlogged", "compared"].map(copy);
        let upgrade = |data: &Filled| {
            let started = Instant::now();
            run_program(&data.url, &["migrate", "run"]);
            started.elapsed().as_secs_f64()
        };
        let times: Vec<_> = [&logged, &unlogged, &compared].map(upgrade).to_vec();
        if self.args.before.is_some() {
            let what = format!("{database}: upgrade of {} relationships", before.relationships);
            self.report.add(&what, &times, " s", Target::Most(10.0), String::new());
            let new = Stage::with(&compared, &folder, &OFF);
            let old = Stage::new(&before, &folder);
            self.compare_builds(database, &old, &new);
        }
        for number in 0..TYPES {
            for data in [&logged, &unlogged] {
                run_program(&data.url, &["type", "set", &popular_type(number), "--create"]);
            }
        }
        let with = Stage::new(&logged, &folder);
        let without = Stage::with(&unlogged, &folder, &OFF);
        self.compare_logs(database, &with, &without);
        drop(with);
        let bytes = bytes_of_changes(&logged);
        self.report.add(
            &format!("{database}: a change with its indexes"),
            &[bytes],
            " bytes",
            Target::None,
            String::new(),
        );
    }

    /// Compares lists and creates of two builds.
    fn compare_builds(&mut self, database: &str, old: &Stage<'_>, new: &Stage<'_>) {
        let connections = self.args.connections;
        let lists = |stage: &Stage<'_>, seconds| stage.lists(connections, seconds, &|n| stage.list(n)).rate();
        let pairs = self.alternate(|seconds| lists(old, seconds), |seconds| lists(new, seconds));
        self.report.add(&format!("{database}: lists / before"), &pairs.ratios, "", Target::Least(0.97), pairs.rates());
        let creates = |stage: &Stage<'_>, seconds| stage.creates(2 * connections, seconds).rate();
        let pairs = self.alternate(|seconds| creates(old, seconds), |seconds| creates(new, seconds));
        let what = format!("{database}: creates without the log / before");
        self.report.add(&what, &pairs.ratios, "", Target::Least(0.97), pairs.rates());
    }

    /// Compares creates with the log with those without it, to random users and to a popular one.
    fn compare_logs(&mut self, database: &str, with: &Stage<'_>, without: &Stage<'_>) {
        let connections = 2 * self.args.connections;
        for (what, is_popular) in [("creates", false), ("creates to a popular user", true)] {
            let mut slowest = [Vec::new(), Vec::new()];
            let create = |stage: &Stage<'_>, slowest: &mut Vec<f64>, seconds| {
                let make = |n| if is_popular { stage.create_popular(n) } else { stage.create(n) };
                let mut round = run(stage.server.address, connections, seconds, &stage.creates, &make);
                slowest.push(percentile(&mut round.latencies[1], 99));
                round.rate()
            };
            let [slow_without, slow_with] = &mut slowest;
            let pairs = self.alternate(
                |seconds| create(without, slow_without, seconds),
                |seconds| create(with, slow_with, seconds),
            );
            let what = format!("{database}: {what} with the log / without");
            self.report.add(&what, &pairs.ratios, "", Target::Least(0.85), pairs.rates());
            // The first figures are those of the rounds that warm up.
            let ratios: Vec<_> =
                slow_with.iter().zip(slow_without.iter()).skip(1).map(|(with, without)| with / without).collect();
            self.report.add(&format!("{what}, p99"), &ratios, "", Target::Most(1.3), String::new());
        }
    }
}

impl Stage<'_> {
    /// Creates the next relationship to the popular user.
    fn create_popular(&self, n: u64) -> (usize, Vec<u8>) {
        let users = self.data.users - POPULAR;
        let (number, user) = (n / users, POPULAR + 1 + n % users);
        assert!(number < TYPES, "more creates than users: raise `--scale`");
        self.create_between(user, &popular_type(number), POPULAR)
    }
}

fn popular_type(number: u64) -> String {
    format!("popular-{number}")
}

pub fn file_url(folder: &Path, name: &str) -> String {
    format!("sqlite://{}", folder.join(name).with_extension("db").display())
}

/// Copies the database `before`, and returns the URL of the copy.
pub fn copy_file(folder: &Path, name: &str) -> String {
    let [from, to] = ["before", name].map(|name| folder.join(name).with_extension("db"));
    fs::copy(from, to).expect("room for a copy");
    // Otherwise the disk is still writing the file while the service is measured.
    assert!(Command::new("sync").status().is_ok_and(|status| status.success()), "`sync` runs");
    file_url(folder, name)
}

/// The size of the log with its indexes, divided by the number of changes.
fn bytes_of_changes(data: &Filled) -> f64 {
    let count = "(SELECT COUNT(*) FROM changes)";
    let size = if let Some(path) = data.url.strip_prefix("sqlite://") {
        let mut conn = SqliteConnection::establish(path).expect("the file");
        let tables = "SELECT name FROM sqlite_schema WHERE tbl_name = 'changes'";
        let query = format!("SELECT SUM(pgsize) / {count} AS bytes FROM dbstat WHERE name IN ({tables})");
        diesel::sql_query(query).get_result::<Bytes>(&mut conn)
    } else {
        let mut conn = PgConnection::establish(&data.url).expect("the server");
        conn.batch_execute("VACUUM changes").expect("a clean table");
        diesel::sql_query(format!("SELECT pg_total_relation_size('changes') / {count} AS bytes"))
            .get_result::<Bytes>(&mut conn)
    };
    size.expect("a size").bytes as f64
}
