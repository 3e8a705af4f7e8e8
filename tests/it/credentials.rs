//! API tokens: how they are presented, and how soon they work and stop working.

use std::time::{Duration, Instant};

use user_relationships::auth::token;
use user_relationships::model::id::UserId;
use user_relationships::model::time::Timestamp;
use user_relationships::model::token::NewToken;

use crate::both;
use crate::support::{Client, json};

const ME: &str = "/api/v2/users/me";

/// Asks until the status is as expected, for no longer than credentials are believed.
#[track_caller]
fn within(patience: Duration, client: &Client, status: u16) {
    let deadline = Instant::now() + patience + Duration::from_millis(500);
    loop {
        let asked = Instant::now();
        if client.get(ME).status == status {
            return;
        }
        assert!(asked < deadline, "{status} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

both!(a_token_is_taken_in_each_of_its_spellings, |app| {
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
        assert_eq!(app.anybody().with_authorization(&header).get(ME).expect(200).id(), ann.id, "{header}");
    }
});

both!(what_is_no_valid_token_is_refused_without_saying_why, |app| {
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
        let refused = app.anybody().with_authorization(&header).get(ME).refused(401, "unauthenticated");
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
        let refused = app.anybody().with_authorization(&header).get(ME).refused(401, "unauthenticated");
        assert!(refused.header("www-authenticate").is_some());
        assert_eq!(refused.source("header"), Some("Authorization"));
        assert!(!refused.text.contains(&secret), "{}", refused.text);
    }
});

both!(two_credentials_at_once_are_none, |app| {
    let ann = app.user();
    let bearer = format!("Bearer {}", app.token(UserId::new(ann.id), None));
    for second in [&*bearer, "Token token=x", ""] {
        ann.send("GET", ME, &[("authorization", second)], None).refused(401, "unauthenticated");
    }
});

both!(a_token_that_was_just_made_works_at_once_everywhere, |app| {
    let beside = app.beside();
    let ann = app.user();
    let (secret, digest) = token::generate().expect("random numbers");
    let header = format!("Bearer {secret}");
    for instance in [app, &beside] {
        instance.anybody().with_authorization(&header).get(ME).refused(401, "unauthenticated");
    }
    let id = UserId::new(ann.id);
    app.write(move |tx| {
        tx.insert_token(&NewToken { digest, user: id, name: None, expires_at: None, is_session: false })
    });
    for instance in [app, &beside] {
        assert_eq!(instance.anybody().with_authorization(&header).get(ME).expect(200).id(), ann.id);
    }
});

both!(
    a_revoked_token_is_obeyed_within_the_time_for_which_it_is_believed,
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
    a_disabled_user_is_obeyed_at_once_here_and_soon_by_every_other_instance,
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
    a_token_ends_with_its_time_even_where_it_is_believed,
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
