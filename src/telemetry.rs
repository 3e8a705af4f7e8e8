//! Logging: text or JSON lines on stderr. A panic is a log line too.

mod panics;
mod queue;

use env_logger::Target;
use env_logger::fmt::{Formatter, WriteStyle};
use log::kv::{Error, Key, Value, VisitSource};
use log::{Level, LevelFilter, Log, Record};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::io::{self, IsTerminal, Write};

use crate::config::{Config, LogFormat};
use crate::model::text::Truncated;
pub use queue::FlushGuard;
use queue::LogQueue;

/// The members of every JSON line; a pair with one of these names is omitted.
const RESERVED: [&str; 4] = ["timestamp", "level", "target", "message"];

/// The longest message or value in a JSON line, in bytes. Longer ones are cut before they are encoded, so a line is
/// always valid JSON.
const MAX_VALUE_BYTES: usize = 2 * 1024;

/// Starts logging with the settings in `config`. In a service, log lines go through a queue unless stderr is a
/// terminal, so that a slow reader of the log never blocks a request. Dropping the guard flushes the queue.
pub fn start(config: &Config, is_service: bool) -> FlushGuard {
    let is_read_by_a_program = is_service && !io::stderr().is_terminal();
    let queue = is_read_by_a_program.then(|| LogQueue::start(io::stderr()).ok()).flatten();
    let target = queue.clone().map_or(Target::Stderr, |queue| Target::Pipe(Box::new(queue)));
    let mut builder = env_logger::Builder::new();
    if matches!(config.log_filter.as_str(), "info" | "warn" | "error") {
        // The HTTP server logs its threads at `info`, which only a custom filter shows.
        builder.filter_module("actix_server", LevelFilter::Warn);
        // It logs malformed requests as errors. They are errors of the client, which gets a response.
        builder.filter_module("actix_http", LevelFilter::Off);
    }
    let builder = set_format(builder.parse_filters(&config.log_filter), config.log_format);
    // Fails only if a logger exists, in tests that run several commands in one process.
    drop(builder.target(target).try_init());
    FlushGuard::of(queue)
}

/// Writes a log line for every panic from now on, also before logging starts and where the log filter hides errors.
pub fn watch_panics() {
    panics::watch(write_error);
}

/// Writes why the process ends as a JSON line, whatever the log filter.
pub fn log_fatal(message: &str) {
    write_error(&Record::builder().args(format_args!("{message}")).level(Level::Error).target(TARGET).build());
}

/// The target of lines that report a fatal error.
const TARGET: &str = env!("CARGO_CRATE_NAME");

/// Writes a JSON line without the installed logger.
fn write_error(record: &Record<'_>) {
    let mut builder = env_logger::Builder::new();
    set_format(&mut builder, LogFormat::Json).filter_level(LevelFilter::Error).build().log(record);
}

fn set_format(builder: &mut env_logger::Builder, format: LogFormat) -> &mut env_logger::Builder {
    match format {
        // JSON lines have no colours; this skips the search for escape sequences.
        LogFormat::Json => builder.format(write_json).write_style(WriteStyle::Always),
        LogFormat::Text => builder,
    }
}

fn write_json(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let timestamp = out.timestamp_micros();
    // Build the line in one buffer, because each write to the formatter is slow.
    let mut text = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::new(&mut text);
    let mut line = JsonLine { map: serializer.serialize_map(None)?, seen: Vec::with_capacity(16) };
    line.map.serialize_entry("timestamp", &format_args!("{timestamp}"))?;
    line.map.serialize_entry("level", record.level().as_str())?;
    line.map.serialize_entry("target", record.target())?;
    line.map.serialize_entry("message", &format_args!("{}", Truncated::new(record.args(), MAX_VALUE_BYTES)))?;
    record.key_values().visit(&mut line).map_err(io::Error::other)?;
    line.map.end()?;
    text.push(b'\n');
    out.write_all(&text)
}

/// A JSON line while it is being written.
struct JsonLine<'kvs, M> {
    map: M,
    /// The names written so far, because duplicate members are ambiguous.
    seen: Vec<Key<'kvs>>,
}

impl<'kvs, M: SerializeMap> VisitSource<'kvs> for JsonLine<'kvs, M>
where
    M::Error: Send + Sync + 'static,
{
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        if RESERVED.contains(&key.as_str()) || self.seen.contains(&key) {
            return Ok(());
        }
        self.map.serialize_entry(key.as_str(), &TypedValue(value)).map_err(Error::boxed)?;
        self.seen.push(key);
        Ok(())
    }
}

/// A value that serializes as the matching JSON type.
struct TypedValue<'v>(Value<'v>);

impl Serialize for TypedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value) = self;
        if let Some(text) = value.to_borrowed_str().filter(|text| text.len() <= MAX_VALUE_BYTES) {
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
            None => serializer.collect_str(&Truncated::new(value, MAX_VALUE_BYTES)),
        }
    }
}
