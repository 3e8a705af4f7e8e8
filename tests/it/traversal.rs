//! Everybody with a role towards a user, at any depth: `max-depth`.

use crate::both;
use crate::support::graph::{acyclic, create, crowd, register, set_rules, store, store_many, symmetric, tree, users};
use crate::support::process::run;
use crate::support::{Answer, App, Client, Value, json};

const USERS: &str = "/api/v2/users";

/// Registers a tree `line` with the roles `reports` and `bosses`, and stores the relationships of some users by their
/// places: owner and target.
fn plant(app: &App, edges: &[(usize, usize)], count: usize) -> Vec<i64> {
    let mut attributes = tree();
    attributes["user-role"] = json!("reports");
    attributes["target-role"] = json!("bosses");
    plant_type(app, &attributes, edges, count)
}

fn plant_type(app: &App, attributes: &Value, edges: &[(usize, usize)], count: usize) -> Vec<i64> {
    register(&app.admin(), "line", attributes);
    let ids = users(app, count);
    let admin = app.admin();
    for (user, target) in edges {
        create(&admin, ids[*user], "line", ids[*target]).expect(201);
    }
    ids
}

/// An organization: 0 above 1 and 2; 1 above 3 and 4; 3 above 5; 2 above 6. The relationship of 2 is older than that of 1.
const ORGANIZATION: [(usize, usize); 6] = [(2, 0), (1, 0), (3, 1), (4, 1), (5, 3), (6, 2)];

fn get(client: &Client, user: i64, role: &str, query: &str) -> Answer {
    client.get(&format!("{USERS}/{user}/{role}?{query}"))
}

/// `meta` of each row: depth, `via` and `below-count`.
fn steps(answer: &Answer) -> Vec<(i64, String, Option<i64>)> {
    let step = |row: &Value| {
        let meta = &row["meta"];
        let via = meta["via"].as_str().expect("a user").to_owned();
        (meta["depth"].as_i64().expect("a depth"), via, meta["below-count"].as_i64())
    };
    answer.body["data"].as_array().expect("a list").iter().map(step).collect()
}

/// The places of users in a list of ids.
fn places(ids: &[i64], found: &[i64]) -> Vec<usize> {
    found.iter().map(|id| ids.iter().position(|known| known == id).expect("a known user")).collect()
}

both!(everybody_below_comes_in_tree_order, |app| {
    let ids = plant(app, &ORGANIZATION, 8);
    let ann = app.user();
    let all = get(&ann, ids[0], "reports", "max-depth=all").expect(200);
    assert_eq!((places(&ids, &all.ids()), all.total()), (vec![2, 6, 1, 3, 5, 4], 6));
    let via = |place: usize| ids[place].to_string();
    let expected = [(1, 0, 1), (2, 2, 0), (1, 0, 3), (2, 1, 1), (3, 3, 0), (2, 1, 0)];
    assert_eq!(steps(&all), expected.map(|(depth, place, below)| (depth, via(place), Some(below))));
    assert!(all.body["data"][0]["meta"]["user-relationship"].is_string());
    assert_eq!(all.body["meta"]["has-cycle"], Value::Null);
    assert_eq!(all.header("content-type"), Some("application/vnd.api+json"));
    for (levels, expected) in
        [(1, vec![2, 1]), (2, vec![2, 6, 1, 3, 4]), (3, vec![2, 6, 1, 3, 5, 4]), (64, vec![2, 6, 1, 3, 5, 4])]
    {
        let some = get(&ann, ids[0], "reports", &format!("max-depth={levels}")).expect(200);
        assert_eq!(
            (places(&ids, &some.ids()), some.total()),
            (expected.clone(), i64::try_from(expected.len()).expect("few")),
            "{levels}"
        );
    }
    let none = get(&ann, ids[7], "reports", "max-depth=all").expect(200);
    assert_eq!((none.ids(), none.total(), &none.body["links"]["next"]), (vec![], 0, &Value::Null));
});

