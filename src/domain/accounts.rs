//! Creates and changes users through forms, with a password and properties beside the attributes of the API.

use super::policy::{Action, FormCaller};
use super::users;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::filter::{GroupFilter, MemberFilter, RelationshipFilter};
use crate::model::group::{Properties, complaint_about_new_properties};
use crate::model::id::{TokenId, UserId};
use crate::model::page::{PageRequest, Sort};
use crate::model::precondition::Precondition;
use crate::model::time::Timestamp;
use crate::model::token::{Digest, Login, NewToken};
use crate::model::user::{Field, Profile, User, UserData, Value};
use crate::store::Tx;

/// The changes of a user by a form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountChanges {
    /// The attributes.
    pub fields: Vec<(Field, Value)>,
    /// The properties to change; null removes one.
    pub properties: Properties,
    /// The hash of the new password.
    pub password_hash: Option<String>,
}

/// Checks whether [`create`] would succeed.
///
/// # Errors
/// As [`create`].
pub fn check_new(tx: &mut Tx<'_>, by: &FormCaller, changes: &AccountChanges) -> Result<()> {
    by.require(Action::CreateUser)?;
    let data = users::new_data(&changes.fields)?;
    users::require_free_email(tx, &data.email, None)
}

/// Creates a user.
///
/// # Errors
/// `not-admin`, `missing-attribute`, `invalid-attribute`, `email-taken`.
pub fn create(tx: &mut Tx<'_>, by: &FormCaller, changes: &AccountChanges) -> Result<UserId> {
    by.require(Action::CreateUser)?;
    let mut data = users::new_data(&changes.fields)?;
    merge_properties(&mut data, &Profile::default(), &changes.properties)?;
    let id = users::insert(tx, None, &data)?;
    if let Some(hash) = &changes.password_hash {
        tx.set_password(id, hash)?;
    }
    Ok(id)
}

/// Checks whether [`change`] would succeed.
///
/// # Errors
/// As [`change`].
pub fn check_change(tx: &mut Tx<'_>, by: &FormCaller, id: UserId, changes: &AccountChanges) -> Result<()> {
    let old = users::get(tx, &by.caller, id)?;
    by.require(Action::ChangeUser { id })?;
    let data = users::changed_data(&old, &changes.fields, |action| by.may(action))?;
    if data.email == old.data.email { Ok(()) } else { users::require_free_email(tx, &data.email, Some(id)) }
}

/// Changes a user. A new password ends all sessions of the user.
///
/// # Errors
/// `not-found`, `not-owner`, `admin-only-attribute`, `invalid-attribute`, `email-taken`.
pub fn change(tx: &mut Tx<'_>, by: &FormCaller, id: UserId, changes: &AccountChanges) -> Result<()> {
    let found = users::get(tx, &by.caller, id)?;
    by.require(Action::ChangeUser { id })?;
    let old = tx.lock_user(found)?.ok_or_else(|| Error::not_found("user"))?;
    let mut data = users::changed_data(&old, &changes.fields, |action| by.may(action))?;
    merge_properties(&mut data, &old.data.profile, &changes.properties)?;
    if data != old.data {
        users::update(tx, &old, &data)?;
    }
    if let Some(hash) = &changes.password_hash {
        tx.set_password(id, hash)?;
        tx.delete_sessions(id)?;
    }
    Ok(())
}

/// A new password, which is not in its normal form but hashed already.
pub struct NewPassword {
    /// The hash.
    pub hash: String,
    /// The hash of the current password, which the caller has proved to know.
    pub verified: Option<String>,
}

/// The attribute with the current password of a caller that changes its own.
pub const CURRENT_PASSWORD: &str = "current-password";

/// Changes the password of a user together with its attributes, and ends all sessions of the user. A caller that changes
/// its own password must have proved to know the current one, which may not have changed since.
///
/// # Errors
/// Those of [`users::change`], and those of [`wrong_password`].
pub fn change_password(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (id, precondition): (UserId, &Precondition),
    changes: &[(Field, Value)],
    password: &NewPassword,
) -> Result<User> {
    users::get_own(tx, caller, id, precondition)?;
    // Locks the user, so that the password that was verified is the one that is replaced.
    let current = tx.password_of(id)?;
    if id == caller.id && (password.verified.is_none() || current != password.verified) {
        return Err(wrong_password());
    }
    let user = users::change(tx, caller, id, precondition, changes)?;
    tx.set_password(id, &password.hash)?;
    tx.delete_sessions(id)?;
    Ok(user)
}

/// The error for a current password that is wrong, has just changed, or does not exist.
#[must_use]
pub fn wrong_password() -> Error {
    let detail = "the current password is wrong, or the account has none yet, and then an admin sets the first one";
    Problem::new(Code::InvalidAttribute, detail).at(ErrorSource::Attribute(CURRENT_PASSWORD)).into()
}

