//! JWTs: which are accepted, which user they name, and every reason for refusal.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use user_relationships::auth::claims::ClaimRequirements;
use user_relationships::auth::jwt::JwtSettings;
use user_relationships::auth::keyset::{KeyFormat, KeySource, Secret};

use crate::both;
use crate::support::jwt::{Key, SECRET, claims, file, hmac_of, jwks, kid, signed, token};
use crate::support::process::until;
use crate::support::signing::{now, pem};
use crate::support::{App, Client, Value, json};

const ME: &str = "/api/v2/users/me";
const ALL: [Key; 4] = [Key::Rsa(0), Key::Rsa(1), Key::Curve, Key::Edwards];

fn by(source: KeySource) -> JwtSettings {
    JwtSettings { source, requirements: ClaimRequirements::default() }
}

fn by_secret() -> JwtSettings {
    by(KeySource::Secret(Secret::new(SECRET)))
}

fn by_file(format: KeyFormat, path: &Path) -> JwtSettings {
    by(KeySource::File(format, path.to_owned()))
}

fn bearer(app: &App, token: &str) -> Client {
    app.anonymous().with_authorization(&format!("Bearer {token}"))
}

/// A valid token of a user.
fn of(user: &Client) -> Value {
    claims(&json!({"sub": user.id.to_string()}))
}

both!(
    a_token_with_the_secret_names_its_user_by_id_or_by_address,
    |config| {
        config.jwt = Some(by_secret());
    },
    |app| {
        let (ann, bob) = (app.named("Ann@example.com", "user"), app.named("bob@example.com", "user"));
        let named = |others: Value| bearer(app, &token(Key::Secret, None, &claims(&others))).get(ME);
        let id = ann.id;
        for good in [
            json!({"sub": id.to_string()}),
            json!({"sub": id}),
            json!({"sub": id.to_string(), "email": "Ann@EXAMPLE.com"}),
            json!({"sub": id, "email": null, "email_verified": false}),
            json!({"email": "ann@EXAMPLE.com"}),
            json!({"sub": "auth0|77", "email": "ann@example.com", "email_verified": true}),
            json!({"sub": "", "email": "ann@example.com", "email_verified": "True"}),
            json!({"sub": id, "iss": "https://any.example", "aud": ["any"], "nbf": now() - 10, "scope": "admin", "access-level": "admin"}),
            json!({"sub": id, "iss": null, "aud": 7, "iat": now() + 9_999}),
        ] {
            assert_eq!(named(good.clone()).expect(200).id(), id, "{good}");
        }
        for bad in [
            json!({}),
            json!({"sub": id.to_string(), "email": "bob@example.com"}),
            json!({"sub": id, "email": "unknown@example.com"}),
            json!({"sub": id, "email": ""}),
            json!({"sub": id, "email": ["ann@example.com"]}),
            json!({"sub": bob.id, "email": "ann@example.com", "email_verified": true}),
            json!({"sub": "999999", "email": "ann@example.com"}),
            json!({"sub": 999_999, "email": "ann@example.com"}),
            json!({"sub": format!("0{id}"), "email": "ann@example.com"}),
            json!({"sub": "99999999999999999999", "email": "ann@example.com"}),
            json!({"sub": 0, "email": "ann@example.com"}),
            json!({"sub": -1, "email": "ann@example.com"}),
            json!({"sub": 1.5, "email": "ann@example.com"}),
            json!({"email": "ann@example.com", "email_verified": false}),
            json!({"email": "ann@example.com", "email_verified": "false"}),
            json!({"email": "ann@example.com", "email_verified": 0}),
            json!({"email": ["ann@example.com"]}),
            json!({"email": "unknown@example.com"}),
            json!({"email": "ann@example.com\u{0}"}),
            json!({"email": ""}),
            json!({"sub": true}),
        ] {
            named(bad.clone()).refused(401, "unauthenticated");
        }
        // No claim raises the access level.
        let admin = claims(&json!({"sub": bob.id, "access-level": "admin", "role": "admin"}));
        let document = json!({"data": {"type": "users", "attributes": {"email": "new@example.com"}}});
        bearer(app, &token(Key::Secret, None, &admin)).post("/api/v2/users", &document).refused(403, "not-admin");
    }
);

