//! Lists, creates, changes and deletes users.

use super::policy::{self, Action};
use super::trees;
use super::validation;
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::filter::UserFilter;
use crate::model::id::UserId;
use crate::model::page::{Page, PageRequest, SortBy};
use crate::model::precondition::Precondition;
use crate::model::read_budget::ReadBudget;
use crate::model::user::{Field, Profile, User, UserData, Value};
use crate::store::{HeldType, Tx};

/// Lists the matching users that the caller may see, within the budget. Only admins can list disabled users.
///
/// # Errors
/// `unsupported-sort` if too many users match for the order, and those of the store.
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
    if slice.sort.by == SortBy::UpdatedAt {
        let total = tx.users(&filter, &PageRequest::default(), &mut budget)?.total;
        validation::require_sortable("updated-at", total, "add a filter, or sort by `name`, `id` or `created-at`")?;
    }
    tx.users(&filter, slice, &mut budget)
}

/// Returns a user.
///
/// # Errors
/// `not-found` if the user does not exist, or the caller may not see it.
pub fn get(tx: &mut Tx<'_>, caller: &Caller, id: UserId) -> Result<User> {
    let found = tx.user(id)?;
    let is_related = found.is_some() && caller.sees_only().is_some() && tx.are_related(caller.id, id)?;
    shown(caller, found, is_related)
}

/// As [`get`], a user that was found, with whether it is related to a caller who does not see all users.
pub fn shown(caller: &Caller, found: Option<User>, is_related: bool) -> Result<User> {
    let may_see = |user: &User| policy::may(caller, Action::SeeUser { id: user.id, is_related }).is_ok();
    found.filter(may_see).ok_or_else(|| Error::not_found("user"))
}

/// Refuses a user that does not exist or that the caller may not see.
///
/// # Errors
/// `not-found`.
pub(super) fn require_visible(tx: &mut Tx<'_>, caller: &Caller, id: UserId) -> Result<()> {
    let exists = !tx.existing_users(&[id])?.is_empty();
    let is_related = exists && caller.sees_only().is_some() && tx.are_related(caller.id, id)?;
    if exists && policy::may(caller, Action::SeeUser { id, is_related }).is_ok() {
        Ok(())
    } else {
        Err(Error::not_found("user"))
    }
}

/// Returns those of these users that the caller may see, by id.
///
/// # Errors
/// `answer-too-large` if they are too large for one response.
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

/// Creates a user, with a given id or the next one.
///
/// # Errors
/// `not-admin`, `missing-attribute`, `invalid-attribute`, `email-taken`.
pub fn create(tx: &mut Tx<'_>, caller: &Caller, id: Option<UserId>, changes: &[(Field, Value)]) -> Result<User> {
    policy::require(caller, Action::CreateUser)?;
    let stored = insert(tx, id, &new_data(changes)?)?;
    tx.user(stored)?.ok_or_else(|| Error::Internal("a new user was not found".to_owned()))
}

/// The data of a new user.
///
/// # Errors
/// `missing-attribute`, `invalid-attribute`.
pub(super) fn new_data(changes: &[(Field, Value)]) -> Result<UserData> {
    let mut problems = validation::problems_of(changes);
    if !changes.iter().any(|(field, _)| *field == Field::Email) {
        let detail = "`email` is required";
        problems.push(Problem::new(Code::MissingAttribute, detail).at(ErrorSource::Missing(Field::Email.member())));
    }
    Error::unless_empty(problems)?;
    let mut data = UserData::new(String::new());
    validation::apply(&mut data, changes)?;
    check_profile(&Profile::default(), &data, changes)?;
    Ok(data)
}

/// Refuses a profile that is too large as a whole and larger than `old`. The error names the largest field sent.
fn check_profile(old: &Profile, data: &UserData, changes: &[(Field, Value)]) -> Result<()> {
    let fields = changes.iter().map(|(field, _)| *field).filter(|field| field.is_in_profile());
    let Some(largest) = fields.max_by_key(|field| data.size_of(*field)) else { return Ok(()) };
    match data.profile.complaint_about_size(old) {
        None => Ok(()),
        Some(complaint) => {
            Err(Problem::new(Code::InvalidAttribute, complaint).at(ErrorSource::Attribute(largest.member())).into())
        }
    }
}

