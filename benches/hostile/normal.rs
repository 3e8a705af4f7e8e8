//! The normal client: one user that reads and changes its own data at a modest rate.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use super::Stop;
use super::http::{Client, JSON_API, Request};
use super::seed::Seed;

/// Its source address.
const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// The number of concurrent requests.
const LANES: u64 = 16;
/// The interval of a lane: 50 requests per second in total.
const PERIOD: Duration = Duration::from_millis(320);
/// How long it waits for a response.
const PATIENCE: Duration = Duration::from_secs(20);

/// The results of its requests.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Microseconds from the scheduled time of each request to its complete response.
    pub latencies: Vec<u32>,
    /// Responses with status 500 or above.
    pub server_errors: usize,
    /// Requests with another unexpected response, or none.
    pub failures: usize,
    /// Descriptions of the first of both kinds.
    pub examples: Vec<String>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.server_errors += other.server_errors;
        self.failures += other.failures;
        self.examples.extend(other.examples);
    }
}

/// Runs all lanes until the run ends.
pub fn run(address: SocketAddr, seed: &Seed, stop: &Stop) -> Outcome {
    thread::scope(|scope| {
        let lanes: Vec<_> =
            (0..LANES).map(|number| scope.spawn(move || Lane::new(number, address, seed, stop).run())).collect();
        let mut all = Outcome::default();
        for lane in lanes {
            all.add(lane.join().expect("the lane ends"));
        }
        all
    })
}

struct Lane<'r> {
    number: u64,
    client: Client<'r>,
    seed: &'r Seed,
    stop: &'r Stop,
    edge: Option<String>,
    outcome: Outcome,
}

impl<'r> Lane<'r> {
    fn new(number: u64, address: SocketAddr, seed: &'r Seed, stop: &'r Stop) -> Self {
        let client = Client::new(address, SOURCE, stop);
        Self { number, client, seed, stop, edge: None, outcome: Outcome::default() }
    }

    /// Sends requests at fixed times. A late response delays the next request, and the delay counts as latency; otherwise a
    /// stall would hide the requests that it delays.
    fn run(mut self) -> Outcome {
        let mut due = Instant::now() + PERIOD.mul_f64(self.number as f64 / LANES as f64);
        for step in 0.. {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if self.stop.is_set() {
                break;
            }
            let (request, expected, what) = self.next(step);
            let answer = self.client.send(&request, PATIENCE);
            if self.stop.is_set() {
                break;
            }
            self.outcome.latencies.push(u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX));
            match answer {
                Ok(answer) if answer.status == expected => {
                    if expected == 201 {
                        self.edge = answer.member("id");
                    }
                }
                Ok(answer) => {
                    let is_server_error = answer.status >= 500;
                    self.outcome.server_errors += usize::from(is_server_error);
                    self.outcome.failures += usize::from(!is_server_error);
                    let detail = answer.member("detail").or_else(|| answer.member("title")).unwrap_or_default();
                    self.note(format!("{what}: {} {detail}", answer.status));
                }
                Err(error) => {
                    self.outcome.failures += 1;
                    self.note(format!("{what}: {error}"));
                }
            }
            due += PERIOD;
        }
        self.outcome
    }

    fn note(&mut self, what: String) {
        if self.outcome.examples.len() < 3 {
            self.outcome.examples.push(what);
        }
    }

    /// The request of a step, its expected status and its description.
    fn next(&mut self, step: u64) -> (Request, u16, &'static str) {
        const EDGES: &str = "/api/v2/user-relationships";
        let token = &self.seed.normal.token;
        let get = |path: &str| Request::new("GET", path).token(token);
        // No two creates of a run have the same target.
        let target = 3 + (step * LANES + self.number) % (self.seed.users - 3);
        let edge = self.edge.clone();
        match (step % 10, edge) {
            (1, None) => {
                let body = format!(
                    r#"{{"data":{{"type":"user-relationships","attributes":{{"relationship":"mentor"}},"relationships":{{"target":{{"data":{{"type":"users","id":"{target}"}}}}}}}}}}"#
                );
                (Request::new("POST", EDGES).token(token).body(JSON_API, body), 201, "create")
            }
            (2 | 6, Some(id)) => (get(&format!("{EDGES}/{id}")), 200, "get"),
            (4, Some(id)) => {
                let body = format!(
                    r#"{{"data":{{"type":"user-relationships","id":"{id}","attributes":{{"relationship":"colleague"}}}}}}"#
                );
                (Request::new("PATCH", &format!("{EDGES}/{id}")).token(token).body(JSON_API, body), 200, "patch")
            }
            (9, Some(id)) => {
                self.edge = None;
                (Request::new("DELETE", &format!("{EDGES}/{id}")).token(token), 204, "delete")
            }
            (3, _) => (get(&format!("{EDGES}?filter%5Btarget%5D=2&page%5Blimit%5D=20")), 200, "list of a target"),
            (5, _) => (get("/api/v2/users/me"), 200, "own user"),
            (7, _) => (get(&format!("{EDGES}?filter%5Buser%5D={target}&include=target")), 200, "list with targets"),
            (8, _) if self.number == 0 => {
                let id = &self.seed.normal.id;
                let body =
                    format!(r#"{{"data":{{"type":"users","id":"{id}","attributes":{{"phone":["+358 {step}"]}}}}}}"#);
                (Request::new("PATCH", "/api/v2/users/me").token(token).body(JSON_API, body), 200, "patch of its user")
            }
            _ => (get(&format!("{EDGES}?filter%5Buser%5D={target}")), 200, "list"),
        }
    }
}
