//! Signed requests: which are accepted, which are refused and how, and the protection against replay.

use std::fmt::Write as _;
use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use user_relationships::model::id::ClientId;

use crate::both;
use crate::support::process::until;
use crate::support::signing::{Fields, Signer, add_key, client_id, now, openssl, private_pem, register, sign, text};
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Value, edge, json};

const ME: &str = "/api/v2/users/me";
const EDGES: &str = "/api/v2/user-relationships";
const JSON_API: (&str, &str) = ("content-type", "application/vnd.api+json");
const ANN: &str = "ann@example.com";

/// Ann, who signs.
fn ann(app: &App) -> (Client, Signer) {
    let ann = app.named(ANN, "user");
    let signer = Signer::new(app, ANN);
    (ann.with_signer(signer.clone()), signer)
}

/// Sends a request with exactly these header fields.
fn send(app: &App, method: &str, path: &str, fields: &[(&str, String)], body: Option<&[u8]>) -> Answer {
    let mut headers: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.extend(body.map(|_| JSON_API));
    app.anonymous().send(method, path, &headers, body)
}

/// Plain text as an escaping JSON encoder writes it.
fn escaped(plain: &str, php: bool) -> String {
    let mut text = String::new();
    for letter in plain.chars() {
        match letter {
            '/' if php => text.push_str("\\/"),
            _ if letter.is_ascii() => text.push(letter),
            _ => letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| write!(text, "\\u{unit:04x}").unwrap()),
        }
    }
    text
}

both!(all_three_signed_texts_are_accepted_with_either_digest, |app| {
    let (ann, signer) = ann(app);
    let bob = app.user();
    let body = edge(None, "mentor", bob.id).to_string();
    let note = json!({"data": {"attributes": {"description": "a/b é😀 \"x\" \u{7}\n"}}}).to_string();
    let requests: [(&str, String, Option<&str>); 4] = [
        ("GET", format!("{EDGES}?user={}&fields%5Busers%5D=name&page[limit]=1", bob.id), None),
        ("PATCH", ME.to_owned(), Some(&note)),
        ("POST", EDGES.to_owned(), Some(&body)),
        ("GET", format!("{ME}/"), None),
    ];
    for (method, path, body) in &requests {
        let plain = text(&format!("{}{path}", ann.base()), body.unwrap_or_default(), &signer.api_id, ANN);
        let python = escaped(&plain, false).replacen("{\"url\":", "{\"url\": ", 1);
        let python =
            python.replacen(",\"content\":", ", \"content\": ", 1).replacen(",\"api_id\":", ", \"api_id\": ", 1);
        let python = python.replacen(",\"user\":", ", \"user\": ", 1);
        for text in [escaped(&plain, true), plain, python] {
            for signature in [sign(0, &RSA_PKCS1_SHA256, text.as_bytes()), sign(0, &RSA_PKCS1_SHA512, text.as_bytes())]
            {
                let mut fields = signer.names();
                fields.push(("Api-Signature", signature));
                let answer = send(app, method, path, &fields, body.map(str::as_bytes));
                assert!([200, 201, 409].contains(&answer.status), "{method} {path} {text}: {}", answer.text);
            }
        }
    }
    let made = ann.get(&format!("{EDGES}?user={}", ann.id)).expect(200);
    assert_eq!(made.total(), 1, "the handler gets the body that was verified");
    assert_eq!(ann.get(ME).expect(200).body["data"]["attributes"]["description"], "a/b é😀 \"x\" \u{7}\n");
});

both!(sha1_is_accepted_only_from_clients_that_may_use_it, |app| {
    let ann = app.named(ANN, "user");
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("private.pem");
    std::fs::write(&key, private_pem(0)).unwrap();
    for (allows_sha1, status) in [(true, 200), (false, 403)] {
        let api_id = register(app, 0, allows_sha1);
        let text = escaped(&text(&format!("{}{ME}", ann.base()), "", &api_id, ANN), true);
        for (digest, status) in [("-sha1", status), ("-sha256", 200), ("-sha512", 200), ("-sha384", 403)] {
            let signature = openssl(&["dgst", digest, "-sign", key.to_str().unwrap()], text.as_bytes());
            let fields = [
                ("Api-Id", api_id.clone()),
                ("Api-User", ANN.to_owned()),
                ("Api-Signature", STANDARD.encode(signature)),
            ];
            assert_eq!(send(app, "GET", ME, &fields, None).status, status, "{digest} {allows_sha1}");
        }
    }
});

