//! Validates what admins write of relationship types: values, roles, and rules that exclude each other.

use super::validation;
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::field::Value;
use crate::model::relationship_type::{RelationshipType, TypeAttribute, TypeData, TypeName};
use crate::model::user::USER_MEMBERS;
use crate::store::Tx;

/// Names that cannot be roles, beside [`USER_MEMBERS`]: documents and URLs of users use them, or will.
const RESERVED_ROLES: [&str; 9] = ["type", "id", "lid", "links", "meta", "relationships", "me", "changes", "groups"];

const ROLES: [TypeAttribute; 2] = [TypeAttribute::UserRole, TypeAttribute::TargetRole];
/// The attributes that say which roles a type may have.
const OF_ROLES: &[TypeAttribute] = &[TypeAttribute::TargetRole, TypeAttribute::UserRole, TypeAttribute::IsSymmetric];

/// The data of the type `name` after changes. `old` is `None` if the type is to be registered.
///
/// Roles are unique across types, so [`Tx::lock_types`] comes first in a job that writes the data.
///
/// # Errors
/// `invalid-attribute` with every problem of the values; otherwise `role-taken` with every role, and the name of a new
/// type, that another type has as a role.
pub(super) fn change_data(
    tx: &mut Tx<'_>,
    name: &TypeName,
    old: Option<&TypeData>,
    changes: &[(TypeAttribute, Value)],
) -> Result<TypeData> {
    let before = old.cloned().unwrap_or_default();
    let mut problems = validation::problems_of(changes);
    let data = apply_valid(&before, changes, &problems)?;
    problems.extend(complaints_about_contradictions(&before, &data, &problems));
    let claims = claims_of(name, old, &data);
    let others = other_types(tx, name, &claims)?;
    problems.extend(claims.iter().filter_map(|claim| complain_if_reserved(claim, &others)));
    Error::unless_empty(problems)?;
    Error::unless_empty(claims.iter().filter_map(|claim| complain_if_taken(claim, &others)).collect())?;
    Ok(data)
}

/// `old` with the changes that have no problem.
fn apply_valid(old: &TypeData, changes: &[(TypeAttribute, Value)], problems: &[Problem]) -> Result<TypeData> {
    let valid: Vec<_> = changes.iter().filter(|(attribute, _)| !has_problem(problems, *attribute)).cloned().collect();
    let mut data = old.clone();
    validation::apply(&mut data, &valid).map(|()| data)
}

fn has_problem(problems: &[Problem], attribute: TypeAttribute) -> bool {
    problems.iter().any(|problem| problem.source == Some(ErrorSource::Attribute(attribute.member())))
}

/// The problems of values that exclude each other, without those of attributes that have a problem already.
fn complaints_about_contradictions(old: &TypeData, data: &TypeData, problems: &[Problem]) -> Vec<Problem> {
    let is_new = |found: &Contradiction| !found.attributes.iter().any(|attribute| has_problem(problems, *attribute));
    let problem = |found: Contradiction| {
        let problem = Problem::new(Code::InvalidAttribute, found.detail);
        // The stored data has no contradiction, so the request changes one of the attributes.
        let changed = found.attributes.iter().find(|attribute| old.get(**attribute) != data.get(**attribute));
        let source = changed.map(|attribute| ErrorSource::Attribute(attribute.member()));
        Problem { source, ..problem }
    };
    let all = [acyclic_and_symmetric(data), limited_and_symmetric(data), different_roles(data), equal_roles(data)];
    all.into_iter().flatten().filter(is_new).map(problem).collect()
}

/// Values that exclude each other.
struct Contradiction {
    /// Their attributes; the first one that a request changes is blamed.
    attributes: &'static [TypeAttribute],
    /// What is wrong, and what to do.
    detail: String,
}

fn acyclic_and_symmetric(data: &TypeData) -> Option<Contradiction> {
    (data.is_symmetric && data.is_acyclic).then(|| Contradiction {
        attributes: &[TypeAttribute::IsAcyclic, TypeAttribute::IsSymmetric],
        detail: "`is-symmetric` excludes `is-acyclic`: set one of them to false".to_owned(),
    })
}

