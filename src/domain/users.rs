//! Users: listed, created, changed and deleted.

use super::policy::{self, Action};
use super::validation;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::filter::UserFilter;
use crate::model::id::UserId;
use crate::model::page::{Page, PageRequest};
use crate::model::precondition::Precondition;
use crate::model::read_budget::ReadBudget;
use crate::model::user::{Field, Profile, User, UserData, Value};
use crate::store::Tx;

/// The users that match and that the caller may see, as far as the budget goes. Disabled ones are left out unless an
/// admin asks for them.
///
/// # Errors
/// Those of the store.
pub fn list(
    tx: &mut Tx<'_>,
    caller: &Caller,
    filter: &UserFilter,
    slice: &PageRequest,
    mut budget: ReadBudget,
) -> Result<Page<User>> {
    let mut filter = UserFilter { seen_by: caller.sees_only(), ..filter.clone() };
    if filter.enabled.is_empty() {
        filter.enabled.push(true);
    } else if !caller.is_admin() {
        filter.enabled.retain(|is_enabled| *is_enabled);
        if filter.enabled.is_empty() {
            return Ok(Page::empty());
        }
    }
    tx.users(&filter, slice, &mut budget)
}

/// One user.
///
/// # Errors
/// `not-found` if there is none, or none that the caller may see.
pub fn get(tx: &mut Tx<'_>, caller: &Caller, id: UserId) -> Result<User> {
    let found = tx.user(id)?;
    let is_related = caller.sees_only().is_some() && found.is_some() && tx.are_related(caller.id, id)?;
    match found {
        Some(user) if policy::may(caller, Action::SeeUser { id, is_related }).is_ok() => Ok(user),
        _ => Err(Error::not_found("user")),
    }
}

/// Those of these users that the caller may see, by id; so few that their profiles fit into one answer.
///
/// # Errors
/// `answer-too-large` if they do not.
pub(super) fn get_visible(tx: &mut Tx<'_>, caller: &Caller, ids: &[UserId]) -> Result<Vec<User>> {
    let mut found = tx.users_of(ids, &mut ReadBudget::for_answer(true))?;
    let mut hidden = Vec::new();
    for user in &found {
        let id = user.id;
        let is_related = caller.sees_only().is_some() && tx.are_related(caller.id, id)?;
        if policy::may(caller, Action::SeeUser { id, is_related }).is_err() {
            hidden.push(id);
        }
    }
    found.retain(|user| !hidden.contains(&user.id));
    Ok(found)
}

/// Creates a user, under a chosen id or the next one.
///
/// # Errors
/// `not-admin`, `missing-attribute`, `invalid-attribute`, `email-taken`.
pub fn create(tx: &mut Tx<'_>, caller: &Caller, id: Option<UserId>, changes: &[(Field, Value)]) -> Result<User> {
    policy::require(caller, Action::CreateUser)?;
    let stored = insert(tx, id, &new_data(changes)?)?;
    tx.user(stored)?.ok_or_else(|| Error::Internal("a user vanished while it was made".to_owned()))
}

/// What a user that is made of these values would be.
///
/// # Errors
/// `missing-attribute`, `invalid-attribute`.
pub(super) fn new_data(changes: &[(Field, Value)]) -> Result<UserData> {
    let mut problems = validation::problems_of(changes);
    if !changes.iter().any(|(field, _)| *field == Field::Email) {
        let detail = "a user needs an e-mail address";
        problems.push(Problem::new(Code::MissingAttribute, detail).at(ErrorSource::Missing(Field::Email)));
    }
    Error::unless_empty(problems)?;
    let mut data = UserData::new(String::new());
    apply(&mut data, changes)?;
    check_profile(&Profile::default(), &data, changes)?;
    Ok(data)
}

/// Refuses a profile that is too large as a whole and larger than `old`; the largest value sent is blamed.
fn check_profile(old: &Profile, data: &UserData, changes: &[(Field, Value)]) -> Result<()> {
    let fields = changes.iter().map(|(field, _)| *field).filter(|field| field.is_in_profile());
    let Some(largest) = fields.max_by_key(|field| data.size_of(*field)) else { return Ok(()) };
    match data.profile.complaint_about_size(old) {
        None => Ok(()),
        Some(complaint) => {
            Err(Problem::new(Code::InvalidAttribute, complaint).at(ErrorSource::Attribute(largest)).into())
        }
    }
}

/// Stores a user, under a chosen id or the next one.
///
/// # Errors
/// `already-exists`, `email-taken`.
pub(super) fn insert(tx: &mut Tx<'_>, id: Option<UserId>, data: &UserData) -> Result<UserId> {
    require_free_email(tx, &data.email, None)?;
    if let Some(stored) = tx.insert_user(id, data)? {
        // After the insertion, which waits for others that delete the user of this id.
        let retired = id.map(|id| tx.retired_users(&[id])).transpose()?;
        if retired.is_some_and(|retired| !retired.is_empty()) {
            return Err(Problem::new(Code::AlreadyExists, retired_id(stored)).into());
        }
        return Ok(stored);
    }
    let is_id_taken = id.is_some_and(|id| tx.user(id).is_ok_and(|user| user.is_some()));
    if is_id_taken {
        return Err(Problem::new(Code::AlreadyExists, "another user has this id").into());
    }
    Err(email_taken())
}

