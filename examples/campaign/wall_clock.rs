//! A clock of the services that jumps, by `libfaketime`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Where Debian has the library.
const LIBRARIES: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"];

/// The clock of all services of a campaign.
pub struct WallClock {
    library: &'static str,
    file: tempfile::NamedTempFile,
}

impl WallClock {
    /// The right time; `None` without the library.
    pub fn new() -> Option<Self> {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists())?;
        let clock = Self { library, file: tempfile::NamedTempFile::new().expect("a file") };
        clock.set(0);
        Some(clock)
    }

    fn set(&self, seconds: i64) {
        fs::write(self.file.path(), format!("{seconds:+}")).expect("the file of the clock");
    }

    /// Lets a service see this clock. Its monotonic clock and the times of files stay as they are.
    pub fn add_to(&self, service: &mut Command) {
        service.env("LD_PRELOAD", self.library).env("FAKETIME_TIMESTAMP_FILE", self.file.path());
        service.env("FAKETIME_CACHE_DURATION", "1").env("DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
    }

    /// Moves the clock for a time, and back.
    pub fn jump(&self, seconds: i64, time: Duration) {
        self.set(seconds);
        thread::sleep(time);
        self.set(0);
    }
}

/// Removes what the library leaves in memory when its process is killed.
pub fn clean_up(process: u32) {
    for name in ["faketime_shm_", "sem.faketime_sem_"] {
        drop(fs::remove_file(format!("/dev/shm/{name}{process}")));
    }
}
