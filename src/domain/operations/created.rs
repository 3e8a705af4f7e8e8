//! The resources that operations have created, by their local ids.

use std::collections::HashMap;

use super::operation::ResourceRef;
use crate::model::code::Code;
use crate::model::error::{Problem, Result};
use crate::model::id::{RelationshipId, UserId};

/// What earlier operations created, by local id.
#[derive(Debug, Default)]
pub(super) struct CreatedByLid {
    pub users: HashMap<String, UserId>,
    pub relationships: HashMap<String, RelationshipId>,
}

impl CreatedByLid {
    /// The user that a reference names.
    ///
    /// # Errors
    /// `malformed-document` for an unknown local id.
    pub fn user(&self, subject: &ResourceRef<UserId>) -> Result<UserId> {
        resolve(&self.users, subject)
    }

    /// The relationship that a reference names.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    pub fn relationship(&self, subject: &ResourceRef<RelationshipId>) -> Result<RelationshipId> {
        resolve(&self.relationships, subject)
    }
}

fn resolve<Id: Copy>(created: &HashMap<String, Id>, subject: &ResourceRef<Id>) -> Result<Id> {
    match subject {
        ResourceRef::Stored(id) => Ok(*id),
        ResourceRef::Lid(lid) => created.get(lid).copied().ok_or_else(|| {
            let detail = "no earlier operation created a resource with this `lid`";
            Problem::new(Code::MalformedDocument, detail).into()
        }),
    }
}
