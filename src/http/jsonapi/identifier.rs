//! Resource identifier objects (JSON:API 1.1, "Resource Identifier Objects").

use serde::Serialize;
use std::fmt;

use super::text::Text;
use crate::model::id::UserId;

/// The type of a user.
pub const USERS: &str = "users";

/// `{"type": …, "id": …}` (JSON:API 1.1, "Resource Identifier Objects").
#[derive(Serialize)]
#[serde(bound = "Id: fmt::Display")]
pub struct Identifier<Id = UserId> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Text<Id>,
}

/// A relationship object with a user who may be deleted, and so without links.
#[derive(Serialize)]
pub struct UnlinkedLinkage {
    data: Option<Identifier>,
}

impl UnlinkedLinkage {
    /// The linkage of a user; `None` for an empty one.
    #[must_use]
    pub fn of(user: Option<UserId>) -> Self {
        Self { data: user.map(Identifier::of_user) }
    }
}

impl<Id> Identifier<Id> {
    /// The identifier of a resource of type `kind`.
    #[must_use]
    pub fn new(kind: &'static str, id: Id) -> Self {
        Self { kind, id: Text(id) }
    }
}

impl Identifier {
    /// The identifier of a user.
    #[must_use]
    pub fn of_user(id: UserId) -> Self {
        Self::new(USERS, id)
    }
}
