//! More connections than open files allow: idle clients do not keep others out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::app::{Engine, Home};
use crate::support::process::{Service, new_user_token, program_after_shell};
use crate::support::scrape::scrape;

const EDGES: &str = "/api/v2/user-relationships";

/// Starts a service with a limit of open files: `-n` sets both limits, `-Sn` the soft one.
fn service(home: &Home, limit: &str) -> Service {
    let command = program_after_shell(&format!("ulimit {limit}; exec \"$0\" \"$@\""));
    Service::start_as(command, &home.text(), &[("RUST_LOG", "info")])
}

fn connect(service: &Service) -> TcpStream {
    let stream = TcpStream::connect(service.address).expect("the service listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream
}

/// Sends a request and keeps the connection open.
fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").expect("sent");
    let mut answer = [0; 4096];
    let length = stream.read(&mut answer).unwrap_or_default();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[test]
fn new_connections_are_served_beside_too_many_idle_ones() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let token = new_user_token(&home.text(), "ann@example.com", "user");
    let service = service(&home, "-n 220");
    // Some send nothing, some send half a head, and some wait after a response.
    let (begun, mut idle) = (Instant::now(), Vec::new());
    for number in 0..300 {
        let mut stream = connect(&service);
        match number % 3 {
            0 => {}
            1 => stream.write_all(b"GET /livez HTTP/1.1\r\nx-half: ").expect("sent"),
            _ => assert!(ask(&mut stream).starts_with("HTTP/1.1 200"), "connection {number}"),
        }
        idle.push(stream);
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "no connection waits: {:?}", begun.elapsed());
    for _ in 0..5 {
        let asked = Instant::now();
        // A new client each time, which has no connection yet.
        service.client(&token).get(EDGES).expect(200);
        assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    }
    let log = service.log();
    assert!(!log.iter().any(|line| line.contains("Too many open files")), "{log:?}");
    assert_eq!(log.iter().filter(|line| line.contains("connections run short")).count(), 1, "{log:?}");
}

#[test]
fn a_connection_that_is_busy_is_not_evicted() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let token = new_user_token(&home.text(), "ann@example.com", "user");
    let service = service(&home, "-n 220");
    let mut busy = connect(&service);
    let head = format!(
        "POST {EDGES} HTTP/1.1\r\nhost: x\r\nauthorization: Token token={token}\r\ncontent-type: \
         application/json\r\ncontent-length: 2\r\n\r\n{{"
    );
    busy.write_all(head.as_bytes()).expect("sent");
    std::thread::sleep(Duration::from_millis(300));
    let idle: Vec<_> = (0..200).map(|_| connect(&service)).collect();
    std::thread::sleep(Duration::from_millis(300));
    busy.write_all(b"}").expect("sent");
    let mut answer = [0; 12];
    busy.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 400");
    drop(idle);
}

#[test]
fn the_soft_limit_of_open_files_is_raised_at_start() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let service = service(&home, "-Sn 200");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", service.id())).expect("the limits of a process");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("the limit of files");
    let [soft, hard] = [0, 1].map(|at| line.split_whitespace().nth(at).expect("two limits"));
    assert_eq!(soft, hard);
    assert!(service.log().iter().any(|line| line.contains("raised the limit of open files from 200")));
    assert!(scrape(&service.anonymous()).sum("process_max_fds", &[]) > 200.0);
}
