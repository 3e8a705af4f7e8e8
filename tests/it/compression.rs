//! Compressed responses, and their entity tags.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::both;
use crate::support::{Answer, App, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";

/// The head of a response and the bytes after it.
fn fetch(client: &Client, method: &str, path: &str, fields: &str) -> (String, Vec<u8>) {
    let token = client.authorization().unwrap_or_default();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {token}\r\n{fields}\r\n");
    let all = client.raw_bytes(head.as_bytes());
    let end = all.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a whole head");
    (String::from_utf8_lossy(&all[..end]).to_ascii_lowercase(), all[end + 4..].to_vec())
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn plain(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    match encoding {
        "gzip" => drop(GzDecoder::new(bytes).read_to_end(&mut all).expect("gzip")),
        _ => all = zstd::stream::decode_all(bytes).expect("zstd"),
    }
    all
}

/// A list that is long enough to be compressed.
fn crowd(app: &App) -> Client {
    let ann = app.user();
    for _ in 0..6 {
        ann.post(EDGES, &edge(None, "mentor", app.user().id)).expect(201);
    }
    ann
}

both!(a_compressed_response_decodes_to_the_plain_one, |app| {
    let ann = crowd(app);
    let (whole, expected) = fetch(&ann, "GET", EDGES, "");
    assert_eq!(field(&whole, "content-encoding"), None);
    for encoding in ["gzip", "zstd"] {
        let wish = format!("accept-encoding: {encoding}\r\n");
        let (head, bytes) = fetch(&ann, "GET", EDGES, &wish);
        assert_eq!(field(&head, "content-encoding"), Some(encoding), "{head}");
        assert_eq!(field(&head, "content-length"), Some(bytes.len().to_string().as_str()), "{head}");
        assert!(bytes.len() < expected.len() / 3, "{} of {}", bytes.len(), expected.len());
        assert_eq!(plain(encoding, &bytes), expected);
        let (head_alone, nothing) = fetch(&ann, "HEAD", EDGES, &wish);
        assert_eq!((field(&head_alone, "content-encoding"), nothing.len()), (Some(encoding), 0));
        for path in ["/docs", "/openapi.json", "/metrics"] {
            let (head, bytes) = fetch(&app.anonymous(), "GET", path, &wish);
            assert_eq!(field(&head, "content-encoding"), Some(encoding), "{path}");
            assert!(plain(encoding, &bytes).len() > bytes.len());
        }
    }
    for wish in ["", "accept-encoding: br\r\n", "accept-encoding: gzip;q=0\r\n", "accept-encoding: identity\r\n"] {
        let (head, bytes) = fetch(&ann, "GET", EDGES, wish);
        assert_eq!((field(&head, "content-encoding"), &bytes), (None, &expected), "{wish}");
        assert!(field(&head, "vary").expect("`Vary`").contains("accept-encoding"));
    }
    let (head, _) = fetch(&ann, "GET", "/api/v2/users/999999", "accept-encoding: gzip\r\n");
    assert_eq!(field(&head, "content-encoding"), None, "too small to be compressed: {head}");
});

both!(the_etag_of_a_compressed_response_is_valid_everywhere, |app| {
    let ann = app.user();
    let me = format!("/api/v2/users/{}", ann.id);
    let bio = json!({"data": {"type": "users", "id": ann.id.to_string(), "attributes": {"description": "words ".repeat(300)}}});
    ann.patch(&me, &bio).expect(200);
    let (whole, _) = fetch(&ann, "GET", &me, "");
    let mut tags = vec![field(&whole, "etag").expect("a tag").to_owned()];
    for encoding in ["gzip", "zstd"] {
        let (head, _) = fetch(&ann, "GET", &me, &format!("accept-encoding: {encoding}\r\n"));
        let tag = field(&head, "etag").expect("a tag").to_owned();
        assert!(tag.starts_with('"') && !tags.contains(&tag), "strong, and another one: {tag}");
        tags.push(tag);
    }
    for tag in &tags {
        for wish in [("accept-encoding", "gzip"), ("accept-encoding", "identity")] {
            let known = ann.send("GET", &me, &[("if-none-match", tag), wish], None).expect(304);
            assert_eq!(known.header("etag"), Some(tag.as_str()), "the tag that the client has");
        }
    }
    let change = |tag: &str, name: &str| -> Answer {
        let change: Value =
            json!({"data": {"type": "users", "id": ann.id.to_string(), "attributes": {"first-name": name}}});
        let headers = [("if-match", tag), ("content-type", "application/vnd.api+json")];
        ann.send("PATCH", &me, &headers, Some(change.to_string().as_bytes()))
    };
    let changed = change(&tags[1], "Ann").expect(200);
    for tag in &tags {
        change(tag, "Bob").refused(412, "precondition-failed");
        ann.send("GET", &me, &[("if-none-match", tag)], None).expect(200);
    }
    change(changed.header("etag").expect("a tag"), "Bob").expect(200);
});