both!(everybody_above_comes_by_distance, |app| {
    let ids = plant(app, &ORGANIZATION, 7);
    let ann = app.user();
    let above = get(&ann, ids[5], "bosses", "max-depth=all").expect(200);
    assert_eq!((places(&ids, &above.ids()), above.total()), (vec![3, 1, 0], 3));
    let expected = [(1, 5, 1), (2, 3, 3), (3, 1, 6)];
    assert_eq!(steps(&above), expected.map(|(depth, via, below)| (depth, ids[via].to_string(), Some(below))));
    // Of a role that at most one user has it is a list as well.
    let direct = get(&ann, ids[5], "bosses", "max-depth=1").expect(200);
    assert_eq!((places(&ids, &direct.ids()), direct.total()), (vec![3], 1));
    assert_eq!(get(&ann, ids[0], "bosses", "max-depth=1").expect(200).ids(), [0; 0]);
});

both!(pages_follow_each_other, |app| {
    let ids = plant(app, &ORGANIZATION, 7);
    let ann = app.user();
    for (role, user, expected) in [("reports", 0, vec![2, 6, 1, 3, 5, 4]), ("bosses", 5, vec![3, 1, 0])] {
        for (size, name) in [(1, "page[size]"), (2, "limit"), (4, "page[limit]"), (50, "page[size]")] {
            let mut next = Some(format!("{USERS}/{}/{role}?max-depth=all&{name}={size}", ids[user]));
            let mut found = Vec::new();
            while let Some(url) = next {
                let page = ann.get(&url).expect(200);
                assert_eq!(page.total(), i64::try_from(expected.len()).expect("few"));
                found.extend(page.ids());
                next = page.body["links"]["next"].as_str().map(str::to_owned);
                if let Some(next) = &next {
                    let name = if name == "limit" { "page[limit]" } else { name };
                    let size = format!("{}={size}", name.replace('[', "%5B").replace(']', "%5D"));
                    assert!(next.contains(&size) && next.contains("max-depth=all"), "{next}");
                }
            }
            assert_eq!(places(&ids, &found), expected, "{role} {name}={size}");
        }
    }
    let count = get(&ann, ids[0], "reports", "max-depth=all&limit=0").expect(200);
    assert_eq!((count.ids(), count.total(), &count.body["links"]["next"]), (vec![], 6, &Value::Null));
});

both!(a_page_continues_where_a_user_was_moved_away, |app| {
    let ids = plant(app, &ORGANIZATION, 7);
    let admin = app.admin();
    let first = get(&admin, ids[0], "reports", "max-depth=all&page[size]=5").expect(200);
    let next = first.body["links"]["next"].as_str().expect("a page").to_owned();
    assert_eq!(places(&ids, &first.ids()), [2, 6, 1, 3, 5]);
    // The last row of the page leaves, then the one above it; what keeps its place follows all the same.
    let linkage = |user: usize, target: usize| {
        let url = format!("{USERS}/{}/relationships/bosses", ids[user]);
        admin.patch(&url, &json!({"data": {"type": "users", "id": ids[target].to_string()}})).expect(200);
    };
    for (user, target) in [(5, 6), (3, 2)] {
        linkage(user, target);
        assert_eq!(places(&ids, &admin.get(&next).expect(200).ids()), [4]);
    }
});

both!(a_role_in_a_graph_comes_by_distance_and_id, |app| {
    let mut attributes = acyclic();
    attributes["user-role"] = json!("reports");
    attributes["target-role"] = json!("bosses");
    // Two ways lead from 4 to 0, of two and three relationships; and two of equal length to 1.
    let ids = plant_type(app, &attributes, &[(4, 3), (4, 2), (3, 1), (2, 1), (2, 0), (1, 0)], 5);
    let ann = app.user();
    let above = get(&ann, ids[4], "bosses", "max-depth=all").expect(200);
    assert_eq!((places(&ids, &above.ids()), above.total()), (vec![2, 3, 0, 1], 4));
    let via = |place: usize| ids[place].to_string();
    assert_eq!(steps(&above), [(1, via(4), None), (1, via(4), None), (2, via(2), None), (2, via(3), None)]);
    let below = get(&ann, ids[0], "reports", "max-depth=all").expect(200);
    assert_eq!((places(&ids, &below.ids()), below.total()), (vec![1, 2, 3, 4], 4));
    assert_eq!(steps(&below).iter().map(|step| step.0).collect::<Vec<_>>(), [1, 1, 2, 2]);
    let near = get(&ann, ids[0], "reports", "max-depth=1&page[size]=1").expect(200);
    assert_eq!((places(&ids, &near.ids()), near.total()), (vec![1], 2));
    assert_eq!(near.body["meta"]["has-cycle"], Value::Null);
});

