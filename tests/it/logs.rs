//! The log line of a request: exactly these fields, once, without secrets.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::app::{Engine, Home};
use crate::support::process::{Guard, PATIENCE, Service, new_user_token, program, run, until};
use crate::support::sql::Raw;
use crate::support::{Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const FIXED: [&str; 4] = ["timestamp", "level", "target", "message"];
const FIELDS: [&str; 9] =
    ["request_id", "method", "route", "status", "duration_ms", "bytes", "user_id", "scheme", "client_ip"];

/// The log line of the request with that id.
fn line(service: &Service, id: &str) -> Value {
    let mut found = Vec::new();
    until("the line is logged", PATIENCE, || {
        let lines = service.log();
        let all = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        found = all.filter(|line| line["request_id"] == id).collect();
        !found.is_empty()
    });
    assert_eq!(found.len(), 1, "one line per request: {found:?}");
    found.remove(0)
}

fn names(line: &Value) -> BTreeSet<&str> {
    line.as_object().expect("an object").keys().map(String::as_str).filter(|name| !FIXED.contains(name)).collect()
}

fn ask(client: &Client, method: &str, path: &str, id: &str, headers: &[(&str, &str)], body: Option<&Value>) {
    let body = body.map(Value::to_string);
    let headers = [&[("x-request-id", id), ("content-type", "application/vnd.api+json")], headers].concat();
    client.send(method, path, &headers, body.as_deref().map(str::as_bytes));
}

#[test]
fn a_request_has_one_log_line_with_the_documented_fields() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let token = new_user_token(&url, "ann@example.com", "user");
    let service = Service::start(&url, &[("RUST_LOG", "info")]);
    let ann = service.client(&token);

    ask(&ann, "GET", "/api/v2/users/1?fields%5Busers%5D=email", "one", &[], None);
    let found = line(&service, "one");
    assert_eq!(names(&found), FIELDS.into());
    assert_eq!((&found["level"], &found["target"]), (&json!("INFO"), &json!("request")));
    assert_eq!(
        (&found["method"], &found["route"], &found["status"]),
        (&json!("GET"), &json!("/api/v2/users/{id}"), &json!(200))
    );
    assert_eq!(
        (&found["user_id"], &found["scheme"], &found["client_ip"]),
        (&json!(1), &json!("token"), &json!("127.0.0.1"))
    );
    assert!(found["bytes"].as_u64().expect("a number") > 100 && found["duration_ms"].as_f64().expect("a number") > 0.0);
    let digits = found["duration_ms"].to_string();
    assert!(digits.split('.').nth(1).unwrap_or_default().len() <= 3, "{digits}");

    ask(&ann, "HEAD", "/api/v2/users/1", "head", &[], None);
    assert_eq!(line(&service, "head")["bytes"], 0);
    ask(&service.anonymous(), "GET", EDGES, "two", &[], None);
    let found = line(&service, "two");
    assert_eq!((&found["status"], &found["user_id"], &found["scheme"]), (&json!(401), &json!(0), &json!("-")));
    assert_eq!(
        (&found["level"], &found["message"], &found["route"]),
        (&json!("INFO"), &json!("unauthenticated"), &json!(EDGES))
    );
    assert_eq!(names(&found), FIELDS.into());
    ask(&ann, "GET", "/no/such/ann@example.com", "three", &[], None);
    assert_eq!(line(&service, "three")["route"], "unknown");

    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    ask(&ann, "GET", EDGES, "four", &[("traceparent", trace)], None);
    assert_eq!(line(&service, "four")["traceparent"], trace);
    ask(&ann, "GET", EDGES, "five", &[("traceparent", "00-0-0-0")], None);
    assert_eq!(names(&line(&service, "five")), FIELDS.into());

    for path in ["/livez", "/readyz", "/metrics"] {
        ask(&service.anonymous(), "GET", path, "probe", &[], None);
    }
    ask(&ann, "GET", EDGES, "last", &[], None);
    line(&service, "last");
    assert!(!service.log().iter().any(|line| line.contains("probe")), "{:?}", service.log());
}

