//! Faults of the network between the service and its database: slow, broken and stalled connections.

use std::thread;
use std::time::{Duration, Instant};

use user_relationships::store::url::DatabaseUrl;

use crate::support::cluster::PrivateServer;
use crate::support::load::{Worker, under_load, user};
use crate::support::network_proxy::{NetworkFault, NetworkProxy};
use crate::support::process::{PATIENCE, Service, new_user_token, run, until};
use crate::support::sql::Raw;
use crate::support::{Answer, Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";

/// A service that reaches its database through a proxy.
struct Fixture {
    server: PrivateServer,
    proxy: NetworkProxy,
    service: Service,
    admin: Client,
    ids: Vec<i64>,
}

impl Fixture {
    /// Returns `None` without PostgreSQL programs, after a message.
    fn new(settings: &[(&str, &str)]) -> Option<Self> {
        let server = PrivateServer::start()?;
        let proxy = NetworkProxy::to(&server.socket());
        let token = new_user_token(&server.url("postgres"), "root@example.com", "admin");
        let service = Service::start(&proxy.url("postgres"), settings);
        let admin = service.client(&token);
        let ids = (0..8)
            .map(|at| admin.post("/api/v2/users", &user(&format!("user{at}@example.com"))).expect(201).id())
            .collect();
        Some(Self { server, proxy, service, admin, ids })
    }

    fn workers(&self) -> Vec<Worker> {
        (0..3).map(|at| Worker::new(self.admin.clone(), self.ids[at], &self.ids[3..])).collect()
    }

    /// Asserts that every acknowledged change exists and that no change is partial.
    fn assert_sound(&self, workers: &[Worker]) {
        assert!(workers.iter().all(|worker| worker.acknowledged > 0));
        workers.iter().for_each(Worker::assert_kept);
        run(&self.server.url("postgres"), &["check"]).expect(0);
        assert!(!self.service.log().iter().any(|line| line.contains("panic")), "{:?}", self.service.log());
    }
}

#[test]
fn on_a_slow_network_requests_are_only_slower() {
    let Some(fixture) = Fixture::new(&[]) else { return };
    for fault in [NetworkFault::Slow(Duration::from_millis(20)), NetworkFault::Trickle] {
        fixture.proxy.set_fault(fault);
        let mut workers = fixture.workers();
        under_load(&mut workers, |_| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(1_500) {
                assert!(fixture.admin.get(&format!("{EDGES}?limit=50&include=user,target")).expect(200).total() >= 0);
            }
        });
        assert!(workers.iter().all(|worker| worker.refused == 0), "{fault:?}");
        fixture.proxy.set_fault(NetworkFault::None);
        fixture.assert_sound(&workers);
        for id in fixture.admin.get(&format!("{EDGES}?limit=50")).expect(200).ids() {
            fixture.admin.delete(&format!("{EDGES}/{id}")).expect(204);
        }
    }
}

#[test]
fn broken_connections_lose_no_acknowledged_change() {
    let Some(fixture) = Fixture::new(&[("DATABASE_POOL_SIZE", "4")]) else { return };
    let mut workers = fixture.workers();
    under_load(&mut workers, |_| {
        for round in 0..12_u64 {
            thread::sleep(Duration::from_millis(60 + 17 * round));
            fixture.proxy.reset();
            let answer = fixture.admin.get(EDGES);
            assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        }
    });
    until("requests are served again", Duration::from_secs(5), || fixture.admin.get(EDGES).status == 200);
    fixture.assert_sound(&workers);
}

