//! Logs panics: always the location, and the message only if it cannot contain data.
//!
//! # Design
//! The message of a panic often contains values, such as a string that could not be sliced or an unexpected error.
//! These may be data of a request, such as a token or an e-mail address. A message that is a constant in the source is
//! logged; a formatted message is withheld, and the location leads to the line of source that produces it.

use log::LevelFilter;
use std::panic::PanicHookInfo;

/// Logs all panics from now on. Before logging has started, they are JSON lines, because the configured format is not
/// known yet.
pub fn watch(start_log: fn()) {
    std::panic::set_hook(Box::new(move |info| {
        if log::max_level() == LevelFilter::Off {
            start_log();
        }
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        log::error!(location = place.as_str(); "panic at {place}: {}", message(info));
    }));
}

fn message<'i>(info: &'i PanicHookInfo<'_>) -> &'i str {
    // A formatted message is a `String`, a constant one is a `&str`.
    let literal = info.payload().downcast_ref::<&'static str>();
    literal.copied().unwrap_or("the message is withheld, because it was formatted from values that may be secret")
}
