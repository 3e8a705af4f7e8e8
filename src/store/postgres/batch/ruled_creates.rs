//! Batches of new relationships of one type with rules, stored in one transaction; where rows are spread over nodes, also of
//! a type without rules.
//!
//! # Design
//! Writers of a type with rules run one at a time, so that without batches each of them would wait for the commits of
//! all others. The domain judges the relationships of a batch one after the other. A relationship that it leaves out
//! runs as an ordinary job, which finds the reason.

use std::collections::HashMap;

use super::batcher::BatchQuery;
use super::creates::{GatheredCreate, first_of_each};
use crate::model::error::Result;
use crate::model::relationship::Relationship;
use crate::store::postgres::engine::PostgresEngine;
use crate::store::postgres::mode::Mode;
use crate::store::tx::{StoreContext, Tx};

/// Stores relationships of one type, no two of them equal, in their order; `None` for those that it leaves out.
pub type CreateTogether = fn(&mut Tx<'_>, &[&GatheredCreate]) -> Result<Vec<Option<Relationship>>>;

/// A relationship of a type with rules, or of any type where rows are spread.
#[derive(Debug)]
pub(in crate::store) struct RuledCreate {
    pub create: GatheredCreate,
    pub create_together: CreateTogether,
}

impl BatchQuery for RuledCreate {
    type Answer = Relationship;
    const NAME: &'static str = "creates with rules";
    const MAX_BATCH: usize = 256;
    const MODE: Mode = Mode::Batch;
    const GATHERS_SPREAD_ROWS: bool = true;

    fn joins(&self, first: &Self) -> bool {
        self.create.edge.data.relationship == first.create.edge.data.relationship
    }

    fn answer(batch: &[&Self], engine: &PostgresEngine, shared: &StoreContext) -> Result<Vec<Option<Relationship>>> {
        let Some(create_together) = batch.first().map(|first| first.create_together) else { return Ok(Vec::new()) };
        let firsts = first_of_each(batch.iter().map(|create| &create.create));
        let stored = engine.run_batch(Self::GATHERING, shared, |tx| create_together(tx, &firsts))?;
        let rows = stored.unwrap_or_default().into_iter().flatten();
        let mut stored: HashMap<_, _> = rows.map(|row| (row.key(), row)).collect();
        if !stored.is_empty() {
            shared.metrics.count_commit(stored.len());
        }
        Ok(batch.iter().map(|create| stored.remove(&create.create.edge.key())).collect())
    }
}