/// Stores a user, with a given id or the next one.
///
/// # Errors
/// `already-exists`, `email-taken`.
pub(super) fn insert(tx: &mut Tx<'_>, id: Option<UserId>, data: &UserData) -> Result<UserId> {
    require_free_email(tx, &data.email, None)?;
    if let Some(stored) = tx.insert_user(id, data)? {
        // Checked after the insertion, which waits for transactions that delete the user with this id.
        let retired = id.map(|id| tx.retired_users(&[id])).transpose()?;
        if retired.is_some_and(|retired| !retired.is_empty()) {
            return Err(Problem::new(Code::AlreadyExists, validation::retired_id(stored)).into());
        }
        return Ok(stored);
    }
    let is_id_taken = id.is_some_and(|id| tx.user(id).is_ok_and(|user| user.is_some()));
    if is_id_taken {
        return Err(Problem::new(Code::AlreadyExists, "another user has this id").into());
    }
    Err(email_taken())
}

/// Changes fields of a user.
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

/// The data of `old` after changes. Fields that have their value already need no authorization.
///
/// # Errors
/// `admin-only-attribute` and other refusals of `may`, `invalid-attribute`.
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
            Some(policy::refusal(code).at(ErrorSource::Attribute(field.member())))
        })
        .collect();
    Error::unless_empty(forbidden)?;
    let mut data = old.data.clone();
    validation::apply(&mut data, &changes)?;
    check_profile(&old.data.profile, &data, &changes)?;
    Ok(data)
}

/// Stores the changed data of a user.
///
/// # Errors
/// `email-taken`.
pub(super) fn update(tx: &mut Tx<'_>, old: &User, data: &UserData) -> Result<()> {
    if data.email != old.data.email {
        require_free_email(tx, &data.email, Some(old.id))?;
    }
    tx.update_user(old, data)
}

/// Refuses an address of a user other than `except`.
///
/// # Errors
/// `email-taken`.
pub(super) fn require_free_email(tx: &mut Tx<'_>, email: &str, except: Option<UserId>) -> Result<()> {
    if tx.is_email_taken(email, except)? { Err(email_taken()) } else { Ok(()) }
}

/// Returns a user that the caller may change, in an expected state.
///
/// # Errors
/// `not-found`, `not-owner`, `precondition-failed`.
pub fn get_own(tx: &mut Tx<'_>, caller: &Caller, id: UserId, precondition: &Precondition) -> Result<User> {
    let found = get(tx, caller, id)?;
    policy::require(caller, Action::ChangeUser { id })?;
    policy::require_state(precondition, &found).map(|()| found)
}

/// Locks a user until the end of the transaction and reads it again, because it may have changed. The lock is a write, so
/// it comes after all checks that can refuse the request.
///
/// # Errors
/// `not-found`, `precondition-failed`.
fn lock_own(tx: &mut Tx<'_>, found: User, precondition: &Precondition) -> Result<User> {
    let locked = tx.lock_user(found)?.ok_or_else(|| Error::not_found("user"))?;
    policy::require_state(precondition, &locked).map(|()| locked)
}

/// Deletes a user with its relationships in both directions, its memberships and its tokens. Its groups stay, without an
/// owner.
///
/// # Errors
/// `not-admin`, `own-account`, `not-found`, `precondition-failed`.
pub fn delete(tx: &mut Tx<'_>, caller: &Caller, id: UserId, precondition: &Precondition) -> Result<()> {
    require_deletable(tx, caller, id, precondition)?;
    let held = tx.hold_types_of_user(id)?;
    delete_held(tx, id, &held)
}

/// Refuses to delete a user that the caller may not delete, or that is not in an expected state.
///
/// # Errors
/// Those of [`delete`].
pub(super) fn require_deletable(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: UserId,
    precondition: &Precondition,
) -> Result<()> {
    policy::require(caller, Action::DeleteUser)?;
    if id == caller.id {
        return Err(Problem::new(Code::OwnAccount, "admins cannot delete themselves; ask another admin").into());
    }
    if *precondition != Precondition::None {
        let found = get_own(tx, caller, id, precondition)?;
        lock_own(tx, found, precondition)?;
    }
    Ok(())
}

/// As [`delete`], after its checks. The types of the user's relationships are held.
///
/// # Errors
/// `not-found`, and those of the store.
pub(super) fn delete_held(tx: &mut Tx<'_>, id: UserId, held: &[HeldType]) -> Result<()> {
    let trees: Vec<_> = held.iter().filter(|held| held.rules.is_tree()).cloned().collect();
    tx.lock_writers(&trees)?;
    let places = trees::find_places(tx, &trees, id)?;
    if !tx.delete_user(id, held)? {
        return Err(Error::not_found("user"));
    }
    for (held, target) in &places {
        trees::detach(tx, held, id, *target)?;
    }
    trees.iter().try_for_each(|held| tx.remove_below(held, id))
}

fn email_taken() -> Error {
    let detail = "another user has this e-mail address; addresses are compared without regard to case";
    Problem::new(Code::EmailTaken, detail).at(ErrorSource::Attribute(Field::Email.member())).into()
}
