//! Monitors of a run: probes, memory of the process, and connections to PostgreSQL.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl};

use super::Stop;
use super::http::{Client, Request};

/// The interval of the probes.
const PROBE_EVERY: Duration = Duration::from_millis(200);
/// The time limit of a probe.
const PROBE_PATIENCE: Duration = Duration::from_secs(10);
/// The source address of the probes.
const PROBE_SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// The results of a probe.
#[derive(Debug, Default)]
pub struct Probe {
    /// Microseconds to each response, or to the time limit.
    pub latencies: Vec<u32>,
    /// Requests without status 200.
    pub failures: usize,
}

/// Requests a path until the run ends, on a new connection each time, like load balancers.
pub fn probe(address: SocketAddr, path: &str, stop: &Stop) -> Probe {
    let mut seen = Probe::default();
    let request = Request::new("GET", path).header("Connection", "close");
    while !stop.is_set() {
        let asked = Instant::now();
        let answer = Client::new(address, PROBE_SOURCE, stop).send(&request, PROBE_PATIENCE);
        if stop.is_set() {
            break;
        }
        seen.latencies.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
        if !answer.is_ok_and(|answer| answer.status == 200) {
            seen.failures += 1;
        }
        thread::sleep(PROBE_EVERY.saturating_sub(asked.elapsed()));
    }
    seen
}

/// Peaks of memory, in MiB.
#[derive(Debug, Default, Clone, Copy)]
pub struct Memory {
    /// Private memory: `RssAnon` and `RssShmem`, which the target limits.
    pub own: u64,
    /// Pages mapped from files (`RssFile`): SQLite maps the database, and the kernel can reclaim them.
    pub mapped: u64,
    /// The kernel's own peak of both together (`VmHWM`).
    pub high_water: u64,
}

/// Samples the memory of a process until the run ends.
pub fn memory(process: u32, stop: &Stop) -> Memory {
    let mut peak = Memory::default();
    while !stop.is_set() {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
        };
        peak.own = peak.own.max(mib("RssAnon:") + mib("RssShmem:"));
        peak.mapped = peak.mapped.max(mib("RssFile:"));
        peak.high_water = peak.high_water.max(mib("VmHWM:"));
        thread::sleep(Duration::from_millis(50));
    }
    peak
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// The value of the column `number` of a query.
pub fn number(conn: &mut PgConnection, query: &str) -> i64 {
    diesel::sql_query(query).get_result::<Number>(conn).map_or(-1, |row| row.number)
}

/// The largest number of connections to a database until the run ends, except its own.
pub fn connections(url: &str, stop: &Stop) -> i64 {
    let mut conn = PgConnection::establish(url).expect("the server");
    let mut most = 0;
    while !stop.is_set() {
        let others = "SELECT COUNT(*) AS number FROM pg_stat_activity WHERE datname = current_database() \
                      AND pid <> pg_backend_pid() AND application_name <> 'hostile'";
        most = most.max(number(&mut conn, others));
        thread::sleep(Duration::from_millis(200));
    }
    most
}
