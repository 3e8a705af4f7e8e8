//! Queries of users.

use super::group_pages::PART;
use super::{Tx, ask};
use crate::model::attributes::HasAttributes;
use crate::model::change::{ChangeAction, ChangeReason, ChangeSubject};
use crate::model::error::Result;
use crate::model::filter::UserFilter;
use crate::model::id::{GroupId, MemberId, UserId};
use crate::model::key;
use crate::model::page::{Page, PageRequest};
use crate::model::read_budget::ReadBudget;
use crate::model::user::{User, UserData};
use crate::store::common_trigrams::CommonTrigrams;
use crate::store::held_type::HeldType;
use crate::store::relationship_rows::AuthoredRow;
use crate::store::rows::{Profiles, UserRow};

/// The most users that a check reports as missing in the index of texts.
const MOST_REPORTED: i64 = 100;

impl Tx<'_> {
    /// A page of users, in order, without their properties, with the total. The page is cut where the budget ends, but
    /// has at least one row.
    pub fn users(&mut self, filter: &UserFilter, slice: &PageRequest, budget: &mut ReadBudget) -> Result<Page<User>> {
        let trigrams = self.trigrams_of(filter)?;
        let (total, mut rows) = ask!(self, users::page(filter, &trigrams, slice, profiles_within(budget)))?;
        // A page that is counted from the end of the list keeps the rows nearest to the end.
        if slice.is_from_end {
            rows.reverse();
        }
        let (mut items, is_cut) = self.users_within(rows, budget)?;
        if slice.is_from_end {
            items.reverse();
        }
        Ok(Page { items, total, is_cut })
    }

    /// Some users that searches would not find.
    pub(in crate::store) fn users_missing_in_search(&mut self) -> Result<Vec<i64>> {
        ask!(self, user_search::missing(MOST_REPORTED))
    }

    /// Adds these users to the index of texts.
    pub(in crate::store) fn add_missing_to_search(&mut self) -> Result<()> {
        ask!(self, user_search::add_missing())
    }

    /// The trigrams by which an index finds the users that contain the texts of a filter.
    fn trigrams_of(&mut self, filter: &UserFilter) -> Result<Vec<String>> {
        // The index finds users that contain all of some trigrams, but one of several values is enough.
        let one_of = |values: &Vec<String>| values.first().filter(|_| values.len() == 1).cloned();
        let mut texts = filter.words.clone();
        texts.extend(one_of(&filter.units).into_iter().chain(one_of(&filter.job_titles)));
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let sample = if let Some(sample) = self.shared.trigrams.get() {
            sample
        } else {
            let (indexed, users) = ask!(self, user_search::sample())?;
            self.shared.trigrams.set(CommonTrigrams::of_sample(indexed, &users))
        };
        Ok(sample.choose(texts.iter().map(String::as_str)))
    }

    /// Converts rows to users without their properties, and reads the profiles that were left out for their size, as
    /// far as the budget allows; at least the first. Also returns whether rows are missing.
    pub(super) fn users_within(&mut self, rows: Vec<UserRow>, budget: &mut ReadBudget) -> Result<(Vec<User>, bool)> {
        let mut users = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(row) = self.with_profile(row)? else { continue };
            if !budget.take(row.size()) && !users.is_empty() {
                return Ok((users, true));
            }
            users.push(row.into_listed());
        }
        Ok((users, false))
    }

    /// Reads a row again with its profile, if that was left out; `None` if it is gone.
    pub(in crate::store) fn with_profile(&mut self, row: UserRow) -> Result<Option<UserRow>> {
        if row.has_profile() { Ok(Some(row)) } else { Ok(ask!(self, users::find(&[row.id], Profiles::All))?.pop()) }
    }

    /// Reads a user again; in a write job it is locked against changes until the job ends. `None` if it is gone.
    pub fn lock_user(&mut self, found: User) -> Result<Option<User>> {
        if !self.needs_locks() {
            return Ok(Some(found));
        }
        ask!(self, users::lock_row(found.id.get()))?;
        self.user(found.id)
    }

    /// Makes other jobs that lock a user wait until this job ends.
    pub fn lock_user_row(&mut self, id: UserId) -> Result<()> {
        if self.needs_locks() { ask!(self, users::lock_row(id.get())) } else { Ok(()) }
    }

    /// The user with that id.
    pub fn user(&mut self, id: UserId) -> Result<Option<User>> {
        Ok(ask!(self, users::find(&[id.get()], Profiles::All))?.pop().map(User::from))
    }

    /// The users with these ids, which are ordered, without their properties; unknown ids are ignored.
    ///
    /// # Errors
    /// `answer-too-large` if the users exceed the budget. Then no more are read.
    pub fn users_of(&mut self, ids: &[UserId], budget: &mut ReadBudget) -> Result<Vec<User>> {
        let mut users = Vec::with_capacity(ids.len());
        for ids in ids.chunks(PART) {
            let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
            for row in ask!(self, users::find(&ids, profiles_within(budget)))? {
                let Some(row) = self.with_profile(row)? else { continue };
                budget.take_included(row.size())?;
                users.push(row.into_listed());
            }
        }
        Ok(users)
    }

    /// Which of these ids belong to a user.
    pub fn existing_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, users::existing(&ids))?.into_iter().map(UserId::new).collect())
    }

    /// The user with an address, compared by its key. An earlier key that is stored for exactly this address has
    /// priority: it belongs to one of two users whose keys became equal.
    pub fn user_id_of_email(&mut self, email: &str) -> Result<Option<UserId>> {
        let keys = key::stored_keys_of_email(email);
        let rows = self.holders_of_email(email)?;
        let of = |wanted: &String| rows.iter().find(|(key, _)| key == wanted);
        let [key, earlier_key] = &keys;
        Ok(of(earlier_key).or_else(|| of(key)).map(|(_, id)| UserId::new(*id)))
    }

    /// Whether a user other than `except` has an address, by its key or by an earlier one.
    pub fn is_email_taken(&mut self, email: &str, except: Option<UserId>) -> Result<bool> {
        let rows = self.holders_of_email(email)?;
        Ok(rows.iter().any(|(_, id)| Some(UserId::new(*id)) != except))
    }

    /// Stores a user with a chosen id or the next one; `None` if the id or the address is taken.
    pub fn insert_user(&mut self, id: Option<UserId>, data: &UserData) -> Result<Option<UserId>> {
        let now = self.micros();
        let id = self.id_before_insert(id.map(UserId::get))?;
        if !self.take_email(id, data)? {
            return Ok(None);
        }
        let Some(stored) = ask!(self, users::insert(id, data, now))?.map(UserId::new) else {
            id.map_or(Ok(()), |id| self.free_email(&data.email, id))?;
            return Ok(None);
        };
        self.log(ChangeAction::Created, ChangeSubject::User(stored), &[])?;
        Ok(Some(stored))
    }

    /// Writes all data of a user that this job has read.
    pub fn update_user(&mut self, old: &User, new: &UserData) -> Result<()> {
        let now = self.micros();
        if !ask!(self, users::update((old.id.get(), old.version), &old.data, new, now))? {
            return Err(self.record_conflict());
        }
        self.change_email(old, new)?;
        if self.has_load() {
            self.log_load_of_users();
            return Ok(());
        }
        let mut changed = old.data.changed_members(new);
        changed.extend((old.data.profile.properties != new.profile.properties).then_some("properties"));
        self.log(ChangeAction::Updated, ChangeSubject::User(old.id), &changed)
    }

    /// Deletes a user with its relationships in both directions, its memberships, its tokens and the answers stored for
    /// it; its groups stay without an owner. `false` if there is no such user. The job holds the types of its
    /// relationships, and runs again if there is another one.
    pub fn delete_user(&mut self, id: UserId, held: &[HeldType]) -> Result<bool> {
        ask!(self, users::lock(id.get()))?;
        if self.needs_locks() {
            let kinds = ask!(self, rules::types_of_user(id.get()))?;
            if kinds.iter().any(|kind| held.iter().all(|held| held.id != *kind)) {
                return Err(self.record_conflict());
            }
        }
        let now = self.micros();
        let is_logged = self.is_logged()?;
        let edges = if self.is_spread() {
            self.delete_spread_edges_of_user(id)?
        } else {
            ask!(self, relationships::delete_of_user(&mut self.type_counts, id.get(), is_logged))?
        };
        let members = ask!(self, user_deletion::end_memberships(id.get()))?;
        let groups = ask!(self, user_deletion::disown_groups(id.get(), now))?;
        self.because(ChangeReason::UserDeleted, |tx| tx.log_deleted_with_user(edges, members, groups))?;
        ask!(self, tokens::delete_of_user(id.get()))?;
        self.delete_answers(id)?;
        self.free_email_of(id)?;
        let is_deleted = ask!(self, users::delete(id.get()))?;
        if is_deleted {
            self.log(ChangeAction::Deleted, ChangeSubject::User(id), &[])?;
        }
        Ok(is_deleted)
    }

    fn log_deleted_with_user(&mut self, edges: Vec<AuthoredRow>, members: Vec<i64>, groups: Vec<i64>) -> Result<()> {
        self.log_deleted_edges(edges)?;
        let members = members.into_iter().map(|id| ChangeSubject::GroupMember(MemberId::new(id)));
        self.log_all(ChangeAction::Deleted, members, &[])?;
        let groups = groups.into_iter().map(|id| ChangeSubject::Group(GroupId::new(id)));
        self.log_all(ChangeAction::Updated, groups, &["owner"])
    }
}

/// Which profiles to read together; those that are too large are read one by one.
pub(super) const fn profiles_within(budget: &ReadBudget) -> Profiles {
    if budget.has_profiles() { Profiles::Legal } else { Profiles::Omitted }
}
