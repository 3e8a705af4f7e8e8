//! Keeps SQLite's write-ahead log short.
//!
//! # Design
//! SQLite starts its log anew when a moment comes at which nobody reads from it. Long reads that overlap leave no such
//! moment, and the log grows with every write. So the writer looks at its size after each commit. Above the limit it
//! tries to empty the log, and holds back new long reads until that works: those that run end at their deadline, and
//! short reads leave gaps. Writes go on meanwhile.

use diesel::connection::SimpleConnection;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::watch;

use super::{BUSY_MILLIS, Conn};
use crate::model::error::{Error, Result};

/// The size of the log, in bytes, that SQLite keeps (`journal_size_limit`) and above which it is emptied.
pub(in crate::store) const LIMIT: u64 = 64 << 20;
/// How long an attempt may hold up the writer while it waits for readers.
const PATIENCE_MILLIS: u32 = 50;
/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(250);
/// The time without attempts after long reads were held back in vain: another process reads.
const REST: Duration = Duration::from_mins(1);

/// The log, as the writer sees it.
pub(in crate::store) struct Wal {
    file: PathBuf,
    limit: u64,
    /// How long reads are held back at most; `None`: they never are.
    longest_hold: Option<Duration>,
    gate: watch::Sender<bool>,
    held_since: Option<Instant>,
    next_attempt: Option<Instant>,
}

/// Where long reads wait while the log is being emptied.
#[derive(Clone)]
pub(in crate::store) struct Gate(watch::Receiver<bool>);

impl Gate {
    /// Waits until long reads may begin.
    pub async fn pass(&self) {
        let mut is_open = self.0.clone();
        // An error means that the writer is gone: then nobody holds reads back.
        drop(is_open.wait_for(|is_open| *is_open).await);
    }
}

impl Wal {
    /// The log of a database. `longest_read`: the time after which every long read of this process has ended; without
    /// it none is held back.
    pub fn new(database: &Path, limit: u64, longest_read: Option<Duration>) -> (Self, Gate) {
        let mut file = database.as_os_str().to_owned();
        file.push("-wal");
        let (gate, is_open) = watch::channel(true);
        let longest_hold = longest_read.map(|longest| longest + Duration::from_secs(1));
        let wal = Self { file: file.into(), limit, longest_hold, gate, held_since: None, next_attempt: None };
        (wal, Gate(is_open))
    }

    /// The time until the writer is to look again although nobody writes.
    pub fn next_look(&self) -> Option<Duration> {
        self.held_since.map(|_| PAUSE)
    }

    /// Empties the log if it is too long.
    pub fn keep_short(&mut self, conn: &mut Conn) {
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
        if let Err(error) = empty(conn) {
            log::warn!("the write-ahead log cannot be emptied: {error:?}");
        }
        if !self.is_long() {
            return self.release();
        }
        let Some(longest) = self.longest_hold else { return };
        let since = *self.held_since.get_or_insert(now);
        if now.duration_since(since) > longest {
            log::warn!(
                "the write-ahead log is longer than {} bytes and cannot be emptied: another process reads",
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

/// Waits for readers only for a moment; whether the log was emptied is seen by its size.
fn empty(conn: &mut Conn) -> Result<()> {
    let emptied = conn.batch_execute(&format!(
        "PRAGMA busy_timeout = {PATIENCE_MILLIS}; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = {BUSY_MILLIS}"
    ));
    if emptied.is_err() {
        drop(conn.batch_execute(&format!("PRAGMA busy_timeout = {BUSY_MILLIS}")));
    }
    emptied.map_err(|error| Error::Unavailable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations;
    use crate::store::sqlite::connect;
    use crate::store::url::DatabaseUrl;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread::JoinHandle;

    const SMALL: u64 = 256 << 10;

    /// A read that sees one state of the file until it is told to end.
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
    fn reads_that_overlap_are_held_back_until_the_log_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        migrations::run(&DatabaseUrl::Sqlite(file.clone()), true).unwrap();
        let mut conn = connect(&file, false).unwrap();
        conn.batch_execute("CREATE TABLE filler (bytes BLOB)").unwrap();
        let (mut wal, gate) = Wal::new(&file, SMALL, Some(Duration::from_mins(1)));
        let size = || std::fs::metadata(folder.path().join("test.db-wal")).unwrap().len();
        let mut read_now = read(&file);
        let (mut longest, mut held) = (0, 0);
        for _ in 0..60 {
            conn.batch_execute("INSERT INTO filler VALUES (randomblob(40000))").unwrap();
            wal.keep_short(&mut conn);
            longest = longest.max(size());
            // Each long read begins before the one before it ends, if it may begin.
            if *gate.0.borrow() {
                let next = read(&file);
                drop(std::mem::replace(&mut read_now, next));
            } else {
                held += 1;
                assert_eq!(wal.next_look(), Some(PAUSE));
                let (end, thread) = read_now;
                drop(end);
                thread.join().unwrap();
                std::thread::sleep(PAUSE);
                wal.keep_short(&mut conn);
                assert!(*gate.0.borrow(), "nobody reads any more");
                assert!(size() <= SMALL, "{}", size());
                read_now = read(&file);
            }
        }
        assert!(held > 0 && longest < 3 * SMALL, "{held} {longest}");
    }

    #[test]
    fn a_reader_that_never_ends_holds_others_back_for_a_time_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        migrations::run(&DatabaseUrl::Sqlite(file.clone()), true).unwrap();
        let mut conn = connect(&file, false).unwrap();
        let (mut wal, gate) = Wal::new(&file, 1, Some(Duration::ZERO));
        let (end, thread) = read(&file);
        conn.batch_execute("CREATE TABLE filler (bytes BLOB)").unwrap();
        let since = Instant::now();
        wal.keep_short(&mut conn);
        assert!(since.elapsed() < Duration::from_millis(500), "{:?}", since.elapsed());
        assert!(!*gate.0.borrow());
        std::thread::sleep(Duration::from_millis(1_100));
        wal.keep_short(&mut conn);
        assert!(*gate.0.borrow() && wal.next_look().is_none());
        drop(end);
        thread.join().unwrap();
    }
}
