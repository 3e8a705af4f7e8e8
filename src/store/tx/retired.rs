//! Queries of ids that were used once and are never used again.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};

impl Tx<'_> {
    /// Which of these ids belonged to deleted users.
    pub fn retired_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, retired::users_among(&ids))?.into_iter().map(UserId::new).collect())
    }

    /// The largest id of a deleted relationship: any smaller id without a relationship may have been used before.
    pub fn newest_retired_relationship(&mut self) -> Result<RelationshipId> {
        ask!(self, retired::newest_relationship()).map(RelationshipId::new)
    }
}