both!(a_traversal_ends_at_a_cycle_and_says_so, |app| {
    let ids = plant_type(app, &json!({"target-role": "bosses"}), &[(0, 1), (1, 2), (2, 0), (2, 3), (4, 3)], 5);
    let ann = app.user();
    let found = get(&ann, ids[0], "bosses", "max-depth=all").expect(200);
    assert_eq!((places(&ids, &found.ids()), found.total()), (vec![1, 2, 3], 3));
    assert_eq!(found.body["meta"]["has-cycle"], json!(true));
    let near = get(&ann, ids[0], "bosses", "max-depth=2").expect(200);
    assert_eq!((places(&ids, &near.ids()), &near.body["meta"]["has-cycle"]), (vec![1, 2], &Value::Null));
    let apart = get(&ann, ids[4], "bosses", "max-depth=all").expect(200);
    assert_eq!((places(&ids, &apart.ids()), &apart.body["meta"]["has-cycle"]), (vec![3], &Value::Null));
});

both!(users_in_common_come_nearest_first, |app| {
    let ids = plant(app, &ORGANIZATION, 8);
    let ann = app.user();
    let shared = |user: usize, others: &[usize]| {
        let others: Vec<_> = others.iter().map(|place| ids[*place].to_string()).collect();
        let found = get(&ann, ids[user], "bosses", &format!("max-depth=all&filter[shared-with]={}", others.join(",")))
            .expect(200);
        assert_eq!(found.total(), i64::try_from(found.ids().len()).expect("few"));
        places(&ids, &found.ids())
    };
    assert_eq!(shared(5, &[4]), [1, 0]);
    assert_eq!(shared(5, &[4, 6]), [0]);
    assert_eq!(shared(5, &[5]), [3, 1, 0]);
    assert_eq!(shared(5, &[7]), [0; 0]);
    // Nobody is above itself.
    assert_eq!(shared(5, &[3]), [1, 0]);
    let refused = get(&ann, ids[0], "reports", &format!("max-depth=all&filter[shared-with]={}", ids[1]));
    assert_eq!(refused.refused(400, "invalid-parameter").source("parameter"), Some("filter[shared-with]"));
});

both!(a_filter_says_whether_one_user_is_below_another, |app| {
    let ids = plant(app, &ORGANIZATION, 7);
    let ann = app.user();
    let found = |user: usize, role: &str, depth: &str, only: &str| {
        let found = get(&ann, ids[user], role, &format!("max-depth={depth}&filter[id]={only}")).expect(200);
        assert_eq!(found.total(), i64::try_from(found.ids().len()).expect("few"));
        (places(&ids, &found.ids()), steps(&found))
    };
    let id = |place: usize| ids[place].to_string();
    assert_eq!(found(0, "reports", "all", &id(5)), (vec![5], vec![(3, id(3), Some(0))]));
    assert_eq!(found(1, "reports", "all", &id(6)).0, [0; 0]);
    assert_eq!(found(0, "reports", "2", &id(5)).0, [0; 0]);
    assert_eq!(found(0, "reports", "all", &id(0)).0, [0; 0]);
    assert_eq!(found(5, "bosses", "all", &id(0)), (vec![0], vec![(3, id(1), Some(6))]));
    // Several are in the order of the tree.
    let several = [4, 5, 2].map(id).join(",");
    assert_eq!(found(0, "reports", "all", &several).0, [2, 5, 4]);
    let page = get(&ann, ids[0], "reports", &format!("max-depth=all&filter[id]={several}&page[size]=2")).expect(200);
    let next = ann.get(page.body["links"]["next"].as_str().expect("a page")).expect(200);
    assert_eq!((places(&ids, &page.ids()), places(&ids, &next.ids())), (vec![2, 5], vec![4]));
});

