//! The users with roles towards the users of a response, to show and include with them.

use std::collections::{HashMap, HashSet};

use super::lookup::find;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::id::UserId;
use crate::model::page::Page;
use crate::model::read_budget::ReadBudget;
use crate::model::relationship_type::TypeName;
use crate::model::role::{IncludedRole, UserWithRoles};
use crate::model::user::User;
use crate::store::{HeldRole, Tx};

/// The most roles that a request includes.
pub const MAX_INCLUDED_ROLES: usize = 10;

/// The roles that a request includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleInclusion {
    /// The names of the roles.
    pub roles: Vec<TypeName>,
    /// How many bytes of users to include.
    pub budget: ReadBudget,
}

/// Reads the first users with each role towards the users of a page. `shown` selects the rows that the response shows.
/// Also returns the users with the roles that are not among them, each once, by id.
///
/// # Errors
/// `unsupported-include` for names that are no roles; `answer-too-large` if the users have more bytes than the budget.
pub fn include(
    tx: &mut Tx<'_>,
    caller: &Caller,
    mut page: Page<UserWithRoles>,
    inclusion: Option<&RoleInclusion>,
    shown: impl Fn(&[UserWithRoles]) -> &[UserWithRoles],
) -> Result<(Page<UserWithRoles>, Vec<User>)> {
    let Some(inclusion) = inclusion else { return Ok((page, Vec::new())) };
    let ids: Vec<_> = shown(&page.items).iter().map(|row| row.user.id).collect();
    for name in &inclusion.roles {
        let role = require_role(tx, name, Code::UnsupportedInclude, ErrorSource::Include)?;
        let mut linked = read_role(tx, caller, &role, &ids)?;
        for row in &mut page.items {
            row.roles.extend(linked.remove(&row.user.id));
        }
    }
    let members = find_members(&page.items, &ids.into_iter().collect());
    let mut budget = inclusion.budget;
    let included = tx.users_of(&members, &mut budget)?;
    Ok((page, included))
}

/// As [`include()`], for one user.
///
/// # Errors
/// As [`include()`].
pub fn include_with_one(
    tx: &mut Tx<'_>,
    caller: &Caller,
    row: UserWithRoles,
    inclusion: &RoleInclusion,
) -> Result<(UserWithRoles, Vec<User>)> {
    let (mut page, included) = include(tx, caller, Page::whole(vec![row], 1), Some(inclusion), |rows| rows)?;
    let row = page.items.pop().ok_or_else(|| Error::Internal("a user was lost".to_owned()))?;
    Ok((row, included))
}

/// The users with the roles except `primary`, each once, by id.
fn find_members(rows: &[UserWithRoles], primary: &HashSet<UserId>) -> Vec<UserId> {
    let members = rows.iter().flat_map(|row| &row.roles).flat_map(|role| &role.edges).map(|edge| edge.member);
    let mut members: Vec<_> = members.filter(|member| !primary.contains(member)).collect();
    members.sort_unstable();
    members.dedup();
    members
}

/// Refuses names among the fields of users that are no roles.
///
/// # Errors
/// `unknown-field` with the first such name.
pub fn require_known_fields(tx: &mut Tx<'_>, names: &[TypeName]) -> Result<()> {
    for name in names {
        require_role(tx, name, Code::UnknownField, ErrorSource::Parameter("fields[users]"))?;
    }
    Ok(())
}

/// Refuses names in a query parameter that are no roles.
///
/// # Errors
/// `invalid-parameter` with the first such name.
pub fn require_known(tx: &mut Tx<'_>, names: &[TypeName], parameter: &'static str) -> Result<()> {
    for name in names {
        require_role(tx, name, Code::InvalidParameter, ErrorSource::Parameter(parameter))?;
    }
    Ok(())
}

fn require_role(tx: &mut Tx<'_>, name: &TypeName, code: Code, source: ErrorSource) -> Result<HeldRole> {
    find(tx, name.as_str()).map_err(|error| match error {
        Error::Refused(_) => {
            let detail = format!(
                "there is no relationship or role `{name}` of users; `/api/v2/relationship-types` has all roles"
            );
            Problem::new(code, detail).at(source).into()
        }
        other => other,
    })
}

/// The role towards each of these users.
pub(super) fn read_role(
    tx: &mut Tx<'_>,
    caller: &Caller,
    role: &HeldRole,
    users: &[UserId],
) -> Result<HashMap<UserId, IncludedRole>> {
    // Relationships of another user are visible to an external caller if it is at their other end.
    let sees = |user: &UserId| (*user, caller.sees_only().filter(|me| me != user));
    let users: Vec<_> = users.iter().map(sees).collect();
    let found = tx.role_edges_of_many(role, &users)?;
    let shown = |(total, edges)| IncludedRole { role: role.name.clone(), is_to_one: role.is_to_one(), edges, total };
    Ok(found.into_iter().map(|(user, found)| (user, shown(found))).collect())
}
