//! Searches for parts of names among 200,000 users, and what the index of texts costs those who write users.

use std::ops::Range;

use super::client::{Make, Round, run};
use super::data::{fill_with_users, scatter};
use super::report::{Target, percentile};
use super::servers::program;
use super::{Bench, Stage};

/// Users at scale 1.
const PEOPLE: f64 = 200_000.0;

impl Stage<'_> {
    /// Searches for the first name of a user from a range, and the beginning of all last names.
    fn searches(&self, users: Range<u64>, connections: usize, seconds: f64) -> Round {
        let make: &Make = &|n| {
            let words = format!("first{}+last", users.start + scatter(n) % (users.end - users.start));
            (0, self.request(&format!("GET /api/v2/users?filter%5Bquery%5D={words}"), None))
        };
        self.lists(connections, seconds, make)
    }

    /// Creates users, none of them twice.
    fn user_creates(&self, connections: usize, seconds: f64) -> Round {
        let make: &Make = &|n| {
            let names = format!(r#""first-name":"New{}","last-name":"Person{n}""#, scatter(n) % 10_000);
            let attributes = format!(r#"{{"email":"new{n}@example.com",{names},"unit":["Unit {}"]}}"#, n % 100);
            let body = format!(r#"{{"data":{{"type":"users","attributes":{attributes}}}}}"#);
            (1, self.request("POST /api/v2/users", Some(&body)))
        };
        run(self.server.address, connections, seconds, &self.creates, make)
    }
}

impl Bench {
    /// Measures searches of two words and creates of users, with `--before` compared with another build. `url` names a
    /// database.
    pub fn search(&mut self, database: &str, least: f64, url: impl Fn(&str) -> String) {
        let users = (PEOPLE * self.args.scale) as u64;
        let folder = self.folder.path().to_owned();
        let data = fill_with_users(program(), &url("people"), users, &folder);
        let of_other = self.args.before.clone();
        let of_other = of_other.map(|program| fill_with_users(program, &url("people_before"), users, &folder));
        let own = Stage::new(&data, &folder);
        let other = of_other.as_ref().map(|data| Stage::new(data, &folder));
        let connections = self.args.connections;
        // Most names of the second range are also the beginnings of ten to ten thousand others.
        let searched = [
            ("search of two names", 3..data.users, Target::Least(least)),
            ("search of the beginnings of two names", 10..data.users / 10, Target::None),
        ];
        for (what, names, target) in searched {
            let mut latencies = Vec::new();
            let rates: Vec<_> = (0..self.args.rounds)
                .map(|_| {
                    let mut round = own.searches(names.clone(), connections, self.args.seconds);
                    let rate = round.rate();
                    latencies.append(&mut round.latencies[0]);
                    rate
                })
                .collect();
            let what = format!("{database}: {what} among {users} users");
            let detail = format!("p99 {:.1} ms", percentile(&mut latencies, 99));
            self.report.add(&format!("{what}, searches/s"), &rates, "", target, detail);
            let Some(other) = &other else { continue };
            let pairs = self.alternate(
                |seconds| other.searches(names.clone(), connections, seconds).rate(),
                |seconds| own.searches(names.clone(), connections, seconds).rate(),
            );
            self.report.add(&format!("{what} / before"), &pairs.ratios, "", Target::None, pairs.rates());
        }
        let Some(other) = other else { return };
        let pairs = self.alternate(
            |seconds| other.user_creates(2 * connections, seconds).rate(),
            |seconds| own.user_creates(2 * connections, seconds).rate(),
        );
        let what = format!("{database}: creates of users / before");
        self.report.add(&what, &pairs.ratios, "", Target::Least(0.8), pairs.rates());
    }
}
