//! A PostgreSQL server as the store meets it: connections and the threads that gather for them, made anew when the
//! server has fallen silent.
//!
//! # Design
//! libpq waits for an answer as long as the network says that the other side is there, and a proxy on the way may say
//! so for ever. PostgreSQL ends a statement that takes too long; when a job takes twice as long, no answer is to be
//! expected. Then a thread asks over a new connection (`server::probe`). If the server answers there, and does not work
//! for the jobs that wait, their connections are lost: their threads wait until the network ends them, and all others go
//! on with a pool of their own. A server that does not answer, or that does work, gets no further connections.

mod probe;

use std::sync::{Arc, PoisonError, RwLock, Weak};

use super::gatherer::{Batcher, Create, List};
use super::postgres::canceller::Canceller;
use super::postgres::sessions::Sessions;
use super::tx::Shared;
use super::{OpenError, Settings, postgres};
use probe::Probe;

/// The most pools that may wait for answers at once: each keeps as many connections as the first.
const MAX_STALLED_POOLS: usize = 4;

/// A server.
pub(super) struct Primary {
    canceller: Canceller,
    pools: Arc<RwLock<Pools>>,
    probe: Arc<Probe>,
    parts: Arc<Parts>,
}

/// What connections are made of.
struct Parts {
    sessions: Sessions,
    settings: Settings,
    shared: Shared,
}

struct Pools {
    current: Arc<PoolGeneration>,
    /// Those that jobs still wait for.
    silent: Vec<Weak<postgres::Engine>>,
}

/// A pool, and those who gather what is asked of it.
pub(super) struct PoolGeneration {
    pub engine: Arc<postgres::Engine>,
    pub creates: Batcher<Create>,
    pub lists: Batcher<List>,
}

impl Primary {
    /// Prepares to ask a server, which may be away.
    pub fn open(sessions: Sessions, settings: &Settings, shared: &Shared) -> Result<Self, OpenError> {
        let parts = Parts { sessions, settings: settings.clone(), shared: shared.clone() };
        let current = Arc::new(PoolGeneration::open(&parts)?);
        Ok(Self {
            canceller: Canceller::start(parts.sessions.clone())?,
            pools: Arc::new(RwLock::new(Pools { current, silent: Vec::new() })),
            probe: Arc::default(),
            parts: Arc::new(parts),
        })
    }

    /// The connections to ask by.
    pub fn connected(&self) -> Arc<PoolGeneration> {
        let current = Arc::clone(&self.pools.read().unwrap_or_else(PoisonError::into_inner).current);
        if current.engine.is_silent() {
            let (parts, pools) = (Arc::clone(&self.parts), Arc::clone(&self.pools));
            let engine = Arc::clone(&current.engine);
            self.probe.start(self.parts.settings.longest_statement / 4, move || {
                if probe::are_lost(&parts.sessions, &engine) {
                    renew(&parts, &pools);
                }
            });
        }
        current
    }

    /// Stops statements that nobody waits for.
    pub fn canceller(&self) -> &Canceller {
        &self.canceller
    }
}

fn renew(parts: &Parts, pools: &RwLock<Pools>) {
    let server = if parts.sessions.are_to_primary() { "PostgreSQL" } else { "the replica" };
    let mut pools = pools.write().unwrap_or_else(PoisonError::into_inner);
    pools.silent.retain(|engine| engine.strong_count() > 0);
    if !pools.current.engine.is_silent() || pools.silent.len() >= MAX_STALLED_POOLS {
        return;
    }
    match PoolGeneration::open(parts) {
        Ok(connected) => {
            let old = std::mem::replace(&mut pools.current, Arc::new(connected));
            let patience = old.engine.patience();
            log::warn!("{server} has not answered for {patience:?}: all connections are made anew");
            pools.silent.push(Arc::downgrade(&old.engine));
        }
        Err(error) => log::error!("{server} does not answer, and connections cannot be made anew: {error}"),
    }
}

impl PoolGeneration {
    fn open(parts: &Parts) -> Result<Self, OpenError> {
        let Parts { sessions, settings, shared } = parts;
        let engine = Arc::new(postgres::Engine::open(sessions.clone(), settings));
        Ok(Self {
            // Nobody writes to a replica.
            creates: Batcher::start(usize::from(sessions.are_to_primary()), &engine, shared)?,
            lists: Batcher::start(readers_of(settings), &engine, shared)?,
            engine,
        })
    }
}

/// How many threads read lists for all who ask. Fewer read more with each statement, which is worth more than what two
/// do at once as long as the processors are shared; so there is one for two workers, and connections are left for others.
fn readers_of(settings: &Settings) -> usize {
    let connections = usize::try_from(settings.pool_size).unwrap_or(usize::MAX);
    (settings.workers / 2).min(connections / 2).max(1)
}
