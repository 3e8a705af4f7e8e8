//! Roles in a record of a user that a client sends back. Client libraries send whole records, so roles as they are stored
//! are ignored.

use std::collections::HashSet;

use super::inclusion::read_role;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{ErrorSource, Problem, Result};
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;
use crate::model::role::IncludedRole;
use crate::store::Tx;

/// A role in a record. `User` is how the record refers to users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedRole<User = UserId> {
    /// Its name, which may be unknown.
    pub name: TypeName,
    /// Its linkage; `None` if the record has none, which changes nothing.
    pub linkage: Option<ReturnedLinkage<User>>,
}

/// The linkage of a role in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReturnedLinkage<User = UserId> {
    /// One user, or none.
    One(Option<User>),
    /// A list of distinct users.
    Many(Vec<User>),
    /// Neither of the two, which is never the stored linkage.
    Invalid,
}

impl<User> ReturnedRole<User> {
    /// The same role with the ids of its users. `id_of` returns `None` for a reference that cannot be stored.
    pub fn resolve(&self, id_of: impl Fn(&User) -> Option<UserId>) -> ReturnedRole {
        let linkage = self.linkage.as_ref().map(|linkage| match linkage {
            ReturnedLinkage::One(None) => ReturnedLinkage::One(None),
            ReturnedLinkage::One(Some(user)) => {
                id_of(user).map_or(ReturnedLinkage::Invalid, |id| ReturnedLinkage::One(Some(id)))
            }
            ReturnedLinkage::Many(users) => {
                users.iter().map(id_of).collect::<Option<_>>().map_or(ReturnedLinkage::Invalid, ReturnedLinkage::Many)
            }
            ReturnedLinkage::Invalid => ReturnedLinkage::Invalid,
        });
        ReturnedRole { name: self.name.clone(), linkage }
    }
}

impl ReturnedLinkage {
    /// Whether this is the stored linkage, or its part that `include` shows.
    fn is_stored(&self, role: &IncludedRole) -> bool {
        let mut stored = role.edges.iter().map(|edge| edge.member);
        match self {
            Self::One(sent) => role.is_to_one && *sent == stored.next(),
            Self::Many(sent) => {
                !role.is_to_one && sent.iter().copied().collect::<HashSet<_>>() == stored.collect::<HashSet<_>>()
            }
            Self::Invalid => false,
        }
    }
}

/// The problems of the roles in a record of a user that the caller may see: names that are no roles, and roles with
/// another linkage than the stored one.
///
/// # Errors
/// Those of the store.
pub fn find_changed_roles(
    tx: &mut Tx<'_>,
    caller: &Caller,
    user: UserId,
    roles: &[ReturnedRole],
) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for role in roles {
        problems.extend(problem_of(tx, caller, user, role)?);
    }
    Ok(problems)
}

fn problem_of(tx: &mut Tx<'_>, caller: &Caller, user: UserId, role: &ReturnedRole) -> Result<Option<Problem>> {
    let source = || ErrorSource::Relationship(role.name.clone());
    let Some(held) = tx.hold_role(&role.name)? else {
        let detail = format!("there is no relationship `{}`; remove it", role.name);
        return Ok(Some(Problem::new(Code::UnknownRelationship, detail).at(source())));
    };
    let Some(linkage) = &role.linkage else { return Ok(None) };
    let stored = read_role(tx, caller, &held, &[user])?.remove(&user);
    if stored.is_some_and(|stored| linkage.is_stored(&stored)) {
        return Ok(None);
    }
    let detail = format!(
        "roles are changed at `/api/v2/users/{user}/relationships/{name}`; leave `{name}` out, or send it as it is stored",
        name = role.name
    );
    Ok(Some(Problem::new(Code::UnsupportedUpdate, detail).at(source())))
}
