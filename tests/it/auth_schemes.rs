//! Every authentication scheme and every way in which it fails, at every route and method; and valid credentials of
//! each scheme for every caller of the matrix in `authorization`.

use std::time::Duration;

use user_relationships::auth::claims::ClaimRequirements;
use user_relationships::auth::jwt::JwtSettings;
use user_relationships::auth::keyset::{KeySource, Secret};
use user_relationships::config::Config;
use user_relationships::http::routes::{FORMS, TABLE};
use user_relationships::model::id::{TokenId, UserId};
use user_relationships::model::time::Timestamp;

use crate::authorization::{Callers, walk};
use crate::both;
use crate::support::jwt::{Key, SECRET, claims, signed, token};
use crate::support::process::until;
use crate::support::signing::{Fields, Signer, now, register};
use crate::support::{App, Client, Value, json};

const ME: &str = "/api/v2/users/me";
const UNAUTHENTICATED: &str = "401 unauthenticated";
const REJECTED: &str = "403 signature-rejected";
const DISABLED: &str = "403 account-disabled";

/// A failing credential and the error that it gets, whatever the rest of the request is.
#[rustfmt::skip]
const FAILURES: &[(&str, &str)] = &[
    ("nothing",                              UNAUTHENTICATED),
    ("an empty header",                      UNAUTHENTICATED),
    ("a password",                           UNAUTHENTICATED),
    ("token: unknown",                       UNAUTHENTICATED),
    ("token: cut short",                     UNAUTHENTICATED),
    ("token: expired",                       UNAUTHENTICATED),
    ("token: revoked",                       UNAUTHENTICATED),
    ("token: of a disabled user",            DISABLED),
    ("token: of an excluded user",           DISABLED),
    ("token: twice",                         UNAUTHENTICATED),
    ("jwt: no jwt",                          UNAUTHENTICATED),
    ("jwt: another secret",                  UNAUTHENTICATED),
    ("jwt: alg none",                        UNAUTHENTICATED),
    ("jwt: another algorithm",               UNAUTHENTICATED),
    ("jwt: expired",                         UNAUTHENTICATED),
    ("jwt: too early",                       UNAUTHENTICATED),
    ("jwt: for ever",                        UNAUTHENTICATED),
    ("jwt: too large",                       UNAUTHENTICATED),
    ("jwt: without a user",                  UNAUTHENTICATED),
    ("jwt: of an unknown user",              UNAUTHENTICATED),
    ("jwt: of an address not verified",      UNAUTHENTICATED),
    ("jwt: of two different users",          UNAUTHENTICATED),
    ("jwt: of a disabled user",              DISABLED),
    ("jwt: of an excluded user",             DISABLED),
    ("jwt and token",                        UNAUTHENTICATED),
    ("signature: missing",                   REJECTED),
    ("signature: alone",                     REJECTED),
    ("signature: not base64",                REJECTED),
    ("signature: by another key",            REJECTED),
    ("signature: over another url",          REJECTED),
    ("signature: over another body",         REJECTED),
    ("signature: of an unknown client",      REJECTED),
    ("signature: of a disabled client",      REJECTED),
    ("signature: of an unknown user",        REJECTED),
    ("signature: of a disabled user",        DISABLED),
    ("signature: of an excluded user",       DISABLED),
    ("signature: stamped by halves",         REJECTED),
    ("signature: stamped too early",         REJECTED),
    ("signature and token",                  UNAUTHENTICATED),
    ("signature and jwt",                    UNAUTHENTICATED),
];

