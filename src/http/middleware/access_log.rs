//! The access log: one line for each request, without body, e-mail address, token or query.

use actix_web::HttpMessage;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use log::kv::{Error, Key, Source, Value, VisitSource};
use log::{Level, Record};
use std::time::Duration;

use crate::auth::Identity;
use crate::http::middleware::credentials::client_address;
use crate::http::outcome::LogOutcome;
use crate::model::text::Truncated;

const TARGET: &str = "request";
/// The longest method in a line, in bytes; HTTP allows any token.
const LONGEST_METHOD: usize = 32;
/// The longest list of codes, and the longest cause, in a line, in bytes.
const LONGEST_OUTCOME: usize = 1024;

/// What a line contains besides the response.
#[derive(Debug)]
pub struct AccessLine<'a> {
    /// The request id.
    pub id: &'a str,
    /// The method.
    pub method: &'a Method,
    /// The pattern of the route.
    pub route: &'static str,
    /// How long the request took.
    pub time: Duration,
    /// The error codes and the cause.
    pub outcome: &'a LogOutcome,
}

/// The key-value pairs of a line. Pairs without a value are omitted.
struct Pairs<'a>([(&'static str, Option<Value<'a>>); 11]);

impl Source for Pairs<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        let given = self.0.iter().filter_map(|(name, value)| Some((Key::from_str(name), value.clone()?)));
        given.into_iter().try_for_each(|(name, value)| visitor.visit_pair(name, value))
    }
}

/// Logs a request: at level `ERROR` if the service is at fault, else at level `INFO`.
pub fn write<B: MessageBody>(line: &AccessLine<'_>, response: &ServiceResponse<B>) {
    let status = response.status();
    let level = if status.is_server_error() { Level::Error } else { Level::Info };
    if !log::log_enabled!(target: TARGET, level) {
        return;
    }
    let request = response.request();
    let identity = request.extensions().get::<Identity>().copied();
    let source = client_address(request).to_string();
    let bytes = match response.response().body().size() {
        BodySize::Sized(bytes) if line.method != Method::HEAD => bytes,
        _ => 0,
    };
    let trace = traceparent(request.headers());
    let truncated_method = Truncated::new(line.method, LONGEST_METHOD);
    let cause = line.outcome.cause.as_deref().map(|cause| Truncated::new(cause, LONGEST_OUTCOME));
    let method = match line.method.as_str() {
        short if short.len() <= LONGEST_METHOD => short.into(),
        _ => Value::from_display(&truncated_method),
    };
    let pairs = Pairs([
        ("request_id", Some(line.id.into())),
        ("method", Some(method)),
        ("route", Some(line.route.into())),
        ("status", Some(status.as_u16().into())),
        ("duration_ms", Some(milliseconds(line.time).into())),
        ("bytes", Some(bytes.into())),
        ("user_id", Some(identity.map_or(0, |identity| identity.caller.id.get()).into())),
        ("scheme", Some(identity.map_or("-", |identity| identity.scheme.name()).into())),
        ("client_ip", Some(source.as_str().into())),
        ("traceparent", trace.map(Value::from)),
        ("cause", cause.as_ref().map(Value::from_display)),
    ]);
    let outcome = Truncated::new(line.outcome.outcome.as_str(), LONGEST_OUTCOME);
    let mut record = Record::builder();
    record.target(TARGET).module_path_static(Some(module_path!())).level(level).key_values(&pairs);
    log::logger().log(&record.args(format_args!("{outcome}")).build());
}

/// Milliseconds, rounded to whole microseconds.
fn milliseconds(time: Duration) -> f64 {
    f64::from(u32::try_from(time.as_micros()).unwrap_or(u32::MAX)) / 1_000.0
}

/// The trace that a request belongs to, if it has one valid `traceparent` (W3C Trace Context §3.2).
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all("traceparent");
    let (value, None) = (sent.next()?.to_str().ok()?, sent.next()) else { return None };
    is_traceparent(value).then_some(value)
}

fn is_traceparent(value: &str) -> bool {
    let mut parts = value.splitn(5, '-');
    let mut hex = |length| {
        let is_hex =
            |part: &&str| part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        parts.next().filter(is_hex)
    };
    let (Some(version), Some(trace), Some(parent), Some(_flags)) = (hex(2), hex(32), hex(16), hex(2)) else {
        return false;
    };
    let is_zero = |id: &str| id.bytes().all(|byte| byte == b'0');
    // Later versions may have more parts; the limit bounds the log line.
    let has_right_length = if version == "00" { parts.next().is_none() } else { value.len() <= 128 };
    version != "ff" && !is_zero(trace) && !is_zero(parent) && has_right_length
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn only_a_valid_traceparent_is_logged() {
        let parent = "b7ad6b7169203331";
        for good in [format!("00-{TRACE}-{parent}-01"), format!("cc-{TRACE}-{parent}-00-what-the-future-will-be-like")]
        {
            assert!(is_traceparent(&good), "{good}");
        }
        for bad in [
            String::new(),
            format!("00-{TRACE}-{parent}"),
            format!("00-{TRACE}-{parent}-01-more"),
            format!("00-{TRACE}-{parent}-01-"),
            format!("cc-{TRACE}-{parent}-01.more"),
            format!("ff-{TRACE}-{parent}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{}-{parent}-01", TRACE.to_uppercase()),
            format!("cc-{TRACE}-{parent}-01-{}", "x".repeat(100)),
        ] {
            assert!(!is_traceparent(&bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_logged_traceparent_is_short_and_printable(value in "([0-9a-f]{2}|00)-[0-9a-fx]{32}-[0-9a-f]{15,17}-[0-9a-f]{2}(-.{0,200})?") {
            if is_traceparent(&value) {
                prop_assert!(value.len() <= 128 && value.starts_with(|c: char| c.is_ascii_hexdigit()));
            }
        }
    }
}