/// Connections that stay open while nothing passes: the network acknowledges packets for the other side.
#[test]
fn stalled_connections_are_replaced_without_a_restart() {
    let settings = [("DATABASE_POOL_SIZE", "4"), ("DATABASE_TIMEOUT", "500ms"), ("REQUEST_TIMEOUT", "1s")];
    let Some(mut fixture) = Fixture::new(&settings) else { return };
    let id = fixture.admin.post(EDGES, &edge(Some(fixture.ids[0]), "mentor", fixture.ids[1])).expect(201).id();
    let patch = json!({"data": {"type": "user-relationships", "id": id.to_string(),
                                "attributes": {"relationship": "colleague"}}});
    let requests: [&(dyn Fn() -> Answer + Sync); 5] = [
        &|| fixture.admin.get(EDGES),
        &|| fixture.admin.get(&format!("{EDGES}/{id}")),
        &|| fixture.admin.get("/api/v2/users"),
        &|| fixture.admin.patch(&format!("{EDGES}/{id}"), &patch),
        &|| fixture.admin.post(EDGES, &edge(Some(fixture.ids[1]), "mentor", fixture.ids[2])),
    ];
    let service = &fixture.service;
    // Once for the first pools; the second time for those that replaced them.
    for _ in 0..2 {
        let silenced = fixture.proxy.silence();
        assert!(silenced >= 4, "{silenced} connections");
        let since = Instant::now();
        let patience = Duration::from_secs(8);
        thread::scope(|scope| {
            for ask in requests {
                scope.spawn(move || {
                    loop {
                        let asked = Instant::now();
                        let answer = ask();
                        assert!(asked.elapsed() < Duration::from_secs(3), "{:?} {answer:?}", asked.elapsed());
                        if answer.status != 503 {
                            assert!(matches!(answer.status, 200 | 201 | 409), "{answer:?}");
                            return;
                        }
                        assert!(answer.header("retry-after").is_some(), "{answer:?}");
                        assert!(since.elapsed() < patience, "{answer:?}\n{}", service.log().join("\n"));
                    }
                });
            }
        });
        service.anonymous().get("/readyz").expect(200);
    }
    let report = service.log().iter().filter(|line| line.contains("has not responded")).count();
    assert!((1..=4).contains(&report), "{:?}", service.log());
    run(&fixture.server.url("postgres"), &["check"]).expect(0);
    // Threads that still wait for the database do not prevent the service from exiting.
    fixture.service.signal("TERM");
    assert_eq!(fixture.service.wait(PATIENCE).code(), Some(0));
}

/// A machine that stops during a write closes no connection: its session keeps its locks, and the next writer must not
/// wait until the network reports the failure.
#[test]
fn an_instance_frozen_during_a_write_does_not_keep_its_locks() {
    let Some(fixture) = Fixture::new(&[("REQUEST_TIMEOUT", "2s")]) else { return };
    let id = fixture.ids[0];
    let mut held = Raw::connect(&DatabaseUrl::parse(&fixture.server.url("postgres")).expect("the server's URL"));
    let lock = format!("SELECT 1 FROM users WHERE id = {id} FOR UPDATE");
    let sessions = "SELECT count(*) AS number FROM pg_stat_activity WHERE application_name = 'user-relationships' AND";
    let waiting = format!("{sessions} wait_event_type = 'Lock'");
    let left_alone = format!("{sessions} state = 'idle in transaction'");
    held.run(&format!("BEGIN; {lock}"));
    thread::scope(|scope| {
        let patch = json!({"data": {"type": "users", "id": id.to_string(), "attributes": {"first-name": "Ann"}}});
        let request = scope.spawn({
            let admin = fixture.admin.clone();
            move || admin.patch(&format!("/api/v2/users/{id}"), &patch)
        });
        until("the write waits for the lock", PATIENCE, || held.number(&waiting) == 1);
        fixture.service.signal("STOP");
        held.run("COMMIT");
        until("the frozen write holds the lock", PATIENCE, || held.number(&left_alone) == 1);
        until("the lock is released", Duration::from_secs(6), || {
            held.run("BEGIN; SET LOCAL lock_timeout = '100ms'");
            let is_free = held.attempt(&lock);
            held.run("ROLLBACK");
            is_free
        });
        fixture.service.signal("CONT");
        let answer = request.join().expect("an answer");
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
    });
    let patch = json!({"data": {"type": "users", "id": id.to_string(), "attributes": {"first-name": "Bo"}}});
    fixture.admin.patch(&format!("/api/v2/users/{id}"), &patch).expect(200);
    run(&fixture.server.url("postgres"), &["check"]).expect(0);
}
