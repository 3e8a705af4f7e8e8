//! Slow clients, in large numbers: none of them blocks others.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::app::{App, Engine, Home};
use crate::support::process::{Service, in_time, new_user_token, program_after_shell, until};
use crate::support::scrape::scrape;
use crate::support::signing::Signer;
use crate::support::sql::Raw;
use crate::support::{Client, edge};

const EDGES: &str = "/api/v2/user-relationships";

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the service listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream
}

fn token(url: &str) -> String {
    new_user_token(url, "ann@example.com", "user")
}

/// Everything that arrives until the other end closes, or until a long pause.
fn rest(mut stream: TcpStream) -> (String, bool) {
    let mut bytes = Vec::new();
    let is_closed = match stream.read_to_end(&mut bytes) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    };
    (String::from_utf8_lossy(&bytes).into_owned(), is_closed)
}

#[track_caller]
fn answers_promptly(client: &Client) {
    in_time("a list", Duration::from_secs(2), || client.get(EDGES).expect(200));
}

#[test]
fn idle_and_slow_connections_delay_no_client_and_are_closed() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let service = Service::start(&url, &[]);
    let ann = service.client(&token(&url));
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    let number = files.unwrap_or(1_024_usize).saturating_sub(500).min(10_000);
    let mut open: Vec<_> = (0..number).map(|_| connect(service.address)).collect();
    for (at, stream) in open.iter_mut().enumerate() {
        let begun: &[u8] = match at % 3 {
            0 => b"",
            1 => b"GET /api/v2/users HTTP/1.1\r\nhost: x\r\nx-slow: ",
            _ => b"G",
        };
        stream.write_all(begun).expect("sent");
    }
    let opened = Instant::now();
    while opened.elapsed() < Duration::from_secs(3) {
        answers_promptly(&ann);
        // Single bytes now and then do not extend the time for a head.
        for stream in open.iter_mut().skip(1).step_by(3) {
            drop(stream.write_all(b"x"));
        }
        thread::sleep(Duration::from_millis(200));
    }
    let asked = Instant::now();
    for stream in open.into_iter().take(90) {
        let (answer, is_closed) = rest(stream);
        assert!(is_closed && (answer.is_empty() || answer.starts_with("HTTP/1.1 408")), "{answer}");
    }
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    answers_promptly(&ann);
}

#[test]
fn more_connections_than_open_files_affect_no_probe_or_database() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let command = program_after_shell("ulimit -n 220; exec \"$0\" \"$@\"");
    let settings = [("ADMIN_LISTEN", "127.0.0.1:0"), ("AUTH_REFRESH", "0s")];
    let service = Service::start_as(command, &url, &settings);
    let (admin, ann) = (service.admin(), service.client(&token(&url)));
    answers_promptly(&ann);
    let open: Vec<_> = (0..400).map(|_| connect(service.address)).collect();
    thread::sleep(Duration::from_millis(500));
    for _ in 0..5 {
        admin.get("/readyz").expect(200);
        let found = scrape(&admin);
        assert!(found.sum("process_open_fds", &[]) < found.sum("process_max_fds", &[]), "files are left");
    }
    drop(open);
    until("requests are served again", Duration::from_secs(15), || ann.get(EDGES).status == 200);
    let log = service.log();
    assert!(!log.iter().any(|line| line.contains("Too many open files")), "{log:?}");
}

#[test]
fn a_request_whose_body_never_arrives_is_a_503() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let service = Service::start(&url, &[("REQUEST_TIMEOUT", "1s")]);
    let token = new_user_token(&url, "root@example.com", "admin");
    let cases = [
        ("POST", EDGES),
        ("POST", "/api/v2/users"),
        ("PATCH", "/api/v2/users/me"),
        ("POST", "/api/v2/operations"),
        ("POST", "/api/sessions"),
        ("PUT", "/api/users/1"),
        ("POST", "/api/user/relationships"),
    ];
    for (method, path) in cases {
        let kind = if path.ends_with("operations") {
            "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\""
        } else {
            "application/json"
        };
        let asked = Instant::now();
        let mut stream = connect(service.address);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Token token={token}\r\ncontent-type: {kind}\r\n\
             content-length: 1000\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).expect("sent");
        // Single bytes now and then do not extend the time.
        let mut dripping = stream.try_clone().expect("a second handle");
        let dripper = thread::spawn(move || {
            while dripping.write_all(b" ").is_ok() && asked.elapsed() < Duration::from_secs(8) {
                thread::sleep(Duration::from_millis(100));
            }
        });
        let (answer, is_closed) = rest(stream);
        assert!(answer.starts_with("HTTP/1.1 503"), "{method} {path}: {answer}");
        assert!(is_closed && asked.elapsed() < Duration::from_secs(7), "{method} {path}: {:?}", asked.elapsed());
        dripper.join().expect("it ends");
    }
}

