//! Writes batches into the database.
//!
//! # Design
//! Each batch is one transaction. Its size adapts to its duration, which limits how long a service on the same database
//! waits for its own writes. On SQLite a waiting connection polls every 100 ms; a pause between batches lets it write.
//! If the database has no relationships yet and no other user, all of them are one transaction that builds the indexes
//! at its end, which is several times faster.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::failure::Failure;
use crate::cli::import::feed::{Batch, Batches};
use crate::cli::import::report::{ImportReport, Notes};
use crate::domain::transfer::{self, ImportOptions, ImportOutcome, LoadMemory, PendingRecords, Record};
use crate::model::code::Code;
use crate::model::error::{Error, Problem, Result as JobResult};
use crate::store::{Cost, Store, Tx};

/// Lines of the first batch.
pub const FIRST_SIZE: usize = 2_000;
/// Lines of a batch, at least and at most.
const SIZES: (usize, usize) = (1_000, 10_000);
/// How long a transaction should take.
const PACE: Duration = Duration::from_millis(400);

/// Longer than a connection to SQLite that waits for another sleeps at once.
const PAUSE: Duration = Duration::from_millis(120);

/// Everything that an import needs.
pub struct Importer {
    store: Store,
    desk: Arc<ImportReport>,
    options: ImportOptions,
    size: Arc<AtomicUsize>,
    is_strict: bool,
}

impl Importer {
    /// Prepares an import.
    pub fn new(
        store: Store,
        desk: Arc<ImportReport>,
        options: ImportOptions,
        size: Arc<AtomicUsize>,
        is_strict: bool,
    ) -> Self {
        Self { store, desk, options, size, is_strict }
    }

