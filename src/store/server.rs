//! A PostgreSQL server as the store meets it: connections and the threads that gather for them, made anew when the
//! server has fallen silent.
//!
//! # Design
//! libpq waits for an answer as long as the network says that the other side is there, and a proxy on the way may say
//! so for ever. PostgreSQL ends a statement that takes too long; when a job takes twice as long, no answer is to be
//! expected. The thread that waits for it, its connection and its share of the pool are lost until the network ends the
//! connection; so that nobody else is lost with them, all others go on with a pool of their own.

use std::sync::{Arc, PoisonError, RwLock, Weak};

use super::gatherer::{Create, Gatherer, List};
use super::postgres::sessions::Sessions;
use super::tx::Shared;
use super::{OpenError, Settings, postgres};

/// The most pools that may wait for answers at once: each keeps as many connections as the first.
const MOST_SILENT: usize = 4;

/// A server.
pub(super) struct Server {
    sessions: Sessions,
    settings: Settings,
    shared: Shared,
    pools: RwLock<Pools>,
}

struct Pools {
    current: Arc<Connected>,
    /// Those that jobs still wait for.
    silent: Vec<Weak<postgres::Engine>>,
}

/// A pool, and those who gather what is asked of it.
pub(super) struct Connected {
    pub engine: Arc<postgres::Engine>,
    pub creates: Gatherer<Create>,
    pub lists: Gatherer<List>,
}

impl Server {
    /// Prepares to ask a server, which may be away.
    pub fn open(sessions: Sessions, settings: &Settings, shared: &Shared) -> Result<Self, OpenError> {
        let current = Arc::new(Connected::open(&sessions, settings, shared)?);
        let pools = RwLock::new(Pools { current, silent: Vec::new() });
        Ok(Self { sessions, settings: settings.clone(), shared: shared.clone(), pools })
    }

    /// The connections to ask by.
    pub fn connected(&self) -> Arc<Connected> {
        let current = Arc::clone(&self.pools.read().unwrap_or_else(PoisonError::into_inner).current);
        if current.engine.is_silent() { self.renewed() } else { current }
    }

    fn renewed(&self) -> Arc<Connected> {
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        pools.silent.retain(|engine| engine.strong_count() > 0);
        // Another may have been faster.
        if pools.current.engine.is_silent() && pools.silent.len() < MOST_SILENT {
            let server = if self.sessions.are_to_primary() { "PostgreSQL" } else { "the replica" };
            match Connected::open(&self.sessions, &self.settings, &self.shared) {
                Ok(connected) => {
                    let old = std::mem::replace(&mut pools.current, Arc::new(connected));
                    let patience = old.engine.patience();
                    log::warn!("{server} has not answered for {patience:?}: all connections are made anew");
                    pools.silent.push(Arc::downgrade(&old.engine));
                }
                Err(error) => log::error!("{server} does not answer, and connections cannot be made anew: {error}"),
            }
        }
        Arc::clone(&pools.current)
    }
}

impl Connected {
    fn open(sessions: &Sessions, settings: &Settings, shared: &Shared) -> Result<Self, OpenError> {
        let engine = Arc::new(postgres::Engine::open(sessions.clone(), settings));
        Ok(Self {
            // Nobody writes to a replica.
            creates: Gatherer::start(usize::from(sessions.are_to_primary()), &engine, shared)?,
            lists: Gatherer::start(readers_of(settings), &engine, shared)?,
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
