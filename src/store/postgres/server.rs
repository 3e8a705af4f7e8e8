//! A PostgreSQL server: a pool of connections and its batchers, replaced when the server stops responding.
//!
//! # Design
//! libpq waits for a response as long as the network reports the other side as present, and a proxy in between may do
//! so forever. PostgreSQL ends a statement that takes too long; when a job takes twice as long, no response will come.
//! Then a thread queries the server over a new connection (`server::probe`). If the server responds there and does not
//! run the statements of the waiting jobs, their connections are lost: their threads wait until the network fails, and
//! all other jobs use a new pool. A server that does not respond, or that runs the statements, gets no further
//! connections.

mod probe;

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Instant;

use super::batch::batched_list::BatchedList;
use super::batch::batcher::Batcher;
use super::batch::changes::GatheredChange;
use super::batch::creates::BatchedCreate;
use super::batch::deletes::GatheredDelete;
use super::batch::lookups::{RelationshipLookup, UserLookup};
use super::batch::ruled_creates::RuledCreate;
use super::batch::traversals::BatchedTraversal;
use super::canceller::Canceller;
use super::engine::PostgresEngine;
use super::mode::Mode;
use super::positions::PositionQuery;
use super::sessions::Sessions;
use crate::model::database_problem::DatabaseProblem;
use crate::model::error::Result;
use crate::store::job::{ErasedJob, run_blocking};
use crate::store::limit::{CancelStatement, JobLimit};
use crate::store::metrics::ConnectionCounts;
use crate::store::opening::{OpenError, Settings};
use crate::store::tx::StoreContext;
use crate::store::url::PostgresUrl;
use probe::ServerProbe;

/// The most replaced pools whose jobs may still wait: each of them keeps as many connections as the current one.
const MAX_STALLED_POOLS: usize = 4;

/// A PostgreSQL server, the primary or a replica.
pub(in crate::store) struct PostgresServer {
    canceller: Arc<dyn CancelStatement>,
    pools: Arc<RwLock<Pools>>,
    probe: Arc<ServerProbe>,
    parts: Arc<PoolParts>,
}

/// What a pool is made from.
struct PoolParts {
    sessions: Sessions,
    settings: Settings,
    shared: StoreContext,
}

struct Pools {
    current: Arc<PoolGeneration>,
    /// Replaced pools that jobs still wait for.
    stalled: Vec<Weak<PostgresEngine>>,
}

/// A pool and its batchers.
pub(in crate::store) struct PoolGeneration {
    pub(super) engine: Arc<PostgresEngine>,
    pub creates: Batcher<BatchedCreate>,
    pub ruled_creates: Batcher<RuledCreate>,
    pub changes: Batcher<GatheredChange>,
    pub deletes: Batcher<GatheredDelete>,
    pub lists: Batcher<BatchedList>,
    pub relationships: Batcher<RelationshipLookup>,
    pub users: Batcher<UserLookup>,
    pub traversals: Batcher<BatchedTraversal>,
    pub positions: Batcher<PositionQuery>,
}

impl PostgresServer {
    /// Opens a pool to the primary, which may be down.
    ///
    /// # Errors
    /// [`OpenError`] when a thread cannot be started.
    pub fn open_primary(
        url: &PostgresUrl,
        settings: &Settings,
        shared: &StoreContext,
    ) -> std::result::Result<Self, OpenError> {
        let url = url.with_limits(settings.timeout, settings.longest_statement);
        Self::open(Sessions::of_primary(url, settings), settings, shared)
    }

    /// Opens a pool to a server, which may be down.
    ///
    /// # Errors
    /// [`OpenError`] when a thread cannot be started.
    pub(super) fn open(
        sessions: Sessions,
        settings: &Settings,
        shared: &StoreContext,
    ) -> std::result::Result<Self, OpenError> {
        let parts = PoolParts { sessions, settings: settings.clone(), shared: shared.clone() };
        let current = Arc::new(PoolGeneration::open(&parts)?);
        Ok(Self {
            canceller: Arc::new(Canceller::start(parts.sessions.clone())?),
            pools: Arc::new(RwLock::new(Pools { current, stalled: Vec::new() })),
            probe: Arc::default(),
            parts: Arc::new(parts),
        })
    }

