//! No secret leaves the service: not in logs at any level, responses, `config` or the database.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::forms::form;
use crate::support::app::{Engine, Home};
use crate::support::jwt::{Key, SECRET, claims, file, signed, token};
use crate::support::process::{Service, finish, new_user_token, program, run};
use crate::support::signing::{Signer, pem, private_pem, public_key};
use crate::support::sql::Raw;
use crate::support::{Client, edge, json};

const ME: &str = "/api/v2/users/me";
const EDGES: &str = "/api/v2/user-relationships";
/// A valid one, a wrong one, and one that is too short.
const PASSWORDS: [&str; 3] = ["Pa55 of the secrets", "Wr0ng of the secrets", "5hort!!"];
/// The password that replaces the valid one.
const REPLACEMENT: &str = "Rep1acement of the secrets";
const ANN: &str = "ann.of.the.secrets@example.com";

/// Everything that is stored, as in a backup.
fn dump(home: &Home) -> String {
    if let Some(path) = home.file() {
        let name = |ending: &str| format!("{}{ending}", path.display());
        let files = ["", "-wal"].map(|ending| fs::read(Path::new(&name(ending))).unwrap_or_default());
        return String::from_utf8_lossy(&files.concat()).into_owned();
    }
    let mut raw = Raw::connect(&home.url());
    let tables = raw.lines("SELECT tablename::text AS line FROM pg_tables WHERE schemaname = current_schema()");
    assert!(tables.len() > 10, "{tables:?}");
    let rows = tables.iter().flat_map(|table| raw.lines(&format!("SELECT t::text AS line FROM {table} t")));
    rows.collect::<Vec<_>>().join("\n")
}

/// Requests with every scheme, valid and invalid, some of which fail for other reasons; returns all responses.
fn talk(clients: &[Client]) -> String {
    let mut answers = String::new();
    for client in clients {
        for (method, path, body) in [
            ("GET", ME, None),
            ("GET", "/api/v2/users?limit=x", None),
            ("GET", "/api/v2/nothing", None),
            ("POST", EDGES, Some(&b"{\"data\":"[..])),
            ("PATCH", ME, Some(b"x")),
            ("DELETE", "/api/v2/users/1", None),
        ] {
            let headers = [("content-type", "application/vnd.api+json"), ("idempotency-key", "once")];
            let answer = client.send(method, path, &headers, body);
            writeln!(answers, "{:?}\n{}", answer.headers, answer.text).expect("a string takes it");
        }
        let made = client.post(EDGES, &edge(None, "mentor", 2));
        answers.push_str(&made.text);
    }
    answers
}

/// Creates a user with a password through a form, who signs in once correctly and once not. Returns its token, and the
/// responses to all other requests.
fn sign_in(url: &str, anonymous: &Client) -> (String, String) {
    let [password, wrong, short] = PASSWORDS;
    let admin =
        anonymous.with_authorization(&format!("Token token={}", new_user_token(url, "root@example.com", "admin")));
    let user = |email: &str, password: &str| {
        let values = json!({"first_name": "Cy", "email": email, "password": password});
        admin.form("POST", "/api/users", &form("create_user", &values))
    };
    let credentials = |password: &str| {
        let values = json!({"email": "cy.of.the.secrets@example.com", "password": password});
        anonymous.form("POST", "/api/sessions", &form("create_session", &values))
    };
    let made = user("cy.of.the.secrets@example.com", password).expect(201);
    let refused = [user("no address", short).expect(422), credentials(wrong).expect(401)];
    let opened = credentials(password).expect(201);
    let token = opened.body["model"]["token"].as_str().expect("a token").to_owned();
    (token, refused.iter().fold(made.text, |all, answer| all + &answer.text))
}

/// Changes the password of a session's user: with a wrong current one, to one that is too short, in a document that is not
/// JSON, and successfully. Returns all responses.
fn change_password(session: &Client) -> String {
    let [password, wrong, short] = PASSWORDS;
    let body = |new: &str, current: &str| {
        json!({"data": {"attributes": {"password": new, "current-password": current}}}).to_string()
    };
    let cut = body(REPLACEMENT, password).replace("}}}", "}");
    let sent = [body(REPLACEMENT, wrong), body(short, password), cut, body(REPLACEMENT, password)];
    let answers = sent.into_iter().zip([422, 422, 400, 200]).map(|(body, status)| {
        let headers = [("content-type", "application/vnd.api+json")];
        session.send("PATCH", ME, &headers, Some(body.as_bytes())).expect(status).text
    });
    answers.collect()
}

