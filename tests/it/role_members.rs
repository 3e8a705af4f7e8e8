//! Many members of a role at once, and preconditions on changes of them.

use crate::conformance::checked::JSON_API;
use crate::item;
use crate::support::{Answer, Client, Value, json};

const TYPES: &str = "/api/v2/relationship-types";
const USERS: &str = "/api/v2/users";

fn url(id: i64, role: &str) -> String {
    format!("{USERS}/{id}/relationships/{role}")
}

fn many(ids: &[i64]) -> Value {
    let user = |id: &i64| json!({"type": "users", "id": id.to_string()});
    json!({"data": ids.iter().map(user).collect::<Vec<_>>()})
}

/// Sends a change of a linkage with one header.
fn send(client: &Client, method: &str, url: &str, header: (&str, &str), ids: &[i64]) -> Answer {
    client.send(method, url, &[JSON_API, header], Some(many(ids).to_string().as_bytes()))
}

/// Makes `subordinate` a tree.
fn organize(admin: &Client) {
    let attributes = json!({"is-acyclic": true, "max-per-user": 1, "target-role": "supervisor"});
    let document = json!({"data": {"type": "relationship-types", "id": "subordinate", "attributes": attributes}});
    admin.patch(&format!("{TYPES}/subordinate"), &document).expect(200);
}

item!([101, H3, H4], changes_of_members_honour_if_match, |app| {
    let ann = app.user();
    let ids: Vec<_> = (0..4).map(|_| app.user().id).collect();
    let mentors = url(ann.id, "mentors");
    let tag = |query: &str| ann.get(&format!("{mentors}{query}")).expect(200).header("etag").expect("a tag").to_owned();
    let put = |method: &str, tag: &str, ids: &[i64]| send(&ann, method, &mentors, ("if-match", tag), ids);
    let none = tag("");
    let one = put("POST", &none, &ids[..1]).expect(200);
    assert_eq!(one.header("etag"), Some(&*tag("")));
    for method in ["POST", "DELETE"] {
        for stale in [&*none, "\"x\"", &format!("W/{}", tag(""))] {
            let refused = put(method, stale, &ids[..2]).refused(412, "precondition-failed");
            assert_eq!(refused.source("header"), Some("If-Match"));
        }
    }
    assert_eq!(put("POST", "*", &ids[1..3]).expect(200).total(), 3);
    // The tag of a part of the linkage does not name its state, that of a page with all of it does.
    for part in ["?limit=2", "?limit=0", "?limit=2&offset=1", "?page[size]=2"] {
        put("POST", &tag(part), &ids[3..]).refused(412, "precondition-failed");
    }
    // Another role of the user, the same role of another one, and the user itself.
    for other in [url(ann.id, "mentees"), url(ids[0], "mentors"), format!("{USERS}/me")] {
        let tag = ann.get(&other).expect(200).header("etag").expect("a tag").to_owned();
        put("DELETE", &tag, &ids).refused(412, "precondition-failed");
    }
    assert_eq!(ann.get(&mentors).expect(200).total(), 3);
    assert_eq!(put("DELETE", &tag("?limit=50"), &ids[..1]).expect(200).total(), 2);
    assert_eq!(put("DELETE", &tag("?page[size]=7"), &ids[..2]).expect(200).total(), 1);
});

item!([101, H3], changes_of_members_honour_if_none_match, |app| {
    let ann = app.user();
    let ids: Vec<_> = (0..3).map(|_| app.user().id).collect();
    let mentors = url(ann.id, "mentors");
    let put = |method: &str, tag: &str, ids: &[i64]| send(&ann, method, &mentors, ("if-none-match", tag), ids);
    let none = ann.get(&mentors).expect(200).header("etag").expect("a tag").to_owned();
    for method in ["POST", "DELETE"] {
        for same in ["*", &none] {
            let refused = put(method, same, &ids).refused(412, "precondition-failed");
            assert_eq!(refused.source("header"), Some("If-None-Match"));
        }
    }
    assert_eq!(put("POST", "\"x\"", &ids).expect(200).total(), 3);
    assert_eq!(put("DELETE", &none, &ids[..1]).expect(200).total(), 2);
});

item!([101, H3], a_linkage_of_several_pages_has_no_tag_for_changes, |app| {
    let admin = app.admin();
    let ids: Vec<_> = (0..52).map(|_| app.user().id).collect();
    let mentors = url(ids[0], "mentors");
    admin.post(&mentors, &many(&ids[1..])).expect(200);
    let tag = admin.get(&mentors).expect(200).header("etag").expect("a tag").to_owned();
    for (name, header) in [("if-match", "If-Match"), ("if-none-match", "If-None-Match")] {
        for method in ["POST", "DELETE"] {
            let refused = send(&admin, method, &mentors, (name, &tag), &ids[1..2]).refused(412, "precondition-failed");
            assert_eq!(refused.source("header"), Some(header));
            assert!(refused.text.contains("51 users have the role `mentors`"), "{}", refused.text);
        }
    }
    assert_eq!(send(&admin, "DELETE", &mentors, ("if-match", "*"), &ids[1..2]).expect(200).total(), 50);
    let tag = admin.get(&format!("{mentors}?limit=50")).expect(200).header("etag").expect("a tag").to_owned();
    assert_eq!(send(&admin, "DELETE", &mentors, ("if-match", &tag), &ids[2..3]).expect(200).total(), 49);
});

item!([97, 99, 100], many_members_are_changed_as_one_by_one, |app| {
    let admin = app.admin();
    organize(&admin);
    let ids: Vec<_> = (0..70).map(|_| app.user().id).collect();
    let (boss, team) = (ids[0], &ids[1..]);
    let under = |id: i64| url(id, "subordinates");
    // Teams of different heights below one user, in the order that was sent.
    let mut order = team.to_vec();
    order.reverse();
    admin.post(&under(team[0]), &many(&order[..3])).expect(200);
    admin.post(&under(order[0]), &many(&order[3..6])).expect(200);
    let rest: Vec<_> = order[6..].to_vec();
    let added = admin.post(&under(boss), &many(&rest)).expect(200);
    assert_eq!((added.ids(), added.total()), (rest[..20].to_vec(), 63));
    app.assert_no_drift();
    assert_eq!(admin.post(&under(boss), &many(&rest[10..])).expect(200).total(), 63);
    // One refusal, and nothing changes.
    let above = app.user().id;
    let mut with_taken = vec![above];
    with_taken.extend(&order[..1]);
    let taken = admin.post(&under(boss), &many(&with_taken)).refused(409, "too-many-relationships");
    assert_eq!(taken.source("pointer"), Some("/data/1"));
    admin.post(&under(above), &many(&[boss])).expect(200);
    let cycle = admin.post(&under(order[5]), &many(&[above])).refused(409, "relationship-cycle");
    assert_eq!(cycle.source("pointer"), Some("/data/0"));
    assert_eq!(admin.get(&under(boss)).expect(200).total(), 63);
    app.assert_no_drift();
    // The tallest team goes with many others, then all the rest.
    let gone: Vec<_> = team[..30].to_vec();
    let left = admin.send("DELETE", &under(boss), &[JSON_API], Some(many(&gone).to_string().as_bytes()));
    assert_eq!(left.expect(200).total(), 33);
    app.assert_no_drift();
    let left = admin.send("DELETE", &under(boss), &[JSON_API], Some(many(team).to_string().as_bytes()));
    assert_eq!(left.expect(200).total(), 0);
    app.assert_no_drift();
});
