//! Batches of traversals with short results: the users above a user of a tree, or the number of users below it.
//!
//! # Design
//! Users of one organization have most users above them in common, so a batch reads each relationship once. It is one
//! statement.

use super::batcher::BatchQuery;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;
use crate::model::role::RoleEnd;
use crate::model::traversal::Depth;
use crate::model::traversal::page::TraversalPage;
use crate::store::postgres::engine::PostgresEngine;
use crate::store::postgres::mode::Mode;
use crate::store::tx::{StoreContext, Tx};
use crate::store::types::Types;

/// A traversal of a caller who may see all users.
#[derive(Debug, Clone)]
pub struct GatheredTraversal {
    /// The role of the users to find.
    pub role: TypeName,
    /// The user to start from.
    pub user: UserId,
    /// How far to go.
    pub depth: Depth,
    /// The most users to return; 0 for the count alone.
    pub limit: usize,
    /// Whether the profiles of the users are read.
    pub has_profiles: bool,
}

/// What runs traversals with short results; `None` for those that must run as jobs.
#[derive(Debug, Clone, Copy)]
pub struct ShortTraversals {
    /// Runs traversals towards one role, all of them with or without profiles, in their order.
    pub together: TraverseTogether,
    /// Runs a traversal upwards in one statement.
    pub alone: fn(&mut Tx<'_>, &GatheredTraversal) -> Result<Option<TraversalPage>>,
}

type TraverseTogether = fn(&mut Tx<'_>, &[&GatheredTraversal]) -> Result<Vec<Option<TraversalPage>>>;

impl GatheredTraversal {
    /// Whether the result is short, as far as the types are known.
    pub(in crate::store) fn is_short(&self, types: &Types) -> bool {
        match types.end_in_tree(&self.role) {
            Some(RoleEnd::Owner) => self.limit == 0 && self.depth == Depth::All,
            Some(_) => true,
            None => false,
        }
    }
}

/// A traversal, and what runs it.
#[derive(Debug, Clone)]
pub(in crate::store) struct BatchedTraversal {
    pub traversal: GatheredTraversal,
    pub traverse_together: TraverseTogether,
}

impl BatchQuery for BatchedTraversal {
    type Answer = TraversalPage;
    const NAME: &'static str = "traversals";
    const MAX_BATCH: usize = 64;
    const MODE: Mode = Mode::SnapshotBatch;

    fn joins(&self, first: &Self) -> bool {
        let (one, other) = (&self.traversal, &first.traversal);
        (&one.role, one.has_profiles) == (&other.role, other.has_profiles)
    }

    fn answer(batch: &[&Self], engine: &PostgresEngine, shared: &StoreContext) -> Result<Vec<Option<TraversalPage>>> {
        let Some(traverse_together) = batch.first().map(|first| first.traverse_together) else { return Ok(Vec::new()) };
        let traversals: Vec<_> = batch.iter().map(|query| &query.traversal).collect();
        let read = engine.run_batch(Self::GATHERING, shared, |tx| traverse_together(tx, &traversals))?;
        Ok(read.unwrap_or_default())
    }
}
