//! Relationships as they were at a moment, for callers that see everything. Users are shown as they are now: the change
//! log keeps no values.

mod members;
mod moment;

pub use members::{PastRoleUsers, list_members};
pub(in crate::domain) use members::{describe, find_role};
pub(in crate::domain) use moment::PastMoment;

use std::collections::HashSet;

use super::policy::{self, Action};
use super::relationships;
use crate::model::caller::Caller;
use crate::model::error::{ErrorSource, Problem, Result};
use crate::model::filter::RelationshipFilter;
use crate::model::id::UserId;
use crate::model::page::{Page, PageRequest};
use crate::model::past::PastEdge;
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::End;
use crate::model::time::Timestamp;
use crate::model::user::User;
use crate::store::Tx;

/// A page of relationships as they were at a moment, and the included users at their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRelationships {
    /// The relationships.
    pub page: Page<PastEdge>,
    /// The users who still exist, each once, by id.
    pub included: Vec<User>,
    /// The users who were deleted, each once, by id.
    pub deleted: Vec<UserId>,
}

/// Refuses a caller who may not see the past.
///
/// # Errors
/// `not-admin`.
pub fn authorize(caller: &Caller) -> Result<()> {
    policy::may(caller, Action::SeePast).map_err(|code| {
        let detail = "callers with the access level `ext` see the present only; remove `filter[as-of]`";
        Problem::new(code, detail).at(ErrorSource::Parameter(moment::PARAMETER)).into()
    })
}

/// Lists the relationships that matched a filter at a moment. The filter has owners, targets or participants, and does not
/// depend on the state of users. The job must see one snapshot, and all changes that were committed before it must have
/// numbers.
///
/// # Errors
/// `invalid-parameter` for a moment that is not in the log, or if too much changed since; `unsupported-sort` if too many
/// rows match for the order.
pub fn list(
    tx: &mut Tx<'_>,
    caller: &Caller,
    at: Timestamp,
    filter: &RelationshipFilter,
    slice: &PageRequest,
) -> Result<Page<PastEdge>> {
    moment::PastMoment::find(tx, at)?.list(tx, caller, filter, slice)
}

/// Finds out who had created relationships of a page and changed them last, where the caller may see that.
///
/// # Errors
/// Those of the store.
pub fn load_authors(tx: &mut Tx<'_>, caller: &Caller, rows: &mut [PastEdge]) -> Result<()> {
    let unchanged: Vec<_> = rows.iter().filter(|row| row.authors.is_none()).map(|row| row.edge.clone()).collect();
    let loaded = relationships::load_authors(tx, caller, &unchanged)?;
    for row in rows {
        let known = row.authors.filter(|_| relationships::may_see_authors(caller, &row.edge));
        row.authors = known.or(loaded.get(&row.edge.id).copied());
    }
    Ok(())
}

/// Loads the users at these ends of relationships.
///
/// # Errors
/// `answer-too-large` if they have more bytes than the budget.
pub fn load_endpoints(
    tx: &mut Tx<'_>,
    relationships: &[PastEdge],
    ends: &[End],
    mut budget: ReadBudget,
) -> Result<(Vec<User>, Vec<UserId>)> {
    let mut ids: Vec<_> = ends.iter().flat_map(|end| relationships.iter().map(|row| end.of(&row.edge))).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = tx.users_of(&ids, &mut budget)?;
    let existing: HashSet<_> = found.iter().map(|user| user.id).collect();
    ids.retain(|id| !existing.contains(id));
    Ok((found, ids))
}
