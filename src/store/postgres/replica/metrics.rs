//! The metrics of a replica, which exist only with one.

use crate::metrics::{Counter, Gauges, MetricsRegistry, Seconds};
use crate::store::metrics::ConnectionCounts;

/// The metric families of a replica.
#[derive(Debug)]
pub(super) struct ReplicaMetrics {
    /// Its lag.
    pub lag: Seconds,
    /// Reads on the primary because the replica was down or did not respond.
    pub unavailable: Counter,
    /// Reads on the primary because recovery cancelled the read on the replica.
    pub conflict: Counter,
    /// Reads on the primary because the replica's response was a refusal, such as 404 for a row not yet replicated.
    pub refused: Counter,
    /// Reads on the primary because the replica had not replayed the position that the client has seen.
    pub behind: Counter,
    /// Reads on the primary because of any other error.
    pub failed: Counter,
    connections: Gauges,
}

impl ReplicaMetrics {
    /// Registers the families with all their labels.
    pub fn new(all: &MetricsRegistry) -> Self {
        let fallbacks = all.counters(
            "store_replica_fallbacks_total",
            "Reads that the primary did in place of the replica, by the reason.",
            &["reason"],
        );
        Self {
            lag: all.seconds(
                "store_replica_lag_seconds",
                "How far the replica is behind the primary; absent while unknown.",
            ),
            unavailable: fallbacks.of(&["unavailable"]),
            conflict: fallbacks.of(&["conflict"]),
            refused: fallbacks.of(&["refused"]),
            behind: fallbacks.of(&["behind"]),
            failed: fallbacks.of(&["failed"]),
            connections: all.gauges("store_replica_connections", "Connections to the replica.", &["state"]),
        }
    }

    /// Sets the gauges of the connections.
    pub fn set_connections(&self, connections: ConnectionCounts) {
        connections.show(&self.connections);
    }
}
