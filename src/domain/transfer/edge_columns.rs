//! The relationships that a column of a people file becomes.

use crate::model::error::Result;
use crate::model::relationship_type::{MAX_TYPES, RelationshipType, TypeName};
use crate::model::role::RoleEnd;
use crate::store::Tx;

/// What a column of a people file becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeColumn {
    /// The type of the relationships.
    pub relationship: TypeName,
    /// The end at which the users of the cells are.
    pub end: RoleEnd,
}

/// What columns with these names of types or roles become; for another name, all names of types and roles. The cells of a
/// column with the name of a type are targets; those of a column with the name of a role are users in that role. An unknown
/// type is registered later if `creates_types`.
///
/// # Errors
/// Those of the store.
pub fn find_edge_columns(
    tx: &mut Tx<'_>,
    names: &[String],
    creates_types: bool,
) -> Result<Vec<std::result::Result<EdgeColumn, Vec<String>>>> {
    let types = tx.types(0, i64::from(MAX_TYPES))?.items;
    Ok(names.iter().map(|name| find_edge_column(&types, name, creates_types)).collect())
}

fn find_edge_column(
    types: &[RelationshipType],
    name: &str,
    creates_types: bool,
) -> std::result::Result<EdgeColumn, Vec<String>> {
    if let Some(found) = types.iter().find_map(|kind| edge_column_of(kind, name)) {
        return Ok(found);
    }
    match TypeName::parse(name) {
        Some(relationship) if creates_types => Ok(EdgeColumn { relationship, end: RoleEnd::Target }),
        _ => Err(types.iter().flat_map(names_of).collect()),
    }
}

fn edge_column_of(kind: &RelationshipType, name: &str) -> Option<EdgeColumn> {
    let [user_role, target_role] =
        [&kind.data.user_role, &kind.data.target_role].map(|role| role.as_ref().map(TypeName::as_str));
    let end = if kind.name.as_str() == name {
        RoleEnd::Target
    } else if [user_role, target_role].contains(&Some(name)) {
        RoleEnd::of_role(name, kind.data.is_symmetric, user_role)
    } else {
        return None;
    };
    Some(EdgeColumn { relationship: kind.name.clone(), end })
}

fn names_of(kind: &RelationshipType) -> Vec<String> {
    let roles = [&kind.data.user_role, &kind.data.target_role].into_iter().flatten();
    [&kind.name].into_iter().chain(roles).map(|name| name.as_str().to_owned()).collect()
}
