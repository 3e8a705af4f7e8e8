//! Batches of lookups: single relationships, and single users, by id.

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

/// What a lookup has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<T> {
    /// The row.
    Found(T),
    /// There is none.
    Missing,
}

impl<T> Lookup<T> {
    /// The row, if there is one.
    #[must_use]
    pub fn into_found(self) -> Option<T> {
        match self {
            Self::Found(row) => Some(row),
            Self::Missing => None,
        }
    }
}

/// The relationship with an id.
#[derive(Debug, Clone)]
pub(in crate::store) struct RelationshipLookup(pub RelationshipId);

impl BatchQuery for RelationshipLookup {
    type Answer = Lookup<FoundRelationship>;
    const NAME: &'static str = "relationships";
    const MAX_BATCH: usize = 64;
    const MODE: Mode = Mode::Read;

    fn answer(batch: &[&Self], engine: &PostgresEngine, shared: &StoreContext) -> Result<Vec<Option<Self::Answer>>> {
        let ids: Vec<_> = batch.iter().map(|lookup| lookup.0).collect();
        let found = engine.run_batch(Self::MODE, shared, |tx| tx.found_relationships(&ids))?;
        let by_id =
            |found: Vec<FoundRelationship>| found.into_iter().map(|found| (found.relationship.id, found)).collect();
        Ok(found.map(by_id).map_or_else(Vec::new, |found| in_order(&ids, &found)))
    }
}

/// The user with an id.
#[derive(Debug, Clone)]
pub(in crate::store) struct UserLookup(pub UserId);

impl BatchQuery for UserLookup {
    type Answer = Lookup<User>;
    const NAME: &'static str = "users";
    const MAX_BATCH: usize = 64;
    const MODE: Mode = Mode::Read;

    fn answer(batch: &[&Self], engine: &PostgresEngine, shared: &StoreContext) -> Result<Vec<Option<Self::Answer>>> {
        let ids: Vec<_> = batch.iter().map(|lookup| lookup.0).collect();
        let found = engine.run_batch(Self::MODE, shared, |tx| find_users(tx, &ids))?;
        Ok(found.map_or_else(Vec::new, |found| in_order(&ids, &found)))
    }
}

/// What was found for each id, in their order; none is left out.
fn in_order<I: Eq + Hash, T: Clone>(ids: &[I], found: &HashMap<I, T>) -> Vec<Option<Lookup<T>>> {
    ids.iter().map(|id| Some(found.get(id).cloned().map_or(Lookup::Missing, Lookup::Found))).collect()
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