/// What is wrong with values for a user, whoever sends them.
#[must_use]
pub fn problems_of(changes: &[(Field, Value)]) -> Vec<Problem> {
    validation::problems_of(changes)
}

/// Changes a user; fields that are not named stay as they are.
///
/// # Errors
/// `not-found`, `not-owner`, `precondition-failed`, `admin-only-attribute`, `invalid-attribute`, `email-taken`.
pub fn change(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: UserId,
    precondition: &Precondition,
    changes: &[(Field, Value)],
) -> Result<User> {
    let found = get_own(tx, caller, id, precondition)?;
    let may = |action| policy::may(caller, action);
    let mut data = changed_data(&found, changes, may)?;
    if data == found.data {
        return Ok(found);
    }
    let old = lock_own(tx, found.clone(), precondition)?;
    if old != found {
        data = changed_data(&old, changes, may)?;
    }
    if data == old.data {
        return Ok(old);
    }
    update(tx, &old, &data)?;
    tx.user(id)?.ok_or_else(|| Error::not_found("user"))
}

/// What `old` would be with these values; those that it has already need no right.
///
/// # Errors
/// `admin-only-attribute` and whatever else `may` refuses, `invalid-attribute`.
pub(super) fn changed_data(
    old: &User,
    changes: &[(Field, Value)],
    may: impl Fn(Action) -> std::result::Result<(), Code>,
) -> Result<UserData> {
    let changes: Vec<_> = changes.iter().filter(|(field, value)| !old.data.holds(*field, value)).cloned().collect();
    let forbidden: Vec<_> = changes
        .iter()
        .filter_map(|(field, _)| {
            let code = may(Action::WriteField(*field)).err()?;
            Some(policy::refusal(code).at(ErrorSource::Attribute(*field)))
        })
        .collect();
    Error::unless_empty(forbidden)?;
    Error::unless_empty(validation::problems_of(&changes))?;
    let mut data = old.data.clone();
    apply(&mut data, &changes)?;
    check_profile(&old.data.profile, &data, &changes)?;
    Ok(data)
}

/// Stores what has become of a user.
///
/// # Errors
/// `email-taken`.
pub(super) fn update(tx: &mut Tx<'_>, old: &User, data: &UserData) -> Result<()> {
    if data.email != old.data.email {
        require_free_email(tx, &data.email, Some(old.id))?;
    }
    tx.update_user(old, data)
}

/// Refuses an address that a user other than `except` has.
///
/// # Errors
/// `email-taken`.
pub(super) fn require_free_email(tx: &mut Tx<'_>, email: &str, except: Option<UserId>) -> Result<()> {
    if tx.is_email_taken(email, except)? { Err(email_taken()) } else { Ok(()) }
}

/// A user that the caller may see and change, in a state that it expects.
///
/// # Errors
/// `not-found`, `not-owner`, `precondition-failed`.
pub fn get_own(tx: &mut Tx<'_>, caller: &Caller, id: UserId, precondition: &Precondition) -> Result<User> {
    let found = get(tx, caller, id)?;
    policy::require(caller, Action::ChangeUser { id })?;
    policy::require_state(precondition, &found).map(|()| found)
}

/// The same user as it is now, which others cannot change until the job ends. The lock writes, so it comes after every
/// check that can refuse the request; others may have changed the user since.
///
/// # Errors
/// `not-found`, `precondition-failed`.
fn lock_own(tx: &mut Tx<'_>, found: User, precondition: &Precondition) -> Result<User> {
    let locked = tx.lock_user(found)?.ok_or_else(|| Error::not_found("user"))?;
    policy::require_state(precondition, &locked).map(|()| locked)
}

/// Deletes a user with its relationships, in both directions, its memberships and its tokens. Its groups stay,
/// without an owner.
///
/// # Errors
/// `not-admin`, `own-account`, `not-found`, `precondition-failed`.
pub fn delete(tx: &mut Tx<'_>, caller: &Caller, id: UserId, precondition: &Precondition) -> Result<()> {
    policy::require(caller, Action::DeleteUser)?;
    if id == caller.id {
        return Err(Problem::new(Code::OwnAccount, "an admin cannot delete itself; ask another admin").into());
    }
    if *precondition != Precondition::None {
        let found = get_own(tx, caller, id, precondition)?;
        lock_own(tx, found, precondition)?;
    }
    if tx.delete_user(id)? { Ok(()) } else { Err(Error::not_found("user")) }
}

/// Why a user does not get an id that another one had.
pub(super) fn retired_id(id: UserId) -> String {
    format!("user {id} was deleted, and its id is not given again; choose another id, or leave it out")
}

fn apply(data: &mut UserData, changes: &[(Field, Value)]) -> Result<()> {
    for (field, value) in changes {
        if !data.set(*field, value.clone()) {
            return Err(Error::Internal(format!("{field:?} took a value that does not suit it")));
        }
    }
    Ok(())
}

fn email_taken() -> Error {
    let detail = "another user has this e-mail address; addresses are compared without regard to case";
    Problem::new(Code::EmailTaken, detail).at(ErrorSource::Attribute(Field::Email)).into()
}
