//! The metrics for Prometheus: documented names and labels, and correct values.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use user_relationships::http::middleware::metrics::UNKNOWN_ROUTE;
use user_relationships::http::routes::{FORMS, OPEN, TABLE};

use crate::both;
use crate::support::app::App;
use crate::support::cluster::PrivateServer;
use crate::support::process::{PATIENCE, Service, in_time, until};
use crate::support::scrape::{Scrape, scrape};
use crate::support::{Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";

/// Every family and its labels, as documented for operators.
const FAMILIES: [(&str, &str, &[&str]); 20] = [
    ("http_requests_total", "counter", &["method", "route", "status"]),
    ("http_request_duration_seconds", "histogram", &["method", "route"]),
    ("http_requests_in_flight", "gauge", &[]),
    ("store_job_duration_seconds", "histogram", &["job"]),
    ("store_jobs_queued", "gauge", &[]),
    ("store_connections", "gauge", &["state"]),
    ("store_retries_total", "counter", &["code"]),
    ("writes_per_commit", "histogram", &[]),
    ("rule_refusals_total", "counter", &["rule"]),
    ("changes_rows", "gauge", &[]),
    ("changes_unnumbered", "gauge", &[]),
    ("changes_oldest_timestamp_seconds", "gauge", &[]),
    ("auth_failures_total", "counter", &["scheme", "reason"]),
    ("rate_limited_total", "counter", &[]),
    ("idempotent_replays_total", "counter", &[]),
    ("changes_readers_waiting", "gauge", &[]),
    ("imports_unfinished", "gauge", &["state"]),
    ("imports_ended_total", "counter", &["state"]),
    ("imports_stalled_seconds", "gauge", &[]),
    ("app_info", "gauge", &["version", "database", "schema"]),
];

/// Causes every event that has a series of its own.
pub fn busy(app: &App) -> Scrape {
    let (ann, bob) = (app.user(), app.user());
    ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    let key = [("content-type", "application/vnd.api+json"), ("idempotency-key", "one")];
    for _ in 0..2 {
        ann.send("POST", EDGES, &key, Some(edge(None, "colleague", bob.id).to_string().as_bytes())).expect(201);
    }
    ann.get(EDGES).expect(200);
    app.anonymous().get(EDGES).refused(401, "unauthenticated");
    // Another session inserts between the check and the insertion: the job is retried.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| ann.post(EDGES, &edge(None, "subordinate", bob.id)));
        }
    });
    scrape(&app.anonymous())
}

