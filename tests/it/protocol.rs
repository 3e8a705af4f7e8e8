//! Rules for every request: paths, methods, sizes, request ids and other origins.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use user_relationships::config::CorsOrigins;
use user_relationships::http::routes::{OPEN, TABLE};

use crate::both;
use crate::support::{Answer, Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const JSON_API: (&str, &str) = ("content-type", "application/vnd.api+json");
const ORIGIN: &str = "https://app.example.com";

fn path_of(pattern: &str) -> String {
    pattern.replace("{id}", "1").replace("{end}", "user").replace("{role}", "mentors")
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(',').map(|word| word.trim().to_ascii_lowercase()).collect()
}

/// An HTTP/1.1 request as text, on a connection that is closed after it.
fn head(client: &Client, start: &str, fields: &str) -> String {
    let token = client.authorization().unwrap_or_default();
    format!("{start} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {token}\r\n{fields}\r\n")
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("nothing")
}

both!(an_unknown_path_outside_the_api_is_a_404_without_credentials, |app| {
    for client in [app.anonymous(), app.user(), app.anonymous().with_authorization("Token token=x")] {
        for path in
            ["/nothing", "/apis", "/api2/v2/users", "/API/v2/users", "/livez/x", "/docs.html", "/v2/users", "/%00"]
        {
            for method in ["GET", "POST", "DELETE", "BREW"] {
                client.send(method, path, &[], None).refused(404, "not-found");
            }
        }
    }
});

both!(the_open_pages_need_no_credentials, |app| {
    for path in OPEN {
        app.anonymous().get(path).expect(200);
        app.anonymous().with_authorization("Token token=x").get(path).expect(200);
        assert_eq!(app.anonymous().send("HEAD", path, &[], None).expect(200).text, "");
        let refused = app.anonymous().send("POST", path, &[JSON_API], Some(b"{}")).refused(405, "method-not-allowed");
        assert_eq!(words(refused.header("allow").unwrap()), words("GET, HEAD, OPTIONS"));
    }
});

both!(an_unsupported_method_is_a_405_that_lists_the_supported_ones, |app| {
    let admin = app.admin();
    for (pattern, methods) in TABLE {
        let path = path_of(pattern);
        let mut known: BTreeSet<_> = methods.iter().map(|method| method.to_ascii_lowercase()).collect();
        known.insert("options".to_owned());
        if methods.contains(&"GET") {
            known.insert("head".to_owned());
        }
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get", "PROPFIND"] {
            if methods.contains(&method) {
                continue;
            }
            let body = matches!(method, "POST" | "PUT" | "PATCH").then_some(&b"{}"[..]);
            let refused = admin.send(method, &path, &[JSON_API], body).refused(405, "method-not-allowed");
            assert_eq!(words(refused.header("allow").unwrap()), known, "{method} {path}");
        }
        let options = app.anonymous().send("OPTIONS", &path, &[], None).expect(204);
        assert_eq!(words(options.header("allow").unwrap()), known, "OPTIONS {path}");
    }
});

both!(every_response_is_json_api_and_varies_by_accept, |app| {
    let ann = app.user();
    let bob = app.user();
    for answer in [
        ann.get(EDGES).expect(200),
        ann.get("/api/v2/users/me").expect(200),
        ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201),
        ann.post(EDGES, &edge(None, "mentor", bob.id)).refused(409, "already-exists"),
        ann.get("/nothing").refused(404, "not-found"),
        app.anonymous().get(EDGES).refused(401, "unauthenticated"),
        app.anonymous().get("/").expect(200),
        app.anonymous().get("/livez").expect(200),
    ] {
        assert_eq!(answer.header("content-type"), Some("application/vnd.api+json"), "{}", answer.text);
        assert!(words(answer.header("vary").unwrap()).contains("accept"));
        assert_eq!(answer.body["jsonapi"], json!({"version": "1.1"}));
        assert!(!(answer.body.get("data").is_some() && answer.body.get("errors").is_some()));
    }
});

