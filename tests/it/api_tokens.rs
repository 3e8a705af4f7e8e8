//! API tokens: how they are sent, and how soon they start and stop working.

use std::time::{Duration, Instant};

use user_relationships::auth::token;
use user_relationships::model::id::UserId;
use user_relationships::model::time::Timestamp;
use user_relationships::model::token::NewToken;

use crate::both;
use crate::support::{Client, json};

const ME: &str = "/api/v2/users/me";

/// Repeats a request until it has the expected status, for at most the lifetime of cached credentials.
#[track_caller]
fn within(patience: Duration, client: &Client, status: u16) {
    let deadline = Instant::now() + patience + Duration::from_millis(500);
    loop {
        let asked = Instant::now();
        if client.get(ME).status == status {
            return;
        }
        assert!(asked < deadline, "never got {status}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

both!(a_token_is_accepted_in_every_header_form, |app| {
    let ann = app.user();
    let secret = app.token(UserId::new(ann.id), None);
    for header in [
        format!("Token token={secret}"),
        format!("Token token=\"{secret}\""),
        format!("token TOKEN={secret}"),
        format!("TOKEN Token = \"{secret}\""),
        format!("Bearer {secret}"),
        format!("bearer {secret}"),
        format!("BEARER  {secret}"),
    ] {
        assert_eq!(app.anonymous().with_authorization(&header).get(ME).expect(200).id(), ann.id, "{header}");
    }
});

both!(invalid_tokens_are_refused_without_a_reason, |app| {
    let ann = app.user();
    let secret = app.token(UserId::new(ann.id), None);
    let expired = app.token(UserId::new(ann.id), Some(app.clock.now().plus_seconds(-1)));
    let mut details = Vec::new();
    for header in [
        format!("Bearer {}", &secret[..secret.len() - 1]),
        format!("Bearer {}", secret.to_uppercase().replace("URT_", "urt_")),
        "Bearer urt_".to_owned(),
        "Token token=x".to_owned(),
        format!("Token token={expired}"),
    ] {
        let refused = app.anonymous().with_authorization(&header).get(ME).refused(401, "unauthenticated");
        details.push(refused.body["errors"][0]["detail"].clone());
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
    for header in [
        String::new(),
        secret.clone(),
        "Token".to_owned(),
        format!("Token {secret}"),
        format!("Basic {secret}"),
        "Bearer eyJhbGciOiJub25lIn0.e30.".to_owned(),
        format!("Token token={secret}, Token token={secret}"),
    ] {
        let refused = app.anonymous().with_authorization(&header).get(ME).refused(401, "unauthenticated");
        assert!(refused.header("www-authenticate").is_some());
        assert_eq!(refused.source("header"), Some("Authorization"));
        assert!(!refused.text.contains(&secret), "{}", refused.text);
    }
});

both!(two_credentials_in_one_request_are_a_401, |app| {
    let ann = app.user();
    let bearer = format!("Bearer {}", app.token(UserId::new(ann.id), None));
    for second in [&*bearer, "Token token=x", ""] {
        ann.send("GET", ME, &[("authorization", second)], None).refused(401, "unauthenticated");
    }
});

both!(a_new_token_works_immediately_on_every_instance, |app| {
    let beside = app.beside();
    let ann = app.user();
    let (secret, digest) = token::generate().expect("random numbers");
    let header = format!("Bearer {secret}");
    for instance in [app, &beside] {
        instance.anonymous().with_authorization(&header).get(ME).refused(401, "unauthenticated");
    }
    let id = UserId::new(ann.id);
    app.write(move |tx| {
        tx.insert_token(&NewToken { digest, user: id, name: None, expires_at: None, is_session: false })
    });
    for instance in [app, &beside] {
        assert_eq!(instance.anonymous().with_authorization(&header).get(ME).expect(200).id(), ann.id);
    }
});

both!(
    a_revoked_token_stops_working_within_the_cache_ttl,
    |config| {
        config.auth_refresh = Duration::from_secs(1);
    },
    |app| {
        let ann = app.user();
        ann.get(ME).expect(200);
        app.write(|tx| {
            for token in tx.tokens(user_relationships::model::id::TokenId::new(0), 100)? {
                tx.delete_token(token.id)?;
            }
            Ok(())
        });
        within(app.config.auth_refresh, &ann, 401);
    }
);

both!(
    disabling_a_user_works_here_now_and_elsewhere_within_the_ttl,
    |config| {
        config.auth_refresh = Duration::from_secs(1);
    },
    |app| {
        let beside = app.beside();
        let (admin, ann) = (app.admin(), app.user());
        let there = beside.client_like(&ann);
        for (is_enabled, status) in [(false, 403), (true, 200)] {
            ann.get(ME);
            there.get(ME);
            let document = json!({"data": {"attributes": {"is-enabled": is_enabled}}});
            admin.patch(&format!("/api/v2/users/{}", ann.id), &document).expect(200);
            ann.get(ME).expect(status);
            within(app.config.auth_refresh, &there, status);
        }
    }
);

both!(
    a_cached_token_expires_on_time,
    |config| {
        config.auth_refresh = Duration::from_mins(1);
    },
    |app| {
        let ann = app.user();
        let end = Timestamp::from_micros(app.clock.now().micros() + 2_000_000);
        let client = ann.with_authorization(&format!("Bearer {}", app.token(UserId::new(ann.id), Some(end))));
        client.get(ME).expect(200);
        within(Duration::from_secs(2), &client, 401);
    }
);
