//! A replica of a PostgreSQL database, which serves reads that are shown to callers.
//!
//! # Design
//! Authorization and writes never use the replica, because it may lag behind. Nor does it refuse anything: if it cannot
//! serve a read, for whatever reason, the primary serves it. So it can be down, slow, or behind a migration, and
//! callers notice only its lag.

pub(super) mod health;
mod lag;
mod metrics;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use super::batch::batcher::{BatchQuery, Batcher};
use super::mode::Mode;
use super::server::{PoolGeneration, PostgresServer};
use super::sessions::Sessions;
use crate::model::error::{Error, Result};
use crate::model::log_position::LogPosition;
use crate::store::cost::Cost;
use crate::store::fault::Fault;
use crate::store::job::{ErasedJob, erase, run_blocking, track};
use crate::store::limit::JobLimit;
use crate::store::opening::{OpenError, Settings};
use crate::store::tx::{StoreContext, Tx};
use crate::store::url::PostgresUrl;
use health::Health;
use metrics::ReplicaMetrics;
use watch::Watch;

/// The longest time between two probes of the replica.
const LONGEST_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest time between two probes, where requests have a short timeout.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// How long a read waits until the replica has replayed a position.
const LONGEST_REPLAY: Duration = Duration::from_millis(100);
/// The first pause of that wait; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// The replica has not served a read; the primary must.
#[derive(Debug)]
pub(in crate::store) struct Unanswered;

/// The replica, with its own connections, batcher of lists and cache of types.
pub(in crate::store) struct Replica {
    server: PostgresServer,
    shared: StoreContext,
    health: Arc<Health>,
    metrics: Arc<ReplicaMetrics>,
    /// The number of jobs that have ended, with or without success.
    ended: AtomicU64,
    /// The longest wait for a short read, so that there is time left for the primary.
    patience: Duration,
}

impl Replica {
    /// Opens the connections and starts to probe the replica. Until a probe succeeds, the primary serves all reads.
    ///
    /// # Errors
    /// [`OpenError`] when a thread cannot be started. The replica may be down.
    pub fn open(
        url: &PostgresUrl,
        settings: &Settings,
        primary: &Arc<PostgresServer>,
        shared: &StoreContext,
    ) -> std::result::Result<Arc<Self>, OpenError> {
        let patience = settings.longest_statement / 4;
        let settings = Settings { timeout: settings.timeout.min(patience / 2), ..settings.clone() };
        let shared = StoreContext { types: Arc::default(), ..shared.clone() };
        let metrics = Arc::new(ReplicaMetrics::new(&shared.metrics.all));
        let (probe, requests) = sync_channel(1);
        // Short enough that the primary can still serve a long read in time when the replica hangs.
        let interval = (settings.longest_statement / 8).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
        let health = Arc::new(Health::new(probe, interval * 4));
        let watch = Watch {
            url: url.with_limits(watch::PATIENCE, watch::PATIENCE),
            primary: Arc::clone(primary),
            shared: shared.clone(),
            health: Arc::downgrade(&health),
            metrics: Arc::clone(&metrics),
            interval,
            secret: None,
        };
        let urls = url.with_limits_and_each_host_first(settings.timeout, settings.longest_statement);
        let sessions = Sessions::of_replica(urls, &settings, Arc::clone(&health));
        let server = PostgresServer::open(sessions, &settings, &shared)?;
        std::thread::Builder::new()
            .name("replica".to_owned())
            .spawn(move || watch.run(&requests))
            .map_err(|error| OpenError::Unreachable(format!("cannot start a thread for the replica: {error}")))?;
        Ok(Arc::new(Self { server, shared, health, metrics, ended: AtomicU64::new(0), patience }))
    }

    /// Whether reads use the replica at this moment.
    pub fn is_used(&self) -> bool {
        self.health.is_used()
    }

    /// Sets the gauges of the connections.
    pub fn measure_connections(&self) {
        self.metrics.set_connections(self.server.connections());
    }

    /// Reads in a batch; `None` if the request was left out, and then [`read`](Self::read) can run it.
    pub async fn ask<Q: BatchQuery>(
        &self,
        batcher: fn(&PoolGeneration) -> &Batcher<Q>,
        query: Q,
    ) -> std::result::Result<Option<Q::Answer>, Unanswered> {
        let ended = self.ended.load(Ordering::Relaxed);
        // A batch that fails leaves out all its requests, which then run as ordinary jobs.
        let pool = self.server.current();
        let read = self.wait(Cost::Bounded, batcher(&pool).ask(query)).await?;
        let read = read.map_err(|_| self.record_no_connection(ended))?;
        self.ended.fetch_add(1, Ordering::Relaxed);
        Ok(read)
    }

