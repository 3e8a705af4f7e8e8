//! Rows of the tables of imports, and their conversion to the model.

use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};
use diesel::{AsChangeset, Insertable, Queryable};

use super::columns::{Column, declare_columns};
use super::import_schema::imports;
use crate::model::error::{Error, Result};
use crate::model::id::{ImportId, UserId};
use crate::model::import::{Import, ImportCounts, ImportState, ImportedRow, NewImport, UnfinishedImport};
use crate::model::time::Timestamp;

declare_columns!(
    imports, STORED_IMPORT, ImportColumns, IMPORT_COLUMNS,
    id: BigInt, state: SmallInt, actor_id: BigInt, request_id: Nullable<Text>, options: Text, size: BigInt,
    created: BigInt, changed: BigInt, moved: BigInt, deleted: BigInt, disabled: BigInt, missing: BigInt,
    unchanged: BigInt, rejected: BigInt, progress: BigInt, problem: Nullable<Text>, digest: Nullable<BigInt>,
    applied_pass: BigInt, applied_line: BigInt, attempts: BigInt, version: BigInt, runner: Nullable<Text>,
    beat: BigInt, created_at: BigInt, read_at: Nullable<BigInt>, finished_at: Nullable<BigInt>
);

/// A row of `imports`.
#[derive(Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = imports, treat_none_as_null = true)]
pub(super) struct ImportRecord {
    // `None` in a row to store, whose id the database sets.
    #[diesel(skip_update)]
    #[diesel(deserialize_as = i64)]
    id: Option<i64>,
    state: i16,
    actor_id: i64,
    request_id: Option<String>,
    options: String,
    size: i64,
    created: i64,
    changed: i64,
    moved: i64,
    deleted: i64,
    disabled: i64,
    missing: i64,
    unchanged: i64,
    rejected: i64,
    progress: i64,
    problem: Option<String>,
    digest: Option<i64>,
    applied_pass: i64,
    applied_line: i64,
    attempts: i64,
    version: i64,
    runner: Option<String>,
    beat: i64,
    created_at: i64,
    read_at: Option<i64>,
    finished_at: Option<i64>,
}

impl ImportRecord {
    /// The row of a new import.
    pub fn new(new: &NewImport, now: Timestamp) -> Self {
        Self {
            id: None,
            state: ImportState::Uploading.number(),
            actor_id: new.actor.get(),
            request_id: new.request_id.clone(),
            options: new.options.clone(),
            size: 0,
            created: 0,
            changed: 0,
            moved: 0,
            deleted: 0,
            disabled: 0,
            missing: 0,
            unchanged: 0,
            rejected: 0,
            progress: 0,
            problem: None,
            digest: None,
            applied_pass: 0,
            applied_line: 0,
            attempts: 0,
            version: 1,
            runner: Some(new.runner.clone()),
            beat: 0,
            created_at: now.micros(),
            read_at: None,
            finished_at: None,
        }
    }

    /// The row of an import with the next version.
    pub fn next(import: &Import) -> Self {
        let counts = import.counts;
        Self {
            id: Some(import.id.get()),
            state: import.state.number(),
            actor_id: import.actor.get(),
            request_id: import.request_id.clone(),
            options: import.options.clone(),
            size: import.size,
            created: counts.created,
            changed: counts.changed,
            moved: counts.moved,
            deleted: counts.deleted,
            disabled: counts.disabled,
            missing: counts.missing,
            unchanged: counts.unchanged,
            rejected: counts.rejected,
            progress: import.progress,
            problem: import.problem.clone(),
            digest: import.digest,
            applied_pass: import.applied.0,
            applied_line: import.applied.1,
            attempts: import.attempts,
            version: import.version + 1,
            runner: import.runner.clone(),
            beat: import.beat,
            created_at: import.created_at.micros(),
            read_at: import.read_at.map(Timestamp::micros),
            finished_at: import.finished_at.map(Timestamp::micros),
        }
    }

    /// The import in the row.
    ///
    /// # Errors
    /// If a later release has stored a state that this one does not know.
    pub fn into_import(self) -> Result<Import> {
        let id = self.id.unwrap_or_default();
        Ok(Import {
            id: ImportId::new(id),
            state: state_of(id, self.state)?,
            actor: UserId::new(self.actor_id),
            request_id: self.request_id,
            options: self.options,
            size: self.size,
            counts: ImportCounts {
                created: self.created,
                changed: self.changed,
                moved: self.moved,
                deleted: self.deleted,
                disabled: self.disabled,
                missing: self.missing,
                unchanged: self.unchanged,
                rejected: self.rejected,
            },
            progress: self.progress,
            problem: self.problem,
            digest: self.digest,
            applied: (self.applied_pass, self.applied_line),
            attempts: self.attempts,
            version: self.version,
            runner: self.runner,
            beat: self.beat,
            created_at: Timestamp::from_micros(self.created_at),
            read_at: self.read_at.map(Timestamp::from_micros),
            finished_at: self.finished_at.map(Timestamp::from_micros),
        })
    }
}

fn state_of(id: i64, number: i16) -> Result<ImportState> {
    ImportState::of_number(number).ok_or_else(|| Error::Internal(format!("the import {id} has an unknown state")))
}

/// What an instance reads of an import: id, state, runner, beat, version, and when the preview was complete.
pub(super) type UnfinishedRow = (i64, i16, Option<String>, i64, i64, Option<i64>);

/// The import in a row.
///
/// # Errors
/// As [`ImportRecord::into_import`].
pub(super) fn unfinished_of((id, state, runner, beat, version, read_at): UnfinishedRow) -> Result<UnfinishedImport> {
    let read_at = read_at.map(Timestamp::from_micros);
    Ok(UnfinishedImport { id: ImportId::new(id), state: state_of(id, state)?, runner, beat, version, read_at })
}

/// The columns of an [`ImportRowRecord`].
pub(super) type ImportRowColumns = (BigInt, BigInt, Text, Nullable<BigInt>, Text, Text);
/// Their names.
pub(super) const IMPORT_ROW_COLUMNS: &str = "import_id, id, outcome, line, subject, content";

/// A row of `import_rows`.
#[derive(Debug, Queryable)]
pub(super) struct ImportRowRecord {
    import_id: i64,
    id: i64,
    outcome: String,
    line: Option<i64>,
    subject: String,
    content: String,
}

impl ImportRowRecord {
    /// The columns of rows to store, in the order of [`IMPORT_ROW_COLUMNS`].
    pub fn columns(rows: &[Self]) -> Vec<Column> {
        let texts = |text: fn(&Self) -> &String| rows.iter().map(|row| text(row).clone()).collect::<Vec<_>>();
        vec![
            rows.iter().map(|row| row.import_id).collect::<Vec<_>>().into(),
            rows.iter().map(|row| row.id).collect::<Vec<_>>().into(),
            texts(|row| &row.outcome).into(),
            rows.iter().map(|row| row.line).collect::<Vec<_>>().into(),
            texts(|row| &row.subject).into(),
            texts(|row| &row.content).into(),
        ]
    }
}

impl From<ImportedRow> for ImportRowRecord {
    fn from(row: ImportedRow) -> Self {
        let ImportedRow { import, number, outcome, line, subject, content } = row;
        Self { import_id: import.get(), id: number, outcome, line, subject, content }
    }
}

impl From<ImportRowRecord> for ImportedRow {
    fn from(row: ImportRowRecord) -> Self {
        let ImportRowRecord { import_id, id, outcome, line, subject, content } = row;
        Self { import: ImportId::new(import_id), number: id, outcome, line, subject, content }
    }
}
