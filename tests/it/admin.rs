//! `ADMIN_LISTEN`: probes and metrics that respond in time whatever the state of requests, pool, database and disk.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use user_relationships::http::paths::is_probe;
use user_relationships::http::routes::OPEN;

use crate::support::app::{Engine, Home};
use crate::support::cluster::PrivateServer;
use crate::support::process::{Guard, PATIENCE, Service, finish, in_time, new_user_token, program, until};
use crate::support::scrape::scrape;
use crate::support::skip::skip;
use crate::support::sql::Raw;
use crate::support::{Answer, Client};

const EDGES: &str = "/api/v2/user-relationships";
const APART: (&str, &str) = ("ADMIN_LISTEN", "127.0.0.1:0");

/// The time limit of a probe, with a margin for a busy machine.
const IN_TIME: Duration = Duration::from_millis(1_200);

#[track_caller]
fn probe(client: &Client, path: &str) -> Answer {
    in_time(path, IN_TIME, || client.get(path))
}

/// Asserts that `/livez` and `/metrics` return 200 and `/readyz` this status, each in time.
#[track_caller]
fn assert_probes(client: &Client, ready: u16) {
    probe(client, "/livez").expect(200);
    probe(client, "/readyz").expect(ready);
    probe(client, "/metrics").expect(200);
}

fn token(url: &str) -> String {
    new_user_token(url, "ann@example.com", "user")
}

#[test]
fn the_admin_address_serves_probes_and_metrics_only() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let service = Service::start(&home.text(), &[APART]);
    let (admin, anonymous) = (service.admin(), service.anonymous());
    assert_probes(&admin, 200);
    assert_eq!(admin.get("/readyz?verbose").expect(200).body["meta"]["checks"]["not-draining"], true);
    admin.send("POST", "/livez", &[], None).refused(405, "method-not-allowed");
    for path in OPEN {
        let (there, here) = if is_probe(path) { (200, 404) } else { (404, 200) };
        admin.get(path).expect(there);
        anonymous.get(path).expect(here);
    }
    admin.get(EDGES).refused(404, "not-found");
    anonymous.get(EDGES).refused(401, "unauthenticated");
    assert_eq!(scrape(&admin).count("http_requests_total", &[("route", EDGES), ("status", "401")]), 1);

    let address = admin.address().to_string();
    for args in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        let settings = [("LISTEN", "127.0.0.1:1"), ("ADMIN_LISTEN", &address)];
        finish(program().envs(settings).args(args)).expect(0);
        finish(program().env("LISTEN", service.address.to_string()).args(args)).expect(1);
    }
}

#[test]
fn serve_names_an_admin_address_that_is_in_use() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its number").to_string();
    let settings = [("DATABASE_URL", home.text()), ("LISTEN", "127.0.0.1:0".to_owned()), ("ADMIN_LISTEN", address)];
    let ended = finish(program().envs(settings).arg("serve")).expect(1);
    assert!(ended.stderr.contains("ADMIN_LISTEN") && ended.stderr.contains("--admin-listen"), "{}", ended.stderr);
}

#[test]
fn probes_answer_while_the_pool_is_exhausted_or_the_database_is_down() {
    let Some(mut server) = PrivateServer::start() else { return };
    let url = server.url("postgres");
    let settings = [APART, ("DATABASE_POOL_SIZE", "2"), ("DATABASE_TIMEOUT", "5s"), ("REQUEST_TIMEOUT", "6s")];
    let service = Service::start(&url, &settings);
    let (admin, ann) = (service.admin(), service.client(&token(&url)));
    ann.get(EDGES).expect(200);
    assert_probes(&admin, 200);
    let mut other = Raw::connect(&user_relationships::store::url::DatabaseUrl::parse(&url).expect("a URL"));
    other.run("BEGIN; LOCK TABLE user_relationships IN ACCESS EXCLUSIVE MODE");
    thread::scope(|scope| {
        // One kind of request cannot use both connections.
        for _ in 0..3 {
            scope.spawn(|| ann.get(EDGES));
            scope.spawn(|| ann.get(&format!("{EDGES}/1")));
        }
        until("both connections are busy", PATIENCE, || {
            scrape(&admin).sum("store_connections", &[("state", "busy")]) >= 2.0
        });
        for _ in 0..3 {
            assert_probes(&admin, 503);
        }
        assert!(scrape(&admin).sum("store_jobs_queued", &[]) >= 1.0, "jobs that wait for a connection");
        other.run("ROLLBACK");
    });
    until("`/readyz` is 200 again", PATIENCE, || probe(&admin, "/readyz").status == 200);
    server.stop();
    for _ in 0..3 {
        assert_probes(&admin, 503);
    }
    server.start_again();
    until("`/readyz` is 200 again", PATIENCE, || probe(&admin, "/readyz").status == 200);
}

