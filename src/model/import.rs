//! Imports over HTTP: an upload, its preview, and the run that writes what the preview showed.

use super::declared_names::declare_names;
use super::id::{ImportId, UserId};
use super::time::Timestamp;

/// How long a preview can be run, in seconds.
pub const PREVIEW_SECONDS: i64 = 24 * 60 * 60;
/// How long an import that has ended can be seen, in seconds.
pub const ENDED_SECONDS: i64 = 30 * 24 * 60 * 60;
/// The progress of a state whose work is done, in millionths.
pub const ALL_DONE: i64 = 1_000_000;
/// How often in a row the work on an import may break off without any progress.
pub const MAX_ATTEMPTS: i64 = 5;
/// Why an import fails whose work broke off more often.
pub const BROKE_OFF: &str = "it broke off several times in a row without any progress; the log has the causes";

declare_names! {
    /// The state of an import.
    ImportState {
        /// The body of the request is being received. Clients do not see such an import.
        Uploading = 0, "uploading";
        /// The upload is complete, and its rows are compared with what is stored.
        Reading = 1, "reading";
        /// The rows say what a run would do. Nothing is written yet.
        Preview = 2, "preview";
        /// What the preview showed is being written.
        Running = 3, "running";
        /// Everything is written.
        Done = 4, "done";
        /// It ended early: the counts say what was written.
        Failed = 5, "failed";
        /// A client stopped it: the counts say what was written.
        Cancelled = 6, "cancelled";
        /// Its preview became too old.
        Expired = 7, "expired";
    }
}

impl ImportState {
    /// Whether the import never changes again.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled | Self::Expired)
    }

    /// Whether an instance works on it.
    #[must_use]
    pub const fn needs_runner(self) -> bool {
        matches!(self, Self::Reading | Self::Running)
    }
}

/// How many rows have each outcome: of a preview what a run would do, later what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportCounts {
    /// Records that are created. The relationships of a type that a synchronized user gets at once count once.
    pub created: i64,
    /// Records that get other values.
    pub changed: i64,
    /// Users whose relationships of a type are replaced.
    pub moved: i64,
    /// Users whose relationships of a type are deleted.
    pub deleted: i64,
    /// Users who are disabled.
    pub disabled: i64,
    /// Users that a synchronized file does not have, and to whom nothing happens.
    pub missing: i64,
    /// Lines with what is stored already.
    pub unchanged: i64,
    /// Lines that cannot be imported.
    pub rejected: i64,
}

impl ImportCounts {
    /// The sum of two counts.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            created: self.created + other.created,
            changed: self.changed + other.changed,
            moved: self.moved + other.moved,
            deleted: self.deleted + other.deleted,
            disabled: self.disabled + other.disabled,
            missing: self.missing + other.missing,
            unchanged: self.unchanged + other.unchanged,
            rejected: self.rejected + other.rejected,
        }
    }
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The id.
    pub id: ImportId,
    /// The state.
    pub state: ImportState,
    /// The admin who uploaded it or, once it has run, who started the run. The user may be deleted.
    pub actor: UserId,
    /// The request that uploaded it or, once it has run, that started the run.
    pub request_id: Option<String>,
    /// The options, as a JSON object.
    pub options: String,
    /// The size of the upload, in bytes.
    pub size: i64,
    /// The outcomes of its rows.
    pub counts: ImportCounts,
    /// The share of the work of the state that is done, in millionths.
    pub progress: i64,
    /// Why it failed, or why its preview cannot be run.
    pub problem: Option<String>,
    /// A hash of the preview.
    pub digest: Option<i64>,
    /// The pass over the file and the line up to which a run without synchronization has written everything.
    pub applied: (i64, i64),
    /// How often in a row an instance has begun to work on it without any progress.
    pub attempts: i64,
    /// Grows with each change that clients see.
    pub version: i64,
    /// The instance that works on it.
    pub runner: Option<String>,
    /// Grows while that instance lives.
    pub beat: i64,
    /// When the upload began.
    pub created_at: Timestamp,
    /// When the preview was complete.
    pub read_at: Option<Timestamp>,
    /// When it reached its last state.
    pub finished_at: Option<Timestamp>,
}

impl Import {
    /// Reaches a state that never changes again.
    pub fn finish(&mut self, state: ImportState, now: Timestamp, problem: Option<String>) {
        self.state = state;
        self.finished_at = Some(now);
        self.problem = problem;
        self.runner = None;
        if state == ImportState::Done {
            self.progress = ALL_DONE;
        }
    }

    /// Whether its preview has become too old to run.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.state == ImportState::Preview && is_expired(self.read_at, now)
    }
}

/// Whether a preview that was complete at a time has become too old to run.
#[must_use]
pub fn is_expired(read_at: Option<Timestamp>, now: Timestamp) -> bool {
    read_at.is_some_and(|read_at| read_at.plus_seconds(PREVIEW_SECONDS) <= now)
}

/// An import to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImport {
    /// The admin.
    pub actor: UserId,
    /// The request.
    pub request_id: Option<String>,
    /// The options, as a JSON object.
    pub options: String,
    /// The instance that receives it.
    pub runner: String,
}

/// What an instance sees of an import that is not in a final state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedImport {
    /// The id.
    pub id: ImportId,
    /// The state.
    pub state: ImportState,
    /// The instance that works on it.
    pub runner: Option<String>,
    /// Grows while that instance lives.
    pub beat: i64,
    /// Grows with each change that clients see.
    pub version: i64,
    /// When the preview was complete.
    pub read_at: Option<Timestamp>,
}

/// A row of an import: what happens, or has happened, with a line or a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRow {
    /// The import.
    pub import: ImportId,
    /// Its number in the import, from 1.
    pub number: i64,
    /// The name of its outcome.
    pub outcome: String,
    /// The number of the line; `None` for a user whom no line names.
    pub line: Option<i64>,
    /// The user; empty if unknown.
    pub subject: String,
    /// A JSON object with `before`, `after` and `problems`.
    pub content: String,
}
