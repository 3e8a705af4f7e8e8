//! The kinds of transactions on PostgreSQL.

use crate::store::cost::Cost;

/// The transaction, if any, that a job runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Mode {
    /// No transaction: each statement sees its own snapshot and takes one round trip.
    Read,
    /// All statements see one snapshot.
    Snapshot,
    /// All statements see one snapshot, for several requests.
    SnapshotBatch,
    /// All statements see one snapshot, for reads of which only a few may run at the same time.
    Search,
    /// One transaction, retried on serialization failures and deadlocks.
    Write,
    /// One transaction for several requests. It fails rather than wait long for a lock that one of them needs.
    Batch,
}

/// How requests of a kind run together.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Gathering {
    /// Their transaction.
    pub mode: Mode,
    /// Whether they do also where rows are spread over the nodes of a Citus cluster.
    pub has_spread_rows: bool,
}

impl Mode {
    /// The mode of a read of this cost.
    pub fn of(cost: Cost) -> Self {
        match cost {
            Cost::Bounded | Cost::Probe => Self::Read,
            Cost::BoundedSnapshot | Cost::Unbounded => Self::Snapshot,
            Cost::Search => Self::Search,
        }
    }

    /// Whether a job may change anything.
    pub const fn may_write(self) -> bool {
        matches!(self, Self::Write | Self::Batch)
    }
}
