//! Planned and unplanned ends of the process: acknowledged writes stay, others are complete or absent.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::both;
use crate::support::load::{Worker, under_load};
use crate::support::process::{PATIENCE, Service, run, until};
use crate::support::scrape::scrape;
use crate::support::sql::Raw;
use crate::support::{App, Client, edge};

const EDGES: &str = "/api/v2/user-relationships";

/// Clients of `service` that change edges to eight users.
fn workers(app: &App, service: &Service) -> (Vec<Client>, Vec<Worker>) {
    let clients: Vec<_> = (0..4).map(|_| app.user()).collect();
    let targets: Vec<_> = (0..8).map(|_| app.user().id).collect();
    let workers = clients.iter().map(|client| Worker::new(client.at(service.address), client.id, &targets)).collect();
    (clients, workers)
}

/// Blocks all changes of edges until it is rolled back.
fn hold_writers(app: &App) -> Raw {
    let mut raw = Raw::connect(&app.config.database_url);
    match raw {
        Raw::Sqlite(_) => raw.run("BEGIN IMMEDIATE"),
        Raw::Postgres(_) => raw.run("BEGIN; LOCK TABLE user_relationships IN EXCLUSIVE MODE"),
    }
    raw
}

/// Waits until a request is in flight besides the one that asks.
fn until_in_flight(service: &Service) {
    let number = || scrape(&service.anonymous()).count("http_requests_in_flight", &[]);
    until("a request is in flight", PATIENCE, || number() >= 2);
}

fn is_listening(service: &Service) -> bool {
    TcpStream::connect(service.address).is_ok()
}

both!(acknowledged_writes_survive_kill_9_under_load, |app| {
    let url = app.home().text();
    let mut service = Service::start(&url, &[]);
    let (clients, mut workers) = workers(app, &service);
    let mut acknowledged = 0;
    for round in 0..5_u64 {
        under_load(&mut workers, |_| {
            let answered = |status| scrape(&service.anonymous()).count("http_requests_total", &[("status", status)]);
            until("a write is acknowledged", PATIENCE, || answered("201") + answered("204") > 0);
            thread::sleep(Duration::from_millis(150 + 37 * round));
            service.kill();
        });
        run(&url, &["check"]).expect(0);
        service = Service::start(&url, &[]);
        workers =
            workers.into_iter().zip(&clients).map(|(worker, client)| worker.at(client.at(service.address))).collect();
        workers.iter().for_each(Worker::assert_kept);
        let so_far = workers.iter().map(|worker| worker.acknowledged).sum();
        assert!(so_far > acknowledged, "there was no load in round {round}");
        acknowledged = so_far;
    }
    service.kill();
    app.assert_no_drift();
});

both!(sigterm_drains_the_service_and_exits_with_0, |app| {
    let url = app.home().text();
    let mut service = Service::start(&url, &[("DRAIN_DELAY", "2s")]);
    let (clients, mut workers) = workers(app, &service);
    let anonymous = service.anonymous();
    anonymous.get("/readyz").expect(200);
    let status = under_load(&mut workers, |_| {
        thread::sleep(Duration::from_millis(200));
        service.signal("TERM");
        let signalled = Instant::now();
        until("`/readyz` turns 503", Duration::from_secs(1), || anonymous.get("/readyz").status == 503);
        anonymous.get("/livez").expect(200);
        while signalled.elapsed() < Duration::from_secs(1) {
            clients[0].at(service.address).get(&format!("{EDGES}?limit=1")).expect(200);
        }
        service.wait(PATIENCE)
    });
    assert_eq!(status.code(), Some(0));
    assert!(workers.iter().all(|worker| worker.acknowledged > 0 && worker.refused == 0));
    run(&url, &["check"]).expect(0);
    let service = Service::start(&url, &[]);
    for (worker, client) in workers.into_iter().zip(&clients) {
        worker.at(client.at(service.address)).assert_kept();
    }
});

both!(a_request_in_flight_is_finished_after_sigterm, |app| {
    let mut service = Service::start(&app.home().text(), &[]);
    let (ann, bob) = (app.user(), app.user());
    let there = ann.at(service.address);
    // The token is verified and its use is recorded before writers are blocked.
    there.get("/api/v2/users/me").expect(200);
    thread::sleep(Duration::from_millis(200));
    let mut held = hold_writers(app);
    let made = thread::scope(|scope| {
        let request = scope.spawn(|| there.post(EDGES, &edge(None, "mentor", bob.id)));
        until_in_flight(&service);
        service.signal("TERM");
        until("the listener closes", Duration::from_secs(5), || !is_listening(&service));
        assert!(!request.is_finished(), "the request was abandoned");
        held.run("ROLLBACK");
        request.join().expect("an answer").expect(201).id()
    });
    assert_eq!(service.wait(PATIENCE).code(), Some(0));
    assert_eq!(ann.get(&format!("{EDGES}?user={}", ann.id)).expect(200).ids(), [made]);
});

both!(a_second_signal_ends_the_service_immediately, |app| {
    let (ann, bob) = (app.user(), app.user());
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM")] {
        let mut service = Service::start(&app.home().text(), &[("DRAIN_DELAY", "10s")]);
        let there = ann.at(service.address);
        there.get("/api/v2/users/me").expect(200);
        thread::sleep(Duration::from_millis(200));
        let mut held = hold_writers(app);
        thread::scope(|scope| {
            let body = edge(None, "mentor", bob.id).to_string();
            let headers = [("content-type", "application/vnd.api+json")];
            let request = scope.spawn(move || there.attempt("POST", EDGES, &headers, Some(body.as_bytes())));
            until_in_flight(&service);
            service.signal(first);
            thread::sleep(Duration::from_millis(200));
            assert!(is_listening(&service), "requests are served during `DRAIN_DELAY`");
            service.signal(second);
            let ended = service.wait(Duration::from_secs(5));
            assert_eq!(ended.code(), Some(0), "it exited by itself");
            assert!(request.join().expect("no panic").is_err(), "the connection is closed without a response");
        });
        held.run("ROLLBACK");
    }
    app.assert_no_drift();
});
