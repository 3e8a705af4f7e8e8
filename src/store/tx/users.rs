//! Questions about users.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::model::filter::UserFilter;
use crate::model::id::UserId;
use crate::model::page::{Page, Slice};
use crate::model::user::{User, UserData};

impl Tx<'_> {
    /// The users of a slice, in order, and how many match in all.
    pub fn users(&mut self, filter: &UserFilter, slice: &Slice) -> Result<Page<User>> {
        let (total, rows) = ask!(self, users::page(filter, slice))?;
        Ok(Page { items: rows.into_iter().map(User::from).collect(), total })
    }

    /// The same user as it is now; a write job keeps others from changing it until the job ends. `None` if it is gone.
    pub fn lock_user(&mut self, found: User) -> Result<Option<User>> {
        if !self.needs_locks() {
            return Ok(Some(found));
        }
        ask!(self, users::lock_row(found.id.get()))?;
        self.user(found.id)
    }

    /// The user of that id.
    pub fn user(&mut self, id: UserId) -> Result<Option<User>> {
        Ok(ask!(self, users::find(&[id.get()]))?.pop().map(User::from))
    }

    /// The users of these ids, by id; ids that name nobody are passed over.
    pub fn users_of(&mut self, ids: &[UserId]) -> Result<Vec<User>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, users::find(&ids))?.into_iter().map(User::from).collect())
    }

    /// Which of these ids name a user.
    pub fn existing_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, users::existing(&ids))?.into_iter().map(UserId::new).collect())
    }

    /// The user with that address, compared without regard to case.
    pub fn user_id_of_email(&mut self, email: &str) -> Result<Option<UserId>> {
        Ok(ask!(self, users::id_of_email(&email.to_lowercase()))?.map(UserId::new))
    }

    /// Stores a user, under a chosen id or the next one; `None` if the id or the address is taken.
    pub fn insert_user(&mut self, id: Option<UserId>, data: &UserData) -> Result<Option<UserId>> {
        let now = self.micros();
        Ok(ask!(self, users::insert(id.map(UserId::get), data, now))?.map(UserId::new))
    }

    /// Writes all data of a user that was just read.
    pub fn update_user(&mut self, old: &User, new: &UserData) -> Result<()> {
        let now = self.micros();
        if ask!(self, users::update((old.id.get(), old.version), &old.data, new, now))? {
            Ok(())
        } else {
            Err(self.conflict())
        }
    }

    /// Removes a user with its relationships, in both directions, its memberships, its tokens and the answers kept for
    /// it; its groups stay without an owner. `false` if there is none.
    pub fn delete_user(&mut self, id: UserId) -> Result<bool> {
        ask!(self, users::lock(id.get()))?;
        let now = self.micros();
        ask!(self, relationships::delete_of_user(id.get()))?;
        ask!(self, departures::end_memberships(id.get()))?;
        ask!(self, departures::disown_groups(id.get(), now))?;
        ask!(self, tokens::delete_of_user(id.get()))?;
        self.forget_answers(id)?;
        ask!(self, users::delete(id.get()))
    }
}
