//! A first load driver: `cargo bench --bench load`, or `cargo bench --bench load -- --scale 10 --rounds 9`.
//!
//! # Design
//! Machines differ and are noisy, so only ratios mean anything. Each request is measured in short rounds that alternate
//! with a server of the same framework that answers a constant body of the same size: the ratio says what everything
//! beyond HTTP itself costs. The service is the real program with its default settings, in a process of its own; so is
//! the constant server. Clients share the machine with them: one thread and one kept connection each, the next request
//! as soon as the answer has come. What its environment says (`RUST_LOG`, `WORKERS`, …) reaches the service.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::redundant_closure_for_method_calls,
    reason = "a measurement that is surprised fails, and says where; its figures are rounded anyway; closures over `Tx` as in the library"
)]

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use clap::Parser;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use user_relationships::auth::token;
use user_relationships::clock::Clock;
use user_relationships::config::{Config, Raw};
use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::error::Result as JobResult;
use user_relationships::model::token::NewToken;
use user_relationships::model::user::{Field, Value};
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{Store, Tx, migrations};

/// The same allocator as the program has, for the constant server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EDGES: &str = "/api/v2/user-relationships";
/// Users at scale 1.
const USERS: u64 = 10_000;
/// Relationships at scale 1, those of the popular target included.
const RELATIONSHIPS: u64 = 100_000;
/// The user that a fifth of all relationships target. User 1 is the admin who asks.
const POPULAR: u64 = 2;
/// Data is written in statements of this many rows.
const ROWS: usize = 500;
static ZEROS: [u8; 64 * 1024] = [b'0'; 64 * 1024];

/// Measures the service beside a server that answers a constant body
#[derive(Debug, Parser)]
struct Args {
    /// Size of the data: 1 is 10,000 users and 100,000 relationships
    #[arg(long, default_value_t = 1)]
    scale: u64,
    /// Rounds of each kind; they alternate
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds that a round takes
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Connections that read; twice as many write
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// A PostgreSQL server to measure too; it gets a database of its own, which is dropped at the end
    #[arg(long, env, value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,
    /// What `cargo bench` says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
    /// Be the constant server
    #[arg(long, hide = true)]
    constant: Option<SocketAddr>,
}

