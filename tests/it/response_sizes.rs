//! Responses are bounded in bytes: a cursor page ends early, and other responses are a 413 with advice.

use user_relationships::model::id::UserId;
use user_relationships::model::limits::MAX_ANSWER;

use crate::both;
use crate::support::graph::{path, register, store};
use crate::support::groups::{GROUPS, MEMBERS, new_group, new_member};
use crate::support::traversal;
use crate::support::{Answer, App, Client, edge, json};

const USERS: &str = "/api/v2/users";
const EDGES: &str = "/api/v2/user-relationships";

/// Gives a user the largest profile that an earlier release stored, 3.2 MB.
pub fn store_large_profile(app: &App, user: &Client) {
    let id = UserId::new(user.id);
    app.write(move |tx| {
        let old = tx.user(id)?.expect("the user exists");
        let mut data = old.data.clone();
        data.profile.location = vec!["x".repeat(4_000); 800];
        tx.update_user(&old, &data)
    });
}

#[track_caller]
fn assert_too_large(answer: Answer) -> Answer {
    let answer = answer.refused(413, "answer-too-large");
    assert!(answer.text.len() < 1_500, "{} bytes", answer.text.len());
    answer
}

/// The ids of all pages from `url` on, in their order, and the number of pages.
fn walk(client: &Client, url: &str, link: &str) -> (Vec<i64>, usize) {
    let (mut next, mut ids, mut pages) = (Some(url.to_owned()), Vec::new(), 0);
    while let Some(url) = next {
        let page = client.get(&url).expect(200);
        assert!(page.text.len() <= MAX_ANSWER && page.total() == 6, "{} bytes", page.text.len());
        let shown = page.ids();
        ids = if link == "next" { [ids, shown].concat() } else { [shown, ids].concat() };
        pages += 1;
        next = page.body["links"][link].as_str().map(str::to_owned);
    }
    (ids, pages)
}

both!(a_page_of_large_users_ends_early_by_cursor, |app| {
    let admin = app.admin();
    let users: Vec<_> = (0..5).map(|_| app.user()).collect();
    let all: Vec<_> = [&admin].into_iter().chain(&users).map(|client| client.id).collect();
    for user in &users[..4] {
        store_large_profile(app, user);
    }
    // Two of them fit into a response.
    for sort in ["id", "-id", "name", "created-at"] {
        let url = format!("{USERS}?sort={sort}&page[size]=50");
        let (ids, pages) = walk(&admin, &url, "next");
        let mut expected = all.clone();
        if sort == "-id" {
            expected.reverse();
        }
        if sort == "name" {
            expected = admin.get(&format!("{USERS}?fields[users]=name&limit=50")).expect(200).ids();
        }
        assert_eq!((ids, pages), (expected, 2), "{sort}");
    }
    // Backwards as well: the page before a row ends next to it.
    let start = admin.get(&format!("{USERS}?sort=id&page[size]=5&fields[users]=name")).expect(200);
    let last = start.body["data"][4]["meta"]["page"]["cursor"].as_str().unwrap();
    let (ids, pages) = walk(&admin, &format!("{USERS}?sort=id&page[size]=50&page[before]={last}"), "prev");
    assert_eq!((ids.as_slice(), pages), (&all[..4], 2));
});

both!(a_page_of_a_traversal_of_large_users_ends_early, |app| {
    let admin = app.admin();
    register(
        &admin,
        "line",
        &json!({"is-acyclic": true, "max-per-user": 1, "user-role": "reports", "target-role": "bosses"}),
    );
    let users: Vec<_> = (0..6).map(|_| app.user()).collect();
    users[1..].iter().for_each(|user| store_large_profile(app, user));
    let mut ids: Vec<_> = users.iter().map(|user| user.id).collect();
    store(app, "line", &path(&ids));
    // Two of them fit into a response.
    for role in ["bosses", "reports"] {
        let mut pages = Vec::new();
        let url = format!("{USERS}/{}/{role}?max-depth=all&page[size]=50", ids[0]);
        let walk = traversal::walk(&admin, &url, |rows| pages.push(rows.len()));
        assert_eq!(walk.rows.iter().map(|row| row.id).collect::<Vec<_>>(), ids[1..], "{role}");
        assert!(walk.totals.iter().all(|total| *total == 5), "{role}: {:?}", walk.totals);
        assert!(pages.len() > 1 && pages.iter().all(|rows| (1..=3).contains(rows)), "{role}: {pages:?}");
        ids.reverse();
    }
});

