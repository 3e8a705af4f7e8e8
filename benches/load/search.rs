//! Searches for parts of names among 200,000 users, and what the index of texts costs those who write users.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::AtomicU64;

use super::Bench;
use super::client::{Make, Round, run};
use super::data::{people, run_with, scatter};
use super::report::{Target, percentile};
use super::servers::{Server, program};

/// Users at scale 1.
const PEOPLE: f64 = 200_000.0;

/// A service with users, and the token of an admin.
struct Directory {
    server: Server,
    token: String,
    /// The number of the next user that is created; no user is created twice.
    created: AtomicU64,
    searches: AtomicU64,
}

impl Directory {
    /// Fills a database with a program, and serves it.
    fn new(bench: &Bench, program: &Path, url: &str, users: u64) -> Self {
        let folder = bench.folder.path();
        let run = |args: &[&str]| run_with(program, url, args);
        run(&["migrate", "run"]);
        run(&["user", "add", "--email", "admin@example.com", "--access-level", "admin"]);
        let token = run(&["token", "create", "--user", "admin@example.com"]).trim().to_owned();
        let path = folder.join("people.ndjson");
        let mut file = BufWriter::new(File::create(&path).expect("a file"));
        people(&mut file, users);
        file.flush().expect("room");
        run(&["import", path.to_str().expect("the path is text")]);
        let server = Server::service(program, url, folder, &[]);
        Self { server, token, created: AtomicU64::new(0), searches: AtomicU64::new(0) }
    }

    fn head(&self, what: &str) -> String {
        format!("{what} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token token={}\r\n", self.token)
    }

    /// Creates a user.
    fn create(&self, n: u64) -> (usize, Vec<u8>) {
        let body = format!(
            r#"{{"data":{{"type":"users","attributes":{{"email":"new{n}@example.com","first-name":"New{}","last-name":"Person{n}","unit":["Unit {}"]}}}}}}"#,
            scatter(n) % 10_000,
            n % 100
        );
        let rest = format!("Content-Type: application/vnd.api+json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        (1, (self.head("POST /api/v2/users") + &rest).into_bytes())
    }

    /// Searches for the beginning of some first names, and of all last names.
    fn search(&self, users: u64, connections: usize, seconds: f64) -> Round {
        let make: &Make = &|n| {
            let words = format!("first{}+last", 10 + scatter(n) % (users / 10));
            let head = self.head(&format!("GET /api/v2/users?filter%5Bquery%5D={words}"));
            (0, (head + "\r\n").into_bytes())
        };
        run(self.server.address, connections, seconds, &self.searches, make)
    }

    fn creates(&self, connections: usize, seconds: f64) -> f64 {
        run(self.server.address, connections, seconds, &self.created, &|n| self.create(n)).rate()
    }
}

impl Bench {
    /// Measures searches of two words and creates of users, with `--before` compared with another build. `url` names a
    /// database.
    pub fn search(&mut self, database: &str, least: f64, url: impl Fn(&str) -> String) {
        let users = (PEOPLE * self.args.scale) as u64;
        let own = Directory::new(self, &program(), &url("people"), users);
        let other =
            self.args.before.clone().map(|program| Directory::new(self, &program, &url("people_before"), users));
        let connections = self.args.connections;
        let mut latencies = Vec::new();
        let rates: Vec<_> = (0..self.args.rounds)
            .map(|_| {
                let mut round = own.search(users, connections, self.args.seconds);
                latencies.append(&mut round.latencies[0]);
                round.rate()
            })
            .collect();
        let what = format!("{database}: search of two words among {users} users");
        let detail = format!("p99 {:.1} ms", percentile(&mut latencies, 99));
        self.report.add(&format!("{what}, searches/s"), &rates, "", Target::Least(least), detail);
        let Some(other) = other else { return };
        let pairs = self.alternate(
            |seconds| other.search(users, connections, seconds).rate(),
            |seconds| own.search(users, connections, seconds).rate(),
        );
        self.report.add(&format!("{what} / before"), &pairs.ratios, "", Target::None, pairs.rates());
        let pairs = self.alternate(
            |seconds| other.creates(2 * connections, seconds),
            |seconds| own.creates(2 * connections, seconds),
        );
        let what = format!("{database}: creates of users / before");
        self.report.add(&what, &pairs.ratios, "", Target::Least(0.8), pairs.rates());
    }
}
