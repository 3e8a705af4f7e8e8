//! Keys of a file that may be replaced while the service runs.

use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use crate::auth::keyset::{KeySet, Source};

/// What tells one state of a file from another.
type FileVersion = (SystemTime, u64, u64);

/// The keys at some moment, numbered: what was verified with other keys is not believed.
#[derive(Clone)]
pub(super) struct Keys {
    pub number: u64,
    pub set: Arc<KeySet>,
}

/// Keys that follow their file.
pub(super) struct ReloadingKeys {
    source: Source,
    refresh: Duration,
    state: RwLock<State>,
}

struct State {
    keys: Keys,
    stamp: Option<FileVersion>,
    checked: Instant,
}

impl ReloadingKeys {
    /// Reads the keys. What cannot be read verifies nothing, until the file is mended; `Config` has refused to start
    /// with such a file, so it has changed this moment.
    pub fn new(source: Source, refresh: Duration) -> Self {
        let stamp = stamp_of(&source);
        let set = source.read().unwrap_or_else(|reason| {
            log::error!("no JWT can be verified: {reason}");
            KeySet::default()
        });
        let state = State { keys: Keys { number: 0, set: Arc::new(set) }, stamp, checked: Instant::now() };
        Self { source, refresh, state: RwLock::new(state) }
    }

    /// The number of the keys as they were read last.
    pub fn number(&self) -> u64 {
        self.state.read().unwrap_or_else(PoisonError::into_inner).keys.number
    }

    /// The keys as they are now, or were a moment ago: the file is looked at once in a while. One that has become
    /// unreadable changes nothing, so that a mishap locks nobody out.
    pub fn refreshed(&self) -> Keys {
        let is_due = |state: &State| state.checked.elapsed() >= self.refresh;
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if !is_due(&state) {
                return state.keys.clone();
            }
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if is_due(&state) {
            state.checked = Instant::now();
            let stamp = stamp_of(&self.source);
            if stamp != state.stamp {
                state.stamp = stamp;
                match self.source.read() {
                    Ok(set) => {
                        state.keys = Keys { number: state.keys.number + 1, set: Arc::new(set) };
                        log::info!("the keys of JWTs were read again");
                    }
                    Err(reason) => log::warn!("the keys of JWTs stay as they were: {reason}"),
                }
            }
        }
        state.keys.clone()
    }
}

fn stamp_of(source: &Source) -> Option<FileVersion> {
    let Source::File(_, path) = source else { return None };
    let file = std::fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len(), file.ino()))
}
