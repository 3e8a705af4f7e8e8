//! Keeps SQLite's write-ahead log short.
//!
//! # Design
//! SQLite reuses its log from the start once no connection reads from it. Overlapping long reads prevent that, and the
//! log grows with every write. So the writer checks its size after each commit. Above the limit it tries to empty the
//! log, and delays new long reads until that succeeds: running ones end at their deadline, and short reads leave gaps.
//! Writes continue meanwhile.

use diesel::connection::SimpleConnection;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::watch;

use super::checkpointer::LogRestart;
use super::conn::{BUSY_MILLIS, Conn};
use crate::model::error::{Error, Result};

/// How long an attempt may delay the writer while it waits for readers.
const PATIENCE_MILLIS: u32 = 50;
/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(250);
/// The time without attempts after delaying long reads did not help, because another process reads.
const REST: Duration = Duration::from_mins(1);

/// The write-ahead log and the state of the attempts to empty it.
pub(super) struct Wal {
    file: PathBuf,
    limit: u64,
    /// How long reads are delayed at most; `None`: never.
    longest_hold: Option<Duration>,
    gate: watch::Sender<bool>,
    restart: LogRestart,
    held_since: Option<Instant>,
    next_attempt: Option<Instant>,
}

/// Where long reads wait while the writer tries to empty the log.
#[derive(Clone)]
pub(super) struct ReadGate(watch::Receiver<bool>);

impl ReadGate {
    /// Waits until long reads may begin.
    pub async fn pass(&self) {
        let mut is_open = self.0.clone();
        // An error means that the writer is gone; then nothing delays reads.
        drop(is_open.wait_for(|is_open| *is_open).await);
    }
}

impl Wal {
    /// The log of a database. `longest_read`: the time after which every long read of this process has ended; `None`:
    /// reads are never delayed.
    pub fn new(database: &Path, limit: u64, longest_read: Option<Duration>, restart: LogRestart) -> (Self, ReadGate) {
        let mut file = database.as_os_str().to_owned();
        file.push("-wal");
        let (gate, is_open) = watch::channel(true);
        let longest_hold = longest_read.map(|longest| longest + Duration::from_secs(1));
        let wal = Self { file: file.into(), limit, longest_hold, gate, restart, held_since: None, next_attempt: None };
        (wal, ReadGate(is_open))
    }

    /// The time until the writer must check the log again although no write arrives.
    pub fn next_check(&self) -> Option<Duration> {
        self.held_since.map(|_| PAUSE)
    }

    /// Starts the log again, or empties it if it is too long.
    pub fn keep_short(&mut self, conn: &mut Conn) {
        if self.restart.is_due_after_commit()
            && let Err(error) = checkpoint(conn, "RESTART")
        {
            log::warn!("cannot start the write-ahead log again: {error:?}");
        }
        if !self.is_long() {
            if self.held_since.is_some() {
                self.release();
            }
            return;
        }
        let now = Instant::now();
        if self.next_attempt.is_some_and(|next| now < next) {
            return;
        }
        self.next_attempt = now.checked_add(PAUSE);
        if let Err(error) = checkpoint(conn, "TRUNCATE") {
            log::warn!("cannot empty the write-ahead log: {error:?}");
        }
        if !self.is_long() {
            return self.release();
        }
        let Some(longest) = self.longest_hold else { return };
        let since = *self.held_since.get_or_insert(now);
        if now.duration_since(since) > longest {
            log::warn!(
                "cannot empty the write-ahead log, which is longer than {} bytes: another process reads",
                self.limit
            );
            self.release();
            self.next_attempt = now.checked_add(REST);
        } else {
            self.gate.send_replace(false);
        }
    }

    fn is_long(&self) -> bool {
        std::fs::metadata(&self.file).is_ok_and(|file| file.len() > self.limit)
    }

    fn release(&mut self) {
        self.held_since = None;
        self.next_attempt = None;
        self.gate.send_replace(true);
    }
}

