//! Progress of a long command on stderr: a bar on a terminal, otherwise a line every few seconds.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use crate::model::text::noun_for;

/// The interval of lines without a terminal.
const INTERVAL: Duration = Duration::from_secs(5);

/// The progress of one command, shared by its threads.
pub struct Progress {
    what: &'static str,
    /// The total, if known, in the unit of [`Progress::advance`].
    total: Option<u64>,
    bar: Option<ProgressBar>,
    lines: AtomicU64,
    started: Instant,
    last_message: Mutex<Instant>,
}

impl Progress {
    /// Starts the progress. `what` is the name of the command.
    #[must_use]
    pub fn begin(what: &'static str, total: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            // No colours, whatever `NO_COLOR` says.
            let template = match total {
                Some(_) => "{prefix} {bar:30} {percent}%  {msg}  {eta} left",
                None => "{prefix} {spinner}  {msg}",
            };
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            bar.set_style(style.progress_chars("=> "));
            bar.set_prefix(what);
            bar
        });
        let now = Instant::now();
        Self { what, total, bar, lines: AtomicU64::new(0), started: now, last_message: Mutex::new(now) }
    }

    /// Adds completed lines and sets the position.
    pub fn advance(&self, position: u64, lines: u64) {
        let lines = self.lines.fetch_add(lines, Ordering::Relaxed) + lines;
        let rate = rate(lines, self.started.elapsed());
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}, {}/s", count(lines, "line"), group_digits(rate)));
            bar.set_position(position);
            return;
        }
        let mut last = self.last_message.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= INTERVAL {
            *last = Instant::now();
            let left =
                self.total.map(|total| format_remaining(self.started.elapsed(), position, total)).unwrap_or_default();
            output::tell(&format!("{}: {}, {}/s{left}", self.what, count(lines, "line"), count(rate, "line")));
        }
    }

    /// Prints a message for people, above the bar.
    pub fn tell(&self, message: &str) {
        self.suspend(|| output::tell(message));
    }

    /// Prints something without the bar.
    pub fn suspend(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Removes the bar and returns a summary of lines and rate.
    #[must_use]
    pub fn end(&self) -> String {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let (lines, time) = (self.lines.load(Ordering::Relaxed), self.started.elapsed());
        let rate = count(rate(lines, time), "line");
        format!("{} in {:.1} s, {rate}/s", count(lines, "line"), time.as_secs_f64())
    }
}

fn rate(lines: u64, time: Duration) -> u64 {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    lines.saturating_mul(1_000) / millis
}

fn format_remaining(time: Duration, position: u64, total: u64) -> String {
    let percent = position.saturating_mul(100) / total.max(1);
    let seconds = u128::from(total.saturating_sub(position)) * time.as_millis() / u128::from(position.max(1)) / 1_000;
    format!(", {percent} %, {seconds} s left")
}

/// A number of things: `1 user`, `1,234 users`.
#[must_use]
pub fn count(number: u64, singular: &str) -> String {
    format!("{} {}", group_digits(number), noun_for(number, singular))
}

/// A number with thousands separators: `1,234,567`.
#[must_use]
pub fn group_digits(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_formatted_for_people() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(group_digits(number), text);
        }
        assert_eq!(rate(500, Duration::from_millis(250)), 2_000);
        assert_eq!(format_remaining(Duration::from_secs(10), 25, 100), ", 25 %, 30 s left");
    }
}