/// Every error of a signed request, as its header fields and body.
fn invalid_requests(app: &App, ann: &Client, signer: &Signer) -> Vec<(&'static str, Fields, Option<Vec<u8>>)> {
    let base = ann.base();
    let right = |method: &str| signer.fields(method, &base, ME, None);
    let without = |name: &str| right("GET").into_iter().filter(|(known, _)| *known != name).collect::<Vec<_>>();
    let with = |name: &'static str, value: &str| {
        let mut fields = without(name);
        fields.push((name, value.to_owned()));
        fields
    };
    let twice = |name: &'static str| {
        let mut fields = right("GET");
        let value = fields.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        fields.push((name, value));
        fields
    };
    let of = |signer: Signer| signer.fields("GET", &base, ME, None);
    let disabled = register(app, 0, true);
    let client = disabled.clone();
    app.write(move |tx| tx.disable_client(&client));
    let keyless = Signer::new(app, ANN);
    let (id, api_id): (ClientId, _) = (client_id(app, &keyless.api_id), keyless.api_id.clone());
    app.write(move |tx| {
        let client = tx.client(&api_id)?.expect("the client exists");
        tx.delete_client_key(id, client.keys[0].id)
    });
    let stamped = |timestamp: String, nonce: &str| {
        let mut fields = right("GET");
        fields.extend([("api-timestamp", timestamp), ("api-nonce", nonce.to_owned())]);
        fields
    };
    let lone = |name: &'static str| {
        let stamped = Signer { is_stamped: true, ..signer.clone() };
        of(stamped).into_iter().filter(|(known, _)| *known != name).collect::<Vec<_>>()
    };
    vec![
        ("no id", without("api-id"), None),
        ("no user", without("api-user"), None),
        ("no signature", without("api-signature"), None),
        ("an empty id", with("api-id", ""), None),
        ("two ids", twice("api-id"), None),
        ("two users", twice("api-user"), None),
        ("two signatures", twice("api-signature"), None),
        ("a signature that is not base64", with("api-signature", "!!!!"), None),
        ("a signature that is too short", with("api-signature", "AAAA"), None),
        ("a signature of zeros", with("api-signature", &STANDARD.encode([0; 256])), None),
        ("an unknown client", of(Signer { api_id: "unknown".to_owned(), ..signer.clone() }), None),
        ("a disabled client", of(Signer { api_id: disabled, ..signer.clone() }), None),
        ("a client without a key", of(keyless), None),
        ("another key", of(Signer { key: 1, ..signer.clone() }), None),
        ("an unknown user", of(Signer { user: "unknown@example.com".to_owned(), ..signer.clone() }), None),
        ("another user", with("api-user", "admin@example.com"), None),
        ("another host", of(Signer { base: Some("http://evil.example".to_owned()), ..signer.clone() }), None),
        ("another scheme", of(Signer { base: Some(base.replace("http:", "https:")), ..signer.clone() }), None),
        ("a body that was not signed", right("GET"), Some(b"{}".to_vec())),
        ("a body that is not text", right("GET"), Some(vec![0xff])),
        ("a body that is too large", right("GET"), Some(vec![b' '; 2 * 1024 * 1024])),
        ("a stamp that was not signed", stamped(now().to_string(), "n"), None),
        ("a stamp that is not a number", stamped("now".to_owned(), "n"), None),
        ("a timestamp alone", lone("api-nonce"), None),
        ("a nonce alone", lone("api-timestamp"), None),
    ]
}

both!(every_invalid_signature_gets_the_same_refusal, |app| {
    let (ann, signer) = ann(app);
    app.named("admin@example.com", "admin");
    let words = |answer: &Answer| {
        let mut body = answer.body.clone();
        body["errors"][0]["id"].take();
        let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        (body, names)
    };
    let mut report = Vec::<(Value, Vec<String>)>::new();
    // Before and after the client and the user are cached.
    for _ in 0..2 {
        for (what, fields, body) in invalid_requests(app, &ann, &signer) {
            let answer = send(app, "GET", ME, &fields, body.as_deref());
            assert_eq!((answer.status, answer.codes()), (403, vec!["signature-rejected"]), "{what}");
            assert_eq!(answer.header("www-authenticate"), None, "{what}");
            if !answer.headers.contains_key("connection") {
                report.push(words(&answer));
            }
        }
        ann.get(ME).expect(200);
    }
    report.dedup();
    assert_eq!(report.len(), 1, "{report:?}");
});

