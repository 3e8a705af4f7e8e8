//! Every link in a response can be fetched.

use std::collections::{BTreeSet, VecDeque};

use crate::both;
use crate::support::groups::{new_group, new_member};
use crate::support::{Client, Value, edge, json};

const URL: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";

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
        "/api/v2",
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

/// The number of rows from `url` to the end of the list; `None` if the first page is refused.
fn walk(client: &Client, url: &str) -> Option<usize> {
    let (mut rows, mut page) = (0, client.get(url));
    if page.status == 400 {
        page.refused(400, "invalid-parameter");
        return None;
    }
    loop {
        page = page.expect(200);
        rows += page.ids().len();
        for name in ["self", "first", "last", "prev"] {
            if let Some(url) = href(&page.body["links"][name]) {
                client.get(url).expect(200);
            }
        }
        let Some(next) = href(&page.body["links"]["next"]) else { return Some(rows) };
        page = client.get(next);
    }
}

// A percent-encoded comma is three bytes long, so at some length the links become longer than a request may be.
both!(a_list_whose_links_would_get_a_414_is_a_400, |app| {
    let ann = app.user();
    app.user();
    let (mut walked, mut refused) = (0, 0);
    for count in [10, 600, 900, 980, 985, 986, 987, 988, 989, 990, 995, 1_000, 1_100, 1_350] {
        for page in ["limit=1", "page[size]=1", "page[number]=1&page[size]=1"] {
            let path = format!("{USERS}?{page}&fields[users]={}", vec!["email"; count].join(","));
            assert!(path.len() <= 8 * 1024, "{}", path.len());
            match walk(&ann, &path) {
                Some(rows) => {
                    assert_eq!(rows, 2, "{count}: no page looks like the last one");
                    walked += 1;
                }
                None => refused += 1,
            }
            // The second page, which has a previous one, is refused together with the first.
            let second = path.replace("limit=1", "limit=1&offset=1");
            assert_eq!(ann.get(&second).status, ann.get(&path).status, "{count}");
        }
    }
    assert!(walked > 10 && refused > 8, "{walked} lists, {refused} refusals");
    let answer = ann.get(&format!("{USERS}?limit=1&fields[users]={}", "email,".repeat(1_300) + "email"));
    let answer = answer.refused(400, "invalid-parameter");
    assert_eq!(answer.source("parameter"), Some("fields[users]"));
    let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.ends_with("in a URI of 8192 bytes; shorten `fields[users]`"), "{detail}");
});

both!(every_kind_of_list_is_a_400_without_room_for_its_links, |app| {
    let ann = app.user();
    let others = [app.user(), app.user()];
    for other in &others {
        make(&ann, "mentor", other);
        let group = new_group(app, ann.id, "{}");
        new_member(app, group, other.id, "{}");
    }
    for kind in ["users", "user-relationships", "relationship-types", "groups", "group-members"] {
        let path = |limit: usize| {
            format!("/api/v2/{kind}?limit={limit}&fields[{kind}]={}created-at", "created-at,".repeat(700))
        };
        let refused = ann.get(&path(1)).refused(400, "invalid-parameter");
        assert_eq!(refused.source("parameter"), Some(&*format!("fields[{kind}]")));
        // A list of one page needs no links to others.
        let whole = ann.get(&path(50)).expect(200);
        assert!((2..=3).contains(&whole.total()), "{kind}: {}", whole.total());
        for name in ["first", "last", "prev", "next"] {
            assert!(whole.body["links"][name].is_null(), "{kind}: {name}");
        }
    }
});

both!(a_link_to_this_page_that_would_get_a_414_is_null, |app| {
    let ann = app.user();
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

both!(the_base_path_of_the_api_answers_with_links, |app| {
    let ann = app.user();
    for path in ["/api/v2", "/api/v2/"] {
        let answer = ann.get(path).expect(200);
        assert_eq!(answer.header("content-type"), Some("application/vnd.api+json"));
        let links = json!({"self": "/api/v2", "describedby": "/openapi.json"});
        assert_eq!((answer.body.get("data"), &answer.body["links"]), (None, &links));
        let targets = answer.body["meta"]["links"].as_object().unwrap();
        assert!(targets.contains_key("user-relationships") && targets.contains_key("users"), "{}", answer.text);
        for target in targets.values() {
            ann.get(target.as_str().unwrap()).expect(200);
        }
        let of_admin = app.admin().get(path).expect(200).body["meta"]["links"]["transfers"].clone();
        assert_eq!((targets.get("transfers"), of_admin), (None, json!("/api/v2/transfers")));
        let of_admin = app.admin().get(path).expect(200).body["meta"]["links"]["imports"].clone();
        assert_eq!((targets.get("imports"), of_admin), (None, json!("/api/v2/imports")));
        assert_eq!(ann.send("HEAD", path, &[], None).expect(200).text, "");
        let options = app.anonymous().send("OPTIONS", path, &[], None).expect(204);
        assert_eq!(options.header("allow"), Some("GET, HEAD, OPTIONS"));
        app.anonymous().get(path).refused(401, "unauthenticated");
        app.caller("excluded").get(path).refused(403, "account-disabled");
        ann.post(path, &json!({})).refused(405, "method-not-allowed");
        ann.get(&format!("{path}?limit=1")).refused(400, "unknown-parameter");
        ann.send("GET", path, &[("accept", "text/html")], None).refused(406, "not-acceptable");
    }
});
