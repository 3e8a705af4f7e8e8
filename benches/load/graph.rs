//! Reading a reporting line at any depth, and handing over, compared with one-level lists and with recursive queries.

use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use super::client::{Make, run};
use super::data::{Filled, run as run_program, scatter};
use super::peers::{PEERS, install};
use super::postgres::Cluster;
use super::report::Target;
use super::{Bench, Stage};

/// The type of the tree.
const TREE: &str = "reporting-line";
/// How many users report directly to one: of 100,000 users most then have eight above them.
const SPAN: u64 = 4;
/// The type of the edges that are handed over, without rules, and their number.
const HANDED_OVER: (&str, u64) = ("buddy", 1_000);
/// The two users between whom edges are handed over.
const LEADERS: [u64; 2] = [5, 6];
/// The page of people below somebody, and its count, as one would write them without stored counts.
const BELOW: &str = "WITH RECURSIVE below AS (SELECT r.user_id, 1 AS depth, ARRAY[r.id] AS path FROM user_relationships r \
    WHERE r.target_id = 1 AND r.type_id = :kind UNION ALL SELECT r.user_id, b.depth + 1, b.path || r.id FROM below b \
    JOIN user_relationships r ON r.target_id = b.user_id AND r.type_id = :kind)";
/// Everybody above somebody, as one would write it.
const ABOVE: &str = "WITH RECURSIVE above AS (SELECT r.target_id, 1 AS depth FROM user_relationships r \
    WHERE r.user_id = :id AND r.type_id = :kind UNION SELECT r.target_id, a.depth + 1 FROM above a \
    JOIN user_relationships r ON r.user_id = a.target_id AND r.type_id = :kind) \
    SELECT u.*, a.depth FROM above a JOIN users u ON u.id = a.target_id ORDER BY a.depth;";

impl Bench {
    /// Measures traversals and transfers on a filled database; `cluster` is the server of PostgreSQL.
    pub fn graph(&mut self, database: &str, data: &Filled, cluster: Option<&Cluster>) {
        self.plant(data);
        let stage = Stage::new(data, self.folder.path());
        let connections = self.args.connections;
        let path: &Make = &|n| stage.traversal(stage.deep_user(n), "bosses", "");
        let list: &Make = &|n| stage.list(n);
        let leader: &Make = &|n| stage.traversal(stage.leader(n), "reports", "&page%5Bsize%5D=50");
        let top: &Make = &|_| stage.traversal(1, "reports", "&page%5Bsize%5D=50");
        let empty: &Make = &|n| stage.get(&format!("filter%5Buser%5D={}&limit=0", data.random_user(n)));
        let count: &Make = &|n| stage.traversal(1 + scatter(n) % data.users, "reports", "&limit=0");
        // PostgreSQL reads the usual lists in batches, but not those from the largest id.
        let alone: &Make = &|n| stage.get(&format!("filter%5Buser%5D={}&sort=-id", data.random_user(n)));
        let (lists, least) =
            if cluster.is_some() { ("usual list", Target::None) } else { ("list", Target::Least(0.5)) };
        let rows = [
            (format!("path to the top / {lists} of a user"), list, path, least),
            ("path to the top / list of a user, not in a batch".to_owned(), alone, path, Target::Least(0.5)),
            ("50 users below the top / below the leader of a team".to_owned(), leader, top, Target::Least(0.8)),
            ("number below anybody / number of a user's relationships".to_owned(), empty, count, Target::Least(0.8)),
        ];
        for (what, first, second, target) in
            rows.into_iter().filter(|row| cluster.is_some() || !row.0.ends_with("batch"))
        {
            let pairs = self.alternate(
                |seconds| stage.lists(connections, seconds, first).rate(),
                |seconds| stage.lists(connections, seconds, second).rate(),
            );
            self.report.add(&format!("{database}: {what}"), &pairs.ratios, "", target, pairs.rates());
        }
        if let Some(cluster) = cluster {
            self.recursions(&stage, cluster, top, path);
        } else {
            let seconds = self.args.seconds;
            let rates: Vec<_> = (0..self.args.rounds).map(|_| stage.lists(connections, seconds, top).rate()).collect();
            let what = format!("{database}: 50 users below the top, pages/s");
            self.report.add(&what, &rates, "", Target::Least(3_000.0), String::new());
        }
        self.transfers(database, &stage, if cluster.is_some() { 250.0 } else { 100.0 });
    }