both!(
    the_times_of_a_token_have_30_seconds_of_leeway,
    |config| {
        config.jwt = Some(by_secret());
    },
    |app| {
        let ann = app.user();
        let now = now();
        let at = |exp: Value, nbf: Value| {
            let claims = json!({"sub": ann.id, "exp": exp, "nbf": nbf});
            bearer(app, &token(Key::Secret, None, &claims)).get(ME).status
        };
        let seconds = |offset: i64| json!(i64::try_from(now).unwrap() + offset);
        #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
        let fraction = json!(now as f64 + 10.25);
        for (exp, nbf, status) in [
            (seconds(10), Value::Null, 200),
            (fraction.clone(), fraction, 200),
            (seconds(-20), Value::Null, 200),
            (seconds(-31), Value::Null, 401),
            (seconds(60), seconds(20), 200),
            (seconds(60), seconds(45), 401),
            (json!(1e300), Value::Null, 200),
            (json!(-1), Value::Null, 401),
            (Value::Null, Value::Null, 401),
            (json!((now + 60).to_string()), Value::Null, 401),
            (seconds(60), json!("soon"), 401),
        ] {
            assert_eq!(at(exp.clone(), nbf.clone()), status, "exp {exp} nbf {nbf}");
        }
        let eternal = json!({"sub": ann.id});
        bearer(app, &token(Key::Secret, None, &eternal)).get(ME).refused(401, "unauthenticated");
        // It expires on time in the cache, too.
        let short = bearer(app, &token(Key::Secret, None, &json!({"sub": ann.id, "exp": now - 28})));
        short.get(ME).expect(200);
        until("the token ends", Duration::from_secs(4), || short.get(ME).status == 401);
    }
);

both!(
    a_token_must_have_the_configured_issuer_and_audience,
    |config| {
        let requirements = ClaimRequirements {
            issuer: Some("https://id.example".into()),
            audiences: vec!["people".into(), "https://api.example".into()],
            ..ClaimRequirements::default()
        };
        config.jwt = Some(JwtSettings { source: KeySource::Secret(Secret::new(SECRET)), requirements });
    },
    |app| {
        let ann = app.user();
        let status = |iss: Value, aud: Value| {
            let claims = claims(&json!({"sub": ann.id, "iss": iss, "aud": aud}));
            bearer(app, &token(Key::Secret, None, &claims)).get(ME).status
        };
        let (good, people) = (json!("https://id.example"), json!("people"));
        assert_eq!(status(good.clone(), people.clone()), 200);
        assert_eq!(status(good.clone(), json!(["other", "people"])), 200);
        assert_eq!(status(good.clone(), json!("https://api.example")), 200);
        assert_eq!(status(good.clone(), json!("people,https://api.example")), 401);
        for (iss, aud) in [
            (json!("https://evil.example"), people.clone()),
            (json!("https://id.example/"), people.clone()),
            (json!(["https://id.example"]), people.clone()),
            (Value::Null, people),
            (good.clone(), json!("People")),
            (good.clone(), json!([])),
            (good.clone(), json!([["people"]])),
            (good, Value::Null),
        ] {
            assert_eq!(status(iss.clone(), aud.clone()), 401, "{iss} {aud}");
        }
    }
);

static FOUR_KEYS: LazyLock<std::path::PathBuf> = LazyLock::new(|| jwks("four.json", &ALL));

