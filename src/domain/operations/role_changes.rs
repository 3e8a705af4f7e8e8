//! Operations on who has a role towards a user.

use super::created::CreatedByLid;
use super::operation::{LinkageChange, RoleOperation};
use crate::domain::roles::{self, RolePath};
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{ErrorSource, Problem, Result};
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
            roles::change_in_job(tx, caller, &path, *change, &members).map(drop)
        }
    }
}
