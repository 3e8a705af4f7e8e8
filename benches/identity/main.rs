//! The time to authenticate a request with each scheme, and its share of a request: `cargo bench --bench identity`. Words
//! after `--` select lines that contain one of them; `share` selects the second part.
//!
//! # Design
//! Machines are noisy and shared, so the cases alternate in rounds of a few milliseconds, and the median of many rounds
//! counts. A disturbance then affects few rounds, and compared figures are measured at the same time.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::too_many_lines,
    missing_docs,
    reason = "a failure stops the benchmark; figures are rounded anyway"
)]

#[path = "../load/client.rs"]
#[allow(dead_code, reason = "the load driver uses the rest")]
mod client;
#[path = "../load/data.rs"]
#[allow(dead_code, reason = "the load driver uses the rest")]
mod data;
#[path = "../load/servers.rs"]
#[allow(dead_code, reason = "the load driver uses the rest")]
mod servers;
mod share;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use user_relationships::auth::claims::ClaimRequirements;
use user_relationships::auth::keyset::{KeyFormat, KeySource, Secret};
use user_relationships::auth::signature::{HeaderField, SignedRequest};
use user_relationships::auth::{Auth, AuthError, AuthSettings, Identity, Purpose, jwt, token};
use user_relationships::clock::Clock;
use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::client::NewClient;
use user_relationships::model::token::NewToken;
use user_relationships::model::user::{Field, Value};
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{self, Store, Tx, migrations};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The secret for HS256.
const SECRET: &str = "a secret for the benchmark, long enough";
const ROUNDS: usize = 41;
const MIB: usize = 1024 * 1024;

/// A measured case.
struct Case<'c> {
    name: String,
    /// Iterations per round.
    turns: usize,
    work: Box<dyn FnMut(usize) + 'c>,
    rounds: Vec<f64>,
}

/// All cases.
#[derive(Default)]
struct Cases<'c>(Vec<Case<'c>>);

impl<'c> Cases<'c> {
    fn add(&mut self, name: &str, turns: usize, work: impl FnMut(usize) + 'c) {
        self.0.push(Case { name: name.to_owned(), turns, work: Box::new(work), rounds: Vec::new() });
    }

    /// Measures the cases whose names contain one of the words, prints their medians, and returns that of [`CACHED`].
    fn run(mut self, words: &[String]) -> f64 {
        self.0.retain(|case| words.is_empty() || words.iter().any(|word| case.name.contains(word)));
        for round in 0..ROUNDS {
            for case in &mut self.0 {
                let started = Instant::now();
                for turn in 0..case.turns {
                    (case.work)(round * case.turns + turn);
                }
                case.rounds.push(started.elapsed().as_secs_f64() / case.turns as f64);
            }
        }
        for case in &self.0 {
            let median = median(&case.rounds);
            println!("{:<56} {:>9.2} us {:>10.0} /s", case.name, median * 1e6, 1.0 / median);
        }
        let cached = self.0.iter().find(|case| case.name == CACHED);
        cached.map_or(f64::NAN, |case| median(&case.rounds))
    }
}

/// The median.
fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn store(folder: &Path) -> Store {
    let url = DatabaseUrl::Sqlite(folder.join("bench.db"));
    migrations::run(&url, true).expect("a schema");
    let (timeout, longest_statement) = (Duration::from_secs(2), Duration::from_secs(2));
    let settings = store::Settings {
        url,
        replica: None,
        pool_size: 1,
        timeout,
        longest_statement,
        longest_job: None,
        workers: 1,
        mapped_bytes: store::MAPPED_BYTES,
    };
    Store::open(&settings, Clock::System).expect("a database")
}

fn settings(refresh: Duration, source: Option<KeySource>) -> AuthSettings {
    let jwt = source.map(|source| jwt::JwtSettings { source, requirements: ClaimRequirements::default() });
    AuthSettings { refresh, failure_limit: 20, require_timestamp: false, grace: Duration::ZERO, jwt }
}

fn auth(store: &Store, refresh: Duration, source: Option<KeySource>) -> Auth {
    Auth::new(store.clone(), Clock::System, &settings(refresh, source))
}

fn signed(alg: &str, number: usize, sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#));
    let claims =
        format!(r#"{{"iss":"https://id.example","sub":"1","aud":"people","exp":9999999999,"jti":"{number}"}}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("Bearer {message}.{signature}").into_bytes()
}

/// A signature of the kind that clients of Skillhive and issuers of RS256 create.
fn signature_of(key: &KeyPair, text: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).expect("a signature");
    signature
}