/// What belongs to a user, in numbers. A [deletion](users::delete) deletes all of it but the groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belongings {
    /// The relationships that it owns.
    pub owned_relationships: i64,
    /// The relationships that target it.
    pub targeting_relationships: i64,
    /// Its memberships in groups.
    pub memberships: i64,
    /// The groups that it owns.
    pub owned_groups: i64,
    /// Its valid API tokens.
    pub tokens: i64,
    /// Its sessions.
    pub sessions: i64,
    /// Whether it has a password.
    pub has_password: bool,
}

/// Counts what belongs to a user.
///
/// # Errors
/// Those of the store.
pub fn count_belongings(tx: &mut Tx<'_>, id: UserId) -> Result<Belongings> {
    let nothing = PageRequest::window(Sort::default(), 0, 0);
    let (all, ids) = (RelationshipFilter::default(), vec![id]);
    let owned = RelationshipFilter { users: ids.clone(), ..all.clone() };
    let targeting = RelationshipFilter { targets: ids.clone(), ..all };
    let members = MemberFilter { users: ids.clone(), ..MemberFilter::default() };
    let groups = GroupFilter { owners: ids, ..GroupFilter::default() };
    Ok(Belongings {
        owned_relationships: tx.relationships(&owned, &nothing)?.total,
        targeting_relationships: tx.relationships(&targeting, &nothing)?.total,
        memberships: tx.group_members(&members, &nothing)?.total,
        owned_groups: tx.groups(&groups, &nothing)?.total,
        tokens: tx.count_tokens(id, false)?,
        sessions: tx.count_tokens(id, true)?,
        has_password: tx.password_of(id)?.is_some(),
    })
}

/// The hash of the password of a user.
///
/// # Errors
/// Those of the store.
pub fn password_of(tx: &mut Tx<'_>, id: UserId) -> Result<Option<String>> {
    tx.password_of(id)
}

/// The login of the user with an address.
///
/// # Errors
/// Those of the store.
pub fn by_email(tx: &mut Tx<'_>, email: &str) -> Result<Option<Login>> {
    tx.login_of_email(email)
}

/// Opens a session for a user whose password was verified against `hash`; `None` if the password has changed since.
/// Deletes expired sessions of the user.
///
/// # Errors
/// Those of the store.
pub fn open_session(
    tx: &mut Tx<'_>,
    user: UserId,
    hash: &str,
    (digest, expires_at): (Digest, Timestamp),
) -> Result<Option<TokenId>> {
    if tx.password_of(user)?.as_deref() != Some(hash) {
        return Ok(None);
    }
    tx.delete_expired_sessions(user)?;
    let name = Some("session".to_owned());
    tx.insert_token(&NewToken { digest, user, name, expires_at: Some(expires_at), is_session: true }).map(Some)
}

/// Ends the session of a token.
///
/// # Errors
/// `not-found` if the token does not belong to a session.
pub fn close_session(tx: &mut Tx<'_>, token: TokenId) -> Result<()> {
    if tx.delete_session(token)? { Ok(()) } else { Err(Error::not_found("session")) }
}

/// Ends all sessions of a user, and returns how many had not ended yet.
///
/// # Errors
/// Those of the store.
pub fn close_sessions(tx: &mut Tx<'_>, id: UserId) -> Result<i64> {
    let open = tx.count_tokens(id, true)?;
    tx.delete_sessions(id).map(|_| open)
}

/// Merges properties into a user, whose profile was `old`.
///
/// # Errors
/// `invalid-attribute` if the properties or the profile as a whole become too large.
fn merge_properties(data: &mut UserData, old: &Profile, sent: &Properties) -> Result<()> {
    if sent.is_empty() {
        return Ok(());
    }
    data.profile.properties = merge(&data.profile.properties, sent)?;
    data.profile.complaint_about_size(old).map_or(Ok(()), |complaint| Err(invalid_properties(complaint)))
}

/// Merges the properties `sent` into `old`; null removes one.
///
/// # Errors
/// `invalid-attribute` if the result is too large.
pub(super) fn merge(old: &Properties, sent: &Properties) -> Result<Properties> {
    let mut properties = old.clone();
    for (name, value) in sent {
        if value.is_null() {
            properties.remove(name);
        } else {
            properties.insert(name.clone(), value.clone());
        }
    }
    match complaint_about_new_properties(old, &properties) {
        Some(complaint) => Err(invalid_properties(complaint)),
        None => Ok(properties),
    }
}

fn invalid_properties(complaint: String) -> Error {
    Problem::new(Code::InvalidAttribute, complaint).at(ErrorSource::Properties).into()
}
