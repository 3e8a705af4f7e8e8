//! Lines of the log on their way out, so that whoever reads them and stalls holds no request up.
//!
//! # Design
//! Whoever logs puts its line behind those that wait, and goes on. One thread writes all that waits at once. When as much
//! waits as may, lines are left out, and a line says how many, as soon as there is room: a service that answers is worth
//! more than its log. Nothing waits when the process ends in good order, unless the reader stalls then, too.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// As many bytes wait at most; some 3,000 requests.
const MOST: usize = 1 << 20;
/// The longest line, in bytes; the rest is cut. Only a line of text can be longer: values of JSON lines are cut before.
const LONGEST_LINE: usize = 256 * 1024;
/// What ends a line that was cut.
const CUT: &str = "… (cut)\n";
/// A reader that stalls holds the end of the process up for so long.
const PATIENCE: Duration = Duration::from_secs(1);
/// The thread rests for so long after it has written: under load it wakes a thousand times a second, not for each line.
const PAUSE: Duration = Duration::from_millis(1);

/// Where lines are put; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue(Arc<Shared>);

/// What is left to say at the end: dropped, it waits until all lines are out, for a moment.
#[derive(Debug)]
#[must_use]
pub struct FlushGuard(Option<Queue>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    text: Vec<u8>,
    left_out: u64,
    is_writing: bool,
}

impl Queue {
    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    /// When there is no thread to have.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Self::default();
        let theirs = queue.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || theirs.run(out))?;
        Ok(queue)
    }

    fn run(&self, mut out: impl Write) {
        let mut text = Vec::new();
        loop {
            let left_out = self.take(&mut text);
            // There is nowhere to say that nothing can be said.
            drop(out.write_all(&text));
            text.clear();
            if left_out > 0 {
                log::warn!(left_out; "{left_out} lines of the log were left out here: its reader did not keep up");
            }
            thread::sleep(PAUSE);
        }
    }

    /// Waits for lines and takes all of them; how many should have followed.
    fn take(&self, text: &mut Vec<u8>) -> u64 {
        let mut waiting = self.lock();
        waiting.is_writing = false;
        self.0.changed.notify_all();
        let is_nothing = |waiting: &mut Waiting| waiting.text.is_empty();
        let mut waiting = self.0.changed.wait_while(waiting, is_nothing).unwrap_or_else(PoisonError::into_inner);
        waiting.is_writing = true;
        mem::swap(&mut waiting.text, text);
        mem::take(&mut waiting.left_out)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let (head, end) = truncate(line);
        let mut waiting = self.lock();
        if waiting.text.len() + head.len() + end.len() > MOST {
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

/// The start of a line up to [`LONGEST_LINE`], and what marks the cut, if it was cut. No UTF-8 character is split.
fn truncate(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(head) = line.get(..LONGEST_LINE).filter(|head| head.len() < line.len()) else { return (line, &[]) };
    let is_start_of_character = |byte: &u8| byte & 0b1100_0000 != 0b1000_0000;
    let end = line.get(..=LONGEST_LINE).and_then(|start| start.iter().rposition(is_start_of_character));
    (head.get(..end.unwrap_or(LONGEST_LINE)).unwrap_or(head), CUT.as_bytes())
}

impl FlushGuard {
    /// Those of a queue, if there is one.
    pub(super) fn of(queue: Option<Queue>) -> Self {
        Self(queue)
    }
}

impl Drop for FlushGuard {
    fn drop(&mut self) {
        let Some(queue) = &self.0 else { return };
        let is_busy = |waiting: &mut Waiting| waiting.is_writing || !waiting.text.is_empty();
        drop(queue.0.changed.wait_timeout_while(queue.lock(), PATIENCE, is_busy));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Takes a piece only when it is let.
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
    fn lines_wait_in_order_up_to_a_limit_and_the_end_waits_for_them() {
        let ((open, opened), (tell, told)) = (channel(), channel());
        let mut queue = Queue::start(Gate(opened, tell)).unwrap();
        let line = |number: usize| format!("{number:0>1023}\n").into_bytes();
        queue.write_all(&line(0)).unwrap();
        while !queue.lock().is_writing {
            thread::yield_now();
        }
        for number in 1..=1_500 {
            queue.write_all(&line(number)).unwrap();
        }
        let waiting = queue.lock();
        assert_eq!((waiting.text.len(), waiting.left_out), (MOST, 1_500 - 1_024));
        drop(waiting);
        let last_words = FlushGuard::of(Some(queue.clone()));
        open.send(()).unwrap();
        open.send(()).unwrap();
        drop(last_words);
        let written: Vec<_> = told.try_iter().collect();
        assert_eq!(written, [line(0), (1..=1_024).flat_map(line).collect()]);
        assert!(queue.lock().text.is_empty());
    }

    #[test]
    fn a_line_over_the_limit_is_cut_and_not_dropped() {
        for letter in ["x", "ä", "…", "𝄞"] {
            let line = format!("{}\n", letter.repeat(LONGEST_LINE));
            let (head, end) = truncate(line.as_bytes());
            let head = std::str::from_utf8(head).unwrap();
            assert!((LONGEST_LINE - 3..=LONGEST_LINE).contains(&head.len()) && line.starts_with(head), "{letter}");
            assert_eq!(end, CUT.as_bytes());
        }
        assert_eq!(truncate(b"short\n"), (&b"short\n"[..], &[][..]));
    }

    #[test]
    fn a_reader_that_stalls_holds_the_end_up_for_a_moment_only() {
        let ((_closed, opened), (tell, _told)) = (channel(), channel());
        let mut queue = Queue::start(Gate(opened, tell)).unwrap();
        queue.write_all(b"x\n").unwrap();
        drop(FlushGuard::of(Some(queue)));
    }
}
