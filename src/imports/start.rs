//! Starts the run of a preview.

use std::sync::PoisonError;

use tokio::sync::oneshot;

use super::active::ActiveImport;
use super::preview::{self, ImportPreview};
use super::service::{ImportService, spawn_thread};
use super::work::{EndOfWork, ImportWork};
use crate::domain::imports;
use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;
use crate::model::code::Code;
use crate::model::error::{Error, Problem, Result};
use crate::model::id::ImportId;
use crate::model::import::{Import, ImportCounts, ImportState, NewImport};
use crate::model::precondition::Precondition;
use crate::store::Tx;

/// A run that a client has requested.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The admin.
    pub caller: Caller,
    /// The import.
    pub id: ImportId,
    /// The states in which it may be started.
    pub precondition: Precondition,
    /// Who makes its changes, and with which request.
    pub origin: ChangeOrigin,
}

impl ImportService {
    /// Compares the file with what is stored again, and starts the run if that is what the preview has shown. The run goes
    /// on in the background. Nothing is started if the future is dropped before.
    ///
    /// # Errors
    /// Those of [`imports::start`], `import-outdated`, and those of the store.
    pub async fn start(&self, request: RunRequest) -> Result<Import> {
        let (caller, id, precondition) = (request.caller, request.id, request.precondition.clone());
        let job = move |tx: &mut Tx<'_>| imports::require_runnable(tx, &caller, id, &precondition);
        let import = self.shared.store.write("imports.check", ChangeOrigin::WITHOUT_CALLER, job).await?;
        let (sender, receiver) = oneshot::channel();
        let service = self.clone();
        spawn_thread(move || service.start_and_run(&request, import, sender));
        receiver.await.unwrap_or_else(|_| Err(Error::Unavailable("the service shuts down".to_owned())))
    }

    fn start_and_run(&self, request: &RunRequest, import: Import, sender: oneshot::Sender<Result<Import>>) {
        let checked = self.check_preview(request, import, &sender);
        let (work, preview, _active) = match checked {
            Ok(Some(checked)) => checked,
            Ok(None) => return,
            Err(error) => {
                let _ = sender.send(Err(error));
                return;
            }
        };
        let id = work.id();
        let _ = sender.send(Ok(work.import.clone()));
        let preview = work.settings.is_sync.then_some(preview);
        let end = self.finish_run(&work.without_read_limit(), preview);
        self.end(id, ImportState::Running, end);
    }

    /// Starts the run; `None` if the client does not wait for it any more.
    fn check_preview(
        &self,
        request: &RunRequest,
        import: Import,
        sender: &oneshot::Sender<Result<Import>>,
    ) -> Result<Option<(ImportWork, ImportPreview, ActiveImport)>> {
        let shown = import.digest;
        let mut work = self.work(import).map_err(error_of)?;
        let preview = {
            let _turn = self.shared.reading.lock().unwrap_or_else(PoisonError::into_inner);
            if sender.is_closed() {
                return Ok(None);
            }
            preview::read(&work, false).map_err(error_of)?
        };
        if shown != Some(preview.digest) || preview.problem.is_some() {
            let detail = "others changed what the preview shows; upload the file again for a new preview";
            return Err(Problem::new(Code::ImportOutdated, detail).into());
        }
        if sender.is_closed() {
            return Ok(None);
        }
        let RunRequest { caller, id, precondition, origin } = request.clone();
        let run = NewImport {
            actor: caller.id,
            request_id: origin.request_id.clone(),
            options: String::new(),
            runner: self.shared.runner.clone(),
        };
        // A run without a plan counts all lines itself.
        let ImportCounts { unchanged, missing, .. } = preview.counts;
        let counts = ImportCounts { missing, unchanged, ..ImportCounts::default() };
        let counts = if work.settings.is_sync { counts } else { ImportCounts::default() };
        let Some(active) = self.shared.active.begin(id) else {
            return Err(Problem::new(Code::ImportRunning, "this import runs already").into());
        };
        let job = move |tx: &mut Tx<'_>| imports::start(tx, &caller, id, &precondition, &run, counts);
        work.import = work.wait(self.shared.store.write("imports.start", origin, job))?;
        Ok(Some((work, preview, active)))
    }
}

/// The error of a request whose work has ended.
fn error_of(end: EndOfWork) -> Error {
    match end {
        EndOfWork::Lost => Error::not_found("import"),
        EndOfWork::Shutdown => Error::Unavailable("the service shuts down".to_owned()),
        EndOfWork::Unavailable(cause) => Error::Unavailable(cause),
        EndOfWork::Failed(problem) => Problem::new(Code::ImportOutdated, problem).into(),
    }
}
