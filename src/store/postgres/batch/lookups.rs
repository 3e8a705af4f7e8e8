//! Batches of lookups: single relationships, and single users, by id.
//!
//! # Design
//! A row that is not found is left out, and its request runs as an ordinary job: on a replica the row may be missing only
//! for a moment, and a job knows an unregistered type from a missing relationship.

use std::collections::HashMap;
use std::hash::Hash;

use super::batcher::BatchQuery;
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};
use crate::model::user::User;
use crate::store::held_type::FoundRelationship;
use crate::store::postgres::engine::PostgresEngine;
use crate::store::postgres::mode::Mode;
use crate::store::postgres::queries::users;
use crate::store::rows::Profiles;
use crate::store::tx::{StoreContext, Tx};

/// The relationship with an id.
#[derive(Debug, Clone)]
pub(in crate::store) struct RelationshipLookup(pub RelationshipId);

impl BatchQuery for RelationshipLookup {
    type Answer = FoundRelationship;
    const NAME: &'static str = "relationships";
    const MAX_BATCH: usize = 64;
    const MODE: Mode = Mode::Read;
    const GATHERS_SPREAD_ROWS: bool = true;

    fn answer(batch: &[&Self], engine: &PostgresEngine, shared: &StoreContext) -> Result<Vec<Option<Self::Answer>>> {
        let ids: Vec<_> = batch.iter().map(|lookup| lookup.0).collect();
        let found = engine.run_batch(Self::GATHERING, shared, |tx| tx.found_relationships(&ids))?;
        let by_id =
            |found: Vec<FoundRelationship>| found.into_iter().map(|found| (found.relationship.id, found)).collect();
        Ok(found.map(by_id).map_or_else(Vec::new, |found| in_order(&ids, &found)))
    }
}

/// The user with an id.
#[derive(Debug, Clone)]
pub(in crate::store) struct UserLookup(pub UserId);

impl BatchQuery for UserLookup {
    type Answer = User;
    const NAME: &'static str = "users";
    const MAX_BATCH: usize = 64;
    const MODE: Mode = Mode::Read;
    const GATHERS_SPREAD_ROWS: bool = true;

    fn answer(batch: &[&Self], engine: &PostgresEngine, shared: &StoreContext) -> Result<Vec<Option<Self::Answer>>> {
        let ids: Vec<_> = batch.iter().map(|lookup| lookup.0).collect();
        let found = engine.run_batch(Self::GATHERING, shared, |tx| find_users(tx, &ids))?;
        Ok(found.map_or_else(Vec::new, |found| in_order(&ids, &found)))
    }
}

/// What was found for each id, in their order. What was not is left out.
fn in_order<I: Eq + Hash, T: Clone>(ids: &[I], found: &HashMap<I, T>) -> Vec<Option<T>> {
    ids.iter().map(|id| found.get(id).cloned()).collect()
}

fn find_users(tx: &mut Tx<'_>, ids: &[UserId]) -> Result<HashMap<UserId, User>> {
    let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
    let rows = tx.ask_postgres(|conn| users::find(conn, &ids, Profiles::Legal))?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        if let Some(row) = tx.with_profile(row)? {
            found.insert(UserId::new(row.id), User::from(row));
        }
    }
    Ok(found)
}
