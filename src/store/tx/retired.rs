//! Questions about ids that were given once and are not given again.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};

impl Tx<'_> {
    /// Which of these ids belonged to users that were deleted.
    pub fn retired_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, retired::users_among(&ids))?.into_iter().map(UserId::new).collect())
    }

    /// The largest id of a relationship that was deleted: an id up to it that no relationship has may have been given
    /// before.
    pub fn newest_retired_relationship(&mut self) -> Result<RelationshipId> {
        ask!(self, retired::newest_relationship()).map(RelationshipId::new)
    }
}
