//! Failed authentication is rate limited, and valid credentials are not affected.

use std::time::Instant;

use crate::both;
use crate::forms::form;
use crate::support::{App, Client, json};

const ME: &str = "/api/v2/users/me";

/// A client that sends that token.
fn guesser(app: &App, token: &str) -> Client {
    app.anonymous().with_authorization(&format!("Bearer {token}"))
}

both!(
    a_credential_that_fails_repeatedly_is_rate_limited,
    |config| {
        config.auth_failure_limit = 5;
    },
    |app| {
        let ann = app.user();
        let secret = ann.authorization().unwrap().trim_start_matches("Token token=").to_owned();
        // The worst case: the guesses begin like the valid token.
        let guess = |number: usize| guesser(app, &format!("{}{number:056}", &secret[..12])).get(ME);
        for number in 0..5 {
            guess(number).refused(401, "unauthenticated");
        }
        for number in 5..8 {
            let refused = guess(number).refused(429, "rate-limited");
            let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&seconds), "{seconds}");
            ann.get(ME).expect(200);
        }
        guesser(app, "urt_another").get(ME).refused(401, "unauthenticated");
        app.anonymous().get(ME).refused(401, "unauthenticated");
    }
);

both!(
    requests_without_a_credential_are_always_a_401,
    |config| {
        config.auth_failure_limit = 1;
    },
    |app| {
        for _ in 0..5 {
            app.anonymous().get(ME).refused(401, "unauthenticated");
            app.anonymous().with_authorization("Basic eDp5").get(ME).refused(401, "unauthenticated");
        }
    }
);

both!(
    guessed_passwords_are_rate_limited_before_hashing,
    |config| {
        config.auth_failure_limit = 2;
    },
    |app| {
        let admin = app.admin();
        for email in ["ann@example.com", "bob@example.com"] {
            let values = json!({"first_name": "A", "email": email, "password": "long enough"});
            admin.form("POST", "/api/users", &form("create_user", &values)).expect(201);
        }
        let sign_in = |email: &str, password: &str| {
            let values = json!({"email": email, "password": password});
            let begun = Instant::now();
            let answer = app.anonymous().form("POST", "/api/sessions", &form("create_session", &values));
            (answer, begun.elapsed())
        };
        // A valid password does not reset the count of earlier failures.
        sign_in("ann@example.com", "wrong enough").0.expect(401);
        sign_in("ann@example.com", "long enough").0.expect(201);
        let (answer, hashed) = sign_in("ANN@example.com", "wrong enough");
        answer.expect(401);
        let quickest = (0..5).map(|_| {
            let (answer, time) = sign_in("ann@example.com", "long enough");
            assert!(answer.expect(429).header("retry-after").is_some());
            time
        });
        let quickest = quickest.min().unwrap();
        assert!(quickest < hashed / 2, "no password is hashed: {quickest:?}, {hashed:?}");
        sign_in("bob@example.com", "long enough").0.expect(201);
        sign_in("unknown@example.com", "long enough").0.expect(401);
        sign_in("unknown@example.com", "long enough").0.expect(401);
        sign_in("unknown@example.com", "long enough").0.expect(429);
    }
);
