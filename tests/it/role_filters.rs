//! Filters of relationships by participants and the state of users, and of users by roles.

use std::collections::BTreeSet;

use crate::both;
use crate::support::{App, Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const TYPES: &str = "/api/v2/relationship-types";
const USERS: &str = "/api/v2/users";

/// An edge as stored: id, user, type and target.
type Stored = (i64, i64, &'static str, i64);

/// Five users, edges of three types among them, and one disabled user.
struct Fixture {
    admin: Client,
    ids: Vec<i64>,
    edges: Vec<Stored>,
    disabled: i64,
}

impl Fixture {
    fn new(app: &App) -> Self {
        let admin = app.admin();
        let ids: Vec<_> = (0..5).map(|_| app.user().id).collect();
        let mut edges = Vec::new();
        for (user, kind, target) in [
            (0, "subordinate", 1),
            (1, "subordinate", 2),
            (3, "subordinate", 2),
            (0, "mentor", 2),
            (2, "mentor", 0),
            (3, "mentor", 0),
            (1, "colleague", 0),
        ] {
            let id = admin.post(EDGES, &edge(Some(ids[user]), kind, ids[target])).expect(201).id();
            edges.push((id, ids[user], kind, ids[target]));
        }
        let disabled = ids[2];
        let off = json!({"data": {"attributes": {"is-enabled": false}}});
        admin.patch(&format!("{USERS}/{disabled}"), &off).expect(200);
        Self { admin, ids, edges, disabled }
    }

    /// Asserts that a list has exactly the edges that a condition selects, in every order and on all pages.
    fn check(&self, query: &str, selects: impl Fn(&Stored) -> bool) {
        let expected: Vec<_> = self.edges.iter().filter(|edge| selects(edge)).map(|edge| edge.0).collect();
        let total = i64::try_from(expected.len()).unwrap();
        for order in ["", "&sort=-id", "&sort=created-at", "&include=user"] {
            let listed = self.admin.get(&format!("{EDGES}?{query}{order}")).expect(200);
            let mut ids = listed.ids();
            if order == "&sort=-id" {
                ids.reverse();
            }
            assert_eq!((ids, listed.total()), (expected.clone(), total), "{query}{order}");
        }
        let (mut seen, mut next) = (Vec::new(), Some(format!("{EDGES}?{query}&page[size]=2")));
        while let Some(url) = next {
            let page = self.admin.get(&url).expect(200);
            assert_eq!(page.total(), total, "{query}");
            seen.extend(page.ids());
            next = page.body["links"]["next"].as_str().map(str::to_owned);
        }
        assert_eq!(seen, expected, "{query}");
        let part = self.admin.get(&format!("{EDGES}?{query}&offset=1&limit=1")).expect(200);
        assert_eq!((part.ids(), part.total()), (expected.iter().skip(1).take(1).copied().collect(), total), "{query}");
    }
}

both!(participants_are_found_at_either_end_once, |app| {
    let fixture = Fixture::new(app);
    let ids = &fixture.ids;
    for wanted in [vec![ids[0]], vec![ids[4]], vec![ids[0], ids[1]], ids[..3].to_vec(), vec![ids[3], ids[4], ids[2]]] {
        let list = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let has = |edge: &Stored| wanted.contains(&edge.1) || wanted.contains(&edge.3);
        fixture.check(&format!("filter[participant]={list}"), has);
        for (query, kinds) in [("mentor", vec!["mentor"]), ("mentor,subordinate", vec!["mentor", "subordinate"])] {
            let query = format!("filter[participant]={list}&relationship={query}");
            fixture.check(&query, |edge| has(edge) && kinds.contains(&edge.2));
        }
        let query = format!("filter[participant]={list}&user={}", ids[0]);
        fixture.check(&query, |edge| has(edge) && edge.1 == ids[0]);
        let query = format!("filter[participant]={list}&target={},{}", ids[2], ids[1]);
        fixture.check(&query, |edge| has(edge) && [ids[1], ids[2]].contains(&edge.3));
    }
    let me = app.client_of(user_relationships::model::id::UserId::new(ids[0]));
    assert_eq!(me.get(&format!("{EDGES}?filter[participant]=me")).expect(200).total(), 5);
    me.get(&format!("{EDGES}?filter[participant]=x")).refused(400, "invalid-parameter");
});

both!(relationships_are_filtered_by_the_state_of_their_users, |app| {
    let fixture = Fixture::new(app);
    let off = |id: i64| id == fixture.disabled;
    fixture.check("filter[target-enabled]=false", |edge| off(edge.3));
    fixture.check("filter[target-enabled]=true", |edge| !off(edge.3));
    fixture.check("filter[user-enabled]=false", |edge| off(edge.1));
    fixture.check("filter[user-enabled]=true&filter[target-enabled]=true", |edge| !off(edge.1) && !off(edge.3));
    fixture.check("filter[target-enabled]=true,false", |_| true);
    let query = "filter[target-enabled]=false&relationship=subordinate";
    fixture.check(query, |edge| off(edge.3) && edge.2 == "subordinate");
    let (first, query) =
        (fixture.ids[0], format!("filter[target-enabled]=false&filter[participant]={}", fixture.ids[0]));
    fixture.check(&query, |edge| off(edge.3) && (edge.1 == first || edge.3 == first));
    fixture.admin.get(&format!("{EDGES}?filter[user-enabled]=maybe")).refused(400, "invalid-parameter");
});

both!(users_are_filtered_by_the_roles_that_others_have, |app| {
    let fixture = Fixture::new(app);
    let symmetric = json!({"is-symmetric": true, "user-role": "colleagues", "target-role": "colleagues"});
    let kind = json!({"data": {"type": "relationship-types", "id": "colleague", "attributes": symmetric}});
    fixture.admin.patch(&format!("{TYPES}/colleague"), &kind).expect(200);
    let all: BTreeSet<_> = fixture.ids.iter().copied().collect();
    let pick = |places: &[usize]| places.iter().map(|place| fixture.ids[*place]).collect::<BTreeSet<_>>();
    let get = |query: &str| {
        let listed = fixture.admin.get(&format!("{USERS}?filter[is-enabled]=true,false&limit=50&{query}")).expect(200);
        assert_eq!(usize::try_from(listed.total()), Ok(listed.ids().len()), "{query}");
        listed.ids().into_iter().filter(|id| all.contains(id)).collect::<BTreeSet<_>>()
    };
    for (roles, has) in [
        ("subordinates", pick(&[1, 2])),
        ("supervisors", pick(&[0, 1, 3])),
        ("mentees", pick(&[0, 2])),
        ("colleagues", pick(&[0, 1])),
        ("subordinates,mentees", pick(&[0, 1, 2])),
        ("mentors,colleagues", pick(&[0, 1, 2, 3])),
    ] {
        assert_eq!(get(&format!("filter[has]={roles}")), has, "{roles}");
        assert_eq!(get(&format!("filter[lacks]={roles}")), &all - &has, "{roles}");
    }
    assert_eq!(get("filter[has]=supervisors&filter[lacks]=subordinates"), pick(&[0, 3]));
    assert_eq!(get("filter[has]=supervisors&include=supervisors&fields[users]=name"), pick(&[0, 1, 3]));
    for query in ["filter[has]=friends", "filter[lacks]=mentors,friends", "filter[has]=Mentors", "filter[has]="] {
        let refused = fixture.admin.get(&format!("{USERS}?{query}")).refused(400, "invalid-parameter");
        assert!(refused.source("parameter").is_some_and(|name| query.starts_with(name)), "{}", refused.text);
    }
});

both!(filters_by_roles_tell_ext_callers_of_their_own_edges_only, |app| {
    let fixture = Fixture::new(app);
    let ext = app.caller("ext");
    let [first, second, ..] = fixture.ids[..] else { unreachable!() };
    fixture.admin.post(EDGES, &edge(Some(ext.id), "subordinate", first)).expect(201);
    fixture.admin.post(EDGES, &edge(Some(second), "mentor", ext.id)).expect(201);
    let get = |query: &str| {
        let listed = ext.get(&format!("{USERS}?sort=id&{query}")).expect(200);
        assert_eq!(usize::try_from(listed.total()), Ok(listed.ids().len()), "{query}");
        listed.ids()
    };
    assert_eq!(get("filter[has]=subordinates"), [first]);
    assert_eq!(get("filter[has]=supervisors"), [ext.id]);
    assert_eq!(get("filter[has]=mentors"), [second]);
    assert_eq!(get("filter[lacks]=subordinates"), [second, ext.id]);
    let listed = ext.get(&format!("{EDGES}?filter[participant]={first}")).expect(200);
    assert_eq!((listed.total(), listed.ids().len()), (1, 1));
    assert_eq!(ext.get(&format!("{EDGES}?filter[target-enabled]=false")).expect(200).total(), 0);
});