#[test]
fn the_time_to_read_a_signed_body_counts_towards_the_deadline() {
    let app = App::start(Home::new(Engine::Sqlite).expect("a folder"), |config| {
        config.request_timeout = Duration::from_secs(2);
        config.database_timeout = Duration::from_secs(30);
    });
    let (ann, bob) = (app.named("ann@example.com", "user"), app.user());
    let signer = Signer::new(&app, "ann@example.com");
    let body = edge(None, "mentor", bob.id).to_string();
    let fields = signer.fields("POST", &ann.base(), EDGES, Some(body.as_bytes()));
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "POST {EDGES} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n{}content-length: \
         {}\r\n\r\n",
        ann.address(),
        fields.concat(),
        body.len()
    );
    // All but the end of the body immediately; the end late or never. Returns the response and its time.
    let send = |late: Option<Duration>| {
        let asked = Instant::now();
        let mut stream = connect(ann.address());
        let (begin, end) = body.split_at(body.len() - 1);
        stream.write_all(format!("{head}{begin}").as_bytes()).expect("sent");
        if let Some(late) = late {
            thread::sleep(late);
            drop(stream.write_all(end.as_bytes()));
        }
        (rest(stream).0, asked.elapsed())
    };
    let (answer, elapsed) = send(None);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\"unavailable\""), "{answer}");
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    // The time that authentication used is missing for the handler, which waits for the file.
    let mut holder = Raw::connect(&app.home().url());
    holder.run("BEGIN IMMEDIATE");
    let (answer, elapsed) = send(Some(Duration::from_millis(1_200)));
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(elapsed < Duration::from_millis(2_900), "{elapsed:?}");
    holder.run("ROLLBACK");
    until("the file is free", Duration::from_secs(10), || {
        let (answer, _) = send(Some(Duration::from_millis(500)));
        answer.starts_with("HTTP/1.1 201") || answer.starts_with("HTTP/1.1 409")
    });
}

#[test]
fn a_client_that_stops_reading_is_disconnected() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let service = Service::start(&home.text(), &[("REQUEST_TIMEOUT", "1s")]);
    let mut stream = connect(service.address);
    let whole = service.anonymous().get("/openapi.json").expect(200).text.len();
    let times = 100_000_000 / whole;
    let mut sender = stream.try_clone().expect("a second handle");
    let sending = thread::spawn(move || {
        for _ in 0..times {
            if sender.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n").is_err() {
                return;
            }
        }
    });
    thread::sleep(Duration::from_secs(6));
    let mut got = 0;
    let mut buffer = vec![0; 1 << 20];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        got += read;
    }
    assert!(got < times * whole / 2, "all {got} bytes arrived");
    sending.join().expect("it ends");
    service.anonymous().get("/livez").expect(200);
}

#[test]
fn too_many_header_fields_are_refused() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let service = Service::start(&url, &[]);
    let ann = service.client(&token(&url));
    let flood = |number: usize, length: usize| {
        let fields: Vec<_> = (0..number).map(|at| format!("x-{at}: {}\r\n", "y".repeat(length))).collect();
        let fields = fields.concat();
        format!("GET {EDGES} HTTP/1.1\r\nhost: x\r\n{fields}\r\n")
    };
    thread::scope(|scope| {
        for (number, length) in [(90, 2_000), (500, 10), (5_000, 1), (20, 60_000), (1, 1_000_000)] {
            for _ in 0..4 {
                let (flood, address) = (flood(number, length), service.address);
                scope.spawn(move || {
                    let mut stream = connect(address);
                    // It may be refused before all of it is sent.
                    drop(stream.write_all(flood.as_bytes()));
                    let (answer, is_closed) = rest(stream);
                    let status = answer.split(' ').nth(1).unwrap_or_default();
                    assert!(["400", "401", "431", ""].contains(&status), "{number} of {length}: {answer}");
                    assert!(is_closed || status == "401" || status == "431", "{number} of {length}: {answer}");
                });
            }
        }
        for _ in 0..10 {
            answers_promptly(&ann);
        }
    });
    // What an open connection may send after authentication is limited, too.
    let (head, fields) = (flood(60, 1_200), ann.authorization().unwrap_or_default());
    let head = head.replacen("host: x", &format!("host: x\r\nconnection: close\r\nauthorization: {fields}"), 1);
    assert!(ann.raw(head.as_bytes()).starts_with("HTTP/1.1 431"));
}
