//! Creates of types with rules, compared with creates of a type without.

use std::sync::atomic::AtomicU64;

use super::client::{Make, run};
use super::data::{Filled, run as run_program};
use super::report::Target;
use super::{Bench, Stage};

/// How many users report directly to one, so that 100,000 users are seven levels.
const SPAN: u64 = 6;
/// The types of each kind: every user owns one relationship of a tree.
const TYPES: u64 = 8;

impl Bench {
    /// Creates relationships in trees, and of a symmetric type, alternating with those of a type without rules.
    pub fn rules(&mut self, database: &str, data: &Filled, least: f64) {
        for number in 0..TYPES {
            let tree = format!("tree-{number}");
            run_program(&data.url, &["type", "set", &tree, "--create", "--acyclic", "true", "--max-per-user", "1"]);
            run_program(&data.url, &["type", "set", &format!("pair-{number}"), "--create", "--symmetric", "true"]);
        }
        let stage = Stage::new(data, self.folder.path());
        let connections = 2 * self.args.connections;
        for (kind, least) in [("tree", Target::Least(least)), ("pair", Target::None)] {
            let counter = AtomicU64::new(0);
            let ruled: &Make = &|n| stage.create_ruled(kind, n);
            let pairs = self.alternate(
                |seconds| stage.creates(connections, seconds).rate(),
                |seconds| run(stage.server.address, connections, seconds, &counter, ruled).rate(),
            );
            let kind = if kind == "tree" { "in a tree" } else { "of a symmetric type" };
            let what = format!("{database}: creates {kind} / of a type without rules");
            self.report.add(&what, &pairs.ratios, "", least, pairs.rates());
        }
    }
}

impl Stage<'_> {
    /// Creates the next relationship of a tree that grows level by level, and of the next tree when it has all users.
    fn create_ruled(&self, kind: &str, n: u64) -> (usize, Vec<u8>) {
        let users = self.data.users - 1;
        let (number, place) = (n / users, n % users + 1);
        assert!(number < TYPES, "more creates than users: raise `--scale`");
        self.create_between(place + 1, &format!("{kind}-{number}"), (place - 1) / SPAN + 1)
    }
}
