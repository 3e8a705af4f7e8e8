//! Cursors of traversals: each belongs to one list, and the next page goes on where the previous one ends.

use crate::both;
use crate::support::graph::{acyclic, register, set_rules, store, tree, users};
use crate::support::past::{as_of, now};
use crate::support::scrape::scrape;
use crate::support::traversal::walk;
use crate::support::{Answer, App, Client, Value, json};

const USERS: &str = "/api/v2/users";

/// Registers a type with roles.
fn register_roles(admin: &Client, name: &str, mut rules: Value, [user_role, target_role]: [&str; 2]) {
    rules["user-role"] = json!(user_role);
    rules["target-role"] = json!(target_role);
    register(admin, name, &rules);
}

/// A tree: 0 above 1 and 4, 1 above 2, 2 above 3.
fn plant(app: &App) -> Vec<i64> {
    register_roles(&app.admin(), "line", tree(), ["reports", "bosses"]);
    let ids = users(app, 5);
    store(app, "line", &[(1, 0), (2, 1), (3, 2), (4, 0)].map(|(user, target)| (ids[user], ids[target])));
    ids
}

fn get(client: &Client, user: i64, role: &str, query: &str) -> Answer {
    client.get(&format!("{USERS}/{user}/{role}?{query}"))
}

/// The link to the next page.
fn next(page: &Answer) -> String {
    page.body["links"]["next"].as_str().expect("a page").to_owned()
}

both!(a_cursor_from_before_a_change_of_rules_is_refused, |app| {
    let ids = plant(app);
    let admin = app.admin();
    let first = || next(&get(&admin, ids[0], "reports", "max-depth=all&page[size]=1").expect(200));
    let of_tree = first();
    set_rules(&admin, "line", &json!({"max-per-user": null})).expect(200);
    let of_graph = first();
    let refused = admin.get(&of_tree).refused(400, "invalid-cursor");
    assert_eq!(refused.source("parameter"), Some("page[after]"));
    admin.get(&of_graph).expect(200);
    set_rules(&admin, "line", &tree()).expect(200);
    admin.get(&of_graph).refused(400, "invalid-cursor");
    admin.get(&of_tree).expect(200);
});

/// The cursor of the next page.
fn next_cursor(page: &Answer) -> String {
    let link = next(page);
    let rest = link.split("after%5D=").nth(1).and_then(|rest| rest.split('&').next());
    rest.unwrap_or_else(|| panic!("no cursor in {link}")).to_owned()
}

/// Follows a cursor with each part of its list changed, one at a time. `other` has the role as well.
fn follow_elsewhere(app: &App, role: &str, [user, other]: [i64; 2], filter: &str) {
    let client = app.user();
    let page = |user: i64, role: &str, query: &str, cursor: &str| {
        get(&client, user, role, &format!("{query}&{filter}&page[after]={cursor}"))
    };
    let refuse = |answer: Answer| {
        let refused = answer.refused(400, "invalid-cursor");
        assert_eq!(refused.source("parameter"), Some("page[after]"), "{}", refused.text);
    };
    let (query, moment) = ("max-depth=all&page[size]=1", as_of(now(app)));
    let cursor = next_cursor(&get(&client, user, role, &format!("{query}&{filter}")).expect(200));
    page(user, role, query, &cursor).expect(200);
    // The size of the page does not define the list.
    page(user, role, "max-depth=all&page[size]=2", &cursor).expect(200);
    refuse(page(other, role, query, &cursor));
    refuse(page(user, &format!("other-{role}"), query, &cursor));
    refuse(page(user, role, "max-depth=9&page[size]=1", &cursor));
    refuse(page(user, role, &format!("{query}&filter[id]={other}"), &cursor));
    refuse(page(user, role, &format!("{query}&{moment}"), &cursor));
    let of_moment = next_cursor(&get(&client, user, role, &format!("{query}&{filter}&{moment}")).expect(200));
    page(user, role, &format!("{query}&{moment}"), &of_moment).expect(200);
    refuse(page(user, role, query, &of_moment));
    for (at, old) in cursor.char_indices() {
        let new = if old == 'A' { 'Z' } else { 'A' };
        refuse(page(user, role, query, &format!("{}{new}{}", &cursor[..at], &cursor[at + 1..])));
    }
    let of_users = client.get(&format!("{USERS}?page[size]=1")).expect(200);
    refuse(page(user, role, query, &next_cursor(&of_users)));
}

both!(a_cursor_belongs_to_one_user_role_depth_filter_and_moment, |app| {
    let ids = plant(app);
    register_roles(&app.admin(), "other", tree(), ["other-reports", "other-bosses"]);
    follow_elsewhere(app, "reports", [ids[0], ids[1]], "fields[users]=name");
    let shared = |place: usize| format!("filter[shared-with]={}", ids[place]);
    follow_elsewhere(app, "bosses", [ids[3], ids[2]], &shared(3));
    let ann = app.user();
    let query = |place: usize| format!("max-depth=all&page[size]=1&{}", shared(place));
    let cursor = next_cursor(&get(&ann, ids[3], "bosses", &query(3)).expect(200));
    get(&ann, ids[3], "bosses", &format!("{}&page[after]={cursor}", query(2))).refused(400, "invalid-cursor");
});

both!(a_page_after_the_last_level_does_not_show_those_below_it, |app| {
    let ids = plant(app);
    let ann = app.user();
    for (depth, expected) in [("1", vec![1, 4]), ("2", vec![1, 2, 4]), ("all", vec![1, 2, 3, 4])] {
        let url = format!("{USERS}/{}/reports?max-depth={depth}&page[size]=1", ids[0]);
        let rows = walk(&ann, &url, |_| ()).rows;
        let expected: Vec<_> = expected.into_iter().map(|place: usize| ids[place]).collect();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected, "{depth}");
    }
});

both!(traversals_that_may_visit_many_users_are_searches, |app| {
    let ids = plant(app);
    let admin = app.admin();
    register_roles(&admin, "net", acyclic(), ["followers", "followed"]);
    let searches = || scrape(&app.anonymous()).count("store_job_duration_seconds_count", &[("job", "roles.search")]);
    for (role, query, expected) in [
        ("reports", "max-depth=all", 0),
        ("bosses", "max-depth=all", 0),
        ("reports", "max-depth=1", 0),
        ("reports", "max-depth=2", 1),
        ("followers", "max-depth=all", 2),
    ] {
        get(&admin, ids[0], role, query).expect(200);
        assert_eq!(searches(), expected, "{role} {query}");
    }
});