fn limited_and_symmetric(data: &TypeData) -> Option<Contradiction> {
    (data.is_symmetric && data.max_per_user.is_some()).then(|| Contradiction {
        attributes: &[TypeAttribute::MaxPerUser, TypeAttribute::IsSymmetric],
        detail: "`is-symmetric` excludes `max-per-user`: set `max-per-user` to null, or `is-symmetric` to false"
            .to_owned(),
    })
}

fn different_roles(data: &TypeData) -> Option<Contradiction> {
    let text = |role: &Option<TypeName>| role.as_ref().map_or_else(|| "null".to_owned(), |role| format!("`{role}`"));
    (data.is_symmetric && data.user_role != data.target_role).then(|| Contradiction {
        attributes: OF_ROLES,
        detail: format!(
            "both roles of a symmetric type must be equal, but `user-role` is {} and `target-role` is {}: set both to \
             the same role or to null, or `is-symmetric` to false",
            text(&data.user_role),
            text(&data.target_role)
        ),
    })
}

fn equal_roles(data: &TypeData) -> Option<Contradiction> {
    let role = data.user_role.as_ref().filter(|_| !data.is_symmetric && data.user_role == data.target_role)?;
    let detail = format!(
        "`user-role` and `target-role` are both `{role}`: set one of them to another role or to null, or \
         `is-symmetric` to true"
    );
    Some(Contradiction { attributes: OF_ROLES, detail })
}

/// A name that a request gives to a type or to a role of it.
struct Claim {
    name: TypeName,
    source: ErrorSource,
}

/// The name of a new type, and the roles that `data` has and `old` has not.
fn claims_of(name: &TypeName, old: Option<&TypeData>, data: &TypeData) -> Vec<Claim> {
    let new_name = old.is_none().then(|| Claim { name: name.clone(), source: ErrorSource::TypeName });
    let is_new =
        |attribute: &TypeAttribute| old.is_none_or(|old| role_of(old, *attribute) != role_of(data, *attribute));
    let roles = ROLES.into_iter().filter(is_new).filter_map(|attribute| {
        let name = role_of(data, attribute)?.clone();
        Some(Claim { name, source: ErrorSource::Attribute(attribute.member()) })
    });
    new_name.into_iter().chain(roles).collect()
}

fn role_of(data: &TypeData, attribute: TypeAttribute) -> Option<&TypeName> {
    match attribute {
        TypeAttribute::UserRole => data.user_role.as_ref(),
        TypeAttribute::TargetRole => data.target_role.as_ref(),
        _ => None,
    }
}

/// The types except `name` that have a claimed name as their name or role.
fn other_types(tx: &mut Tx<'_>, name: &TypeName, claims: &[Claim]) -> Result<Vec<RelationshipType>> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = claims.iter().map(|claim| claim.name.clone()).collect();
    let mut types = tx.types_with_name_or_role(&names)?;
    types.retain(|other| other.name != *name);
    Ok(types)
}

fn complain_if_reserved(claim: &Claim, others: &[RelationshipType]) -> Option<Problem> {
    let name = claim.name.as_str();
    let reason = if claim.source == ErrorSource::TypeName {
        // Types have had these names since before there were roles.
        return None;
    } else if USER_MEMBERS.contains(&name) {
        "users have an attribute or relationship of this name"
    } else if RESERVED_ROLES.contains(&name) {
        "documents and URLs use this name"
    } else if others.iter().any(|other| other.name == claim.name) {
        "it is the name of another relationship type"
    } else {
        return None;
    };
    let detail = format!("must not be `{name}`, because {reason}; choose another role");
    Some(Problem::new(Code::InvalidAttribute, detail).at(claim.source.clone()))
}

fn complain_if_taken(claim: &Claim, others: &[RelationshipType]) -> Option<Problem> {
    let (name, role) = others.iter().find_map(|other| {
        let role = ROLES.into_iter().find(|role| role_of(&other.data, *role) == Some(&claim.name))?;
        Some((&other.name, role.member()))
    })?;
    let detail = format!(
        "`{}` is the `{role}` of the relationship type `{name}`; choose another name, or change that role",
        claim.name
    );
    Some(Problem::new(Code::RoleTaken, detail).at(claim.source.clone()))
}