/// Writes a public key in PEM.
fn pem(folder: &Path, name: &str, der: &[u8]) -> PathBuf {
    let path = folder.join(name);
    let block = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
    std::fs::write(&path, block).expect("a file");
    path
}

fn main() {
    // `cargo bench` passes this to every benchmark.
    let words: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let is_share = |word: &String| word == "share";
    let cached = schemes(&if words.iter().any(is_share) { vec![CACHED.to_owned()] } else { words.clone() });
    if words.is_empty() || words.iter().any(is_share) {
        share::measure(cached);
    }
}

/// The case with the lowest cost of authentication.
const CACHED: &str = "API token, cached";

/// Prints the time of each scheme, from the header fields to the caller, and returns that of [`CACHED`], in seconds.
fn schemes(words: &[String]) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let rsa_der = key.public_key().as_der().expect("an encoding");
    let (secret, kept) = token::generate().expect("random numbers");
    let public = rsa_der.as_ref().to_vec();
    let set = store.write(
        "bench.set",
        user_relationships::model::change::ChangeOrigin::WITHOUT_CALLER,
        move |tx: &mut Tx<'_>| {
            let email = (Field::Email, Value::Text("ann@example.com".to_owned()));
            let user = users::create(tx, &Caller::OPERATOR, None, &[email])?.id;
            tx.insert_token(&NewToken { digest: kept, user, name: None, expires_at: None, is_session: false })?;
            let client = NewClient { api_id: "bench".to_owned(), name: None, allows_sha1: false };
            let client = tx.insert_client(&client)?;
            tx.insert_client_key(client, &public)
        },
    );
    runtime.block_on(set).expect("the caller exists");

    let (hour, none) = (Duration::from_hours(1), Duration::ZERO);
    let identify = |auth: &Auth, header: &[u8]| {
        black_box(wait(&runtime, auth.identify(HERE, Purpose::Read, &[header])).expect("a caller"));
    };

    let header = format!("Bearer {secret}").into_bytes();
    let caching = auth(&store, hour, None);
    let uncached = auth(&store, none, None);

    let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let hs256 = |number| signed("HS256", number, |message| hmac::sign(&hmac_key, message).as_ref().to_vec());
    let by_secret = || Some(KeySource::Secret(Secret::new(SECRET)));
    let (again, by_hmac) = (hs256(0), auth(&store, hour, by_secret()));
    let fresh: Vec<_> = (0..ROUNDS * 1_000).map(hs256).collect();

    let by_key = |path| Some(KeySource::File(KeyFormat::Pem, path));
    let rs256 = |number| signed("RS256", number, |message| signature_of(&key, message));
    let by_rsa = auth(&store, hour, by_key(pem(folder.path(), "rsa.pem", rsa_der.as_ref())));
    let tokens: Vec<_> = (0..ROUNDS * 100).map(rs256).collect();
    let alone = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa_der.as_ref()).expect("a key");
    let unparsed = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa_der.as_ref());
    let taken_apart: Vec<_> = tokens.iter().map(|token| parts(token)).collect();

    let curve = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let es256 = |number| {
        let sign = |message: &[u8]| curve.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec();
        signed("ES256", number, sign)
    };
    let curve_der = curve.public_key().as_der().expect("an encoding");
    let by_curve = auth(&store, hour, by_key(pem(folder.path(), "curve.pem", curve_der.as_ref())));
    let es256: Vec<_> = (0..ROUNDS * 50).map(es256).collect();

    let edwards = Ed25519KeyPair::generate().expect("a key");
    let eddsa = |number| signed("EdDSA", number, |message| edwards.sign(message).as_ref().to_vec());
    let der = edwards.public_key().as_der().expect("an encoding");
    let by_edwards = auth(&store, hour, by_key(pem(folder.path(), "edwards.pem", der.as_ref())));
    let eddsa: Vec<_> = (0..ROUNDS * 50).map(eddsa).collect();

    let url = "https://demo.skillhive.com/api/v2/user-relationships?user=1234&relationship=subordinate&limit=20";
    let signing = auth(&store, hour, None);

    let (small, large) = (STANDARD.encode([1; 256]), STANDARD.encode([1; 512]));
    let (spaces, bells) = (vec![b' '; MIB], vec![7; MIB]);
    let refused: [(&str, &str, &str, &[u8], usize); 5] = [
        ("a signature refused, unknown client", "nobody", &small, b"", 20),
        ("a signature refused, known client", "bench", &small, b"", 20),
        ("a signature refused, of 4,096 bits", "nobody", &large, b"", 5),
        ("a signature refused, over 1 MiB of text", "nobody", &small, &spaces, 1),
        ("a signature refused, over 1 MiB of escapes", "nobody", &small, &bells, 1),
    ];
    let strict =
        Auth::new(store.clone(), Clock::System, &AuthSettings { failure_limit: u32::MAX, ..settings(hour, None) });

    let mut cases = Cases::default();
    cases.add(CACHED, 5_000, |_| identify(&caching, &header));
    cases.add("API token, with a query", 500, |_| identify(&uncached, &header));
    cases.add("HS256, cached", 3_000, |_| identify(&by_hmac, &again));
    cases.add("HS256, a new token each time", 1_000, |turn| identify(&by_hmac, fresh.get(turn).expect("a token")));
    cases.add("RSA-2048 in aws-lc-rs alone", 100, |turn| {
        let (message, signature) = taken_apart.get(turn).expect("a token");
        alone.verify_sig(message, signature).expect("a signature");
    });
    cases.add("RSA-2048 in aws-lc-rs alone, the key parsed each time", 100, |turn| {
        let (message, signature) = taken_apart.get(turn).expect("a token");
        unparsed.verify(message, signature).expect("a signature");
    });
    cases.add("RS256, a new token each time", 100, |turn| identify(&by_rsa, tokens.get(turn).expect("a token")));
    cases.add("ES256, a new token each time", 50, |turn| identify(&by_curve, es256.get(turn).expect("a token")));
    cases.add("EdDSA, a new token each time", 50, |turn| identify(&by_edwards, eddsa.get(turn).expect("a token")));
    for (name, slash) in [("plain", "/"), ("PHP's", "\\/")] {
        let text = format!(
            r#"{{"url":"{}","content":"","api_id":"bench","user":"ann@example.com"}}"#,
            url.replace('/', slash)
        );
        let signature = STANDARD.encode(signature_of(&key, text.as_bytes()));
        let (signing, runtime) = (&signing, &runtime);
        cases.add(&format!("signature over {name} text, RSA-2048"), 100, move |_| {
            let request = SignedRequest {
                api_id: HeaderField::Once(b"bench"),
                user: HeaderField::Once(b"ann@example.com"),
                signature: HeaderField::Once(signature.as_bytes()),
                timestamp: HeaderField::Nothing,
                nonce: HeaderField::Nothing,
                method: "GET",
                url: Some(url),
                body: Some(b""),
            };
            black_box(wait(runtime, identify_signed(signing, &request)).expect("a caller"));
        });
    }
    for (name, api_id, signature, body, turns) in refused {
        let (strict, runtime) = (&strict, &runtime);
        cases.add(name, turns, move |_| {
            let request = SignedRequest {
                api_id: HeaderField::Once(api_id.as_bytes()),
                user: HeaderField::Once(b"ann@example.com"),
                signature: HeaderField::Once(signature.as_bytes()),
                timestamp: HeaderField::Nothing,
                nonce: HeaderField::Nothing,
                method: "POST",
                url: Some(url),
                body: Some(body),
            };
            black_box(wait(runtime, identify_signed(strict, &request)).expect_err("no caller"));
        });
    }
    cases.run(words)
}

/// The caller of a signed request, identified like in the service.
async fn identify_signed(auth: &Auth, request: &SignedRequest<'_>) -> Result<Identity, AuthError> {
    let recognized = auth.recognize(HERE, request).await?;
    auth.identify_signed(HERE, request, recognized).await
}

/// The output of a future. A future that is ready at once is only polled, like in a worker of the service; entering the
/// runtime would add time that the service does not spend.
fn wait<F: Future>(runtime: &Runtime, future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => runtime.block_on(future),
    }
}

/// The signed part of an `Authorization` header, and the signature.
fn parts(header: &[u8]) -> (&[u8], Vec<u8>) {
    let token = header.strip_prefix(b"Bearer ").expect("a token");
    let end = token.iter().rposition(|byte| *byte == b'.').expect("a token");
    let (message, signature) = token.split_at(end);
    (message, URL_SAFE_NO_PAD.decode(&signature[1..]).expect("base64url"))
}
