//! Works on imports in the background: reads uploads, runs previews, and takes over what other instances left.
//!
//! # Design
//! Each import has a thread while it is read or runs: reading blocks. One upload at a time is read, and one import runs.
//! What an instance works on, it shows with a beat. [`keep`](ImportService::keep) takes over an import whose beat has not
//! changed for a while, as this instance has observed it, so clocks need not agree. A runner that was only slow finds that
//! it lost the import, in its next transaction.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::active::ActiveImports;
use super::import_metrics::ImportMetrics;
use super::preview::{self, ImportPreview};
use super::work::{EndOfWork, ImportWork};
use super::{plain_run, run};
use crate::model::change::ChangeOrigin;
use crate::model::error::Result;
use crate::model::id::ImportId;
use crate::model::import::{ALL_DONE, BROKE_OFF, Import, ImportState, MAX_ATTEMPTS};
use crate::store::{Store, Tx};

/// The rows that one transaction deletes.
const ROWS_PER_JOB: i64 = 2_000;

/// The imports of an instance; cheap to clone.
#[derive(Clone)]
pub struct ImportService {
    pub(super) shared: Arc<ServiceState>,
}

pub(super) struct ServiceState {
    pub store: Store,
    pub runner: String,
    pub timeout: Duration,
    pub metrics: ImportMetrics,
    pub is_stopping: Arc<AtomicBool>,
    /// What this instance works on.
    pub active: ActiveImports,
    /// One upload at a time is compared with what is stored.
    pub reading: Mutex<()>,
}

