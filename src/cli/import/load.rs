//! Writes batches into the database.
//!
//! # Design
//! Each batch is one transaction. Its size adapts to its duration, which limits how long a service on the same database
//! waits for its own writes. On SQLite a waiting connection polls every 100 ms; a pause between batches lets it write.
//! If the database has no relationships yet and no other user, all of them are one transaction that builds the indexes
//! at its end, which is several times faster. It keeps relationships of types with rules in memory. When these are too
//! many, the transaction ends, and batches follow.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::command_error::CommandError;
use crate::cli::import::job::{complete, next_batch, refuse_retry};
use crate::cli::import::report::{ImportReport, Notes};
use crate::domain::transfer::{self, ImportOptions, ImportOutcome, LoadMemory, MAX_REMEMBERED, PendingRecords, Record};
use crate::imports::feed::{Batch, Batches};
use crate::model::change::ChangeOrigin;
use crate::model::error::Error;
use crate::store::{Cost, Store, Tx};

/// The lines of the first batch.
pub const FIRST_BATCH_SIZE: usize = 2_000;
/// The fewest and the most lines of a batch.
const BATCH_SIZES: (usize, usize) = (1_000, 10_000);
/// The intended duration of a transaction.
const TARGET_DURATION: Duration = Duration::from_millis(400);

/// Longer than the interval at which a waiting SQLite connection polls.
pub const PAUSE: Duration = Duration::from_millis(120);

/// Everything that an import needs.
pub struct Importer {
    store: Store,
    report: Arc<ImportReport>,
    options: ImportOptions,
    size: Arc<AtomicUsize>,
    is_strict: bool,
    /// The most relationships of types with rules that a bulk load remembers.
    most_remembered: usize,
}

impl Importer {
    /// Prepares an import.
    pub fn new(
        store: Store,
        report: Arc<ImportReport>,
        options: ImportOptions,
        size: Arc<AtomicUsize>,
        is_strict: bool,
    ) -> Self {
        Self { store, report, options, size, is_strict, most_remembered: MAX_REMEMBERED }
    }

