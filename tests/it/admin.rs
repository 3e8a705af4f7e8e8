//! `ADMIN_LISTEN`: probes and metrics that answer in time whatever happens to requests, pool, database and disk.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use user_relationships::http::routes::{OPEN, is_probe};

use crate::support::app::{Engine, Home};
use crate::support::cluster::PrivateServer;
use crate::support::process::{Guard, PATIENCE, Service, finish, in_time, newcomer, program, until};
use crate::support::scrape::scrape;
use crate::support::sql::Raw;
use crate::support::{Answer, Client};

const EDGES: &str = "/api/v2/user-relationships";
const APART: (&str, &str) = ("ADMIN_LISTEN", "127.0.0.1:0");

/// What a probe has to keep to, and a little for a busy machine.
const IN_TIME: Duration = Duration::from_millis(1_200);

#[track_caller]
fn probe(client: &Client, path: &str) -> Answer {
    in_time(path, IN_TIME, || client.get(path))
}

/// `/livez` and `/metrics` are 200 and `/readyz` is this, each in time.
#[track_caller]
fn assert_probes(client: &Client, ready: u16) {
    probe(client, "/livez").expect(200);
    probe(client, "/readyz").expect(ready);
    probe(client, "/metrics").expect(200);
}

fn token(url: &str) -> String {
    newcomer(url, "ann@example.com", "user")
}

#[test]
fn probes_and_metrics_are_at_their_own_address_and_nothing_else_is() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let service = Service::start(&home.text(), &[APART]);
    let (admin, anybody) = (service.admin(), service.anybody());
    assert_probes(&admin, 200);
    assert_eq!(admin.get("/readyz?verbose").expect(200).body["meta"]["checks"]["not-draining"], true);
    admin.send("POST", "/livez", &[], None).refused(405, "method-not-allowed");
    for path in OPEN {
        let (there, here) = if is_probe(path) { (200, 404) } else { (404, 200) };
        admin.get(path).expect(there);
        anybody.get(path).expect(here);
    }
    admin.get(EDGES).refused(404, "not-found");
    anybody.get(EDGES).refused(401, "unauthenticated");
    assert_eq!(scrape(&admin).count("http_requests_total", &[("route", EDGES), ("status", "401")]), 1);

    let address = admin.address().to_string();
    for args in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        let settings = [("LISTEN", "127.0.0.1:1"), ("ADMIN_LISTEN", &address)];
        finish(program().envs(settings).args(args)).expect(0);
        finish(program().env("LISTEN", service.address.to_string()).args(args)).expect(1);
    }
}

#[test]
fn an_admin_address_that_is_taken_is_told_by_its_name() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its number").to_string();
    let settings = [("DATABASE_URL", home.text()), ("LISTEN", "127.0.0.1:0".to_owned()), ("ADMIN_LISTEN", address)];
    let ended = finish(program().envs(settings)).expect(1);
    assert!(ended.stderr.contains("ADMIN_LISTEN") && ended.stderr.contains("--admin-listen"), "{}", ended.stderr);
}

#[test]
fn probes_answer_in_time_while_the_pool_is_exhausted_and_while_the_database_is_away() {
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
        for _ in 0..6 {
            scope.spawn(|| ann.get(EDGES));
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

/// Keeps everybody from reading: what SQLite does where another process puts its log of changes in order, for as long as
/// the script lives. A worker that reads then waits in the middle of a call, as it does when a disk hangs.
const HOLD: &str = "
import fcntl, sys
shm = open(sys.argv[1], 'r+b')
fcntl.lockf(shm, fcntl.LOCK_EX, 5, 123)
print('held', flush=True)
sys.stdin.read()
";

#[test]
fn probes_answer_in_time_while_every_worker_is_stuck() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let service = Service::start(&url, &[APART, ("AUTH_REFRESH", "1h")]);
    let (admin, ann) = (service.admin(), service.client(&token(&url)));
    ann.get(EDGES).expect(200);
    let index = home.file().expect("a file").with_extension("db-shm");
    let mut python = Command::new("python3");
    let holder = python.args(["-c", HOLD]).arg(index).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut holder) = holder.map(Guard) else {
        eprintln!("SKIPPED: no Python to hold a lock with");
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
        let anybody = service.anybody();
        let other = scope.spawn(move || {
            anybody.get("/");
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
fn while_the_process_drains_probes_say_so_until_the_very_end() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let settings = [APART, ("DRAIN_DELAY", "2s"), ("SHUTDOWN_TIMEOUT", "20s"), ("REQUEST_TIMEOUT", "12s")];
    let mut service = Service::start(&url, &settings);
    let (admin, ann) = (service.admin(), service.client(&token(&url)));
    assert_probes(&admin, 200);
    // A request in flight: its body comes late.
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
    assert!(late.join().expect("an answer").starts_with("HTTP/1.1 400"), "what is in flight is answered");
    assert!(service.wait(PATIENCE).success());
}

#[test]
fn what_is_not_finished_in_time_is_cut_off() {
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
    let observe_duration = began.elapsed();
    assert!(
        observe_duration > Duration::from_millis(900) && observe_duration < Duration::from_secs(6),
        "{observe_duration:?}"
    );
}

#[test]
fn a_second_signal_ends_at_once() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let mut service = Service::start(&home.text(), &[APART, ("DRAIN_DELAY", "1m")]);
    service.signal("INT");
    until("`/readyz` turns 503", PATIENCE, || service.admin().get("/readyz").status == 503);
    service.signal("TERM");
    assert!(service.wait(Duration::from_secs(2)).success());
}