both!(bad_traversals_are_refused_by_name, |app| {
    let ids = plant(app, &ORGANIZATION, 7);
    let ann = app.user();
    register(&app.admin(), "pair", &{
        let mut pair = symmetric();
        pair["user-role"] = json!("partners");
        pair["target-role"] = json!("partners");
        pair
    });
    let refused = |role: &str, query: &str, code: &str, parameter: &str| {
        let answer = get(&ann, ids[0], role, query).refused(400, code);
        assert_eq!(answer.source("parameter"), Some(parameter), "{query}");
    };
    for depth in ["0", "65", "ALL", "-1", "", "1.5", "01", "all,1"] {
        refused("reports", &format!("max-depth={depth}"), "invalid-parameter", "max-depth");
    }
    refused("reports", "max-depth=1&max-depth=2", "duplicate-parameter", "max-depth");
    refused("partners", "max-depth=all", "invalid-parameter", "max-depth");
    let cases = [
        ("offset=1", "offset"),
        ("page[offset]=20", "page[offset]"),
        ("page[number]=1&page[size]=5", "page[number]"),
        ("page[before]=x", "page[before]"),
        ("page[size]=0", "page[size]"),
        ("page[size]=51", "page[size]"),
        ("limit=51", "limit"),
        ("limit=5&page[size]=5", "limit"),
    ];
    for (query, parameter) in cases {
        refused("reports", &format!("max-depth=all&{query}"), "invalid-parameter", parameter);
    }
    refused("reports", "max-depth=all&page[after]=x", "invalid-cursor", "page[after]");
    refused("reports", "max-depth=all&sort=id", "unsupported-sort", "sort");
    refused("reports", "filter[id]=1", "invalid-parameter", "filter[id]");
    refused("bosses", "filter[shared-with]=1", "invalid-parameter", "filter[shared-with]");
    get(&ann, ids[0], "reports", "max-depth=all&offset=0").expect(200);
    get(&ann, ids[0], "unknown", "max-depth=all").refused(404, "not-found");
    get(&ann, 999_999, "reports", "max-depth=all").refused(404, "not-found");
    // A cursor belongs to one user, role, depth and filter.
    let page = get(&ann, ids[0], "reports", "max-depth=all&page[size]=1").expect(200);
    let next = page.body["links"]["next"].as_str().expect("a page");
    let after = next.split("after%5D=").nth(1).expect("a cursor");
    for (user, role, rest) in [
        (1, "reports", "max-depth=all"),
        (0, "bosses", "max-depth=all"),
        (0, "reports", "max-depth=3"),
        (0, "reports", "max-depth=all&filter[id]=1"),
    ] {
        let other = get(&ann, ids[user], role, &format!("{rest}&page[after]={after}"));
        other.refused(400, "invalid-cursor");
    }
    let list = ann.get(&format!("{USERS}/{}/reports?page[size]=1&page[after]={after}", ids[0]));
    list.refused(400, "invalid-cursor");
});

both!(a_traversal_visits_ten_thousand_users_and_no_more, |app| {
    let roles = |base: Value, name: &str| {
        let mut kind = base;
        kind["user-role"] = json!(format!("{name}-below"));
        kind
    };
    let admin = app.admin();
    register(&admin, "graph", &roles(json!({}), "graph"));
    register(&admin, "line", &roles(tree(), "line"));
    let first = crowd(app, 10_003);
    for kind in ["graph", "line"] {
        store_many(app, kind, first + 1, 10_000, ["i", &first.to_string()]);
    }
    run(&app.home().text(), &["check", "--repair"]).expect(0);
    let count = |role: &str, depth: &str| get(&admin, first, role, &format!("max-depth={depth}&limit=0"));
    assert_eq!(count("graph-below", "all").expect(200).total(), 10_000);
    assert_eq!(count("line-below", "2").expect(200).total(), 10_000);
    create(&admin, first + 10_001, "graph", first).expect(201);
    create(&admin, first + 10_001, "line", first).expect(201);
    for (role, depth) in [("graph-below", "all"), ("graph-below", "1"), ("line-below", "2")] {
        let refused = count(role, depth).refused(400, "traversal-too-large");
        assert_eq!(refused.source("parameter"), Some("max-depth"));
    }
    assert_eq!(count("line-below", "all").expect(200).total(), 10_001);
    assert_eq!(count("line-below", "1").expect(200).total(), 10_001);
});

