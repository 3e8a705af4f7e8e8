//! The cursor pagination profile: items P1 to P15 of the checklist.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::conformance::{Checked, EDGES, USERS, make, make_user};
use crate::item;
use crate::support::{Answer, Client, Value, edge, json};

const SIZES: [usize; 6] = [1, 2, 5, 16, 49, 50];
const TOO_LARGE: &str = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination/max-size-exceeded";
const KINDS: [&str; 3] = ["mentor", "colleague", "subordinate"];

/// Creates edges of one owner, three to each of the users, and returns their ids in the order of creation.
fn edges(owner: &Checked<Client>, admin: &Checked<Client>, targets: usize) -> Vec<i64> {
    let targets: Vec<_> = (0..targets).map(|number| make_user(admin, "Target", number)).collect();
    KINDS.iter().flat_map(|kind| targets.iter().map(|target| make(owner, kind, *target).id())).collect()
}

fn link(answer: &Answer, name: &str) -> Option<String> {
    let links = answer.body["links"].as_object().expect("links");
    assert!(links.contains_key(name), "`{name}` must be present, though it may be null: {}", answer.text);
    links[name].as_str().map(str::to_owned)
}

/// The cursors of all items.
fn cursors(answer: &Answer) -> Vec<String> {
    let rows = answer.body["data"].as_array().expect("a list");
    rows.iter().map(|row| row["meta"]["page"]["cursor"].as_str().expect("a cursor").to_owned()).collect()
}

/// All pages from a URL on, in the direction of a link.
fn walk(client: &Checked<Client>, from: &str, step: &str) -> Vec<Vec<i64>> {
    let (mut pages, mut url) = (Vec::new(), Some(from.to_owned()));
    while let Some(here) = url {
        let answer = client.get(&here).expect(200);
        url = link(&answer, step);
        assert!(link(&answer, "prev").is_some() || step == "prev" || pages.is_empty());
        pages.push(answer.ids());
        assert!(pages.len() < 500, "the walk ends");
    }
    pages
}

/// The page that ends a list, requested with an empty `page[before]`.
fn last_page(client: &Checked<Client>, list: &str, query: &str) -> String {
    let mut url = format!("{list}?{query}&page[size]=50");
    loop {
        let answer = client.get(&url).expect(200);
        let Some(next) = link(&answer, "next") else {
            let cursor = cursors(&answer).pop().expect("a row");
            return format!("{list}?{query}&page[before]={cursor}");
        };
        url = next;
    }
}

item!([P1, P6, P7, P9, P12], walks_with_any_page_size_visit_each_row_once_both_ways, |app| {
    let (ann, admin) = (app.user(), app.admin());
    edges(&ann, &admin, 17);
    for (list, sorts) in [(EDGES, ["id", "-id", "-created-at"]), (USERS, ["name", "-name", "-created-at"])] {
        for (at, sort) in sorts.iter().enumerate() {
            let rows = ann.get(&format!("{list}?sort={sort}&limit=50")).expect(200).ids();
            let total = ann.get(&format!("{list}?limit=0")).expect(200).total();
            for size in SIZES.into_iter().skip(if at == 0 { 0 } else { 2 }) {
                let forth = walk(&ann, &format!("{list}?sort={sort}&page[size]={size}"), "next");
                let (last, full) = forth.split_last().unwrap();
                assert!(
                    full.iter().all(|page| page.len() == size) && (1..=size).contains(&last.len()),
                    "{sort} {size}"
                );
                let all = forth.concat();
                assert_eq!(all[..rows.len()], rows, "{list} {sort} {size}");
                assert_eq!(all.len(), usize::try_from(total).unwrap());
                let back = walk(
                    &ann,
                    &format!("{}&page[size]={size}", last_page(&ann, list, &format!("sort={sort}"))),
                    "prev",
                );
                assert!(back.iter().rev().skip(1).all(|page| page.len() == size) || back.len() == 1);
                let back: Vec<_> = back.into_iter().rev().flatten().collect();
                assert_eq!(back, all[..all.len() - 1], "{list} {sort} {size}: the last row is the one left out");
            }
        }
    }
});

