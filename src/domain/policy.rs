//! Every rule of who may do what: the authorization table of the contract as one pure function.

use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{ErrorSource, Problem, Result};
use crate::model::form::ResourceOwner;
use crate::model::id::UserId;
use crate::model::precondition::{Precondition, WEAK_TAG};
use crate::model::state::Stateful;
use crate::model::user::{AccessLevel, Field};

/// Something that a caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See a relationship with these ends.
    SeeRelationship {
        /// The owner.
        user: UserId,
        /// The other end.
        target: UserId,
    },
    /// Create, change or delete a relationship of this owner, as it is stored (or would be).
    WriteRelationship {
        /// The owner.
        owner: UserId,
    },
    /// Name a user as the target of a new relationship.
    NameTarget {
        /// The target.
        id: UserId,
        /// Whether a relationship joins it to the caller already.
        is_related: bool,
    },
    /// See a user.
    SeeUser {
        /// The user.
        id: UserId,
        /// Whether a relationship joins it to the caller.
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
    /// Give one attribute of a user another value.
    WriteField(Field),
    /// See relationship types.
    SeeTypes,
    /// Create, change or delete relationship types.
    WriteTypes,
    /// See a group.
    SeeGroup {
        /// Whose it is.
        owner: Option<UserId>,
        /// Whether the caller is a member.
        is_member: bool,
    },
    /// Create a group, which then belongs to the caller.
    CreateGroup,
    /// Change or delete a group, or add a member to it.
    WriteGroup {
        /// Whose it is.
        owner: Option<UserId>,
    },
    /// See a membership.
    SeeMember {
        /// The member.
        user: UserId,
        /// Whose group it is.
        owner: Option<UserId>,
    },
    /// Change or end a membership.
    WriteMember {
        /// The member.
        user: UserId,
        /// Whose group it is.
        owner: Option<UserId>,
    },
}

/// Whether `caller` may do `action`; if not, the code of the refusal.
///
/// # Errors
/// The code that the answer carries. What an external caller may not see is refused as if it were not there.
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
                Action::SeeUser { id, is_related } => (!sees_all && id != me && !is_related).then_some(Code::NotFound),
                Action::NameTarget { id, is_related } => {
                    (!sees_all && id != me && !is_related).then_some(Code::RelatedResourceNotFound)
                }
                Action::WriteRelationship { owner } => (owner != me).then_some(Code::NotOwner),
                Action::ChangeUser { id } => (id != me).then_some(Code::NotOwner),
                Action::WriteField(field) => field.is_admin_only().then_some(Code::AdminOnlyAttribute),
                Action::CreateUser | Action::DeleteUser | Action::WriteTypes => Some(Code::NotAdmin),
            }
        }
    };
    refused.map_or(Ok(()), Err)
}

/// Whether `caller` may do `action` by a form that `owner` says who may use. A form takes rights away by what it
/// does not list; it gives none, but where it is anyone's.
///
/// # Errors
/// As [`may`].
pub fn may_by_form(caller: &Caller, owner: ResourceOwner, action: Action) -> std::result::Result<(), Code> {
    match (owner, caller.level) {
        (ResourceOwner::Anyone, AccessLevel::User | AccessLevel::Admin | AccessLevel::Ext) => Ok(()),
        (ResourceOwner::Anyone, AccessLevel::Excluded) | (ResourceOwner::Own, _) => may(caller, action),
    }
}

/// A caller with a form in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormCaller {
    /// Who asks.
    pub caller: Caller,
    /// Who may use the form.
    pub owner: ResourceOwner,
}

impl FormCaller {
    /// As [`may_by_form`], with this form.
    ///
    /// # Errors
    /// As [`may`].
    pub fn may(&self, action: Action) -> std::result::Result<(), Code> {
        may_by_form(&self.caller, self.owner, action)
    }

    /// Refuses what [`may`](Self::may) does not allow, in a sentence.
    ///
    /// # Errors
    /// As [`require`].
    pub fn require(&self, action: Action) -> Result<()> {
        self.may(action).map_err(|code| refusal(code).into())
    }
}

/// Refuses what [`may`] does not allow, in a sentence.
///
/// # Errors
/// [`Error::Refused`](crate::model::error::Error::Refused) with one problem.
pub fn require(caller: &Caller, action: Action) -> Result<()> {
    may(caller, action).map_err(|code| refusal(code).into())
}

/// Refuses a change of a row that is not in a state which the caller expects.
///
/// # Errors
/// `precondition-failed`.
pub(super) fn require_state(precondition: &Precondition, row: &impl Stateful) -> Result<()> {
    if precondition.holds(row) {
        return Ok(());
    }
    match precondition {
        Precondition::Except(_) => {
            let detail = "the resource is in a state that `If-None-Match` excludes";
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

/// The sentence that goes with a refusal.
#[must_use]
pub fn refusal(code: Code) -> Problem {
    Problem::new(
        code,
        match code {
            Code::NotOwner => "this belongs to another user; only that user or an admin may change it",
            Code::NotAdmin => "only a caller with the access level `admin` may do this",
            Code::AdminOnlyAttribute => {
                "only an admin may change this attribute; leave it out, or send its present value"
            }
            Code::AccountDisabled => "the account is disabled or excluded; ask an admin",
            Code::PreconditionFailed => {
                "the resource is not in the state that `If-Match` names; fetch it again, then decide"
            }
            Code::RelatedResourceNotFound => "there is no such user",
            _ => "there is no such resource",
        },
    )
}
