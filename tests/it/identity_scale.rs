//! Many users and many credentials: caches are bounded, and so is the memory of the service.

use std::fmt::Write as _;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use user_relationships::auth::claims::ClaimRequirements;
use user_relationships::auth::jwt::JwtSettings;
use user_relationships::auth::keyset::{KeySource, Secret};
use user_relationships::auth::{Auth, AuthSettings, Purpose, token};
use user_relationships::clock::Clock;
use user_relationships::model::token::Digest;

use crate::support::app::{Engine, Home, run};
use crate::support::counting::held;
use crate::support::jwt::SECRET;
use crate::support::process::Service;
use crate::support::sql::Raw;

/// More than a cache holds.
const ROUND: usize = 70_000;

#[test]
fn memory_is_bounded_with_more_credentials_than_the_cache_holds() {
    run(
        Engine::Sqlite,
        |_| {},
        |app| {
            let ann = app.user();
            let jwt = JwtSettings {
                source: KeySource::Secret(Secret::new(SECRET)),
                requirements: ClaimRequirements::default(),
            };
            // Nothing expires: only the bound keeps the cache small.
            let settings = AuthSettings {
                refresh: Duration::from_hours(1),
                failure_limit: 20,
                require_timestamp: false,
                grace: Duration::ZERO,
                jwt: Some(jwt),
            };
            let auth = Auth::new(app.store.clone(), Clock::System, &settings);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
            let here = [127, 0, 0, 1].into();
            let mut grown = Vec::new();
            let before = held();
            for round in 0..3 {
                for number in 0..ROUND {
                    let claims = format!(r#"{{"sub":{},"exp":9999999999,"jti":"{round}-{number}"}}"#, ann.id);
                    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
                    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
                    let field = format!("Bearer {message}.{signature}");
                    runtime.block_on(auth.identify(here, Purpose::Read, &[field.as_bytes()])).expect("a caller");
                    // A forged token is only counted.
                    if number % 16 == 0 {
                        let forged = format!("Bearer urt_{round}{number:060}");
                        runtime
                            .block_on(auth.identify(here, Purpose::Read, &[forged.as_bytes()]))
                            .expect_err("no account");
                    }
                }
                grown.push(held() - before);
            }
            println!("bytes in use after each round of {ROUND} tokens: {grown:?}");
            assert!(grown[0] > 4_000_000, "valid tokens are cached: {grown:?}");
            assert!(grown[2] < grown[0] * 11 / 10, "{grown:?}");
        },
    );
}

/// How many users and tokens exist: `IDENTITY_SCALE`, such as `1000000,100000`; a few by default.
#[expect(clippy::disallowed_methods, reason = "a setting of only this test")]
fn scale() -> (usize, usize) {
    let text = std::env::var("IDENTITY_SCALE").unwrap_or_else(|_| "3000,1000".to_owned());
    let (users, tokens) = text.split_once(',').expect("IDENTITY_SCALE is users,tokens");
    (users.parse().expect("a number"), tokens.parse().expect("a number"))
}

/// The token of that number.
fn secret(number: usize) -> String {
    format!("urt_{number:064x}")
}

fn hex(digest: &Digest) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}

/// Inserts users and tokens directly into the database.
fn fill(raw: &mut Raw, users: usize, tokens: usize) {
    let is_sqlite = matches!(raw, Raw::Sqlite(_));
    let row = |id: usize| {
        let email = format!("u{id}@example.com");
        format!("('{email}', '{email}', 'A', 'B', 'a b', 0, TRUE, '{{}}', 1, 1)")
    };
    let columns = "email, email_key, first_name, last_name, name_key, access_level, is_enabled, profile, created_at, \
                   updated_at";
    insert(raw, &format!("users ({columns})"), (1..=users).map(row));
    let row = |number: usize| {
        let digest = hex(&token::digest(&secret(number)));
        let digest = if is_sqlite { format!("X'{digest}'") } else { format!("'\\x{digest}'") };
        format!("({digest}, {}, 1, FALSE)", number % users + 1)
    };
    insert(raw, "api_tokens (digest, user_id, created_at, is_session)", (0..tokens).map(row));
}

fn insert(raw: &mut Raw, into: &str, rows: impl Iterator<Item = String>) {
    let rows: Vec<_> = rows.collect();
    raw.run("BEGIN");
    for rows in rows.chunks(500) {
        raw.run(&format!("INSERT INTO {into} VALUES {}", rows.join(", ")));
    }
    raw.run("COMMIT");
}

/// The private memory of a service, in KiB.
fn memory(service: &Service) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.id())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("its memory");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
}

#[test]
fn memory_does_not_grow_with_users_and_tokens() {
    const CLIENTS: usize = 4;
    const ROUNDS: usize = 4;
    let (users, tokens) = scale();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(home) = Home::new(engine) else { continue };
        fill(&mut Raw::connect(&home.url()), users, tokens);
        let service =
            Service::start(&home.text(), &[("RUST_LOG", "warn,user_relationships=info,user_relationships::http=warn")]);
        let mut sizes = vec![memory(&service)];
        for round in 0..ROUNDS {
            let begun = Instant::now();
            thread::scope(|scope| {
                for part in 0..CLIENTS {
                    let anonymous = service.anonymous();
                    scope.spawn(move || {
                        for number in (part..tokens).step_by(CLIENTS) {
                            let client = anonymous.with_authorization(&format!("Bearer {}", secret(number)));
                            let id = client.get("/api/v2/users/me?fields%5Busers%5D=name").expect(200).id();
                            assert_eq!(id, i64::try_from(number % users + 1).unwrap());
                        }
                    });
                }
            });
            sizes.push(memory(&service));
            println!("{engine:?} round {round}: {tokens} tokens of {users} users in {:.1?}", begun.elapsed());
        }
        println!("{engine:?}: memory in KiB before and after each round: {sizes:?}");
        // Every round uses the same tokens; the first one fills the caches.
        assert!(sizes[ROUNDS] < sizes[1] + 16 * 1024, "it grows: {sizes:?}");
        assert!(sizes[ROUNDS] < 200 * 1024, "it is large: {sizes:?}");
    }
}
