//! What a synchronization does.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::limit::Removals;
use super::missing::MissingUser;
use crate::domain::transfer::{ImportLine, ImportRow, LinePlace, PendingRecords, RowOutcome};
use crate::model::edge_graph::StoredEdge;
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;

/// A relationship that a step stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewEdgeOfStep {
    /// The target. The id of a new user is a negative placeholder.
    pub target: UserId,
    /// The line that has it.
    pub place: LinePlace,
}

/// The relationships of one type that a user loses and gains, all in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeStep {
    /// The owner. The id of a new user is a negative placeholder.
    pub user: UserId,
    /// The line of the user, if it has one.
    pub place: Option<LinePlace>,
    /// The relationships to delete.
    pub removed: Vec<StoredEdge>,
    /// The relationships to store.
    pub added: Vec<NewEdgeOfStep>,
}

impl EdgeStep {
    /// How many relationships are deleted and not replaced.
    #[must_use]
    pub fn deletions(&self) -> u64 {
        self.removed.len().saturating_sub(self.added.len()) as u64
    }

    /// What happens with the relationships.
    #[must_use]
    pub const fn outcome(&self) -> RowOutcome {
        match (self.removed.is_empty(), self.added.is_empty()) {
            (true, _) => RowOutcome::Created,
            (false, false) => RowOutcome::Moved,
            (false, true) => RowOutcome::Deleted,
        }
    }

    /// The same step, in which some users have other ids.
    #[must_use]
    pub fn with_ids(&self, ids: &HashMap<UserId, UserId>) -> Self {
        let id = |user: UserId| ids.get(&user).copied().unwrap_or(user);
        let mut step = Self { user: id(self.user), ..self.clone() };
        for edge in &mut step.added {
            edge.target = id(edge.target);
        }
        step
    }

    /// The line that a message about the step names.
    #[must_use]
    pub fn line(&self) -> Option<LinePlace> {
        self.added.first().map(|edge| edge.place).or(self.place)
    }
}

/// The steps of one type, from the top of the new tree downwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeSteps {
    /// The type.
    pub relationship: TypeName,
    /// The steps, in the order in which no one breaks a rule of the type.
    pub steps: Vec<EdgeStep>,
}

/// What a synchronization does.
#[derive(Debug, Default)]
pub struct SyncPlan {
    /// The types to register that have no line.
    pub new_types: Vec<TypeName>,
    /// Lines with types, which are imported first: the number of the file, from 0, and lines of it.
    pub type_lines: Vec<(usize, Vec<ImportLine>)>,
    /// The lines that create or change users.
    pub user_lines: HashSet<LinePlace>,
    /// The new and changed users.
    pub pending: Arc<PendingRecords>,
    /// The changes of relationships.
    pub types: Vec<TypeSteps>,
    /// The users that are not in the files.
    pub missing: Vec<MissingUser>,
    /// Why the plan cannot be carried out.
    pub problems: Vec<ImportRow>,
    /// What the files may have by mistake, although no rule forbids it.
    pub warnings: Vec<ImportRow>,
    /// How much is deleted and disabled.
    pub removals: Removals,
    /// Lines with relationships that are stored already.
    pub unchanged_edges: u64,
}

impl SyncPlan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let has_steps = self.types.iter().any(|kind| !kind.steps.is_empty());
        let disables = self.missing.iter().any(|user| user.is_to_disable);
        self.new_types.is_empty() && self.type_lines.is_empty() && self.user_lines.is_empty() && !has_steps && !disables
    }
}
