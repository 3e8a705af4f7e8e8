//! A primary, a standby that streams from it, and services on both.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use user_relationships::store::url::DatabaseUrl;

use super::Client;
use super::cluster::PrivateServer;
use super::process::{Service, run, until};
use super::scrape::scrape;
use super::skip::skip;
use super::sql::Raw;

/// The longest wait until a replica is used, marked down or caught up.
pub const SOON: Duration = Duration::from_secs(10);
/// The counter of reads that ran on the primary instead.
pub const FALLBACKS: &str = "store_replica_fallbacks_total";

/// A primary and a standby of it, for one test at a time.
pub struct ReplicaPair {
    /// The server for writes.
    pub primary: PrivateServer,
    /// The server that streams from it.
    pub standby: PrivateServer,
}

/// The pair, started once; `None` without PostgreSQL.
pub fn replica_pair() -> Option<MutexGuard<'static, ReplicaPair>> {
    static PAIR: LazyLock<Option<Mutex<ReplicaPair>>> = LazyLock::new(|| {
        let primary = PrivateServer::start()?;
        // A commit is flushed, and so sent to the standby, before it is acknowledged.
        let mut settings = raw(&primary.url("postgres"));
        settings.run("ALTER ROLE postgres SET synchronous_commit = on");
        // A standby that was away finds all that it has missed.
        settings.run("ALTER SYSTEM SET wal_keep_size = '1GB'");
        settings.run("SELECT pg_reload_conf()");
        run(&primary.url("postgres"), &["migrate", "run"]).expect(0);
        let standby = primary.standby();
        let mut settings = raw(&standby.url("postgres"));
        settings.run("ALTER SYSTEM SET wal_retrieve_retry_interval = '100ms'");
        settings.run("SELECT pg_reload_conf()");
        Some(Mutex::new(ReplicaPair { primary, standby }))
    });
    let Some(pair) = &*PAIR else {
        skip("no PostgreSQL programs");
        return None;
    };
    let mut pair = pair.lock().unwrap_or_else(PoisonError::into_inner);
    // Another test may have failed halfway.
    if !pair.standby.is_running() {
        pair.standby.start_again();
    }
    pair.resume();
    Some(pair)
}

/// A direct connection.
#[track_caller]
pub fn raw(url: &str) -> Raw {
    Raw::connect(&DatabaseUrl::parse(url).expect("a server's URL"))
}

impl ReplicaPair {
    /// The `DATABASE_URL`.
    pub fn url(&self) -> String {
        self.primary.url("postgres")
    }

    /// A service on both servers, once it uses the standby.
    pub fn serve(&self, settings: &[(&str, &str)]) -> Service {
        let url = self.standby.url("postgres");
        let service = Service::start(&self.url(), &[&[("DATABASE_READ_URL", &*url)], settings].concat());
        until("the replica is used", SOON, || is_used(&service));
        service
    }

    /// A connection to the standby.
    pub fn on_standby(&self) -> Raw {
        raw(&self.standby.url("postgres"))
    }

    /// Waits until the standby has replayed everything that the primary has.
    pub fn settle(&self) {
        let at = raw(&self.url()).lines("SELECT pg_current_wal_flush_lsn()::text AS line").remove(0);
        let is_there = format!("SELECT (pg_last_wal_replay_lsn() >= '{at}')::int::bigint AS number");
        let mut standby = self.on_standby();
        until("the standby has caught up", SOON, || standby.number(&is_there) == 1);
    }

    /// Lets the standby catch up, and then pauses its replay.
    pub fn pause(&self) {
        self.settle();
        self.pause_at_once();
    }

    /// Pauses the replay immediately.
    pub fn pause_at_once(&self) {
        let mut standby = self.on_standby();
        standby.run("SELECT pg_wal_replay_pause()");
        until("replay pauses", SOON, || standby.lines("SELECT pg_get_wal_replay_pause_state() AS line") == ["paused"]);
    }

    /// Waits until the standby has replayed the lock of a table of the primary.
    pub fn wait_for_lock(&self, table: &str) {
        // A commit flushes the record of the lock.
        raw(&self.url()).run("CREATE TABLE other (); DROP TABLE other");
        let mut standby = self.on_standby();
        let has_lock = format!(
            "SELECT count(*) AS number FROM pg_locks
             WHERE mode = 'AccessExclusiveLock' AND relation = '{table}'::regclass"
        );
        until("the standby has the lock", SOON, || standby.number(&has_lock) == 1);
    }

    /// Resumes the replay.
    pub fn resume(&self) {
        self.on_standby().run("SELECT pg_wal_replay_resume()");
    }
}

/// Whether reads go to the replica, according to `/readyz`, which is 200 either way.
#[track_caller]
pub fn is_used(service: &Service) -> bool {
    let checks = service.anonymous().get("/readyz?verbose").expect(200).body["meta"]["checks"].clone();
    checks["replica"].as_bool().unwrap_or_else(|| panic!("no replica in {checks}"))
}

/// An admin with a new token.
pub fn admin(url: &str, service: &Service) -> Client {
    static NAMES: Mutex<u32> = Mutex::new(0);
    let email = {
        let mut number = NAMES.lock().expect("a number");
        *number += 1;
        format!("admin{number}@example.com")
    };
    let id = run(url, &["user", "add", "--email", &email, "--access-level", "admin"]).expect(0);
    let token = run(url, &["token", "create", "--user", &email]).expect(0).line().to_owned();
    let authorization = Some(format!("Token token={token}"));
    Client::new(service.address, id.line().parse().expect("an id"), authorization)
}

/// The log lines about the replica.
pub fn lines_about_the_replica(service: &Service) -> Vec<String> {
    service.log().into_iter().filter(|line| line.contains("the replica")).collect()
}

/// Reads that ran on the primary instead.
pub fn fallbacks(service: &Service, reason: &str) -> i64 {
    scrape(&service.anonymous()).count(FALLBACKS, &[("reason", reason)])
}

/// The lag in seconds, 0 while it is unknown.
pub fn lag(service: &Service) -> f64 {
    scrape(&service.anonymous()).sum("store_replica_lag_seconds", &[])
}
