//! Who created relationships and who changed them last: for admins and owners.

use std::collections::HashMap;

use super::super::policy::{self, Action};
use super::refusals::{not_found, require_visible};
use crate::model::authors::{AuthoredRelationship, Authors};
use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::id::RelationshipId;
use crate::model::relationship::Relationship;
use crate::store::{FoundRelationship, Tx};

/// Whether a caller may see the authors of a relationship, and who made its changes.
pub(in crate::domain) fn may_see_authors(caller: &Caller, relationship: &Relationship) -> bool {
    policy::may(caller, Action::SeeAuthors { owner: relationship.user }).is_ok()
}

/// Returns a relationship with its authors, if the caller may see them.
///
/// # Errors
/// As [`get`](super::get).
pub fn get_authored(tx: &mut Tx<'_>, caller: &Caller, id: RelationshipId) -> Result<AuthoredRelationship> {
    let (relationship, authors) = tx.authored_relationship(id)?.ok_or_else(not_found)?;
    shown(caller, relationship, authors)
}

/// As [`get_authored`], a relationship that the store has found.
///
/// # Errors
/// As [`get`](super::get).
pub fn authored(caller: &Caller, found: FoundRelationship) -> Result<AuthoredRelationship> {
    let FoundRelationship { relationship, authors, .. } = found;
    shown(caller, relationship, authors)
}

fn shown(caller: &Caller, relationship: Relationship, authors: Authors) -> Result<AuthoredRelationship> {
    require_visible(caller, &relationship)?;
    let authors = may_see_authors(caller, &relationship).then_some(authors);
    Ok(AuthoredRelationship { relationship, authors })
}

/// A relationship that the caller has just created, with its authors.
#[must_use]
pub fn as_created(caller: &Caller, relationship: Relationship) -> AuthoredRelationship {
    AuthoredRelationship { relationship, authors: Some(Authors::of_new(caller.author())) }
}

/// A relationship that the caller has changed, with its authors.
///
/// # Errors
/// Those of the store.
pub fn as_changed(tx: &mut Tx<'_>, caller: &Caller, relationship: Relationship) -> Result<AuthoredRelationship> {
    let authors = load_authors(tx, caller, std::slice::from_ref(&relationship))?.remove(&relationship.id);
    Ok(AuthoredRelationship { relationship, authors })
}

/// Loads the authors of those relationships whose authors the caller may see.
///
/// # Errors
/// Those of the store.
pub fn load_authors(
    tx: &mut Tx<'_>,
    caller: &Caller,
    relationships: &[Relationship],
) -> Result<HashMap<RelationshipId, Authors>> {
    let visible = relationships.iter().filter(|relationship| may_see_authors(caller, relationship));
    let ids: Vec<_> = visible.map(|relationship| relationship.id).collect();
    if ids.is_empty() { Ok(HashMap::new()) } else { tx.authors(&ids) }
}
