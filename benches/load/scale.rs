//! The same lists with more data, and over more connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::client::Round;
use super::report::{Target, percentile};
use super::{Bench, Stage};

/// Many connections.
const MANY: usize = 5_000;

impl Bench {
    /// The same list with a hundred times as many relationships.
    pub fn growth(&mut self) {
        let (_, small) = self.fill_sqlite("small.db", self.args.scale / 20.0);
        let (_, large) = self.fill_sqlite("large.db", self.args.scale * 5.0);
        let folder = self.folder.path().to_owned();
        let (small, large) = (Stage::new(&small, &folder), Stage::new(&large, &folder));
        let connections = self.args.connections;
        let pairs = self.alternate(
            |seconds| small.lists(connections, seconds, &|n| small.list(n)).rate(),
            |seconds| large.lists(connections, seconds, &|n| large.list(n)).rate(),
        );
        let sizes = (large.data.relationships, small.data.relationships);
        let what = format!("SQLite: list of a user among {} relationships / among {}", sizes.0, sizes.1);
        self.report.add(&what, &pairs.ratios, "", Target::Least(0.8), pairs.rates());
    }

    /// The same list over many connections.
    pub fn many_connections(&mut self, database: &str, stage: &Stage<'_>) {
        let limit = getrlimit(Resource::Nofile);
        // Those of this process; the service raises its own limit.
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("a limit of open files");
        let few = self.args.connections;
        let lists = |connections, seconds| -> Round { stage.lists(connections, seconds, &|n| stage.list(n)) };
        let mut latencies = Vec::new();
        let pairs = self.alternate(
            |seconds| lists(few, seconds).rate(),
            |seconds| {
                let mut round = lists(MANY, seconds);
                let rate = round.rate();
                latencies.append(&mut round.latencies[0]);
                rate
            },
        );
        let detail = format!("{}; p99 {:.0} ms", pairs.rates(), percentile(&mut latencies, 99));
        let what = format!("{database}: list of a user over {MANY} connections / over {few}");
        self.report.add(&what, &pairs.ratios, "", Target::Least(0.8), detail);
    }
}