    /// Writes all batches. `is_alone`: no other process seems to use the database.
    ///
    /// # Errors
    /// [`CommandError`] when a file or the database fails, or at the first rejected line if that is the end.
    pub async fn import(&self, batches: &Arc<Mutex<Batches>>, is_alone: bool) -> Result<(), CommandError> {
        let mut may_load = is_alone;
        while let Some(batch) = next_batch(batches, &self.report).map_err(|error| self.read_failure(&error))? {
            let batch = Arc::new(batch);
            let has_relationships = batch.lines.iter().any(|line| matches!(line.record, Record::Relationship(_)));
            if may_load && has_relationships {
                may_load = false;
                if let Some(loaded) = self.load(&batch, batches).await? {
                    self.report.record(&loaded.notes);
                    return match loaded.stop {
                        StopReason::FullMemory => continue,
                        StopReason::End => Ok(()),
                        StopReason::InvalidLine => Err(self.strict_failure()),
                        StopReason::ReadError(error) => Err(self.read_failure(&error)),
                    };
                }
            }
            let (work, options, is_strict) = (Arc::clone(&batch), self.options, self.is_strict);
            let begun = Instant::now();
            let job = move |tx: &mut Tx<'_>| {
                let outcome = transfer::import(tx, &work.lines, options)?;
                complete(tx, outcome, &work, &PendingRecords::default(), is_strict)
            };
            let written = self.store.write("import", ChangeOrigin::WITHOUT_CALLER, job).await;
            let outcome = written.map_err(|error| self.write_failure(&batch, error))?;
            self.adapt_batch_size(&batch, begun.elapsed());
            self.finish_batch(&batch, outcome)?;
            if !is_alone {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Computes what an import would do. Fails as [`import`](Self::import) does.
    pub async fn dry_run(&self, batches: Batches) -> Result<(), CommandError> {
        let pending = Arc::new(Mutex::new(PendingRecords::default()));
        let batches = Arc::new(Mutex::new(batches));
        while let Some(batch) = next_batch(&batches, &self.report).map_err(|error| self.read_failure(&error))? {
            let batch = Arc::new(batch);
            let (work, pending, options) = (Arc::clone(&batch), Arc::clone(&pending), self.options);
            let (is_begun, is_strict) = (AtomicBool::new(false), self.is_strict);
            let job = move |tx: &mut Tx<'_>| {
                refuse_retry(&is_begun)?;
                let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
                let outcome = transfer::dry_run(tx, &work.lines, options, &mut pending)?;
                complete(tx, outcome, &work, &pending, is_strict)
            };
            let outcome = self.store.read("import.rehearse", Cost::Unbounded, job).await;
            let outcome = outcome.map_err(|error| self.write_failure(&batch, error))?;
            self.finish_batch(&batch, outcome)?;
        }
        Ok(())
    }

    /// Writes the first batch with relationships and all later ones in one transaction, and builds the indexes at its end.
    /// Returns `None`, and writes nothing, if the database does not allow it.
    async fn load(
        &self,
        first: &Arc<Batch>,
        batches: &Arc<Mutex<Batches>>,
    ) -> Result<Option<LoadResult>, CommandError> {
        let (batch, batches, options) = (Arc::clone(first), Arc::clone(batches), self.options);
        let (report, is_begun, is_strict) = (Arc::clone(&self.report), AtomicBool::new(false), self.is_strict);
        let (size, most_remembered) = (Arc::clone(&self.size), self.most_remembered);
        let job = move |tx: &mut Tx<'_>| {
            let Some(dropped_indexes) = tx.begin_bulk_load()? else { return Ok(None) };
            refuse_retry(&is_begun)?;
            report.print("the database has no relationships yet: loading all lines in one transaction and building the indexes at the end");
            size.store(BATCH_SIZES.1, Ordering::Relaxed);
            let (mut batch, mut notes, mut memory) = (Arc::clone(&batch), Notes::default(), LoadMemory::default());
            let stop = loop {
                let outcome = transfer::load(tx, &batch.lines, options, &mut memory)?;
                let outcome = complete(tx, outcome, &batch, &PendingRecords::default(), is_strict)?;
                report.report_rejected(&batch, &outcome.rejected);
                report.list(batch.source, outcome.rows.as_deref().unwrap_or_default());
                report.advance(&batch);
                notes.add(&Notes::of(&batch, outcome));
                if is_strict && !batch.refused.is_empty() {
                    break StopReason::InvalidLine;
                }
                if memory.remembered() >= most_remembered {
                    break StopReason::FullMemory;
                }
                match next_batch(&batches, &report) {
                    Ok(Some(following)) => batch = Arc::new(following),
                    Ok(None) => break StopReason::End,
                    Err(error) => break StopReason::ReadError(error),
                }
            };
            match stop {
                StopReason::FullMemory => report.print(
                    "the load remembers as many relationships of types with rules as it may; building the indexes before \
                     it continues in batches",
                ),
                _ => report.print("all lines are read; building the indexes"),
            }
            notes.recount_existing(tx.end_bulk_load(&dropped_indexes)?);
            transfer::count_loaded(tx, &memory)?;
            if matches!(stop, StopReason::FullMemory) {
                tx.refresh_statistics()?;
            }
            Ok(Some(LoadResult { notes, stop }))
        };
        self.store
            .write("import.load", ChangeOrigin::WITHOUT_CALLER, job)
            .await
            .map_err(|error| self.write_failure(first, error))
    }

    /// Reports and records the results of a batch. A strict import fails if the last line of the batch is invalid.
    fn finish_batch(&self, batch: &Batch, outcome: ImportOutcome) -> Result<(), CommandError> {
        self.report.report_rejected(batch, &outcome.rejected);
        self.report.list(batch.source, outcome.rows.as_deref().unwrap_or_default());
        self.report.advance(batch);
        self.report.record(&Notes::of(batch, outcome));
        if self.is_strict && !batch.refused.is_empty() { Err(self.strict_failure()) } else { Ok(()) }
    }

    /// Adapts the size of the next batches to the duration of this one.
    fn adapt_batch_size(&self, batch: &Batch, time: Duration) {
        let lines = u128::try_from(batch.lines.len()).unwrap_or_default();
        // The duration of a small batch is mostly that of the commit.
        if batch.lines.len() >= BATCH_SIZES.0 {
            let size = lines * TARGET_DURATION.as_micros() / time.as_micros().max(1);
            let size = usize::try_from(size).unwrap_or(BATCH_SIZES.1).clamp(BATCH_SIZES.0, BATCH_SIZES.1);
            self.size.store(size, Ordering::Relaxed);
        }
    }

    fn strict_failure(&self) -> CommandError {
        CommandError::failed(format!("stopped at the first rejected line; {}", self.report.progress_summary()))
    }

    fn read_failure(&self, error: &io::Error) -> CommandError {
        CommandError::failed(format!("{error}; {}", self.report.progress_summary()))
    }

