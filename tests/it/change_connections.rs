//! The connections of readers that wait for changes: many, closed ones, and those of a process that shuts down.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::support::app::{Engine, Home};
use crate::support::changes::{CHANGES, cursor, now};
use crate::support::process::{PATIENCE, Service, new_user_token, until};
use crate::support::scrape::scrape;
use crate::support::sql::Raw;
use crate::support::{Client, json};

/// A service, and an admin that has seen all changes.
struct FeedService {
    service: Service,
    admin: Client,
    token: String,
    position: String,
    /// Dropped last.
    home: Home,
}

impl FeedService {
    /// One on each available database.
    fn all(settings: &[(&str, &str)]) -> Vec<Self> {
        let start = |home: Home| {
            let token = new_user_token(&home.text(), "root@example.com", "admin");
            let service = Service::start(&home.text(), settings);
            let admin = service.client(&token);
            let position = now(&admin);
            Self { service, admin, token, position, home }
        };
        [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(Home::new).map(start).collect()
    }

    fn url(&self) -> String {
        format!("{CHANGES}?page[after]={}", self.position)
    }

    /// Sends a request that may wait, on a connection of its own.
    fn ask(&self, seconds: u32) -> TcpStream {
        let mut stream = TcpStream::connect(self.service.address).expect("the service listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let (path, token) = (self.url().replace('[', "%5B").replace(']', "%5D"), &self.token);
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Token token={token}\r\n");
        write!(stream, "{head}connection: close\r\nprefer: wait={seconds}\r\n\r\n").expect("sent");
        stream
    }

    fn waiting(&self) -> i64 {
        scrape(&self.admin).count("changes_readers_waiting", &[])
    }

    #[track_caller]
    fn wait_for(&self, readers: i64) {
        // Below the 50 s that they wait.
        until("the number of waiting readers", PATIENCE + PATIENCE / 2, || self.waiting() == readers);
    }
}

/// Reads a response to its end.
#[track_caller]
fn read(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a response");
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    text
}

/// The most readers that wait, with the default settings.
const MOST: usize = 1_000;

/// Has as many readers wait as may, and wakes them with a change. Returns the time until all of them have read it.
fn wake_a_thousand(feed: &mut FeedService) -> Duration {
    feed.position = now(&feed.admin);
    let readers: Vec<_> = (0..MOST).map(|_| feed.ask(50)).collect();
    feed.wait_for(1_000);
    for _ in 0..20 {
        let refused = feed.admin.send("GET", &feed.url(), &[("prefer", "wait=50")], None);
        let refused = refused.refused(503, "unavailable");
        assert_eq!(refused.header("retry-after"), Some("1"));
        let reason = "1000 readers are waiting for changes, which is the most";
        assert!(refused.text.contains(reason), "{}", refused.text);
    }
    // Without a wait, the feed is served.
    assert_eq!(cursor(&feed.admin.get(&feed.url()).expect(200)), feed.position);
    let start = Instant::now();
    let email = format!("new{}@example.com", feed.admin.get("/api/v2/users?limit=0").expect(200).total());
    let new = json!({"data": {"type": "users", "attributes": {"email": email}}});
    let id = feed.admin.post("/api/v2/users", &new).expect(201).id();
    for reader in readers {
        let text = read(reader);
        assert!(text.contains(&format!("\"subject-id\":\"{id}\"")), "{text}");
    }
    start.elapsed()
}

#[test]
fn a_thousand_readers_wait_and_one_change_wakes_them_all() {
    // One source may have half of all connections; a proxy has the clients of many.
    // All of them read at once when they wake, which may take longer than the default wait for a connection.
    let settings = [("REQUEST_TIMEOUT", "60s"), ("DATABASE_TIMEOUT", "20s"), ("TRUSTED_PROXIES", "127.0.0.1/32")];
    for mut feed in FeedService::all(&settings) {
        // A busy machine may delay them once, but a real wait delays all three.
        let times = std::iter::repeat_with(|| wake_a_thousand(&mut feed));
        let is_soon = times.take(3).any(|time| time < Duration::from_secs(10));
        assert!(is_soon, "longer than 10 s each time");
        feed.wait_for(0);
        // Others may wait again.
        feed.position = now(&feed.admin);
        assert!(read(feed.ask(1)).contains("\"data\":[]"));
    }
}

#[test]
fn a_reader_that_hangs_up_waits_no_longer() {
    for feed in FeedService::all(&[("REQUEST_TIMEOUT", "60s")]) {
        let staying = feed.ask(4);
        let others: Vec<_> = (0..5).map(|_| feed.ask(50)).collect();
        feed.wait_for(6);
        let start = Instant::now();
        drop(others);
        feed.wait_for(1);
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        // A client that sends nothing more, but reads, gets its response at once.
        let closing = feed.ask(50);
        feed.wait_for(2);
        closing.shutdown(Shutdown::Write).expect("open");
        assert!(read(closing).contains("\"data\":[]"));
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
        assert!(read(staying).contains("\r\npreference-applied: wait=4\r\n"));
    }
}

#[test]
fn a_wait_that_begins_during_a_shutdown_is_short() {
    for mut feed in FeedService::all(&[("DRAIN_DELAY", "4s")]) {
        feed.service.signal("TERM");
        until("the service is not ready", PATIENCE, || feed.admin.get("/readyz").status == 503);
        let start = Instant::now();
        let waits: Vec<_> = (0..3).map(|_| feed.ask(9)).collect();
        for text in waits.into_iter().map(read) {
            // Not at once, so that a client that asks again and again does so in peace; and the connection is closed.
            assert!(start.elapsed() > Duration::from_millis(900), "{:?}", start.elapsed());
            assert!(text.contains("\r\npreference-applied: wait=1\r\n"), "{text}");
            assert!(text.contains("\r\nconnection: close\r\n"), "{text}");
            assert!(text.contains(&feed.position), "{text}");
        }
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        assert!(feed.service.wait(PATIENCE).success());
    }
}

/// The first query of a request takes until the process shuts down, so that it waits afterwards.
#[test]
fn a_wait_granted_before_a_shutdown_and_begun_after_it_is_short() {
    for feed in FeedService::all(&[("DRAIN_DELAY", "4s")]) {
        let mut holder = Raw::connect(&feed.home.url());
        if matches!(holder, Raw::Sqlite(_)) {
            continue;
        }
        holder.run("BEGIN; LOCK TABLE changes");
        let reader = feed.ask(9);
        let mut observer = Raw::connect(&feed.home.url());
        until("the first query waits", PATIENCE, || observer.waiting_sessions() == 1);
        feed.service.signal("TERM");
        until("the service is not ready", PATIENCE, || feed.admin.get("/readyz").status == 503);
        holder.run("COMMIT");
        let start = Instant::now();
        assert!(read(reader).contains("\r\npreference-applied: wait=9\r\n"));
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
}
