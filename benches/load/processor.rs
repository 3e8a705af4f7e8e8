//! The processor time of the service for each kind of request, compared with that of a constant body of the same size.
//!
//! # Design
//! A rate depends on the client, which shares the processors. The time that the threads of a server spend for a request,
//! in user mode and in the kernel, does not. Both servers are measured in turn, because the machine changes its speed.

use std::cell::Cell;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::AtomicU64;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::client::{Make, run};
use super::data::{Filled, run as run_program, scatter};
use super::report::{Target, median};
use super::servers::Server;
use super::{Bench, EDGES, Stage};

const USERS: &str = "/api/v2/users";
/// The number of different signed requests and JWTs. A JWT is kept for some seconds after it was verified, so the second
/// round reads most of them from memory.
const CREDENTIALS: u64 = 64;
const JWTS: u64 = 8_192;

/// A kind of request.
struct Case<'c> {
    name: &'static str,
    make: &'c Make<'c>,
    connections: usize,
    target: Target,
    counter: AtomicU64,
}

/// The processor time of a request, in microseconds.
#[derive(Clone, Copy)]
struct Spent {
    user: f64,
    system: f64,
}

impl Spent {
    fn total(self) -> f64 {
        self.user + self.system
    }
}

impl Bench {
    /// Measures all kinds of requests on a filled database, which it changes.
    pub fn processor(&mut self, database: &str, data: &Filled) {
        self.plant(data);
        let credentials = Credentials::new(data, self.folder.path());
        let key = credentials.public_key.to_str().expect("a path of text").to_owned();
        let stage = Stage::with(data, self.folder.path(), &[("JWT_PUBLIC_KEY_FILE", &key)]);
        let token = format!("Authorization: Token token={}", data.token);
        let list = |n: u64| format!("{EDGES}?filter%5Buser%5D={}", data.random_user(n));
        let get = |path: String| (0, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{token}\r\n\r\n").into_bytes());
        let edge = |n: u64| 1 + scatter(n) % data.relationships as u64;
        let count = data.relationships as u64;
        // The relationships that were created before, after this id, and their number.
        let created = Cell::new((0, 1));
        let change = |n: u64| {
            let (before, number) = created.get();
            let id = before + 1 + n % number;
            let body = format!(
                r#"{{"data":{{"type":"user-relationships","id":"{id}","attributes":{{"relationship":"buddy"}}}}}}"#
            );
            (0, stage.request(&format!("PATCH {EDGES}/{id}"), Some(&body)))
        };
        let delete = |n: u64| (0, stage.request(&format!("DELETE {EDGES}/{}", count - n), None));
        let of_list = if database == "SQLite" { Target::Most(2.2) } else { Target::None };
        let readers = self.args.connections;
        let cases: [(&str, &Make, usize, Target); 14] = [
            ("list of a user", &|n| get(list(n)), readers, of_list),
            ("50 rows of the whole table", &|_| get(format!("{EDGES}?page%5Blimit%5D=50")), readers, Target::None),
            ("one relationship", &|n| get(format!("{EDGES}/{}", edge(n))), readers, Target::None),
            ("one user", &|n| get(format!("{USERS}/{}", data.random_user(n))), readers, Target::None),
            ("one type", &|_| get("/api/v2/relationship-types/colleague".to_owned()), readers, Target::None),
            ("list of a user with its targets", &|n| get(list(n) + "&include=target"), readers, Target::None),
            (
                "users with a role",
                &|n| get(format!("{USERS}/{}/supervisors", data.random_user(n))),
                readers,
                Target::None,
            ),
            (
                "50 users below the top",
                &|_| get(format!("{USERS}/1/reports?max-depth=all&page%5Bsize%5D=50")),
                readers,
                Target::None,
            ),
            (
                "search of two words",
                &|n| get(format!("{USERS}?filter%5Bquery%5D=first{}+last", 10 + scatter(n) % (data.users / 10))),
                readers,
                Target::None,
            ),
            ("create", &|n| stage.create(n), 2 * readers, Target::None),
            ("change", &change, 2 * readers, Target::None),
            ("delete", &delete, 2 * readers, Target::None),
            ("list of a user, signed request", &|n| credentials.signed(n), readers, Target::None),
            ("list of a user, JWT", &|n| credentials.with_jwt(n, &list(n % CREDENTIALS)), readers, Target::None),
        ];
        let constant = Server::constant();
        let before = last_id(&stage);
        for (name, make, connections, target) in cases {
            let case = Case { name, make, connections, target, counter: AtomicU64::new(0) };
            self.compare(database, &stage, &constant, &case);
            if name == "create" {
                created.set((before, last_id(&stage) - before));
            }
        }
    }

    fn compare(&mut self, database: &str, stage: &Stage<'_>, constant: &Server, case: &Case<'_>) {
        let Case { name, make, connections, target, counter } = case;
        let warm = run(stage.server.address, *connections, 0.3, counter, make);
        let bytes = warm.bytes / (warm.answers() as u64).max(1);
        let same_size: &Make = &|_| (0, format!("GET /{bytes} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes());
        let spend = |server: &Server, make: &Make, counter: &AtomicU64, seconds: f64| {
            let before = server.processor_seconds();
            let round = run(server.address, *connections, seconds, counter, make);
            let after = server.processor_seconds();
            let each = |index: usize| (after[index] - before[index]) * 1e6 / round.answers() as f64;
            Spent { user: each(0), system: each(1) }
        };
        spend(constant, same_size, &AtomicU64::new(0), 0.3);
        let seconds = self.args.seconds;
        let rounds: Vec<_> = (0..self.args.rounds)
            .map(|_| {
                let floor = spend(constant, same_size, &AtomicU64::new(0), seconds);
                (floor, spend(&stage.server, make, counter, seconds))
            })
            .collect();
        let ratios: Vec<_> = rounds.iter().map(|(floor, own)| own.total() / floor.total()).collect();
        let of = |figure: &dyn Fn(&(Spent, Spent)) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
        let detail = format!(
            "{bytes} bytes; {:.1} µs ({:.1} user, {:.1} system) compared with {:.1} µs",
            of(&|round| round.1.total()),
            of(&|round| round.1.user),
            of(&|round| round.1.system),
            of(&|round| round.0.total()),
        );
        let what = format!("{database}: processor time of a request, {name} / constant body");
        self.report.add(&what, &ratios, "", *target, detail);
    }
}

/// The largest id of a relationship.
fn last_id(stage: &Stage<'_>) -> u64 {
    let (_, request) = stage.get("sort=-id&page%5Blimit%5D=1");
    let text = String::from_utf8(ask(stage.server.address, &request)).expect("text");
    let id = text.split_once(r#""id":""#).and_then(|(_, rest)| rest.split('"').next()?.parse().ok());
    id.unwrap_or_else(|| panic!("no relationship in {text}"))
}

/// The response to one request.
fn ask(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.write_all(request).expect("a request");
    stream.shutdown(Shutdown::Write).expect("a socket");
    let mut response = Vec::new();
    stream.read_to_end(&mut response).expect("a response");
    response
}

/// Requests with credentials other than tokens, made beforehand.
struct Credentials {
    public_key: std::path::PathBuf,
    signed: Vec<Vec<u8>>,
    jwts: Vec<String>,
}

impl Credentials {
    fn new(data: &Filled, folder: &std::path::Path) -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let public_key = folder.join("key.pem");
        let der = STANDARD.encode(key.public_key().as_der().expect("an encoding").as_ref());
        fs::write(&public_key, format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")).expect("room");
        let path = public_key.to_str().expect("a path of text");
        let api_id = run_program(&data.url, &["client", "add", "--public-key", path]).trim().to_owned();
        let sign = |text: &[u8]| {
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).expect("a signature");
            signature
        };
        let signed = (0..CREDENTIALS).map(|n| {
            let (path, user) = (format!("{EDGES}?filter%5Buser%5D={}", data.random_user(n)), "admin@example.com");
            let text =
                format!(r#"{{"url":"http://localhost{path}","content":"","api_id":"{api_id}","user":"{user}"}}"#);
            let signature = STANDARD.encode(sign(text.as_bytes()));
            let fields = format!("Api-Id: {api_id}\r\nApi-User: {user}\r\nApi-Signature: {signature}\r\n");
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").into_bytes()
        });
        let jwts = (0..JWTS).map(|n| {
            let [header, claims] =
                [r#"{"alg":"RS256","typ":"JWT"}"#.to_owned(), format!(r#"{{"sub":"1","exp":9999999999,"jti":"{n}"}}"#)]
                    .map(|part| URL_SAFE_NO_PAD.encode(part));
            let message = format!("{header}.{claims}");
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(sign(message.as_bytes())))
        });
        Self { signed: signed.collect(), jwts: jwts.collect(), public_key: public_key.clone() }
    }

    fn signed(&self, n: u64) -> (usize, Vec<u8>) {
        (0, self.signed[n as usize % self.signed.len()].clone())
    }

    fn with_jwt(&self, n: u64, path: &str) -> (usize, Vec<u8>) {
        let jwt = &self.jwts[n as usize % self.jwts.len()];
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {jwt}\r\n\r\n");
        (0, request.into_bytes())
    }
}
