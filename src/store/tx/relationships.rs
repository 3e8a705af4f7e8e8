//! Queries of relationships.

use std::collections::HashMap;

use super::{Tx, ask};
use crate::model::authors::Authors;
use crate::model::error::Result;
use crate::model::filter::RelationshipFilter;
use crate::model::id::{RelationshipId, UserId};
use crate::model::page::{Page, PageRequest};
use crate::model::relationship::{Edge, EdgeData, End, NewEdge, Relationship};
use crate::model::relationship_type::TypeName;
use crate::store::held_type::HeldType;
use crate::store::postgres::batch::creates::GatheredCreate;
use crate::store::postgres::batch::creates_sql::{self, Checked};
use crate::store::relationship_rows::{NewRelationshipRow, RelationshipRow, authors_of};
use crate::store::rows::Shape;

impl Tx<'_> {
    /// A page of relationships, in order, with the total.
    pub fn relationships(&mut self, filter: &RelationshipFilter, slice: &PageRequest) -> Result<Page<Relationship>> {
        let mut shape = self.shape_of(filter)?;
        let (mut total, mut rows) = ask!(self, relationship_pages::page(&shape, slice))?;
        // A number without rows may be out of date: another instance may have deleted and registered the type again.
        if filter.relationships.len() > 1 || (!filter.relationships.is_empty() && total == 0) {
            self.read_types()?;
            let fresh = self.shape_of(filter)?;
            if fresh.types != shape.types {
                shape = fresh;
                (total, rows) = ask!(self, relationship_pages::page(&shape, slice))?;
            }
        }
        let items = rows.into_iter().map(|row| self.relationship_of(row)).collect::<Result<_>>()?;
        Ok(Page::whole(items, total))
    }

    /// Reads a relationship again; in a write job it is locked against changes until the job ends. `None` if it is
    /// gone.
    pub fn lock_relationship(&mut self, found: Relationship) -> Result<Option<Relationship>> {
        if !self.needs_locks() {
            return Ok(Some(found));
        }
        let row = ask!(self, relationships::lock(found.id.get()))?;
        row.map(|row| self.relationship_of(row)).transpose()
    }

    /// The relationship with that id.
    pub fn relationship(&mut self, id: RelationshipId) -> Result<Option<Relationship>> {
        let row = ask!(self, relationships::find(id.get()))?;
        row.map(|row| self.relationship_of(row)).transpose()
    }

    /// The relationship with that id and its authors, regardless of the caller.
    pub fn authored_relationship(&mut self, id: RelationshipId) -> Result<Option<(Relationship, Authors)>> {
        let Some((row, authors)) = ask!(self, relationships::find_authored(id.get()))? else { return Ok(None) };
        Ok(Some((self.relationship_of(row)?, authors_of(authors))))
    }

    /// The authors of relationships. Those that do not exist are left out.
    pub fn authors(&mut self, ids: &[RelationshipId]) -> Result<HashMap<RelationshipId, Authors>> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        let rows = ask!(self, relationships::authors(&ids))?;
        Ok(rows.into_iter().map(|(id, authors)| (RelationshipId::new(id), authors_of(authors))).collect())
    }

    /// The id of the relationship with that edge.
    pub fn find_edge(&mut self, edge: &Edge) -> Result<Option<RelationshipId>> {
        let Some(kind) = self.type_id(&edge.relationship)? else { return Ok(None) };
        let id = ask!(self, relationships::find_edge(edge.user.get(), edge.target.get(), kind))?;
        Ok(id.map(RelationshipId::new))
    }

    /// Whether a relationship in either direction joins two users.
    pub fn are_related(&mut self, one: UserId, other: UserId) -> Result<bool> {
        ask!(self, relationship_pages::are_related(one.get(), other.get()))
    }

    /// Stores a relationship of a held type, which its rules admit, and counts it; `None` if the edge exists already.
    pub fn insert_relationship(
        &mut self,
        held: &HeldType,
        edge: &NewEdge,
        author: Option<UserId>,
    ) -> Result<Option<Relationship>> {
        let new = NewRelationshipRow::of(edge, held.id, author, self.micros());
        let Some(row) = ask!(self, relationships::insert(&mut self.type_counts, new))? else { return Ok(None) };
        self.copy_edges(&[row])?;
        let stored = self.relationship_of(row)?;
        self.log_created_edge(&stored, author)?;
        Ok(Some(stored))
    }

    /// As [`insert_relationship`](Self::insert_relationship), for several: stores those that do not exist, and returns
    /// their ids, in order.
    pub fn insert_relationships(
        &mut self,
        held: &HeldType,
        edges: &[NewEdge],
        author: Option<UserId>,
    ) -> Result<Vec<RelationshipId>> {
        let now = self.micros();
        let new: Vec<_> = edges.iter().map(|edge| NewRelationshipRow::of(edge, held.id, author, now)).collect();
        let rows = ask!(self, relationships::insert_many(&mut self.type_counts, &new))?;
        self.copy_edges(&rows)?;
        let mut stored: Vec<_> = rows.iter().map(|row| (row.id, row.user_id, row.target_id)).collect();
        stored.sort_unstable();
        if let Some(row) = new.first() {
            self.log_created_edges(&held.name, &stored, row)?;
        }
        Ok(stored.into_iter().map(|(id, ..)| RelationshipId::new(id)).collect())
    }

    /// Stores and counts relationships of a held type, which its rules admit. The rows are in any order. If the rules restrict
    /// data, the job fails unless all of them can be stored.
    pub fn insert_gathered(&mut self, held: &HeldType, creates: &[&GatheredCreate]) -> Result<Vec<Relationship>> {
        let now = self.micros();
        let new = |create: &&GatheredCreate| NewRelationshipRow::of(&create.edge, held.id, create.caller.author(), now);
        let new: Vec<_> = creates.iter().map(new).collect();
        let requests: Vec<_> = creates.iter().map(|create| create.request_id.clone()).collect();
        let rows = if self.is_spread() {
            self.insert_spread(held, &new, &requests)?
        } else {
            self.insert_in_batch(&new, requests, Checked::Rules)?
        };
        if rows.len() < new.len() && held.rules.restrict_data() {
            return Err(self.record_conflict());
        }
        rows.into_iter().map(|row| self.relationship_of(row)).collect()
    }

    /// Stores, counts and logs relationships with one statement. `requests` are the ids of their requests.
    pub(in crate::store) fn insert_in_batch(
        &mut self,
        new: &[NewRelationshipRow],
        requests: Vec<Option<String>>,
        checked: Checked,
    ) -> Result<Vec<RelationshipRow>> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.ask_postgres(|conn| creates_sql::insert(conn, new, requests, checked))?;
        self.record_batch(rows.len());
        Ok(rows)
    }

    /// Reads the types again if one of these names is not known. Nothing may have been written yet.
    pub(in crate::store) fn know_types<'n>(&mut self, mut names: impl Iterator<Item = &'n TypeName>) -> Result<()> {
        if names.any(|name| self.known_types().id_of(name).is_none()) {
            self.read_types()?;
            // Other jobs would read the same types.
            self.share_types();
        }
        Ok(())
    }

    /// Records that a statement has written, and logged, that many relationships.
    pub(in crate::store) const fn record_batch(&mut self, rows: usize) {
        self.changes.is_written |= rows > 0;
    }

    /// Writes all data of a relationship that this job has read. Its type must be registered.
    pub fn update_relationship(
        &mut self,
        old: &Relationship,
        data: EdgeData,
        author: Option<UserId>,
    ) -> Result<Relationship> {
        let new = Relationship { data, updated_at: self.now(), ..old.clone() };
        let kinds = (self.type_id(&old.data.relationship)?, self.type_id(&new.data.relationship)?);
        let (Some(before), Some(after)) = kinds else { return Err(self.record_conflict()) };
        let found = if self.is_logged()? { ask!(self, relationships::authors(&[old.id.get()]))?.pop() } else { None };
        let (old_row, new) = (RelationshipRow::of(old, before), RelationshipRow::of(&new, after));
        let updated =
            ask!(self, relationships::update(&mut self.type_counts, &old_row, &new, author.map(UserId::get)))?;
        let Some(row) = updated else { return Err(self.record_conflict()) };
        self.change_copies(&old_row, &row)?;
        let updated = self.relationship_of(row)?;
        if let Some((_, authors)) = found {
            self.log_changed_edge(old, &updated, authors)?;
        }
        Ok(updated)
    }

    /// Deletes a relationship and its counts; `false` if it is gone.
    pub fn delete_relationship(&mut self, id: RelationshipId) -> Result<bool> {
        let deleted = ask!(self, relationships::delete(&mut self.type_counts, id.get()))?;
        let deleted: Vec<_> = deleted.into_iter().collect();
        self.delete_copies(&deleted)?;
        let is_deleted = !deleted.is_empty();
        self.log_deleted_edges(deleted)?;
        Ok(is_deleted)
    }

    /// Deletes relationships of a held type and their counts; `false` if one of them is gone or has another type.
    pub fn delete_of_type(&mut self, held: &HeldType, ids: &[RelationshipId]) -> Result<bool> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        let deleted = ask!(self, relationships::delete_many_of_type(&mut self.type_counts, &ids, held.id))?;
        self.delete_copies(&deleted)?;
        let are_all_deleted = deleted.len() == ids.len();
        self.log_deleted_edges(deleted)?;
        Ok(are_all_deleted)
    }

    /// Collects the changes of counts by type until [`write_type_counts`](Self::write_type_counts), which the job must
    /// call. Otherwise it would hold the lock of a row that all creates need, from its first change to the commit.
    pub fn defer_type_counts(&mut self) {
        self.type_counts.defer();
    }

    /// Writes the collected changes of counts by type.
    pub fn write_type_counts(&mut self) -> Result<()> {
        let changes = self.type_counts.take();
        ask!(self, counts::add_types(&changes))
    }

    /// At most `limit` relationships of some users at an end, in any order.
    pub(in crate::store) fn rows_of_users(
        &mut self,
        end: End,
        users: &[i64],
        limit: i64,
    ) -> Result<Vec<RelationshipRow>> {
        ask!(self, relationships::of_users(end, users, limit))
    }

    fn shape_of<'f>(&mut self, filter: &'f RelationshipFilter) -> Result<Shape<'f>> {
        let mut types = Vec::with_capacity(filter.relationships.len());
        for name in &filter.relationships {
            types.extend(self.type_id(name)?);
        }
        Ok(Shape { filter, types: (!filter.relationships.is_empty()).then_some(types) })
    }

    pub(in crate::store) fn relationship_of(&mut self, row: RelationshipRow) -> Result<Relationship> {
        Ok(row.into_relationship(self.type_name(row.type_id)?))
    }
}
