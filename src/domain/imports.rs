//! Imports over HTTP: who may do what, and which state follows which.
//!
//! # Design
//! An instance that works on an import is its runner. Each transaction of a run begins with [`hold`], which locks the
//! import and ends the work if it has another runner or another state, or if the admin who started it is no admin any
//! more. So a run stops between two transactions, and two instances never write the same step.

use super::policy::{self, Action};
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, Problem, Result};
use crate::model::id::ImportId;
use crate::model::import::{Import, ImportCounts, ImportState, ImportedRow, NewImport};
use crate::model::page::{Page, PageRequest};
use crate::model::precondition::Precondition;
use crate::model::user::AccessLevel;
use crate::store::Tx;

/// The most imports that are not in a final state.
pub const MAX_UNFINISHED: usize = 100;

/// A page of imports, in order, with the total.
///
/// # Errors
/// `not-admin`, and those of the store.
pub fn list(tx: &mut Tx<'_>, caller: &Caller, slice: &PageRequest) -> Result<Page<Import>> {
    policy::require(caller, Action::Import)?;
    tx.imports(slice)
}

/// An import whose upload is complete.
///
/// # Errors
/// `not-admin`, `not-found`, and those of the store.
pub fn get(tx: &mut Tx<'_>, caller: &Caller, id: ImportId) -> Result<Import> {
    policy::require(caller, Action::Import)?;
    require_visible(tx.import(id)?)
}