    /// Runs a read once, after the replica has replayed the position `after`. Waits briefly for that, without a connection.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        name: &'static str,
        (cost, after): (Cost, Option<LogPosition>),
        deadline: Option<Instant>,
        job: &Arc<impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static>,
    ) -> std::result::Result<T, Unanswered> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let job = Arc::clone(job);
            // A result of its own for each attempt: one that was given up may still run.
            let (job, result) = erase(move |tx: &mut Tx<'_>| job(tx));
            if self.read_once(name, (cost, after), deadline, job).await? {
                return result.take().map_err(|_| Unanswered);
            }
            let left = LONGEST_REPLAY.saturating_sub(started.elapsed());
            if left.is_zero() {
                self.metrics.behind.add_one();
                return Err(Unanswered);
            }
            tokio::time::sleep(pause.min(left)).await;
            pause *= 2;
        }
    }

    /// Runs a read; `false` if the replica has not replayed the position.
    async fn read_once(
        self: &Arc<Self>,
        name: &'static str,
        (cost, after): (Cost, Option<LogPosition>),
        deadline: Option<Instant>,
        job: ErasedJob,
    ) -> std::result::Result<bool, Unanswered> {
        let replica = Arc::clone(self);
        let mut job = track(self.shared.metrics.follow(), job);
        let ended = self.ended.load(Ordering::Relaxed);
        let pool = self.server.current();
        let permit = self.wait(Cost::Unbounded, pool.engine.permit(name, Mode::of(cost))).await?;
        let permit = permit.map_err(|_| self.record_no_connection(ended))?;
        let (limit, guard) = JobLimit::cancellable(deadline, Some(self.server.canceller()));
        let run = run_blocking(move || {
            let _permit = permit;
            let ran = pool.engine.run_once(Mode::of(cost), &replica.shared, (&limit, after), &mut job)?;
            replica.ended.fetch_add(1, Ordering::Relaxed);
            Ok(ran)
        });
        let work = async {
            // Cancels the job on the replica when the wait ends early and the primary runs it.
            let _guard = guard;
            run.await
        };
        let ran = self.wait(cost, work).await?.map_err(|_| self.record_no_connection(ended))?;
        let reason = match ran {
            (Ok(()), _) => return Ok(true),
            (Err(_), Some(Fault::Behind)) => return Ok(false),
            (Err(Error::Refused(_)), None) => &self.metrics.refused,
            (Err(_), Some(Fault::Conflict)) => &self.metrics.conflict,
            (Err(_), Some(Fault::Lost | Fault::Unknown)) => {
                self.health.request_probe();
                &self.metrics.unavailable
            }
            (Err(error), _) => {
                log::debug!("a read on the replica failed: {error:?}");
                &self.metrics.failed
            }
        };
        reason.add_one();
        Err(Unanswered)
    }

    /// Records that no connection became free. The replica is merely busy if other jobs have ended meanwhile; otherwise
    /// it is down.
    fn record_no_connection(&self, ended: u64) -> Unanswered {
        if self.ended.load(Ordering::Relaxed) == ended {
            self.health.mark_down("no connection to it became free, and no other read ended meanwhile");
        }
        self.metrics.unavailable.add_one();
        Unanswered
    }

    /// Waits for work on the replica, as long as the replica is used and, for a short read, as long as its patience.
    async fn wait<T>(&self, cost: Cost, work: impl Future<Output = T>) -> std::result::Result<T, Unanswered> {
        let mut went_down = std::pin::pin!(self.health.went_down.notified());
        went_down.as_mut().enable();
        let mut work = std::pin::pin!(work);
        while self.health.is_used() {
            tokio::select! {
                result = &mut work => return Ok(result),
                () = &mut went_down => break,
                () = tokio::time::sleep(self.patience) => {
                    if !cost.is_long() {
                        self.health.mark_down(&format!("no response to a short read within {:?}", self.patience));
                    }
                }
            }
        }
        self.metrics.unavailable.add_one();
        Err(Unanswered)
    }
}
