//! The options and the results of an import.

use super::lines::Record;
use super::preview::{ImportRow, RowOutcome, user_row};
use crate::model::error::Error;
use crate::model::user::{Field, UserData};

/// The options of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Registers unknown relationship types.
    pub creates_types: bool,
    /// Lists what happens, row by row.
    pub lists_rows: bool,
    /// The id in another system of a line decides which user it is, before the e-mail address.
    pub matches_alt_ids: bool,
}

/// Counts the lines of one kind by result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Lines whose record was created.
    pub added: u64,
    /// Lines whose record was changed.
    pub changed: u64,
    /// Lines whose record existed with the same content.
    pub unchanged: u64,
    /// Invalid lines.
    pub rejected: u64,
}

/// The results of some lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOutcome {
    /// Lines with relationship types, and types that were registered for relationships.
    pub types: Tally,
    /// Lines with users.
    pub users: Tally,
    /// Lines with relationships.
    pub relationships: Tally,
    /// Lines with groups.
    pub groups: Tally,
    /// Lines with memberships.
    pub members: Tally,
    /// The numbers of the rejected lines, and the reasons; a line may have several.
    pub rejected: Vec<(u64, String)>,
    /// What happens with the others, if the options list it.
    pub rows: Option<Vec<ImportRow>>,
    /// Users whom lines disable.
    pub disabled: u64,
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        Self {
            added: self.added + other.added,
            changed: self.changed + other.changed,
            unchanged: self.unchanged + other.unchanged,
            rejected: self.rejected + other.rejected,
        }
    }
}

impl ImportOutcome {
    /// Nothing yet.
    pub(super) fn new(options: ImportOptions) -> Self {
        Self { rows: options.lists_rows.then(Vec::new), ..Self::default() }
    }

    /// Counts the user of a line that has other values than before.
    pub(super) fn note_user(&mut self, line: u64, old: Option<&UserData>, new: &UserData) {
        let (tally, disables) = match old {
            None => (&mut self.users.added, false),
            Some(old) => (&mut self.users.changed, old.is_enabled && !new.is_enabled),
        };
        *tally += 1;
        self.disabled += u64::from(disables);
        if let Some(rows) = &mut self.rows {
            rows.push(user_row(line, old, new));
        }
    }

    /// Adds the counts of other lines, without their reasons.
    pub fn add(&mut self, other: &Self) {
        self.types = self.types.plus(other.types);
        self.users = self.users.plus(other.users);
        self.relationships = self.relationships.plus(other.relationships);
        self.groups = self.groups.plus(other.groups);
        self.members = self.members.plus(other.members);
    }

    /// Rejects a line with a group or a membership in a synchronization.
    pub(in crate::domain) fn reject_unsynchronized(&mut self, number: u64, record: &Record) {
        let reason = "groups and members are not synchronized; import them without `--sync`".to_owned();
        match record {
            Record::Group(_) => drop(self.reject_group_if(number, [reason])),
            Record::Member(_) => drop(self.reject_member_if(number, [reason])),
            Record::Type(_) | Record::User(_) | Record::Relationship(_) => {}
        }
    }

    pub(super) fn reject_type(&mut self, number: u64, reason: String) {
        self.types.rejected += 1;
        self.rejected.push((number, reason));
    }

    /// Rejects a line with a group for all reasons; returns whether there are any.
    pub(super) fn reject_group_if(&mut self, number: u64, reasons: impl IntoIterator<Item = String>) -> bool {
        let is_rejected = self.note_reasons(number, reasons);
        self.groups.rejected += u64::from(is_rejected);
        is_rejected
    }

    /// Rejects a line with a membership for all reasons; returns whether there are any.
    pub(super) fn reject_member_if(&mut self, number: u64, reasons: impl IntoIterator<Item = String>) -> bool {
        let is_rejected = self.note_reasons(number, reasons);
        self.members.rejected += u64::from(is_rejected);
        is_rejected
    }

    /// Adds the results of other lines, with their reasons and rows.
    pub(in crate::domain) fn append(&mut self, mut other: Self) {
        self.add(&other);
        self.disabled += other.disabled;
        self.rejected.append(&mut other.rejected);
        if let Some(rows) = other.rows {
            self.rows.get_or_insert_default().extend(rows);
        }
    }

    /// Rejects a line with a user for all reasons; returns whether there are any.
    pub(super) fn reject_user_if(&mut self, number: u64, reasons: impl IntoIterator<Item = String>) -> bool {
        let is_rejected = self.note_reasons(number, reasons);
        self.users.rejected += u64::from(is_rejected);
        is_rejected
    }

    fn note_reasons(&mut self, number: u64, reasons: impl IntoIterator<Item = String>) -> bool {
        let before = self.rejected.len();
        self.rejected.extend(reasons.into_iter().map(|reason| (number, reason)));
        self.rejected.len() > before
    }

    /// Rejects a line with a user that was counted, and removes its row.
    pub(in crate::domain) fn reject_counted_user(&mut self, number: u64, reason: String) {
        let is_of_line = |row: &ImportRow| row.place.is_some_and(|place| place.line == number);
        let rows = self.rows.iter_mut().flat_map(|rows| rows.extract_if(.., |row| is_of_line(row)));
        let tally = match rows.map(|row| row.outcome).last() {
            Some(RowOutcome::Created) => &mut self.users.added,
            Some(_) => &mut self.users.changed,
            None => &mut self.users.unchanged,
        };
        *tally = tally.saturating_sub(1);
        self.reject_user_if(number, [reason]);
    }

    /// Rejects a line with a relationship for these reasons.
    pub(super) fn reject_relationship(&mut self, number: u64, reasons: impl IntoIterator<Item = String>) {
        self.relationships.rejected += 1;
        self.note_reasons(number, reasons);
    }
}

/// A field cannot hold its value, which the reader of the line should have reported.
pub(super) fn unsuitable_value(field: Field) -> Error {
    Error::Internal(format!("the field {field:?} cannot hold its value"))
}

/// The store reserved fewer ids than requested.
pub(super) fn too_few_ids() -> Error {
    Error::Internal("too few ids were reserved".to_owned())
}
