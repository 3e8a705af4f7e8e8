//! What is counted and measured of requests.
//!
//! # Design
//! A request costs a few atomic additions and no memory: the series of a route and method are kept where they are
//! found by two indexes, and made when the first such request comes, so that a scrape shows no rows of zeros.

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::http::{Method, StatusCode};
use std::sync::OnceLock;
use std::time::Duration;

use crate::http::routes::{self, MatchedRoute};
use crate::metrics::{Counter, Counters, Gauge, Histogram, Histograms, MetricsRegistry};
use crate::model::code::Code;

/// Upper bounds, in seconds.
const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The methods that are told apart; all others are the last.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "other"];
/// The statuses whose counters are kept at hand; others are looked up.
const STATUSES: [u16; 20] =
    [200, 201, 204, 304, 400, 401, 403, 404, 405, 406, 409, 412, 413, 414, 415, 422, 429, 431, 500, 503];

/// The families of requests.
#[derive(Debug)]
pub struct HttpMetrics {
    requests: Counters,
    durations: Histograms,
    in_flight: Gauge,
    auth_failures: Counters,
    rate_limited: Counter,
    /// Answers that were kept and sent once more.
    pub replays: Counter,
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    pattern: &'static str,
    methods: [OnceLock<Series>; METHODS.len()],
}

#[derive(Debug)]
struct Series {
    duration: Histogram,
    answers: [OnceLock<Counter>; STATUSES.len()],
}

impl HttpMetrics {
    /// The families of requests among all others; `database` and `schema` are what the service runs on.
    #[must_use]
    pub fn new(all: &MetricsRegistry, database: &str, schema: &str) -> Self {
        let labels = &["version", "database", "schema"];
        let about =
            all.gauges("app_info", "What runs: release, kind of database, and the schema that it needs.", labels);
        about.of(&[env!("CARGO_PKG_VERSION"), database, schema]).set(1);
        let auth_failures = all.counters(
            "auth_failures_total",
            "Requests that were not let in, by what they brought and the code of the answer.",
            &["scheme", "reason"],
        );
        // So that no family is missing from the first scrape.
        for scheme in ["none", "token", "bearer", "signature", "password"] {
            let reason = if scheme == "signature" { Code::SignatureRejected } else { Code::Unauthenticated };
            auth_failures.show(&[scheme, reason.name()]);
        }
        let route = |pattern| Route { pattern, methods: Default::default() };
        let measures = Self {
            requests: all.counters(
                "http_requests_total",
                "Requests that were answered.",
                &["method", "route", "status"],
            ),
            durations: all.histograms(
                "http_request_duration_seconds",
                "How long a request took, from its head to the head of its answer.",
                &["method", "route"],
                SECONDS,
            ),
            in_flight: all.gauge("http_requests_in_flight", "Requests that are being answered."),
            auth_failures,
            rate_limited: all.counter("rate_limited_total", "Requests that were answered 429."),
            replays: all.counter("idempotent_replays_total", "Kept answers that were sent once more."),
            routes: routes::patterns().map(route).collect(),
        };
        measures.durations.show(&["GET", "/metrics"]);
        measures.requests.show(&["GET", "/metrics", "200"]);
        measures
    }

    /// Counts a request as being answered until the guard is dropped.
    #[must_use]
    pub fn begin(&self) -> InFlight {
        self.in_flight.add(1);
        InFlight(self.in_flight.clone())
    }

    /// Counts an answer.
    pub fn answered(&self, method: &Method, route: MatchedRoute, status: StatusCode, time: Duration) {
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.rate_limited.add_one();
        }
        let at = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1);
        let Some((route, method)) = self.routes.get(route.at).zip(METHODS.get(at)) else { return };
        let Some(series) = route.methods.get(at) else { return };
        let series = series.get_or_init(|| Series {
            duration: self.durations.of(&[method, route.pattern]),
            answers: Default::default(),
        });
        series.duration.observe_duration(time);
        let counter = || self.requests.of(&[method, route.pattern, status.as_str()]);
        match STATUSES.iter().position(|known| *known == status.as_u16()).and_then(|at| series.answers.get(at)) {
            Some(kept) => kept.get_or_init(counter).add_one(),
            None => counter().add_one(),
        }
    }

    /// Counts a request that was not let in; `reason` is the code of its answer.
    pub fn not_let_in(&self, scheme: &str, reason: &str) {
        self.auth_failures.of(&[scheme, reason]).add_one();
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// The route that a request found, or would have found had it been let in.
#[must_use]
pub fn route_of<B>(response: &ServiceResponse<B>) -> MatchedRoute {
    let request = response.request();
    if let Some(found) = request.app_data::<MatchedRoute>() {
        return *found;
    }
    routes::found(request.match_pattern().as_deref().unwrap_or(routes::UNKNOWN))
}

/// By which scheme a request tries to say who asks.
#[must_use]
pub fn scheme_of(request: &ServiceRequest) -> &'static str {
    let headers = request.headers();
    if headers.keys().any(|name| matches!(name.as_str(), "api-id" | "api-user" | "api-signature")) {
        return "signature";
    }
    let begins = |start: &str| {
        let sent = headers.get(AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
        sent.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start.as_bytes()))
    };
    match () {
        () if !headers.contains_key(AUTHORIZATION) => "none",
        () if begins("Token ") || begins("Bearer urt_") => "token",
        () if begins("Bearer ") => "bearer",
        () => "other",
    }
}
