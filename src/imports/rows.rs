//! The rows of an import, and how they are counted and stored.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::feed::Batch;
use super::labels;
use super::settings::for_requests;
use crate::domain::sync::EdgeStep;
use crate::domain::transfer::{ImportOutcome, ImportRow, LinePlace, RowOutcome, Tally};
use crate::files::problem::RejectedLine;
use crate::model::error::Result as JobResult;
use crate::model::id::ImportId;
use crate::model::import::{ImportCounts, ImportedRow};
use crate::store::Tx;

/// The row to store under a number.
pub(super) fn stored_row(import: ImportId, number: i64, row: &ImportRow, problems: &[String]) -> ImportedRow {
    ImportedRow {
        import,
        number,
        outcome: row.outcome.name().to_owned(),
        line: row.place.and_then(|place| i64::try_from(place.line).ok()),
        subject: row.subject.clone(),
        content: content_of(row, problems),
    }
}

fn content_of(row: &ImportRow, problems: &[String]) -> String {
    let side = |value: &dyn Fn(usize) -> Option<(String, String)>| {
        let members: Map<_, _> = (0..row.changes.len())
            .filter_map(value)
            .map(|(member, text)| (member, if text.is_empty() { Value::Null } else { text.into() }))
            .collect();
        if members.values().all(Value::is_null) { Value::Null } else { members.into() }
    };
    let before = side(&|place| row.changes.get(place).map(|change| (change.member.clone(), change.before.clone())));
    let after = side(&|place| row.changes.get(place).map(|change| (change.member.clone(), change.after.clone())));
    json!({ "before": before, "after": after, "problems": problems }).to_string()
}

/// A hash of a row, which is the same in every instance. The hashes of all rows are added.
pub(super) fn hash_row(row: &ImportedRow) -> u64 {
    hash_text(&json!([row.outcome, row.line, row.subject, row.content]).to_string())
}

fn hash_text(text: &str) -> u64 {
    let bytes = digest(&SHA256, text.as_bytes());
    bytes.as_ref().first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default()
}

/// The counts of the lines of an outcome.
pub(super) fn counts_of(outcome: &ImportOutcome) -> ImportCounts {
    let ImportOutcome { types, users, relationships, groups, members, disabled, .. } = outcome;
    let all = [types, users, relationships, groups, members];
    let sum = |part: fn(&Tally) -> u64| signed(all.into_iter().map(part).sum());
    let disabled = signed(*disabled);
    ImportCounts {
        created: sum(|tally| tally.added),
        changed: sum(|tally| tally.changed) - disabled,
        disabled,
        unchanged: sum(|tally| tally.unchanged),
        rejected: sum(|tally| tally.rejected),
        ..ImportCounts::default()
    }
}

/// The counts of steps: each user whose relationships of a type change counts once.
pub(super) fn counts_of_steps(steps: &[EdgeStep]) -> ImportCounts {
    let mut counts = ImportCounts::default();
    for step in steps {
        add(&mut counts, step.outcome(), 1);
    }
    counts
}

/// The counts of rows.
pub(super) fn counts_of_rows(rows: &[ImportRow]) -> ImportCounts {
    let mut counts = ImportCounts::default();
    for row in rows {
        add(&mut counts, row.outcome, 1);
    }
    counts
}

fn add(counts: &mut ImportCounts, outcome: RowOutcome, number: i64) {
    let count = match outcome {
        RowOutcome::Created => &mut counts.created,
        RowOutcome::Changed => &mut counts.changed,
        RowOutcome::Moved => &mut counts.moved,
        RowOutcome::Deleted => &mut counts.deleted,
        RowOutcome::Disabled => &mut counts.disabled,
        RowOutcome::Missing => &mut counts.missing,
        RowOutcome::Rejected => &mut counts.rejected,
        // Its line is counted by another row.
        RowOutcome::Warning => return,
    };
    *count += number;
}

/// A number of rows, as the database keeps it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The rejected lines of a batch, with all their problems.
pub(super) fn rejected_lines(
    batch: &Batch,
    outcome: &ImportOutcome,
    labels: &[(String, String)],
) -> BTreeMap<u64, Vec<String>> {
    problems_by_line(batch, &batch.refused, &outcome.rejected, labels)
}

/// What else is wrong with rows of a people file that are rejected already, by line.
pub(super) fn more_problems(
    batch: &Batch,
    complaints: &[(u64, String)],
    labels: &[(String, String)],
) -> BTreeMap<u64, Vec<String>> {
    problems_by_line(batch, &batch.more_faults, complaints, labels)
}

/// The problems of lines that were not read, and the reasons why others are rejected.
fn problems_by_line(
    batch: &Batch,
    faults: &[(u64, RejectedLine)],
    reasons: &[(u64, String)],
    labels: &[(String, String)],
) -> BTreeMap<u64, Vec<String>> {
    let mut lines = BTreeMap::<u64, Vec<String>>::new();
    for (number, fault) in faults {
        let problems = fault.problems.iter().map(|problem| for_requests(&problem.to_string()));
        lines.entry(*number).or_default().extend(problems);
    }
    for (number, reason) in reasons {
        let reason = for_requests(&labels::describe(labels, batch, *number, reason));
        lines.entry(*number).or_default().push(reason);
    }
    lines
}

/// The content of a row with more problems.
pub(super) fn add_problems(content: &str, more: &[String]) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(content) else { return content.to_owned() };
    if let Some(Value::Array(problems)) = members.get_mut("problems") {
        problems.extend(more.iter().map(|problem| Value::from(problem.as_str())));
    }
    Value::Object(members).to_string()
}

/// A hash of problems that are added to the row of a line later.
pub(super) fn hash_problems(line: u64, problems: &[String]) -> u64 {
    hash_text(&json!([line, problems]).to_string())
}

/// The row of a rejected line.
pub(super) fn rejected_row(line: u64) -> ImportRow {
    let place = Some(LinePlace { source: 0, line });
    ImportRow { place, outcome: RowOutcome::Rejected, subject: String::new(), changes: Vec::new(), problem: None }
}

/// Stores rows that the preview did not have, each with its problem.
pub(super) fn store_rows(tx: &mut Tx<'_>, id: ImportId, rows: Vec<(ImportRow, String)>) -> JobResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let last = tx.last_import_row(id)?;
    let stored = |(number, (row, problem)): (i64, (ImportRow, String))| stored_row(id, number, &row, &[problem]);
    tx.insert_import_rows((last + 1..).zip(rows).map(stored).collect())
}