/// Locks the write-ahead index for as long as the script lives, as SQLite does during recovery. A worker that reads
/// then blocks inside a call, as it does when a disk hangs.
const HOLD: &str = "
import fcntl, sys
shm = open(sys.argv[1], 'r+b')
fcntl.lockf(shm, fcntl.LOCK_EX, 5, 123)
print('held', flush=True)
sys.stdin.read()
";

#[test]
fn probes_answer_while_every_worker_is_stuck() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let service = Service::start(&url, &[APART, ("AUTH_REFRESH", "1h")]);
    let (admin, ann) = (service.admin(), service.client(&token(&url)));
    ann.get(EDGES).expect(200);
    let index = home.file().expect("a file").with_extension("db-shm");
    let mut python = Command::new("python3");
    let holder = python.args(["-c", HOLD]).arg(index).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut holder) = holder.map(Guard) else {
        skip("no Python to hold a lock with");
        return;
    };
    let mut said = String::new();
    BufReader::new(holder.0.stdout.take().expect("a pipe")).read_line(&mut said).expect("a line");
    assert_eq!(said.trim(), "held");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| ann.get(EDGES));
        }
        thread::sleep(Duration::from_millis(300));
        let asked = Instant::now();
        let anonymous = service.anonymous();
        let other = scope.spawn(move || {
            anonymous.get("/");
            asked.elapsed()
        });
        for _ in 0..3 {
            assert_probes(&admin, 503);
        }
        drop(holder.0.stdin.take());
        assert!(other.join().expect("an answer") > Duration::from_millis(500), "the workers were not stuck");
    });
    holder.wait(PATIENCE);
    until("`/readyz` is 200 again", PATIENCE, || probe(&admin, "/readyz").status == 200);
    ann.get(EDGES).expect(200);
}

#[test]
fn probes_report_draining_until_the_process_exits() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let settings = [APART, ("DRAIN_DELAY", "2s"), ("SHUTDOWN_TIMEOUT", "20s"), ("REQUEST_TIMEOUT", "12s")];
    let mut service = Service::start(&url, &settings);
    let (admin, ann) = (service.admin(), service.client(&token(&url)));
    assert_probes(&admin, 200);
    // A request in flight: its body arrives late.
    let late = thread::spawn({
        let (address, authorization) = (ann.address(), ann.authorization().unwrap_or_default().to_owned());
        move || {
            let mut stream = std::net::TcpStream::connect(address).expect("the service listens");
            let head = format!(
                "POST {EDGES} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {authorization}\r\n\
                 content-type: application/json\r\ncontent-length: 2\r\n\r\n{{"
            );
            std::io::Write::write_all(&mut stream, head.as_bytes()).expect("sent");
            thread::sleep(Duration::from_secs(6));
            std::io::Write::write_all(&mut stream, b"}").expect("sent");
            let mut answer = String::new();
            std::io::Read::read_to_string(&mut stream, &mut answer).expect("an answer");
            answer
        }
    });
    until("it is in flight", PATIENCE, || scrape(&admin).count("http_requests_in_flight", &[]) >= 2);
    service.signal("TERM");
    until("`/readyz` turns 503", Duration::from_secs(1), || probe(&admin, "/readyz").status == 503);
    ann.get(EDGES).expect(200);
    until("the listener is closed", Duration::from_secs(4), || ann.attempt("GET", EDGES, &[], None).is_err());
    assert_probes(&admin, 503);
    assert!(late.join().expect("an answer").starts_with("HTTP/1.1 400"), "requests in flight are answered");
    assert!(service.wait(PATIENCE).success());
}

#[test]
fn requests_beyond_the_shutdown_timeout_are_cut_off() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let mut service = Service::start(&url, &[APART, ("SHUTDOWN_TIMEOUT", "1s"), ("REQUEST_TIMEOUT", "60s")]);
    let ann = service.client(&token(&url));
    let mut stream = std::net::TcpStream::connect(ann.address()).expect("the service listens");
    let head = format!(
        "POST {EDGES} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-type: application/json\r\n\
         content-length: 2\r\n\r\n{{",
        ann.authorization().unwrap_or_default()
    );
    std::io::Write::write_all(&mut stream, head.as_bytes()).expect("sent");
    until("it is in flight", PATIENCE, || scrape(&service.admin()).count("http_requests_in_flight", &[]) >= 2);
    service.signal("TERM");
    let began = Instant::now();
    assert_eq!(service.wait(PATIENCE).code(), Some(0));
    let elapsed = began.elapsed();
    assert!(elapsed > Duration::from_millis(900) && elapsed < Duration::from_secs(6), "{elapsed:?}");
}

#[test]
fn a_second_signal_ends_the_process_immediately() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let mut service = Service::start(&home.text(), &[APART, ("DRAIN_DELAY", "1m")]);
    service.signal("INT");
    until("`/readyz` turns 503", PATIENCE, || service.admin().get("/readyz").status == 503);
    service.signal("TERM");
    assert!(service.wait(Duration::from_secs(2)).success());
}
