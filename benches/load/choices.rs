//! What the decision records say of choices, measured: no targets, only figures.

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

/// Sizes of the pool, each held against the default.
const POOLS: [&str; 4] = ["2", "4", "16", "32"];
const DEFAULT_POOL: &str = "8";

/// The count of the popular target's relationships of a type: kept, and counted.
const KEPT: &str = "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS number FROM counts_by_target WHERE target_id = ";
const COUNTED: &str = "SELECT COUNT(*) AS number FROM user_relationships WHERE target_id = ";

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl Bench {
    /// `COUNT(*)` held against the kept counts, on the popular target and on somebody.
    pub fn counts(&mut self, database: &str, data: &Filled) {
        let ordinary = data.random_user(1);
        for (who, id) in [("the popular target", POPULAR), ("an ordinary one", ordinary)] {
            let [kept, counted] = [KEPT, COUNTED].map(|question| {
                let question = format!("{question}{id}");
                if let Some(path) = data.url.strip_prefix("sqlite://") {
                    let mut conn = SqliteConnection::establish(path).expect("the file");
                    micros(|| ask(&mut conn, &question))
                } else {
                    let mut conn = PgConnection::establish(&data.url).expect("the server");
                    micros(|| ask(&mut conn, &question))
                }
            });
            let what = format!("{database}: time of `COUNT(*)` of {who} / of its kept count");
            let detail = format!("{counted:.0} µs against {kept:.0} µs");
            self.report.add(&what, &[counted / kept], "", Target::None, detail);
        }
    }

    /// What the covering indexes by type cost a create: the same file with and without them.
    pub fn indexes(&mut self, data: &Filled, file: &Path) {
        let copy = |name: &str, change: &str| {
            let copy = self.folder.path().join(name);
            fs::copy(file, &copy).expect("room for a copy");
            let url = format!("sqlite://{}", copy.display());
            let mut conn = SqliteConnection::establish(copy.to_str().expect("a path of text")).expect("the file");
            conn.batch_execute(change).expect("a change of the schema");
            Filled { url, token: data.token.clone(), ..*data }
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

    /// Lists that are read together held against lists that are read one by one, and sizes of the pool.
    pub fn pools(&mut self, data: &Filled) {
        let (folder, connections) = (self.folder.path().to_owned(), self.args.connections);
        let usual = Stage::with(data, &folder, &[("DATABASE_POOL_SIZE", DEFAULT_POOL)]);
        let pairs = self.alternate(
            // Newest first is as much work, and not gathered.
            |seconds| {
                let list = |n| usual.get(&format!("filter%5Buser%5D={}&sort=-id", data.random_user(n)));
                usual.lists(connections, seconds, &list).rate()
            },
            |seconds| usual.lists(connections, seconds, &|n| usual.list(n)).rate(),
        );
        let what = "PostgreSQL: lists in shared statements / in statements of their own";
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
    /// A user gets another name: an ordinary transaction.
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

/// The median time of a turn, for at least a few turns and a fifth of a second.
fn micros<T>(mut turn: impl FnMut() -> T) -> f64 {
    let started = Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 || started.elapsed() < Duration::from_millis(200) {
        let turned = Instant::now();
        black_box(turn());
        times.push(turned.elapsed().as_secs_f64() * 1e6);
    }
    median(&times)
}
