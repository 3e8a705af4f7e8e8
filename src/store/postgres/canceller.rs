//! Stops statements on PostgreSQL that nobody waits for any more.
//!
//! # Design
//! One thread sends `pg_cancel_backend` over a connection of its own, which it opens when it is needed. A session that a
//! cancel request was sent to is closed (see [`Cancellation::claim`]), and is identified by its start as well as its
//! process, so that a late request meets nobody else's statement. If the thread cannot keep up, or there is no
//! connection to be had, `statement_timeout` ends the statement.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::Conn;
use super::sessions::{Backend, Sessions};
use crate::store::OpenError;
use crate::store::limit::Cancellation;

/// Jobs that may wait for their cancel request; the statements of more end by themselves.
const QUEUE: usize = 64;
/// How long the connection is kept without a cancel request.
const KEPT: Duration = Duration::from_secs(10);

/// The door to the thread; cheap to clone. The thread ends when the last one is dropped.
#[derive(Clone)]
pub(in crate::store) struct Canceller {
    queue: SyncSender<Arc<Cancellation>>,
}

impl Canceller {
    /// Starts the thread.
    pub fn start(sessions: Sessions) -> Result<Self, OpenError> {
        let (queue, waiting) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("canceller".to_owned())
            .spawn(move || cancel_all(&sessions, &waiting))
            .map_err(|error| OpenError::Unreachable(format!("cannot start a thread for cancel requests: {error}")))?;
        Ok(Self { queue })
    }

    /// Stops the statement of a job, soon and as far as possible.
    pub fn cancel(&self, cancellation: &Arc<Cancellation>) {
        if self.queue.try_send(Arc::clone(cancellation)).is_err() {
            log::debug!("{QUEUE} cancel requests wait already");
        }
    }
}

fn cancel_all(sessions: &Sessions, waiting: &Receiver<Arc<Cancellation>>) {
    let mut line = None;
    loop {
        match waiting.recv_timeout(KEPT) {
            Ok(cancellation) => {
                if let Err(error) = cancel(sessions, &mut line, &cancellation) {
                    line = None;
                    log::debug!("a statement cannot be cancelled: {error}");
                }
            }
            Err(RecvTimeoutError::Timeout) => line = None,
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn cancel(sessions: &Sessions, line: &mut Option<Conn>, cancellation: &Cancellation) -> Result<(), String> {
    if line.is_none() {
        *line = Some(sessions.establish().map_err(|error| error.to_string())?.conn);
    }
    // Only now: most jobs have ended by the time that there is a connection.
    let (Some(conn), Some(backend)) = (line, cancellation.claim()) else { return Ok(()) };
    let Backend { pid, started } = backend;
    diesel::sql_query(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_get_activity($1) \
         WHERE (extract(epoch FROM backend_start) * 1000000)::bigint = $2",
    )
    .bind::<Integer, _>(pid)
    .bind::<BigInt, _>(started)
    .execute(conn)
    .map(drop)
    .map_err(|error| error.to_string())
}
