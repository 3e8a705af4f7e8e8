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

/// The type or the role with a name, or else all names of types and roles. The cells of a column with the name of a type
/// are targets; those of a column with the name of a role are users in that role. An unknown type is registered later if
/// `creates_types`.
///
/// # Errors
/// Those of the store.
pub fn find_edge_column(
    tx: &mut Tx<'_>,
    name: &str,
    creates_types: bool,
) -> Result<std::result::Result<EdgeColumn, Vec<String>>> {
    let types = tx.types(0, i64::from(MAX_TYPES))?.items;
    if let Some(found) = types.iter().find_map(|kind| edge_column_of(kind, name)) {
        return Ok(Ok(found));
    }
    match TypeName::parse(name) {
        Some(relationship) if creates_types => Ok(Ok(EdgeColumn { relationship, end: RoleEnd::Target })),
        _ => Ok(Err(types.iter().flat_map(names_of).collect())),
    }
}

fn edge_column_of(kind: &RelationshipType, name: &str) -> Option<EdgeColumn> {
    let is_role = |role: &Option<TypeName>| role.as_ref().is_some_and(|role| role.as_str() == name);
    let end = match () {
        () if kind.name.as_str() == name => RoleEnd::Target,
        () if kind.data.is_symmetric && is_role(&kind.data.user_role) => RoleEnd::Either,
        () if is_role(&kind.data.target_role) => RoleEnd::Target,
        () if is_role(&kind.data.user_role) => RoleEnd::Owner,
        () => return None,
    };
    Some(EdgeColumn { relationship: kind.name.clone(), end })
}

fn names_of(kind: &RelationshipType) -> Vec<String> {
    let roles = [&kind.data.user_role, &kind.data.target_role].into_iter().flatten();
    [&kind.name].into_iter().chain(roles).map(|name| name.as_str().to_owned()).collect()
}
