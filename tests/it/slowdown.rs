//! Guessing: failures are slowed down, and whoever has a valid credential notices nothing of it.

use crate::both;
use crate::support::{App, Client};

const ME: &str = "/api/v2/users/me";

/// Somebody who presents that token.
fn guesser(app: &App, token: &str) -> Client {
    app.anybody().with_authorization(&format!("Bearer {token}"))
}

both!(
    a_credential_that_fails_again_and_again_is_slowed_down,
    |config| {
        config.auth_failure_limit = 5;
    },
    |app| {
        let ann = app.user();
        let secret = ann.authorization().unwrap().trim_start_matches("Token token=").to_owned();
        // As bad as can be: the guesses begin like the valid token.
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
        app.anybody().get(ME).refused(401, "unauthenticated");
    }
);

both!(
    whoever_sends_no_credential_is_told_so_however_often,
    |config| {
        config.auth_failure_limit = 1;
    },
    |app| {
        for _ in 0..5 {
            app.anybody().get(ME).refused(401, "unauthenticated");
            app.anybody().with_authorization("Basic eDp5").get(ME).refused(401, "unauthenticated");
        }
    }
);
