//! Operations on who has a role towards a user.

use super::created::CreatedByLid;
use super::operation::{LinkageChange, ResourceRef, RoleOperation};
use crate::domain::roles::{self, ReturnedRole, RolePath};
use crate::domain::users;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::id::UserId;
use crate::model::precondition::Precondition;
use crate::store::Tx;

/// Runs an operation, in a job that [defers](Tx::defer_type_counts) the counts of types.
///
/// # Errors
/// Those of the change of the linkage; `malformed-document` for an unknown local id.
pub(super) fn run(tx: &mut Tx<'_>, caller: &Caller, created: &CreatedByLid, operation: &RoleOperation) -> Result<()> {
    let path = RolePath { user: created.user(&operation.user)?, role: operation.role.clone() };
    let none = Precondition::None;
    match &operation.change {
        LinkageChange::Replace(member) => {
            let member = member.as_ref().map(|member| created.user(member)).transpose()?;
            roles::reassign_in_job(tx, caller, &path, member, &none).map(drop)
        }
        LinkageChange::ReplaceAll => {
            roles::require_assignable(tx, caller, &path, &none)?;
            let detail = "at most one user has this role; `data` must be one resource identifier or null";
            Err(Problem::new(Code::InvalidRelationship, detail).at(ErrorSource::Linkage).into())
        }
        LinkageChange::Members(change, members) => {
            let members = members.iter().map(|member| created.user(member)).collect::<Result<Vec<_>>>()?;
            roles::change_in_job(tx, caller, &path, (*change, &members), &none).map(drop)
        }
    }
}

/// Refuses roles in a record of a user that are not as stored.
///
/// # Errors
/// Those of a change of the user; `unsupported-update`, `unknown-relationship`.
pub(super) fn require_unchanged(
    tx: &mut Tx<'_>,
    caller: &Caller,
    created: &CreatedByLid,
    user: UserId,
    roles: &[ReturnedRole<ResourceRef<UserId>>],
) -> Result<()> {
    if roles.is_empty() {
        return Ok(());
    }
    // Permission comes before validation of the record.
    users::get_own(tx, caller, user, &Precondition::None)?;
    let roles: Vec<_> = roles.iter().map(|role| role.resolve(|user| created.user(user).ok())).collect();
    Error::unless_empty(roles::find_changed_roles(tx, caller, user, &roles)?)
}
