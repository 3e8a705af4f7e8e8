//! Batches of deletes of relationships, done with one statement and one commit.
//!
//! # Design
//! The statement deletes the relationships whose callers own them, or may delete all, and whose types have no rules. A
//! delete that it leaves out runs as an ordinary job, which finds the reason.

use std::collections::HashSet;

use super::batcher::BatchQuery;
use super::deletes_sql;
use crate::model::change::ChangeOrigin;
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};
use crate::store::columns::Column;
use crate::store::postgres::engine::PostgresEngine;
use crate::store::postgres::mode::Mode;
use crate::store::tx::{StoreContext, Tx};

/// Who asks for a change or a delete of a relationship.
#[derive(Debug, Clone)]
pub struct GatheredWriter {
    /// Whose relationships of types without rules the caller may write; `None` if everyone's.
    pub owner: Option<UserId>,
    /// The caller and the request, as the log names them.
    pub origin: ChangeOrigin,
}

/// A relationship to delete, whatever its state, and the caller who deletes it.
#[derive(Debug, Clone)]
pub struct GatheredDelete {
    /// The relationship.
    pub id: RelationshipId,
    /// The caller.
    pub writer: GatheredWriter,
}

impl BatchQuery for GatheredDelete {
    type Answer = ();
    const NAME: &'static str = "deletes";
    const MAX_BATCH: usize = 256;
    const MODE: Mode = Mode::Batch;

    fn answer(batch: &[&Self], engine: &PostgresEngine, shared: &StoreContext) -> Result<Vec<Option<()>>> {
        let firsts = first_of_each(batch, |delete| delete.id);
        let deleted = engine.run_batch(Self::GATHERING, shared, |tx| delete_all(tx, &firsts))?.unwrap_or_default();
        if !deleted.is_empty() {
            shared.metrics.count_commit(deleted.len());
        }
        // The first of several requests for one relationship deletes it; the others find that it is gone.
        let mut deleted: HashSet<_> = deleted.into_iter().collect();
        Ok(batch.iter().map(|delete| deleted.remove(&delete.id.get()).then_some(())).collect())
    }
}

/// The first of several requests for one relationship.
pub(super) fn first_of_each<'a, Q>(batch: &[&'a Q], id: fn(&Q) -> RelationshipId) -> Vec<&'a Q> {
    let mut seen = HashSet::new();
    batch.iter().copied().filter(|request| seen.insert(id(request))).collect()
}

/// Deletes, counts and logs those of the relationships that can be deleted; the ids are in any order.
fn delete_all(tx: &mut Tx<'_>, asked: &[&GatheredDelete]) -> Result<Vec<i64>> {
    let mut columns = vec![Column::Integers(asked.iter().map(|delete| delete.id.get()).collect())];
    columns.extend(writer_columns(asked.iter().map(|delete| &delete.writer)));
    let now = tx.now().micros();
    let deleted = tx.ask_postgres(|conn| deletes_sql::delete(conn, columns, now))?;
    tx.record_batch(deleted.len());
    Ok(deleted)
}

/// The columns `owner_id`, `actor_id` and `request_id` of writers.
pub(super) fn writer_columns<'a>(writers: impl Iterator<Item = &'a GatheredWriter> + Clone) -> [Column; 3] {
    let owners = writers.clone().map(|writer| writer.owner.map(UserId::get)).collect();
    let actors = writers.clone().map(|writer| writer.origin.actor.map(UserId::get)).collect();
    let requests = writers.map(|writer| writer.origin.request_id.clone()).collect();
    [Column::OptionalIntegers(owners), Column::OptionalIntegers(actors), Column::OptionalTexts(requests)]
}
