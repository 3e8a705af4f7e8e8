//! Keeps imports going: shows that this instance lives, takes over what others left, ends previews that are too old, and
//! deletes bytes and rows that are not needed any more.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::service::ImportService;
use crate::model::change::ChangeOrigin;
use crate::model::error::Result;
use crate::model::id::ImportId;
use crate::model::import::{BROKE_OFF, ENDED_SECONDS, Import, ImportState, MAX_ATTEMPTS, UnfinishedImport, is_expired};
use crate::model::time::Timestamp;
use crate::store::{Cost, Tx};

/// How often an instance shows that it lives, and looks for imports that it can take over.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long the beat of an import may stay the same before another instance takes it over.
const LEASE: Duration = Duration::from_secs(10);
/// How often bytes and rows are deleted.
const PRUNE_INTERVAL: Duration = Duration::from_mins(1);
/// The pieces of uploads and the rows that one transaction deletes.
const PRUNED: (i64, i64) = (16, 2_000);

/// The ended imports that one transaction deletes.
const IMPORTS_PER_JOB: i64 = 100;

/// What an instance has seen of an import, and since when it is the same.
struct Observed {
    beat: (ImportState, Option<String>, i64),
    beat_since: Instant,
    version: i64,
    version_since: Instant,
}

impl Observed {
    fn new(seen: &UnfinishedImport, now: Instant) -> Self {
        Self { beat: beat_of(seen), beat_since: now, version: seen.version, version_since: now }
    }

    fn update(&mut self, seen: &UnfinishedImport, now: Instant) {
        let beat = beat_of(seen);
        if self.beat != beat {
            (self.beat, self.beat_since) = (beat, now);
        }
        if self.version != seen.version {
            (self.version, self.version_since) = (seen.version, now);
        }
    }
}

fn beat_of(seen: &UnfinishedImport) -> (ImportState, Option<String>, i64) {
    (seen.state, seen.runner.clone(), seen.beat)
}

impl ImportService {
    /// Keeps imports going until it is dropped. The first of several failures is logged.
    pub async fn keep(self) {
        let mut observed = HashMap::new();
        let mut pruned_at = None;
        let mut is_failing = false;
        loop {
            let kept = self.keep_once(&mut observed, &mut pruned_at).await;
            if let Err(error) = &kept
                && !is_failing
            {
                log::warn!("cannot keep imports going: {error:?}");
            }
            is_failing = kept.is_err();
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn keep_once(
        &self,
        observed: &mut HashMap<ImportId, Observed>,
        pruned_at: &mut Option<Instant>,
    ) -> Result<()> {
        self.beat().await?;
        let job = |tx: &mut Tx<'_>| Ok((tx.unfinished_imports()?, tx.now()));
        let (unfinished, time) = self.shared.store.read("imports.unfinished", Cost::Bounded, job).await?;
        let now = Instant::now();
        observed.retain(|id, _| unfinished.iter().any(|seen| seen.id == *id));
        for seen in &unfinished {
            observed.entry(seen.id).or_insert_with(|| Observed::new(seen, now)).update(seen, now);
        }
        self.measure(&unfinished, observed, now);
        for seen in &unfinished {
            let silence = observed.get(&seen.id).map_or(Duration::ZERO, |observed| now - observed.beat_since);
            self.keep_import(seen, silence, time).await?;
        }
        if pruned_at.is_none_or(|at| at + PRUNE_INTERVAL < now) {
            let deleted = self.prune().await?;
            *pruned_at = (deleted == 0).then_some(now);
        }
        Ok(())
    }

    /// Shows that this instance works on its imports.
    async fn beat(&self) -> Result<()> {
        let (ids, runner) = (self.shared.active.ids(), self.shared.runner.clone());
        if ids.is_empty() {
            return Ok(());
        }
        let job = move |tx: &mut Tx<'_>| tx.beat_imports(&runner, &ids);
        self.shared.store.write("imports.beat", ChangeOrigin::WITHOUT_CALLER, job).await
    }

    async fn keep_import(&self, seen: &UnfinishedImport, silence: Duration, time: Timestamp) -> Result<()> {
        match seen.state {
            ImportState::Preview if is_expired(seen.read_at, time) => self.expire(seen).await,
            ImportState::Uploading if silence >= self.shared.timeout + LEASE => {
                let id = seen.id;
                let job = move |tx: &mut Tx<'_>| tx.delete_import(id);
                self.shared.store.write("imports.drop", ChangeOrigin::WITHOUT_CALLER, job).await
            }
            state if state.needs_runner() && self.is_free(seen, silence) => self.take_over(seen).await,
            _ => Ok(()),
        }
    }

    /// Whether no living instance works on an import.
    fn is_free(&self, seen: &UnfinishedImport, silence: Duration) -> bool {
        let is_stopping = self.shared.is_stopping.load(std::sync::atomic::Ordering::Relaxed);
        let is_left = match &seen.runner {
            None => true,
            Some(runner) => silence >= LEASE || *runner == self.shared.runner,
        };
        is_left && !is_stopping && !self.shared.active.has(seen.id)
    }

    async fn take_over(&self, seen: &UnfinishedImport) -> Result<()> {
        let (known, runner) = (seen.clone(), self.shared.runner.clone());
        let job = move |tx: &mut Tx<'_>| -> Result<Option<Import>> {
            if !tx.take_over_import(&known, &runner)? {
                return Ok(None);
            }
            let Some(mut import) = tx.lock_import(known.id)?.filter(|import| import.attempts > MAX_ATTEMPTS) else {
                return tx.import(known.id);
            };
            let now = tx.now();
            import.finish(ImportState::Failed, now, Some(BROKE_OFF.to_owned()));
            tx.save_import(&import).map(|()| None)
        };
        let taken = self.shared.store.write("imports.take_over", ChangeOrigin::WITHOUT_CALLER, job).await?;
        let Some(import) = taken else { return Ok(()) };
        log::info!(import:% = import.id, state = import.state.name(); "going on with an import");
        if import.state == ImportState::Running {
            self.resume(import);
        } else {
            self.read(import);
        }
        Ok(())
    }

    async fn expire(&self, seen: &UnfinishedImport) -> Result<()> {
        let id = seen.id;
        let job = move |tx: &mut Tx<'_>| {
            let Some(mut import) = tx.lock_import(id)? else { return Ok(()) };
            let now = tx.now();
            if import.is_expired(now) {
                import.finish(ImportState::Expired, now, None);
                tx.save_import(&import)?;
            }
            Ok(())
        };
        self.shared.store.write("imports.expire", ChangeOrigin::WITHOUT_CALLER, job).await
    }

    /// Deletes imports that ended long ago, and bytes and rows that are not needed any more. Returns how many.
    async fn prune(&self) -> Result<usize> {
        let (chunks, rows) = PRUNED;
        let job = move |tx: &mut Tx<'_>| {
            let before = tx.now().plus_seconds(-ENDED_SECONDS);
            let deleted = tx.delete_ended_imports(before, IMPORTS_PER_JOB)?;
            Ok(deleted + tx.prune_imports(chunks, rows)?)
        };
        self.shared.store.write("imports.prune", ChangeOrigin::WITHOUT_CALLER, job).await
    }

    fn measure(&self, unfinished: &[UnfinishedImport], observed: &HashMap<ImportId, Observed>, now: Instant) {
        let working = unfinished.iter().filter(|seen| seen.state.needs_runner());
        let stalled = working.filter_map(|seen| observed.get(&seen.id)).map(|observed| now - observed.version_since);
        self.shared.metrics.set(unfinished, stalled.max().unwrap_or_default());
    }
}
