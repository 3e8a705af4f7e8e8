//! A direct connection to the database: what an operator with `psql` or `sqlite3` sees and does.

use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use user_relationships::store::spread_rows;
use user_relationships::store::url::DatabaseUrl;

use super::citus::{CitusCluster, citus};

/// A raw connection.
pub enum Raw {
    /// To an SQLite file.
    Sqlite(SqliteConnection),
    /// To PostgreSQL.
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    line: Option<String>,
}

impl Raw {
    /// Connects.
    pub fn connect(url: &DatabaseUrl) -> Self {
        match url {
            DatabaseUrl::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(path.to_str().expect("a path")).expect("the file opens");
                conn.batch_execute("PRAGMA busy_timeout = 10000").expect("a pragma");
                Self::Sqlite(conn)
            }
            DatabaseUrl::Postgres(url) => {
                Self::Postgres(PgConnection::establish(url.as_str()).expect("the server answers"))
            }
        }
    }

    /// Runs statements.
    #[track_caller]
    pub fn run(&mut self, sql: &str) {
        let done = match self {
            Self::Sqlite(conn) => conn.batch_execute(sql),
            Self::Postgres(conn) => conn.batch_execute(sql),
        };
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
        self.copy_rows(sql);
    }

    /// Makes the copies of spread rows again, after a statement that may have written rows.
    fn copy_rows(&mut self, sql: &str) {
        const WRITES: [&str; 5] =
            ["INTO users", "INTO user_relationships", "DELETE FROM user", "UPDATE users", "UPDATE user_relationships"];
        if citus().is_some_and(CitusCluster::has_spread_rows)
            && WRITES.iter().any(|write| sql.contains(write))
            && let Self::Postgres(conn) = self
            && conn.batch_execute("SELECT 1 FROM relationship_owners LIMIT 1").is_ok()
        {
            for statement in spread_rows::copy_statements() {
                conn.batch_execute(&statement).unwrap_or_else(|error| panic!("{statement} after {sql}: {error}"));
            }
        }
    }

    /// Gathers what the planner knows of the tables. On PostgreSQL it repeats `VACUUM`, for at most ten seconds, until
    /// relationships are known to be visible to all: an older snapshot of the server, such as that of a standby, prevents
    /// it, and then a scan of one index costs as much as that of another.
    pub fn gather_statistics(&mut self) {
        if matches!(self, Self::Sqlite(_)) {
            return self.run("ANALYZE");
        }
        let hidden = "SELECT COUNT(*) AS number FROM pg_class \
            WHERE relname = 'user_relationships' AND relallvisible * 10 < relpages * 9";
        for _ in 0..50 {
            self.run("VACUUM ANALYZE");
            if self.number(hidden) == 0 {
                break;
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Starts a transaction, as another instance that has not committed yet, and claims an `Idempotency-Key` in it.
    #[track_caller]
    pub fn claim_key(&mut self, caller: i64, key: &str) {
        self.claim_keys(caller, &[key]);
    }

    /// The same for several keys.
    #[track_caller]
    pub fn claim_keys(&mut self, caller: i64, keys: &[&str]) {
        let (begin, bytes) = if matches!(self, Self::Sqlite(_)) { ("BEGIN IMMEDIATE", "x''") } else { ("BEGIN", "''") };
        self.run(begin);
        for key in keys {
            self.run(&format!(
                "INSERT INTO idempotency_keys (caller_id, key, fingerprint, status, headers, body, created_at) \
                 VALUES ({caller}, '{key}', {bytes}, 0, '', {bytes}, 9000000000000000)"
            ));
        }
    }

    /// Runs statements, and returns whether they succeeded.
    pub fn attempt(&mut self, sql: &str) -> bool {
        match self {
            Self::Sqlite(conn) => conn.batch_execute(sql).is_ok(),
            Self::Postgres(conn) => conn.batch_execute(sql).is_ok(),
        }
    }

    /// The single number, called `number`, that a query returns.
    #[track_caller]
    pub fn number(&mut self, sql: &str) -> i64 {
        let row: Result<Number, _> = match self {
            Self::Sqlite(conn) => sql_query(sql).get_result(conn),
            Self::Postgres(conn) => sql_query(sql).get_result(conn),
        };
        row.unwrap_or_else(|error| panic!("{sql}: {error}")).number
    }

    /// How many sessions of a database of PostgreSQL wait for a lock, on all nodes if it is a cluster.
    #[track_caller]
    pub fn waiting_sessions(&mut self) -> i64 {
        const WAITING: &str = "SELECT count(*) AS number FROM pg_stat_activity \
                               WHERE datname = current_database() AND wait_event_type = 'Lock'";
        if citus().is_none() {
            return self.number(WAITING);
        }
        let nodes = format!("run_command_on_all_nodes($${WAITING}$$)");
        self.number(&format!("SELECT CAST(SUM(CAST(result AS BIGINT)) AS BIGINT) AS number FROM {nodes}"))
    }

    /// The texts, called `line`, that a query returns.
    #[track_caller]
    pub fn lines(&mut self, sql: &str) -> Vec<String> {
        let rows: Result<Vec<Line>, _> = match self {
            Self::Sqlite(conn) => sql_query(sql).load(conn),
            Self::Postgres(conn) => sql_query(sql).load(conn),
        };
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.into_iter().map(|row| row.line.unwrap_or_default()).collect()
    }
}
