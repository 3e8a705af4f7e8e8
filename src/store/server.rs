//! A PostgreSQL server as the store meets it: connections and the threads that gather for them, made anew when the
//! server has fallen silent.
//!
//! # Design
//! libpq waits for an answer as long as the network says that the other side is there, and a proxy on the way may say
//! so for ever. PostgreSQL ends a statement that takes too long; when a job takes twice as long, no answer is to be
//! expected. The thread that waits for it, its connection and its share of the pool are lost until the network ends the
//! connection; so that nobody else is lost with them, all others go on with a pool of their own.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

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
    current: RwLock<Arc<Connected>>,
    silent: Mutex<Vec<Weak<postgres::Engine>>>,
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
        let connected = Connected::open(&sessions, settings, shared)?;
        Ok(Self {
            sessions,
            settings: settings.clone(),
            shared: shared.clone(),
            current: RwLock::new(Arc::new(connected)),
            silent: Mutex::default(),
        })
    }

    /// The connections to ask by.
    pub fn connected(&self) -> Arc<Connected> {
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        if current.engine.is_silent() { self.renewed() } else { current }
    }

    fn renewed(&self) -> Arc<Connected> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.retain(|engine| engine.strong_count() > 0);
        // Another may have been faster.
        if current.engine.is_silent() && silent.len() < MOST_SILENT {
            match Connected::open(&self.sessions, &self.settings, &self.shared) {
                Ok(connected) => {
                    let patience = postgres::PATIENCE * self.settings.longest_statement;
                    let server = if self.sessions.are_to_primary() { "PostgreSQL" } else { "the replica" };
                    log::warn!("{server} has not answered for {patience:?}: all connections are made anew");
                    silent.push(Arc::downgrade(&current.engine));
                    *current = Arc::new(connected);
                }
                Err(error) => log::error!("PostgreSQL does not answer, and connections cannot be made anew: {error}"),
            }
        }
        Arc::clone(&current)
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