both!(
    each_algorithm_of_a_set_verifies_with_the_key_the_token_names,
    |config| {
        config.jwt = Some(by_file(KeyFormat::Jwks, &FOUR_KEYS));
    },
    |app| {
        let ann = app.user();
        for key in ALL {
            let good = token(key, Some(&kid(key)), &of(&ann));
            assert_eq!(bearer(app, &good).get(ME).expect(200).id(), ann.id, "{key:?}");
            for other in ALL.into_iter().filter(|other| *other != key) {
                let bad = token(key, Some(&kid(other)), &of(&ann));
                bearer(app, &bad).get(ME).refused(401, "unauthenticated");
            }
            for kid in [None, Some(""), Some("nothing")] {
                bearer(app, &token(key, kid, &of(&ann))).get(ME).refused(401, "unauthenticated");
            }
            // The signature is valid, but the algorithm is not that of the key.
            for alg in ["none", "HS256", "RS512", "PS256", "ES384", "rs256", ""]
                .into_iter()
                .chain(ALL.map(Key::algorithm).into_iter().filter(|alg| *alg != key.algorithm()))
            {
                let header = json!({"alg": alg, "kid": kid(key)}).to_string();
                let bad = signed(&header, &of(&ann).to_string(), |message| key.sign(message));
                bearer(app, &bad).get(ME).refused(401, "unauthenticated");
            }
        }
        bearer(app, &token(Key::Secret, None, &of(&ann))).get(ME).refused(401, "unauthenticated");
    }
);

static PUBLIC: LazyLock<std::path::PathBuf> =
    LazyLock::new(|| file("public.pem", &pem("PUBLIC KEY", &Key::Rsa(0).der())));