both!(a_body_that_is_not_json_is_a_400, |app| {
    let ann = app.user();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let bodies: [&[u8]; 9] =
        [b"", b" ", b"{", b"{\"data\":}", b"nul", b"{} {}", b"\xff\xfe", b"{\"data\":\"\x00\"}", deep.as_bytes()];
    for body in bodies {
        for (method, path) in [("POST", EDGES), ("PATCH", "/api/v2/users/me")] {
            ann.send(method, path, &[JSON_API], Some(body)).refused(400, "malformed-json");
        }
    }
    for body in ["null", "1", "\"x\"", "[]", "true"] {
        ann.send("POST", EDGES, &[JSON_API], Some(body.as_bytes())).refused(400, "malformed-document");
    }
});

both!(a_wrong_media_type_is_a_415_that_names_the_right_one, |app| {
    let (ann, bob) = (app.user(), app.user());
    let document = edge(None, "mentor", bob.id).to_string();
    let length = format!("content-length: {}\r\n", document.len());
    for field in [
        "",
        "content-type: text/plain\r\n",
        "content-type: application/vnd.api+json; charset=utf-8\r\n",
        "content-type: application/vnd.api+json; ext=\"https://unknown.example/x\"\r\n",
        "content-type: application/json\r\ncontent-type: application/json\r\n",
    ] {
        let request =
            format!("{}{document}", head(&ann, "POST /api/v2/user-relationships", &format!("{length}{field}")));
        let answer = ann.raw(request.as_bytes());
        assert_eq!(status(&answer), "415", "{field}");
        assert!(answer.contains("\"source\":{\"header\":\"Content-Type\"}"), "{answer}");
        assert!(answer.contains("application/vnd.api+json`") || field.contains("api+json"), "{answer}");
    }
    assert_eq!(ann.get(EDGES).expect(200).total(), 0);
    ann.send("POST", EDGES, &[("content-type", "application/json")], Some(document.as_bytes())).expect(201);
    for media_type in ["text/plain", "application/json", "nonsense"] {
        ann.send("GET", EDGES, &[("content-type", media_type)], None).expect(200);
    }
});

both!(
    a_body_up_to_the_limit_is_read_and_a_longer_one_is_a_413,
    |config| {
        config.max_body = 1024;
    },
    |app| {
        let ann = app.user();
        let bob = app.user();
        let mut document = edge(None, "mentor", bob.id).to_string();
        document.push_str(&" ".repeat(1024 - document.len()));
        ann.send("POST", EDGES, &[JSON_API], Some(document.as_bytes())).expect(201);
        document.push(' ');
        let refused = ann.send("POST", EDGES, &[JSON_API], Some(document.as_bytes())).refused(413, "body-too-large");
        assert!(refused.body["errors"][0]["detail"].as_str().unwrap().contains("1024"));
        let chunked = format!(
            "{}401\r\n{}\r\n0\r\n\r\n",
            head(
                &ann,
                "POST /api/v2/user-relationships",
                "content-type: application/json\r\ntransfer-encoding: chunked\r\n"
            ),
            " ".repeat(1025)
        );
        let answer = ann.raw(chunked.as_bytes());
        assert_eq!(status(&answer), "413", "{answer}");
        let announced = head(
            &ann,
            "POST /api/v2/user-relationships",
            "content-type: application/json\r\ncontent-length: 99999999\r\n",
        );
        let answer = ann.raw(announced.as_bytes());
        assert_eq!(status(&answer), "413", "{answer}");
        assert_eq!(ann.get(EDGES).expect(200).total(), 1);
    }
);

both!(long_targets_are_a_414_and_long_heads_a_431, |app| {
    let ann = app.user();
    let padded = |path: &str, size: usize| format!("{path}{}", "x".repeat(size - path.len()));
    for path in ["/api/v2/users?query=", "/docs?"] {
        ann.get(&padded(path, 8 * 1024)).expect(200);
        ann.get(&padded(path, 8 * 1024 + 1)).refused(414, "uri-too-long");
    }
    let fields = |size: usize| format!("x-long: {}\r\n", "x".repeat(size));
    for (size, expected) in [(60 * 1024, "200"), (64 * 1024, "431"), (100 * 1024, "431")] {
        let answer = ann.raw(head(&ann, "GET /api/v2/users", &fields(size)).as_bytes());
        assert_eq!(status(&answer), expected, "{size}");
        assert_eq!(answer.contains("headers-too-large"), expected == "431");
    }
    app.anonymous().get(&padded("/api/v2/users?query=", 9 * 1024)).refused(401, "unauthenticated");
});

