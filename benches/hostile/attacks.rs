//! The attacks: each has a few lanes that repeat one action, at a rate that costs the attacker little.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use super::Stop;
use super::data::scatter;
use super::http::{Answer, Client, JSON_API, Request, connect, reset};
use super::seed::{Seed, User};

const ATOMIC: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
const EDGES: &str = "/api/v2/user-relationships";
/// How long an attacker waits for a response.
const PATIENCE: Duration = Duration::from_secs(40);
/// Connections of `idle-connections`; the service may open 1,024 files.
const IDLE: usize = 1_200;

/// One kind of attack.
pub struct Attack {
    pub name: &'static str,
    /// A description.
    pub what: &'static str,
    lanes: usize,
    /// Time between two actions of a lane.
    period: Duration,
    pub is_for_postgres_only: bool,
    act: fn(&mut Lane) -> io::Result<()>,
}

const fn attack(
    name: &'static str,
    lanes: usize,
    period_ms: u64,
    act: fn(&mut Lane) -> io::Result<()>,
    what: &'static str,
) -> Attack {
    Attack { name, what, lanes, period: Duration::from_millis(period_ms), is_for_postgres_only: false, act }
}

/// All attacks.
pub const ATTACKS: [Attack; 14] = [
    attack("operations", 2, 6_000, rewrite_own_profile, "300 and 1,000 updates of the own profile in one request"),
    attack("keyed-operations", 2, 6_000, rewrite_with_key, "the same with an `Idempotency-Key`"),
    attack("repeats", 16, 6_000, repeat_keyed_request, "16 repeats of one keyed request of 300 updates"),
    attack("searches", 8, 1_000, abandon_search, "searches of 400 bytes abandoned by RST, 8/s"),
    attack("error-queries", 1, 200, send_error_query, "`?a&a&a…` of 7.9 KB, 5/s"),
    attack("error-bodies", 1, 200, send_error_body, "documents of 830 KB with unknown attributes, 5/s"),
    attack("big-pages", 4, 1_000, read_big_page, "the first page of `/users` and a group with its members, 4/s"),
    attack("refused-types", 2, 100, register_type, "relationship types that exist or may not be registered, 20/s"),
    attack("idle-connections", 1, 1_000, hold_idle_connections, "1,200 idle anonymous connections, opened again"),
    attack("unsigned-bodies", 5, 1_000, send_unsigned_body, "bodies of 1 MB under random `Api-Id`s, 5/s"),
    attack("passwords", 10, 1_000, sign_in_wrongly, "sessions with wrong passwords of new addresses, 10/s"),
    attack("tokens", 4, 40, send_random_token, "random tokens, 100/s"),
    attack("slow-clients", 1, 500, drip, "100 heads that drip, 40 readers that take 2 KB/s of the largest answers"),
    Attack {
        is_for_postgres_only: true,
        ..attack(
            "locked-table",
            21,
            250,
            use_locked_table,
            "a lock on `groups` for 8 of 16 s, and 80 lists of groups per second",
        )
    },
];

/// The results of an attack.
#[derive(Debug, Default)]
pub struct Tally {
    pub requests: u64,
    /// Responses by status; `0` means no response.
    pub statuses: BTreeMap<u16, u64>,
    pub sent: u64,
    pub received: u64,
    /// Seconds to the slowest response.
    pub slowest: f64,
    /// The first responses that are neither successes nor refusals.
    pub examples: Vec<String>,
}

/// The state shared by all lanes of a run.
pub struct Ground<'r> {
    pub address: SocketAddr,
    pub seed: &'r Seed,
    pub stop: &'r Stop,
    /// The database, for the session that locks a table.
    pub url: &'r str,
    pub started: Instant,
}

/// One thread of an attack.
pub struct Lane<'r> {
    ground: &'r Ground<'r>,
    tally: &'r Mutex<Tally>,
    attack: usize,
    number: usize,
    step: u64,
    client: Client<'r>,
    held: Vec<TcpStream>,
    slow: Vec<TcpStream>,
}

