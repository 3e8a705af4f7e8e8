//! Lists, creates, changes and deletes user relationships.

use super::policy::{self, Action};
use super::validation;
use crate::model::attributes::Attribute;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::field::Value;
use crate::model::filter::RelationshipFilter;
use crate::model::id::{RelationshipId, UserId};
use crate::model::page::{Page, PageRequest, SortBy};
use crate::model::precondition::Precondition;
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::{Edge, EdgeAttribute, EdgeData, End, NewEdge, Relationship};
use crate::model::relationship_type::TypeName;
use crate::model::text::{excerpt, list_names};
use crate::model::user::User;
use crate::store::Tx;

/// A relationship to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRelationship {
    /// The owner; the caller by default.
    pub user: Option<UserId>,
    /// The target.
    pub target: UserId,
    /// The attributes, as sent.
    pub changes: Vec<(EdgeAttribute, Value)>,
}

impl NewRelationship {
    /// A relationship of a type, without other attributes.
    #[must_use]
    pub fn of_type(user: Option<UserId>, target: UserId, name: &str) -> Self {
        Self { user, target, changes: vec![(EdgeAttribute::Relationship, Value::Text(name.to_owned()))] }
    }
}

/// A page of relationships, and the included users at their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRelationships {
    /// The relationships.
    pub page: Page<Relationship>,
    /// The users, each once, by id.
    pub included: Vec<User>,
}

