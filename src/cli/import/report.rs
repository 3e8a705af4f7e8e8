//! Counts imported lines and reports rejected ones.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cli::import::rows::RowWriter;
use crate::cli::import::sync_tally::SyncTally;
use crate::cli::output;
use crate::cli::progress::{Progress, group_digits};
use crate::domain::transfer::{ImportOutcome, LinePlace, Tally};
use crate::files::record::RecordKind;
use crate::imports::feed::Batch;
use crate::imports::labels;
use crate::imports::passes::{Pass, PassContent};
use crate::imports::rejected_people::RejectedPeople;

/// Counts lines and reports rejected ones to people.
pub struct ImportReport {
    pub(super) progress: Progress,
    pub(super) passes: Vec<ReportedPass>,
    /// Whether places name the file.
    has_several_files: bool,
    notes: Mutex<Notes>,
    /// The rejected rows of a people file.
    rejected_people: Mutex<RejectedPeople>,
    pub(super) rows: Mutex<RowWriter>,
    /// The headings of the columns that become relationships, by type.
    pub(super) headings: HashMap<String, String>,
    /// What a synchronization has done.
    pub(super) sync: Option<Mutex<SyncTally>>,
}

/// How the lines of a pass are named.
pub(super) struct ReportedPass {
    pub file: String,
    /// Members, and the headings of their columns.
    pub labels: Vec<(String, String)>,
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
                Some(RecordKind::Type) => outcome.types.rejected += 1,
                Some(RecordKind::User) => outcome.users.rejected += 1,
                Some(RecordKind::Relationship) => outcome.relationships.rejected += 1,
                Some(RecordKind::Group) => outcome.groups.rejected += 1,
                Some(RecordKind::Member) => outcome.members.rejected += 1,
                None => unclear += 1,
            }
        }
        Self { outcome, unclear, last: Some((batch.source, batch.last)) }
    }

    /// Results without rejected lines that cannot be parsed.
    pub fn of_outcome(outcome: ImportOutcome) -> Self {
        Self { outcome, unclear: 0, last: None }
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
    /// A report without results, which shows rows.
    pub fn new(progress: Progress, passes: &[Pass], rows: RowWriter, is_sync: bool) -> Self {
        let has_several_files =
            passes.iter().any(|pass| passes.first().is_some_and(|first| first.location.path() != pass.location.path()));
        let reported = |pass: &Pass| ReportedPass { file: file_name(pass), labels: pass.labels.clone() };
        let reported = passes.iter().map(reported).collect();
        Self {
            progress,
            passes: reported,
            has_several_files,
            notes: Mutex::default(),
            rejected_people: Mutex::default(),
            rows: Mutex::new(rows),
            headings: headings_of_types(passes),
            sync: is_sync.then(Mutex::default),
        }
    }

    /// Prints the rejected lines of a batch, in file order.
    pub fn report_rejected(&self, batch: &Batch, rejected: &[(u64, String)]) {
        let refused =
            batch.refused.iter().chain(&batch.more_faults).map(|(number, refusal)| (*number, refusal.reason()));
        let rejected = rejected.iter().map(|(number, reason)| (*number, self.describe(batch, *number, reason)));
        let mut all: Vec<_> = refused.chain(rejected).collect();
        all.sort_by_key(|(number, _)| *number);
        for (number, reason) in &all {
            self.tell_rejected(Some(LinePlace { source: batch.source, line: *number }), "", reason);
        }
        self.rejected_people().note(batch, all.into_iter().map(|(number, _)| number));
    }

    /// A batch without the relationships of rows of a people file that were rejected.
    pub fn without_rejected_people(&self, batch: Batch) -> Batch {
        self.rejected_people().remove_from(batch)
    }

    fn rejected_people(&self) -> MutexGuard<'_, RejectedPeople> {
        self.rejected_people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn describe(&self, batch: &Batch, number: u64, reason: &str) -> String {
        let labels = self.passes.get(batch.source).map_or(&[][..], |pass| &pass.labels);
        labels::describe(labels, batch, number, reason)
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
        let ImportOutcome { types, users, relationships, groups, members, .. } = &notes.outcome;
        [types, users, relationships, groups, members].iter().map(|tally| tally.rejected).sum::<u64>() + notes.unclear
    }

    /// How many users and relationships are new so far.
    pub fn stored_rows(&self) -> u64 {
        let notes = self.notes();
        notes.outcome.users.added + notes.outcome.relationships.added
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
        let ImportOutcome { types, users, relationships, groups, members, .. } = notes.outcome;
        for (what, tally) in [("users", users), ("relationships", relationships), ("relationship types", types)] {
            output::tell(&format!("{what}: {would}{}", summary_of(tally)));
        }
        for (what, tally) in [("groups", groups), ("members", members)] {
            if tally != Tally::default() {
                output::tell(&format!("{what}: {would}{}", summary_of(tally)));
            }
        }
        if let Some(sync) = &self.sync {
            let tally = sync.lock().unwrap_or_else(PoisonError::into_inner);
            output::tell(&format!("synchronization: {would}{}", tally.summary()));
        }
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
        self.progress.tell(&format!("{}: {}", self.place(batch.source, number), self.describe(batch, number, reason)));
    }

    /// `line 400`, with the file name if there are several files.
    pub(super) fn place(&self, source: usize, number: u64) -> String {
        match self.passes.get(source).filter(|_| self.has_several_files) {
            Some(pass) => format!("{}: line {number}", pass.file),
            None => format!("line {number}"),
        }
    }
}

/// The path of the file of a pass.
fn file_name(pass: &Pass) -> String {
    pass.location.path().map(|path| path.display().to_string()).unwrap_or_default()
}

/// The headings of the columns that become relationships, for types that have one such column.
fn headings_of_types(passes: &[Pass]) -> HashMap<String, String> {
    let mut headings = HashMap::new();
    let mut repeated = HashSet::new();
    for pass in passes {
        if let PassContent::Edges { reader, .. } = &pass.content {
            let name = reader.column.relationship.as_str().to_owned();
            if headings.insert(name.clone(), reader.heading.clone()).is_some() {
                repeated.insert(name);
            }
        }
    }
    headings.retain(|name, _| !repeated.contains(name));
    headings
}

fn summary_of(tally: Tally) -> String {
    let Tally { added, changed, unchanged, rejected } = tally;
    let [added, changed, unchanged, rejected] = [added, changed, unchanged, rejected].map(group_digits);
    format!("{added} added, {changed} changed, {unchanged} unchanged, {rejected} rejected")
}
