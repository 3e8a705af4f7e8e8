//! Stops a statement of SQLite that exceeds the limit of its job.
//!
//! # Design
//! Only SQLite itself can stop a running statement, and diesel does not expose its handle. So [`prepare`] registers
//! [`install`], which SQLite runs for each connection that this process opens. It sets a progress handler, which SQLite
//! calls on the thread of the statement; the handler reads the limit from a thread-local. No pointer is kept.

use libsqlite3_sys as ffi;
use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Once;

use crate::store::limit::JobLimit;

/// Steps of SQLite's virtual machine between two checks of the limit: well under a millisecond.
const STEPS: c_int = 4_000;

thread_local! {
    static LIMIT: RefCell<JobLimit> = const { RefCell::new(JobLimit::NONE) };
}

/// Makes every connection that is opened later obey [`run_limited`].
pub(super) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[expect(unsafe_code, reason = "SQLite calls `install` with the handle of a connection that it opens")]
        // SAFETY: `install` has the signature that SQLite documents for entry points, and lives as long as the process.
        let status = unsafe { ffi::sqlite3_auto_extension(Some(install)) };
        if status != ffi::SQLITE_OK {
            log::error!("SQLite accepts no progress handler ({status}): long statements are not stopped");
        }
    });
}

/// Runs work on this thread; its statements fail with `SQLITE_INTERRUPT` once the limit is exceeded.
pub(super) fn run_limited<T>(limit: &JobLimit, work: impl FnOnce() -> T) -> T {
    /// Resets the limit, also after a panic.
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            LIMIT.set(JobLimit::NONE);
        }
    }
    LIMIT.set(limit.clone());
    let _reset = Reset;
    work()
}

#[expect(unsafe_code, reason = "called by SQLite, see `prepare`")]
unsafe extern "C" fn install(
    handle: *mut ffi::sqlite3,
    _message: *mut *mut c_char,
    _routines: *const ffi::sqlite3_api_routines,
) -> c_int {
    // SAFETY: SQLite passes the handle of the connection that it opens; the handler takes no argument.
    unsafe { ffi::sqlite3_progress_handler(handle, STEPS, Some(must_stop), std::ptr::null_mut()) };
    ffi::SQLITE_OK
}

/// The progress handler: SQLite stops the statement if it returns anything but 0. It must not panic.
extern "C" fn must_stop(_nothing: *mut c_void) -> c_int {
    let is_exceeded = LIMIT.try_with(|limit| limit.try_borrow().is_ok_and(|limit| limit.is_exceeded()));
    is_exceeded.unwrap_or(false).into()
}
