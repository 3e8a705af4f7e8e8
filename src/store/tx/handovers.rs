//! Queries of transfers: relationships that get another target.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::model::handover::{LockedEdge, Moves, Transfer, TransferData};
use crate::model::id::{RelationshipId, TransferId, UserId};
use crate::model::page::{Page, PageRequest};
use crate::model::relationship::End;
use crate::store::held_type::HeldType;
use crate::store::relationship_rows::{NewRelationshipRow, RelationshipRow};
use crate::store::rows::NewTransferRow;

impl Tx<'_> {
    /// Locks a user until the job ends: other jobs that add a relationship with it end before, or wait. Keeps another
    /// user, and those with whom the first one has relationships of some types, from being deleted. All jobs lock users
    /// by id and before relationships; the foreign keys of handed-over ones would lock these users afterwards. Returns
    /// whether the two users exist.
    pub fn lock_user_for_edges(&mut self, types: &[HeldType], user: UserId, kept: UserId) -> Result<(bool, bool)> {
        if !self.needs_locks() {
            let found = self.existing_users(&[user, kept])?;
            return Ok((found.contains(&user), found.contains(&kept)));
        }
        let ids = (user.get(), kept.get());
        if self.is_spread() {
            return self.lock_spread_user_for_edges(types, ids);
        }
        let kinds: Vec<_> = types.iter().map(|held| held.id.into()).collect();
        let before = ask!(self, handovers::keep_around(&kinds, ids, true))?;
        let exists = ask!(self, handovers::lock_user(user.get()))?;
        let after = ask!(self, handovers::keep_around(&kinds, ids, false))?;
        Ok((exists, before.contains(&kept.get()) || after.contains(&kept.get())))
    }

    /// Locks a user as its deletion does: also its relationships, and the counts of the users at their other ends.
    pub fn lock_user_with_edges(&mut self, id: UserId) -> Result<()> {
        ask!(self, users::lock(id.get()))
    }

    /// The number of relationships of a type with a user at an end.
    pub fn count_edges(&mut self, held: &HeldType, end: End, user: UserId) -> Result<i64> {
        ask!(self, handovers::count_at(held.id, end, user.get()))
    }

    /// The first relationships of a type with a user at an end, by id. They are locked until the job ends.
    pub fn lock_edges(&mut self, held: &HeldType, end: End, user: UserId, limit: i64) -> Result<Vec<LockedEdge>> {
        let rows = ask!(self, handovers::lock_edges(held.id, end, user.get(), limit))?;
        let edge = |(id, user, target)| LockedEdge {
            id: RelationshipId::new(id),
            ends: (UserId::new(user), UserId::new(target)),
        };
        Ok(rows.into_iter().map(edge).collect())
    }

    /// Deletes locked relationships of a type. [`write_edge_counts`](Self::write_edge_counts) counts them, which the
    /// job must call.
    pub fn delete_edges(&mut self, held: &HeldType, edges: &[LockedEdge]) -> Result<()> {
        if edges.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = edges.iter().map(|edge| edge.id.get()).collect();
        let deleted = ask!(self, handovers::delete_edges(&ids))?;
        if deleted.len() < edges.len() {
            return Err(self.record_conflict());
        }
        self.delete_copies(&deleted)?;
        self.log_deleted_edges(deleted)?;
        for LockedEdge { ends: (user, target), .. } in edges {
            self.edge_counts.add(held.id, (user.get(), target.get()), -1);
        }
        Ok(())
    }

    /// Stores relationships of a held type, each given as owner and target, which its rules admit, in this order. Those
    /// that exist already are left out. Returns the others. [`write_edge_counts`](Self::write_edge_counts) counts them,
    /// which the job must call.
    pub fn insert_edges(
        &mut self,
        held: &HeldType,
        edges: &[(UserId, UserId)],
        author: Option<UserId>,
    ) -> Result<Vec<(UserId, UserId)>> {
        if edges.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.micros();
        let row =
            |(user, target): &(UserId, UserId)| NewRelationshipRow::of_ends((*user, *target), held.id, author, now);
        let rows: Vec<_> = edges.iter().map(row).collect();
        let stored = ask!(self, handovers::insert_edges(&rows))?;
        if self.is_spread() {
            let copy = |(id, user_id, target_id): &(i64, i64, i64)| RelationshipRow {
                id: *id,
                version: 1,
                user_id: *user_id,
                target_id: *target_id,
                type_id: held.id,
                created_at: now,
                updated_at: now,
            };
            self.copy_edges(&stored.iter().map(copy).collect::<Vec<_>>())?;
        }
        for (_, user, target) in &stored {
            self.edge_counts.add(held.id, (*user, *target), 1);
        }
        if let Some(row) = rows.first() {
            self.log_created_edges(&held.name, &stored, row)?;
        }
        Ok(stored.into_iter().map(|(_, user, target)| (UserId::new(user), UserId::new(target))).collect())
    }

    /// Writes the collected changes of counts by owner, which the rules of a type may depend on.
    pub fn write_owner_counts(&mut self) -> Result<()> {
        ask!(self, handovers::count_owners(&mut self.edge_counts))
    }

    /// Writes all collected changes of counts.
    pub fn write_edge_counts(&mut self) -> Result<()> {
        ask!(self, handovers::count_edges(&mut self.type_counts, &mut self.edge_counts))
    }

    /// Stores a transfer from a user to another one.
    pub fn insert_transfer(
        &mut self,
        data: &TransferData,
        (from, to): (UserId, UserId),
        actor: UserId,
        moves: Moves,
    ) -> Result<Transfer> {
        let row = NewTransferRow {
            relationship: data.relationship.as_str(),
            take_place: data.take_place,
            from_id: from.get(),
            to_id: to.get(),
            actor_id: actor.get(),
            moved: moves.moved,
            merged: moves.merged,
            created_at: self.micros(),
        };
        ask!(self, handovers::insert(&row))?.into_transfer()
    }

    /// The transfer with that id.
    pub fn transfer(&mut self, id: TransferId) -> Result<Option<Transfer>> {
        ask!(self, handovers::find(id.get()))?.map(|row| row.into_transfer()).transpose()
    }

    /// A page of transfers, in order, with the total.
    pub fn transfers(&mut self, slice: &PageRequest) -> Result<Page<Transfer>> {
        let (total, rows) = ask!(self, handovers::page(slice))?;
        Ok(Page::whole(rows.into_iter().map(|row| row.into_transfer()).collect::<Result<_>>()?, total))
    }
}