item!([P1, P7], a_walk_during_writes_sees_each_unchanged_row_once, |app| {
    let (ann, admin, bob) = (app.user(), app.admin(), app.user());
    let stay = edges(&ann, &admin, 17);
    let users = ann.get(&format!("{USERS}?limit=50&sort=id")).expect(200).ids();
    let victims: Vec<_> = (0..4).map(|number| make_user(&admin, "Passer", number)).collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 100;
            while !stop.load(Ordering::Relaxed) {
                let made: Vec<_> = victims.iter().map(|target| make(&ann, "mentor", *target).id()).collect();
                let people = ["Aaron", "Target", "Zoe"].map(|name| make_user(&admin, name, number));
                for id in made {
                    ann.delete(&format!("{EDGES}/{id}")).expect(204);
                }
                for id in people {
                    admin.delete(&format!("{USERS}/{id}")).expect(204);
                }
                number += 1;
            }
        });
        for (list, sort, stay) in
            [(EDGES, "id", &stay), (EDGES, "-id", &stay), (USERS, "name", &users), (USERS, "-name", &users)]
        {
            for size in SIZES.into_iter().skip(usize::from(sort.starts_with('-')) * 3) {
                let seen = walk(&bob, &format!("{list}?sort={sort}&page[size]={size}"), "next").concat();
                let mut kept: Vec<_> = seen.iter().copied().filter(|id| stay.contains(id)).collect();
                if list == EDGES && sort == "-id" {
                    kept.reverse();
                } else if list == USERS {
                    kept.sort_unstable();
                }
                assert_eq!(kept, *stay, "{list} {sort} {size}");
                let mut once = seen.clone();
                once.sort_unstable();
                once.dedup();
                assert_eq!(once.len(), seen.len(), "a row twice");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
});

item!([P7, P14], every_item_has_its_own_cursor, |app| {
    let (ann, admin) = (app.user(), app.admin());
    let ids = edges(&ann, &admin, 4);
    for (sort, ids) in [("id", ids.clone()), ("-id", ids.iter().rev().copied().collect::<Vec<_>>())] {
        let all = ann.get(&format!("{EDGES}?sort={sort}&page[size]=50")).expect(200);
        assert_eq!((all.ids(), &all.body["meta"]["page"]), (ids.clone(), &json!({"total": 12})));
        for (at, cursor) in cursors(&all).iter().enumerate() {
            let page = |query: &str| ann.get(&format!("{EDGES}?sort={sort}&page[size]=3&{query}={cursor}")).expect(200);
            assert_eq!(page("page[after]").ids(), ids[at + 1..(at + 4).min(12).max(at + 1)], "after {at}");
            assert_eq!(page("page[before]").ids(), ids[at.saturating_sub(3)..at], "before {at}");
        }
    }
    let by_offset = ann.get(&format!("{EDGES}?limit=1")).expect(200);
    assert!(by_offset.body["data"][0].get("meta").is_none() && by_offset.body["meta"].get("page").is_none());
});

item!([P11, P12, P13], prev_and_next_are_null_where_no_such_page_exists, |app| {
    let (ann, admin) = (app.user(), app.admin());
    let ends = |answer: &Answer| (link(answer, "prev").is_some(), link(answer, "next").is_some());
    for list in [format!("{EDGES}?"), format!("{USERS}?query=unknown&")] {
        let empty = ann.get(&format!("{list}page[size]=3")).expect(200);
        assert_eq!((ends(&empty), empty.ids().len(), empty.total()), ((false, false), 0, 0));
    }
    let ids = edges(&ann, &admin, 2);
    let get = |query: &str| ann.get(&format!("{EDGES}?{query}")).expect(200);
    assert_eq!(ends(&get("page[size]=6")), (false, false));
    assert_eq!(ends(&get("page[size]=50")), (false, false));
    let first = get("page[size]=5");
    assert_eq!(ends(&first), (false, true));
    let all = cursors(&get("page[size]=6"));
    // Without `page[before]`, `next` is exact; without `page[after]`, `prev` is.
    for (at, cursor) in all.iter().enumerate() {
        for size in 1..=6 {
            let after = get(&format!("page[size]={size}&page[after]={cursor}"));
            assert_eq!(link(&after, "next").is_some(), at + 1 + size < 6, "after {at} by {size}");
            let before = get(&format!("page[size]={size}&page[before]={cursor}"));
            assert_eq!(link(&before, "prev").is_some(), at > size, "before {at} by {size}");
            for (answer, step, expected) in [(&after, "prev", &ids[..=at]), (&before, "next", &ids[at..])] {
                if let Some(url) = link(answer, step) {
                    let found = ann.get(&url).expect(200).ids();
                    let near = if step == "prev" { expected.ends_with(&found) } else { expected.starts_with(&found) };
                    assert!(near && !found.is_empty(), "{step} of {at} by {size}: {found:?}");
                }
            }
        }
    }
    let middle = get(&format!("page[size]=2&page[after]={}", all[1]));
    let start = ann.get(&link(&middle, "first").expect("a first page")).expect(200);
    assert_eq!(start.ids(), ids[..2]);
});

