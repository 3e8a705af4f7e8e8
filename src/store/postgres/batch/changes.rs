//! Batches of changes of relationships to other types, stored with one statement and one commit.
//!
//! # Design
//! The domain has read each relationship and checked the request. The statement changes those that are still in the state
//! that was read, whose callers own them, or may change all, and whose old and new types have no rules. A change that it
//! leaves out runs as an ordinary job, which finds the reason.

use std::collections::HashMap;

use super::batcher::BatchQuery;
use super::changes_sql;
use super::deletes::{GatheredWriter, first_of_each, writer_columns};
use crate::model::authors::{AuthoredRelationship, Authors};
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship_type::TypeName;
use crate::store::columns::Column;
use crate::store::postgres::engine::PostgresEngine;
use crate::store::postgres::mode::Mode;
use crate::store::tx::{StoreContext, Tx};

/// A relationship to give another type, and the caller who changes it.
#[derive(Debug, Clone)]
pub struct GatheredChange {
    /// The relationship.
    pub id: RelationshipId,
    /// The version that the caller changes.
    pub version: i64,
    /// The new type.
    pub relationship: TypeName,
    /// The caller.
    pub writer: GatheredWriter,
}

impl BatchQuery for GatheredChange {
    type Answer = AuthoredRelationship;
    const NAME: &'static str = "changes";
    const MAX_BATCH: usize = 256;
    const MODE: Mode = Mode::Batch;

    fn answer(
        batch: &[&Self],
        engine: &PostgresEngine,
        shared: &StoreContext,
    ) -> Result<Vec<Option<AuthoredRelationship>>> {
        // Of several requests for one relationship, all but the first find that it has changed.
        let firsts = first_of_each(batch, |change| change.id);
        let changed = engine.run_batch(Self::GATHERING, shared, |tx| change(tx, &firsts))?.unwrap_or_default();
        if !changed.is_empty() {
            shared.metrics.count_commit(changed.len());
        }
        let mut changed: HashMap<_, _> = changed.into_iter().map(|row| (row.relationship.id, row)).collect();
        Ok(batch.iter().map(|change| changed.remove(&change.id)).collect())
    }
}

/// Changes, counts and logs those of the relationships that can be changed; the result is in any order.
fn change(tx: &mut Tx<'_>, changes: &[&GatheredChange]) -> Result<Vec<AuthoredRelationship>> {
    tx.know_types(changes.iter().map(|change| &change.relationship))?;
    let known = |change: &&&GatheredChange| tx.known_types().id_of(&change.relationship).is_some();
    let changes: Vec<_> = changes.iter().filter(known).copied().collect();
    let kinds = changes.iter().filter_map(|change| tx.known_types().id_of(&change.relationship)).collect();
    let mut columns = vec![
        Column::Integers(changes.iter().map(|change| change.id.get()).collect()),
        Column::Integers(changes.iter().map(|change| change.version).collect()),
        Column::Smalls(kinds),
    ];
    columns.extend(writer_columns(changes.iter().map(|change| &change.writer)));
    let now = tx.now().micros();
    let rows = tx.ask_postgres(|conn| changes_sql::change(conn, columns, now))?;
    tx.record_batch(rows.len());
    let of_row = |(row, created_by, updated_by): (_, Option<i64>, Option<i64>)| {
        let authors = Authors { created_by: created_by.map(UserId::new), updated_by: updated_by.map(UserId::new) };
        Ok(AuthoredRelationship { relationship: tx.relationship_of(row)?, authors: Some(authors) })
    };
    rows.into_iter().map(of_row).collect()
}
