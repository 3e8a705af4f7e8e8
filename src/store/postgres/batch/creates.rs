//! Batches of new relationships, stored with one statement and one commit.
//!
//! # Design
//! The domain has decided that the caller may create the relationship. The statement leaves out every relationship that
//! exists already, or whose user or type is missing or locked, or whose type has rules. Rows come back in any order, so
//! each is matched to its request by its edge.

use std::collections::{HashMap, HashSet};

use super::batcher::BatchQuery;
use super::creates_sql::Checked;
use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::relationship::{NewEdge, Relationship};
use crate::store::postgres::engine::PostgresEngine;
use crate::store::postgres::mode::Mode;
use crate::store::relationship_rows::NewRelationshipRow;
use crate::store::tx::{StoreContext, Tx};

/// A relationship to create, and the caller who creates it.
#[derive(Debug, Clone)]
pub struct GatheredCreate {
    /// The relationship.
    pub edge: NewEdge,
    /// The caller.
    pub caller: Caller,
    /// The id of the request.
    pub request_id: Option<String>,
}

/// A relationship of a type without rules.
#[derive(Debug)]
pub(in crate::store) struct BatchedCreate(pub GatheredCreate);

impl BatchQuery for BatchedCreate {
    type Answer = Relationship;
    const NAME: &'static str = "creates";
    const MAX_BATCH: usize = 256;
    const MODE: Mode = Mode::Batch;

    fn answer(batch: &[&Self], engine: &PostgresEngine, shared: &StoreContext) -> Result<Vec<Option<Relationship>>> {
        let firsts = first_of_each(batch.iter().map(|create| &create.0));
        let stored = engine.run_batch(Self::GATHERING, shared, |tx| insert(tx, &firsts))?;
        if let Some(rows) = stored.as_ref().filter(|rows| !rows.is_empty()) {
            shared.metrics.count_commit(rows.len());
        }
        let by_key = |row: Relationship| (row.key(), row);
        let mut stored: HashMap<_, _> = stored.unwrap_or_default().into_iter().map(by_key).collect();
        Ok(batch.iter().map(|create| stored.remove(&create.0.edge.key())).collect())
    }
}

/// The first of several requests for one edge creates it; the others run as ordinary jobs, which find it.
pub(super) fn first_of_each<'a>(creates: impl Iterator<Item = &'a GatheredCreate>) -> Vec<&'a GatheredCreate> {
    let mut seen = HashSet::new();
    creates.filter(|create| seen.insert(create.edge.key())).collect()
}

/// Stores and counts those of the relationships that can be stored, no two of them equal; the result is in any order.
fn insert(tx: &mut Tx<'_>, creates: &[&GatheredCreate]) -> Result<Vec<Relationship>> {
    tx.know_types(creates.iter().map(|create| &create.edge.data.relationship))?;
    let now = tx.now().micros();
    let new = |create: &&GatheredCreate| {
        let kind = tx.known_types().id_of(&create.edge.data.relationship)?;
        let row = NewRelationshipRow::of(&create.edge, kind, create.caller.author(), now);
        Some((row, create.request_id.clone()))
    };
    let (new, requests): (Vec<_>, Vec<_>) = creates.iter().filter_map(new).unzip();
    let rows = tx.insert_in_batch(&new, requests, Checked::Nothing)?;
    rows.into_iter().map(|row| tx.relationship_of(row)).collect()
}
