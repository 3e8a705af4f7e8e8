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
    let roles = new_roles(&before, &data);
    let new_name = if old.is_none() { Some(name) } else { None };
    let others = other_types(tx, name, roles.iter().map(|(_, role)| *role).chain(new_name).cloned().collect())?;
    problems.extend(roles.iter().filter_map(|(attribute, role)| complain_if_reserved(*attribute, role, &others)));
    Error::unless_empty(problems)?;
    let taken_name = new_name.and_then(|name| complain_if_taken(name, &others, ErrorSource::TypeName));
    let taken_roles = roles
        .iter()
        .filter_map(|(attribute, role)| complain_if_taken(role, &others, ErrorSource::Attribute(attribute.member())));
    Error::unless_empty(taken_name.into_iter().chain(taken_roles).collect())?;
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

/// The roles that `data` has and `old` has not.
fn new_roles<'a>(old: &TypeData, data: &'a TypeData) -> Vec<(TypeAttribute, &'a TypeName)> {
    let roles = ROLES.into_iter().zip([(&old.user_role, &data.user_role), (&old.target_role, &data.target_role)]);
    let changed = roles.filter(|(_, (before, now))| before != now);
    changed.filter_map(|(attribute, (_, role))| Some((attribute, role.as_ref()?))).collect()
}

/// The types except `name` that have one of `names` as their name or role.
fn other_types(tx: &mut Tx<'_>, name: &TypeName, names: Vec<TypeName>) -> Result<Vec<RelationshipType>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut types = tx.types_with_name_or_role(&names)?;
    types.retain(|other| other.name != *name);
    Ok(types)
}

fn complain_if_reserved(attribute: TypeAttribute, role: &TypeName, others: &[RelationshipType]) -> Option<Problem> {
    let reason = if USER_MEMBERS.contains(&role.as_str()) {
        "users have an attribute or relationship of this name"
    } else if RESERVED_ROLES.contains(&role.as_str()) {
        "documents and URLs use this name"
    } else if others.iter().any(|other| other.name == *role) {
        "it is the name of another relationship type"
    } else {
        return None;
    };
    let detail = format!("must not be `{role}`, because {reason}; choose another role");
    Some(Problem::new(Code::InvalidAttribute, detail).at(ErrorSource::Attribute(attribute.member())))
}

fn complain_if_taken(name: &TypeName, others: &[RelationshipType], source: ErrorSource) -> Option<Problem> {
    let (other, member) =
        others.iter().find_map(|other| Some((&other.name, role_named(&other.data, name)?.member())))?;
    let detail = format!(
        "`{name}` is the `{member}` of the relationship type `{other}`; choose another name, or change that role"
    );
    Some(Problem::new(Code::RoleTaken, detail).at(source))
}

/// The role of a type with this name.
fn role_named(data: &TypeData, name: &TypeName) -> Option<TypeAttribute> {
    let roles = ROLES.into_iter().zip([&data.user_role, &data.target_role]);
    roles.filter(|(_, role)| role.as_ref() == Some(name)).map(|(attribute, _)| attribute).next()
}
