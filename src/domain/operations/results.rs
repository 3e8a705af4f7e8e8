//! The results of operations: the identifier of each changed resource, and every distinct resource, rendered once.
//!
//! # Design
//! A resource counts once for every result that shows it, and is stored only if the response still fits. So neither many
//! results with one large resource nor many large resources can take more memory than [`MAX_ANSWER`].

use std::collections::HashMap;

use crate::domain::users;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, Problem, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::limits::MAX_ANSWER;
use crate::model::relationship::Relationship;
use crate::model::user::User;
use crate::store::Tx;

/// The id of a resource that operations can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceId {
    /// A relationship.
    Relationship(RelationshipId),
    /// A user.
    User(UserId),
}

/// A stored resource.
#[derive(Debug, Clone, Copy)]
pub enum StoredRow<'r> {
    /// A relationship.
    Relationship(&'r Relationship),
    /// A user.
    User(&'r User),
}

/// Renders a resource as a part of a document. Jobs call it before they commit.
pub type Render<'f> = &'f dyn Fn(StoredRow<'_>) -> Result<Vec<u8>>;

/// An upper bound of the bytes of the document around all results.
const ENVELOPE: usize = 512;
/// An upper bound of the bytes of a result around its resource, or of its identifier.
const FRAME: usize = 96;
/// The users that one statement reads; each can have a profile of the largest size.
const USERS_PER_READ: usize = 32;

/// The results of operations, in order.
#[derive(Debug)]
pub struct Results {
    outcomes: Vec<Option<ResourceId>>,
    /// The rendered resources. Missing ones are shown as identifiers.
    rendered: HashMap<ResourceId, Vec<u8>>,
    /// The number of results that show each resource.
    uses: HashMap<ResourceId, usize>,
    /// An upper bound of the bytes of the document.
    size: usize,
}

impl Default for Results {
    fn default() -> Self {
        Self { outcomes: Vec::new(), rendered: HashMap::new(), uses: HashMap::new(), size: ENVELOPE }
    }
}

impl Results {
    /// Appends the result of an operation: the resource that it created or changed, or `None` if it removed one.
    pub(super) fn push(&mut self, outcome: Option<ResourceId>) {
        if let Some(id) = outcome {
            *self.uses.entry(id).or_default() += 1;
        }
        self.size += FRAME;
        self.outcomes.push(outcome);
    }

    /// The resource that each operation created or changed; `None` if it removed one.
    #[must_use]
    pub fn outcomes(&self) -> &[Option<ResourceId>] {
        &self.outcomes
    }

    /// Whether some result shows the resource.
    pub(super) fn shows(&self, id: ResourceId) -> bool {
        self.uses.contains_key(&id)
    }

    /// The rendered resource.
    #[must_use]
    pub fn resource(&self, id: ResourceId) -> Option<&[u8]> {
        self.rendered.get(&id).map(Vec::as_slice)
    }

    /// An upper bound of the bytes of the document.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The users and the relationships that are not rendered yet, each once, by id.
    pub(super) fn missing(&self) -> (Vec<UserId>, Vec<RelationshipId>) {
        let (mut users, mut relationships) = (Vec::new(), Vec::new());
        for id in self.uses.keys().filter(|id| !self.rendered.contains_key(id)) {
            match id {
                ResourceId::User(id) => users.push(*id),
                ResourceId::Relationship(id) => relationships.push(*id),
            }
        }
        users.sort_unstable();
        relationships.sort_unstable();
        (users, relationships)
    }

    /// Stores a rendered resource for all results that show it. Returns `false` if the response would be too large. No
    /// result that shows the resource may be appended later.
    pub(super) fn add(&mut self, id: ResourceId, resource: Vec<u8>) -> bool {
        let uses = self.uses.get(&id).copied().unwrap_or_default();
        let size = self.size.saturating_add(resource.len().saturating_mul(uses));
        let fits = size <= MAX_ANSWER;
        if fits {
            self.size = size;
            self.rendered.insert(id, resource);
        }
        fits
    }

    /// Reads and renders those of these users that the caller may see, in chunks.
    ///
    /// # Errors
    /// Those of the store, of `render`, and of `on_overflow`, which is called for each user that does not fit.
    pub(super) fn add_users(
        &mut self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        ids: &[UserId],
        render: Render<'_>,
        on_overflow: fn() -> Result<()>,
    ) -> Result<()> {
        for ids in ids.chunks(USERS_PER_READ) {
            for user in users::get_visible(tx, caller, ids)? {
                if !self.add(ResourceId::User(user.id), render(StoredRow::User(&user))?) {
                    on_overflow()?;
                }
            }
        }
        Ok(())
    }
}

/// Refuses a response that is too large.
///
/// # Errors
/// Always: `answer-too-large`.
pub(super) fn refuse_answer() -> Result<()> {
    let detail = format!(
        "the results would be larger than {MAX_ANSWER} bytes, and nothing was written; send fewer operations in one \
         request"
    );
    Err(Error::from(Problem::new(Code::AnswerTooLarge, detail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_counts_once_for_every_result_that_shows_it() {
        let id = ResourceId::User(UserId::new(1));
        let resource = || vec![b' '; MAX_ANSWER / 4];
        let results = |uses: usize| {
            let mut results = Results::default();
            for _ in 0..uses {
                results.push(Some(id));
            }
            results
        };
        let mut three = results(3);
        assert!(three.add(id, resource()) && three.resource(id).is_some());
        assert!((3 * resource().len()..=MAX_ANSWER).contains(&three.size()));
        let mut four = results(4);
        assert!(!four.add(id, resource()));
        assert_eq!(four.resource(id), None);
        assert!(four.size() < MAX_ANSWER / 4);
    }
}
