//! What a campaign found, as a table.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::stage::Stage;
use super::writer::{Imported, Writer};
use crate::support::Engine;

/// The most findings of a kind that are printed.
const PRINTED: usize = 5;

/// The result of a campaign.
pub struct Verdict {
    engine: Engine,
    seed: u64,
    /// The writers, with the answers that they got.
    pub writers: Vec<Writer>,
    /// The imports that were acknowledged.
    pub imports: Vec<Imported>,
    /// The changes in the feed.
    pub changes: usize,
    /// The pages that the readers read.
    pub pages: usize,
    faults: BTreeMap<&'static str, usize>,
    outages: Vec<(Duration, String)>,
    findings: BTreeMap<&'static str, Vec<String>>,
}

impl Verdict {
    pub fn new(engine: Engine, seed: u64) -> Self {
        Self {
            engine,
            seed,
            writers: Vec::new(),
            imports: Vec::new(),
            changes: 0,
            pages: 0,
            faults: BTreeMap::new(),
            outages: Vec::new(),
            findings: BTreeMap::new(),
        }
    }

    /// Adds a finding: `lost`, `repeated`, `drifted` or `wrong`.
    pub fn report(&mut self, kind: &'static str, what: &str) {
        let all = self.findings.entry(kind).or_default();
        if all.len() < PRINTED {
            eprintln!("{kind}: {what}");
        }
        all.push(what.to_owned());
    }

    pub fn add_faults(&mut self, stage: &Stage) {
        self.faults.clone_from(&stage.faults.lock().expect("faults"));
        self.outages.clone_from(&stage.outages.lock().expect("outages"));
        self.outages.sort();
    }

    /// How many findings of a kind there are.
    pub fn count(&self, kind: &str) -> usize {
        self.findings.get(kind).map_or(0, Vec::len)
    }

    /// How many processes were killed with SIGKILL.
    pub fn kills(&self) -> usize {
        self.faults.iter().filter(|(name, _)| name.starts_with("kill")).map(|(_, count)| count).sum()
    }

    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Requests with a success.
    pub fn acknowledged(&self) -> usize {
        self.writers.iter().map(|writer| writer.acknowledged).sum::<usize>() + self.imports.len()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut statuses = BTreeMap::<u16, usize>::new();
        for writer in &self.writers {
            for (status, count) in &writer.statuses {
                *statuses.entry(*status).or_default() += count;
            }
        }
        let unknown = statuses.get(&0).copied().unwrap_or_default() + statuses.get(&503).copied().unwrap_or_default();
        let mut row = |name: &str, value: String| writeln!(f, "| {name} | {value} |");
        row(&format!("{:?}, seed {}", self.engine, self.seed), String::new())?;
        row("---", "---".to_owned())?;
        row("processes killed", self.kills().to_string())?;
        let faults: Vec<_> = self.faults.iter().map(|(name, count)| format!("{name} {count}")).collect();
        row("faults", faults.join(", "))?;
        row("acknowledged", self.acknowledged().to_string())?;
        row("without an answer, or 503", unknown.to_string())?;
        row("imports acknowledged", self.imports.len().to_string())?;
        row("changes in the feed, pages read", format!("{}, {}", self.changes, self.pages))?;
        for kind in ["lost", "repeated", "drifted", "wrong"] {
            row(kind, self.count(kind).to_string())?;
        }
        let longest = self.outages.last().map(|(time, fault)| format!("{:.1} s ({fault})", time.as_secs_f64()));
        row("longest time without an acknowledged write", longest.unwrap_or_default())
    }
}
