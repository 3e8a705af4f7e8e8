//! The share of authentication in a list request to the real service.
//!
//! # Design
//! Every request has a caller, so there is no request without authentication to subtract. Instead the same lists are
//! requested with every scheme, from services that run alternately on one SQLite file. The processor time of the threads of
//! the service per request is compared, without that of the client. The baseline is a token that is cached for an hour,
//! minus the time of its cache lookup (measured in this process). The share of a scheme is the cost above that baseline:
//! verification, queries and parsing of longer headers.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client::run as ask;
use crate::data::{fill, run};
use crate::servers::Server;
use crate::{SECRET, median, pem, signature_of, signed};

/// 2,000 users and 20,000 relationships.
const SCALE: f64 = 0.02;
const ROUNDS: usize = 21;
const SECONDS: f64 = 0.3;
const CONNECTIONS: usize = 32;
/// The number of RS256 tokens: enough for one round, so that none occurs twice within `AUTH_REFRESH`.
const TOKENS: usize = 20_000;
/// The number of users whose lists are requested.
const LISTED: usize = 64;

/// A scheme and its client.
struct Scheme<'s> {
    name: &'static str,
    server: &'s Server,
    /// The header fields of a request, by the index of the user and the number of the request.
    fields: Fields<'s>,
    asked: AtomicU64,
    /// Processor time of the service per request, in seconds, by round.
    costs: Vec<f64>,
    rates: Vec<f64>,
}

type Fields<'s> = Box<dyn Fn(usize, u64) -> String + 's>;

impl<'s> Scheme<'s> {
    fn new(name: &'static str, server: &'s Server, fields: impl Fn(usize, u64) -> String + 's) -> Self {
        let fields = Box::new(fields);
        Self { name, server, fields, asked: AtomicU64::new(0), costs: Vec::new(), rates: Vec::new() }
    }

    fn measure(&mut self, paths: &[String]) {
        let begun = self.asked.load(Ordering::Relaxed);
        let make = |number: u64| {
            let place = number as usize % paths.len();
            let fields = (self.fields)(place, number);
            (0, format!("GET {} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n", paths[place]).into_bytes())
        };
        let before = cpu_of(self.server);
        let round = ask(self.server.address, CONNECTIONS, SECONDS, &self.asked, &make);
        self.costs.push((cpu_of(self.server) - before) / round.answers() as f64);
        self.rates.push(round.rate());
        let asked = self.asked.load(Ordering::Relaxed) - begun;
        assert!(asked < TOKENS as u64, "{asked} requests in a round: a token occurred twice");
    }
}

/// Prints a table of all schemes. `cached`: seconds that a cached token takes in this process.
pub fn measure(cached: f64) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let data = fill(&format!("sqlite://{}", folder.join("share.db").display()), SCALE, folder);
    let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let public = pem(folder, "key.pem", key.public_key().as_der().expect("an encoding").as_ref());
    let public = public.to_str().expect("a path of text");
    let api_id = run(&data.url, &["client", "add", "--public-key", public]).trim().to_owned();
    let start = |settings: &[(&str, &str)]| Server::service(&data.program, &data.url, folder, settings);
    let caching = start(&[("AUTH_REFRESH", "1h")]);
    let asking = start(&[("AUTH_REFRESH", "0s")]);
    let plain = start(&[]);
    let by_secret = start(&[("JWT_SECRET", SECRET)]);
    let by_key = start(&[("JWT_PUBLIC_KEY_FILE", public)]);

    let random_user = (0..LISTED).map(|at| data.random_user(at as u64));
    let paths: Vec<_> = random_user.map(|user| format!("/api/v2/user-relationships?filter%5Buser%5D={user}")).collect();
    let token = format!("Authorization: Token token={}\r\n", data.token);
    let by_token = |_: usize, _: u64| token.clone();
    let jwt = |bytes: Vec<u8>| format!("Authorization: {}\r\n", String::from_utf8(bytes).expect("text"));
    let secret = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let hs256 = |number| jwt(signed("HS256", number, |message| hmac::sign(&secret, message).as_ref().to_vec()));
    // Created beforehand, so that all clients do the same work.
    let by_hmac: Vec<_> = (0..TOKENS).map(hs256).collect();
    let tokens: Vec<_> =
        (0..TOKENS).map(|number| jwt(signed("RS256", number, |message| signature_of(&key, message)))).collect();
    let signatures: Vec<_> = paths
        .iter()
        .map(|path| {
            let user = "admin@example.com";
            let text =
                format!(r#"{{"url":"http://localhost{path}","content":"","api_id":"{api_id}","user":"{user}"}}"#);
            let signature = STANDARD.encode(signature_of(&key, text.as_bytes()));
            format!("Api-Id: {api_id}\r\nApi-User: {user}\r\nApi-Signature: {signature}\r\n")
        })
        .collect();
    let mut schemes = [
        Scheme::new("API token, cached for an hour", &caching, by_token),
        Scheme::new("API token", &plain, by_token),
        Scheme::new("API token, with a query each time", &asking, by_token),
        Scheme::new("HS256, the same token", &by_secret, |_, _| by_hmac[0].clone()),
        Scheme::new("HS256, a new token each time", &by_secret, |_, number| by_hmac[number as usize % TOKENS].clone()),
        Scheme::new("RS256, the same token", &by_key, |_, _| tokens[0].clone()),
        Scheme::new("RS256, a new token each time", &by_key, |_, number| tokens[number as usize % TOKENS].clone()),
        Scheme::new("signature, RSA-2048", &plain, |place, _| signatures[place].clone()),
    ];
    // The first round warms up.
    for _ in 0..=ROUNDS {
        for scheme in &mut schemes {
            scheme.measure(&paths);
        }
    }
    println!("\n| list of a user, by | requests/s | CPU of a request | spent on identity |\n|---|---|---|---|");
    let floors: Vec<_> = schemes[0].costs.iter().skip(1).map(|cost| cost - cached).collect();
    for scheme in &schemes {
        let costs = &scheme.costs[1..];
        let shares: Vec<_> = costs.iter().zip(&floors).map(|(cost, floor)| (cost - floor) / cost * 100.0).collect();
        let (rate, cost, share) = (median(&scheme.rates[1..]), median(costs) * 1e6, median(&shares));
        println!("| {} | {rate:.0} | {cost:.1} µs | {share:.1} % |", scheme.name);
    }
}

/// The processor time of all threads of a service, in seconds.
fn cpu_of(server: &Server) -> f64 {
    let threads = fs::read_dir(format!("/proc/{}/task", server.id())).expect("a child process");
    let spent = threads.map(|thread| {
        let text = fs::read_to_string(thread.expect("a thread").path().join("schedstat")).unwrap_or_default();
        let nanoseconds = text.split(' ').next().and_then(|spent| spent.parse::<f64>().ok());
        nanoseconds.expect("the kernel provides it") / 1e9
    });
    spent.sum()
}
