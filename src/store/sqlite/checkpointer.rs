//! Copies pages from SQLite's write-ahead log into the database file, beside the writer.
//!
//! # Design
//! A checkpoint copies the last version of each page in the log, and flushes the disk twice. SQLite would do it in the
//! commit of a writer, every 1,000 pages: then all waiting writes wait, and a page that changes often is copied each time.
//! So a thread with a connection of its own does it when many pages are waiting, or some and no write has come for a moment.
//! The writer continues meanwhile.
//!
//! SQLite writes the log from its start again only once everything is copied, which never happens beside a busy writer.
//! So when the log is long and little is left to copy, the thread asks the writer to copy that between two commits
//! ([`LogRestart`]).

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::Integer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::conn::Conn;
use crate::store::opening::OpenError;

/// How often the thread looks at the log while there are writes.
const TICK: Duration = Duration::from_millis(20);
/// The pages that are copied together under load, of 4 KiB.
const MANY: i32 = 4_000;
/// The pages that may wait, of 4 KiB: as many as in SQLite, so that a few writes cost no more flushes than there.
const FEW: i32 = 1_000;
/// The pages at which the log is started again, of 4 KiB, once no more than [`FEW`] of them are to be copied.
const LONG: i32 = 16_000;
/// The time without writes after which more than [`FEW`] pages are copied. Reads need not look into an empty log.
const QUIET: Duration = Duration::from_secs(1);
/// The pause after a failure, for example of a full disk.
const REST: Duration = Duration::from_secs(5);

/// The writer's end: tells the thread about commits, and hears of the request to start the log again.
pub(super) struct LogRestart {
    commits: SyncSender<()>,
    is_due: Arc<AtomicBool>,
}

impl LogRestart {
    /// Notes a commit. Returns whether the writer shall start the log again now.
    pub fn is_due_after_commit(&self) -> bool {
        // Full: the thread has not yet seen an earlier commit.
        let _ = self.commits.try_send(());
        self.is_due.load(Ordering::Relaxed) && self.is_due.swap(false, Ordering::Relaxed)
    }
}

/// The size of the log, as SQLite reports it.
#[derive(QueryableByName)]
struct LogSize {
    /// The pages in the log; -1 if it is unknown.
    #[diesel(sql_type = Integer)]
    log: i32,
    /// Those of them that are copied.
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

impl LogSize {
    const fn left(&self) -> i32 {
        self.log - self.checkpointed
    }
}

/// Starts the thread on a connection of its own. It ends when the writer's end is dropped.
///
/// # Errors
/// [`OpenError::Unreachable`] if there can be no thread.
pub(super) fn start(conn: Conn) -> Result<LogRestart, OpenError> {
    let (commits, committed) = sync_channel(1);
    let is_due = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_due);
    thread::Builder::new()
        .name("checkpointer".to_owned())
        .spawn(move || run(conn, &committed, &asked))
        .map_err(|error| OpenError::Unreachable(format!("cannot start the checkpointer's thread: {error}")))?;
    Ok(LogRestart { commits, is_due })
}

fn run(mut conn: Conn, commits: &Receiver<()>, is_due: &AtomicBool) {
    while commits.recv().is_ok() {
        let mut last = Instant::now();
        loop {
            thread::sleep(TICK);
            match commits.try_recv() {
                Ok(()) => last = Instant::now(),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return,
            }
            let is_quiet = last.elapsed() >= QUIET;
            match copy(&mut conn, is_quiet, is_due) {
                Ok(size) if is_quiet && size.left() <= FEW => break,
                Ok(_) if is_quiet => thread::sleep(QUIET),
                Ok(_) => {}
                Err(error) => {
                    log::warn!("cannot copy the write-ahead log into the database: {error}");
                    thread::sleep(REST);
                }
            }
        }
    }
}

/// Copies pages if there are many of them, or more than a few and no write comes. Returns the size of the log.
fn copy(conn: &mut Conn, is_quiet: bool, is_due: &AtomicBool) -> diesel::QueryResult<LogSize> {
    let mut size: LogSize = sql_query("PRAGMA wal_checkpoint(NOOP)").get_result(conn)?;
    if size.left() >= MANY || (is_quiet && size.left() > FEW) {
        size = sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(conn)?;
    }
    if size.log >= LONG && size.left() <= FEW {
        is_due.store(true, Ordering::Relaxed);
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::conn::connect;
    use diesel::connection::SimpleConnection;
    use std::path::Path;

    /// A connection that writes and does not copy the log, and the thread that does.
    fn writer(file: &Path) -> (Conn, LogRestart) {
        let mut conn = connect(file, true).unwrap();
        conn.batch_execute("PRAGMA wal_autocheckpoint = 0; CREATE TABLE filler (bytes BLOB)").unwrap();
        let restart = start(connect(file, false).unwrap()).unwrap();
        (conn, restart)
    }

    fn write(conn: &mut Conn, pages: i32) {
        let rows = format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {pages})");
        conn.batch_execute(&format!("{rows} INSERT INTO filler SELECT zeroblob(4000) FROM n")).unwrap();
    }

    fn left(conn: &mut Conn) -> i32 {
        sql_query("PRAGMA wal_checkpoint(NOOP)").get_result::<LogSize>(conn).unwrap().left()
    }

    fn until(mut is_so: impl FnMut() -> bool) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if is_so() {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }

    #[test]
    fn pages_are_copied_after_the_last_write_unless_they_are_few() {
        let folder = tempfile::tempdir().unwrap();
        let (mut conn, restart) = writer(&folder.path().join("test.db"));
        write(&mut conn, FEW / 2);
        assert!(!restart.is_due_after_commit());
        thread::sleep(QUIET + Duration::from_millis(300));
        assert!(left(&mut conn) >= FEW / 2);
        write(&mut conn, FEW);
        assert!(!restart.is_due_after_commit());
        assert!(until(|| left(&mut conn) == 0));
    }

    #[test]
    fn a_long_log_that_is_copied_is_started_again_and_does_not_grow() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        let (mut conn, restart) = writer(&file);
        for _ in 0..4 {
            write(&mut conn, LONG / 4 + 10);
            let _ = restart.is_due_after_commit();
        }
        assert!(until(|| restart.is_due_after_commit()), "{}", left(&mut conn));
        conn.batch_execute("PRAGMA wal_checkpoint(RESTART)").unwrap();
        let size = || std::fs::metadata(file.with_extension("db-wal")).unwrap().len();
        let before = size();
        write(&mut conn, FEW);
        assert_eq!(size(), before);
    }
}