    fn write_failure(&self, batch: &Batch, error: Error) -> CommandError {
        match error {
            Error::Refused(problems) if problems.iter().any(|problem| problem.operation.is_some()) => {
                for problem in problems {
                    let number = problem.operation.and_then(|number| u64::try_from(number).ok()).unwrap_or_default();
                    self.report.report_stop(batch, number, &problem.detail);
                }
                self.strict_failure()
            }
            error => CommandError::from(error)
                .with_message(format!("{}; run the import again to continue", self.report.progress_summary())),
        }
    }
}

/// The results of a bulk load.
struct LoadResult {
    notes: Notes,
    stop: StopReason,
}

/// Why a bulk load stopped reading.
enum StopReason {
    End,
    /// It cannot remember more relationships of types with rules.
    FullMemory,
    /// An invalid line, with `--strict`.
    InvalidLine,
    ReadError(io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::database;
    use crate::cli::import::rows::RowWriter;
    use crate::cli::progress::Progress;
    use crate::config::{Config, RawSettings};
    use crate::domain::relationship_types;
    use crate::imports::{feed, passes};
    use crate::model::caller::Caller;
    use crate::model::error::Result;
    use crate::model::field::Value;
    use crate::model::precondition::Precondition;
    use crate::model::relationship_type::{TypeAttribute, TypeName};
    use crate::store::migrations;
    use crate::store::url::DatabaseUrl;

    /// Users 1 to 20, each of whom but the last is a subordinate of the next one, and a line that closes a ring.
    fn ring() -> String {
        let user = |id: i64| format!("{{\"type\":\"user\",\"id\":{id},\"email\":\"u{id}@example.com\"}}\n");
        let edge = |user: i64, target: i64| {
            let ends = format!("\"user\":{user},\"target\":{target}");
            format!("{{\"type\":\"user-relationship\",{ends},\"relationship\":\"subordinate\"}}\n")
        };
        let users = (1..=20).map(user);
        users.chain((1..20).map(|user| edge(user, user + 1))).chain([edge(20, 1)]).collect()
    }

    fn make_tree(tx: &mut Tx<'_>) -> Result<()> {
        let rules = [(TypeAttribute::IsAcyclic, Value::Flag(true)), (TypeAttribute::MaxPerUser, Value::Integer(1))];
        let name = TypeName::parse("subordinate");
        relationship_types::change(tx, &Caller::OPERATOR, name.as_ref(), &Precondition::None, &rules, None).map(drop)
    }

    #[test]
    fn a_load_that_remembers_too_much_continues_in_batches() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.ndjson");
        std::fs::write(&path, ring()).unwrap();
        let mut config = Config::check(&RawSettings::defaults().unwrap()).unwrap();
        config.database_url = DatabaseUrl::Sqlite(folder.path().join("test.db"));
        migrations::run(&config.database_url, true).unwrap();
        let store = database::open(&config).unwrap();
        let (bytes, size) = (Arc::default(), Arc::new(AtomicUsize::new(5)));
        let plan = feed::Plan { skip: 0, is_strict: false, size: Arc::clone(&size) };
        let passes = passes::of_lines(&path, &bytes);
        let (progress, rows) = (Progress::begin("import", None), RowWriter::open(false, None).unwrap());
        let report = Arc::new(ImportReport::new(progress, &passes, rows, false));
        let batches = feed::start(passes, plan, bytes).unwrap();
        let mut importer = Importer::new(store, report, ImportOptions::default(), size, false);
        importer.most_remembered = 5;
        database::wait(async {
            importer.store.write("test", ChangeOrigin::WITHOUT_CALLER, make_tree).await.unwrap();
            let batches = Arc::new(Mutex::new(batches));
            for _ in 0..4 {
                let users = next_batch(&batches, &importer.report).unwrap().unwrap();
                let job = move |tx: &mut Tx<'_>| transfer::import(tx, &users.lines, ImportOptions::default());
                importer.store.write("test", ChangeOrigin::WITHOUT_CALLER, job).await.unwrap();
            }
            let first = Arc::new(next_batch(&batches, &importer.report).unwrap().unwrap());
            let loaded = importer.load(&first, &batches).await.unwrap().unwrap();
            assert!(matches!(loaded.stop, StopReason::FullMemory));
            importer.import(&batches, true).await.unwrap();
        });
        assert_eq!(importer.report.rejected(), 1);
        let check = importer.store.read("test", Cost::Unbounded, |tx: &mut Tx<'_>| tx.check());
        assert!(database::wait(check).unwrap().repairable.is_empty());
    }
}
