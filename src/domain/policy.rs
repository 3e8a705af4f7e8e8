//! Authorization: the access table of the API as one pure function.

use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{ErrorSource, Problem, Result};
use crate::model::form::ResourceOwner;
use crate::model::id::UserId;
use crate::model::manager::Manager;
use crate::model::precondition::{Precondition, WEAK_TAG};
use crate::model::rules::Rules;
use crate::model::state::HasState;
use crate::model::user::{AccessLevel, Field};

/// An action that needs authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See a relationship.
    SeeRelationship {
        /// The owner.
        user: UserId,
        /// The target.
        target: UserId,
    },
    /// See who created a relationship, who changed it last, and who made each of its changes.
    SeeAuthors {
        /// The owner.
        owner: UserId,
    },
    /// Create or change a relationship. The owner is that of the stored or new row.
    WriteRelationship {
        /// The owner.
        owner: UserId,
        /// Who manages relationships of its type.
        managed_by: Manager,
    },
    /// Change who owns relationships that target a user.
    WriteOwners {
        /// Who manages relationships of their type.
        managed_by: Manager,
    },
    /// Delete a relationship.
    DeleteRelationship {
        /// The owner.
        owner: UserId,
        /// The target.
        target: UserId,
        /// The rules of its type.
        rules: Rules,
    },
    /// Use a user as the target of a new relationship.
    NameTarget {
        /// The target.
        id: UserId,
        /// Whether it has a relationship with the caller.
        is_related: bool,
    },
    /// See a user.
    SeeUser {
        /// The user.
        id: UserId,
        /// Whether it has a relationship with the caller.
        is_related: bool,
    },
    /// Create a user.
    CreateUser,
    /// Delete a user.
    DeleteUser,
    /// Change a user.
    ChangeUser {
        /// The user.
        id: UserId,
    },
    /// Change an attribute of a user.
    WriteField(Field),
    /// See relationship types.
    SeeTypes,
    /// Create, change or delete relationship types.
    WriteTypes,
    /// Hand relationships over, and see what was handed over.
    Transfer,
    /// Import users and relationships, and see imports.
    Import,
    /// See all changes.
    SeeChanges,
    /// See the changes of a user and of its relationships.
    SeeChangesOfUser {
        /// The user.
        id: UserId,
    },
    /// See relationships as they were.
    SeePast,
    /// See a group.
    SeeGroup {
        /// The owner of the group.
        owner: Option<UserId>,
        /// Whether the caller is a member.
        is_member: bool,
    },
    /// Create a group, whose owner is the caller.
    CreateGroup,
    /// Change or delete a group, or add a member to it.
    WriteGroup {
        /// The owner of the group.
        owner: Option<UserId>,
    },
    /// See a membership.
    SeeMember {
        /// The member.
        user: UserId,
        /// The owner of the group.
        owner: Option<UserId>,
    },
    /// Change or delete a membership.
    WriteMember {
        /// The member.
        user: UserId,
        /// The owner of the group.
        owner: Option<UserId>,
    },
}

/// Whether `caller` may do `action`.
///
/// # Errors
/// The error code of the response. Records that an external caller may not see are reported as missing.
pub fn may(caller: &Caller, action: Action) -> std::result::Result<(), Code> {
    let me = caller.id;
    let refused = match caller.level {
        AccessLevel::Admin => None,
        AccessLevel::Excluded => Some(Code::AccountDisabled),
        AccessLevel::User | AccessLevel::Ext => {
            let sees_all = caller.level == AccessLevel::User;
            match action {
                Action::SeeTypes | Action::CreateGroup => None,
                Action::SeeGroup { owner, is_member } => {
                    (!sees_all && owner != Some(me) && !is_member).then_some(Code::NotFound)
                }
                Action::WriteGroup { owner } => (owner != Some(me)).then_some(Code::NotOwner),
                Action::SeeMember { user, owner } => {
                    (!sees_all && user != me && owner != Some(me)).then_some(Code::NotFound)
                }
                Action::WriteMember { user, owner } => (user != me && owner != Some(me)).then_some(Code::NotOwner),
                Action::SeeRelationship { user, target } => {
                    (!sees_all && user != me && target != me).then_some(Code::NotFound)
                }
                Action::SeeAuthors { owner } => (owner != me).then_some(Code::NotOwner),
                Action::SeeUser { id, is_related } => (!sees_all && id != me && !is_related).then_some(Code::NotFound),
                Action::NameTarget { id, is_related } => {
                    (!sees_all && id != me && !is_related).then_some(Code::RelatedResourceNotFound)
                }
                Action::WriteRelationship { owner, managed_by } => refuse_management(managed_by, owner == me),
                Action::WriteOwners { managed_by } => refuse_management(managed_by, false),
                Action::DeleteRelationship { owner, target, rules } => {
                    refuse_management(rules.managed_by, owner == me || rules.is_symmetric && target == me)
                }
                Action::SeePast => (!sees_all).then_some(Code::NotAdmin),
                Action::ChangeUser { id } | Action::SeeChangesOfUser { id } => (id != me).then_some(Code::NotOwner),
                Action::WriteField(field) => field.is_admin_only().then_some(Code::AdminOnlyAttribute),
                Action::CreateUser
                | Action::DeleteUser
                | Action::WriteTypes
                | Action::Transfer
                | Action::Import
                | Action::SeeChanges => Some(Code::NotAdmin),
            }
        }
    };
    refused.map_or(Ok(()), Err)
}