#[test]
fn a_failure_of_the_service_is_logged_once_with_its_cause() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let token = new_user_token(&url, "ann@example.com", "user");
    run(&url, &["user", "add", "--email", "bob@example.com"]).expect(0);
    let service = Service::start(&url, &[("REQUEST_TIMEOUT", "300ms"), ("RUST_LOG", "info")]);
    let ann = service.client(&token);
    ann.get(EDGES).expect(200);
    let mut other = Raw::connect(&home.url());
    other.run("BEGIN IMMEDIATE");
    ask(&ann, "POST", EDGES, "late", &[], Some(&edge(None, "mentor", 2)));
    let found = line(&service, "late");
    assert_eq!(
        (&found["level"], &found["status"], &found["message"]),
        (&json!("ERROR"), &json!(503), &json!("unavailable"))
    );
    assert!(found["cause"].as_str().is_some_and(|cause| cause.contains("longer than")), "{found}");
    other.run("ROLLBACK");
}

#[test]
fn the_log_is_json_without_secrets() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let token = new_user_token(&url, "ann@example.com", "user");
    let mut service = Service::start(&url, &[("RUST_LOG", "debug"), ("AUTH_REFRESH", "0s")]);
    let ann = service.client(&token);
    let secrets = ["s3cr3t", "ann@example.com", &token, "c0ffee"];
    let headers = [("cookie", "session=s3cr3t"), ("api-nonce", "s3cr3t")];
    ask(&ann, "GET", "/api/v2/users?filter%5Bquery%5D=s3cr3t", "a", &headers, None);
    ask(&ann, "GET", "/api/v2/users?s3cr3t=1", "b", &headers, None);
    ask(
        &ann,
        "POST",
        "/api/v2/users",
        "c",
        &[],
        Some(&json!({"data": {"type": "users", "attributes": {"s3cr3t": 1}}})),
    );
    ask(&service.anonymous().with_authorization("Token token=urt_s3cr3t"), "GET", EDGES, "d", &[], None);
    let signed = [("api-id", "s3cr3t"), ("api-user", "ann@example.com"), ("api-signature", "c0ffee")];
    ask(&service.anonymous(), "GET", EDGES, "e", &signed, None);
    let session = json!({"form": {"email": "ann@example.com", "password": "s3cr3t"}});
    service.anonymous().form("POST", "/api/sessions", &session);
    service.anonymous().raw(b"GET /s3cr3t HTTP/1.1\r\nhost: x\r\nbad header s3cr3t\r\n\r\n");
    ask(&ann, "GET", EDGES, "z", &[], None);
    line(&service, "z");
    service.signal("TERM");
    assert!(service.wait(Duration::from_secs(30)).success());
    for line in service.log() {
        serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(!secrets.iter().any(|secret| line.contains(secret)), "{line}");
    }
}