/// A page of the rows of an import, in order, with the total; only those with some outcomes, unless there are none.
///
/// # Errors
/// `not-admin`, `not-found`, and those of the store.
pub fn list_rows(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ImportId,
    outcomes: &[&'static str],
    slice: &PageRequest,
) -> Result<Page<ImportedRow>> {
    get(tx, caller, id)?;
    tx.import_rows(id, outcomes, slice)
}

/// Begins an upload.
///
/// # Errors
/// `not-admin`, `import-running` if too many imports wait, and those of the store.
pub fn begin_upload(tx: &mut Tx<'_>, caller: &Caller, new: &NewImport) -> Result<Import> {
    policy::require(caller, Action::Import)?;
    if tx.unfinished_imports()?.len() >= MAX_UNFINISHED {
        let detail = format!(
            "{MAX_UNFINISHED} imports are being read, run, or wait as a preview; run, cancel or delete some of them"
        );
        return Err(Problem::new(Code::ImportRunning, detail).into());
    }
    tx.insert_import(new)
}

/// Completes an upload, so that it can be read.
///
/// # Errors
/// `not-found` if it was given up meanwhile, and those of the store.
pub fn complete_upload(tx: &mut Tx<'_>, id: ImportId, size: i64) -> Result<Import> {
    let uploading = tx.lock_import(id)?.filter(|import| import.state == ImportState::Uploading);
    let mut import = uploading.ok_or_else(|| Error::not_found("upload"))?;
    (import.state, import.size) = (ImportState::Reading, size);
    save(tx, import)
}

/// Whether the preview of an import may be run, as far as it is known without the file.
///
/// # Errors
/// `not-admin`, `not-found`, `precondition-failed`; `import-running` if it or another one runs, or is being read;
/// `import-outdated` if it has expired; `import-not-runnable`.
pub fn require_runnable(tx: &mut Tx<'_>, caller: &Caller, id: ImportId, precondition: &Precondition) -> Result<Import> {
    policy::require(caller, Action::Import)?;
    let import = require_visible(tx.lock_import(id)?)?;
    policy::require_state(precondition, &import)?;
    let running = tx.running_import()?;
    let refuse = |code, detail: String| Err(Problem::new(code, detail).into());
    match import.state {
        ImportState::Running => refuse(Code::ImportRunning, "this import runs already".to_owned()),
        ImportState::Uploading | ImportState::Reading => {
            refuse(Code::ImportRunning, "this import is still being read; wait until it is a `preview`".to_owned())
        }
        ImportState::Preview if import.is_expired(tx.now()) => refuse(Code::ImportOutdated, expired()),
        ImportState::Expired => refuse(Code::ImportOutdated, expired()),
        ImportState::Preview => match (running, &import.problem) {
            (Some(other), _) => {
                refuse(Code::ImportRunning, format!("the import {other} runs; wait until it has ended"))
            }
            (None, Some(problem)) => refuse(Code::ImportNotRunnable, problem.clone()),
            (None, None) => Ok(import),
        },
        ImportState::Done | ImportState::Failed | ImportState::Cancelled => refuse(
            Code::ImportNotRunnable,
            format!("this import is `{}`; upload the file again for a new preview", import.state.name()),
        ),
    }
}

fn expired() -> String {
    "the preview is older than 24 hours; upload the file again".to_owned()
}

/// Starts the run of a preview that is still what a run would do. `run` has the runner, and the request of the change log;
/// `counts` are those of which the run does not count the lines.
///
/// # Errors
/// As [`require_runnable`].
pub fn start(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ImportId,
    precondition: &Precondition,
    run: &NewImport,
    counts: ImportCounts,
) -> Result<Import> {
    let mut import = require_runnable(tx, caller, id, precondition)?;
    import.state = ImportState::Running;
    import.actor = run.actor;
    import.request_id.clone_from(&run.request_id);
    import.runner = Some(run.runner.clone());
    import.counts = counts;
    (import.progress, import.attempts, import.applied) = (0, 0, (0, 0));
    save(tx, import)
}

/// Cancels an import. A run stops before its next transaction.
///
/// # Errors
/// `not-admin`, `not-found`, `precondition-failed`; `import-not-runnable` if it has ended.
pub fn cancel(tx: &mut Tx<'_>, caller: &Caller, id: ImportId, precondition: &Precondition) -> Result<Import> {
    policy::require(caller, Action::Import)?;
    let mut import = require_visible(tx.lock_import(id)?)?;
    policy::require_state(precondition, &import)?;
    match import.state {
        ImportState::Cancelled => return Ok(import),
        state if state.is_final() => {
            let detail = format!("this import is `{}` already, so there is nothing to cancel", state.name());
            return Err(Problem::new(Code::ImportNotRunnable, detail).into());
        }
        _ => {}
    }
    let now = tx.now();
    import.finish(ImportState::Cancelled, now, None);
    save(tx, import)
}

/// Deletes an import that does not run.
///
/// # Errors
/// `not-admin`, `not-found`, `precondition-failed`, `import-running`.
pub fn delete(tx: &mut Tx<'_>, caller: &Caller, id: ImportId, precondition: &Precondition) -> Result<()> {
    policy::require(caller, Action::Import)?;
    let import = require_visible(tx.lock_import(id)?)?;
    policy::require_state(precondition, &import)?;
    if import.state == ImportState::Running {
        let detail = "this import runs; cancel it with `\"state\": \"cancelled\"` first";
        return Err(Problem::new(Code::ImportRunning, detail).into());
    }
    tx.delete_import(id)
}

/// An import that an instance works on, until the job ends.
#[derive(Debug)]
pub enum HeldImport {
    /// The instance still works on it.
    Held(Box<Import>),
    /// It was deleted, cancelled, or taken over.
    Lost,
    /// The admin who started the run is no enabled admin any more.
    NoAdmin,
}

/// Locks an import for a transaction of its runner.
///
/// # Errors
/// Those of the store.
pub fn hold(tx: &mut Tx<'_>, id: ImportId, state: ImportState, runner: &str) -> Result<HeldImport> {
    let is_own = |import: &Import| import.state == state && import.runner.as_deref() == Some(runner);
    let Some(import) = tx.lock_import(id)?.filter(is_own) else { return Ok(HeldImport::Lost) };
    if state == ImportState::Running {
        let is_admin = |level, is_enabled| level == AccessLevel::Admin && is_enabled;
        let actor = tx.user(import.actor)?;
        if !actor.is_some_and(|user| is_admin(user.data.access_level, user.data.is_enabled)) {
            return Ok(HeldImport::NoAdmin);
        }
    }
    Ok(HeldImport::Held(Box::new(import)))
}

/// Stores an import and returns it as it is now.
fn save(tx: &mut Tx<'_>, mut import: Import) -> Result<Import> {
    tx.save_import(&import)?;
    import.version += 1;
    Ok(import)
}

fn require_visible(import: Option<Import>) -> Result<Import> {
    import.filter(|import| import.state != ImportState::Uploading).ok_or_else(|| Error::not_found("import"))
}