both!(external_callers_see_one_step, |app| {
    let ids = plant(app, &ORGANIZATION, 7);
    let ext = app.caller("ext");
    let admin = app.admin();
    create(&admin, ext.id, "line", ids[1]).expect(201);
    let above = get(&ext, ext.id, "bosses", "max-depth=all").expect(200);
    assert_eq!((places(&ids, &above.ids()), above.total()), (vec![1], 1));
    assert_eq!(steps(&above), [(1, ext.id.to_string(), None)]);
    // Of the reports of its supervisor it sees itself.
    let beside = get(&ext, ids[1], "reports", "max-depth=all").expect(200);
    assert_eq!((beside.ids(), beside.total()), (vec![ext.id], 1));
    let filtered = get(&ext, ids[1], "reports", &format!("max-depth=all&filter[id]={}", ids[3])).expect(200);
    assert_eq!((filtered.ids(), filtered.total()), (vec![], 0));
    get(&ext, ids[0], "reports", "max-depth=all").refused(404, "not-found");
    let shared = get(&ext, ext.id, "bosses", &format!("max-depth=all&filter[shared-with]={}", ids[3])).expect(200);
    assert_eq!(shared.ids(), [0; 0]);
});

both!(a_traversal_shows_disabled_users_fields_and_roles, |app| {
    let ids = plant(app, &ORGANIZATION, 7);
    let admin = app.admin();
    let disabled = json!({"data": {"type": "users", "id": ids[1].to_string(), "attributes": {"is-enabled": false}}});
    admin.patch(&format!("{USERS}/{}", ids[1]), &disabled).expect(200);
    let query = "max-depth=all&fields[users]=name,bosses&include=bosses";
    let found = get(&app.user(), ids[0], "reports", query).expect(200);
    assert_eq!(places(&ids, &found.ids()), [2, 6, 1, 3, 5, 4]);
    let rows = found.body["data"].as_array().expect("a list");
    assert_eq!(rows[3]["relationships"]["bosses"]["data"]["id"], ids[1].to_string());
    assert_eq!(rows[3]["attributes"].as_object().map(serde_json::Map::len), Some(1));
    let included = found.body["included"].as_array().expect("a list");
    assert_eq!(
        included.iter().map(|user| user["id"].as_str()).collect::<Vec<_>>(),
        [Some(ids[0].to_string().as_str())]
    );
});

both!(the_tag_of_a_traversal_changes_with_what_it_shows, |app| {
    let ids = plant(app, &ORGANIZATION, 8);
    let admin = app.admin();
    let url = format!("{USERS}/{}/reports?max-depth=all&page[size]=2", ids[0]);
    let tag = admin.get(&url).expect(200).header("etag").expect("a tag").to_owned();
    admin.send("GET", &url, &[("If-None-Match", &tag)], None).expect(304);
    // Below the second row, so that only its count and the total change.
    create(&admin, ids[7], "line", ids[6]).expect(201);
    assert_ne!(admin.get(&url).expect(200).header("etag"), Some(tag.as_str()));
});

both!(relationships_of_other_types_do_not_matter, |app| {
    let ids = plant(app, &ORGANIZATION, 7);
    store(app, "mentor", &[(ids[0], ids[5]), (ids[4], ids[0])]);
    let found = get(&app.user(), ids[0], "reports", "max-depth=all").expect(200);
    assert_eq!(found.total(), 6);
});