item!([P5, P6], a_page_has_twenty_items_by_default, |app| {
    let (ann, admin) = (app.user(), app.admin());
    let ids = edges(&ann, &admin, 17);
    let profile = format!("application/vnd.api+json;profile=\"{}\"", crate::conformance::PROFILE);
    let named = ann.get_with(EDGES, &[("accept", &profile)]).expect(200);
    assert_eq!(named.ids(), ids[..20]);
    let cursor = cursors(&named)[4].clone();
    assert_eq!(ann.get(&format!("{EDGES}?page[after]={cursor}")).expect(200).ids(), ids[5..25]);
    let late = cursors(&ann.get(&format!("{EDGES}?page[size]=50")).expect(200))[30].clone();
    assert_eq!(ann.get(&format!("{EDGES}?page[before]={late}")).expect(200).ids(), ids[10..30]);
    for size in SIZES {
        assert_eq!(ann.get(&format!("{EDGES}?page[size]={size}")).expect(200).ids(), ids[..size]);
    }
    assert_eq!(ann.get(&format!("{EDGES}?page[size]=007")).expect(200).ids(), ids[..7], "base 10");
});

item!([P3, P4, P15, C5], an_invalid_page_size_and_a_too_large_one_are_different_400s, |app| {
    let ann = app.user();
    for list in [EDGES, USERS] {
        for size in ["0", "00", "", "-1", "+1", "1.0", "1e1", "x", "0x10", "%201", "%D9%A1", "5,5"] {
            let refused = ann.get(&format!("{list}?page[size]={size}")).refused(400, "invalid-parameter");
            assert_eq!(refused.source("parameter"), Some("page[size]"), "{size}");
            assert_ne!(refused.body["errors"][0]["links"]["type"], json!(TOO_LARGE), "{size}");
        }
        for size in ["51", "100", "0051", "9223372036854775808", "99999999999999999999999999"] {
            let refused = ann.get(&format!("{list}?page[size]={size}")).refused(400, "invalid-parameter");
            let error = &refused.body["errors"][0];
            assert_eq!(error["source"], json!({"parameter": "page[size]"}));
            assert_eq!(
                (&error["links"]["type"], &error["meta"]),
                (&json!(TOO_LARGE), &json!({"page": {"maxSize": 50}}))
            );
        }
    }
});

item!([P8, P15], an_altered_or_foreign_cursor_is_a_400, |app| {
    let (ann, admin) = (app.user(), app.admin());
    edges(&ann, &admin, 2);
    let cursor = cursors(&ann.get(&format!("{EDGES}?page[size]=1")).expect(200)).remove(0);
    let refused = |list: &str, query: &str, cursor: &str| {
        for name in ["page[after]", "page[before]"] {
            let answer = ann.get(&format!("{list}?{query}&{name}={cursor}")).refused(400, "invalid-cursor");
            assert_eq!(answer.source("parameter"), Some(name));
        }
    };
    for at in 0..cursor.len() {
        let mut touched = cursor.clone();
        touched.replace_range(at..=at, if &cursor[at..=at] == "A" { "B" } else { "A" });
        refused(EDGES, "page[size]=1", &touched);
    }
    let longer = format!("{cursor}A");
    for other in ["", "x", "1", "%00x", "AAAA", "a%20b", "%C3%A9", &longer, &cursor[1..], &cursor.to_lowercase()] {
        let answer = ann.get(&format!("{EDGES}?page[after]={other}")).expect(400);
        assert_eq!(answer.source("parameter"), Some("page[after]"), "{other}");
    }
    for query in ["sort=-id", "sort=created-at", "filter[relationship]=mentor", &format!("user={}", ann.id)] {
        refused(EDGES, query, &cursor);
    }
    refused(USERS, "sort=id", &cursor);
    // A cursor stays valid for parameters that change how a page is shown but not its rows.
    for query in ["page[size]=3", "include=user", "fields[users]=name", "sort=id"] {
        ann.get(&format!("{EDGES}?{query}&page[after]={cursor}")).expect(200);
    }
    let beside = app.beside();
    beside.client_like(&ann).get(&format!("{EDGES}?page[after]={cursor}")).expect(200);
});