/// Runs a checkpoint that waits for readers, for a short time. The size of the log shows whether it succeeded.
fn checkpoint(conn: &mut Conn, mode: &str) -> Result<()> {
    let done = conn.batch_execute(&format!(
        "PRAGMA busy_timeout = {PATIENCE_MILLIS}; PRAGMA wal_checkpoint({mode}); PRAGMA busy_timeout = {BUSY_MILLIS}"
    ));
    if done.is_err() {
        drop(conn.batch_execute(&format!("PRAGMA busy_timeout = {BUSY_MILLIS}")));
    }
    done.map_err(|error| Error::Unavailable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations;
    use crate::store::sqlite::checkpointer;
    use crate::store::sqlite::conn::connect;
    use crate::store::url::DatabaseUrl;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread::JoinHandle;

    const SMALL: u64 = 256 << 10;

    /// Starts a read that holds its snapshot until the sender is dropped.
    fn read(file: &Path) -> (Sender<()>, JoinHandle<()>) {
        let ((end, ends), (begun, begins)) = (channel(), channel());
        let file = file.to_owned();
        let thread = std::thread::spawn(move || {
            let ends: Receiver<()> = ends;
            let mut conn = connect(&file, false).unwrap();
            conn.batch_execute("BEGIN; SELECT count(*) FROM users").unwrap();
            begun.send(()).unwrap();
            let _ = ends.recv();
            conn.batch_execute("COMMIT").unwrap();
        });
        begins.recv().unwrap();
        (end, thread)
    }

    #[test]
    fn overlapping_reads_are_delayed_until_the_log_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        migrations::run(&DatabaseUrl::Sqlite(file.clone()), true).unwrap();
        let mut conn = connect(&file, false).unwrap();
        conn.batch_execute("CREATE TABLE filler (bytes BLOB)").unwrap();
        let (mut wal, gate) = Wal::new(
            &file,
            SMALL,
            Some(Duration::from_mins(1)),
            checkpointer::start(connect(&file, false).unwrap()).unwrap(),
        );
        let size = || std::fs::metadata(folder.path().join("test.db-wal")).unwrap().len();
        let mut read_now = read(&file);
        let (mut longest, mut held) = (0, 0);
        for _ in 0..60 {
            conn.batch_execute("INSERT INTO filler VALUES (randomblob(40000))").unwrap();
            wal.keep_short(&mut conn);
            longest = longest.max(size());
            // Each long read begins before the previous one ends, if it may begin.
            if *gate.0.borrow() {
                let next = read(&file);
                drop(std::mem::replace(&mut read_now, next));
            } else {
                held += 1;
                assert_eq!(wal.next_check(), Some(PAUSE));
                let (end, thread) = read_now;
                drop(end);
                thread.join().unwrap();
                std::thread::sleep(PAUSE);
                wal.keep_short(&mut conn);
                assert!(*gate.0.borrow(), "no read runs");
                assert!(size() <= SMALL, "{}", size());
                read_now = read(&file);
            }
        }
        assert!(held > 0 && longest < 3 * SMALL, "{held} {longest}");
    }

    #[test]
    fn a_reader_that_never_ends_delays_other_reads_for_a_limited_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        migrations::run(&DatabaseUrl::Sqlite(file.clone()), true).unwrap();
        let mut conn = connect(&file, false).unwrap();
        let (mut wal, gate) =
            Wal::new(&file, 1, Some(Duration::ZERO), checkpointer::start(connect(&file, false).unwrap()).unwrap());
        let (end, thread) = read(&file);
        conn.batch_execute("CREATE TABLE filler (bytes BLOB)").unwrap();
        let since = Instant::now();
        wal.keep_short(&mut conn);
        assert!(since.elapsed() < Duration::from_millis(500), "{:?}", since.elapsed());
        assert!(!*gate.0.borrow());
        std::thread::sleep(Duration::from_millis(1_100));
        wal.keep_short(&mut conn);
        assert!(*gate.0.borrow() && wal.next_check().is_none());
        drop(end);
        thread.join().unwrap();
    }
}
