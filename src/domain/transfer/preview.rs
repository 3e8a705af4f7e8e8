//! What an import does, row by row, for people.

use std::collections::HashMap;

use super::memory::PendingRecords;
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::error::Result;
use crate::model::field::Held;
use crate::model::id::UserId;
use crate::model::relationship::Edge;
use crate::model::user::{Field, UserData};
use crate::store::Tx;

/// What happens with a user or its relationships.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowOutcome {
    /// A user is created, or relationships of a user that had none of their type.
    Created,
    /// A user gets other values.
    Changed,
    /// Relationships of a user are replaced.
    Moved,
    /// Relationships of a user are deleted.
    Deleted,
    /// A user is disabled.
    Disabled,
    /// A user is not in the file, and nothing happens to it.
    Missing,
    /// The line is imported, and may be a mistake.
    Warning,
    /// The line cannot be imported.
    Rejected,
}

impl RowOutcome {
    /// All outcomes.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Changed,
        Self::Moved,
        Self::Deleted,
        Self::Disabled,
        Self::Missing,
        Self::Warning,
        Self::Rejected,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::Deleted => "deleted",
            Self::Disabled => "disabled",
            Self::Missing => "missing",
            Self::Warning => "warning",
            Self::Rejected => "rejected",
        }
    }
}

/// A value before and after an import; empty for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueChange {
    /// The attribute of a user, or the type of relationships.
    pub member: String,
    /// The value before.
    pub before: String,
    /// The value after.
    pub after: String,
}

/// A row of the preview of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    /// The number of the file, from 0, and of the line; `None` for a user whom no line names.
    pub place: Option<LinePlace>,
    /// What happens.
    pub outcome: RowOutcome,
    /// The user: name and address; empty if unknown.
    pub subject: String,
    /// What changes.
    pub changes: Vec<ValueChange>,
    /// What is wrong and what to do, or what to know.
    pub problem: Option<String>,
}

/// A line of one of several files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LinePlace {
    /// The number of the file or of the pass over it, from 0.
    pub source: usize,
    /// The number of the line, from 1.
    pub line: u64,
}

impl LinePlace {
    /// A line of the first file.
    pub(super) const fn of_line(line: u64) -> Self {
        Self { source: 0, line }
    }
}

/// How a user is shown to people.
#[must_use]
pub fn describe_user(data: &UserData) -> String {
    match data.name() {
        Some(name) => format!("{name} ({})", data.email),
        None => data.email.clone(),
    }
}

/// The row of a user that a line creates or changes.
pub(super) fn user_row(line: u64, old: Option<&UserData>, new: &UserData) -> ImportRow {
    let outcome = match old {
        None => RowOutcome::Created,
        Some(old) if old.is_enabled && !new.is_enabled => RowOutcome::Disabled,
        Some(_) => RowOutcome::Changed,
    };
    let changes = old.map(|old| changes_between(old, new)).unwrap_or_default();
    ImportRow { place: Some(LinePlace::of_line(line)), outcome, subject: describe_user(new), changes, problem: None }
}

fn changes_between(old: &UserData, new: &UserData) -> Vec<ValueChange> {
    let changed = Field::ALL.into_iter().filter(|field| old.get(*field) != new.get(*field));
    let change = |field: Field| ValueChange {
        member: field.member().to_owned(),
        before: text_of(old.get(field)),
        after: text_of(new.get(field)),
    };
    changed.map(change).collect()
}

fn text_of(held: Held<'_>) -> String {
    match held {
        Held::Text(text) => text.unwrap_or_default().to_owned(),
        Held::List(list) => list.join(" | "),
        Held::Flag(flag) => flag.to_string(),
        Held::Integer(number) => number.map(|number| number.to_string()).unwrap_or_default(),
    }
}

/// The rows of relationships that lines create, each with the number of its line.
///
/// # Errors
/// Those of the store.
pub(super) fn edge_rows(tx: &mut Tx<'_>, created: &[(u64, Edge)], pending: &PendingRecords) -> Result<Vec<ImportRow>> {
    let names = UserNames::look_up(tx, created.iter().flat_map(|(_, edge)| [edge.user, edge.target]), pending)?;
    let row = |(line, edge): &(u64, Edge)| {
        let member = edge.relationship.as_str().to_owned();
        ImportRow {
            place: Some(LinePlace::of_line(*line)),
            outcome: RowOutcome::Created,
            subject: names.name(edge.user),
            changes: vec![ValueChange { member, before: String::new(), after: names.name(edge.target) }],
            problem: None,
        }
    };
    Ok(created.iter().map(row).collect())
}

/// Users as they are shown to people.
#[derive(Debug, Default)]
pub struct UserNames(HashMap<UserId, String>);

impl UserNames {
    /// Looks up users, also among those of earlier lines.
    ///
    /// # Errors
    /// Those of the store.
    pub(in crate::domain) fn look_up(
        tx: &mut Tx<'_>,
        ids: impl IntoIterator<Item = UserId>,
        pending: &PendingRecords,
    ) -> Result<Self> {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        let mut names: HashMap<_, _> =
            ids.iter().filter_map(|id| Some((*id, describe_user(&pending.data_of(*id)?)))).collect();
        ids.retain(|id| !names.contains_key(id));
        let stored = if ids.is_empty() { Vec::new() } else { tx.many_users(&ids)? };
        names.extend(stored.iter().map(|user| (user.id, describe_user(&user.data))));
        Ok(Self(names))
    }

    /// A user.
    #[must_use]
    pub fn name(&self, id: UserId) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| format!("user {id}"))
    }
}