fn main() {
    let args = Args::parse();
    if let Some(address) = args.constant {
        return serve_constant(address).expect("the constant server runs");
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores, scale {}, {} rounds of {} s each", args.scale, args.rounds, args.seconds);
    println!(
        "\n| database | request | bytes | requests/s | least, most | p50 | p99 | constant body, requests/s | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let folder = tempfile::tempdir().expect("a temporary folder");
    measure(&args, "SQLite", &format!("sqlite://{}", folder.path().join("load.db").display()));
    if let Some(url) = args.database_url.as_deref().filter(|url| url.starts_with("postgres")) {
        let scratch = Scratch::new(url);
        measure(&args, "PostgreSQL", &scratch.url);
    }
}

/// Fills a database, starts both servers and prints a line for each kind of request.
fn measure(args: &Args, database: &str, url: &str) {
    let token = fill(url, args.scale);
    let service = Server::start(Command::new(env!("CARGO_BIN_EXE_user-relationships")).env("DATABASE_URL", url), None);
    let itself = std::env::current_exe().expect("a path of its own");
    let constant = Server::start(&mut Command::new(itself), Some("--constant"));

    let users = args.scale * USERS;
    let head = format!("Host: localhost\r\nAuthorization: Token token={token}\r\n");
    let get = |query: String| format!("GET {EDGES}?{query} HTTP/1.1\r\n{head}\r\n").into_bytes();
    let kinds: [(&str, usize, &Make); 3] = [
        ("list of a user", 1, &|n| get(format!("filter%5Buser%5D={}", 3 + scatter(n) % (users - 2)))),
        ("list of the popular target", 1, &|_| get(format!("filter%5Btarget%5D={POPULAR}"))),
        ("create", 2, &|n| {
            // No two alike, and none is there yet: the data has no mentors.
            let (user, step) = (n % users, n / users);
            let body = document(user + 1, (user + 1 + step) % users + 1);
            let length = body.len();
            let head = format!("{head}Content-Type: application/vnd.api+json\r\nContent-Length: {length}\r\n");
            format!("POST {EDGES} HTTP/1.1\r\n{head}\r\n{body}").into_bytes()
        }),
    ];
    for (name, times, make) in kinds {
        let counter = AtomicU64::new(0);
        let connections = args.connections * times;
        let round = |address, seconds, make: &Make| run(address, connections, seconds, &counter, make);
        // Warms both up, and tells how long the answers are.
        let warm = round(service.address, 0.5, make);
        let bytes = warm.bytes / (warm.latencies.len() as u64).max(1);
        let same_size = |n| {
            let request = String::from_utf8(make(n)).expect("a request of text");
            request.replacen(EDGES, &format!("/{bytes}"), 1).into_bytes()
        };
        round(constant.address, 0.5, &same_size);

        let (mut ours, mut theirs, mut ratios, mut latencies) = (vec![], vec![], vec![], vec![]);
        for _ in 0..args.rounds {
            let constant = round(constant.address, args.seconds, &same_size).rate();
            let mut service = round(service.address, args.seconds, make);
            ours.push(service.rate());
            theirs.push(constant);
            ratios.push(service.rate() / constant);
            latencies.append(&mut service.latencies);
        }
        latencies.sort_unstable();
        let at = |part: usize| f64::from(latencies[(latencies.len() - 1) * part / 100]) / 1000.0;
        let (least, most) = (ours.iter().copied().fold(f64::MAX, f64::min), ours.iter().copied().fold(0.0, f64::max));
        println!(
            "| {database} | {name} | {bytes} | {:.0} | {least:.0}, {most:.0} | {:.2} ms | {:.2} ms | {:.0} | {:.2} |",
            median(&mut ours),
            at(50),
            at(99),
            median(&mut theirs),
            median(&mut ratios),
        );
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Makes the request of that number.
type Make<'a> = dyn Fn(u64) -> Vec<u8> + Sync + 'a;

/// What came of a round.
struct Round {
    seconds: f64,
    /// Microseconds from the request to the whole answer, one for each.
    latencies: Vec<u32>,
    /// Bytes of all bodies.
    bytes: u64,
}

impl Round {
    fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds
    }
}

/// Lets clients ask until the time is over. Numbers go on from round to round, so that no request comes twice.
fn run(address: SocketAddr, connections: usize, seconds: f64, counter: &AtomicU64, make: &Make) -> Round {
    let started = Instant::now();
    let end = started + Duration::from_secs_f64(seconds);
    let work = || {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP option");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let (mut latencies, mut bytes, mut buffer) = (Vec::new(), 0, vec![0; 64 * 1024]);
        while Instant::now() < end {
            let request = make(counter.fetch_add(1, Ordering::Relaxed));
            let sent = Instant::now();
            stream.write_all(&request).expect("the server reads");
            bytes += answer(&mut stream, &mut buffer) as u64;
            latencies.push(sent.elapsed().as_micros() as u32);
        }
        (latencies, bytes)
    };
    let mut round = Round { seconds: 0.0, latencies: Vec::new(), bytes: 0 };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
        for client in clients {
            let (mut latencies, bytes) = client.join().expect("a client ends well");
            round.latencies.append(&mut latencies);
            round.bytes += bytes;
        }
    });
    round.seconds = started.elapsed().as_secs_f64();
    round
}

/// Reads one answer, which must be a success, and gives the size of its body.
fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    loop {
        let more = stream.read(&mut buffer[filled..]).expect("the server answers");
        assert!(more > 0, "the server closed the connection");
        filled += more;
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).expect("a head of text");
        let length = text.lines().filter_map(|line| line.split_once(':'));
        let mut length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length: usize = length.next().and_then(|(_, length)| length.trim().parse().ok()).expect("a length");
        let is_success = text.starts_with("HTTP/1.1 20");
        let whole = head + 4 + length;
        assert!(whole <= buffer.len(), "the answer is longer than expected");
        if filled < whole {
            stream.read_exact(&mut buffer[filled..whole]).expect("the rest of the answer");
        }
        assert!(is_success, "{}", String::from_utf8_lossy(&buffer[..whole]));
        return length;
    }
}