both!(a_page_of_large_users_by_offset_is_a_413_with_advice, |app| {
    let admin = app.admin();
    for _ in 0..3 {
        store_large_profile(app, &app.user());
    }
    let answer = assert_too_large(admin.get(&format!("{USERS}?sort=id")));
    let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
    for cure in ["`limit`", "`fields[…]`", "`page[size]`"] {
        assert!(detail.contains(cure), "{detail}");
    }
    assert_eq!(admin.get(&format!("{USERS}?sort=id&limit=3")).expect(200).ids().len(), 3);
    let narrow = admin.get(&format!("{USERS}?sort=id&fields[users]=email,first-name")).expect(200);
    assert_eq!((narrow.ids().len(), narrow.total()), (4, 4));
    // A single one is shown completely.
    let id = admin.get(&format!("{USERS}?sort=-id&fields[users]=name&limit=1")).expect(200).ids()[0];
    let one = admin.get(&format!("{USERS}/{id}")).expect(200);
    assert_eq!(one.body["data"]["attributes"]["location"].as_array().unwrap().len(), 800);
});

both!(included_users_are_refused_beyond_the_largest_answer, |app| {
    let ann = app.user();
    for _ in 0..3 {
        let target = app.user();
        store_large_profile(app, &target);
        ann.post(EDGES, &edge(None, "mentor", target.id)).expect(201);
    }
    let answer = assert_too_large(ann.get(&format!("{EDGES}?include=target")));
    assert_eq!(answer.source("parameter"), Some("include"));
    let by_cursor = format!("{EDGES}?include=target&page[size]=50");
    assert_too_large(ann.get(&by_cursor));
    for narrow in ["&fields[users]=name", "&limit=2"] {
        ann.get(&format!("{EDGES}?include=target{narrow}")).expect(200);
    }
    ann.get(EDGES).expect(200);
});

both!(included_members_are_refused_beyond_the_largest_answer, |app| {
    let (ann, ext) = (app.user(), app.caller("ext"));
    let ids = app.write(|tx| {
        let new = |number| user_relationships::model::user::UserData::new(format!("member{number}@example.com"));
        (0..130).map(|number| Ok(tx.insert_user(None, &new(number))?.expect("it is new").get())).collect()
    });
    let ids: Vec<i64> = ids;
    let group = new_group(app, ann.id, "{}");
    let properties = json!({"status": "x".repeat(65_000)}).to_string();
    for id in &ids {
        new_member(app, group, *id, &properties);
    }
    new_member(app, group, ext.id, "{}");
    for path in ["members", "members.user"] {
        let answer = assert_too_large(ann.get(&format!("{GROUPS}/{group}?include={path}")));
        assert_eq!(answer.source("parameter"), Some("include"));
        assert_too_large(ann.get(&format!("{GROUPS}?include={path}")));
        let member = ann.get(&format!("{MEMBERS}?limit=1&filter[group]={group}")).expect(200).ids()[0];
        assert_too_large(ann.get(&format!("{MEMBERS}/{member}/group?include={path}")));
    }
    // The advised request: the list of the members, page by page.
    let page = ann.get(&format!("{GROUPS}/{group}/members?limit=50&include=user")).expect(200);
    assert_eq!((page.ids().len(), page.total()), (50, 131));
    assert!(page.text.len() < MAX_ANSWER, "{} bytes", page.text.len());
    // Members are read in parts and are all included, in order.
    let small = new_group(app, ann.id, "{}");
    for id in &ids {
        new_member(app, small, *id, r#"{"status":"active"}"#);
    }
    let shown = ann.get(&format!("{GROUPS}/{small}?include=members.user,owner")).expect(200);
    let members = shown.body["data"]["relationships"]["members"]["data"].as_array().unwrap();
    let included = shown.body["included"].as_array().unwrap();
    assert_eq!((members.len(), included.len()), (130, 261));
    // An ext member sees only its own membership.
    let seen = ext.get(&format!("{GROUPS}/{group}?include=members.user")).expect(200);
    assert_eq!(seen.body["included"].as_array().unwrap().len(), 2);
});