/// Runs one attack until the run ends.
pub fn run(index: usize, ground: &Ground) -> Tally {
    let attack = &ATTACKS[index];
    let tally = Mutex::default();
    thread::scope(|scope| {
        for number in 0..attack.lanes {
            let tally = &tally;
            scope.spawn(move || {
                let client = Client::new(ground.address, source(index, number as u64), ground.stop);
                let (held, slow) = (Vec::new(), Vec::new());
                let mut lane = Lane { ground, tally, attack: index, number, step: 0, client, held, slow };
                let mut due = Instant::now() + attack.period.mul_f64(number as f64 / attack.lanes as f64);
                // Repeats of one request are simultaneous.
                if attack.name == "repeats" {
                    due = Instant::now();
                }
                loop {
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    if ground.stop.is_set() {
                        break;
                    }
                    if let Err(error) = (attack.act)(&mut lane)
                        && !ground.stop.is_set()
                    {
                        lane.count(0, 0, Duration::ZERO);
                        lane.note(error.to_string());
                        thread::sleep(Duration::from_millis(50));
                    }
                    lane.step += 1;
                    // Actions delayed by a slow response are skipped, so the rate is bounded.
                    while due <= Instant::now() {
                        due += attack.period;
                    }
                }
            });
        }
    });
    tally.into_inner().expect("no panics")
}

/// An address of the loopback network for each source.
fn source(attack: usize, number: u64) -> Ipv4Addr {
    Ipv4Addr::new(127, 10 + attack as u8, (number / 250) as u8, 1 + (number % 250) as u8)
}

impl<'r> Lane<'r> {
    fn me(&self, offset: usize) -> &'r User {
        &self.ground.seed.attackers[offset]
    }

    /// A unique number for an action.
    fn unique(&self) -> u64 {
        let run = u64::from(self.ground.started.elapsed().subsec_nanos());
        scatter(run ^ self.step << 32 ^ (self.number as u64) << 48 ^ (self.attack as u64) << 56)
    }

    fn send(&mut self, request: &Request) -> io::Result<Answer> {
        let asked = Instant::now();
        self.tally.lock().expect("no panics").sent += request.bytes().len() as u64;
        let answer = self.client.send(request, PATIENCE)?;
        self.count(answer.status, answer.length, asked.elapsed());
        if answer.status >= 500 {
            self.note(format!("{} {}", answer.status, answer.member("detail").unwrap_or_default()));
        }
        Ok(answer)
    }

    /// Sends a request from a new source address, on a new connection.
    fn send_from(&mut self, source: Ipv4Addr, request: &Request) -> io::Result<Answer> {
        self.client = Client::new(self.ground.address, source, self.ground.stop);
        self.send(request)
    }

    fn count(&self, status: u16, received: u64, time: Duration) {
        let mut tally = self.tally.lock().expect("no panics");
        tally.requests += 1;
        *tally.statuses.entry(status).or_default() += 1;
        tally.received += received;
        tally.slowest = tally.slowest.max(time.as_secs_f64());
    }

    fn note(&self, what: String) {
        let mut tally = self.tally.lock().expect("no panics");
        if tally.examples.len() < 3 && !tally.examples.contains(&what) {
            tally.examples.push(what);
        }
    }
}