both!(malformed_http_gets_a_bare_status_and_a_closed_connection, |app| {
    let ann = app.user();
    let post = |fields: &str, body: &str| {
        let start = "POST /api/v2/user-relationships HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        format!("{start}authorization: {}\r\n{fields}\r\n{body}", ann.authorization().unwrap_or_default())
    };
    let many: Vec<_> = (0..120).map(|number| format!("x-{number}: y\r\n")).collect();
    let many = many.concat();
    for (sent, refusal) in [
        ("GARBAGE\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), "400"),
        ("GET  /  HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("\u{16}\u{3}\u{1}\r\n\r\n".to_owned(), "400"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nhost: x\r\nno field\r\n\r\n".to_owned(), "400"),
        (post("content-length: 1\r\ncontent-length: 2\r\n", "{}"), "400"),
        (post("content-length: 2\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"), "400"),
        (post("content-length: -2\r\n", "{}"), "400"),
        (post("transfer-encoding: gzip\r\n", "{}"), "400"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}", "x".repeat(200_000)), "431"),
    ] {
        let asked = Instant::now();
        let answer = ann.raw(sent.as_bytes());
        let name = sent.get(..sent.len().min(300)).unwrap_or_default();
        assert!(asked.elapsed() < Duration::from_secs(10), "{name:?}: the connection stays open");
        // The reset for unread data may discard the response on the way.
        if answer.is_empty() && sent.len() > 100_000 {
            continue;
        }
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{name:?}: {answer:?}"));
        assert_eq!((status(head), body), (refusal, ""), "{name:?}");
        assert!(head.contains("\r\nconnection: close"), "{name:?}: {head}");
    }
    // A body that ends within its encoding counts as abandoned, unless its length is known.
    let answer = ann.raw(post("transfer-encoding: chunked\r\n", "ZZ\r\nabc\r\n").as_bytes());
    let is_answered = status(&answer) == "400" && answer.contains("\"malformed-json\"");
    assert!(answer.is_empty() || (is_answered && answer.matches("HTTP/1.1").count() == 1), "{answer}");
    assert_eq!(ann.get(EDGES).expect(200).total(), 0);
    ann.get(USERS).expect(200);
});

both!(a_valid_request_id_is_kept_and_others_are_replaced, |app| {
    let ann = app.user();
    let id_of = |answer: &Answer| answer.header("x-request-id").unwrap().to_owned();
    let longest = "x".repeat(128);
    for id in ["a", "0-!~", "\"{}<>", longest.as_str()] {
        for (client, path) in
            [(&ann, EDGES), (&ann, "/nothing"), (&app.anonymous(), EDGES), (&app.anonymous(), "/livez")]
        {
            let answer = client.send("GET", path, &[("x-request-id", id)], None);
            assert_eq!(id_of(&answer), id, "{path}");
            if answer.status >= 400 {
                assert_eq!(answer.body["errors"][0]["id"], json!(id));
            }
        }
    }
    let too_long = "x".repeat(129);
    let mut made = BTreeSet::new();
    for id in ["", "a b", "a\tb", too_long.as_str()] {
        let answer = ann.send("GET", "/nothing", &[("x-request-id", id)], None).refused(404, "not-found");
        assert!(id_of(&answer) != id && !id_of(&answer).is_empty());
        made.insert(id_of(&answer));
    }
    made.insert(id_of(&ann.get(EDGES)));
    assert_eq!(made.len(), 5);
    let answer = ann.raw(head(&ann, "GET /nothing", "x-request-id: \u{e9}\r\n").as_bytes());
    assert!(status(&answer) == "404" && !answer.contains('\u{e9}'), "{answer}");
});

fn preflight(client: &Client, path: &str, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "authorization, content-type, if-match, prefer, idempotency-key"),
    ];
    client.send("OPTIONS", path, &headers, None)
}

