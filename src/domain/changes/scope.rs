//! Whose changes a caller asks for, and may see.

use super::super::policy::{self, Action};
use super::super::{relationships, users};
use crate::model::caller::Caller;
use crate::model::change::{ChangeLogState, NumberedChange};
use crate::model::change_query::{ChangeFilter, ChangePageRequest};
use crate::model::code::Code;
use crate::model::error::{Error, Problem, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::page::Direction;
use crate::store::Tx;

/// The changes that a request chooses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeScope {
    /// All changes, for admins.
    All,
    /// The changes of a relationship, for those who may see it; if it is deleted, for admins.
    OfRelationship(RelationshipId),
    /// The changes of a user and of the relationships with it at either end, for this user and admins.
    OfUser(UserId),
}

impl ChangeScope {
    /// Refuses a caller who may not see these changes.
    ///
    /// # Errors
    /// `not-admin`, `not-owner`, `not-found`.
    pub(super) fn authorize(self, tx: &mut Tx<'_>, caller: &Caller) -> Result<()> {
        match self {
            Self::All => policy::require(caller, Action::SeeChanges),
            Self::OfRelationship(_) | Self::OfUser(_) if caller.is_admin() => Ok(()),
            Self::OfRelationship(id) => relationships::get(tx, caller, id).map(drop),
            Self::OfUser(id) => {
                if id != caller.id {
                    users::get(tx, caller, id)?;
                }
                policy::require(caller, Action::SeeChangesOfUser { id })
            }
        }
    }

    /// Refuses a history of something that never existed, as far as the log goes back.
    ///
    /// # Errors
    /// `not-found`.
    pub(super) fn require_existing(self, tx: &mut Tx<'_>, log: &ChangeLogState) -> Result<()> {
        let (exists, what) = match self {
            Self::All => return Ok(()),
            Self::OfRelationship(id) => (tx.relationship(id)?.is_some(), "user relationship"),
            Self::OfUser(id) => (tx.user(id)?.is_some(), "user"),
        };
        if exists || self.has_changes(tx, log)? { Ok(()) } else { Err(Error::not_found(what)) }
    }

    fn has_changes(self, tx: &mut Tx<'_>, log: &ChangeLogState) -> Result<bool> {
        let request = ChangePageRequest {
            filter: self.restrict(ChangeFilter::default()),
            after: log.horizon.position.number,
            before: i64::MAX,
            direction: Direction::Ascending,
            limit: 1,
        };
        Ok(!tx.changes(log, &request)?.changes.is_empty())
    }

    /// The filter, restricted to these changes.
    #[must_use]
    pub fn restrict(self, filter: ChangeFilter) -> ChangeFilter {
        match self {
            Self::All => filter,
            Self::OfRelationship(id) => ChangeFilter { relationship: Some(id), ..filter },
            Self::OfUser(id) => ChangeFilter { users: vec![id], ..filter },
        }
    }

    /// Whether a caller may see who made a change: admins, and the owner of the relationship.
    pub(super) fn shows_actor(self, caller: &Caller, change: &NumberedChange) -> bool {
        let is_own = |owner| policy::may(caller, Action::SeeAuthors { owner }).is_ok();
        self == Self::All || caller.is_admin() || change.change.subject.edge().is_some_and(|edge| is_own(edge.user))
    }
}

/// Refuses requests while changes are not logged.
///
/// # Errors
/// `not-found`.
pub(super) fn require_log(log: &ChangeLogState) -> Result<()> {
    if log.is_on {
        return Ok(());
    }
    Err(Problem::new(Code::NotFound, "changes are not logged: `CHANGES_RETENTION` is `0`").into())
}
