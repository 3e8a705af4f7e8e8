//! Queries of relationship types.

use std::sync::Arc;

use super::{Tx, ask};
use crate::model::attributes::HasAttributes;
use crate::model::change::{ChangeAction, ChangeSubject};
use crate::model::error::{Error, Result};
use crate::model::page::Page;
use crate::model::relationship_type::{RelationshipType, TypeData, TypeName, TypeRegistration};
use crate::model::time::Timestamp;
use crate::store::type_rows::TypeRow;
use crate::store::types::Types;

/// How long the number of a deleted type is not used again, in seconds: ten times as long as a process caches types
/// ([`CACHE_TTL`](crate::store::types::CACHE_TTL)).
const TYPE_REST_SECONDS: i64 = 600;

impl Tx<'_> {
    /// At most `limit` registered types, by name, after the first `offset`, with the total.
    pub fn types(&mut self, offset: i64, limit: i64) -> Result<Page<RelationshipType>> {
        let (total, rows) = ask!(self, relationship_types::page(offset, limit))?;
        Ok(Page::whole(rows.into_iter().filter_map(TypeRow::into_type).collect(), total))
    }

    /// The type with that name.
    pub fn relationship_type(&mut self, name: &TypeName) -> Result<Option<RelationshipType>> {
        Ok(ask!(self, relationship_types::find(name.as_str()))?.and_then(TypeRow::into_type))
    }

    /// The types that have one of `names` as their name or as a role, by name.
    pub fn types_with_name_or_role(&mut self, names: &[TypeName]) -> Result<Vec<RelationshipType>> {
        let names: Vec<_> = names.iter().map(TypeName::as_str).collect();
        let rows = ask!(self, relationship_types::with_name_or_role(&names))?;
        Ok(rows.into_iter().filter_map(TypeRow::into_type).collect())
    }

    /// The registered names, in order.
    pub fn type_names(&mut self) -> Result<Vec<TypeName>> {
        self.read_types()?;
        Ok(self.types.names().cloned().collect())
    }

    /// Whether a type with that name is registered.
    pub fn has_type(&mut self, name: &TypeName) -> Result<bool> {
        self.type_id(name).map(|id| id.is_some())
    }

    /// Locks all types against registrations and changes until the job ends. It comes before every lock of one type.
    pub fn lock_types(&mut self) -> Result<()> {
        ask!(self, relationship_types::lock_all())
    }

    /// Registers a type. A refused registration takes neither the lock nor a number.
    pub fn insert_type(&mut self, name: &TypeName, data: &TypeData) -> Result<TypeRegistration> {
        self.read_types()?;
        if self.types.id_of(name).is_some() {
            return Ok(TypeRegistration::NameTaken);
        }
        self.lock_types()?;
        let now = self.now();
        let rested = now.plus_seconds(-TYPE_REST_SECONDS).micros();
        let Some(id) = ask!(self, retired::free_type_id(rested))? else { return Ok(TypeRegistration::Exhausted) };
        let row = ask!(self, relationship_types::insert(id, name.as_str(), data, now.micros()))?;
        let Some(stored) = row.and_then(TypeRow::into_type) else { return Ok(TypeRegistration::NameTaken) };
        self.log(ChangeAction::Created, ChangeSubject::RelationshipType(name.clone()), &[])?;
        Ok(TypeRegistration::Registered(stored))
    }

    /// Reads a type again; in a write job it and all others are locked against changes until the job ends. `None` if it is
    /// gone.
    pub fn lock_type(&mut self, found: RelationshipType) -> Result<Option<RelationshipType>> {
        if !self.needs_locks() {
            return Ok(Some(found));
        }
        self.lock_types()?;
        ask!(self, relationship_types::lock_row(found.name.as_str()))?;
        self.relationship_type(&found.name)
    }

    /// Writes all data of a type that this job has read; `None` if it is gone.
    pub fn update_type(&mut self, old: &RelationshipType, data: &TypeData) -> Result<Option<RelationshipType>> {
        let now = self.micros();
        let updated = ask!(self, relationship_types::update(old.name.as_str(), data, now))?;
        // Rules are cached as well.
        self.shared.types.clear();
        if updated.is_some() {
            let subject = ChangeSubject::RelationshipType(old.name.clone());
            self.log(ChangeAction::Updated, subject, &old.data.changed_members(data))?;
        }
        Ok(updated.and_then(TypeRow::into_type))
    }

    /// Writes the times of a type that this job has registered, or that no relationship has.
    pub fn set_type_times(&mut self, name: &TypeName, created_at: Timestamp, updated_at: Timestamp) -> Result<()> {
        ask!(self, relationship_types::set_times(name.as_str(), created_at.micros(), updated_at.micros()))
    }

    /// The number of relationships of a type; `None` if there is no such type.
    pub fn type_use(&mut self, name: &TypeName) -> Result<Option<i64>> {
        self.read_types()?;
        match self.types.id_of(name) {
            Some(id) => ask!(self, counts::with_type(id)).map(Some),
            None => Ok(None),
        }
    }

    /// Deletes an unused type.
    pub fn delete_type(&mut self, name: &TypeName) -> Result<()> {
        match self.types.id_of(name) {
            Some(id) => {
                let now = self.micros();
                if ask!(self, relationship_types::delete(id, now))? {
                    let subject = ChangeSubject::RelationshipType(name.clone());
                    self.log(ChangeAction::Deleted, subject, &[])?;
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The types as this job knows them.
    pub(in crate::store) fn known_types(&self) -> &Types {
        &self.types
    }

    /// Reads the types from the database.
    pub(in crate::store) fn read_types(&mut self) -> Result<()> {
        self.types = Arc::new(Types::of(ask!(self, relationship_types::names())?));
        // A write job may read its own changes, which may never be committed.
        if !self.is_writing {
            self.share_types();
        }
        Ok(())
    }

    /// Caches the types for other jobs.
    pub(in crate::store) fn share_types(&self) {
        self.shared.types.put(Arc::clone(&self.types));
    }

    pub(super) fn type_id(&mut self, name: &TypeName) -> Result<Option<i16>> {
        if let Some(id) = self.types.id_of(name) {
            return Ok(Some(id));
        }
        self.read_types()?;
        Ok(self.types.id_of(name))
    }

    pub(super) fn type_name(&mut self, id: i16) -> Result<TypeName> {
        if let Some(name) = self.types.name_of(id) {
            return Ok(name.clone());
        }
        self.read_types()?;
        let name = self.types.name_of(id).cloned();
        name.ok_or_else(|| Error::Internal(format!("a relationship has the unregistered type {id}")))
    }
}