both!(a_signature_is_valid_for_one_url_and_one_body, |app| {
    let (ann, signer) = ann(app);
    let bob = app.user();
    let body = edge(None, "mentor", bob.id).to_string();
    let fields = signer.fields("POST", &ann.base(), EDGES, Some(body.as_bytes()));
    for (method, path, sent) in [
        ("GET", EDGES, None),
        ("POST", EDGES, Some(body.replace("mentor", "colleague"))),
        ("POST", "/api/v2/user-relationships?", Some(body.clone())),
        ("POST", "/api/v2//user-relationships", Some(body.clone())),
        ("POST", "/api/v2/user-relationships/", Some(body.clone())),
        ("POST", "/api/v2/%75ser-relationships", Some(body.clone())),
        ("GET", "/api/v2/users", None),
        ("GET", "/api/v2/nothing", None),
    ] {
        send(app, method, path, &fields, sent.as_deref().map(str::as_bytes)).refused(403, "signature-rejected");
    }
    send(app, "POST", EDGES, &fields, Some(body.as_bytes())).expect(201);
    // The plain scheme does not cover the method.
    let id = ann.get(EDGES).expect(200).ids()[0];
    let path = format!("{EDGES}/{id}");
    let fields = signer.fields("GET", &ann.base(), &path, None);
    send(app, "GET", &path, &fields, None).expect(200);
    send(app, "DELETE", &path, &fields, None).expect(204);
});

both!(a_stamped_request_is_accepted_once_by_all_instances, |app| {
    let beside = app.beside();
    let (ann, signer) = ann(app);
    // Both instances have the same public name.
    let signer = Signer { is_stamped: true, base: Some("http://api.example".to_owned()), ..signer };
    let host = |instance: &App, method: &str, fields: &[(&str, String)]| {
        let mut fields = fields.to_vec();
        fields.push(("host", "api.example".to_owned()));
        send(instance, method, ME, &fields, None)
    };
    for (first, second) in [(app, &beside), (&beside, app)] {
        let fields = signer.fields("GET", "", ME, None);
        host(second, "HEAD", &fields).expect(403);
        host(first, "GET", &fields).expect(200);
        host(first, "GET", &fields).refused(403, "signature-rejected");
        host(second, "GET", &fields).refused(403, "signature-rejected");
    }
    let other = Signer { is_stamped: true, ..Signer::new(app, ANN) };
    ann.with_signer(other).get(ME).expect(200);
});

