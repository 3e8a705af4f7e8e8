//! A bounded queue in front of stderr, so that a slow log reader never blocks a request.
//!
//! # Design
//! Logging appends a line to the queue. One thread writes all queued lines together. If the queue is full, lines are
//! dropped, and a line reports their number when there is room: serving requests is more important than the log. At
//! exit the queue is flushed, for a limited time.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The capacity of the queue, in bytes; about 3,000 requests.
const MAX_QUEUED_BYTES: usize = 1 << 20;
/// The longest line, in bytes; the rest is cut. Only text lines can be longer, because values of JSON lines are cut
/// before.
const MAX_LINE_BYTES: usize = 256 * 1024;
/// The end of a cut line.
const CUT_MARK: &str = "… (cut)\n";
/// How long a slow reader can delay the exit of the process.
const MAX_FLUSH: Duration = Duration::from_secs(1);
/// The pause of the thread after each write: under load it wakes a thousand times per second, not for each line.
const WRITE_INTERVAL: Duration = Duration::from_millis(1);

/// The queue; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct LogQueue(Arc<QueueState>);

/// Flushes the queue when it is dropped, for at most `MAX_FLUSH`.
#[derive(Debug)]
#[must_use]
pub struct FlushGuard(Option<LogQueue>);

#[derive(Debug, Default)]
struct QueueState {
    waiting: Mutex<PendingLines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct PendingLines {
    text: Vec<u8>,
    left_out: u64,
    is_writing: bool,
}

impl LogQueue {
    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Self::default();
        let writer = queue.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(out))?;
        Ok(queue)
    }

    fn run(&self, mut out: impl Write) {
        let mut text = Vec::new();
        loop {
            let left_out = self.take(&mut text);
            // An error of stderr cannot be reported.
            drop(out.write_all(&text));
            text.clear();
            if left_out > 0 {
                log::warn!(left_out; "{left_out} log lines were dropped here, because the reader of the log is too slow");
            }
            thread::sleep(WRITE_INTERVAL);
        }
    }

    /// Waits for lines, moves them to `text` and returns how many were dropped after them.
    fn take(&self, text: &mut Vec<u8>) -> u64 {
        let mut waiting = self.lock();
        waiting.is_writing = false;
        self.0.changed.notify_all();
        let is_nothing = |waiting: &mut PendingLines| waiting.text.is_empty();
        let mut waiting = self.0.changed.wait_while(waiting, is_nothing).unwrap_or_else(PoisonError::into_inner);
        waiting.is_writing = true;
        mem::swap(&mut waiting.text, text);
        mem::take(&mut waiting.left_out)
    }

    fn lock(&self) -> MutexGuard<'_, PendingLines> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let (head, end) = truncate(line);
        let mut waiting = self.lock();
        if waiting.text.len() + head.len() + end.len() > MAX_QUEUED_BYTES {
            waiting.left_out += 1;
            return Ok(line.len());
        }
        let is_first = waiting.text.is_empty();
        waiting.text.extend_from_slice(head);
        waiting.text.extend_from_slice(end);
        if is_first && !waiting.is_writing {
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The start of a line up to [`MAX_LINE_BYTES`], and the mark if it was cut. No UTF-8 character is split.
fn truncate(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(head) = line.get(..MAX_LINE_BYTES).filter(|head| head.len() < line.len()) else { return (line, &[]) };
    let is_start_of_character = |byte: &u8| byte & 0b1100_0000 != 0b1000_0000;
    let end = line.get(..=MAX_LINE_BYTES).and_then(|start| start.iter().rposition(is_start_of_character));
    (head.get(..end.unwrap_or(MAX_LINE_BYTES)).unwrap_or(head), CUT_MARK.as_bytes())
}

impl FlushGuard {
    /// A guard for `queue`; without a queue it does nothing.
    pub(super) fn of(queue: Option<LogQueue>) -> Self {
        Self(queue)
    }
}

impl Drop for FlushGuard {
    fn drop(&mut self) {
        let Some(queue) = &self.0 else { return };
        let is_busy = |waiting: &mut PendingLines| waiting.is_writing || !waiting.text.is_empty();
        drop(queue.0.changed.wait_timeout_while(queue.lock(), MAX_FLUSH, is_busy));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Accepts a write only when the test permits it.
    struct Gate(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Gate {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(piece.to_vec());
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_queued_in_order_up_to_a_limit_and_flushed_at_the_end() {
        let ((open, opened), (sender, written)) = (channel(), channel());
        let mut queue = LogQueue::start(Gate(opened, sender)).unwrap();
        let line = |number: usize| format!("{number:0>1023}\n").into_bytes();
        queue.write_all(&line(0)).unwrap();
        while !queue.lock().is_writing {
            thread::yield_now();
        }
        for number in 1..=1_500 {
            queue.write_all(&line(number)).unwrap();
        }
        let waiting = queue.lock();
        assert_eq!((waiting.text.len(), waiting.left_out), (MAX_QUEUED_BYTES, 1_500 - 1_024));
        drop(waiting);
        let guard = FlushGuard::of(Some(queue.clone()));
        open.send(()).unwrap();
        open.send(()).unwrap();
        drop(guard);
        let written: Vec<_> = written.try_iter().collect();
        assert_eq!(written, [line(0), (1..=1_024).flat_map(line).collect()]);
        assert!(queue.lock().text.is_empty());
    }

    #[test]
    fn a_line_over_the_limit_is_cut_and_not_dropped() {
        for letter in ["x", "ä", "…", "𝄞"] {
            let line = format!("{}\n", letter.repeat(MAX_LINE_BYTES));
            let (head, end) = truncate(line.as_bytes());
            let head = std::str::from_utf8(head).unwrap();
            assert!((MAX_LINE_BYTES - 3..=MAX_LINE_BYTES).contains(&head.len()) && line.starts_with(head), "{letter}");
            assert_eq!(end, CUT_MARK.as_bytes());
        }
        assert_eq!(truncate(b"short\n"), (&b"short\n"[..], &[][..]));
    }

    #[test]
    fn a_stalled_reader_delays_the_exit_only_for_a_moment() {
        let ((_closed, opened), (sender, _written)) = (channel(), channel());
        let mut queue = LogQueue::start(Gate(opened, sender)).unwrap();
        queue.write_all(b"x\n").unwrap();
        drop(FlushGuard::of(Some(queue)));
    }
}
