//! A panic is a line of the log: always where, and what was said only where no value can be in it.
//!
//! # Design
//! The message of a panic is often made of values: a text that could not be cut, an error that nobody expected. What a
//! request brought can be among them, a token as well as an address. Which messages are harmless cannot be told by
//! looking at them; whether they were made of anything can. So a message that stands in the source as it is is logged,
//! and any other is withheld: the place leads to the line of source that says it.

use log::LevelFilter;
use std::panic::PanicHookInfo;

/// Makes log lines of all panics from now on. Before there is a log they are JSON, since nobody knows yet whether
/// anything else may be printed.
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
    // A text that was put together is a `String`, whoever says it.
    let literal = info.payload().downcast_ref::<&'static str>();
    literal.copied().unwrap_or("the message is withheld, because it is made of values, which may be secret")
}