#[test]
fn no_secret_is_logged_returned_printed_or_stored() {
    for home in [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(Home::new) {
        let url = home.text();
        for email in [ANN, "bob@example.com"] {
            run(&url, &["user", "add", "--email", email]).expect(0);
        }
        let urt = run(&url, &["token", "create", "--user", ANN]).expect(0).line().to_owned();
        let expired = run(&url, &["token", "create", "--user", ANN, "--expires-in", "1s"]).expect(0).line().to_owned();
        let public = file("secrets.pem", &pem("PUBLIC KEY", &public_key(0)));
        let add = run(&url, &["client", "add", "--public-key", public.to_str().unwrap()]).expect(0);
        let signer =
            Signer { api_id: add.line().to_owned(), user: ANN.to_owned(), key: 0, base: None, is_stamped: false };
        let settings = [("RUST_LOG", "trace"), ("JWT_SECRET", SECRET), ("AUTH_FAILURE_LIMIT", "10")];
        let service = Service::start(&url, &settings);
        let good = token(Key::Secret, None, &claims(&json!({"sub": 1, "email": ANN})));
        let forged = signed(r#"{"alg":"HS256"}"#, &claims(&json!({"sub": 1})).to_string(), |_| vec![7; 32]);
        let guess = format!("urt_{}", "5ecre7".repeat(10));
        let headers = [
            format!("Bearer {urt}"),
            format!("Token token={expired}"),
            format!("Bearer {guess}"),
            format!("Bearer {good}"),
            format!("Bearer {forged}"),
            format!("Basic {guess}"),
        ];
        let anonymous = service.anonymous();
        let mut clients: Vec<_> = headers.iter().map(|header| anonymous.with_authorization(header)).collect();
        clients.push(anonymous.with_signer(signer.clone()));
        clients.push(anonymous.with_signer(Signer { is_stamped: true, ..signer.clone() }));
        clients.push(anonymous.with_signer(Signer { key: 1, ..signer.clone() }));
        let (session, report) = sign_in(&url, &anonymous);
        let passwords = change_password(&anonymous.with_authorization(&format!("Token token={session}")));
        let answers = [talk(&clients), talk(&clients), report, passwords].concat();
        assert!(answers.contains("rate-limited") && answers.contains("signature-rejected"));
        let config = finish(program().env("DATABASE_URL", &url).env("JWT_SECRET", SECRET).arg("config")).expect(0);
        let shown = format!("{}{}", config.stdout, config.stderr);
        let log = service.log().join("\n");
        assert!(log.contains("\"level\":\"TRACE\"") && log.contains("\"scheme\":\"signature\""), "{log:.2000}");
        let stored = dump(&home);
        assert!(stored.contains("bob@example.com"));

        assert!(!log.contains(&session) && !stored.contains(&session), "the token of a session");
        let mut secrets: BTreeSet<String> = [urt, expired, guess, SECRET.to_owned()].into();
        secrets.extend(PASSWORDS.map(str::to_owned));
        secrets.insert(REPLACEMENT.to_owned());
        for jwt in [&good, &forged] {
            secrets.extend(jwt.split('.').skip(1).map(str::to_owned));
        }
        let signature = |signer: &Signer| signer.fields("GET", &anonymous.base(), ME, None).pop().unwrap().1;
        secrets.extend([signature(&signer), signature(&Signer { key: 1, ..signer.clone() })]);
        secrets.extend(private_pem(0).lines().filter(|line| !line.starts_with("--")).map(str::to_owned));
        for (place, text) in
            [("the log", &log), ("an answer", &answers), ("`config`", &shown), ("the database", &stored)]
        {
            for secret in &secrets {
                let at = text.find(secret);
                let around = at.map(|at| text.get(at.saturating_sub(300)..at).unwrap_or_default());
                assert_eq!(around, None, "a secret is in {place}");
            }
        }
        assert!(!log.contains(ANN), "an e-mail address is in the log");
    }
}
