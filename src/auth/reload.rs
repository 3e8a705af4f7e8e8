//! Reloads the keys that verify JWTs when their file changes.

use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use crate::auth::keyset::{KeySet, KeySource};

/// Modification time, size and inode: they change when a file is replaced.
type FileVersion = (SystemTime, u64, u64);

/// A set of keys with a number. A token verified with keys of another number is verified again.
#[derive(Clone)]
pub(super) struct LoadedKeys {
    pub number: u64,
    pub set: Arc<KeySet>,
}

/// Keys that are reloaded when their file changes.
pub(super) struct ReloadingKeys {
    source: KeySource,
    refresh: Duration,
    state: RwLock<KeyFileState>,
}

struct KeyFileState {
    keys: LoadedKeys,
    version: Option<FileVersion>,
    checked: Instant,
}

impl ReloadingKeys {
    /// Reads the keys. If they are unreadable, no JWT is valid until the file is repaired. `Config` has read the file
    /// before, so this happens only if it changes in between.
    pub fn new(source: KeySource, refresh: Duration) -> Self {
        let version = file_version(&source);
        let set = source.read().unwrap_or_else(|reason| {
            log::error!("no JWT is accepted, because the keys are unreadable: {reason}");
            KeySet::default()
        });
        warn_of_skipped_keys(&set);
        let state =
            KeyFileState { keys: LoadedKeys { number: 0, set: Arc::new(set) }, version, checked: Instant::now() };
        Self { source, refresh, state: RwLock::new(state) }
    }

    /// The number of the current keys.
    pub fn number(&self) -> u64 {
        self.state.read().unwrap_or_else(PoisonError::into_inner).keys.number
    }

    /// The current keys. It checks the file once per `refresh`. If the file has become unreadable, the previous keys
    /// stay in use, so that a mistake does not lock out all users.
    pub fn reload_if_changed(&self) -> LoadedKeys {
        let is_due = |state: &KeyFileState| state.checked.elapsed() >= self.refresh;
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if !is_due(&state) {
                return state.keys.clone();
            }
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if is_due(&state) {
            state.checked = Instant::now();
            let version = file_version(&self.source);
            if version != state.version {
                state.version = version;
                match self.source.read() {
                    Ok(set) => {
                        warn_of_skipped_keys(&set);
                        state.keys = LoadedKeys { number: state.keys.number + 1, set: Arc::new(set) };
                        log::info!("reloaded the keys that verify JWTs");
                    }
                    Err(reason) => log::warn!("the previous keys that verify JWTs stay in use: {reason}"),
                }
            }
        }
        state.keys.clone()
    }
}

/// Warns of keys that cannot verify tokens, so that the reason is known when tokens of such a key are refused.
fn warn_of_skipped_keys(set: &KeySet) {
    for skipped in set.skipped() {
        log::warn!("skipped a key of the JWK Set: {skipped}");
    }
}

fn file_version(source: &KeySource) -> Option<FileVersion> {
    let KeySource::File(_, path) = source else { return None };
    let file = std::fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len(), file.ino()))
}
