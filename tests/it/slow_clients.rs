//! Clients that take their time, and far too many of them: none of them keeps the service from others.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::app::{App, Engine, Home};
use crate::support::process::{Service, in_time, newcomer, program_behind, until};
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
    newcomer(url, "ann@example.com", "user")
}

/// Everything that comes until the other end closes, or until nothing came for long.
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
fn thousands_of_idle_and_slow_connections_hold_nobody_up_and_are_cut_off() {
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
        // A letter now and then does not make a head quicker.
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
fn more_connections_than_there_are_files_for_leave_the_database_and_the_probes_alone() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let command = program_behind("ulimit -n 220; exec \"$0\" \"$@\"");
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
fn a_body_that_does_not_come_is_waited_for_no_longer_than_a_request_may_take() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let service = Service::start(&url, &[("REQUEST_TIMEOUT", "1s")]);
    let token = newcomer(&url, "root@example.com", "admin");
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
        // A letter now and then does not make it quicker.
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
fn the_time_of_a_request_begins_at_the_door_where_a_signed_body_is_read() {
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
    // All but the end of the body at once, the end so late or never; what is answered, and when.
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
    let (answer, observe_duration) = send(None);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\"unavailable\""), "{answer}");
    assert!(observe_duration < Duration::from_secs(5), "{observe_duration:?}");
    // What the door has used is no longer there for the handler, which waits for the file.
    let mut holder = Raw::connect(&app.home().url());
    holder.run("BEGIN IMMEDIATE");
    let (answer, observe_duration) = send(Some(Duration::from_millis(1_200)));
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(observe_duration < Duration::from_millis(2_900), "{observe_duration:?}");
    holder.run("ROLLBACK");
    until("the file is free", Duration::from_secs(10), || {
        let (answer, _) = send(Some(Duration::from_millis(500)));
        answer.starts_with("HTTP/1.1 201") || answer.starts_with("HTTP/1.1 409")
    });
}

#[test]
fn whoever_takes_nothing_of_its_answers_is_cut_off() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let service = Service::start(&home.text(), &[("REQUEST_TIMEOUT", "1s")]);
    let mut stream = connect(service.address);
    let whole = service.anybody().get("/openapi.json").expect(200).text.len();
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
    assert!(got < times * whole / 2, "{got} bytes came after all");
    sending.join().expect("it ends");
    service.anybody().get("/livez").expect(200);
}

#[test]
fn floods_of_header_fields_are_refused() {
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
    // What an open connection may send once it is let in is limited too.
    let (head, fields) = (flood(60, 1_200), ann.authorization().unwrap_or_default());
    let head = head.replacen("host: x", &format!("host: x\r\nconnection: close\r\nauthorization: {fields}"), 1);
    assert!(ann.raw(head.as_bytes()).starts_with("HTTP/1.1 431"));
}
