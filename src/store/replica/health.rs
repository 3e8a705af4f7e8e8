//! Whether the replica is used: taken when it is seen to be well, given up when it fails, left alone for a while, and
//! taken again.

use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long a replica is left alone that has failed for the first time.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The same for one that keeps failing.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A replica that worked for so long has mended: its next failure is a first one.
const STEADY: Duration = Duration::from_mins(1);

/// What is known of a replica.
#[derive(Debug)]
pub(in crate::store) struct Health {
    state: Mutex<State>,
    /// A replica that has not been seen to be well for so long hangs.
    silence: Duration,
    /// Tells those who wait for its answers that it is given up.
    pub given_up: Notify,
    /// Has somebody look at it now.
    look: SyncSender<()>,
}

#[derive(Debug)]
struct State {
    is_used: bool,
    /// When it was taken or given up; `None` if neither has happened yet.
    since: Option<Instant>,
    /// When it was last seen to be well.
    seen: Instant,
    /// How long it is left alone, if it ever failed.
    pause: Option<Duration>,
    generation: u64,
}

impl Health {
    /// That of a replica which nobody has looked at yet; `look` has somebody do so.
    pub fn new(look: SyncSender<()>, silence: Duration) -> Self {
        Self { state: Mutex::new(State::unknown(Instant::now())), silence, given_up: Notify::new(), look }
    }

    /// Whether reads go there.
    pub fn is_used(&self) -> bool {
        let state = self.state();
        if state.is_used && state.seen.elapsed() > self.silence {
            drop(state);
            self.mark_down(&format!("it has not said anything for {:?}", self.silence));
            return false;
        }
        state.is_used
    }

    /// The number of times that connections to it were found to be dead; older ones are not worth a try.
    pub fn generation(&self) -> u64 {
        self.state().generation
    }

    /// A connection to it was dead: others may be, and perhaps it is the replica itself.
    pub fn request_probe(&self) {
        self.state().generation += 1;
        // If one is asked for already, that is enough.
        let _ = self.look.try_send(());
    }

    /// It failed: nobody asks it for a while. Says so in the log, once until it is taken again.
    pub fn mark_down(&self, cause: &str) {
        let is_news = self.state().mark_down(Instant::now());
        if is_news {
            log::warn!("the replica is given up and the primary answers its reads: {cause}");
            self.given_up.notify_waiters();
        }
    }

    /// It was seen to be well: it is used, unless it is still to be left alone.
    pub fn mark_up(&self) {
        let is_news = self.state().mark_up(Instant::now());
        if is_news {
            log::info!("the replica answers reads");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn unknown(now: Instant) -> Self {
        Self { is_used: false, since: None, seen: now, pause: None, generation: 0 }
    }

    fn mark_down(&mut self, now: Instant) -> bool {
        if !self.is_used && self.since.is_some() {
            return false;
        }
        let was_steady = self.since.is_some_and(|since| now.duration_since(since) >= STEADY);
        let longer = self.pause.filter(|_| !was_steady).map(|pause| (pause * 2).min(LONGEST_PAUSE));
        self.pause = Some(longer.unwrap_or(SHORTEST_PAUSE));
        self.is_used = false;
        self.since = Some(now);
        self.generation += 1;
        true
    }

    fn mark_up(&mut self, now: Instant) -> bool {
        self.seen = now;
        let is_alone = self.since.zip(self.pause).is_some_and(|(since, pause)| now.duration_since(since) < pause);
        if self.is_used || is_alone {
            return false;
        }
        self.is_used = true;
        self.since = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_replica_is_taken_when_it_is_seen_to_be_well_and_told_of_once() {
        let now = Instant::now();
        let mut state = State::unknown(now);
        assert!(state.mark_up(now) && state.is_used);
        assert!(!state.mark_up(after(now, 1)));
        assert!(state.mark_down(after(now, 100)) && !state.is_used);
        assert!(!state.mark_down(after(now, 100)) && !state.mark_down(after(now, 101)));
        let mut missing = State::unknown(now);
        assert!(
            missing.mark_down(now) && !missing.mark_down(after(now, 1)),
            "one that was never there is told of once as well"
        );
    }

    #[test]
    fn a_replica_that_keeps_failing_is_left_alone_longer_and_longer() {
        let mut now = Instant::now();
        let mut state = State::unknown(now);
        assert!(state.mark_up(now));
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            now = after(now, 1);
            assert!(state.mark_down(now));
            assert!(!state.mark_up(after(now, pause - 1)), "{pause}");
            now = after(now, pause);
            assert!(state.mark_up(now), "{pause}");
        }
        now = after(now, 60);
        assert!(state.mark_down(now) && state.mark_up(after(now, 1)), "one that worked for a while has mended");
    }
}
