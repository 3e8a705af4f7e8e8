//! Queries of the users below a user, in types that are trees. The job has locked out other writers of the type.

use std::collections::BTreeMap;

use super::{Tx, ask};
use crate::model::counts_below::CountBelow;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::store::held_type::HeldType;

impl Tx<'_> {
    /// What is stored of the users below some users; those without any may be missing.
    pub fn below(&mut self, held: &HeldType, users: &[UserId]) -> Result<Vec<(UserId, CountBelow)>> {
        let users: Vec<_> = users.iter().map(|user| user.get()).collect();
        let rows = ask!(self, below::find(held.id, &users))?;
        Ok(rows.into_iter().map(|(user, n, height)| (UserId::new(user), CountBelow { n, height })).collect())
    }

    /// Adds users below others: for each a number and the length of the longest path through the added relationships.
    pub fn add_below(&mut self, held: &HeldType, added: &BTreeMap<UserId, CountBelow>) -> Result<()> {
        let rows: Vec<_> = added.iter().map(|(user, below)| (user.get(), below.n, below.height)).collect();
        ask!(self, below::add(held.id, &rows))
    }

    /// Subtracts a number of users from those below others.
    pub fn subtract_below(&mut self, held: &HeldType, users: &[UserId], n: i64) -> Result<()> {
        let users: Vec<_> = users.iter().map(|user| user.get()).collect();
        ask!(self, below::subtract(held.id, &users, n))
    }

    /// Forgets the users below a user.
    pub fn remove_below(&mut self, held: &HeldType, user: UserId) -> Result<()> {
        ask!(self, below::remove(held.id, user.get()))
    }

    /// The height of a user, computed from the users directly below it, whose heights are stored. It is at most `old`.
    pub fn compute_height(&mut self, held: &HeldType, user: UserId, old: i32) -> Result<i32> {
        // Usually another user below it is as tall as the one that is gone.
        if old > 0 && ask!(self, below::has_owner_of_height(held.id, user.get(), old - 1))? {
            return Ok(old);
        }
        let largest = ask!(self, below::largest_height(held.id, user.get()))?;
        Ok(largest.map_or(0, |height| height + 1))
    }

    /// Writes the height of a user.
    pub fn set_height(&mut self, held: &HeldType, user: UserId, height: i32) -> Result<()> {
        ask!(self, below::set_height(held.id, user.get(), height))
    }
}
