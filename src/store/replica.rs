//! A replica of a PostgreSQL database, which answers what callers are shown.
//!
//! # Design
//! Nothing that is decided or changed goes by the replica: it may lag behind. Nor does it refuse anything: whatever it
//! cannot answer, for whatever reason, is asked of the primary, as if there were no replica. So it can be away, late,
//! or behind a migration, and all that anybody notices is its lag.

pub(super) mod health;
mod measures;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use super::fault::Fault;
use super::gatherer::List;
use super::limit::JobLimit;
use super::postgres::Mode;
use super::postgres::sessions::Sessions;
use super::server::Primary;
use super::tx::{Shared, Tx};
use super::url::PostgresUrl;
use super::{Cost, Engine, OpenError, Settings, Store, catch_panic, named};
use crate::model::error::{Error, Result};
use crate::model::page::Page;
use crate::model::relationship::Relationship;
use health::Health;
use measures::ReplicaMetrics;
use watch::Watch;

/// How often the replica is looked at.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// The same where requests may not take long.
const SHORTEST_LOOK: Duration = Duration::from_millis(100);

impl Store {
    /// Runs a job that only reads what a caller is to be shown: on the replica if there is one, and on the primary if
    /// the replica does not answer or would refuse. What is shown may be as old as the replica's lag; what is decided
    /// or changed goes by [`read`](Self::read).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn read_replica<T: Send + 'static>(
        &self,
        name: &'static str,
        cost: Cost,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let Engine::Postgres { replica: Some(replica), .. } = &*self.engine else {
            return self.read(name, cost, job).await;
        };
        let timed = self.shared.measures.time(name);
        let job = Arc::new(job);
        let asked = Arc::clone(&job);
        let deadline = timed.deadline(self.longest_job);
        if let Ok(found) = replica.read(self, timed.job(), cost, deadline, move |tx| asked(tx)).await {
            return Ok(found);
        }
        self.read_primary(timed, cost, move |tx| job(tx)).await.map_err(|error| named(name, error))
    }

    /// Whether the replica answers reads at this moment; `None` if there is none.
    #[must_use]
    pub fn is_replica_used(&self) -> Option<bool> {
        match &*self.engine {
            Engine::Postgres { replica: Some(replica), .. } => Some(replica.health.is_used()),
            Engine::Postgres { .. } | Engine::Sqlite { .. } => None,
        }
    }
}

/// The replica did not answer: the primary is to be asked.
#[derive(Debug)]
pub(super) struct Unanswered;

/// The replica: connections of its own, threads of its own that gather lists, and types as it knows them.
pub(super) struct Replica {
    server: Primary,
    shared: Shared,
    health: Arc<Health>,
    measures: Arc<ReplicaMetrics>,
    /// Jobs that ended, however they did.
    ended: AtomicU64,
    /// The longest wait for a page of work, so that there is time left for the primary.
    patience: Duration,
}

impl Replica {
    /// Makes what a replica needs, and looks whether it is there: until that is known, the primary is asked.
    ///
    /// # Errors
    /// [`OpenError`] when a thread cannot be started. The replica may be away.
    pub fn open(
        url: &PostgresUrl,
        settings: &Settings,
        primary: &Arc<Primary>,
        shared: &Shared,
    ) -> std::result::Result<Arc<Self>, OpenError> {
        let patience = settings.longest_statement / 4;
        let settings = Settings { timeout: settings.timeout.min(patience / 2), ..settings.clone() };
        let shared = Shared { types: Arc::default(), ..shared.clone() };
        let measures = Arc::new(ReplicaMetrics::new(&shared.measures.all));
        let (look, asked) = sync_channel(1);
        // Often enough for a long read on a replica that hangs to be done on the primary in time.
        let every = (settings.longest_statement / 8).clamp(SHORTEST_LOOK, LONGEST_LOOK);
        let health = Arc::new(Health::new(look, every * 4));
        let watch = Watch {
            url: url.with_limits(watch::PATIENCE, watch::PATIENCE),
            primary: Arc::clone(primary),
            shared: shared.clone(),
            health: Arc::downgrade(&health),
            measures: Arc::clone(&measures),
            every,
            secret: None,
        };
        let url = url.with_limits(settings.timeout, settings.longest_statement);
        let server = Primary::open(Sessions::of_replica(url, &settings, Arc::clone(&health)), &settings, &shared)?;
        std::thread::Builder::new()
            .name("replica".to_owned())
            .spawn(move || watch.run(&asked))
            .map_err(|error| OpenError::Unreachable(format!("cannot start a thread for the replica: {error}")))?;
        Ok(Arc::new(Self { server, shared, health, measures, ended: AtomicU64::new(0), patience }))
    }