both!(a_stamp_is_valid_for_five_minutes_and_nonces_are_deleted, |app| {
    let (ann, signer) = ann(app);
    let at = |seconds: u64| {
        let nonce = format!("at-{seconds}");
        let mut signed = text(&format!("{}{ME}", ann.base()), "", &signer.api_id, ANN);
        signed.pop();
        write!(signed, r#","timestamp":{seconds},"nonce":"{nonce}","method":"GET"}}"#).unwrap();
        let mut fields = signer.names();
        fields.extend([
            ("Api-Timestamp", seconds.to_string()),
            ("Api-Nonce", nonce),
            ("Api-Signature", sign(0, &RSA_PKCS1_SHA256, signed.as_bytes())),
        ]);
        send(app, "GET", ME, &fields, None).status
    };
    let mut raw = Raw::connect(&app.home().url());
    let old = (now() - 601) * 1_000_000;
    for number in 0..1_100 {
        raw.run(&format!("INSERT INTO api_nonces VALUES (1, 'old-{number}', {old})"));
    }
    raw.run(&format!("INSERT INTO api_nonces VALUES (1, 'young', {})", old + 60_000_000));
    assert_eq!([at(now() - 310), at(now() + 310)], [403, 403]);
    assert_eq!(raw.number("SELECT COUNT(*) AS number FROM api_nonces"), 1_101, "a refused request stores nothing");
    assert_eq!([at(now() - 290), at(now() + 290)], [200, 200]);
    until("old nonces are deleted", Duration::from_secs(10), || {
        raw.number("SELECT COUNT(*) AS number FROM api_nonces") == 3
    });
});

both!(
    unstamped_requests_are_refused_where_stamps_are_required,
    |config| {
        config.require_signed_timestamp = true;
    },
    |app| {
        let (ann, signer) = ann(app);
        ann.get(ME).refused(403, "signature-rejected");
        let stamped = ann.with_signer(Signer { is_stamped: true, ..signer });
        stamped.get(ME).expect(200);
        stamped.get(ME).expect(200);
        ann.get(ME).refused(403, "signature-rejected");
    }
);

both!(
    behind_a_proxy_the_public_url_is_verified,
    |config| {
        config.public_url = Some("https://demo.skillhive.com".to_owned());
    },
    |app| {
        let (ann, signer) = ann(app);
        ann.get(ME).refused(403, "signature-rejected");
        let base = Some("https://demo.skillhive.com".to_owned());
        ann.with_signer(Signer { base, ..signer }).get(&format!("{ME}?fields%5Busers%5D=name")).expect(200);
    }
);

both!(
    the_path_of_the_public_url_is_verified,
    |config| {
        config.public_url = Some("https://demo.skillhive.com/hr".to_owned());
    },
    |app| {
        let (ann, signer) = ann(app);
        let base = Some("https://demo.skillhive.com".to_owned());
        let signed = ann.with_signer(Signer { base, ..signer.clone() });
        signed.get(&format!("/hr{ME}?fields%5Busers%5D=name")).expect(200);
        let twice = Some("https://demo.skillhive.com/hr".to_owned());
        ann.with_signer(Signer { base: twice, ..signer }).get(&format!("/hr{ME}")).refused(403, "signature-rejected");
    }
);

both!(
    changes_of_clients_and_keys_reach_every_instance,
    |config| {
        config.auth_refresh = Duration::from_secs(1);
    },
    |app| {
        let beside = app.beside();
        let (ann, signer) = ann(app);
        let there = beside.client_like(&ann);
        ann.get(ME).expect(200);
        there.get(ME).expect(200);
        let second = Signer { key: 1, ..signer.clone() };
        ann.with_signer(second.clone()).get(ME).refused(403, "signature-rejected");
        add_key(app, &signer.api_id, 1);
        for client in [&ann, &there] {
            client.with_signer(second.clone()).get(ME).expect(200);
            client.get(ME).expect(200);
        }
        let api_id = signer.api_id.clone();
        app.write(move |tx| {
            let client = tx.client(&api_id)?.expect("the client exists");
            tx.delete_client_key(client.id, client.keys[0].id)
        });
        for client in [&ann, &there] {
            until("the removed key is refused", Duration::from_secs(2), || client.get(ME).status == 403);
            client.with_signer(second.clone()).get(ME).expect(200);
        }
        let api_id = signer.api_id.clone();
        app.write(move |tx| tx.disable_client(&api_id));
        for client in [&ann, &there] {
            let client = client.with_signer(second.clone());
            until("the disabled client is refused", Duration::from_secs(2), || client.get(ME).status == 403);
        }
    }
);

both!(signed_requests_of_a_disabled_user_are_refused_immediately, |app| {
    let (ann, _) = ann(app);
    ann.get(ME).expect(200);
    let admin = app.admin();
    for (is_enabled, status) in [(false, 403), (true, 200)] {
        let document = json!({"data": {"attributes": {"is-enabled": is_enabled}}});
        admin.patch(&format!("/api/v2/users/{}", ann.id), &document).expect(200);
        let answer = ann.get(ME).expect(status);
        assert_eq!(answer.codes().first().copied(), (!is_enabled).then_some("account-disabled"));
    }
    admin
        .patch(&format!("/api/v2/users/{}", ann.id), &json!({"data": {"attributes": {"email": "new@example.com"}}}))
        .expect(200);
    ann.get(ME).refused(403, "signature-rejected");
});

both!(a_signature_beside_another_credential_is_a_401, |app| {
    let (ann, signer) = ann(app);
    let token = app.user();
    for authorization in [token.authorization().unwrap(), "", "Basic x", "Bearer urt_x"] {
        let answer = ann.send("GET", ME, &[("authorization", authorization)], None).refused(401, "unauthenticated");
        assert!(answer.header("www-authenticate").is_some());
        for (name, value) in signer.names() {
            let headers = [(name, &*value), ("authorization", authorization)];
            app.anonymous().send("GET", ME, &headers, None).refused(401, "unauthenticated");
        }
    }
});

both!(
    guessed_signatures_are_rate_limited_and_valid_ones_are_not,
    |config| {
        config.auth_failure_limit = 3;
    },
    |app| {
        let (ann, signer) = ann(app);
        let wrong = ann.with_signer(Signer { key: 1, ..signer });
        for _ in 0..3 {
            wrong.get(ME).refused(403, "signature-rejected");
        }
        let refused = wrong.get(ME).refused(429, "rate-limited");
        assert!(refused.header("retry-after").is_some());
        ann.get(ME).expect(200);
    }
);
