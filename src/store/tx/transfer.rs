//! Queries of imports and exports, for many rows.

use std::collections::HashSet;

use super::{Tx, ask};
use crate::model::change::{ChangeAction, ChangeSubject};
use crate::model::error::{Error, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::{Edge, Relationship};
use crate::model::user::User;
use crate::store::relationship_rows::RelationshipRow;
use crate::store::rows::Numbered;

/// The indexes and keys that a bulk load has dropped, as the statements that create them.
#[derive(Debug)]
pub struct DroppedIndexes(Vec<String>);

impl Tx<'_> {
    /// The users with these ids, in any order, without their profiles.
    pub fn many_users(&mut self, ids: &[UserId]) -> Result<Vec<User>> {
        let ids = numbers(ids);
        Ok(ask!(self, transfer::users_of_ids(&ids))?.into_iter().map(User::from).collect())
    }

    /// The users with these keys of addresses, in any order.
    pub fn many_users_of_emails(&mut self, emails: &[String]) -> Result<Vec<User>> {
        Ok(ask!(self, transfer::users_of_emails(emails))?.into_iter().map(User::from).collect())
    }

    /// Which of these ids belong to a user.
    pub fn many_existing_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>> {
        let ids = numbers(ids);
        Ok(ask!(self, transfer::existing_users(&ids))?.into_iter().map(UserId::new).collect())
    }

    /// The users with these keys of addresses: key and id.
    pub fn many_ids_of_emails(&mut self, emails: &[String]) -> Result<Vec<(String, UserId)>> {
        let rows = ask!(self, transfer::ids_of_emails(emails))?;
        Ok(rows.into_iter().map(|(email, id)| (email, UserId::new(id))).collect())
    }

    /// The users with these ids in other systems, which several may share: that id and the user's id.
    pub fn many_ids_of_alt_ids(&mut self, alt_ids: &[String]) -> Result<Vec<(String, UserId)>> {
        let rows = ask!(self, transfer::ids_of_alt_ids(alt_ids))?;
        Ok(rows.into_iter().map(|(alt_id, id)| (alt_id, UserId::new(id))).collect())
    }

    /// The keys among these that are those of a user's name: the key, how many users share it, and the smallest of their
    /// ids.
    pub fn count_users_of_names(&mut self, names: &[String]) -> Result<Vec<(String, u64, UserId)>> {
        let rows = ask!(self, transfer::count_users_of_names(names))?;
        let rows = rows.into_iter().filter(|(_, users, _)| *users > 0);
        Ok(rows.map(|(name, users, id)| (name, u64::try_from(users).unwrap_or_default(), UserId::new(id))).collect())
    }

    /// At most `limit` users with a key of a name after an id, by id: ids and addresses.
    pub fn users_of_name_after(&mut self, name: &str, id: UserId, limit: i64) -> Result<Vec<(UserId, String)>> {
        let rows = ask!(self, transfer::users_of_name_after(name, id.get(), limit))?;
        Ok(rows.into_iter().map(|(id, email)| (UserId::new(id), email)).collect())
    }

    /// The addresses of the users with these ids.
    pub fn many_emails(&mut self, ids: &[UserId]) -> Result<Vec<(UserId, String)>> {
        let ids = numbers(ids);
        let rows = ask!(self, transfer::emails_of_ids(&ids))?;
        Ok(rows.into_iter().map(|(id, email)| (UserId::new(id), email)).collect())
    }

    /// Stores users with their ids and times. Ids and addresses must be free.
    pub fn insert_many_users(&mut self, users: &[&User]) -> Result<()> {
        if users.is_empty() {
            return Ok(());
        }
        self.take_emails(users)?;
        ask!(self, transfer::insert_users(users))?;
        if self.has_load() {
            self.log_load_of_users();
            return Ok(());
        }
        self.log_all(ChangeAction::Created, users.iter().map(|user| ChangeSubject::User(user.id)), &[])
    }

    /// Reserves ids for that many users of this job, in ascending order and larger than any id that the job chooses.
    pub fn reserve_user_ids(&mut self, users: usize, largest: UserId) -> Result<Vec<UserId>> {
        let ids = self.reserve(Numbered::Users, users, largest.get())?;
        Ok(ids.into_iter().map(UserId::new).collect())
    }

    /// Reserves ids for that many relationships of this job, in ascending order and larger than any id that the job
    /// chooses.
    pub fn reserve_relationship_ids(
        &mut self,
        relationships: usize,
        largest: RelationshipId,
    ) -> Result<Vec<RelationshipId>> {
        let ids = self.reserve(Numbered::Relationships, relationships, largest.get())?;
        Ok(ids.into_iter().map(RelationshipId::new).collect())
    }

    /// The relationships with these ids, in any order.
    pub fn many_relationships(&mut self, ids: &[RelationshipId]) -> Result<Vec<Relationship>> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        let rows = ask!(self, transfer::relationships_of_ids(&ids))?;
        rows.into_iter().map(|row| self.relationship_of(row)).collect()
    }

    /// Which of these edges exist.
    pub fn existing_edges(&mut self, edges: &[Edge]) -> Result<HashSet<Edge>> {
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

    /// Stores relationships of registered types with their ids and times, except those that exist already. Returns the
    /// ids of those that it stored.
    pub fn insert_many_relationships(&mut self, relationships: &[Relationship]) -> Result<HashSet<RelationshipId>> {
        let mut rows = self.rows_of(relationships)?;
        // In the order of the largest indexes; and two concurrent imports lock rows in the same order.
        rows.sort_unstable_by_key(|row| (row.user_id, row.target_id, row.type_id));
        let stored: HashSet<i64> = ask!(self, transfer::insert_relationships(&rows))?.into_iter().collect();
        let (stored, left): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| stored.contains(&row.id));
        if !left.is_empty() {
            // A relationship that was not stored must exist with its edge, and not only with its id.
            let left: Vec<_> = left.iter().map(|row| (row.user_id, row.target_id, row.type_id)).collect();
            if ask!(self, transfer::existing_relationships(&left))?.len() < left.len() {
                return Err(self.record_conflict());
            }
        }
        self.copy_edges(&stored)?;
        ask!(self, transfer::count_relationships(&stored))?;
        if self.is_logged()? {
            for row in &stored {
                let stored = self.relationship_of(*row)?;
                self.log_created_edge(&stored, None)?;
            }
        }
        Ok(stored.into_iter().map(|row| RelationshipId::new(row.id)).collect())
    }

    /// Stores relationships in a bulk load, with free ids. [`end_bulk_load`](Self::end_bulk_load) counts them and
    /// removes duplicates.
    pub fn load_relationships(&mut self, relationships: &[Relationship]) -> Result<()> {
        let mut rows = self.rows_of(relationships)?;
        // By id, so that each page is written once.
        rows.sort_unstable_by_key(|row| row.id);
        self.log_load_of_relationships(rows.iter().map(|row| row.created_at).min());
        ask!(self, transfer::load_relationships(&rows))
    }

    fn rows_of(&mut self, relationships: &[Relationship]) -> Result<Vec<RelationshipRow>> {
        let mut rows = Vec::with_capacity(relationships.len());
        for one in relationships {
            let Some(kind) = self.type_id(&one.data.relationship)? else { return Err(self.record_conflict()) };
            rows.push(RelationshipRow::of(one, kind));
        }
        Ok(rows)
    }

    /// At most `limit` users after an id, by id, as far as the budget allows, but at least one. `is_supervisor` is read
    /// only if `has_supervisors`.
    pub fn users_after(
        &mut self,
        id: UserId,
        limit: i64,
        mut budget: ReadBudget,
        has_supervisors: bool,
    ) -> Result<Vec<User>> {
        let rows = ask!(self, transfer::users_after(id.get(), limit, has_supervisors))?;
        let mut users = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(row) = self.with_profile(row)? else { continue };
            if !budget.take(row.size()) && !users.is_empty() {
                break;
            }
            users.push(row.into());
        }
        Ok(users)
    }

    /// At most `limit` enabled users with an id in another system after an id, by id, without their profiles.
    /// `is_supervisor` is not read.
    pub fn enabled_users_with_alt_id_after(&mut self, id: UserId, limit: i64) -> Result<Vec<User>> {
        let rows = ask!(self, transfer::enabled_users_with_alt_id_after(id.get(), limit))?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// At most `limit` relationships after an id, by id.
    pub fn relationships_after(&mut self, id: RelationshipId, limit: i64) -> Result<Vec<Relationship>> {
        let rows = ask!(self, transfer::relationships_after(id.get(), limit))?;
        rows.into_iter().map(|row| self.relationship_of(row)).collect()
    }

    /// Drops the indexes and keys of relationships until the job ends: on SQLite other jobs do not notice, on
    /// PostgreSQL they wait. `None` if there are relationships already and, on PostgreSQL, if another client is
    /// connected or another role owns the tables.
    pub fn begin_bulk_load(&mut self) -> Result<Option<DroppedIndexes>> {
        let Some(dropped) = ask!(self, transfer::drop_indexes())? else { return Ok(None) };
        self.begin_logged_load()?;
        Ok(Some(DroppedIndexes(dropped)))
    }

    /// Whether other clients are connected to PostgreSQL. `false` on SQLite, where the file shows that, see
    /// [`has_exclusive_access`](crate::store::has_exclusive_access).
    pub fn has_other_clients(&mut self) -> Result<bool> {
        ask!(self, transfer::has_other_clients())
    }

    /// Creates the dropped indexes and keys again, and counts the relationships. Of several with one edge it keeps the
    /// one with the smallest id. Returns how many it removed.
    pub fn end_bulk_load(&mut self, dropped: &DroppedIndexes) -> Result<u64> {
        Ok(ask!(self, transfer::recreate(&dropped.0))? as u64)
    }

    /// Gathers statistics of the tables that imports fill, by which PostgreSQL plans statements.
    pub fn refresh_statistics(&mut self) -> Result<()> {
        ask!(self, transfer::refresh_statistics())
    }

    /// The error of a job that would have to run again but can run only once.
    #[must_use]
    pub fn interrupted() -> Error {
        Error::Unavailable("the connection was lost during a job that cannot be retried".to_owned())
    }

    /// Makes the next id larger than `largest`, then reserves ids.
    pub(super) fn reserve(&mut self, table: Numbered, rows: usize, largest: i64) -> Result<Vec<i64>> {
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
