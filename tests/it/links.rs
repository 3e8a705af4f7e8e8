//! Every link in a response can be fetched.

use std::collections::{BTreeSet, VecDeque};

use crate::both;
use crate::support::{Client, Value, edge};

const URL: &str = "/api/v2/user-relationships";

fn make(owner: &Client, relationship: &str, target: &Client) -> i64 {
    owner.post(URL, &edge(None, relationship, target.id)).expect(201).id()
}

/// All links of a document, at any depth.
fn links_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let links = members.get("links").and_then(Value::as_object).into_iter().flat_map(|links| links.values());
            found.extend(links.filter_map(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| links_in(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| links_in(item, found)),
        _ => {}
    }
}

both!(every_link_in_a_response_can_be_fetched, |app| {
    let (ann, bob, cleo) = (app.user(), app.user(), app.user());
    let id = make(&ann, "mentor", &bob);
    make(&bob, "subordinate", &cleo);
    make(&cleo, "colleague", &ann);
    let mut waiting: VecDeque<_> = [
        &*format!("{URL}?limit=1&offset=1"),
        "/api/v2/users?limit=2",
        "/api/v2/relationship-types?limit=1",
        "/api/v2/users/me",
        "/",
    ]
    .map(str::to_owned)
    .into();
    let mut found = Vec::new();
    links_in(&ann.post(URL, &edge(None, "mentor", bob.id)).refused(409, "already-exists").body, &mut found);
    assert!(found.contains(&format!("{URL}/{id}")), "{found:?}");
    waiting.extend(found);
    let mut seen = BTreeSet::new();
    while let Some(url) = waiting.pop_front() {
        let mut found = Vec::new();
        let answer = ann.get(url.split('#').next().unwrap()).expect(200);
        // The description of the API is not a JSON:API document.
        if answer.body.get("openapi").is_none() {
            links_in(&answer.body, &mut found);
        }
        waiting.extend(found.into_iter().filter(|link| seen.insert(link.clone())));
        assert!(seen.len() < 200, "the crawl ends");
    }
    assert!(seen.len() > 40, "{seen:?}");
});

/// The value of a link, whether it is a string or a link object.
fn href(link: &Value) -> Option<&str> {
    link.as_str().or_else(|| link["href"].as_str())
}

both!(a_link_that_would_get_a_414_is_null, |app| {
    const USERS: &str = "/api/v2/users";
    let ann = app.user();
    app.user();
    let (mut links, mut nulls) = (0, 0);
    // A percent-encoded comma is three bytes long, so at some length the links become longer than a request may be.
    for count in [10, 600, 900, 1_100, 1_350] {
        for page in ["limit=1", "page[size]=1"] {
            let fields = vec!["email"; count].join(",");
            let path = format!("{USERS}?{page}&fields[users]={fields}");
            assert!(path.len() <= 8 * 1024, "{}", path.len());
            let answer = ann.get(&path).expect(200);
            for name in ["self", "first", "last", "prev", "next"] {
                let Some(url) = href(&answer.body["links"][name]) else {
                    nulls += usize::from(count > 1_000 && answer.body["links"][name].is_null());
                    continue;
                };
                ann.get(url).expect(200);
                links += 1;
            }
            assert_eq!(href(&answer.body["links"]["next"]).is_some(), count < 1_000, "{count}");
        }
    }
    assert!(links > 20 && nulls > 8, "{links} links, {nulls} nulls");
    // HTTP allows characters unencoded that a URI does not, so `self` is longer than the request.
    let path = format!("{USERS}?query={}", "|".repeat(7_000));
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {}\r\n\r\n",
        ann.authorization().unwrap()
    );
    let answer = ann.raw(head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let document: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert!(document["links"]["self"].is_null() && document["links"]["first"].is_null(), "{document}");
});
