//! What networks do between the service and its database: they are slow, break connections, or fall silent.

use std::thread;
use std::time::{Duration, Instant};

use user_relationships::store::url::DatabaseUrl;

use crate::support::cluster::PrivateServer;
use crate::support::load::{Worker, under_load, user};
use crate::support::process::{PATIENCE, Service, newcomer, run, until};
use crate::support::sql::Raw;
use crate::support::wire::{NetworkFault, Wire};
use crate::support::{Answer, Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";

/// A service whose database is at the other end of a wire.
struct Stage {
    server: PrivateServer,
    wire: Wire,
    service: Service,
    admin: Client,
    ids: Vec<i64>,
}

impl Stage {
    /// `None` without PostgreSQL programs, which is said.
    fn set(settings: &[(&str, &str)]) -> Option<Self> {
        let server = PrivateServer::start()?;
        let wire = Wire::to(&server.socket());
        let token = newcomer(&server.url("postgres"), "root@example.com", "admin");
        let service = Service::start(&wire.url("postgres"), settings);
        let admin = service.client(&token);
        let ids = (0..8)
            .map(|at| admin.post("/api/v2/users", &user(&format!("user{at}@example.com"))).expect(201).id())
            .collect();
        Some(Self { server, wire, service, admin, ids })
    }

    fn workers(&self) -> Vec<Worker> {
        (0..3).map(|at| Worker::new(self.admin.clone(), self.ids[at], &self.ids[3..])).collect()
    }

    /// Whatever was answered is there, and nothing is half there.
    fn assert_sound(&self, workers: &[Worker]) {
        assert!(workers.iter().all(|worker| worker.acknowledged > 0));
        workers.iter().for_each(Worker::assert_kept);
        run(&self.server.url("postgres"), &["check"]).expect(0);
        assert!(!self.service.log().iter().any(|line| line.contains("panic")), "{:?}", self.service.log());
    }
}

#[test]
fn over_a_slow_network_requests_are_slow_and_nothing_else() {
    let Some(stage) = Stage::set(&[]) else { return };
    for weather in [NetworkFault::Slow(Duration::from_millis(20)), NetworkFault::Trickle] {
        stage.wire.turn(weather);
        let mut workers = stage.workers();
        under_load(&mut workers, |_| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(1_500) {
                assert!(stage.admin.get(&format!("{EDGES}?limit=50&include=user,target")).expect(200).total() >= 0);
            }
        });
        assert!(workers.iter().all(|worker| worker.refused == 0), "{weather:?}");
        stage.wire.turn(NetworkFault::Fair);
        stage.assert_sound(&workers);
        for id in stage.admin.get(&format!("{EDGES}?limit=50")).expect(200).ids() {
            stage.admin.delete(&format!("{EDGES}/{id}")).expect(204);
        }
    }
}

#[test]
fn connections_that_are_broken_cost_no_change_that_was_acknowledged() {
    let Some(stage) = Stage::set(&[("DATABASE_POOL_SIZE", "4")]) else { return };
    let mut workers = stage.workers();
    under_load(&mut workers, |_| {
        for round in 0..12_u64 {
            thread::sleep(Duration::from_millis(60 + 17 * round));
            stage.wire.reset();
            let answer = stage.admin.get(EDGES);
            assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        }
    });
    until("requests are served again", Duration::from_secs(5), || stage.admin.get(EDGES).status == 200);
    stage.assert_sound(&workers);
}

/// Connections that stay open while nothing comes through: the network goes on saying that the other side is there.
#[test]
fn connections_that_fall_silent_are_replaced_without_a_restart() {
    let settings = [("DATABASE_POOL_SIZE", "4"), ("DATABASE_TIMEOUT", "500ms"), ("REQUEST_TIMEOUT", "1s")];
    let Some(mut stage) = Stage::set(&settings) else { return };
    let id = stage.admin.post(EDGES, &edge(Some(stage.ids[0]), "mentor", stage.ids[1])).expect(201).id();
    let patch = json!({"data": {"type": "user-relationships", "id": id.to_string(),
                                "attributes": {"relationship": "colleague"}}});
    let asks: [&(dyn Fn() -> Answer + Sync); 5] = [
        &|| stage.admin.get(EDGES),
        &|| stage.admin.get(&format!("{EDGES}/{id}")),
        &|| stage.admin.get("/api/v2/users"),
        &|| stage.admin.patch(&format!("{EDGES}/{id}"), &patch),
        &|| stage.admin.post(EDGES, &edge(Some(stage.ids[1]), "mentor", stage.ids[2])),
    ];
    let service = &stage.service;
    // Once for each way to the database; the second time, what took the place of the first is silenced in turn.
    for _ in 0..2 {
        let silenced = stage.wire.silence();
        assert!(silenced >= 4, "{silenced} connections");
        let since = Instant::now();
        let patience = Duration::from_secs(8);
        thread::scope(|scope| {
            for ask in asks {
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
        service.anybody().get("/readyz").expect(200);
    }
    let told = service.log().iter().filter(|line| line.contains("has not answered")).count();
    assert!((1..=4).contains(&told), "{:?}", service.log());
    run(&stage.server.url("postgres"), &["check"]).expect(0);
    // Threads that wait for an answer still do not keep the service from ending.
    stage.service.signal("TERM");
    assert_eq!(stage.service.wait(PATIENCE).code(), Some(0));
}

/// A machine that stops in the middle of a write says no farewell: its locks are held by a session that nobody is at the
/// other end of, and whoever writes next must not wait for the network to find that out.
#[test]
fn an_instance_that_stops_in_the_middle_of_a_write_does_not_keep_its_locks() {
    let Some(stage) = Stage::set(&[("REQUEST_TIMEOUT", "2s")]) else { return };
    let id = stage.ids[0];
    let mut held = Raw::connect(&DatabaseUrl::parse(&stage.server.url("postgres")).expect("the server's URL"));
    let lock = format!("SELECT 1 FROM users WHERE id = {id} FOR UPDATE");
    let sessions = "SELECT count(*) AS number FROM pg_stat_activity WHERE application_name = 'user-relationships' AND";
    let waiting = format!("{sessions} wait_event_type = 'Lock'");
    let left_alone = format!("{sessions} state = 'idle in transaction'");
    held.run(&format!("BEGIN; {lock}"));
    thread::scope(|scope| {
        let patch = json!({"data": {"type": "users", "id": id.to_string(), "attributes": {"first-name": "Ann"}}});
        let request = scope.spawn({
            let admin = stage.admin.clone();
            move || admin.patch(&format!("/api/v2/users/{id}"), &patch)
        });
        until("the write waits for the lock", PATIENCE, || held.number(&waiting) == 1);
        stage.service.signal("STOP");
        held.run("COMMIT");
        until("the write has the lock, and nobody goes on with it", PATIENCE, || held.number(&left_alone) == 1);
        until("the lock is let go", Duration::from_secs(6), || {
            held.run("BEGIN; SET LOCAL lock_timeout = '100ms'");
            let is_free = held.attempt(&lock);
            held.run("ROLLBACK");
            is_free
        });
        stage.service.signal("CONT");
        let answer = request.join().expect("an answer");
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
    });
    let patch = json!({"data": {"type": "users", "id": id.to_string(), "attributes": {"first-name": "Bo"}}});
    stage.admin.patch(&format!("/api/v2/users/{id}"), &patch).expect(200);
    run(&stage.server.url("postgres"), &["check"]).expect(0);
}
