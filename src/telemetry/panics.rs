//! Logs panics: always the location, and the message only if it cannot contain data.
//!
//! # Design
//! The message of a panic often contains values, such as a string that could not be sliced or an unexpected error.
//! These may be data of a request, such as a token or an e-mail address. A message that is a constant in the source is
//! logged; a formatted message is withheld, and the location leads to the line of source that produces it.

use log::{Level, Record};
use std::panic::PanicHookInfo;

/// Logs all panics from now on. Before logging has started, and where the filter hides errors, `write_error` writes them:
/// a panic may end the process, which must not end without a reason.
pub fn watch(write_error: fn(&Record<'_>)) {
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let pairs: &[_] = &[("location", place.as_str())];
        let mut record = Record::builder();
        record.level(Level::Error).target(module_path!()).key_values(&pairs);
        let write =
            if log::log_enabled!(Level::Error) { |record: &Record<'_>| log::logger().log(record) } else { write_error };
        write(&record.args(format_args!("panic at {place}: {}", message(info))).build());
    }));
}

fn message<'i>(info: &'i PanicHookInfo<'_>) -> &'i str {
    // A formatted message is a `String`, a constant one is a `&str`.
    let literal = info.payload().downcast_ref::<&'static str>();
    literal.copied().unwrap_or("the message is withheld, because it was formatted from values that may be secret")
}
