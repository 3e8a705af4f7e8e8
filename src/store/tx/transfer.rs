//! Questions of imports and exports: many rows at once.

use std::collections::HashSet;

use super::{Tx, ask};
use crate::model::error::{Error, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::{Edge, Relationship};
use crate::model::user::User;
use crate::store::relationship_rows::RelationshipRow;
use crate::store::rows::Numbered;

/// What was taken down for a load, and how to make it again.
#[derive(Debug)]
pub struct DroppedIndexes(Vec<String>);

impl Tx<'_> {
    /// The users of these ids, in any order, without their profiles.
    pub fn many_users(&mut self, ids: &[UserId]) -> Result<Vec<User>> {
        let ids = numbers(ids);
        Ok(ask!(self, transfer::users_of_ids(&ids))?.into_iter().map(User::from).collect())
    }

    /// The users with these keys of addresses, in any order.
    pub fn many_users_of_emails(&mut self, emails: &[String]) -> Result<Vec<User>> {
        Ok(ask!(self, transfer::users_of_emails(emails))?.into_iter().map(User::from).collect())
    }

    /// Which of these ids name a user.
    pub fn many_existing_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>> {
        let ids = numbers(ids);
        Ok(ask!(self, transfer::existing_users(&ids))?.into_iter().map(UserId::new).collect())
    }

    /// The users with these keys of addresses: key and id.
    pub fn many_ids_of_emails(&mut self, emails: &[String]) -> Result<Vec<(String, UserId)>> {
        let rows = ask!(self, transfer::ids_of_emails(emails))?;
        Ok(rows.into_iter().map(|(email, id)| (email, UserId::new(id))).collect())
    }

    /// The users with these ids in other systems, which several may share: that id and their own.
    pub fn many_ids_of_alt_ids(&mut self, alt_ids: &[String]) -> Result<Vec<(String, UserId)>> {
        let rows = ask!(self, transfer::ids_of_alt_ids(alt_ids))?;
        Ok(rows.into_iter().map(|(alt_id, id)| (alt_id, UserId::new(id))).collect())
    }

    /// Stores users under ids of their own, with their times. Ids and addresses must be free.
    pub fn insert_many_users(&mut self, users: &[&User]) -> Result<()> {
        if users.is_empty() {
            return Ok(());
        }
        ask!(self, transfer::insert_users(users))
    }

    /// Ids for so many users to be stored in this job, in ascending order and larger than any that the job brings.
    pub fn reserve_user_ids(&mut self, users: usize, largest: UserId) -> Result<Vec<UserId>> {
        let ids = self.reserve(Numbered::Users, users, largest.get())?;
        Ok(ids.into_iter().map(UserId::new).collect())
    }

    /// Ids for so many relationships to be stored in this job, in ascending order and larger than any that the job
    /// brings.
    pub fn reserve_relationship_ids(
        &mut self,
        relationships: usize,
        largest: RelationshipId,
    ) -> Result<Vec<RelationshipId>> {
        let ids = self.reserve(Numbered::Relationships, relationships, largest.get())?;
        Ok(ids.into_iter().map(RelationshipId::new).collect())
    }

    /// The relationships of these ids, in any order.
    pub fn many_relationships(&mut self, ids: &[RelationshipId]) -> Result<Vec<Relationship>> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        let rows = ask!(self, transfer::relationships_of_ids(&ids))?;
        rows.into_iter().map(|row| self.relationship_of(row)).collect()
    }

    /// Which of these relationships are there.
    pub fn many_relationships_like(&mut self, edges: &[Edge]) -> Result<HashSet<Edge>> {
        let mut wanted = Vec::with_capacity(edges.len());
        for edge in edges {
            if let Some(kind) = self.type_id(&edge.relationship)? {
                wanted.push((edge.user.get(), edge.target.get(), kind));
            }
        }
        let found = ask!(self, transfer::existing_relationships(&wanted))?;
        let edge = |(user, target, kind): (i64, i64, i16)| {
            Ok(Edge { user: UserId::new(user), target: UserId::new(target), relationship: self.type_name(kind)? })
        };
        found.into_iter().map(edge).collect()
    }

    /// Stores relationships of registered types under ids of their own, with their times, but not those that are
    /// there already; gives how many it stored.
    pub fn insert_many_relationships(&mut self, relationships: &[Relationship]) -> Result<u64> {
        let mut rows = self.rows_of(relationships)?;
        // Neighbours in the largest indexes one after the other; and two imports meet in the same order.
        rows.sort_unstable_by_key(|row| (row.user_id, row.target_id, row.type_id));
        let stored: HashSet<i64> = ask!(self, transfer::insert_relationships(&rows))?.into_iter().collect();
        let (stored, left): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| stored.contains(&row.id));
        if !left.is_empty() {
            // What was not stored must be there as it is, and not only its id.
            let left: Vec<_> = left.iter().map(|row| (row.user_id, row.target_id, row.type_id)).collect();
            if ask!(self, transfer::existing_relationships(&left))?.len() < left.len() {
                return Err(self.record_conflict());
            }
        }
        ask!(self, transfer::count_relationships(&stored))?;
        Ok(stored.len() as u64)
    }

    /// Stores relationships in a load, under ids that are free. Its end counts them, and removes those that are there
    /// twice.
    pub fn load_relationships(&mut self, relationships: &[Relationship]) -> Result<()> {
        let mut rows = self.rows_of(relationships)?;
        // So that each page is written once.
        rows.sort_unstable_by_key(|row| row.id);
        ask!(self, transfer::load_relationships(&rows))
    }

    fn rows_of(&mut self, relationships: &[Relationship]) -> Result<Vec<RelationshipRow>> {
        let mut rows = Vec::with_capacity(relationships.len());
        for one in relationships {
            let Some(kind) = self.type_id(&one.relationship)? else { return Err(self.record_conflict()) };
            rows.push(RelationshipRow::of(one, kind));
        }
        Ok(rows)
    }

    /// At most so many users after an id, by id, and no more than a budget allows, but one in any case. Whether they are
    /// supervisors is not looked up.
    pub fn users_after(&mut self, id: UserId, limit: i64, budget: ReadBudget) -> Result<Vec<User>> {
        let rows = ask!(self, transfer::users_after(id.get(), limit))?;
        Ok(self.users_within(rows, &mut { budget })?.0)
    }

    /// At most so many relationships after an id, by id.
    pub fn relationships_after(&mut self, id: RelationshipId, limit: i64) -> Result<Vec<Relationship>> {
        let rows = ask!(self, transfer::relationships_after(id.get(), limit))?;
        rows.into_iter().map(|row| self.relationship_of(row)).collect()
    }

    /// Takes down what makes storing many relationships slow, until the job ends: on SQLite others see nothing of it,
    /// on PostgreSQL they wait. `None` where there are relationships already and, on PostgreSQL, where somebody else
    /// is connected, or owns the tables.
    pub fn begin_bulk_load(&mut self) -> Result<Option<DroppedIndexes>> {
        Ok(ask!(self, transfer::take_down())?.map(DroppedIndexes))
    }

    /// Makes again what was taken down, and counts what was stored meanwhile. Of relationships that are the same it
    /// keeps the one with the smallest id; gives how many it removed.
    pub fn end_load(&mut self, taken_down: &DroppedIndexes) -> Result<u64> {
        Ok(ask!(self, transfer::recreate(&taken_down.0))? as u64)
    }

    /// Says that a job was to run again that can run only once.
    #[must_use]
    pub fn interrupted() -> Error {
        Error::Unavailable("the connection was lost on the way".to_owned())
    }

    /// Makes the next id larger than `largest`, then draws ids.
    fn reserve(&mut self, table: Numbered, rows: usize, largest: i64) -> Result<Vec<i64>> {
        ask!(self, transfer::advance(table, largest))?;
        if rows == 0 {
            return Ok(Vec::new());
        }
        let mut ids = ask!(self, transfer::reserve(table, rows, largest))?;
        ids.sort_unstable();
        Ok(ids)
    }
}

fn numbers(ids: &[UserId]) -> Vec<i64> {
    ids.iter().map(|id| id.get()).collect()
}
