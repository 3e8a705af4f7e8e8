//! The health of the replica: used once a probe finds it healthy, down when it fails, not used for a pause, then used
//! again.

use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long a replica is not used after its first failure.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The same, at most, after repeated failures.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// After a replica has worked for this long, its next failure counts as a first one.
const STEADY: Duration = Duration::from_mins(1);

/// The health of a replica.
#[derive(Debug)]
pub(in crate::store) struct Health {
    state: Mutex<HealthState>,
    /// A replica that no probe has found healthy for this long hangs.
    max_silence: Duration,
    /// Notifies the jobs that wait for the replica when it goes down.
    pub went_down: Notify,
    /// Requests a probe now.
    probe: SyncSender<()>,
}

#[derive(Debug)]
struct HealthState {
    is_used: bool,
    /// When it went up or down; `None` before the first probe.
    since: Option<Instant>,
    /// When a probe last found it healthy.
    seen: Instant,
    /// How long it is not used after its last failure, if it ever failed.
    pause: Option<Duration>,
    generation: u64,
}

impl Health {
    /// The health of a replica before its first probe, which `probe` requests.
    pub fn new(probe: SyncSender<()>, max_silence: Duration) -> Self {
        Self { state: Mutex::new(HealthState::unknown(Instant::now())), max_silence, went_down: Notify::new(), probe }
    }

    /// Whether reads go there.
    pub fn is_used(&self) -> bool {
        let state = self.state();
        if state.is_used && state.seen.elapsed() > self.max_silence {
            drop(state);
            self.mark_down(&format!("no response for {:?}", self.max_silence));
            return false;
        }
        state.is_used
    }

    /// How often connections to it were found dead. Connections of an older generation are not used.
    pub fn generation(&self) -> u64 {
        self.state().generation
    }

    /// Requests a probe because a connection was dead: others may be dead too, or the replica itself.
    pub fn request_probe(&self) {
        self.state().generation += 1;
        // The channel is full if a probe has been requested already.
        let _ = self.probe.try_send(());
    }

    /// Records a failure: the replica is not used for a pause. Logs the first failure until it is used again.
    pub fn mark_down(&self, cause: &str) {
        let has_changed = self.state().mark_down(Instant::now());
        if has_changed {
            log::warn!("the replica is down, the primary serves all reads: {cause}");
            self.went_down.notify_waiters();
        }
    }

    /// Records that a probe found it healthy: it is used, unless the pause after a failure has not passed.
    pub fn mark_up(&self) {
        let has_changed = self.state().mark_up(Instant::now());
        if has_changed {
            log::info!("the replica is up and serves reads");
        }
    }

    fn state(&self) -> MutexGuard<'_, HealthState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthState {
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
        let is_paused = self.since.zip(self.pause).is_some_and(|(since, pause)| now.duration_since(since) < pause);
        if self.is_used || is_paused {
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
    fn a_healthy_replica_is_used_and_each_change_is_reported_once() {
        let now = Instant::now();
        let mut state = HealthState::unknown(now);
        assert!(state.mark_up(now) && state.is_used);
        assert!(!state.mark_up(after(now, 1)));
        assert!(state.mark_down(after(now, 100)) && !state.is_used);
        assert!(!state.mark_down(after(now, 100)) && !state.mark_down(after(now, 101)));
        let mut missing = HealthState::unknown(now);
        assert!(
            missing.mark_down(now) && !missing.mark_down(after(now, 1)),
            "a replica that was never up is reported once as well"
        );
    }

    #[test]
    fn a_replica_that_keeps_failing_is_paused_longer_each_time() {
        let mut now = Instant::now();
        let mut state = HealthState::unknown(now);
        assert!(state.mark_up(now));
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            now = after(now, 1);
            assert!(state.mark_down(now));
            assert!(!state.mark_up(after(now, pause - 1)), "{pause}");
            now = after(now, pause);
            assert!(state.mark_up(now), "{pause}");
        }
        now = after(now, 60);
        assert!(
            state.mark_down(now) && state.mark_up(after(now, 1)),
            "after a steady minute the next failure is a first one"
        );
    }
}