both!(metrics_have_exactly_the_documented_families_and_labels, |app| {
    let fresh = scrape(&app.anonymous());
    assert!(FAMILIES.iter().all(|(name, ..)| fresh.kinds.contains_key(*name)), "the first scrape: {:?}", fresh.kinds);
    let found = busy(app);
    for (name, kind, labels) in FAMILIES {
        assert_eq!(found.kinds.get(name).map(String::as_str), Some(kind), "{name}: {:?}", found.kinds);
        assert_eq!(found.labels(name), labels.iter().copied().collect(), "{name}");
    }
    let others = found.kinds.keys().filter(|name| !FAMILIES.iter().any(|(known, ..)| known == name));
    let others: Vec<_> = others.filter(|name| !name.starts_with("process_")).collect();
    assert!(others.is_empty(), "{others:?}");
    for name in ["process_open_fds", "process_resident_memory_bytes", "process_start_time_seconds"] {
        assert!(found.sum(name, &[]) > 0.0, "{name}");
    }
    assert_eq!(found.count("app_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1);
    assert!(found.values("schema").iter().all(|schema| schema.starts_with("20")), "{:?}", found.values("schema"));
});

both!(requests_are_counted_by_method_pattern_and_status, |app| {
    let ann = app.user();
    let me = format!("/api/v2/users/{}", ann.id);
    let (route, unknown) = (("route", "/api/v2/users/{id}"), ("route", UNKNOWN_ROUTE));
    for _ in 0..3 {
        ann.get(&me).expect(200);
    }
    ann.send("HEAD", &me, &[], None).expect(200);
    ann.get("/api/v2/users/999999").refused(404, "not-found");
    app.anonymous().get(&me).refused(401, "unauthenticated");
    ann.send("BREW", &me, &[], None).refused(405, "method-not-allowed");
    ann.get("/api/v2/users/1/2/3/4").refused(404, "not-found");
    ann.get("/some/secret@example.com").refused(404, "not-found");
    ann.form("PUT", "/api/users/x.json", &json!({}));
    let found = scrape(&app.anonymous());
    let count = |method: &str, route, status: &str| {
        found.count("http_requests_total", &[("method", method), route, ("status", status)])
    };
    assert_eq!(count("GET", route, "200"), 3);
    assert_eq!(count("HEAD", route, "200"), 1);
    assert_eq!(count("GET", route, "404"), 1);
    assert_eq!(count("GET", route, "401"), 1, "refused requests have their route as well");
    assert_eq!(count("other", route, "405"), 1);
    assert_eq!(count("GET", unknown, "404"), 2);
    assert_eq!(found.count("http_requests_total", &[("route", "/api/users/{id}")]), 1);
    let timed = [("method", "GET"), route];
    assert_eq!(found.count("http_request_duration_seconds_count", &timed), 5);
    assert!(found.sum("http_request_duration_seconds_sum", &timed) > 0.0);
    assert_eq!(found.count("http_requests_in_flight", &[]), 1, "the scrape itself");
    let known: BTreeSet<_> = TABLE.iter().chain(FORMS).map(|(path, _)| *path).chain(OPEN.iter().copied()).collect();
    for route in found.values("route") {
        assert!(known.contains(route) || route == UNKNOWN_ROUTE, "{route}");
    }
    assert_eq!(scrape(&app.anonymous()).count("http_requests_total", &[("route", "/metrics")]), 1);
});

both!(no_label_takes_a_value_from_a_request, |app| {
    let ann = app.user();
    let before = busy(app).samples.len();
    for number in 0..40 {
        ann.get(&format!("/nothing/{number}"));
        ann.get(&format!("/api/v2/users/{number}x"));
        ann.send(&format!("M{number}"), EDGES, &[], None);
        ann.with_authorization(&format!("S{number} x")).get(EDGES);
        app.anonymous().with_authorization(&format!("Bearer urt_{number}")).get(EDGES);
    }
    let grown = scrape(&app.anonymous()).samples.len() - before;
    assert!(grown < 120, "{grown} new series");
});

both!(failed_authentication_is_counted_by_scheme_and_reason, |app| {
    let ann = app.user();
    for (header, scheme) in
        [("Token token=urt_x", "token"), ("bearer urt_x", "token"), ("Bearer a.b.c", "bearer"), ("Basic x", "other")]
    {
        ann.with_authorization(header).get(EDGES).refused(401, "unauthenticated");
        let found = scrape(&app.anonymous());
        assert!(
            found.sum("auth_failures_total", &[("scheme", scheme), ("reason", "unauthenticated")]) >= 1.0,
            "{header}"
        );
    }
    app.anonymous()
        .send("GET", EDGES, &[("api-id", "x"), ("api-signature", "y")], None)
        .refused(403, "signature-rejected");
    app.anonymous().get(EDGES).refused(401, "unauthenticated");
    app.caller("excluded").get(EDGES).refused(403, "account-disabled");
    let password = json!({"form": {"email": "unknown@example.com", "password": "wrong"}});
    app.anonymous().form("POST", "/api/sessions", &password);
    let found = scrape(&app.anonymous());
    for (scheme, reason) in
        [("signature", "signature-rejected"), ("none", "unauthenticated"), ("token", "account-disabled")]
    {
        assert_eq!(found.count("auth_failures_total", &[("scheme", scheme), ("reason", reason)]), 1, "{scheme}");
    }
    assert_eq!(
        found.count("auth_failures_total", &[]),
        7 + found.count("auth_failures_total", &[("scheme", "password")])
    );
});

both!(
    too_many_failures_are_counted_as_rate_limited,
    |config| {
        config.auth_failure_limit = 2;
    },
    |app| {
        for _ in 0..5 {
            app.anonymous().with_authorization("Token token=urt_guess").get(EDGES);
        }
        let found = scrape(&app.anonymous());
        assert_eq!(found.count("rate_limited_total", &[]), 3);
        assert_eq!(found.count("auth_failures_total", &[("reason", "rate-limited")]), 3);
    }
);

both!(the_store_counts_jobs_commits_and_connections, |app| {
    let found = busy(app);
    assert!(found.sum("store_job_duration_seconds_count", &[("job", "relationships.create")]) >= 11.0);
    assert!(found.sum("store_job_duration_seconds_count", &[("job", "relationships.list")]) >= 1.0);
    assert_eq!(found.count("store_jobs_queued", &[]), 0);
    assert!(found.sum("writes_per_commit_count", &[]) >= 2.0);
    assert!(found.sum("writes_per_commit_sum", &[]) >= 3.0);
    assert!(found.sum("store_connections", &[]) >= 1.0);
    let of_imports = ["done", "failed", "preview", "reading", "running"];
    assert_eq!(found.values("state"), ["busy", "idle"].into_iter().chain(of_imports).collect());
    assert_eq!(found.count("idempotent_replays_total", &[]), 1);
    let known = ["23505", "23503", "40001", "40P01", "08006"];
    assert!(found.values("code").iter().all(|code| known.contains(code)), "{:?}", found.values("code"));
});

/// Scrapes within a second.
#[track_caller]
fn scrape_in_time(client: &Client) -> Scrape {
    in_time("the scrape", Duration::from_secs(1), || scrape(client))
}

#[test]
fn metrics_are_served_while_the_database_is_down() {
    let Some(mut server) = PrivateServer::start() else { return };
    let url = server.url("postgres");
    let service = Service::start(&url, &[("DATABASE_TIMEOUT", "4s"), ("DATABASE_POOL_SIZE", "2")]);
    let connections = || scrape_in_time(&service.anonymous()).sum("store_connections", &[]);
    until("connections are made", PATIENCE, || connections() >= 1.0);
    server.stop();
    let token = format!("Token token=urt_{}", "a".repeat(64));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| service.anonymous().with_authorization(&token).get(EDGES));
        }
        for _ in 0..5 {
            until("waiting requests are in flight, and their jobs wait", PATIENCE, || {
                let found = scrape_in_time(&service.anonymous());
                found.sum("http_requests_in_flight", &[]) >= 2.0 && found.sum("store_jobs_queued", &[]) >= 2.0
            });
        }
    });
    let found = scrape_in_time(&service.anonymous());
    assert_eq!(found.count("http_requests_in_flight", &[]), 1);
    // The service's own jobs: it numbers changes, and looks for imports to go on with, one job at a time each.
    assert!(found.count("store_jobs_queued", &[]) <= 2);
}