fn allowed_origin(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

both!(without_allowed_origins_cross_origin_requests_are_refused, |app| {
    for path in [EDGES, "/api/v2/users/1", "/"] {
        let answer = preflight(&app.anonymous(), path, ORIGIN).expect(204);
        assert_eq!(allowed_origin(&answer), None);
    }
    let answer = app.user().send("GET", EDGES, &[("origin", ORIGIN)], None).expect(200);
    assert_eq!((allowed_origin(&answer), answer.header("access-control-expose-headers")), (None, None));
});

both!(
    only_listed_origins_are_allowed,
    |config| {
        config.cors_origins = CorsOrigins::List(vec![ORIGIN.to_owned(), "http://localhost:3000".to_owned()]);
    },
    |app| {
        let ann = app.user();
        for origin in [ORIGIN, "http://localhost:3000"] {
            for path in [EDGES, "/api/v2/users/1", "/api/v2/nothing"] {
                let answer = preflight(&app.anonymous(), path, origin);
                assert!(answer.status < 300, "{path}: {}", answer.status);
                assert_eq!(allowed_origin(&answer), Some(origin));
                let methods = words(answer.header("access-control-allow-methods").unwrap());
                assert!(methods.is_superset(&words("GET, POST, PATCH, DELETE")), "{methods:?}");
                let headers = words(answer.header("access-control-allow-headers").unwrap());
                assert!(headers.is_superset(&words("authorization, if-match, prefer, idempotency-key")), "{headers:?}");
                assert!(words(answer.header("vary").unwrap()).is_superset(&words("Accept, Origin")));
            }
            for (client, path) in [(&ann, EDGES), (&ann, "/nothing"), (&app.anonymous(), EDGES)] {
                let answer = client.send("GET", path, &[("origin", origin)], None);
                assert_eq!(allowed_origin(&answer), Some(origin), "{path}");
                let exposed = words(answer.header("access-control-expose-headers").unwrap());
                let needed = "Location, ETag, X-Request-Id, Retry-After, Preference-Applied, Idempotent-Replayed, \
                              Consistency-Token";
                assert!(exposed.is_superset(&words(needed)), "{exposed:?}");
                assert!(words(answer.header("vary").unwrap()).is_superset(&words("Accept, Origin")));
            }
        }
        for origin in ["https://evil.example", "http://app.example.com", "https://app.example.com:444", "null"] {
            assert_eq!(allowed_origin(&preflight(&app.anonymous(), EDGES, origin).expect(204)), None);
            let answer = ann.send("GET", EDGES, &[("origin", origin)], None).expect(200);
            assert_eq!(allowed_origin(&answer), None, "{origin}");
            assert!(words(answer.header("vary").unwrap()).contains("origin"), "a cache must keep them apart");
        }
        let answer = ann.get(EDGES).expect(200);
        assert_eq!(allowed_origin(&answer), None);
    }
);

both!(
    every_origin_can_be_allowed,
    |config| {
        config.cors_origins = CorsOrigins::Any;
    },
    |app| {
        assert_eq!(allowed_origin(&preflight(&app.anonymous(), EDGES, ORIGIN)), Some("*"));
        let answer = app.user().send("GET", EDGES, &[("origin", ORIGIN)], None).expect(200);
        assert_eq!(allowed_origin(&answer), Some("*"));
        assert!(words(answer.header("access-control-expose-headers").unwrap()).contains("location"));
    }
);

both!(a_refused_head_with_expect_gets_its_status_without_the_body, |app| {
    let fields = "expect: 100-continue\r\ncontent-length: 100000000\r\ncontent-type: application/vnd.api+json\r\n";
    for (client, start, expected) in [
        (app.anonymous(), "POST /api/v2/users", "401"),
        (app.user(), "POST /api/v2/nothing", "404"),
        (app.user(), "PUT /api/v2/users", "405"),
        (app.user(), "POST /api/v2/user-relationships", "413"),
    ] {
        let request = head(&client, start, fields).replace("connection: close\r\n", "");
        let started = Instant::now();
        let answer = client.raw(request.as_bytes());
        let statuses: Vec<_> = answer.lines().filter(|line| line.starts_with("HTTP/1.1 ")).map(status).collect();
        // Actix sends the interim response before it calls the service.
        assert_eq!(statuses, ["100", expected], "{answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
        assert!(started.elapsed() < Duration::from_secs(10), "the connection closes without the body");
    }
});
