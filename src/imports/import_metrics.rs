//! Metrics of imports.

use std::time::Duration;

use crate::metrics::{Counters, Gauges, MetricsRegistry, Seconds};
use crate::model::import::{ImportState, UnfinishedImport};

/// The states that are counted.
const UNFINISHED: [ImportState; 3] = [ImportState::Reading, ImportState::Preview, ImportState::Running];

/// Metrics of imports.
#[derive(Debug)]
pub(super) struct ImportMetrics {
    unfinished: Gauges,
    stalled: Seconds,
    ended: Counters,
}

impl ImportMetrics {
    pub fn new(registry: &MetricsRegistry) -> Self {
        let ended = registry.counters("imports_ended_total", "Imports that this instance has ended.", &["state"]);
        for state in [ImportState::Done, ImportState::Failed] {
            ended.show(&[state.name()]);
        }
        let unfinished =
            registry.gauges("imports_unfinished", "Imports in the database that have not ended.", &["state"]);
        for state in UNFINISHED {
            unfinished.of(&[state.name()]).set(0);
        }
        let stalled = registry.seconds(
            "imports_stalled_seconds",
            "How long the import that is read or runs has made no progress, as this instance sees it.",
        );
        stalled.set(Some(0.0));
        Self { unfinished, stalled, ended }
    }

    /// Counts an import that has ended.
    pub fn count(&self, state: ImportState) {
        self.ended.of(&[state.name()]).add_one();
    }

    /// Shows what the database has. `stalled`: the longest time without progress.
    pub fn set(&self, unfinished: &[UnfinishedImport], stalled: Duration) {
        for state in UNFINISHED {
            let number = unfinished.iter().filter(|seen| seen.state == state).count();
            self.unfinished.of(&[state.name()]).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
        self.stalled.set(Some(stalled.as_secs_f64()));
    }
}
