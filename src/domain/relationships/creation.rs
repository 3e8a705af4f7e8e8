//! Creates relationships.

use super::super::admission::{self, Ends, Verdict};
use super::super::policy::{self, Action};
use super::super::validation;
use super::refusals;
use crate::model::attributes::Attribute;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::field::Value;
use crate::model::id::UserId;
use crate::model::manager::Manager;
use crate::model::relationship::{Edge, EdgeAttribute, EdgeData, NewEdge, Relationship};
use crate::model::relationship_type::TypeName;
use crate::model::text::{excerpt, list_names};
use crate::store::{ExistingEnds, GatheredCreate, HeldType, Tx};

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

/// The edge of a new relationship if it can be gathered with others: it must be valid and allowed regardless of the
/// database. All others need [`create`], which also reports why an edge could not be stored together with others.
#[must_use]
pub fn as_batchable_edge(caller: &Caller, new: &NewRelationship) -> Option<NewEdge> {
    let user = new.user.unwrap_or(caller.id);
    policy::may(caller, Action::WriteRelationship { owner: user, managed_by: Manager::Owner }).ok()?;
    policy::may(caller, Action::NameTarget { id: new.target, is_related: false }).ok()?;
    let mut data = EdgeData::new(TypeName::parse(name_of_type(&new.changes)?)?);
    validation::apply(&mut data, &new.changes).ok()?;
    (user != new.target).then_some(NewEdge { user, target: new.target, data })
}

/// Creates a relationship.
///
/// # Errors
/// `not-owner`, `not-admin`, `unknown-relationship-type`, `self-relationship`, `related-resource-not-found`,
/// `already-exists`, and those of the rules of the type.
pub fn create(tx: &mut Tx<'_>, caller: &Caller, new: &NewRelationship) -> Result<Relationship> {
    let user = new.user.unwrap_or(caller.id);
    policy::require(caller, Action::WriteRelationship { owner: user, managed_by: Manager::Owner })?;
    let (edge, held, existing) = check_new(tx, caller, user, new)?;
    require_ends(tx, caller, &edge, existing)?;
    let ends = (user, new.target);
    let admission = admission::admit(tx, &held, &[ends])?;
    if let Some(refusal) = refusals::of_verdict(tx, caller, &held, ends, admission.verdicts.first())? {
        return Err(refusal);
    }
    match tx.insert_relationship(&held, &edge, caller.author())? {
        Some(stored) => admission.record(tx, &held).map(|()| stored),
        None => Err(refusals::existing(tx, &edge.key())?),
    }
}

/// Creates relationships of one type that were requested at the same time, each as [`create`] would. `None` for those
/// that cannot be stored, which [`create`] reports. The store calls it for edges that [`as_batchable_edge`] returned, no
/// two of them equal.
///
/// # Errors
/// Those of the store.
pub fn create_together(tx: &mut Tx<'_>, creates: &[&GatheredCreate]) -> Result<Vec<Option<Relationship>>> {
    let Some(first) = creates.first() else { return Ok(Vec::new()) };
    let Some(held) = tx.hold_types(std::slice::from_ref(&first.edge.data.relationship))?.pop() else {
        return Ok(Vec::new());
    };
    let allowed = find_allowed(tx, &held, creates)?;
    let ends: Vec<Ends> = allowed.iter().map(|create| (create.edge.user, create.edge.target)).collect();
    let admission = admission::admit(tx, &held, &ends)?;
    let is_admitted = |verdict: &Verdict| *verdict == Verdict::Admitted;
    let admitted = allowed.iter().zip(&admission.verdicts).filter(|(_, verdict)| is_admitted(verdict));
    let admitted: Vec<_> = admitted.map(|(create, _)| *create).collect();
    let stored = tx.insert_gathered(&held, &admitted)?;
    admission.record(tx, &held)?;
    let find = |create: &&GatheredCreate| stored.iter().position(|row| row.key() == create.edge.key());
    Ok(creates.iter().map(|create| find(create).and_then(|place| stored.get(place).cloned())).collect())
}

/// Those of the creates whose callers may create them and whose users exist.
fn find_allowed<'a>(
    tx: &mut Tx<'_>,
    held: &HeldType,
    creates: &[&'a GatheredCreate],
) -> Result<Vec<&'a GatheredCreate>> {
    let mut ends: Vec<UserId> = creates.iter().flat_map(|create| [create.edge.user, create.edge.target]).collect();
    ends.sort_unstable();
    ends.dedup();
    let existing: std::collections::HashSet<_> = tx.many_existing_users(&ends)?.into_iter().collect();
    let is_allowed = |create: &&&GatheredCreate| {
        let action = Action::WriteRelationship { owner: create.edge.user, managed_by: held.rules.managed_by };
        let has_ends = existing.contains(&create.edge.user) && existing.contains(&create.edge.target);
        has_ends && policy::may(&create.caller, action).is_ok()
    };
    Ok(creates.iter().filter(is_allowed).copied().collect())
}

/// Checks all of a new relationship that does not depend on its ends, and holds its type.
fn check_new(
    tx: &mut Tx<'_>,
    caller: &Caller,
    user: UserId,
    new: &NewRelationship,
) -> Result<(NewEdge, HeldType, ExistingEnds)> {
    let mut problems = validation::problems_of(&new.changes);
    let registered = name_of_type(&new.changes).map(|name| registered_type(tx, name)).transpose()?;
    let mut held = None;
    match &registered {
        Some(Ok(name)) => {
            let edge = Edge { user, target: new.target, relationship: name.clone() };
            held = tx.hold_type_of(&edge)?;
        }
        Some(Err(problem)) => problems.push(problem.clone()),
        None => {}
    }
    if let Some((held, _)) = &held {
        policy::require(caller, Action::WriteRelationship { owner: user, managed_by: held.rules.managed_by })?;
    }
    if user == new.target {
        let detail = "the target must be another user than the owner";
        problems.push(Problem::new(Code::SelfRelationship, detail).at(ErrorSource::Target));
    }
    Error::unless_empty(problems)?;
    let (held, existing) = held.ok_or_else(missing_type)?;
    let mut data = EdgeData::new(held.name.clone());
    validation::apply(&mut data, &new.changes)?;
    Ok((NewEdge { user, target: new.target, data }, held, existing))
}

/// The name of the type among attributes, as sent.
pub(in crate::domain) fn name_of_type(changes: &[(EdgeAttribute, Value)]) -> Option<&str> {
    changes.iter().find_map(|change| match change {
        (EdgeAttribute::Relationship, Value::Text(name)) => Some(name.as_str()),
        _ => None,
    })
}

fn missing_type() -> Error {
    let member = EdgeAttribute::Relationship.member();
    Problem::new(Code::MissingAttribute, format!("`{member}` is missing")).at(ErrorSource::Missing(member)).into()
}

/// The registered type with a name, or the problem for an unknown name.
pub(in crate::domain) fn registered_type(
    tx: &mut Tx<'_>,
    name: &str,
) -> Result<std::result::Result<TypeName, Problem>> {
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
fn require_ends(tx: &mut Tx<'_>, caller: &Caller, edge: &NewEdge, existing: ExistingEnds) -> Result<()> {
    let mut problems = Vec::new();
    for (exists, source) in [(existing.user, ErrorSource::Owner), (existing.target, ErrorSource::Target)] {
        if !exists {
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