    /// Notes the connections at this moment.
    pub fn note_connections(&self) {
        self.measures.connected(self.server.connected().engine.connections());
    }

    /// A list, read together with others; `None` if it was left out, for [`read`](Self::read) to do.
    pub async fn list(&self, list: List) -> std::result::Result<Option<Page<Relationship>>, Unanswered> {
        let ended = self.ended.load(Ordering::Relaxed);
        // What fails for all is left out for each, which then finds out why.
        let read = self.answer(Cost::Bounded, self.server.connected().lists.ask(list)).await?;
        let read = read.map_err(|_| self.without_room(ended))?;
        self.ended.fetch_add(1, Ordering::Relaxed);
        Ok(read)
    }

    /// Runs a job once.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        store: &Store,
        name: &'static str,
        cost: Cost,
        deadline: Option<Instant>,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Unanswered> {
        let (replica, followed) = (Arc::clone(self), self.shared.measures.follow());
        let ended = self.ended.load(Ordering::Relaxed);
        let connected = self.server.connected();
        let permit = self.answer(Cost::Unbounded, connected.engine.permit(name, Mode::of(cost))).await?;
        let permit = permit.map_err(|_| self.without_room(ended))?;
        let (limit, guard) = JobLimit::cancellable(deadline, Some(self.server.canceller()));
        let hopped = store.run_blocking(move |_| {
            let _permit = permit;
            let job = |tx: &mut Tx<'_>| followed.attempt(tx, |tx| catch_panic(|| job(tx)));
            let ran = connected.engine.run_once(Mode::of(cost), &replica.shared, &limit, &job)?;
            replica.ended.fetch_add(1, Ordering::Relaxed);
            Ok(ran)
        });
        let work = async {
            // What is given up here is asked of the primary, and must not run on.
            let _guard = guard;
            hopped.await
        };
        let ran = self.answer(cost, work).await?.map_err(|_| self.without_room(ended))?;
        let reason = match ran {
            (Ok(found), _) => return Ok(found),
            (Err(Error::Refused(_)), None) => &self.measures.refused,
            (Err(_), Some(Fault::Conflict)) => &self.measures.conflict,
            (Err(_), Some(Fault::Lost | Fault::Unknown)) => {
                self.health.request_probe();
                &self.measures.unavailable
            }
            (Err(error), _) => {
                log::debug!("the replica has failed: {error:?}");
                &self.measures.failed
            }
        };
        reason.add_one();
        Err(Unanswered)
    }

    /// There was no connection. The replica is merely busy as long as others got their answers meanwhile.
    fn without_room(&self, ended: u64) -> Unanswered {
        if self.ended.load(Ordering::Relaxed) == ended {
            self.health.mark_down("no connection to it became free, and nobody else was answered either");
        }
        self.measures.unavailable.add_one();
        Unanswered
    }

    /// Waits for an answer as long as the replica is used: for a page of work no longer than its patience.
    async fn answer<T>(&self, cost: Cost, work: impl Future<Output = T>) -> std::result::Result<T, Unanswered> {
        let mut given_up = std::pin::pin!(self.health.given_up.notified());
        given_up.as_mut().enable();
        let mut work = std::pin::pin!(work);
        while self.health.is_used() {
            tokio::select! {
                answer = &mut work => return Ok(answer),
                () = &mut given_up => break,
                () = tokio::time::sleep(self.patience) => {
                    if !cost.is_long() {
                        self.health.mark_down(&format!("it has not answered a short read within {:?}", self.patience));
                    }
                }
            }
        }
        self.measures.unavailable.add_one();
        Err(Unanswered)
    }
}
