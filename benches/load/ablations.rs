//! Measures the alternatives in the decision records. These figures have no targets.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection};

use super::data::{Filled, POPULAR, TYPES};
use super::report::{Target, median};
use super::{Bench, Stage};

/// Pool sizes, each compared with the default of `DATABASE_POOL_SIZE`.
const POOLS: [&str; 4] = ["2", "4", "8", "32"];
const DEFAULT_POOL: &str = "16";

/// The number of relationships of a target: the maintained count, and `COUNT(*)`.
const MAINTAINED: &str =
    "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS number FROM counts_by_target WHERE target_id = ";
const COUNTED: &str = "SELECT COUNT(*) AS number FROM user_relationships WHERE target_id = ";

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl Bench {
    /// Compares `COUNT(*)` with the maintained counts, for the popular target and an ordinary one.
    pub fn counts(&mut self, database: &str, data: &Filled) {
        let ordinary = data.random_user(1);
        for (who, id) in [("the popular target", POPULAR), ("an ordinary one", ordinary)] {
            let [maintained, counted] = [MAINTAINED, COUNTED].map(|question| {
                let question = format!("{question}{id}");
                if let Some(path) = data.url.strip_prefix("sqlite://") {
                    let mut conn = SqliteConnection::establish(path).expect("the file");
                    micros(|| ask(&mut conn, &question))
                } else {
                    let mut conn = PgConnection::establish(&data.url).expect("the server");
                    micros(|| ask(&mut conn, &question))
                }
            });
            let what = format!("{database}: time of `COUNT(*)` of {who} / of its maintained count");
            let detail = format!("{counted:.0} µs compared with {maintained:.0} µs");
            self.report.add(&what, &[counted / maintained], "", Target::None, detail);
        }
    }

    /// Measures creates with and without the covering indexes by type.
    pub fn indexes(&mut self, data: &Filled, file: &Path) {
        let copy = |name: &str, change: &str| {
            let copy = self.folder.path().join(name);
            fs::copy(file, &copy).expect("room for a copy");
            let url = format!("sqlite://{}", copy.display());
            let mut conn = SqliteConnection::establish(copy.to_str().expect("a path of text")).expect("the file");
            conn.batch_execute(change).expect("a change of the schema");
            Filled { url, ..data.clone() }
        };
        let fewer = "DROP INDEX user_relationships_out_by_type; DROP INDEX user_relationships_in_by_type";
        let (two, four) = (copy("two.db", fewer), copy("four.db", ""));
        let [two, four] = [&two, &four].map(|data| Stage::new(data, self.folder.path()));
        let writers = 2 * self.args.connections;
        let pairs = self
            .alternate(|seconds| two.creates(writers, seconds).rate(), |seconds| four.creates(writers, seconds).rate());
        let what = "SQLite: creates with four covering indexes / with two";
        self.report.add(what, &pairs.ratios, "", Target::None, pairs.rates());
    }

    /// Compares batched with single lists, and pool sizes.
    pub fn pools(&mut self, data: &Filled) {
        let (folder, connections) = (self.folder.path().to_owned(), self.args.connections);
        let usual = Stage::with(data, &folder, &[("DATABASE_POOL_SIZE", DEFAULT_POOL)]);
        let pairs = self.alternate(
            // The same amount of work, but this order is not batched.
            |seconds| {
                let list = |n| usual.get(&format!("filter%5Buser%5D={}&sort=-id", data.random_user(n)));
                usual.lists(connections, seconds, &list).rate()
            },
            |seconds| usual.lists(connections, seconds, &|n| usual.list(n)).rate(),
        );
        let what = "PostgreSQL: lists in batches / in single statements";
        self.report.add(what, &pairs.ratios, "", Target::None, pairs.rates());
        for size in POOLS {
            let other = Stage::with(data, &folder, &[("DATABASE_POOL_SIZE", size)]);
            let read = |stage: &Stage<'_>, seconds| {
                let list = |n| stage.get(&format!("filter%5Buser%5D={}&include=target", data.random_user(n)));
                stage.lists(connections, seconds, &list).rate()
            };
            let pairs = self.alternate(|seconds| read(&usual, seconds), |seconds| read(&other, seconds));
            let what = format!("PostgreSQL: lists with their targets, pool of {size} / of {DEFAULT_POOL}");
            self.report.add(&what, &pairs.ratios, "", Target::None, pairs.rates());
            let write = |stage: &Stage<'_>, seconds| {
                stage.lists(2 * connections, seconds, &|n| stage.rename(data.random_user(n))).rate()
            };
            let pairs = self.alternate(|seconds| write(&usual, seconds), |seconds| write(&other, seconds));
            let what = format!("PostgreSQL: changes of users, pool of {size} / of {DEFAULT_POOL}");
            self.report.add(&what, &pairs.ratios, "", Target::None, pairs.rates());
        }
    }
}

impl Stage<'_> {
    /// Renames a user, which is an ordinary transaction.
    fn rename(&self, id: u64) -> (usize, Vec<u8>) {
        let name = TYPES[(id % 2) as usize];
        let body = format!(r#"{{"data":{{"type":"users","id":"{id}","attributes":{{"first-name":"{name}"}}}}}}"#);
        (0, self.request(&format!("PATCH /api/v2/users/{id}"), Some(&body)))
    }
}

fn ask<C>(conn: &mut C, question: &str) -> i64
where
    C: diesel::connection::LoadConnection,
    diesel::query_builder::SqlQuery: for<'q> diesel::query_dsl::LoadQuery<'q, C, Number>,
{
    diesel::sql_query(question).get_result::<Number>(conn).expect("a number").number
}

/// The median time of a call in microseconds, over at least 5 calls and 200 ms.
fn micros<T>(mut call: impl FnMut() -> T) -> f64 {
    let started = Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 || started.elapsed() < Duration::from_millis(200) {
        let called = Instant::now();
        black_box(call());
        times.push(called.elapsed().as_secs_f64() * 1e6);
    }
    median(&times)
}
