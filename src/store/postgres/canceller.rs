//! Stops statements on PostgreSQL whose results are no longer needed.
//!
//! # Design
//! One thread calls `pg_cancel_backend` over its own connection, which it opens on demand. A connection whose backend
//! got a cancel request is closed (see [`Cancellation::claim`]), and the backend is identified by its start as well as
//! by its process number, so that a late request cannot stop a statement of another job. If the thread cannot keep up
//! or cannot connect, `statement_timeout` ends the statement.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::conn::Conn;
use super::sessions::Sessions;
use crate::store::limit::{Backend, CancelStatement, Cancellation};
use crate::store::opening::OpenError;

/// The most cancel requests that may wait; further statements run until they end.
const QUEUE: usize = 64;
/// How long to wait for the end of a statement before its cancel request is sent again: the server ignores one that
/// arrives between the statements of a job.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(2), Duration::from_millis(10), Duration::from_millis(50), Duration::from_millis(200)];
/// How long the connection stays open without a cancel request.
const KEEP_OPEN: Duration = Duration::from_secs(10);

/// Sends cancel requests to the thread, which ends when this is dropped.
pub(super) struct Canceller {
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
}

impl CancelStatement for Canceller {
    fn cancel(&self, cancellation: &Arc<Cancellation>) {
        if self.queue.try_send(Arc::clone(cancellation)).is_err() {
            log::debug!("{QUEUE} cancel requests are already waiting");
        }
    }
}

fn cancel_all(sessions: &Sessions, waiting: &Receiver<Arc<Cancellation>>) {
    let mut connection = None;
    loop {
        match waiting.recv_timeout(KEEP_OPEN) {
            Ok(cancellation) => {
                if let Err(error) = cancel(sessions, &mut connection, &cancellation) {
                    connection = None;
                    log::debug!("cannot cancel a statement: {error}");
                }
            }
            Err(RecvTimeoutError::Timeout) => connection = None,
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn cancel(sessions: &Sessions, connection: &mut Option<Conn>, cancellation: &Cancellation) -> Result<(), String> {
    if connection.is_none() {
        *connection = Some(sessions.establish().map_err(|error| error.to_string())?.conn);
    }
    let Some(conn) = connection else { return Ok(()) };
    for pause in PAUSES {
        // Claims after connecting: most jobs have ended by then.
        let Some(backend) = cancellation.claim() else { return Ok(()) };
        send(conn, backend).map_err(|error| error.to_string())?;
        thread::sleep(pause);
    }
    Ok(())
}

fn send(conn: &mut Conn, Backend { pid, started }: Backend) -> QueryResult<()> {
    diesel::sql_query(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_get_activity($1) \
         WHERE (extract(epoch FROM backend_start) * 1000000)::bigint = $2",
    )
    .bind::<Integer, _>(pid)
    .bind::<BigInt, _>(started)
    .execute(conn)
    .map(drop)
}
