//! Work for unauthenticated requests is bounded, and sources with failures do not keep others out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use user_relationships::auth::token;

use crate::both;
use crate::forms::form;
use crate::support::app::{Engine, Home};
use crate::support::process::in_time;
use crate::support::scrape::scrape;
use crate::support::signing::Signer;
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, json};

const ME: &str = "/api/v2/users/me";
const EDGES: &str = "/api/v2/user-relationships";

/// Sends a token that does not exist, from an address.
fn guess(app: &App, address: &str) -> Answer {
    let (secret, _) = token::generate().expect("random numbers");
    get_from(&app.anonymous().with_authorization(&format!("Bearer {secret}")), address)
}

fn get_from(client: &Client, address: &str) -> Answer {
    client.send("GET", ME, &[("x-forwarded-for", address)], None)
}

fn lookups(client: &Client) -> i64 {
    scrape(client).count("store_job_duration_seconds_count", &[("job", "tokens.owner")])
}

both!(a_malformed_token_is_refused_without_a_query, |app| {
    let ann = app.user();
    ann.get(ME).expect(200);
    let before = lookups(&ann);
    let (secret, _) = token::generate().expect("random numbers");
    for bad in ["x", "urt_", &secret[..67], &format!("{secret}0"), &secret.to_uppercase(), &secret[4..]] {
        app.anonymous().with_authorization(&format!("Token token={bad}")).get(ME).refused(401, "unauthenticated");
    }
    assert_eq!(lookups(&ann), before);
    app.anonymous().with_authorization(&format!("Bearer {secret}")).get(ME).refused(401, "unauthenticated");
    assert_eq!(lookups(&ann), before + 1);
});

both!(
    a_valid_token_is_accepted_from_a_source_with_many_failures,
    |config| {
        config.auth_failure_limit = 3;
        config.auth_refresh = Duration::ZERO;
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    },
    |app| {
        let ann = app.user();
        for _ in 0..10 {
            guess(app, "203.0.113.1").refused(401, "unauthenticated");
        }
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| drop(guess(app, "203.0.113.1"))));
            }
            for _ in 0..10 {
                get_from(&ann, "203.0.113.1").expect(200);
            }
        });
    }
);

#[test]
pub fn a_source_of_many_failures_does_not_exhaust_the_connections() {
    let Some(home) = Home::new(Engine::Postgres) else { return };
    let app = App::start(home, |config| {
        config.auth_failure_limit = 2;
        config.auth_refresh = Duration::from_mins(1);
        config.database_timeout = Duration::from_secs(2);
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    });
    let ann = app.user();
    get_from(&ann, "203.0.113.2").expect(200);
    for _ in 0..2 {
        guess(&app, "203.0.113.1").refused(401, "unauthenticated");
    }
    let mut holder = Raw::connect(&app.home().url());
    holder.run("BEGIN; LOCK TABLE api_tokens IN ACCESS EXCLUSIVE MODE");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drop(guess(&app, "203.0.113.1")));
        }
        thread::sleep(Duration::from_millis(300));
        in_time("a list", Duration::from_secs(1), || {
            ann.send("GET", EDGES, &[("x-forwarded-for", "203.0.113.2")], None).expect(200)
        });
        holder.run("ROLLBACK");
    });
}

both!(
    a_bad_signature_is_refused_before_the_body_is_read,
    |config| {
        config.request_timeout = Duration::from_secs(5);
    },
    |app| {
        let ann = app.named("ann@example.com", "user");
        let good = Signer::new(app, "ann@example.com");
        let other_key = Signer { key: 1, ..good.clone() };
        let unknown = Signer { api_id: "unknown".to_owned(), ..good.clone() };
        let send = |signer: &Signer| {
            let fields = signer.fields("POST", &ann.base(), EDGES, Some(b"{}"));
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head = format!(
                "POST {EDGES} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{}content-length: \
                 1000000\r\n\r\n",
                ann.address(),
                fields.concat(),
            );
            let mut stream = TcpStream::connect(ann.address()).expect("the service listens");
            stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
            stream.write_all(head.as_bytes()).expect("sent");
            let mut status = [0; 12];
            stream.read_exact(&mut status).ok().map(|()| String::from_utf8_lossy(&status).into_owned())
        };
        for (what, signer) in [("another key", other_key), ("an unknown client", unknown)] {
            assert_eq!(send(&signer).as_deref(), Some("HTTP/1.1 403"), "{what}");
        }
        assert_eq!(send(&good), None, "the body of a valid signature is read");
    }
);

/// Signs in from an address.
fn sign_in(app: &App, address: &str, email: &str, password: &str) -> Answer {
    let body = form("create_session", &json!({"email": email, "password": password})).to_string();
    let headers = [("content-type", "application/json"), ("accept", "application/json"), ("x-forwarded-for", address)];
    app.anonymous().send("POST", "/api/sessions", &headers, Some(body.as_bytes()))
}

fn with_password(app: &App, email: &str) {
    let values = json!({"first_name": "A", "email": email, "password": "long enough"});
    app.admin().form("POST", "/api/users", &form("create_user", &values)).expect(201);
}

both!(
    a_valid_password_does_not_wait_for_guesses_of_other_sources,
    |config| {
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    },
    |app| {
        with_password(app, "ann@example.com");
        let (verified, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for number in 0..30 {
                let (verified, refused) = (&verified, &refused);
                scope.spawn(move || {
                    let email = format!("guess{number}@example.com");
                    match sign_in(app, "203.0.113.1", &email, "wrong enough").status {
                        401 => verified.fetch_add(1, Ordering::SeqCst),
                        429 => refused.fetch_add(1, Ordering::SeqCst),
                        // It has waited too long.
                        503 => 0,
                        other => panic!("{other}"),
                    }
                });
            }
            thread::sleep(Duration::from_millis(200));
            let before = verified.load(Ordering::SeqCst);
            sign_in(app, "203.0.113.2", "ann@example.com", "long enough").expect(201);
            let meanwhile = verified.load(Ordering::SeqCst) - before;
            // Up to 16 wait. One or two are computed at the moment, and a busy machine notices the response late.
            assert!(meanwhile <= 8, "{meanwhile} guesses finished first");
        });
        assert!(refused.load(Ordering::SeqCst) > 0, "more requests of one source wait than may");
    }
);

both!(
    failed_passwords_of_a_source_are_limited_over_all_addresses,
    |config| {
        config.auth_failure_limit = 2;
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    },
    |app| {
        with_password(app, "ann@example.com");
        let guess = |number: usize| sign_in(app, "203.0.113.1", &format!("guess{number}@example.com"), "wrong enough");
        (0..10).for_each(|number| drop(guess(number).expect(401)));
        assert!(guess(10).expect(429).header("retry-after").is_some());
        sign_in(app, "203.0.113.1", "ann@example.com", "long enough").expect(429);
        sign_in(app, "203.0.113.2", "ann@example.com", "long enough").expect(201);
    }
);
