//! Shows what happens, row by row.

use std::io::{IsTerminal, stdout};
use std::sync::{MutexGuard, PoisonError};

use super::report::{ImportReport, Notes};
use super::rows::{ReportedRow, RowWriter};
use crate::cli::command_error::CommandError;
use crate::domain::sync::EdgeStep;
use crate::domain::transfer::{ImportOutcome, ImportRow, LinePlace, RowOutcome, Tally, ValueChange};

impl ImportReport {
    /// Whether rows are shown, so that they are worth computing.
    pub fn lists_rows(&self) -> bool {
        self.rows().is_used()
    }

    /// Shows rows of one file.
    pub fn list(&self, source: usize, rows: &[ImportRow]) {
        for row in rows {
            self.put(row.place.map(|place| LinePlace { source, ..place }), row);
        }
    }

    /// Shows rows that name their files.
    pub fn list_placed(&self, rows: &[ImportRow]) {
        for row in rows {
            self.put(row.place, row);
        }
    }

    /// Reports why a plan cannot be carried out.
    pub fn reject(&self, row: &ImportRow) {
        let who = if row.subject.is_empty() { String::new() } else { format!("{}: ", row.subject) };
        let problem = row.problem.as_deref().unwrap_or_default();
        self.tell_unless_shown(row.place, &format!("{who}{problem}"));
        self.put(row.place, row);
        self.count_rejected_edge();
    }

    /// Reports what files may have by mistake.
    pub fn warn(&self, row: &ImportRow) {
        let who = if row.subject.is_empty() { String::new() } else { format!("{}: ", row.subject) };
        let problem = row.problem.as_deref().unwrap_or_default();
        self.tell_unless_shown(row.place, &format!("warning: {who}{problem}"));
        self.put(row.place, row);
    }

    /// Reports a line with relationships that is rejected while the plan is carried out.
    pub fn reject_edge(&self, place: Option<LinePlace>, reason: &str) {
        self.tell_rejected(place, "", reason);
        self.count_rejected_edge();
    }

    /// Reports a user that is rejected while the plan is carried out. Lines are counted elsewhere.
    pub fn reject_later(&self, place: Option<LinePlace>, reason: &str) {
        self.tell_rejected(place, "", reason);
        if place.is_none() {
            let mut outcome = ImportOutcome::default();
            outcome.users.rejected = 1;
            self.record(&Notes::of_outcome(outcome));
        }
    }

    /// Prints a rejected line, and shows its row.
    pub fn tell_rejected(&self, place: Option<LinePlace>, subject: &str, reason: &str) {
        self.tell_unless_shown(place, reason);
        let changes = cell_of(reason).into_iter().collect();
        let problem = Some(reason.to_owned());
        let row = ImportRow { place, outcome: RowOutcome::Rejected, subject: subject.to_owned(), changes, problem };
        self.put(place, &row);
    }

    /// Counts the relationships of steps.
    pub fn note_steps(&self, steps: &[EdgeStep]) {
        let Some(tally) = &self.sync else { return };
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outcome = ImportOutcome::default();
        for step in steps {
            let (added, replaced) = tally.add_step(step);
            outcome.relationships.added += added;
            outcome.relationships.changed += replaced;
        }
        self.record(&Notes::of_outcome(outcome));
    }

    /// Counts users that are not in the files.
    pub fn note_missing(&self, rows: &[ImportRow]) {
        let Some(tally) = &self.sync else { return };
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            tally.add_missing(row.outcome);
        }
    }

    /// Counts registered types.
    pub fn note_types(&self, types: u64) {
        let types = Tally { added: types, ..Tally::default() };
        self.record(&Notes::of_outcome(ImportOutcome { types, ..ImportOutcome::default() }));
    }

    /// Completes the rows.
    ///
    /// # Errors
    /// [`CommandError`] when a row could not be shown.
    pub fn finish_rows(&self) -> Result<(), CommandError> {
        self.rows().finish()
    }

    fn count_rejected_edge(&self) {
        let mut outcome = ImportOutcome::default();
        outcome.relationships.rejected = 1;
        self.record(&Notes::of_outcome(outcome));
    }

    /// Prints a message about a line, unless the same terminal shows its row.
    fn tell_unless_shown(&self, place: Option<LinePlace>, message: &str) {
        if self.rows().has_table() && stdout().is_terminal() {
            return;
        }
        match place {
            Some(place) => self.print(&format!("{}: {message}", self.place(place.source, place.line))),
            None => self.print(message),
        }
    }

    fn put(&self, place: Option<LinePlace>, row: &ImportRow) {
        if !self.lists_rows() {
            return;
        }
        let pass = place.and_then(|place| self.passes.get(place.source));
        let heading = |member: &str| {
            let label = pass.into_iter().flat_map(|pass| &pass.labels).find(|(name, _)| name == member);
            label.map(|(_, heading)| heading).or_else(|| self.headings.get(member)).cloned()
        };
        let change = |change: &ValueChange| ValueChange {
            member: heading(&change.member).unwrap_or_else(|| change.member.clone()),
            ..change.clone()
        };
        let reported = ReportedRow {
            file: pass.map_or("", |pass| pass.file.as_str()),
            line: place.map(|place| place.line),
            outcome: row.outcome,
            subject: &row.subject,
            changes: row.changes.iter().map(change).collect(),
            problem: row.problem.as_deref(),
        };
        self.progress.suspend(|| self.rows().put(&reported));
    }

    fn rows(&self) -> MutexGuard<'_, RowWriter> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The column and the value that a reason names.
fn cell_of(reason: &str) -> Option<ValueChange> {
    let (member, rest) = reason.strip_prefix('`')?.split_once('`')?;
    let value = rest.rsplit_once("got `").map_or("", |(_, value)| value.split('`').next().unwrap_or_default());
    Some(ValueChange { member: member.to_owned(), before: String::new(), after: value.to_owned() })
}
