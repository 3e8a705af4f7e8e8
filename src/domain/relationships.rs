//! Lists, creates, changes and deletes user relationships.

mod authors;
mod changes;
mod creation;
mod refusals;

pub(in crate::domain) use authors::may_see_authors;
pub use authors::{as_changed, as_created, authored, get_authored, load_authors};
pub use changes::{as_gathered_change, as_gathered_delete, change, delete, get_own, own};
pub use creation::{NewRelationship, as_batchable_edge, create, create_together};
pub(in crate::domain) use creation::{name_of_type, registered_type};
pub(in crate::domain) use refusals::of_verdict as refusal_of;

use std::collections::HashMap;

use super::validation;
use crate::model::authors::Authors;
use crate::model::caller::Caller;
use crate::model::error::{Error, Result};
use crate::model::filter::RelationshipFilter;
use crate::model::id::RelationshipId;
use crate::model::page::{Page, PageRequest, SortBy};
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::{End, Relationship};
use crate::model::relationship_query::RelationshipPage;
use crate::model::user::User;
use crate::store::Tx;
use refusals::{not_found, require_visible};

/// A page of relationships, and the included users at their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRelationships {
    /// The relationships.
    pub page: Page<Relationship>,
    /// The authors of relationships whose authors the caller may see, if the list asks for them.
    pub authors: HashMap<RelationshipId, Authors>,
    /// The users, each once, by id.
    pub included: Vec<User>,
}

impl From<RelationshipPage> for ListedRelationships {
    fn from(RelationshipPage { page, included }: RelationshipPage) -> Self {
        Self { page, authors: HashMap::new(), included }
    }
}

/// The message for an attempt to change an end of a relationship.
pub const IMMUTABLE: &str = "the ends of a relationship are fixed; delete it and create another one";

/// Restricts a filter to rows that the caller may see.
#[must_use]
pub fn restrict_to_visible(caller: &Caller, filter: RelationshipFilter) -> RelationshipFilter {
    RelationshipFilter { seen_by: caller.sees_only(), ..filter }
}

/// Lists the matching relationships that the caller may see.
///
/// # Errors
/// `unsupported-sort` if too many rows match for the order, and those of the store.
pub fn list(
    tx: &mut Tx<'_>,
    caller: &Caller,
    filter: &RelationshipFilter,
    slice: &PageRequest,
) -> Result<Page<Relationship>> {
    let filter = restrict_to_visible(caller, filter.clone());
    let (name, cure) = match slice.sort.by {
        SortBy::CreatedAt => ("created-at", "filter the list, or sort by `id`, which is the order of creation, too"),
        SortBy::UpdatedAt => ("updated-at", "filter the list, for example by `filter[user]` or `filter[target]`"),
        SortBy::Id | SortBy::Name => return tx.relationships(&filter, slice),
    };
    let total = tx.relationships(&filter, &PageRequest::default())?.total;
    validation::require_sortable(name, total, cure)?;
    tx.relationships(&filter, slice)
}

/// Loads the users at these ends of visible relationships, each once, by id.
///
/// # Errors
/// `answer-too-large` if they have more bytes than the budget.
pub fn load_endpoints(
    tx: &mut Tx<'_>,
    relationships: &[Relationship],
    ends: &[End],
    mut budget: ReadBudget,
) -> Result<Vec<User>> {
    let mut ids: Vec<_> = ends.iter().flat_map(|end| relationships.iter().map(|row| end.of(row))).collect();
    ids.sort_unstable();
    ids.dedup();
    tx.users_of(&ids, &mut budget)
}

/// Returns a relationship.
///
/// # Errors
/// `not-found` if the relationship does not exist, or the caller may not see it.
pub fn get(tx: &mut Tx<'_>, caller: &Caller, id: RelationshipId) -> Result<Relationship> {
    let Some(found) = tx.relationship(id)? else { return Err(not_found()) };
    require_visible(caller, &found).map(|()| found)
}

/// Returns the user at an end of a relationship.
///
/// # Errors
/// As [`get`].
pub fn get_end(tx: &mut Tx<'_>, caller: &Caller, id: RelationshipId, end: End) -> Result<User> {
    let relationship = get(tx, caller, id)?;
    tx.user(end.of(&relationship))?.ok_or_else(|| Error::not_found("user"))
}