    /// Adds the tree, which has all users, and the edges that are handed over.
    pub fn plant(&self, data: &Filled) {
        let tree = ["--acyclic", "true", "--max-per-user", "1", "--user-role", "reports", "--target-role", "bosses"];
        run_program(&data.url, &[&["type", "set", TREE, "--create"], &tree[..]].concat());
        run_program(&data.url, &["type", "set", HANDED_OVER.0, "--create"]);
        let mut lines = String::new();
        let mut add = |kind: &str, user: u64, target: u64| {
            let ends = format!(r#""user":{user},"target":{target}"#);
            writeln!(lines, r#"{{"type":"user-relationship",{ends},"relationship":"{kind}"}}"#).expect("room");
        };
        for place in 1..data.users {
            add(TREE, place + 1, (place - 1) / SPAN + 1);
        }
        for user in 7..7 + HANDED_OVER.1 {
            add(HANDED_OVER.0, user, LEADERS[0]);
        }
        let path = self.folder.path().join("tree.ndjson");
        fs::write(&path, lines).expect("room");
        run_program(&data.url, &["import", path.to_str().expect("the path is text")]);
    }

    /// Compares with recursive queries, by `pgbench` and by a peer.
    fn recursions(&mut self, stage: &Stage<'_>, cluster: &Cluster, top: &Make, path: &Make) {
        let connections = self.args.connections;
        // Without statistics of the tree a recursive query may take minutes.
        cluster.analyze();
        let kind = cluster.type_id(TREE);
        let page = format!(
            "{BELOW} SELECT u.*, b.depth FROM below b JOIN users u ON u.id = b.user_id ORDER BY b.path LIMIT 50;\n\
             {BELOW} SELECT COUNT(*) FROM below;\n"
        );
        let users = stage.data.users;
        let above = format!("\\set id random({}, {})\n{ABOVE}\n", users / 4, users * 3 / 4);
        for (what, script, make, target) in [
            ("50 users below the top / `pgbench`, `WITH RECURSIVE` and count", &page, top, Target::Least(100.0)),
            ("path to the top / `pgbench`, `WITH RECURSIVE`", &above, path, Target::None),
        ] {
            let script = script.replace(":kind", &kind.to_string());
            let pairs = self.alternate(
                |seconds| cluster.pgbench(&script, users, connections, seconds),
                |seconds| stage.lists(connections, seconds, make).rate(),
            );
            self.report.add(&format!("PostgreSQL: {what}"), &pairs.ratios, "", target, pairs.rates());
        }
        if !install() {
            return println!("peers are not measured: Python or its packages are not available");
        }
        let [peer, _] = PEERS;
        let running = peer.start(&stage.data.url, self.folder.path());
        for (what, make) in [("50 users below the top", top), ("path to the top", path)] {
            let pairs = self.alternate(
                |seconds| run(running.address, connections, seconds, &AtomicU64::new(0), make).rate(),
                |seconds| stage.lists(connections, seconds, make).rate(),
            );
            let what = format!("PostgreSQL: {what} / {}, `WITH RECURSIVE`", peer.name);
            self.report.add(&what, &pairs.ratios, "", Target::Least(1.0), pairs.rates());
        }
    }

    /// Hands the edges over from one leader to the other and back.
    fn transfers(&mut self, database: &str, stage: &Stage<'_>, most: f64) {
        let (kind, edges) = HANDED_OVER;
        let mut leaders = LEADERS;
        let mut once = || {
            let [from, to] = leaders.map(|id| format!(r#"{{"data":{{"type":"users","id":"{id}"}}}}"#));
            let body = format!(
                r#"{{"data":{{"type":"transfers","attributes":{{"relationship":"{kind}"}},"relationships":{{"from":{from},"to":{to}}}}}}}"#
            );
            leaders.reverse();
            let request = stage.request("POST /api/v2/transfers", Some(&body));
            let started = Instant::now();
            run(stage.server.address, 1, 0.0, &AtomicU64::new(0), &|_| (1, request.clone()));
            started.elapsed().as_secs_f64() * 1000.0
        };
        let times: Vec<_> = (0..2 * self.args.rounds).map(|_| once()).collect();
        let what = format!("{database}: transfer of {edges} relationships");
        self.report.add(&what, &times, " ms", Target::Most(most), String::new());
    }
}

impl Stage<'_> {
    /// Everybody with a role towards a user, at any depth.
    fn traversal(&self, user: u64, role: &str, rest: &str) -> (usize, Vec<u8>) {
        (0, self.request(&format!("GET /api/v2/users/{user}/{role}?max-depth=all{rest}"), None))
    }

    /// A user near the bottom of the tree: the eighth level, of 100,000 users.
    fn deep_user(&self, n: u64) -> u64 {
        self.data.users / 4 + scatter(n) % (self.data.users / 2)
    }

    /// A user with more than a page below: the fifth level, of 100,000 users.
    fn leader(&self, n: u64) -> u64 {
        self.data.users / 200 + scatter(n) % (self.data.users / 200)
    }
}
