//! How a job meets PostgreSQL.

use crate::store::Cost;

/// How a job meets the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Mode {
    /// Each statement is a snapshot of its own: one round trip for one statement.
    Read,
    /// All statements see one snapshot.
    Snapshot,
    /// The same for work of which only a little may be done at once.
    Search,
    /// One transaction, run again when others are in its way.
    Write,
    /// One transaction for many who wait: it fails rather than wait long for a lock that one of them needs.
    Gathered,
}

impl Mode {
    /// How a read that is so much work meets it.
    pub fn of(cost: Cost) -> Self {
        match cost {
            Cost::Bounded | Cost::Probe => Self::Read,
            Cost::BoundedSnapshot | Cost::Unbounded => Self::Snapshot,
            Cost::Search => Self::Search,
        }
    }

    /// Whether a job may change anything.
    pub const fn may_write(self) -> bool {
        matches!(self, Self::Write | Self::Gathered)
    }
}