/// An atomic document with this number of updates of the own user.
fn updates(user: &User, number: usize, mark: u64) -> String {
    let operation = |n: usize| {
        format!(
            r#"{{"op":"update","data":{{"type":"users","id":"{}","attributes":{{"additional-info":"{}"}}}}}}"#,
            user.id,
            mark ^ n as u64
        )
    };
    let all: Vec<_> = (0..number).map(operation).collect();
    format!(r#"{{"atomic:operations":[{}]}}"#, all.join(","))
}

fn operations(user: &User, number: usize, mark: u64) -> Request {
    Request::new("POST", "/api/v2/operations").token(&user.token).body(ATOMIC, updates(user, number, mark))
}

fn rewrite_own_profile(lane: &mut Lane) -> io::Result<()> {
    let request = operations(lane.me(lane.number), [300, 1_000][lane.number], lane.unique());
    lane.send(&request).map(drop)
}

fn rewrite_with_key(lane: &mut Lane) -> io::Result<()> {
    let key = format!("key-{}", lane.unique());
    let request = operations(lane.me(2 + lane.number), [80, 300][lane.number], lane.unique());
    lane.send(&request.header("Idempotency-Key", &key)).map(drop)
}

fn repeat_keyed_request(lane: &mut Lane) -> io::Result<()> {
    // All lanes send the same.
    let round = lane.ground.started.elapsed().as_secs() / 6;
    let request = operations(lane.me(4), 300, round);
    lane.send(&request.header("Idempotency-Key", &format!("repeat-{round}"))).map(drop)
}

/// Search words that every address contains, and one that no address contains: every word is compared with every row, and
/// nothing is found. 50 words are the limit.
fn search_words() -> String {
    let address = "@example.com";
    let parts = (2..=7).flat_map(|size| (0..=address.len() - size).map(move |from| &address[from..from + size]));
    let words: Vec<_> = parts.collect::<Vec<_>>().into_iter().rev().take(49).chain(["zzz"]).collect();
    words.join("+").replace('@', "%40")
}

fn abandon_search(lane: &mut Lane) -> io::Result<()> {
    let path = format!("/api/v2/users?filter%5Bquery%5D={}&page%5Blimit%5D={}", search_words(), 1 + lane.step % 50);
    let bytes = Request::new("GET", &path).token(&lane.me(5).token).bytes();
    let mut stream = lane.client.connect(PATIENCE)?;
    stream.write_all(&bytes)?;
    // By then the service has started the search.
    thread::sleep(Duration::from_millis(30));
    reset(&stream);
    let mut tally = lane.tally.lock().expect("no panics");
    tally.requests += 1;
    tally.sent += bytes.len() as u64;
    Ok(())
}

fn send_error_query(lane: &mut Lane) -> io::Result<()> {
    let request = Request::new("GET", &format!("/api/v2/users?{}", "a&".repeat(3_950)));
    lane.send(&request.token(&lane.me(6).token)).map(drop)
}

fn send_error_body(lane: &mut Lane) -> io::Result<()> {
    let attributes: Vec<_> = (0..64_000).map(|n| format!("\"a{n:05}\":0")).collect();
    let body = format!(r#"{{"data":{{"type":"user-relationships","attributes":{{{}}}}}}}"#, attributes.join(","));
    lane.send(&Request::new("POST", EDGES).token(&lane.me(7).token).body(JSON_API, body)).map(drop)
}

fn read_big_page(lane: &mut Lane) -> io::Result<()> {
    let path = match lane.number % 4 {
        0 | 1 => "/api/v2/users?page%5Blimit%5D=50".to_owned(),
        2 => format!("/api/v2/groups/{}?include=members", lane.ground.seed.group),
        _ => format!("/api/v2/group-members?filter%5Bgroup%5D={}&page%5Blimit%5D=50", lane.ground.seed.group),
    };
    lane.send(&Request::new("GET", &path).token(&lane.me(8).token)).map(drop)
}

fn register_type(lane: &mut Lane) -> io::Result<()> {
    // Lane 0 is an admin that registers existing types, lane 1 a user without permission.
    let token = if lane.number == 0 { &lane.ground.seed.admin } else { &lane.me(9).token };
    let body = r#"{"data":{"type":"relationship-types","id":"colleague","attributes":{"description":"x"}}}"#;
    lane.send(&Request::new("POST", "/api/v2/relationship-types").token(token).body(JSON_API, body)).map(drop)
}

fn hold_idle_connections(lane: &mut Lane) -> io::Result<()> {
    // Closed connections are opened again, at most 400 per second.
    lane.held.retain(|stream| {
        stream.set_nonblocking(true).is_ok()
            && matches!(stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    });
    let missing = (IDLE - lane.held.len()).min(400);
    for n in 0..missing {
        if lane.ground.stop.is_set() {
            break;
        }
        // Half of the connections come from one source, the others from 60.
        let number = if n % 2 == 0 { 0 } else { 1 + (lane.step + n as u64) % 60 };
        let stream = connect(lane.ground.address, source(lane.attack, number), Duration::from_millis(500))?;
        lane.held.push(stream);
        lane.tally.lock().expect("no panics").requests += 1;
    }
    Ok(())
}

fn send_unsigned_body(lane: &mut Lane) -> io::Result<()> {
    let unique = lane.unique();
    let body = format!(r#"{{"data":"{}"}}"#, "\u{e9}/".repeat(330_000));
    let request = Request::new("POST", EDGES)
        .header("Api-Id", &format!("{unique:016x}"))
        .header("Api-User", "normal@example.org")
        .header("Api-Signature", &"QUJD".repeat(85))
        .body(JSON_API, body);
    lane.send_from(source(lane.attack, unique % 2_000), &request).map(drop)
}

fn sign_in_wrongly(lane: &mut Lane) -> io::Result<()> {
    let unique = lane.unique();
    let values = format!(r#"{{"email":"nobody{unique}@example.org","password":"wrong {unique}"}}"#);
    let body = format!(r#"{{"form_configuration_name":"reference_rest_api_create_session","form":{values}}}"#);
    let request = Request::new("POST", "/api/sessions").body("application/json", body);
    lane.send_from(source(lane.attack, unique % 10_000), &request).map(drop)
}

fn send_random_token(lane: &mut Lane) -> io::Result<()> {
    // Half have the format of tokens.
    let unique = lane.unique();
    let token = match lane.step % 2 {
        0 => (0..4).fold("urt_".to_owned(), |token, n| token + &format!("{:016x}", scatter(unique ^ n))),
        _ => format!("urt_{unique}"),
    };
    lane.send_from(source(lane.attack, unique % 2_000), &Request::new("GET", EDGES).token(&token)).map(drop)
}

fn drip(lane: &mut Lane) -> io::Result<()> {
    const HEADS: usize = 100;
    const READERS: usize = 40;
    // Closed connections are replaced.
    lane.held.retain_mut(|stream| stream.write_all(b"x").is_ok());
    while lane.held.len() < HEADS && !lane.ground.stop.is_set() {
        let number = lane.held.len() as u64 + HEADS as u64 * lane.step;
        let mut stream = connect(lane.ground.address, source(lane.attack, number % 200), Duration::from_secs(1))?;
        stream.set_write_timeout(Some(Duration::from_millis(100)))?;
        stream.write_all(b"GET /api/v2/users HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")?;
        lane.tally.lock().expect("no panics").requests += 1;
        lane.held.push(stream);
    }
    let mut received = 0;
    lane.slow.retain_mut(|stream| match stream.read(&mut [0; 1_024]) {
        Ok(0) => false,
        Ok(size) => {
            received += size as u64;
            true
        }
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    });
    lane.tally.lock().expect("no panics").received += received;
    let token = &lane.me(10).token;
    let whole = [
        "/api/v2/users?page%5Blimit%5D=50".to_owned(),
        format!("/api/v2/groups/{}?include=members", lane.ground.seed.group),
    ];
    // At most two per tick: 80 requests in 10 s are not a flood.
    for _ in 0..2 {
        if lane.slow.len() >= READERS {
            break;
        }
        let request = Request::new("GET", &whole[lane.slow.len() % 2]).token(token);
        let mut stream = connect(lane.ground.address, source(lane.attack, 240), Duration::from_secs(1))?;
        // The smallest possible window.
        drop(socket2::SockRef::from(&stream).set_recv_buffer_size(4_096));
        let bytes = request.bytes();
        stream.write_all(&bytes)?;
        stream.set_nonblocking(true)?;
        lane.slow.push(stream);
        let mut tally = lane.tally.lock().expect("no panics");
        tally.requests += 1;
        tally.sent += bytes.len() as u64;
    }
    Ok(())
}

fn use_locked_table(lane: &mut Lane) -> io::Result<()> {
    if lane.number > 0 {
        let path = "/api/v2/groups?page%5Blimit%5D=1&fields%5Bgroups%5D=group-type";
        return lane.send(&Request::new("GET", path).token(&lane.me(11).token)).map(drop);
    }
    // Lane 0 holds the lock for 8 of 16 s.
    let cycle = lane.ground.started.elapsed().as_secs() % 16;
    if cycle > 1 {
        return Ok(());
    }
    let mut conn = PgConnection::establish(lane.ground.url).map_err(io::Error::other)?;
    let lock = "SET application_name = 'hostile'; BEGIN; SET LOCAL lock_timeout = '5s'; \
                LOCK TABLE groups, group_members IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(8); ROLLBACK";
    conn.batch_execute(lock).map_err(io::Error::other)
}
