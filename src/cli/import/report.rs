//! Counts imported lines and reports rejected ones.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cli::import::feed::Batch;
use crate::cli::import::record::RecordKind;
use crate::cli::output;
use crate::cli::progress::{Progress, group_digits};
use crate::domain::transfer::{ImportOutcome, Tally};

/// Counts lines and reports rejected ones to people.
pub struct ImportReport {
    progress: Progress,
    /// The names of the files.
    names: Vec<String>,
    notes: Mutex<Notes>,
}

/// The results of lines.
#[derive(Default)]
pub struct Notes {
    outcome: ImportOutcome,
    /// Rejected lines of unknown kind.
    unclear: u64,
    /// The file and the number of the last line.
    last: Option<(usize, u64)>,
}

impl Notes {
    /// The results of a batch.
    pub fn of(batch: &Batch, mut outcome: ImportOutcome) -> Self {
        let mut unclear = 0;
        for (_, refusal) in &batch.refused {
            match refusal.kind {
                Some(RecordKind::User) => outcome.users.rejected += 1,
                Some(RecordKind::Relationship) => outcome.relationships.rejected += 1,
                None => unclear += 1,
            }
        }
        Self { outcome, unclear, last: Some((batch.source, batch.last)) }
    }

    /// Adds the results of later lines.
    pub fn add(&mut self, later: &Self) {
        self.outcome.add(&later.outcome);
        self.unclear += later.unclear;
        self.last = later.last.or(self.last);
    }

    /// Recounts relationships that turned out to exist already.
    pub fn recount_existing(&mut self, relationships: u64) {
        self.outcome.relationships.added -= relationships;
        self.outcome.relationships.unchanged += relationships;
    }
}

impl ImportReport {
    /// A report without results.
    pub fn new(progress: Progress, names: Vec<String>) -> Self {
        Self { progress, names, notes: Mutex::default() }
    }

    /// Prints the rejected lines of a batch, in file order.
    pub fn report_rejected(&self, batch: &Batch, rejected: &[(u64, String)]) {
        let refused = batch.refused.iter().map(|(number, refusal)| (*number, refusal.reason.as_str()));
        let mut all: Vec<_> = refused.chain(rejected.iter().map(|(number, reason)| (*number, &**reason))).collect();
        all.sort_by_key(|(number, _)| *number);
        for (number, reason) in all {
            self.progress.tell(&format!("{}: {reason}", self.place(batch.source, number)));
        }
    }

    /// Records the final results of lines.
    pub fn record(&self, notes: &Notes) {
        self.notes().add(notes);
    }

    /// Updates the progress.
    pub fn advance(&self, batch: &Batch) {
        self.progress.advance(batch.position, (batch.lines.len() + batch.refused.len()) as u64);
    }

    /// Prints a message.
    pub fn print(&self, sentence: &str) {
        self.progress.tell(sentence);
    }

    /// The number of lines rejected so far.
    pub fn rejected(&self) -> u64 {
        let notes = self.notes();
        notes.outcome.users.rejected + notes.outcome.relationships.rejected + notes.unclear
    }

    /// Says up to which line everything is written.
    pub fn progress_summary(&self) -> String {
        match self.notes().last {
            Some((source, number)) => format!("everything up to {} is written", self.place(source, number)),
            None => "nothing is written".to_owned(),
        }
    }

    /// Removes the progress and prints the counts.
    pub fn end(&self, is_dry_run: bool) {
        let summary = self.progress.end();
        let notes = self.notes();
        let would = if is_dry_run { "would be: " } else { "" };
        for (what, tally) in [("users", notes.outcome.users), ("relationships", notes.outcome.relationships)] {
            output::tell(&format!("{what}: {would}{}", summary_of(tally)));
        }
        output::tell(&format!("relationship types: {would}{} added", group_digits(notes.outcome.types_added)));
        if notes.unclear > 0 {
            output::tell(&format!("other lines: {would}{} rejected", group_digits(notes.unclear)));
        }
        output::tell(&summary);
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints the line at which a strict import stops.
    pub fn report_stop(&self, batch: &Batch, number: u64, reason: &str) {
        self.progress.tell(&format!("{}: {reason}", self.place(batch.source, number)));
    }

    /// `line 400`, with the file name if there are several files.
    fn place(&self, source: usize, number: u64) -> String {
        match self.names.as_slice() {
            [_, _, ..] => format!("{}: line {number}", self.names.get(source).map_or("", String::as_str)),
            _ => format!("line {number}"),
        }
    }
}

fn summary_of(tally: Tally) -> String {
    let Tally { added, changed, unchanged, rejected } = tally;
    let [added, changed, unchanged, rejected] = [added, changed, unchanged, rejected].map(group_digits);
    format!("{added} added, {changed} changed, {unchanged} unchanged, {rejected} rejected")
}
