//! Logs: lines for people or JSON objects for machines, always on stderr; a panic is a log line too.

mod panics;
mod queue;

use env_logger::Target;
use env_logger::fmt::{Formatter, WriteStyle};
use log::kv::{Error, Key, Value, VisitSource};
use log::{LevelFilter, Record};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::io::{self, IsTerminal, Write};

use crate::config::{Config, LogFormat};
use crate::model::truncate::Truncated;
pub use queue::FlushGuard;
use queue::Queue;

/// The members that every JSON line has; a pair that goes by one of these names is left out.
const FIXED: [&str; 4] = ["timestamp", "level", "target", "message"];

/// The longest message or value in a JSON line, in bytes; the rest is cut. A line is valid JSON whatever is cut.
const LONGEST_VALUE: usize = 2 * 1024;

/// Starts logging as `config` says. Nobody who logs waits for whoever reads the log of a service, unless that is a
/// terminal. What is left to say at the end is said when the answer is dropped.
pub fn start(config: &Config, is_service: bool) -> FlushGuard {
    let is_read_by_a_program = is_service && !io::stderr().is_terminal();
    let queue = is_read_by_a_program.then(|| Queue::start(io::stderr()).ok()).flatten();
    let target = queue.clone().map_or(Target::Stderr, |queue| Target::Pipe(Box::new(queue)));
    begin(config.log_format, target, |builder| {
        if matches!(config.log_filter.as_str(), "info" | "warn" | "error") {
            // What the HTTP server tells of its threads is for those who ask for it.
            builder.filter_module("actix_server", LevelFilter::Warn);
            // It calls a request that nobody can read an error; that is its sender's, who is told so.
            builder.filter_module("actix_http", LevelFilter::Off);
        }
        builder.parse_filters(&config.log_filter)
    });
    FlushGuard::of(queue)
}

/// Writes a log line for every panic from now on.
pub fn watch_panics() {
    panics::watch(start_for_errors);
}

/// Starts logging errors as JSON lines before there is a configuration, to tell what is wrong with it.
pub fn start_for_errors() {
    begin(LogFormat::Json, Target::Stderr, |builder| builder.filter_level(LevelFilter::Error));
}

fn begin(format: LogFormat, target: Target, filter: impl FnOnce(&mut env_logger::Builder) -> &mut env_logger::Builder) {
    let mut builder = env_logger::Builder::new();
    filter(&mut builder).target(target);
    if format == LogFormat::Json {
        // There are no colours in it, so that nothing need be looked for that takes them away.
        builder.format(write_json).write_style(WriteStyle::Always);
    }
    // A second logger can only be asked for by a test that runs several commands in one process.
    drop(builder.try_init());
}

fn write_json(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let timestamp = out.timestamp_micros();
    // One piece: each write to the formatter has its price.
    let mut text = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::new(&mut text);
    let mut line = Line { map: serializer.serialize_map(None)?, seen: Vec::with_capacity(16) };
    line.map.serialize_entry("timestamp", &format_args!("{timestamp}"))?;
    line.map.serialize_entry("level", record.level().as_str())?;
    line.map.serialize_entry("target", record.target())?;
    line.map.serialize_entry("message", &format_args!("{}", Truncated::new(record.args(), LONGEST_VALUE)))?;
    record.key_values().visit(&mut line).map_err(io::Error::other)?;
    line.map.end()?;
    text.push(b'\n');
    out.write_all(&text)
}

/// A JSON line in the making.
struct Line<'kvs, M> {
    map: M,
    /// Names of pairs that were written: a second one would make the object ambiguous.
    seen: Vec<Key<'kvs>>,
}

impl<'kvs, M: SerializeMap> VisitSource<'kvs> for Line<'kvs, M>
where
    M::Error: Send + Sync + 'static,
{
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        if FIXED.contains(&key.as_str()) || self.seen.contains(&key) {
            return Ok(());
        }
        self.map.serialize_entry(key.as_str(), &Fitting(value)).map_err(Error::boxed)?;
        self.seen.push(key);
        Ok(())
    }
}

/// A value with the JSON type that fits it.
struct Fitting<'v>(Value<'v>);

impl Serialize for Fitting<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value) = self;
        if let Some(text) = value.to_borrowed_str().filter(|text| text.len() <= LONGEST_VALUE) {
            return serializer.serialize_str(text);
        }
        if let Some(flag) = value.to_bool() {
            return serializer.serialize_bool(flag);
        }
        if let Some(number) = value.to_u64() {
            return serializer.serialize_u64(number);
        }
        if let Some(number) = value.to_i64() {
            return serializer.serialize_i64(number);
        }
        match value.to_f64() {
            Some(number) => serializer.serialize_f64(number),
            None => serializer.collect_str(&Truncated::new(value, LONGEST_VALUE)),
        }
    }
}
