//! Stops statements on PostgreSQL whose results are no longer needed.
//!
//! # Design
//! One thread calls `pg_cancel_backend` over its own connection, which it opens on demand. A connection whose backend
//! got a cancel request is closed (see [`Cancellation::claim`]), and the backend is identified by its start as well as
//! by its process number, so that a late request cannot stop a statement of another job. If the thread cannot keep up
//! or cannot connect, `statement_timeout` ends the statement.
//!
//! # Behind a pooler
//! The backend is another one in each transaction, and serves other clients afterwards. So each transaction takes an
//! advisory lock in the round trip of `BEGIN`, whose random key belongs to the connection alone, and the request goes to
//! the backend that holds the lock. It must not stop a statement of another client:
//!
//! * The lock ends with the transaction. A request that is evaluated later finds no backend.
//! * A backend that ends the transaction between the look-up and the signal would hand the signal to the next client.
//!   That cannot happen: a job that finds its cancellation claimed neither commits nor rolls back, but closes its
//!   connection within the transaction, and PgBouncer closes the session of the server of such a client. A job that
//!   commits or rolls back has left before, and then nothing is claimed and no request sent.
//! * A pooler that rolls back and keeps the session leaves the microseconds between the look-up and the signal, in one
//!   call on the server. `PostgreSQL` ignores the signal while a session waits for a statement.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::conn::Conn;
use super::sessions::Sessions;
use crate::store::limit::{Backend, CancelStatement, CancelTarget, Cancellation};
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
        let Some(target) = cancellation.claim() else { return Ok(()) };
        send(conn, target).map_err(|error| error.to_string())?;
        thread::sleep(pause);
    }
    Ok(())
}

fn send(conn: &mut Conn, target: CancelTarget) -> QueryResult<()> {
    let sent = match target {
        CancelTarget::Backend(Backend { pid, started }) => diesel::sql_query(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_get_activity($1) \
             WHERE (extract(epoch FROM backend_start) * 1000000)::bigint = $2",
        )
        .bind::<Integer, _>(pid)
        .bind::<BigInt, _>(started)
        .execute(conn),
        // The key has two halves there. `objsubid` is 1 for keys of one number.
        CancelTarget::LockHolder(key) => diesel::sql_query(
            "SELECT pg_cancel_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted \
             AND (classid::bigint << 32 | objid::bigint) = $1",
        )
        .bind::<BigInt, _>(key)
        .execute(conn),
    };
    sent.map(drop)
}