/// Sends a request whose every part has the maximum length, and returns its id.
fn send_largest(ann: &Client, kind: usize) -> String {
    let id = format!("long{kind}-{}", "\\\"".repeat(50));
    let authorization = ann.authorization().unwrap_or_default();
    let common = format!(
        "host: x\r\nconnection: close\r\nauthorization: {authorization}\r\nx-request-id: {id}\r\n\
         traceparent: cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-{}\r\n",
        "x".repeat(20_000)
    );
    let request = match kind {
        0 => format!("GET /api/v2/users?{} HTTP/1.1\r\n{common}\r\n", "a&".repeat(4_000)),
        1 => format!("{} /api/v2/users HTTP/1.1\r\n{common}\r\n", "M".repeat(30_000)),
        2 => format!("GET /{} HTTP/1.1\r\n{common}\r\n", "%C3%A4".repeat(1_300)),
        _ => {
            let attributes: Vec<_> = (0..60_000).map(|at| format!("\"a{at}\":0")).collect();
            let body = format!(r#"{{"data":{{"type":"users","attributes":{{{}}}}}}}"#, attributes.join(","));
            let head = format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            format!("PATCH /api/v2/users/me HTTP/1.1\r\n{common}{head}{body}")
        }
    };
    let answer = ann.raw(request.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 4"), "{kind}: {}", answer.lines().next().unwrap_or_default());
    id
}

#[test]
fn the_log_line_of_any_request_is_short() {
    for format in ["json", "text"] {
        let home = Home::new(Engine::Sqlite).expect("a folder");
        let token = new_user_token(&home.text(), "ann@example.com", "user");
        let mut command = program();
        command.env("DATABASE_URL", home.text()).env("LISTEN", "127.0.0.1:0").env("LOG_FORMAT", format).arg("serve");
        let mut child = Guard(command.spawn().expect("the program starts"));
        let log = BufReader::new(child.0.stderr.take().expect("a pipe")).lines();
        let mut log = log.map(|line| line.expect("a line of text"));
        let address = log.find_map(|line| {
            let (_, rest) = line.split_once("listening on http://")?;
            rest.split(['"', ' ']).next()?.parse::<SocketAddr>().ok()
        });
        let ann = Client::new(address.expect("the service listens"), 0, Some(format!("Token token={token}")));
        for kind in 0..4 {
            let id = send_largest(&ann, kind);
            let line = log.find(|line| line.contains(&format!("long{kind}"))).expect("the line of the request");
            assert!(line.len() < 4_096, "{format} {kind}: {} bytes", line.len());
            if format == "json" {
                let line: Value = serde_json::from_str(&line).expect("a line of JSON");
                assert_eq!(line["request_id"], *id);
                assert!(line["status"].as_u64().is_some_and(|status| status >= 400), "{line}");
            } else {
                assert!(line.contains(&format!("request_id={id}")) && line.contains(" status=4"), "{line}");
            }
        }
    }
}

/// A service whose log only the caller reads; and what it logged until it listened.
fn unread(url: String) -> (Guard, impl Iterator<Item = Value>, SocketAddr) {
    let mut command = program();
    command
        .env("DATABASE_URL", url)
        .env("LISTEN", "127.0.0.1:0")
        .env("WORKERS", "2")
        .env("LOG_FORMAT", "json")
        .arg("serve");
    let mut child = Guard(command.spawn().expect("the program starts"));
    let log = BufReader::new(child.0.stderr.take().expect("a pipe")).lines();
    let mut log = log.map(|line| serde_json::from_str::<Value>(&line.expect("a line")).expect("a line of JSON"));
    let address = log.find_map(|line| line["address"].as_str()?.parse().ok()).expect("the service listens");
    (child, log, address)
}

#[test]
fn a_slow_log_reader_does_not_delay_requests() {
    const REQUESTS: usize = 6_000;
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let (mut child, log, address) = unread(home.text());
    let anonymous = Client::new(address, 0, None);
    for _ in 0..REQUESTS {
        let asked = Instant::now();
        anonymous.get("/").expect(200);
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    }
    let reader = std::thread::spawn(move || {
        let (mut report, mut left_out) = (0, 0);
        for line in log {
            report += usize::from(line["target"] == "request");
            left_out += line["left_out"].as_u64().unwrap_or_default();
        }
        (report, left_out)
    });
    std::thread::sleep(Duration::from_millis(500));
    assert!(std::process::Command::new("kill").arg(child.0.id().to_string()).status().expect("`kill` runs").success());
    assert!(child.wait(PATIENCE).success());
    let (report, left_out) = reader.join().expect("the rest of the log");
    assert!(left_out > 0, "the log was shorter than the queue");
    assert_eq!(report as u64 + left_out, REQUESTS as u64, "dropped lines are counted");
}

#[test]
fn a_log_without_a_reader_does_not_prevent_shutdown() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let (mut child, _log, address) = unread(home.text());
    let anonymous = Client::new(address, 0, None);
    for _ in 0..500 {
        anonymous.get("/").expect(200);
    }
    assert!(std::process::Command::new("kill").arg(child.0.id().to_string()).status().expect("`kill` runs").success());
    assert!(child.wait(Duration::from_secs(10)).success());
}