    /// Writes all batches. `is_alone`: no other process seems to use the database.
    ///
    /// # Errors
    /// [`Failure`] when a file or the database fails, or at the first rejected line if that is the end.
    pub async fn import(&mut self, batches: Batches, is_alone: bool) -> Result<(), Failure> {
        let mut may_load = is_alone;
        let batches = Arc::new(Mutex::new(batches));
        while let Some(batch) = next(&batches).map_err(|error| self.on_read(&error))? {
            let batch = Arc::new(batch);
            let has_relationships = batch.lines.iter().any(|line| matches!(line.record, Record::Relationship(_)));
            if may_load && has_relationships {
                may_load = false;
                if let Some(loaded) = self.load(&batch, &batches).await? {
                    self.desk.note(&loaded.notes);
                    return match loaded.ended {
                        StopReason::AtTheEnd => Ok(()),
                        StopReason::Strictly => Err(self.stopped()),
                        StopReason::OnRead(error) => Err(self.on_read(&error)),
                    };
                }
            }
            let (work, options, is_strict) = (Arc::clone(&batch), self.options, self.is_strict);
            let begun = Instant::now();
            let job = move |tx: &mut Tx<'_>| checked(transfer::import(tx, &work.lines, options)?, is_strict);
            let outcome = self.store.write("import", job).await.map_err(|error| self.on_write(&batch, error))?;
            self.adapt_batch_size(&batch, begun.elapsed());
            self.done(&batch, outcome)?;
            if !is_alone {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Tells what would become of all batches.
    ///
    /// # Errors
    /// As [`import`](Self::import).
    pub async fn dry_run(&mut self, batches: Batches) -> Result<(), Failure> {
        let known = Arc::new(Mutex::new(PendingRecords::default()));
        let batches = Arc::new(Mutex::new(batches));
        while let Some(batch) = next(&batches).map_err(|error| self.on_read(&error))? {
            let batch = Arc::new(batch);
            let (work, known, options) = (Arc::clone(&batch), Arc::clone(&known), self.options);
            let (is_begun, is_strict) = (AtomicBool::new(false), self.is_strict);
            let job = move |tx: &mut Tx<'_>| {
                once(&is_begun)?;
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                checked(transfer::dry_run(tx, &work.lines, options, &mut known)?, is_strict)
            };
            let outcome = self.store.read("import.rehearse", Cost::Unbounded, job).await;
            let outcome = outcome.map_err(|error| self.on_write(&batch, error))?;
            self.done(&batch, outcome)?;
        }
        Ok(())
    }

    /// Writes the first batch with relationships and all that follow in one transaction, without indexes meanwhile;
    /// `None`, with nothing done, where that is not possible.
    async fn load(&self, first: &Arc<Batch>, batches: &Arc<Mutex<Batches>>) -> Result<Option<Loaded>, Failure> {
        let (batch, batches) = (Arc::clone(first), Arc::clone(batches));
        let options = self.options;
        let (desk, is_begun, is_strict) = (Arc::clone(&self.desk), AtomicBool::new(false), self.is_strict);
        let size = Arc::clone(&self.size);
        let job = move |tx: &mut Tx<'_>| {
            let Some(taken_down) = tx.begin_bulk_load()? else { return Ok(None) };
            once(&is_begun)?;
            desk.tell("the database has no relationships yet: loading all lines in one transaction and building the indexes at the end");
            size.store(SIZES.1, Ordering::Relaxed);
            let (mut batch, mut notes, mut load) = (Arc::clone(&batch), Notes::default(), LoadMemory::default());
            let ended = loop {
                let outcome = checked(transfer::load(tx, &batch.lines, options, &mut load)?, is_strict)?;
                desk.tell_rejected(&batch, &outcome.rejected);
                desk.advance(&batch);
                notes.add(&Notes::of(&batch, outcome));
                if is_strict && !batch.refused.is_empty() {
                    break StopReason::Strictly;
                }
                match next(&batches) {
                    Ok(Some(following)) => batch = Arc::new(following),
                    Ok(None) => break StopReason::AtTheEnd,
                    Err(error) => break StopReason::OnRead(error),
                }
            };
            desk.tell("all lines are read; building the indexes");
            notes.were_there(tx.end_bulk_load(&taken_down)?);
            Ok(Some(Loaded { notes, ended }))
        };
        self.store.write("import.load", job).await.map_err(|error| self.on_write(first, error))
    }

    /// Tells and notes what became of a batch; ends a strict import whose batch ends with a line that says nothing
    /// sensible.
    fn done(&self, batch: &Batch, outcome: ImportOutcome) -> Result<(), Failure> {
        self.desk.tell_rejected(batch, &outcome.rejected);
        self.desk.advance(batch);
        self.desk.note(&Notes::of(batch, outcome));
        if self.is_strict && !batch.refused.is_empty() { Err(self.stopped()) } else { Ok(()) }
    }

    /// Makes the next batches as large as their time allows.
    fn adapt_batch_size(&self, batch: &Batch, time: Duration) {
        let lines = u128::try_from(batch.lines.len()).unwrap_or_default();
        // A small one says little about its lines: most of its time is that of the commit.
        if batch.lines.len() >= SIZES.0 {
            let size = lines * PACE.as_micros() / time.as_micros().max(1);
            let size = usize::try_from(size).unwrap_or(SIZES.1).clamp(SIZES.0, SIZES.1);
            self.size.store(size, Ordering::Relaxed);
        }
    }

    fn stopped(&self) -> Failure {
        Failure::failed(format!("stopped at the first rejected line; {}", self.desk.written()))
    }

    fn on_read(&self, error: &io::Error) -> Failure {
        Failure::failed(format!("{error}; {}", self.desk.written()))
    }

    fn on_write(&self, batch: &Batch, error: Error) -> Failure {
        match error {
            Error::Refused(problems) => {
                for problem in problems {
                    let number = problem.operation.and_then(|number| u64::try_from(number).ok()).unwrap_or_default();
                    self.desk.tell_end(batch, number, &problem.detail);
                }
                self.stopped()
            }
            error => {
                Failure::from(error).with_message(format!("{}; run the import again to continue", self.desk.written()))
            }
        }
    }
}

/// What a load has done.
struct Loaded {
    notes: Notes,
    ended: StopReason,
}

/// Why reading stopped.
enum StopReason {
    AtTheEnd,
    /// At a line that cannot be parsed, with `--strict`.
    Strictly,
    OnRead(io::Error),
}

/// The next batch; `None` at the end of the files.
fn next(batches: &Mutex<Batches>) -> io::Result<Option<Batch>> {
    batches.lock().unwrap_or_else(PoisonError::into_inner).recv().ok().transpose()
}

/// Prevents a second run of a job that cannot be retried.
fn once(is_begun: &AtomicBool) -> JobResult<()> {
    if is_begun.swap(true, Ordering::Relaxed) { Err(Tx::interrupted()) } else { Ok(()) }
}

/// With `--strict` the first rejected line undoes its batch. The place of the problem is the number of the line.
fn checked(outcome: ImportOutcome, is_strict: bool) -> JobResult<ImportOutcome> {
    match outcome.rejected.first() {
        Some((number, reason)) if is_strict => {
            let problem = Problem::new(Code::InvalidAttribute, reason.clone());
            Err(Problem { operation: usize::try_from(*number).ok(), ..problem }.into())
        }
        _ => Ok(outcome),
    }
}
