//! The types of relationships that several operations write, locked before the first of them.

use std::collections::BTreeSet;

use super::operation::Operation;
use crate::domain::relationships::name_of_type;
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship_type::TypeName;
use crate::store::Tx;

/// What operations name.
#[derive(Debug, Default)]
struct NamedRecords {
    types: BTreeSet<TypeName>,
    roles: BTreeSet<TypeName>,
    relationships: Vec<RelationshipId>,
    deleted_users: Vec<UserId>,
}

/// Holds and locks, in the order of all jobs, the types of the relationships that operations write, as far as they are
/// known before the operations run. Types that become known later are locked later: if that ends in a deadlock, the job
/// runs again.
///
/// # Errors
/// Those of the store.
pub(super) fn lock_types(tx: &mut Tx<'_>, operations: &[Operation]) -> Result<()> {
    if operations.len() < 2 || tx.blocks_other_writers() {
        return Ok(());
    }
    let named = NamedRecords::of(operations);
    let mut types = BTreeSet::new();
    for name in named.types {
        if tx.has_type(&name)? {
            types.insert(name);
        }
    }
    if !named.roles.is_empty() {
        let roles: Vec<_> = named.roles.iter().cloned().collect();
        types.extend(tx.types_with_name_or_role(&roles)?.into_iter().map(|found| found.name));
    }
    if !named.relationships.is_empty() {
        let stored = tx.many_relationships(&named.relationships)?;
        types.extend(stored.into_iter().map(|found| found.data.relationship));
    }
    for user in named.deleted_users {
        types.extend(tx.types_of_user(user)?);
    }
    let held = tx.hold_types(&types.into_iter().collect::<Vec<_>>())?;
    tx.lock_writers(&held)
}

impl NamedRecords {
    fn of(operations: &[Operation]) -> Self {
        let mut named = Self::default();
        for operation in operations {
            match operation {
                Operation::AddRelationship { changes, .. } => {
                    named.types.extend(name_of_type(changes).and_then(TypeName::parse));
                }
                Operation::UpdateRelationship { subject, changes, .. } => {
                    named.types.extend(name_of_type(changes).and_then(TypeName::parse));
                    named.relationships.extend(subject.stored());
                }
                Operation::RemoveRelationship(subject) => named.relationships.extend(subject.stored()),
                Operation::RemoveUser(subject) => named.deleted_users.extend(subject.stored()),
                Operation::ChangeRole(operation) => named.roles.extend(TypeName::parse(&operation.role)),
                Operation::UpdateLinkage(_) | Operation::AddUser { .. } | Operation::UpdateUser { .. } => {}
            }
        }
        named
    }
}