impl ImportService {
    /// The imports of an instance with a random name. Reading a file may take `timeout`.
    #[must_use]
    pub fn new(store: &Store, timeout: Duration) -> Self {
        let mut random = [0; 8];
        // Without randomness two instances may share a name; then only one of them can have an import as well.
        let _ = aws_lc_rs::rand::fill(&mut random);
        let runner = format!("{:016x}", u64::from_be_bytes(random));
        let metrics = ImportMetrics::new(store.metrics());
        let store = store.with_longest_job(timeout);
        let shared = ServiceState {
            store,
            runner,
            timeout,
            metrics,
            is_stopping: Arc::default(),
            active: ActiveImports::default(),
            reading: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The name of the instance.
    #[must_use]
    pub fn runner(&self) -> &str {
        &self.shared.runner
    }

    /// Reads an upload in the background.
    pub fn read(&self, import: Import) {
        self.spawn(import, |service, import| {
            let _turn = service.shared.reading.lock().unwrap_or_else(PoisonError::into_inner);
            Self::finish_reading(&service.work(import)?)
        });
    }

    /// Deletes an upload that did not become complete, in the background.
    pub fn discard(&self, id: ImportId) {
        let store = self.shared.store.clone();
        spawn_thread(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            let job = move |tx: &mut Tx<'_>| tx.delete_import(id);
            let deleted = runtime.block_on(store.write("imports.discard", ChangeOrigin::WITHOUT_CALLER, job));
            // It is deleted later, like that of an instance that has died.
            deleted.unwrap_or_else(|error| log::warn!(import:% = id; "cannot delete a broken upload: {error:?}"));
        });
    }

    /// Goes on with a run in the background.
    pub(super) fn resume(&self, import: Import) {
        self.spawn(import, |service, import| {
            let work = service.work(import)?;
            let preview = if work.settings.is_sync { Some(service.plan_rest(&work)?) } else { None };
            service.finish_run(&work.without_read_limit(), preview)
        });
    }

    /// The work on an import.
    pub(super) fn work(&self, import: Import) -> std::result::Result<ImportWork, EndOfWork> {
        let ServiceState { store, runner, timeout, is_stopping, .. } = &*self.shared;
        ImportWork::new(store.clone(), import, runner.clone(), Arc::clone(is_stopping), *timeout)
    }

    fn finish_reading(work: &ImportWork) -> std::result::Result<(), EndOfWork> {
        // Those of a runner that did not finish.
        let id = work.id();
        while work.step(ImportState::Reading, move |tx, _| tx.delete_import_rows(id, ROWS_PER_JOB))? > 0 {}
        let preview = preview::read(work, true)?;
        work.step(ImportState::Reading, move |tx, import| {
            import.state = ImportState::Preview;
            (import.counts, import.digest, import.progress) = (preview.counts, Some(preview.digest), ALL_DONE);
            import.problem.clone_from(&preview.problem);
            (import.read_at, import.runner) = (Some(tx.now()), None);
            Ok(())
        })
    }

    /// The plan of what is left of a synchronization.
    fn plan_rest(&self, work: &ImportWork) -> std::result::Result<ImportPreview, EndOfWork> {
        let _turn = self.shared.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let preview = preview::read(work, false)?;
        match preview.problem {
            Some(problem) => Err(EndOfWork::Failed(format!("it cannot go on: {problem}"))),
            None => Ok(preview),
        }
    }

    pub(super) fn finish_run(
        &self,
        work: &ImportWork,
        preview: Option<ImportPreview>,
    ) -> std::result::Result<(), EndOfWork> {
        match preview {
            Some(preview) => run::synchronize(work, preview)?,
            None => plain_run::import(work)?,
        }
        self.shared.metrics.count(ImportState::Done);
        work.step(ImportState::Running, |tx, import| {
            let now = tx.now();
            import.finish(ImportState::Done, now, None);
            Ok(())
        })
    }

    fn spawn(
        &self,
        import: Import,
        work: impl FnOnce(&Self, Import) -> std::result::Result<(), EndOfWork> + Send + 'static,
    ) {
        let (service, id, state) = (self.clone(), import.id, import.state);
        let Some(active) = self.shared.active.begin(id) else { return };
        spawn_thread(move || {
            let _active = active;
            let end = work(&service, import);
            service.end(id, state, end);
        });
    }

    /// Notes that the work on an import has ended, and why.
    pub(super) fn end(&self, id: ImportId, state: ImportState, end: std::result::Result<(), EndOfWork>) {
        let runner = self.shared.runner.clone();
        let problem = match end {
            Ok(()) | Err(EndOfWork::Lost) => None,
            Err(EndOfWork::Shutdown) => Some(None),
            Err(EndOfWork::Unavailable(cause)) => {
                log::warn!(import:% = id, cause = cause.as_str(); "an import waits for the database");
                Some(None)
            }
            Err(EndOfWork::Failed(problem)) => Some(Some(problem)),
        };
        if let (Some(problem), Ok(runtime)) =
            (problem, tokio::runtime::Builder::new_current_thread().enable_all().build())
        {
            let is_failed = problem.is_some();
            let job = move |tx: &mut Tx<'_>| give_up(tx, id, state, &runner, problem.as_ref());
            let ended = runtime.block_on(self.shared.store.write("imports.end", ChangeOrigin::WITHOUT_CALLER, job));
            match ended {
                Ok(()) if is_failed => self.shared.metrics.count(ImportState::Failed),
                Ok(()) => {}
                // Its beat stops, so an instance takes it over.
                Err(error) => log::warn!(import:% = id; "cannot note the end of an import: {error:?}"),
            }
        }
    }

    /// Ends all work between two transactions, so that another instance, or this one after a restart, goes on. Waits for it
    /// for a bounded time.
    pub async fn stop(&self, longest: Duration) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        let wait = async {
            while !self.shared.active.ids().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(longest, wait).await;
    }
}

/// Gives an import back, so that any instance goes on, or ends it with a problem.
fn give_up(tx: &mut Tx<'_>, id: ImportId, state: ImportState, runner: &str, problem: Option<&String>) -> Result<()> {
    let locked = tx.lock_import(id)?;
    let own = locked.filter(|import| import.state == state && import.runner.as_deref() == Some(runner));
    let Some(mut import) = own else { return Ok(()) };
    let now = tx.now();
    match problem {
        Some(problem) => import.finish(ImportState::Failed, now, Some(problem.clone())),
        None if import.attempts > MAX_ATTEMPTS => {
            import.finish(ImportState::Failed, now, Some(BROKE_OFF.to_owned()));
        }
        None => import.runner = None,
    }
    tx.save_import(&import)
}

/// Runs blocking work on a thread of its own.
pub(super) fn spawn_thread(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name("import".to_owned()).spawn(work) {
        log::error!("cannot start a thread for an import: {error}");
    }
}
