//! No link is sent that cannot be fetched.

use std::collections::{BTreeSet, VecDeque};

use crate::both;
use crate::support::{Client, Value, edge};

const URL: &str = "/api/v2/user-relationships";

fn make(owner: &Client, relationship: &str, target: &Client) -> i64 {
    owner.post(URL, &edge(None, relationship, target.id)).expect(201).id()
}

/// All links of a document, wherever they stand.
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

both!(every_link_that_is_sent_can_be_fetched, |app| {
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
        // The description of the API is no document of it.
        if answer.body.get("openapi").is_none() {
            links_in(&answer.body, &mut found);
        }
        waiting.extend(found.into_iter().filter(|link| seen.insert(link.clone())));
        assert!(seen.len() < 200, "the crawl ends");
    }
    assert!(seen.len() > 40, "{seen:?}");
});