    /// The pool to use. Starts a probe if a job of it has waited too long for a response.
    pub fn current(&self) -> Arc<PoolGeneration> {
        let current = Arc::clone(&self.pools.read().unwrap_or_else(PoisonError::into_inner).current);
        if current.engine.is_stalled() {
            let (parts, pools) = (Arc::clone(&self.parts), Arc::clone(&self.pools));
            let engine = Arc::clone(&current.engine);
            self.probe.start(self.parts.settings.longest_statement / 4, move || {
                if probe::are_lost(&parts.sessions, &engine) {
                    replace_pool(&parts, &pools);
                }
            });
        }
        current
    }

    /// Why the last attempt to connect failed, if it failed a moment ago.
    pub fn connection_problem(&self) -> Option<DatabaseProblem> {
        self.parts.sessions.last_failure()
    }

    /// The number of connections of the current pool in use and idle.
    pub fn connections(&self) -> ConnectionCounts {
        self.current().engine.connections()
    }

    /// What stops statements of jobs whose callers are gone.
    pub fn canceller(&self) -> Arc<dyn CancelStatement> {
        Arc::clone(&self.canceller)
    }

    /// Runs a job on a thread that may block; retries on conflict and on a connection found dead.
    ///
    /// # Errors
    /// Those of the job, or [`Error::Unavailable`](crate::model::error::Error::Unavailable).
    pub async fn run(
        &self,
        name: &'static str,
        mode: Mode,
        deadline: Option<Instant>,
        mut job: ErasedJob,
    ) -> Result<()> {
        let pool = self.current();
        let permit = pool.engine.permit(name, mode).await?;
        let (limit, _guard) = JobLimit::cancellable(deadline, Some(self.canceller()));
        let parts = Arc::clone(&self.parts);
        run_blocking(move || {
            // Held until the connection is back in the pool, even if the caller is gone.
            let _permit = permit;
            pool.engine.run(mode, &parts.shared, &limit, &mut job)
        })
        .await
    }
}

fn replace_pool(parts: &PoolParts, pools: &RwLock<Pools>) {
    let server = if parts.sessions.are_to_primary() { "PostgreSQL" } else { "the replica" };
    let mut pools = pools.write().unwrap_or_else(PoisonError::into_inner);
    pools.stalled.retain(|engine| engine.strong_count() > 0);
    if !pools.current.engine.is_stalled() || pools.stalled.len() >= MAX_STALLED_POOLS {
        return;
    }
    match PoolGeneration::open(parts) {
        Ok(new) => {
            let old = std::mem::replace(&mut pools.current, Arc::new(new));
            let patience = old.engine.patience();
            log::warn!("{server} has not responded for {patience:?}: opening new connections");
            pools.stalled.push(Arc::downgrade(&old.engine));
        }
        Err(error) => log::error!("{server} does not respond, and new connections cannot be opened: {error}"),
    }
}

impl PoolGeneration {
    /// Whether rows are spread over the nodes of a Citus cluster, as far as it is known.
    pub fn has_spread_rows(&self) -> bool {
        self.engine.has_spread_rows()
    }

    fn open(parts: &PoolParts) -> std::result::Result<Self, OpenError> {
        let PoolParts { sessions, settings, shared } = parts;
        let engine = Arc::new(PostgresEngine::open(sessions.clone(), settings));
        // A replica accepts no writes.
        let writers = usize::from(sessions.are_to_primary());
        // Without a replica no position is asked for.
        let asks_positions = sessions.are_to_primary() && settings.replica.is_some();
        Ok(Self {
            creates: Batcher::start(writers, &engine, shared)?,
            ruled_creates: Batcher::start(writers, &engine, shared)?,
            changes: Batcher::start(writers, &engine, shared)?,
            deletes: Batcher::start(writers, &engine, shared)?,
            lists: Batcher::start(read_threads(settings), &engine, shared)?,
            relationships: Batcher::start(read_threads(settings), &engine, shared)?,
            users: Batcher::start(read_threads(settings), &engine, shared)?,
            traversals: Batcher::start(read_threads(settings), &engine, shared)?,
            positions: Batcher::start(usize::from(asks_positions), &engine, shared)?,
            engine,
        })
    }
}

/// How many threads read batches of a kind: one for two workers, and at most half of the connections. Fewer threads read
/// larger batches, which saves more than parallel statements gain while they share the processors with the server.
fn read_threads(settings: &Settings) -> usize {
    let connections = usize::try_from(settings.pool_size).unwrap_or(usize::MAX);
    (settings.workers / 2).min(connections / 2).max(1)
}