both!(
    tokens_forged_from_a_public_key_get_the_same_refusal,
    |config| {
        config.jwt = Some(by_file(KeyFormat::Pem, &PUBLIC));
    },
    |app| {
        let (ann, _bob) = (app.user(), app.user());
        let good = token(Key::Rsa(0), None, &of(&ann));
        bearer(app, &good).get(ME).expect(200);
        bearer(app, &token(Key::Rsa(0), Some("any"), &of(&ann))).get(ME).expect(200);
        let [header, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
        let claims = of(&ann).to_string();
        let public = std::fs::read(&*PUBLIC).unwrap();
        let confused = |secret: &[u8]| signed(r#"{"alg":"HS256"}"#, &claims, |message| hmac_of(secret, message));
        let with = |header: &str, claims: &str| {
            let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
            let parts = message.split_once('.').unwrap();
            (parts.0.to_owned(), parts.1.to_owned())
        };
        let none = with(r#"{"alg":"none"}"#, &claims);
        let sign = |header: &str, claims: &str| {
            let header: &str = header;
            signed(header, claims, |message| {
                use base64::engine::general_purpose::STANDARD;
                STANDARD
                    .decode(crate::support::signing::sign(0, &aws_lc_rs::signature::RSA_PKCS1_SHA256, message))
                    .unwrap()
            })
        };
        let twice = format!(r#"{{"sub":"{}","sub":"1","exp":{}}}"#, ann.id, now() + 60);
        let wrongs = [
            format!("{}.{}.", none.0, none.1),
            format!("{}.{}.{signature}", none.0, none.1),
            format!("{}.{}", none.0, none.1),
            confused(&public),
            confused(String::from_utf8_lossy(&public).trim().as_bytes()),
            confused(&Key::Rsa(0).der()),
            confused(b""),
            format!("{header}.{body}."),
            format!("{header}.{body}.{signature}="),
            format!("{header}.{body}.{}", &signature[..signature.len() - 4]),
            format!("{header}.{body}.{signature}.{signature}"),
            format!("{header}..{signature}"),
            format!(".{body}.{signature}"),
            format!("{header}.{}.{signature}", with("", &json!({"sub": ann.id + 1, "exp": now() + 60}).to_string()).1),
            sign(r#"{"alg":"RS256","crit":["exp"]}"#, &claims),
            sign(r#"{"alg":"RS256","alg":"RS256"}"#, &claims),
            sign(r#"{"alg":["RS256"]}"#, &claims),
            sign(r#"{"typ":"JWT"}"#, &claims),
            sign("[]", &claims),
            sign(r#"{"alg":"RS256"}"#, "[]"),
            sign(r#"["RS256",null,null]"#, &claims),
            sign(r#"{"alg":"RS256"}"#, &json!([now() + 60, null, null, null, ann.id, null, null]).to_string()),
            sign(r#"{"alg":"RS256"}"#, "nonsense"),
            sign(r#"{"alg":"RS256"}"#, &twice),
            sign(r#"{"alg":"RS256"}"#, &json!({"sub": ann.id, "exp": now() + 60, "x": "x".repeat(9_000)}).to_string()),
            "...".to_owned(),
            "eyJ".to_owned(),
            "x".repeat(20_000),
        ];
        assert_eq!(bearer(app, &sign(r#"{"alg":"RS256"}"#, &claims)).get(ME).expect(200).id(), ann.id);
        let mut details = Vec::new();
        for wrong in &wrongs {
            let refused = bearer(app, wrong).get(ME);
            assert_eq!(refused.status, 401, "{wrong}");
            assert!(refused.header("www-authenticate").is_some());
            details.push(refused.body["errors"][0]["detail"].clone());
        }
        details.dedup();
        assert_eq!(details.len(), 1, "{details:?}");
        // Tokens of the other kind are accepted as well.
        ann.get(ME).expect(200);
        let both = [("authorization", &*format!("Bearer {good}"))];
        ann.send("GET", ME, &both, None).refused(401, "unauthenticated");
    }
);

both!(
    disabling_or_deleting_a_user_stops_its_jwts_immediately,
    |config| {
        config.jwt = Some(by_secret());
        config.auth_refresh = Duration::from_mins(1);
    },
    |app| {
        let (admin, ann) = (app.admin(), app.named("ann@example.com", "user"));
        let by_id = bearer(app, &token(Key::Secret, None, &of(&ann)));
        let by_email = bearer(app, &token(Key::Secret, None, &claims(&json!({"email": "ann@example.com"}))));
        let path = format!("/api/v2/users/{}", ann.id);
        let change = |attributes: Value| admin.patch(&path, &json!({"data": {"attributes": attributes}})).expect(200);
        for client in [&by_id, &by_email] {
            client.get(ME).expect(200);
        }
        change(json!({"is-enabled": false}));
        for client in [&by_id, &by_email] {
            client.get(ME).refused(403, "account-disabled");
        }
        change(json!({"is-enabled": true, "email": "anna@example.com"}));
        by_id.get(ME).expect(200);
        by_email.get(ME).refused(401, "unauthenticated");
        admin.delete(&path).expect(204);
        by_id.get(ME).refused(401, "unauthenticated");
    }
);

both!(
    guesses_at_a_jwt_are_rate_limited_by_issuer_and_key,
    |config| {
        config.jwt = Some(by_secret());
        config.auth_failure_limit = 2;
    },
    |app| {
        let ann = app.user();
        let forged = |iss: &str, kid: &str| {
            let header = json!({"alg": "HS256", "kid": kid}).to_string();
            let claims = claims(&json!({"sub": ann.id, "iss": iss})).to_string();
            bearer(app, &signed(&header, &claims, |_| vec![0; 32])).get(ME)
        };
        for _ in 0..2 {
            forged("a", "k").refused(401, "unauthenticated");
        }
        forged("a", "k").refused(429, "rate-limited");
        forged("b", "k").refused(401, "unauthenticated");
        forged("a", "l").refused(401, "unauthenticated");
        let good = claims(&json!({"sub": ann.id, "iss": "a"}));
        bearer(app, &token(Key::Secret, Some("k"), &good)).get(ME).expect(200);
    }
);
