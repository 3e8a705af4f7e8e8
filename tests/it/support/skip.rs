//! Reports of tests that cannot run on a machine.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Reports once for each reason that tests, or parts of them, are skipped.
///
/// It writes to standard error itself, because `cargo test` hides what `eprintln!` prints in a test that passes.
pub fn skip(reason: &str) {
    static REPORTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if REPORTED.lock().unwrap_or_else(PoisonError::into_inner).insert(reason.to_owned()) {
        let _ = writeln!(std::io::stderr(), "SKIPPED: {reason}");
    }
}
