//! What is counted and measured of a replica; there are no such families without one.

use crate::metrics::{Counter, Gauges, MetricsRegistry, Seconds};
use crate::store::metrics::Connections;

/// The families.
#[derive(Debug)]
pub(super) struct ReplicaMetrics {
    /// How far behind it is.
    pub lag: Seconds,
    /// Reads done elsewhere: it is given up, or did not answer.
    pub unavailable: Counter,
    /// Reads done elsewhere: what it had to replay was in the way.
    pub conflict: Counter,
    /// Reads done elsewhere: it has not got what was asked for.
    pub refused: Counter,
    /// Reads done elsewhere: any other error.
    pub failed: Counter,
    connections: Gauges,
}

impl ReplicaMetrics {
    /// The families, every label shown from the start.
    pub fn new(all: &MetricsRegistry) -> Self {
        let fallbacks = all.counters(
            "store_replica_fallbacks_total",
            "Reads that the primary did in place of the replica, by the reason.",
            &["reason"],
        );
        Self {
            lag: all.seconds(
                "store_replica_lag_seconds",
                "How far behind the primary the replica is; not there while nobody knows.",
            ),
            unavailable: fallbacks.of(&["unavailable"]),
            conflict: fallbacks.of(&["conflict"]),
            refused: fallbacks.of(&["refused"]),
            failed: fallbacks.of(&["failed"]),
            connections: all.gauges("store_replica_connections", "Connections to the replica.", &["state"]),
        }
    }

    /// Notes the connections at this moment.
    pub fn connected(&self, connections: Connections) {
        connections.show(&self.connections);
    }
}
