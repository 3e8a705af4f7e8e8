//! Metrics of requests.
//!
//! # Design
//! A request costs a few atomic additions and no allocation. The series of each route and method are created by the
//! first such request, so that a scrape has no rows of zeros, and found by two indexes from then on.

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::http::{Method, StatusCode};
use std::sync::OnceLock;
use std::time::Duration;

use crate::metrics::{Counter, Counters, Gauge, Histogram, Histograms, MetricsRegistry};
use crate::model::code::Code;

/// The label of requests that match no route.
pub const UNKNOWN_ROUTE: &str = "unknown";

/// Upper bounds of the buckets, in seconds.
const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The methods with their own label; the last one stands for all others.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "other"];
/// The statuses whose counters are found by index; others are looked up by name.
const STATUSES: [u16; 21] =
    [200, 201, 204, 304, 400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 414, 415, 422, 429, 431, 500, 503];

/// The route that a request matched: its pattern, and its index among the patterns given to [`HttpMetrics::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchedRoute {
    /// The pattern, never a path.
    pub pattern: &'static str,
    /// The index of the pattern.
    pub index: usize,
}

/// The metric families of requests.
#[derive(Debug)]
pub struct HttpMetrics {
    requests: Counters,
    durations: Histograms,
    in_flight: Gauge,
    auth_failures: Counters,
    rate_limited: Counter,
    /// Stored responses that were sent again.
    pub replays: Counter,
    routes: Vec<RouteSeries>,
}

#[derive(Debug)]
struct RouteSeries {
    pattern: &'static str,
    methods: [OnceLock<Series>; METHODS.len()],
}

#[derive(Debug)]
struct Series {
    duration: Histogram,
    answers: [OnceLock<Counter>; STATUSES.len()],
}

impl HttpMetrics {
    /// Registers the families. `database` is the kind of database, `schema` the schema version that the release needs;
    /// `patterns` are those of all routes, in the order of [`MatchedRoute::index`].
    #[must_use]
    pub fn new(
        all: &MetricsRegistry,
        database: &str,
        schema: &str,
        patterns: impl Iterator<Item = &'static str>,
    ) -> Self {
        let labels = &["version", "database", "schema"];
        let about = all.gauges(
            "app_info",
            "The release, the kind of database and the schema version that the release needs.",
            labels,
        );
        about.of(&[env!("CARGO_PKG_VERSION"), database, schema]).set(1);
        let auth_failures = all.counters(
            "auth_failures_total",
            "Failed authentications, by scheme and error code.",
            &["scheme", "reason"],
        );
        // The first scrape already has every family.
        for scheme in ["none", "token", "bearer", "signature", "password"] {
            let reason = if scheme == "signature" { Code::SignatureRejected } else { Code::Unauthenticated };
            auth_failures.show(&[scheme, reason.name()]);
        }
        let route = |pattern| RouteSeries { pattern, methods: Default::default() };
        let metrics = Self {
            requests: all.counters("http_requests_total", "Completed requests.", &["method", "route", "status"]),
            durations: all.histograms(
                "http_request_duration_seconds",
                "Time from the head of a request to the head of its response.",
                &["method", "route"],
                SECONDS,
            ),
            in_flight: all.gauge("http_requests_in_flight", "Requests in progress."),
            auth_failures,
            rate_limited: all.counter("rate_limited_total", "Requests answered with 429."),
            replays: all
                .counter("idempotent_replays_total", "Stored responses that were sent again for an `Idempotency-Key`."),
            routes: patterns.map(route).collect(),
        };
        metrics.durations.show(&["GET", "/metrics"]);
        metrics.requests.show(&["GET", "/metrics", "200"]);
        metrics
    }

    /// Counts a request as in flight until the guard is dropped.
    #[must_use]
    pub fn begin(&self) -> InFlight {
        self.in_flight.add(1);
        InFlight(self.in_flight.clone())
    }

    /// Counts a response and its duration.
    pub fn record_response(&self, method: &Method, route: MatchedRoute, status: StatusCode, time: Duration) {
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.rate_limited.add_one();
        }
        let at = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1);
        let Some((route, method)) = self.routes.get(route.index).zip(METHODS.get(at)) else { return };
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

    /// The route that a request matched, or would have matched if authentication had succeeded.
    #[must_use]
    pub fn route_of<B>(&self, response: &ServiceResponse<B>) -> MatchedRoute {
        let request = response.request();
        if let Some(route) = request.app_data::<MatchedRoute>() {
            return *route;
        }
        let pattern = request.match_pattern();
        let pattern = pattern.as_deref().unwrap_or(UNKNOWN_ROUTE);
        let is_it = |(_, series): &(usize, &RouteSeries)| series.pattern == pattern || series.pattern == UNKNOWN_ROUTE;
        let found = self.routes.iter().enumerate().find(is_it);
        found.map_or(MatchedRoute { pattern: UNKNOWN_ROUTE, index: 0 }, |(index, series)| MatchedRoute {
            pattern: series.pattern,
            index,
        })
    }

    /// Counts a request that failed authentication; `reason` is the error code of the response.
    pub fn record_auth_failure(&self, scheme: &str, reason: &str) {
        self.auth_failures.of(&[scheme, reason]).add_one();
    }
}

/// A request in flight.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// The authentication scheme that a request uses.
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