/// What is wrong with the rest of a request: header fields, query, body.
type Flaw = (&'static [(&'static str, &'static str)], &'static str, Option<&'static [u8]>);

const FLAWS: &[Flaw] = &[
    (&[], "", None),
    (&[("content-type", "application/vnd.api+json")], "", Some(b"{\"data\":")),
    (&[("content-type", "text/plain")], "?limit=x&nonsense=1&limit=2", Some(b"x")),
    (&[("accept", "text/html"), ("if-match", "nonsense")], "?page%5Bafter%5D=%00", Some(b"")),
];

/// Paths below `/api` without a route, and unknown methods.
const STRAY: &[(&str, &str)] = &[
    ("GET", "/api"),
    ("GET", "/api/v2/nothing"),
    ("POST", "/api/v1/users"),
    ("PUT", "/api/v2/users"),
    ("BREW", "/api/v2/users/1"),
    ("DELETE", "//api/v2/users/1/2/3/4"),
];

fn by_secret(config: &mut Config) {
    config.jwt = Some(JwtSettings {
        source: KeySource::Secret(Secret::new(SECRET)),
        requirements: ClaimRequirements::default(),
    });
}

/// The e-mail address of a user.
fn email(client: &Client) -> String {
    client.get(ME).expect(200).body["data"]["attributes"]["email"].as_str().unwrap().to_owned()
}

/// The same user with a JWT.
fn with_jwt(client: &Client) -> Client {
    let token = token(Key::Secret, None, &claims(&json!({"sub": client.id})));
    client.with_authorization(&format!("Bearer {token}"))
}

/// Users whose credentials do not work, and clients whose keys do not fit.
struct Fixture {
    ann: Client,
    token: String,
    expired: String,
    revoked: String,
    disabled: Client,
    excluded: Client,
    signer: Signer,
    disabled_client: String,
}

impl Fixture {
    fn new(app: &App) -> Self {
        let (admin, ann) = (app.admin(), app.named("ann@example.com", "user"));
        let disabled = app.named("disabled@example.com", "user");
        let document = json!({"data": {"attributes": {"is-enabled": false}}});
        admin.patch(&format!("/api/v2/users/{}", disabled.id), &document).expect(200);
        let id = UserId::new(ann.id);
        let revoked = app.token(id, None);
        app.write(|tx| {
            let last = tx.tokens(TokenId::new(0), 100)?.pop().expect("a token").id;
            tx.delete_token(last)
        });
        let disabled_client = register(app, 0, false);
        let client = disabled_client.clone();
        app.write(move |tx| tx.disable_client(&client));
        Self {
            token: app.token(id, None),
            expired: app.token(id, Some(Timestamp::from_micros(1))),
            revoked,
            disabled,
            excluded: app.named("excluded@example.com", "excluded"),
            signer: Signer::new(app, "ann@example.com"),
            disabled_client,
            ann,
        }
    }

    /// The header fields for the failure called `name`.
    fn credential(&self, name: &str, method: &str, path: &str, body: Option<&[u8]>) -> Fields {
        let one = |value: String| vec![("authorization", value)];
        let header = |client: &Client| one(client.authorization().unwrap().to_owned());
        let jwt = |others: Value| one(format!("Bearer {}", token(Key::Secret, None, &claims(&others))));
        let good = || json!({"sub": self.ann.id});
        let forged =
            |header: &str| one(format!("Bearer {}", signed(header, &claims(&good()).to_string(), |_| vec![0; 32])));
        let sign = |signer: Signer| signer.fields(method, &self.ann.base(), path, body);
        let (s, right) = (&self.signer, sign(self.signer.clone()));
        let without = |name: &str| right.iter().filter(|(known, _)| *known != name).cloned().collect::<Fields>();
        let and = |mut fields: Fields, others: Fields| {
            fields.extend(others);
            fields
        };
        let token = || one(format!("Bearer {}", self.token));
        match name {
            "nothing" => Vec::new(),
            "an empty header" => one(String::new()),
            "a password" => one("Basic YTpi".to_owned()),
            "token: unknown" => one("Token token=urt_unknown".to_owned()),
            "token: cut short" => one(format!("Bearer {}", &self.token[..self.token.len() - 1])),
            "token: expired" => one(format!("Token token={}", self.expired)),
            "token: revoked" => one(format!("Bearer {}", self.revoked)),
            "token: of a disabled user" => header(&self.disabled),
            "token: of an excluded user" => header(&self.excluded),
            "token: twice" => and(token(), token()),
            "jwt: no jwt" => one("Bearer x.y.z".to_owned()),
            "jwt: another secret" => forged(r#"{"alg":"HS256"}"#),
            "jwt: alg none" => forged(r#"{"alg":"none"}"#),
            "jwt: another algorithm" => {
                one(format!("Bearer {}", crate::support::jwt::token(Key::Rsa(0), None, &claims(&good()))))
            }
            "jwt: expired" => jwt(json!({"sub": self.ann.id, "exp": now() - 60})),
            "jwt: too early" => jwt(json!({"sub": self.ann.id, "nbf": now() + 60})),
            "jwt: for ever" => jwt(json!({"sub": self.ann.id, "exp": null})),
            "jwt: too large" => jwt(json!({"sub": self.ann.id, "x": "x".repeat(8_192)})),
            "jwt: without a user" => jwt(json!({})),
            "jwt: of an unknown user" => jwt(json!({"sub": 999_999, "email": "ann@example.com"})),
            "jwt: of an address not verified" => jwt(json!({"email": "ann@example.com", "email_verified": false})),
            "jwt: of two different users" => jwt(json!({"sub": self.ann.id, "email": "disabled@example.com"})),
            "jwt: of a disabled user" => jwt(json!({"sub": self.disabled.id})),
            "jwt: of an excluded user" => jwt(json!({"email": "EXCLUDED@example.com"})),
            "jwt and token" => and(jwt(good()), token()),
            "signature: missing" => without("api-signature"),
            "signature: alone" => right.into_iter().filter(|(known, _)| *known == "api-signature").collect(),
            "signature: not base64" => and(without("api-signature"), vec![("api-signature", "%".to_owned())]),
            "signature: by another key" => sign(Signer { key: 1, ..s.clone() }),
            "signature: over another url" => s.fields(method, &self.ann.base(), "/another/url", body),
            "signature: over another body" => s.fields(method, &self.ann.base(), path, Some(b"{}")),
            "signature: of an unknown client" => sign(Signer { api_id: "unknown".to_owned(), ..s.clone() }),
            "signature: of a disabled client" => sign(Signer { api_id: self.disabled_client.clone(), ..s.clone() }),
            "signature: of an unknown user" => sign(Signer { user: "unknown@example.com".to_owned(), ..s.clone() }),
            "signature: of a disabled user" => sign(Signer { user: "disabled@example.com".to_owned(), ..s.clone() }),
            "signature: of an excluded user" => sign(Signer { user: "excluded@example.com".to_owned(), ..s.clone() }),
            "signature: stamped by halves" => and(right.clone(), vec![("api-nonce", "n".to_owned())]),
            "signature: stamped too early" => {
                and(right.clone(), vec![("api-nonce", "n".to_owned()), ("api-timestamp", (now() - 400).to_string())])
            }
            "signature and token" => and(right.clone(), token()),
            "signature and jwt" => and(right.clone(), jwt(good())),
            other => panic!("unknown failure `{other}`"),
        }
    }
}

/// Every route and method that needs a caller, with existing ids, and paths without a route.
fn requests(id: i64) -> Vec<(String, String)> {
    let mut all: Vec<_> = STRAY.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();
    for (pattern, methods) in TABLE.iter().chain(FORMS) {
        let path = pattern.replace("{id}", &id.to_string()).replace("{end}", "target").replace("{role}", "mentors");
        let heads = methods.contains(&"GET").then_some("HEAD");
        for method in methods.iter().copied().chain(heads) {
            if (method, *pattern) != OPEN_TO_ALL {
                all.push((method.to_owned(), path.clone()));
            }
        }
    }
    all
}

/// A caller that creates a session has no credential yet.
const OPEN_TO_ALL: (&str, &str) = ("POST", "/api/sessions");

both!(
    failing_credentials_are_refused_at_every_route_first,
    |config| {
        super::by_secret(config);
    },
    |app| {
        let fixture = Fixture::new(app);
        let requests = requests(fixture.ann.id);
        // One client, because a new one for each request would open thousands of connections.
        let anonymous = app.anonymous();
        let mut cells = 0;
        for (place, (method, path)) in requests.iter().enumerate() {
            for (number, (name, expected)) in FAILURES.iter().enumerate() {
                // Each failure meets each flaw, at another route: all three together are 30,000 requests.
                let (headers, query, body) = FLAWS[(place + number) % FLAWS.len()];
                // A signature does not cover the ignored body of a GET or HEAD.
                let body = body.filter(|_| !["GET", "HEAD"].contains(&method.as_str()));
                let path = format!("{path}{query}");
                if *name == "signature: over another body" && body == Some(b"{}") {
                    continue;
                }
                let credential = fixture.credential(name, method, &path, body);
                let mut all: Vec<_> = credential.iter().map(|(name, value)| (*name, value.as_str())).collect();
                all.extend_from_slice(headers);
                let answer = anonymous.send(method, &path, &all, body);
                let what = format!("{name}: {method} {path}: {}", answer.text);
                if method == "HEAD" {
                    assert_eq!(answer.status.to_string(), expected[..3], "{what}");
                } else {
                    let forms = answer.body.get("errors").is_none_or(|errors| !errors.is_array());
                    let codes = if forms { String::new() } else { answer.codes().join(" ") };
                    assert_eq!(answer.status.to_string(), expected[..3], "{what}");
                    assert!(forms || expected[4..] == codes, "{what}");
                }
                assert_eq!(answer.header("www-authenticate").is_some(), answer.status == 401, "{what}");
                assert_eq!(answer.header("allow"), None, "{what}");
                cells += 1;
            }
        }
        println!(
            "{cells} cells: {} failures, {} routes and methods, {} flaws",
            FAILURES.len(),
            requests.len(),
            FLAWS.len()
        );
        // The valid credentials still work after all those failures.
        fixture.ann.get(ME).expect(200);
        with_jwt(&fixture.ann).get(ME).expect(200);
        fixture.ann.with_signer(fixture.signer.clone()).get(ME).expect(200);
        app.assert_no_drift();
    }
);

both!(
    the_authorization_matrix_holds_for_jwts,
    |config| {
        super::by_secret(config);
    },
    |app| {
        println!("{} cells", walk(&Callers::assemble(app), with_jwt));
        app.assert_no_drift();
    }
);

both!(the_authorization_matrix_holds_for_signatures, |app| {
    let api_id = register(app, 0, false);
    let sign = |client: &Client| {
        let signer = Signer { api_id: api_id.clone(), user: email(client), key: 0, base: None, is_stamped: false };
        client.with_signer(signer)
    };
    println!("{} cells", walk(&Callers::assemble(app), sign));
    app.assert_no_drift();
});

both!(
    changes_reach_the_other_instance_for_every_scheme,
    |config| {
        super::by_secret(config);
        config.auth_refresh = Duration::from_secs(1);
    },
    |app| {
        let beside = app.beside();
        let (admin, ann) = (app.admin(), app.named("ann@example.com", "user"));
        let here = [ann.clone(), with_jwt(&ann), ann.with_signer(Signer::new(app, "ann@example.com"))];
        let there = here.each_ref().map(|client| beside.client_like(client));
        let path = format!("/api/v2/users/{}", ann.id);
        for (is_enabled, status) in [(false, 403), (true, 200)] {
            here.iter().chain(&there).for_each(|client| drop(client.get(ME)));
            admin.patch(&path, &json!({"data": {"attributes": {"is-enabled": is_enabled}}})).expect(200);
            for client in &here {
                client.get(ME).expect(status);
            }
            for client in &there {
                until("the other instance applies the change", Duration::from_millis(1_500), || {
                    client.get(ME).status == status
                });
            }
        }
        admin.delete(&path).expect(204);
        for (client, status) in here.iter().zip([401, 401, 403]) {
            client.get(ME).expect(status);
        }
        for (client, status) in there.iter().zip([401, 401, 403]) {
            until("the other instance applies the change", Duration::from_millis(1_500), || {
                client.get(ME).status == status
            });
        }
    }
);