/// Whose relationships a caller may write in types that owners manage: the caller's id, or `None` for everyone's.
///
/// # Errors
/// Why the caller may not write its own.
pub fn writable_owner(caller: &Caller) -> std::result::Result<Option<UserId>, Code> {
    let managed_by = Manager::Owner;
    may(caller, Action::WriteRelationship { owner: caller.id, managed_by })?;
    Ok(may(caller, Action::WriteOwners { managed_by }).err().map(|_| caller.id))
}

/// Why a caller who is not an admin may not manage a relationship. `is_own`: it belongs to the caller.
fn refuse_management(managed_by: Manager, is_own: bool) -> Option<Code> {
    match managed_by {
        Manager::Admin => Some(Code::NotAdmin),
        Manager::Owner => (!is_own).then_some(Code::NotOwner),
    }
}

/// Whether `caller` may do `action` through a form with the access rule `owner`. Only [`ResourceOwner::Anyone`] gives
/// rights that the caller does not have without the form.
///
/// # Errors
/// As [`may`].
pub fn may_by_form(caller: &Caller, owner: ResourceOwner, action: Action) -> std::result::Result<(), Code> {
    match (owner, caller.level) {
        (ResourceOwner::Anyone, AccessLevel::User | AccessLevel::Admin | AccessLevel::Ext) => Ok(()),
        (ResourceOwner::Anyone, AccessLevel::Excluded) | (ResourceOwner::Own, _) => may(caller, action),
    }
}

/// A caller who uses a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormCaller {
    /// The caller.
    pub caller: Caller,
    /// The access rule of the form.
    pub owner: ResourceOwner,
}

impl FormCaller {
    /// Whether the caller may do `action` through the form.
    ///
    /// # Errors
    /// As [`may`].
    pub fn may(&self, action: Action) -> std::result::Result<(), Code> {
        may_by_form(&self.caller, self.owner, action)
    }

    /// Refuses an action that [`may`](Self::may) does not allow.
    ///
    /// # Errors
    /// As [`require`].
    pub fn require(&self, action: Action) -> Result<()> {
        self.may(action).map_err(|code| refusal(code).into())
    }
}

/// Refuses an action that [`may`] does not allow.
///
/// # Errors
/// [`Error::Refused`](crate::model::error::Error::Refused) with one problem.
pub fn require(caller: &Caller, action: Action) -> Result<()> {
    may(caller, action).map_err(|code| refusal(code).into())
}

/// Refuses a change of a row whose state the caller does not expect.
///
/// # Errors
/// `precondition-failed`.
pub(super) fn require_state(precondition: &Precondition, row: &impl HasState) -> Result<()> {
    if precondition.holds(row) {
        return Ok(());
    }
    match precondition {
        Precondition::Except(_) => {
            let detail = "the present state of the resource matches `If-None-Match`";
            Err(Problem::new(Code::PreconditionFailed, detail).at(ErrorSource::Exclusion).into())
        }
        Precondition::Match { has_weak_tag: true, .. } => {
            Err(Problem::new(Code::PreconditionFailed, WEAK_TAG).at(ErrorSource::Precondition).into())
        }
        Precondition::None | Precondition::Match { .. } => {
            Err(refusal(Code::PreconditionFailed).at(ErrorSource::Precondition).into())
        }
    }
}

/// The problem for an error code of [`may`].
#[must_use]
pub fn refusal(code: Code) -> Problem {
    Problem::new(
        code,
        match code {
            Code::NotOwner => "this belongs to another user; only its owner or an admin may change it",
            Code::NotAdmin => "only a caller with the access level `admin` may do this",
            Code::AdminOnlyAttribute => {
                "only an admin may change this attribute; leave it out or send its present value"
            }
            Code::AccountDisabled => "the account is disabled or excluded; ask an admin",
            Code::PreconditionFailed => {
                "the resource has changed and does not match `If-Match`; fetch it again, then decide"
            }
            Code::RelatedResourceNotFound => "there is no such user",
            _ => "there is no such resource",
        },
    )
}
