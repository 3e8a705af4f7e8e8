//! How long it takes to know who asks, by each scheme: `cargo bench --bench identity`.
#![allow(clippy::expect_used, missing_docs, reason = "a measurement that cannot be made may stop")]

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{Duration, Instant};
use user_relationships::auth::bearer::Demands;
use user_relationships::auth::keyset::{Format, Secret, Source};
use user_relationships::auth::signature::{Sent, SignedRequest};
use user_relationships::auth::{Auth, Settings, jwt, token};
use user_relationships::clock::Clock;
use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::client::NewClient;
use user_relationships::model::token::NewToken;
use user_relationships::model::user::{Field, Value};
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{self, Store, Tx, migrations};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SECRET: &str = "a secret of the measurement, long enough";
const ROUNDS: usize = 7;

/// Prints the median, over some rounds, of the time that one turn of `work` takes.
fn time(name: &str, turns: usize, mut work: impl FnMut(usize)) {
    let mut rounds: Vec<_> = (0..ROUNDS)
        .map(|round| {
            let started = Instant::now();
            for turn in 0..turns {
                work(round * turns + turn);
            }
            started.elapsed().as_secs_f64() / f64::from(u32::try_from(turns).expect("few"))
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let median = rounds.get(ROUNDS / 2).copied().unwrap_or_default();
    println!("{name:<46} {:>9.2} us {:>10.0} /s", median * 1e6, 1.0 / median);
}

fn store(folder: &Path) -> Store {
    let url = DatabaseUrl::Sqlite(folder.join("bench.db"));
    migrations::run(&url, true).expect("a schema");
    let (timeout, longest_statement) = (Duration::from_secs(2), Duration::from_secs(2));
    let settings = store::Settings { url, pool_size: 1, timeout, longest_statement, workers: 1 };
    Store::open(&settings, Clock::System).expect("a database")
}

fn auth(store: &Store, refresh: Duration, source: Option<Source>) -> Auth {
    let jwt = source.map(|source| jwt::Settings { source, demands: Demands::default() });
    let settings = Settings { refresh, failure_limit: 20, require_timestamp: false, jwt };
    Auth::new(store.clone(), Clock::System, &settings)
}

fn signed(alg: &str, number: usize, sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#));
    let claims =
        format!(r#"{{"iss":"https://id.example","sub":"1","aud":"people","exp":9999999999,"jti":"{number}"}}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("Bearer {message}.{signature}").into_bytes()
}

fn pem(folder: &Path, der: &[u8]) -> Source {
    let path = folder.join("key.pem");
    let block = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
    std::fs::write(&path, block).expect("a file");
    Source::File(Format::Pem, path)
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let rsa_der = key.public_key().as_der().expect("an encoding");
    let (secret, digest) = token::generate().expect("random numbers");
    let public = rsa_der.as_ref().to_vec();
    let set = store.write("bench.set", move |tx: &mut Tx<'_>| {
        let email = (Field::Email, Value::Text("ann@example.com".to_owned()));
        let user = users::create(tx, &Caller::OPERATOR, None, &[email])?.id;
        tx.insert_token(&NewToken { digest, user, name: None, expires_at: None, is_session: false })?;
        let client = NewClient { api_id: "bench".to_owned(), name: None, allows_sha1: false };
        let client = tx.insert_client(&client)?;
        tx.insert_client_key(client, &public)
    });
    runtime.block_on(set).expect("somebody who asks");

    let (hour, none) = (Duration::from_hours(1), Duration::ZERO);
    let identify = |auth: &Auth, header: &[u8]| {
        black_box(runtime.block_on(auth.identify(HERE, &[header])).expect("a caller"));
    };

    let header = format!("Bearer {secret}").into_bytes();
    let believing = auth(&store, hour, None);
    time("API token, believed", 100_000, |_| identify(&believing, &header));
    let doubting = auth(&store, none, None);
    time("API token, the database asked", 10_000, |_| identify(&doubting, &header));

    let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let hs256 = |number| signed("HS256", number, |message| hmac::sign(&hmac_key, message).as_ref().to_vec());
    let by_secret = || Some(Source::Secret(Secret::new(SECRET)));
    let (again, believing) = (hs256(0), auth(&store, hour, by_secret()));
    time("HS256, believed", 100_000, |_| identify(&believing, &again));
    let fresh: Vec<_> = (0..ROUNDS * 8_000).map(hs256).collect();
    time("HS256, a new token each time", 8_000, |turn| identify(&believing, fresh.get(turn).expect("a token")));

    let rs256 = |number| {
        signed("RS256", number, |message| {
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("a signature");
            signature
        })
    };
    let by_rsa = auth(&store, hour, Some(pem(folder.path(), rsa_der.as_ref())));
    let fresh: Vec<_> = (0..ROUNDS * 1_000).map(rs256).collect();
    time("RS256, a new token each time", 1_000, |turn| identify(&by_rsa, fresh.get(turn).expect("a token")));

    let curve = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let es256 = |number| {
        let sign = |message: &[u8]| curve.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec();
        signed("ES256", number, sign)
    };
    let curve_der = curve.public_key().as_der().expect("an encoding");
    let by_curve = auth(&store, hour, Some(pem(folder.path(), curve_der.as_ref())));
    let fresh: Vec<_> = (0..ROUNDS * 2_000).map(es256).collect();
    time("ES256, a new token each time", 2_000, |turn| identify(&by_curve, fresh.get(turn).expect("a token")));

    let edwards = Ed25519KeyPair::generate().expect("a key");
    let eddsa = |number| signed("EdDSA", number, |message| edwards.sign(message).as_ref().to_vec());
    let der = edwards.public_key().as_der().expect("an encoding");
    let by_edwards = auth(&store, hour, Some(pem(folder.path(), der.as_ref())));
    let fresh: Vec<_> = (0..ROUNDS * 2_000).map(eddsa).collect();
    time("EdDSA, a new token each time", 2_000, |turn| identify(&by_edwards, fresh.get(turn).expect("a token")));

    let alone = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa_der.as_ref()).expect("a key");
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"text", &mut signature).expect("a signature");
    time("RSA-2048 in aws-lc-rs alone", 20_000, |_| alone.verify_sig(b"text", &signature).expect("a signature"));

    let url = "https://demo.skillhive.com/api/v2/user-relationships?user=1234&relationship=subordinate&limit=20";
    let believing = auth(&store, hour, None);
    for (name, slash) in [("plain", "/"), ("PHP's", "\\/")] {
        let text = format!(
            r#"{{"url":"{}","content":"","api_id":"bench","user":"ann@example.com"}}"#,
            url.replace('/', slash)
        );
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).expect("a signature");
        let signature = STANDARD.encode(signature);
        let request = SignedRequest {
            api_id: Sent::Once(b"bench"),
            user: Sent::Once(b"ann@example.com"),
            signature: Sent::Once(signature.as_bytes()),
            timestamp: Sent::Nothing,
            nonce: Sent::Nothing,
            method: "GET",
            url: Some(url),
            body: Some(b""),
        };
        time(&format!("signature over {name} text, RSA-2048"), 20_000, |_| {
            black_box(runtime.block_on(believing.identify_signed(HERE, &request)).expect("a caller"));
        });
    }
}