impl From<Page<Relationship>> for ListedRelationships {
    fn from(page: Page<Relationship>) -> Self {
        Self { page, included: Vec::new() }
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
    let Some(found) = tx.relationship(id)? else { return Err(Error::not_found("user relationship")) };
    let may = policy::may(caller, Action::SeeRelationship { user: found.user, target: found.target });
    may.map(|()| found).map_err(|_| Error::not_found("user relationship"))
}

/// Returns the user at an end of a relationship.
///
/// # Errors
/// As [`get`].
pub fn get_end(tx: &mut Tx<'_>, caller: &Caller, id: RelationshipId, end: End) -> Result<User> {
    let relationship = get(tx, caller, id)?;
    tx.user(end.of(&relationship))?.ok_or_else(|| Error::not_found("user"))
}

/// The edge of a new relationship if it can be created in a batch: it must be valid and allowed regardless of the
/// database. All others need [`create`], which also reports why an edge of a batch could not be stored.
#[must_use]
pub fn as_batchable_edge(caller: &Caller, new: &NewRelationship) -> Option<NewEdge> {
    let user = new.user.unwrap_or(caller.id);
    policy::may(caller, Action::WriteRelationship { owner: user }).ok()?;
    policy::may(caller, Action::NameTarget { id: new.target, is_related: false }).ok()?;
    let mut data = EdgeData::new(TypeName::parse(name_of_type(&new.changes)?)?);
    validation::apply(&mut data, &new.changes).ok()?;
    (user != new.target).then_some(NewEdge { user, target: new.target, data })
}

/// Creates a relationship.
///
/// # Errors
/// `not-owner`, `unknown-relationship-type`, `self-relationship`, `related-resource-not-found`, `already-exists`.
pub fn create(tx: &mut Tx<'_>, caller: &Caller, new: &NewRelationship) -> Result<Relationship> {
    let user = new.user.unwrap_or(caller.id);
    policy::require(caller, Action::WriteRelationship { owner: user })?;
    let mut problems = validation::problems_of(&new.changes);
    let relationship = name_of_type(&new.changes).map(|name| registered_type(tx, name)).transpose()?;
    if let Some(Err(problem)) = &relationship {
        problems.push(problem.clone());
    }
    if user == new.target {
        let detail = "the target must be another user than the owner";
        problems.push(Problem::new(Code::SelfRelationship, detail).at(ErrorSource::Target));
    }
    Error::unless_empty(problems)?;
    let mut data = EdgeData::new(relationship.ok_or_else(missing_type)??);
    validation::apply(&mut data, &new.changes)?;
    let edge = NewEdge { user, target: new.target, data };
    require_ends(tx, caller, &edge)?;
    match tx.insert_relationship(&edge, caller.author())? {
        Some(stored) => Ok(stored),
        None => Err(conflict(tx, &edge.key())?),
    }
}

/// Changes attributes of a relationship.
///
/// # Errors
/// `not-found`, `not-owner`, `precondition-failed`, `invalid-attribute`, `unknown-relationship-type`, `already-exists`.
pub fn change(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: RelationshipId,
    precondition: &Precondition,
    changes: &[(EdgeAttribute, Value)],
) -> Result<Relationship> {
    let found = get_own(tx, caller, id, precondition)?;
    if changed_data(tx, &found, changes)? == found.data {
        return Ok(found);
    }
    let old = lock_own(tx, found, precondition)?;
    // Another transaction may have stored the same relationship before the lock was acquired.
    let data = changed_data(tx, &old, changes)?;
    if data == old.data { Ok(old) } else { tx.update_relationship(&old, data, caller.author()) }
}

/// The data of `old` after changes.
///
/// # Errors
/// `invalid-attribute`, `unknown-relationship-type`, `already-exists`.
fn changed_data(tx: &mut Tx<'_>, old: &Relationship, changes: &[(EdgeAttribute, Value)]) -> Result<EdgeData> {
    let mut data = old.data.clone();
    if let Some(name) = name_of_type(changes).filter(|name| *name != data.relationship.as_str()) {
        data.relationship = registered_type(tx, name)??;
    }
    validation::apply(&mut data, changes)?;
    if data.relationship != old.data.relationship {
        require_free_edge(tx, old, &data)?;
    }
    Ok(data)
}

/// The name of the type among attributes, as sent.
fn name_of_type(changes: &[(EdgeAttribute, Value)]) -> Option<&str> {
    changes.iter().find_map(|change| match change {
        (EdgeAttribute::Relationship, Value::Text(name)) => Some(name.as_str()),
        _ => None,
    })
}

fn missing_type() -> Error {
    let member = EdgeAttribute::Relationship.member();
    Problem::new(Code::MissingAttribute, format!("`{member}` is missing")).at(ErrorSource::Missing(member)).into()
}

/// Deletes a relationship.
///
/// # Errors
/// `not-found`, also for a deleted relationship, `not-owner`, `precondition-failed`.
pub fn delete(tx: &mut Tx<'_>, caller: &Caller, id: RelationshipId, precondition: &Precondition) -> Result<()> {
    let found = get_own(tx, caller, id, precondition)?;
    lock_own(tx, found, precondition)?;
    if tx.delete_relationship(id)? { Ok(()) } else { Err(Error::not_found("user relationship")) }
}

/// Returns a relationship that the caller may change, in an expected state. The owner is that of the stored row.
///
/// # Errors
/// `not-found`, `not-owner`, `precondition-failed`.
pub fn get_own(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: RelationshipId,
    precondition: &Precondition,
) -> Result<Relationship> {
    let found = get(tx, caller, id)?;
    policy::require(caller, Action::WriteRelationship { owner: found.user })?;
    policy::require_state(precondition, &found).map(|()| found)
}

/// Locks a relationship until the end of the transaction and reads it again, because it may have changed. The lock is a
/// write, so it comes after all checks that can refuse the request.
///
/// # Errors
/// `not-found`, `precondition-failed`.
fn lock_own(tx: &mut Tx<'_>, found: Relationship, precondition: &Precondition) -> Result<Relationship> {
    let locked = tx.lock_relationship(found)?.ok_or_else(|| Error::not_found("user relationship"))?;
    policy::require_state(precondition, &locked).map(|()| locked)
}

/// Refuses a change of a relationship to data whose edge exists under another id.
///
/// # Errors
/// `already-exists`.
fn require_free_edge(tx: &mut Tx<'_>, old: &Relationship, data: &EdgeData) -> Result<()> {
    let edge = Edge { relationship: data.relationship.clone(), ..old.key() };
    match tx.find_edge(&edge)? {
        Some(other) if other != old.id => Err(conflict(tx, &edge)?),
        _ => Ok(()),
    }
}

/// The registered type with a name, or the problem for an unknown name.
fn registered_type(tx: &mut Tx<'_>, name: &str) -> Result<std::result::Result<TypeName, Problem>> {
    if let Some(name) = TypeName::parse(name)
        && tx.has_type(&name)?
    {
        return Ok(Ok(name));
    }
    let known = list_names(tx.type_names()?);
    let detail = format!("there is no relationship type `{}`; registered types: {known}", excerpt(name));
    Ok(Err(Problem::new(Code::UnknownRelationshipType, detail)
        .at(ErrorSource::Attribute(EdgeAttribute::Relationship.member()))))
}

/// Refuses an edge unless both ends exist and the caller may use the target.
fn require_ends(tx: &mut Tx<'_>, caller: &Caller, edge: &NewEdge) -> Result<()> {
    let existing = tx.existing_users(&[edge.user, edge.target])?;
    let mut problems = Vec::new();
    for (id, source) in [(edge.user, ErrorSource::Owner), (edge.target, ErrorSource::Target)] {
        if !existing.contains(&id) {
            problems.push(policy::refusal(Code::RelatedResourceNotFound).at(source));
        }
    }
    Error::unless_empty(problems)?;
    if caller.sees_only().is_some() {
        let is_related = tx.are_related(caller.id, edge.target)?;
        policy::may(caller, Action::NameTarget { id: edge.target, is_related })
            .map_err(|code| policy::refusal(code).at(ErrorSource::Target))?;
    }
    Ok(())
}

/// The error for an edge that exists.
fn conflict(tx: &mut Tx<'_>, edge: &Edge) -> Result<Error> {
    let detail = "the user already has this relationship to the target";
    let problem = Problem::new(Code::AlreadyExists, detail);
    Ok(match tx.find_edge(edge)? {
        Some(id) => problem.existing(id).into(),
        None => problem.into(),
    })
}