item!([P10], a_range_is_truncated_to_the_largest_page_and_can_continue, |app| {
    let (ann, admin) = (app.user(), app.admin());
    let ids = edges(&ann, &admin, 20);
    let all: Vec<_> =
        ["page[size]=50", "sort=id&page[size]=50&page[after]="].iter().fold(Vec::new(), |mut all, query| {
            let cursor = if all.is_empty() { String::new() } else { cursors(all.last().unwrap()).pop().unwrap() };
            all.push(ann.get(&format!("{EDGES}?{query}{cursor}")).expect(200));
            all
        });
    let all: Vec<_> = all.iter().flat_map(cursors).collect();
    assert_eq!(all.len(), 60);
    let get = |from: usize, to: usize, size: &str| {
        let range = format!("page[after]={}&page[before]={}", all[from], all[to]);
        ann.get(&format!("{EDGES}?{range}{size}")).expect(200)
    };
    for (from, to) in [(0, 1), (0, 2), (5, 30), (3, 54), (9, 59), (7, 7), (9, 4)] {
        let answer = get(from, to, "");
        assert_eq!(answer.ids(), if from < to { &ids[from + 1..to] } else { &[] }, "{from} {to}");
        assert_eq!(answer.body["meta"]["page"].get("rangeTruncated"), None);
    }
    for (from, to, size) in [(0, 59, 50), (0, 52, 50), (0, 40, 7), (10, 13, 1)] {
        let cut = get(from, to, &if size == 50 { String::new() } else { format!("&page[size]={size}") });
        assert_eq!(cut.ids(), ids[from + 1..=from + size]);
        assert_eq!(cut.body["meta"]["page"]["rangeTruncated"], json!(true));
        let open = ann.get(&format!("{EDGES}?page[after]={}&page[size]={size}", all[from])).expect(200);
        assert_eq!(open.body["data"], cut.body["data"], "as without `page[before]`");
        let (mut rest, mut url) = (cut.ids(), link(&cut, "next"));
        while let Some(here) = url {
            let answer = ann.get(&here).expect(200);
            rest.extend(answer.ids());
            let is_cut = answer.body["meta"]["page"].get("rangeTruncated").is_some();
            url = link(&answer, "next").filter(|_| is_cut);
        }
        assert_eq!(rest, ids[from + 1..to], "the rest of the range follows");
    }
    assert_eq!(get(0, 6, "&page[size]=5").body["meta"]["page"].get("rangeTruncated"), None, "exactly the page size");
});

item!([P15], offsets_and_cursors_cannot_be_mixed, |app| {
    let (ann, bob) = (app.user(), app.user());
    make(&ann, "mentor", bob.id);
    for list in [EDGES, USERS] {
        let cursor = cursors(&ann.get(&format!("{list}?page[size]=1")).expect(200)).remove(0);
        for by_cursor in ["page[size]=5".to_owned(), format!("page[after]={cursor}"), format!("page[before]={cursor}")]
        {
            for by_offset in ["offset", "limit", "page[offset]", "page[limit]"] {
                let refused = ann.get(&format!("{list}?{by_cursor}&{by_offset}=1")).refused(400, "invalid-parameter");
                assert_eq!(refused.source("parameter"), Some(by_offset));
            }
        }
    }
});

item!([P14, C3], totals_of_cursor_pages_are_exact_on_every_page, |app| {
    let (ann, admin) = (app.user(), app.admin());
    edges(&ann, &admin, 3);
    admin.post(EDGES, &edge(None, "mentor", ann.id)).expect(201);
    let mut url = Some(format!("{EDGES}?user={}&page[size]=2", ann.id));
    while let Some(here) = url {
        let answer = ann.get(&here).expect(200);
        assert_eq!((answer.total(), &answer.body["meta"]["page"]), (9, &json!({"total": 9})));
        url = link(&answer, "next");
    }
    let objects: Vec<Value> =
        ann.get(&format!("{USERS}?page[size]=50")).expect(200).body["data"].as_array().unwrap().clone();
    assert!(objects.iter().all(|user| user["meta"]["page"]["cursor"].is_string()));
});