/// A server in a process of its own, ended with its owner.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it on a free port and waits until it listens.
    fn start(command: &mut Command, flag: Option<&str>) -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port");
        command.env("LISTEN", free.to_string()).args(flag.map(|flag| format!("{flag}={free}")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self { child: command.spawn().expect("the server starts"), address: free };
        let patience = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(free).is_err() {
            let ended = server.child.try_wait().expect("a child of ours");
            assert!(ended.is_none() && Instant::now() < patience, "the server does not listen: {ended:?}");
            thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Answers `/n` with n bytes, whatever is asked.
fn serve_constant(address: SocketAddr) -> std::io::Result<()> {
    let answer = |size: web::Path<usize>, _body: Bytes| async move {
        let body = Bytes::from_static(&ZEROS[..size.into_inner().min(ZEROS.len())]);
        HttpResponse::Ok().content_type("application/vnd.api+json").body(body)
    };
    let server = HttpServer::new(move || App::new().route("/{size}", web::to(answer))).bind(address)?;
    actix_web::rt::System::new().block_on(server.run())
}

/// The document that makes a user the mentor of another.
fn document(user: u64, target: u64) -> String {
    let end = |id| format!(r#"{{"data":{{"type":"users","id":"{id}"}}}}"#);
    let (user, target) = (end(user), end(target));
    format!(
        r#"{{"data":{{"type":"user-relationships","attributes":{{"relationship":"mentor"}},"relationships":{{"user":{user},"target":{target}}}}}}}"#
    )
}

/// Numbers that look random and are the same every time (the finalizer of `SplitMix64`).
fn scatter(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

/// Makes the schema and the data, and gives an admin's token.
fn fill(url: &str, scale: u64) -> String {
    let mut config = Config::check(&Raw::defaults().expect("the defaults")).expect("the defaults are legal");
    config.database_url = DatabaseUrl::parse(url).expect("a database URL");
    migrations::run(&config.database_url, true).expect("the migrations run");
    let store = Store::open(&config.store_settings(), Clock::System).expect("the database opens");
    let (secret, digest) = token::generate().expect("random numbers");
    write(&store, move |tx| {
        let text = |text: &str| Value::Text(text.to_owned());
        let admin = [(Field::Email, text("admin@example.com")), (Field::AccessLevel, text("admin"))];
        let user = users::create(tx, &Caller::OPERATOR, None, &admin)?.id;
        tx.insert_token(&NewToken { digest, user, name: None, expires_at: None, is_session: false })
    });
    match &config.database_url {
        DatabaseUrl::Sqlite(path) => {
            let mut conn = SqliteConnection::establish(&path.display().to_string()).expect("the file");
            conn.batch_execute("PRAGMA synchronous = OFF").expect("a setting");
            insert(&mut conn, scale);
        }
        DatabaseUrl::Postgres(_) => {
            let mut conn = PgConnection::establish(url).expect("the server");
            insert(&mut conn, scale);
            conn.batch_execute("VACUUM ANALYZE").expect("statistics");
        }
    }
    write(&store, |tx| tx.repair());
    secret
}

fn write<T: Send + 'static>(store: &Store, job: impl Fn(&mut Tx<'_>) -> JobResult<T> + Send + 'static) -> T {
    actix_web::rt::System::new().block_on(store.write("load.fill", job)).expect("the write succeeds")
}

/// Users and relationships; the counts are made anew afterwards.
fn insert(conn: &mut impl SimpleConnection, scale: u64) {
    let (users, total) = (scale * USERS, scale * RELATIONSHIPS);
    let user = |id: u64| {
        let name = format!("First{id} Last{}", scatter(id) % 5_000);
        let (first, last) = name.split_once(' ').unwrap_or_default();
        let key = name.to_lowercase();
        format!("('u{id}@example.com', 'u{id}@example.com', '{first}', '{last}', '{key}', 0, TRUE, '{{}}', {id}, {id})")
    };
    let columns = "email, email_key, first_name, last_name, name_key, access_level, is_enabled, profile, created_at, \
                   updated_at";
    insert_rows(conn, &format!("users ({columns})"), &(2..=users).map(user).collect::<Vec<_>>());

    // Everybody is a subordinate of the popular one, and most are colleagues of it.
    let popular = (3..=users).map(|user| (user, POPULAR, 1)).chain((3..=users).map(|user| (user, POPULAR, 2)));
    let mut edges: HashSet<_> = popular.take((total / 5) as usize).collect();
    let mut edges_in_order: Vec<_> = edges.iter().copied().collect();
    // The chance of a rank falls with its number (Zipf), at both ends; ranks are scattered over the ids.
    let rank = |n| ((users - 2) as f64).powf(scatter(n) as f64 / u64::MAX as f64) as u64 - 1;
    for n in 0.. {
        if edges_in_order.len() as u64 >= total {
            break;
        }
        let (owner, target) = (3 + rank(3 * n) * 7_919 % (users - 2), 3 + rank(3 * n + 1) * 104_729 % (users - 2));
        let edge = (owner, target, 1 + scatter(3 * n + 2) % 2);
        if owner != target && edges.insert(edge) {
            edges_in_order.push(edge);
        }
    }
    edges_in_order.sort_by_key(|(user, target, kind)| scatter(user ^ target << 24 ^ kind << 48));
    let row = |(at, (user, target, kind)): (usize, &(u64, u64, u64))| format!("({user}, {target}, {kind}, {at}, {at})");
    let rows: Vec<_> = edges_in_order.iter().enumerate().map(row).collect();
    insert_rows(conn, "user_relationships (user_id, target_id, type_id, created_at, updated_at)", &rows);
}

fn insert_rows(conn: &mut impl SimpleConnection, into: &str, rows: &[String]) {
    let mut run = |sql: &str| conn.batch_execute(sql).unwrap_or_else(|error| panic!("{error}"));
    run("BEGIN");
    for rows in rows.chunks(ROWS) {
        run(&format!("INSERT INTO {into} VALUES {}", rows.join(", ")));
    }
    run("COMMIT");
}

/// A database of its own on somebody's PostgreSQL.
struct Scratch {
    server: PgConnection,
    name: String,
    url: String,
}

impl Scratch {
    fn new(given: &str) -> Self {
        let name = format!("user_relationships_load_{}", std::process::id());
        let (place, query) = given.split_once('?').unwrap_or((given, ""));
        let (scheme, rest) = place.split_once("://").expect("a URL");
        let mut url = format!("{scheme}://{}/{name}", rest.split('/').next().unwrap_or_default());
        if !query.is_empty() {
            write!(url, "?{query}").expect("room in memory");
        }
        let mut server = PgConnection::establish(given).expect("`DATABASE_URL` answers");
        server.batch_execute(&format!("CREATE DATABASE \"{name}\"")).expect("the right to create databases");
        Self { server, name, url }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let dropped = self.server.batch_execute(&format!("DROP DATABASE \"{}\" WITH (FORCE)", self.name));
        if let Err(error) = dropped {
            eprintln!("the database `{}` is left behind: {error}", self.name);
        }
    }
}
