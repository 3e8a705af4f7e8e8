//! Results and their targets.

use std::fmt::Write as _;
use std::time::Duration;

use super::attacks::{ATTACKS, Tally};
use super::normal;
use super::watch::{Memory, Probe};

/// The limit of the 99th percentile of the normal client, in milliseconds.
const P99: f64 = 500.0;
/// The limit of the memory of the process, in MiB.
const MEMORY: u64 = 400;
/// The limit of the slowest probe, in milliseconds.
const LIVEZ: f64 = 500.0;
const READYZ: f64 = 1_000.0;
/// The limit of connections: `DATABASE_POOL_SIZE` and a few probes.
const CONNECTIONS: i64 = 16 + 8;

/// The head of the table.
pub const HEAD: &str = "| attack | requests | p50, p99, max ms | 5xx, other failures | `/livez` max ms, failures | \
                        `/readyz` max ms, failures | memory MiB (mapped; VmHWM) | connections | database grew MiB | \
                        missed |\n|---|---|---|---|---|---|---|---|---|---|";

/// The results of one scenario.
pub struct Outcome {
    pub normal: normal::Outcome,
    pub livez: Probe,
    pub readyz: Probe,
    pub memory: Memory,
    pub connections: Option<i64>,
    pub attacks: Vec<(&'static str, Tally)>,
    pub recovery: Duration,
    pub growth: u64,
    pub lost_type_ids: i64,
}

/// The latency in milliseconds at this per mille of the requests.
fn percentile(latencies: &[u32], part: usize) -> f64 {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len().max(1) - 1) * part / 1_000;
    sorted.get(at).map_or(f64::NAN, |micros| f64::from(*micros) / 1_000.0)
}

impl Outcome {
    /// Descriptions of missed targets.
    pub fn misses(&self) -> Vec<&'static str> {
        let failures = self.normal.server_errors + self.normal.failures;
        let probes = self.livez.failures + self.readyz.failures;
        let all = [
            (percentile(&self.normal.latencies, 990) < P99, "p99"),
            (failures == 0, "failures"),
            (percentile(&self.livez.latencies, 1_000) < LIVEZ, "`/livez`"),
            (percentile(&self.readyz.latencies, 1_000) < READYZ, "`/readyz`"),
            (probes == 0, "failed probes"),
            (self.memory.own < MEMORY, "memory"),
            (self.connections.is_none_or(|connections| connections <= CONNECTIONS), "connections"),
            (self.lost_type_ids == 0, "type ids"),
        ];
        // NaN misses every target.
        all.into_iter().filter(|(is_met, _)| !is_met).map(|(_, what)| what).collect()
    }

    /// The row of the table.
    pub fn line(&self, name: &str) -> String {
        let Self { normal, livez, readyz, memory, .. } = self;
        let [p50, p99, max] = [500, 990, 1_000].map(|part| percentile(&normal.latencies, part));
        let connections = self.connections.map_or(String::new(), |connections| connections.to_string());
        let missed = self.misses();
        let missed = if missed.is_empty() { "none".to_owned() } else { format!("**{}**", missed.join(", ")) };
        format!(
            "| {name} | {} | {p50:.1}, {p99:.1}, {max:.0} | {}, {} | {:.0}, {} | {:.0}, {} | {} ({}; {}) | {connections} | {} | {missed} |",
            normal.latencies.len(),
            normal.server_errors,
            normal.failures,
            percentile(&livez.latencies, 1_000),
            livez.failures,
            percentile(&readyz.latencies, 1_000),
            readyz.failures,
            memory.own,
            memory.mapped,
            memory.high_water,
            self.growth >> 20,
        )
    }

    /// The attacks one by one, and examples of failures.
    pub fn details(&self) -> String {
        let mut text = format!(
            "After the attacks a list is answered within {:.1} s. Numbers of types lost: {}.\n\n\
             | attack | requests | statuses (0: no answer) | MB sent | MB received | slowest s |\n|---|---|---|---|---|---|\n",
            self.recovery.as_secs_f64(),
            self.lost_type_ids,
        );
        for (name, tally) in &self.attacks {
            let statuses: Vec<_> = tally.statuses.iter().map(|(status, n)| format!("{status} × {n}")).collect();
            let what = ATTACKS.iter().find(|attack| attack.name == *name).map_or("", |attack| attack.what);
            let [sent, received] = [tally.sent, tally.received].map(|bytes| bytes as f64 / 1e6);
            writeln!(
                text,
                "| {name}: {what} | {} | {} | {sent:.1} | {received:.1} | {:.1} |",
                tally.requests,
                statuses.join(", "),
                tally.slowest,
            )
            .expect("room in memory");
        }
        text += "\n";
        for example in self.normal.examples.iter().take(12) {
            writeln!(text, "* normal client: {example}").expect("room in memory");
        }
        for (name, tally) in &self.attacks {
            for example in &tally.examples {
                writeln!(text, "* {name}: {example}").expect("room in memory");
            }
        }
        text
    }
}