// PostgreSQL answers them in batches, in which users have most of the users above them in common.
both!(concurrent_paths_and_counts_are_each_about_their_own_user, |app| {
    const LAST: usize = 24;
    // A complete binary tree: 0 above 1 and 2, and so on; the user in the last place has no relationship.
    let edges: Vec<_> = (1..LAST).map(|place| (place, (place - 1) / 2)).collect();
    let ids = plant(app, &edges, LAST + 1);
    let above = |place: usize| std::iter::successors(Some(place), |at| at.checked_sub(1).map(|at| at / 2)).skip(1);
    let below = |place: usize| (0..LAST).filter(|other| above(*other).any(|it| it == place)).count();
    let ann = &app.user();
    let ask = &|place: usize, round: usize| {
        let path = get(ann, ids[place], "bosses", "max-depth=all&page[limit]=50").expect(200);
        let expected: Vec<_> = if place < LAST { above(place).collect() } else { Vec::new() };
        assert_eq!(places(&ids, &path.ids()), expected, "round {round}, above {place}");
        let counts: Vec<_> = steps(&path).into_iter().map(|(_, _, below)| below).collect();
        let numbers: Vec<_> = expected.iter().map(|place| i64::try_from(below(*place)).ok()).collect();
        assert_eq!(counts, numbers, "round {round}, above {place}");
        let first = get(ann, ids[place], "bosses", "max-depth=2&page[size]=1").expect(200);
        assert_eq!(places(&ids, &first.ids()), expected.iter().copied().take(1).collect::<Vec<_>>());
        assert_eq!(first.total(), i64::try_from(expected.len().min(2)).expect("a small number"));
        let count = get(ann, ids[place], "reports", "max-depth=all&limit=0").expect(200);
        assert_eq!(count.total(), i64::try_from(below(place)).expect("a small number"), "round {round}, below {place}");
        get(ann, 999_999, "bosses", "max-depth=all").expect(404);
    };
    std::thread::scope(|scope| {
        for place in 0..=LAST {
            scope.spawn(move || (0..4).for_each(|round| ask(place, round)));
        }
    });
});

// An instance answers paths by rules that it keeps for a minute.
both!(a_path_is_found_by_the_rules_that_another_instance_has_set, |app| {
    let ids = plant(app, &[(0, 1), (1, 2)], 4);
    let (ann, beside) = (app.user(), app.beside());
    let there = beside.client_like(&app.admin());
    let path = |role| get(&ann, ids[0], role, "max-depth=all");
    assert_eq!(places(&ids, &path("bosses").expect(200).ids()), [1, 2]);
    set_rules(&there, "line", &json!({"target-role": "chiefs"})).expect(200);
    path("bosses").expect(404);
    assert_eq!(places(&ids, &path("chiefs").expect(200).ids()), [1, 2]);
    set_rules(&there, "line", &json!({"target-role": "bosses", "max-per-user": null})).expect(200);
    create(&there, ids[0], "line", ids[3]).expect(201);
    let found = path("bosses").expect(200);
    assert_eq!((places(&ids, &found.ids()), found.total()), (vec![1, 3, 2], 3));
    assert!(steps(&found).iter().all(|(.., below)| below.is_none()), "numbers below belong to trees");
});

both!(a_number_below_is_found_by_the_rules_that_another_instance_has_set, |app| {
    let ids = plant(app, &[(0, 1), (1, 2)], 4);
    let (ann, beside) = (app.user(), app.beside());
    let there = beside.client_like(&app.admin());
    let number = |role| get(&ann, ids[2], role, "max-depth=all&limit=0");
    assert_eq!(number("reports").expect(200).total(), 2);
    set_rules(&there, "line", &json!({"user-role": "followers"})).expect(200);
    number("reports").expect(404);
    assert_eq!(number("followers").expect(200).total(), 2);
    set_rules(&there, "line", &json!({"user-role": "reports", "max-per-user": null})).expect(200);
    create(&there, ids[3], "line", ids[2]).expect(201);
    assert_eq!(number("reports").expect(200).total(), 3);
});
