//! Groups and memberships as `/api/v2` shows them.

use std::collections::BTreeSet;

use crate::both;
use crate::conformance::Checked;
use crate::support::groups::{new_group, new_group_of, new_member};
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Value, edge, json};

const GROUPS: &str = "/api/v2/groups";
const MEMBERS: &str = "/api/v2/group-members";
const USERS: &str = "/api/v2/users";

/// Two groups of Ann's and one of Bob's. In the first are Bob and Cleo, in the second Cleo, in Bob's Ann.
struct Stage<'a> {
    app: Checked<&'a App>,
    ann: Checked<Client>,
    bob: Checked<Client>,
    cleo: Checked<Client>,
    groups: [i64; 3],
    members: [i64; 4],
}

impl<'a> Stage<'a> {
    fn set(app: &'a App) -> Self {
        let app = Checked::new(app);
        let (ann, bob, cleo) = (app.user(), app.user(), app.user());
        let properties = r#"{"group_name":"Captains","level":3,"tags":["a",null]}"#;
        let first = new_group(&app, ann.id, properties);
        let second = new_group_of(&app, "team", ann.id, "{}");
        let third = new_group_of(&app, "team", bob.id, "{}");
        let members = [
            new_member(&app, first, bob.id, r#"{"status":"active"}"#),
            new_member(&app, first, cleo.id, "{}"),
            new_member(&app, second, cleo.id, "{}"),
            new_member(&app, third, ann.id, "{}"),
        ];
        Self { app, ann, bob, cleo, groups: [first, second, third], members }
    }

    fn raw(&self) -> Raw {
        Raw::connect(&self.app.config.database_url)
    }
}

/// Type and id of each, in order.
fn names(resources: &Value) -> Vec<(String, i64)> {
    let name = |resource: &Value| {
        let id = resource["id"].as_str().expect("an id").parse().expect("a number");
        (resource["type"].as_str().expect("a type").to_owned(), id)
    };
    resources.as_array().expect("a list").iter().map(name).collect()
}

fn users(clients: &[&Checked<Client>]) -> Vec<(String, i64)> {
    clients.iter().map(|client| ("users".to_owned(), client.id)).collect()
}

fn of_type(kind: &str, ids: &[i64]) -> Vec<(String, i64)> {
    ids.iter().map(|id| (kind.to_owned(), *id)).collect()
}

fn tag(answer: &Answer) -> String {
    answer.header("etag").expect("a tag").to_owned()
}

both!(a_group_and_a_membership_are_shown_to_the_letter, |app| {
    let stage = Stage::set(app);
    let ([group, ..], [member, ..]) = (stage.groups, stage.members);
    let times = "created_at = 1401787736000000, updated_at = 1401787796000000";
    stage.raw().run(&format!("UPDATE groups SET {times}; UPDATE group_members SET {times}"));
    let url = format!("{GROUPS}/{group}");
    let expected = json!({
        "type": "groups",
        "id": group.to_string(),
        "attributes": {
            "group-type": "special_group",
            "properties": {"group_name": "Captains", "level": 3, "tags": ["a", null]},
            "created-at": "Tue, 03 Jun 2014 09:28:56 +0000",
            "updated-at": "Tue, 03 Jun 2014 09:29:56 +0000",
        },
        "relationships": {
            "owner": {
                "data": {"type": "users", "id": stage.ann.id.to_string()},
                "links": {"self": format!("{url}/relationships/owner"), "related": format!("{url}/owner")},
            },
            "members": {"links": {"related": format!("{url}/members")}},
        },
        "links": {"self": url},
    });
    let shown = stage.bob.get(&url).expect(200);
    assert_eq!(shown.body, json!({"jsonapi": {"version": "1.1"}, "data": expected}));
    assert_eq!(stage.bob.get(&format!("{GROUPS}?limit=1")).expect(200).body["data"], json!([expected]));
    assert_eq!(stage.bob.get(&format!("{MEMBERS}/{member}/group")).expect(200).body["data"], expected);
    let owner = stage.bob.get(&format!("{url}/owner")).expect(200);
    assert_eq!(owner.body, stage.ann.get("/api/v2/users/me").expect(200).body);
    let linkage = stage.bob.get(&format!("{url}/relationships/owner")).expect(200);
    assert_eq!((&linkage.body["data"], &linkage.body["links"]), {
        let owner = &expected["relationships"]["owner"];
        (&owner["data"], &owner["links"])
    });

    let url = format!("{MEMBERS}/{member}");
    let links = |end: &str| json!({"self": format!("{url}/relationships/{end}"), "related": format!("{url}/{end}")});
    let ends = json!({
        "group": {"data": {"type": "groups", "id": group.to_string()}, "links": links("group")},
        "user": {"data": {"type": "users", "id": stage.bob.id.to_string()}, "links": links("user")},
    });
    let expected = json!({
        "type": "group-members",
        "id": member.to_string(),
        "attributes": {
            "member-type": "special_group_users",
            "properties": {"status": "active"},
            "created-at": "Tue, 03 Jun 2014 09:28:56 +0000",
            "updated-at": "Tue, 03 Jun 2014 09:29:56 +0000",
        },
        "relationships": ends,
        "links": {"self": url},
    });
    let shown = stage.cleo.get(&url).expect(200);
    assert_eq!(shown.body, json!({"jsonapi": {"version": "1.1"}, "data": expected}));
    for list in [format!("{MEMBERS}?limit=1"), format!("{GROUPS}/{group}/members?limit=1")] {
        assert_eq!(stage.cleo.get(&list).expect(200).body["data"], json!([expected]), "{list}");
    }
    for end in ["group", "user"] {
        let linkage = stage.cleo.get(&format!("{url}/relationships/{end}")).expect(200);
        assert_eq!((&linkage.body["data"], &linkage.body["links"]), (&ends[end]["data"], &ends[end]["links"]));
    }
    assert_eq!(stage.cleo.get(&format!("{url}/user")).expect(200).id(), stage.bob.id);
});

both!(filters_narrow_the_lists_and_their_counts, |app| {
    let stage = Stage::set(app);
    let (ann, bob, cleo) = (stage.ann.id, stage.bob.id, stage.cleo.id);
    let ([g0, g1, g2], [m0, m1, m2, m3]) = (stage.groups, stage.members);
    let cases: &[(String, Vec<i64>)] = &[
        (GROUPS.to_owned(), vec![g0, g1, g2]),
        (format!("{GROUPS}?sort=-id"), vec![g2, g1, g0]),
        (format!("{GROUPS}?sort=id"), vec![g0, g1, g2]),
        (format!("{GROUPS}?filter[id]={g2},{g0},{g2},999"), vec![g0, g2]),
        (format!("{GROUPS}?filter[group-type]=team"), vec![g1, g2]),
        (format!("{GROUPS}?filter[group-type]=team&filter[group-type]=special_group"), vec![g0, g1, g2]),
        (format!("{GROUPS}?filter[group-type]=Team,%25"), vec![]),
        (format!("{GROUPS}?filter[owner]={ann}"), vec![g0, g1]),
        (format!("{GROUPS}?filter[owner]={bob},{ann}&sort=-id"), vec![g2, g1, g0]),
        (format!("{GROUPS}?filter[owner]={ann}&filter[group-type]=team"), vec![g1]),
        (format!("{GROUPS}?filter[owner]={ann}&filter[group-type]=team&filter[id]={g0}"), vec![]),
        (format!("{GROUPS}?filter[owner]={cleo}"), vec![]),
        (MEMBERS.to_owned(), vec![m0, m1, m2, m3]),
        (format!("{MEMBERS}?filter[group]={g0}"), vec![m0, m1]),
        (format!("{MEMBERS}?filter[group]={g0},{g2}&sort=-id"), vec![m3, m1, m0]),
        (format!("{MEMBERS}?filter[user]={cleo}"), vec![m1, m2]),
        (format!("{MEMBERS}?filter[user]={cleo},{ann}&sort=-id"), vec![m3, m2, m1]),
        (format!("{MEMBERS}?filter[user]={cleo}&filter[group]={g0}"), vec![m1]),
        (format!("{MEMBERS}?filter[user]={cleo}&filter[group]={g2}"), vec![]),
        (format!("{MEMBERS}?filter[id]={m3},{m0}"), vec![m0, m3]),
        (format!("{MEMBERS}?filter[group]=999"), vec![]),
        (format!("{GROUPS}/{g0}/members"), vec![m0, m1]),
        (format!("{GROUPS}/{g0}/members?sort=-id"), vec![m1, m0]),
        (format!("{GROUPS}/{g0}/members?filter[user]={cleo}"), vec![m1]),
        (format!("{GROUPS}/{g0}/members?filter[id]={m2},{m1}"), vec![m1]),
    ];
    for (url, expected) in cases {
        let listed = stage.ann.get(url).expect(200);
        assert_eq!((&listed.ids(), listed.total()), (expected, i64::try_from(expected.len()).unwrap()), "{url}");
        assert_eq!(listed.body["links"]["self"], json!(url));
    }
});

both!(pages_are_exact_by_offset_and_by_cursor, |app| {
    let stage = Stage::set(app);
    let [group, ..] = stage.groups;
    for _ in 0..9 {
        new_group(app, stage.bob.id, "{}");
        new_member(app, group, app.user().id, "{}");
    }
    for (list, total) in [(GROUPS.to_owned(), 12), (MEMBERS.to_owned(), 13), (format!("{GROUPS}/{group}/members"), 11)]
    {
        let all = stage.ann.get(&format!("{list}?limit=50")).expect(200).ids();
        assert_eq!(all.len(), total);
        let counted = stage.ann.get(&format!("{list}?limit=0")).expect(200);
        assert_eq!((counted.ids(), counted.total()), (vec![], i64::try_from(total).unwrap()));
        let encoded = |page: &str| format!("{list}?{}", page.replace('[', "%5B").replace(']', "%5D"));
        let page = stage.ann.get(&format!("{list}?limit=4&offset=4")).expect(200);
        assert_eq!((page.ids(), page.total()), (all[4..8].to_vec(), i64::try_from(total).unwrap()));
        assert_eq!(page.body["links"]["first"], json!(encoded("page[offset]=0&page[limit]=4")));
        assert_eq!(page.body["links"]["prev"], json!(encoded("page[offset]=0&page[limit]=4")));
        assert_eq!(page.body["links"]["next"], json!(encoded("page[offset]=8&page[limit]=4")));
        let last = (total - 1) / 4 * 4;
        assert_eq!(page.body["links"]["last"], json!(encoded(&format!("page[offset]={last}&page[limit]=4"))));
        assert_eq!(stage.ann.get(&format!("{list}?offset={total}")).expect(200).ids(), Vec::<i64>::new());

        for (sort, include) in [("id", "user"), ("-id", "")] {
            let include = if list == GROUPS { include.replace("user", "members") } else { include.to_owned() };
            let (mut seen, mut back) = (Vec::new(), None);
            let mut next = Some(format!("{list}?sort={sort}&page[size]=5&include={include}"));
            while let Some(url) = next {
                let page = stage.ann.get(&url).expect(200);
                assert_eq!(page.body["meta"]["page"]["total"], json!(total));
                assert!(
                    page.body["data"].as_array().unwrap().iter().all(|row| row["meta"]["page"]["cursor"].is_string())
                );
                seen.extend(page.ids());
                next = page.body["links"]["next"].as_str().map(str::to_owned);
                back = page.body["links"]["prev"].as_str().map(str::to_owned);
            }
            let mut expected = all.clone();
            if sort == "-id" {
                expected.reverse();
            }
            assert_eq!(seen, expected, "{list} {sort}");
            let previous = stage.ann.get(&back.expect("a page before the last")).expect(200);
            let at = total.div_ceil(5) * 5 - 10;
            assert_eq!(previous.ids(), expected[at..at + 5], "{list} {sort}");
        }
    }
    let cursor = |url: &str| {
        let page = stage.ann.get(url).expect(200);
        page.body["data"][0]["meta"]["page"]["cursor"].as_str().expect("a cursor").to_owned()
    };
    let of_groups = cursor(&format!("{GROUPS}?page[size]=1"));
    stage.ann.get(&format!("{MEMBERS}?page[after]={of_groups}")).refused(400, "invalid-cursor");
    stage.ann.get(&format!("{GROUPS}?page[after]={of_groups}&sort=-id")).refused(400, "invalid-cursor");
    stage.ann.get(&format!("{GROUPS}?page[after]={of_groups}&filter[owner]=1")).refused(400, "invalid-cursor");
    stage.ann.get(&format!("{GROUPS}?page[after]={of_groups}&limit=1")).refused(400, "invalid-parameter");
});

both!(what_comes_along_is_linked_to_and_comes_once, |app| {
    let stage = Stage::set(app);
    let Stage { ann, bob, cleo, .. } = &stage;
    let ([g0, g1, g2], [m0, m1, m2, m3]) = (stage.groups, stage.members);
    let members = |ids: &[i64]| of_type("group-members", ids);
    let groups = |ids: &[i64]| of_type("groups", ids);
    let cases: Vec<(String, Vec<(String, i64)>)> = vec![
        (format!("{GROUPS}?include="), vec![]),
        (format!("{GROUPS}?include=owner"), users(&[ann, bob])),
        (format!("{GROUPS}?include=members"), members(&[m0, m1, m2, m3])),
        (format!("{GROUPS}?include=members.user&limit=2"), [members(&[m0, m1, m2]), users(&[bob, cleo])].concat()),
        (
            format!("{GROUPS}?include=members,members.user,owner"),
            [members(&[m0, m1, m2, m3]), users(&[ann, bob, cleo])].concat(),
        ),
        (format!("{GROUPS}?include=members,owner&page[size]=1"), [members(&[m0, m1]), users(&[ann])].concat()),
        (format!("{GROUPS}/{g1}?include=members.user,owner"), [members(&[m2]), users(&[ann, cleo])].concat()),
        (format!("{MEMBERS}?include=group"), groups(&[g0, g1, g2])),
        (format!("{MEMBERS}?include=user"), users(&[ann, bob, cleo])),
        (format!("{MEMBERS}?include=group.owner&limit=2"), [groups(&[g0]), users(&[ann])].concat()),
        (format!("{MEMBERS}?include=group,user&page[size]=1"), [groups(&[g0]), users(&[bob])].concat()),
        (
            format!("{MEMBERS}?include=user,group,group.owner&filter[user]={}", ann.id),
            [groups(&[g2]), users(&[ann, bob])].concat(),
        ),
        (format!("{MEMBERS}/{m3}?include=group.owner"), [groups(&[g2]), users(&[bob])].concat()),
        (format!("{MEMBERS}/{m0}/group?include=members"), members(&[m0, m1])),
        (format!("{GROUPS}/{g0}/members?include=group,user"), [groups(&[g0]), users(&[bob, cleo])].concat()),
    ];
    for (url, expected) in cases {
        // The client looks after full linkage.
        let answer = bob.get(&url).expect(200);
        assert_eq!(names(&answer.body["included"]), expected, "{url}");
        let data = if url.starts_with(&format!("{GROUPS}?")) { answer.body["data"][0].clone() } else { continue };
        let linkage = &data["relationships"]["members"]["data"];
        if url.contains("include=members") {
            assert_eq!(names(linkage), members(&[m0, m1]), "{url}");
        } else {
            assert!(linkage.is_null(), "{url}");
        }
    }
    let empty = new_group(app, ann.id, "{}");
    let answer = bob.get(&format!("{GROUPS}/{empty}?include=members")).expect(200);
    assert_eq!(
        (&answer.body["included"], &answer.body["data"]["relationships"]["members"]["data"]),
        (&json!([]), &json!([]))
    );
    assert!(bob.get(&format!("{GROUPS}/{empty}")).expect(200).body.get("included").is_none());
    // A disabled user is left out of lists, not of what links to it.
    let off = json!({"data": {"attributes": {"is-enabled": false}}});
    stage.app.admin().patch(&format!("{USERS}/{}", cleo.id), &off).expect(200);
    let answer = bob.get(&format!("{MEMBERS}/{m1}?include=user")).expect(200);
    assert_eq!(names(&answer.body["included"]), users(&[cleo]));
    bob.get(&format!("{MEMBERS}/{m1}/user")).expect(200);
});

both!(a_document_takes_at_most_1000_memberships_along, |app| {
    let stage = Stage::set(app);
    let [group, other, _] = stage.groups;
    let mut raw = stage.raw();
    let numbers = match raw {
        Raw::Sqlite(_) => {
            "WITH RECURSIVE n(i) AS (SELECT 10000 UNION ALL SELECT i + 1 FROM n WHERE i < 10996) SELECT i FROM n"
        }
        Raw::Postgres(_) => "SELECT i FROM generate_series(10000, 10996) AS n(i)",
    };
    raw.run(&format!(
        "INSERT INTO users (id, email, email_key, name_key, access_level, is_enabled, profile, created_at, updated_at)
             SELECT i, 'u' || i || '@x.example', 'u' || i || '@x.example', '', access_level, is_enabled, profile, 0, 0
             FROM ({numbers}) AS numbers, (SELECT * FROM users WHERE id = {}) AS like_this;
         INSERT INTO group_members (member_type, group_id, user_id, properties, created_at, updated_at)
             SELECT 'special_group_users', {group}, i, '{{}}', 0, 0 FROM ({numbers}) AS numbers",
        stage.ann.id
    ));
    // 999 in the first group, one in the second: 1,000 together.
    for url in [
        format!("{GROUPS}/{group}?include=members.user"),
        format!("{GROUPS}?include=members&filter[id]={group},{other}"),
    ] {
        let answer = stage.bob.get(&url).expect(200);
        let members = names(&answer.body["included"]).iter().filter(|(kind, _)| kind == "group-members").count();
        assert_eq!(members, if url.contains("filter") { 1000 } else { 999 }, "{url}");
    }
    let refused = stage.bob.get(&format!("{GROUPS}?include=members")).refused(400, "unsupported-include");
    assert_eq!(refused.source("parameter"), Some("include"));
    assert!(refused.text.contains("/api/v2/group-members?filter[group]="), "{}", refused.text);
    let url = format!("{MEMBERS}?filter[group]={group}&limit=50&offset=950&include=user");
    let listed = stage.bob.get(&url).expect(200);
    assert_eq!((listed.ids().len(), listed.total()), (49, 999));
    // An outsider in the group sees one membership, which is not too many.
    let ext = stage.app.caller("ext");
    new_member(app, group, ext.id, "{}");
    new_member(app, group, app.user().id, "{}");
    stage.bob.get(&format!("{GROUPS}/{group}?include=members")).refused(400, "unsupported-include");
    assert_eq!(
        ext.get(&format!("{GROUPS}/{group}?include=members")).expect(200).body["included"][0]["type"],
        "group-members"
    );
});

both!(an_outsider_sees_its_own_groups_and_memberships, |app| {
    let stage = Stage::set(app);
    let ext = stage.app.caller("ext");
    let ([g0, g1, g2], [m0, ..]) = (stage.groups, stage.members);
    for list in [GROUPS, MEMBERS] {
        let listed = ext.get(&format!("{list}?include=")).expect(200);
        assert_eq!((listed.ids(), listed.total()), (vec![], 0));
    }
    let own = new_group(app, ext.id, "{}");
    let inside = new_member(app, own, stage.cleo.id, "{}");
    let me_too = new_member(app, own, ext.id, "{}");
    let mine = new_member(app, g0, ext.id, "{}");
    for (url, expected) in [
        (GROUPS.to_owned(), vec![g0, own]),
        (format!("{GROUPS}?sort=-id&filter[owner]={},{}", ext.id, stage.ann.id), vec![own, g0]),
        (format!("{GROUPS}?filter[group-type]=team"), vec![]),
        (format!("{GROUPS}?filter[id]={g0},{g1},{g2}"), vec![g0]),
        (MEMBERS.to_owned(), vec![inside, me_too, mine]),
        (format!("{MEMBERS}?filter[group]={g0}"), vec![mine]),
        (format!("{MEMBERS}?filter[user]={}", stage.cleo.id), vec![inside]),
        (format!("{MEMBERS}?filter[group]={g0},{own}&sort=-id"), vec![mine, me_too, inside]),
        (format!("{GROUPS}/{g0}/members"), vec![mine]),
        (format!("{GROUPS}/{own}/members"), vec![inside, me_too]),
    ] {
        let listed = ext.get(&url).expect(200);
        assert_eq!((&listed.ids(), listed.total()), (&expected, i64::try_from(expected.len()).unwrap()), "{url}");
        let walked = ext.get(&format!("{url}{}page[size]=1", if url.contains('?') { '&' } else { '?' })).expect(200);
        assert_eq!((walked.ids().first(), walked.total()), (expected.first(), listed.total()), "{url}");
    }
    for (unseen, missing) in [
        (format!("{GROUPS}/{g1}"), format!("{GROUPS}/999")),
        (format!("{GROUPS}/{g1}/owner"), format!("{GROUPS}/999/owner")),
        (format!("{GROUPS}/{g1}/relationships/owner"), format!("{GROUPS}/999/relationships/owner")),
        (format!("{GROUPS}/{g1}/members"), format!("{GROUPS}/999/members")),
        (format!("{MEMBERS}/{m0}"), format!("{MEMBERS}/999")),
        (format!("{MEMBERS}/{m0}/user"), format!("{MEMBERS}/999/user")),
        (format!("{MEMBERS}/{m0}/group"), format!("{MEMBERS}/999/group")),
        (format!("{MEMBERS}/{m0}/relationships/user"), format!("{MEMBERS}/999/relationships/user")),
    ] {
        let (unseen, missing) =
            (ext.get(&unseen).refused(404, "not-found"), ext.get(&missing).refused(404, "not-found"));
        assert_eq!(unseen.body["errors"][0]["detail"], missing.body["errors"][0]["detail"]);
    }

    // Owner and members that nothing joins to it do not come along, and no link leads to them.
    let seen = ext.get(&format!("{GROUPS}?include=owner,members.user")).expect(200);
    let expected = [of_type("group-members", &[mine, inside, me_too]), users(&[&ext])].concat();
    assert_eq!(names(&seen.body["included"]), expected);
    let links = |answer: &Answer, end: &str| answer.body["data"]["relationships"][end]["links"].clone();
    let group = ext.get(&format!("{GROUPS}/{g0}")).expect(200);
    assert_eq!(links(&group, "owner"), json!({"self": format!("{GROUPS}/{g0}/relationships/owner")}));
    ext.get(&format!("{GROUPS}/{g0}/relationships/owner")).expect(200);
    ext.get(&format!("{GROUPS}/{g0}/owner")).refused(404, "not-found");
    let member = ext.get(&format!("{MEMBERS}/{inside}?include=group.owner,user")).expect(200);
    assert_eq!(links(&member, "user"), json!({"self": format!("{MEMBERS}/{inside}/relationships/user")}));
    assert_eq!(names(&member.body["included"]), [of_type("groups", &[own]), users(&[&ext])].concat());
    ext.get(&format!("{MEMBERS}/{inside}/user")).refused(404, "not-found");

    stage.ann.post("/api/v2/user-relationships", &edge(None, "mentor", ext.id)).expect(201);
    let known = ext.get(&format!("{GROUPS}/{g0}?include=owner")).expect(200);
    assert_eq!(names(&known.body["included"]), users(&[&stage.ann]));
    assert_ne!(tag(&ext.get(&format!("{GROUPS}/{g0}"))), tag(&group), "it has one link more");
    ext.get(links(&known, "owner")["related"].as_str().expect("a link")).expect(200);
});

both!(answers_are_known_again_until_something_of_them_changes, |app| {
    let stage = Stage::set(app);
    let ([g0, ..], [m0, ..]) = (stage.groups, stage.members);
    let urls = [
        format!("{GROUPS}/{g0}"),
        format!("{GROUPS}/{g0}?include=members"),
        GROUPS.to_owned(),
        format!("{GROUPS}/{g0}/members?include=user"),
        format!("{MEMBERS}/{m0}?include=group"),
        format!("{MEMBERS}?filter[group]={g0}"),
    ];
    let tags = || urls.iter().map(|url| tag(&stage.ann.get(url).expect(200))).collect::<Vec<_>>();
    let first = tags();
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len());
    for (url, tag) in urls.iter().zip(&first) {
        let known = stage.ann.send("GET", url, &[("if-none-match", tag)], None).expect(304);
        assert_eq!((known.header("etag"), known.text.as_str()), (Some(tag.as_str()), ""));
        let head = stage.ann.send("HEAD", url, &[], None).expect(200);
        assert_eq!((head.header("etag"), head.text.as_str()), (Some(tag.as_str()), ""));
    }
    let changed = |before: &[String], after: &[String]| -> Vec<bool> {
        before.iter().zip(after).map(|(before, after)| before != after).collect()
    };
    stage.raw().run(&format!("UPDATE group_members SET version = version + 1 WHERE id = {m0}"));
    let second = tags();
    assert_eq!(changed(&first, &second), [false, true, false, true, true, true]);
    // As the foreign key does it for a release that does not know groups: without a new version.
    stage.raw().run(&format!("UPDATE groups SET owner_id = NULL WHERE id = {g0}"));
    assert_eq!(changed(&second, &tags()), [true, true, true, false, true, false]);
});

both!(a_deleted_user_leaves_its_groups_and_its_groups_stay, |app| {
    let stage = Stage::set(app);
    let ([g0, g1, g2], [m0, ..]) = (stage.groups, stage.members);
    let admin = stage.app.admin();
    stage.raw().run("UPDATE groups SET updated_at = 0");
    let before = tag(&stage.bob.get(&format!("{GROUPS}/{g0}")).expect(200));
    admin.delete(&format!("{USERS}/{}", stage.ann.id)).expect(204);
    for group in [g0, g1] {
        let url = format!("{GROUPS}/{group}");
        let shown = stage.bob.get(&format!("{url}?include=owner")).expect(200);
        assert_eq!(shown.body["data"]["relationships"]["owner"]["data"], Value::Null);
        assert_eq!(shown.body["included"], json!([]));
        assert_ne!(shown.body["data"]["attributes"]["updated-at"], "Thu, 01 Jan 1970 00:00:00 +0000");
        let number = |column: &str| {
            stage.raw().number(&format!("SELECT CAST({column} AS BIGINT) AS number FROM groups WHERE id = {group}"))
        };
        assert_eq!(number("version"), 2);
        let owner = stage.bob.get(&format!("{url}/owner")).expect(200);
        assert_eq!(owner.body, json!({"jsonapi": {"version": "1.1"}, "data": null}));
        let linkage = stage.bob.get(&format!("{url}/relationships/owner")).expect(200);
        assert_eq!(linkage.body["data"], Value::Null);
        let links = json!({"self": format!("{url}/relationships/owner"), "related": format!("{url}/owner")});
        assert_eq!(linkage.body["links"], links);
    }
    assert_ne!(tag(&stage.bob.get(&format!("{GROUPS}/{g0}")).expect(200)), before);
    assert_eq!(stage.raw().number(&format!("SELECT version AS number FROM groups WHERE id = {g2}")), 1);
    assert_eq!(stage.bob.get(&format!("{GROUPS}/{g2}/members")).expect(200).total(), 0);
    assert_eq!(stage.bob.get(&format!("{MEMBERS}/{m0}")).expect(200).id(), m0);
    app.assert_no_drift();
});

both!(a_sparse_fieldset_leaves_only_what_it_names, |app| {
    let stage = Stage::set(app);
    let [g0, ..] = stage.groups;
    let query = "fields[groups]=properties,members&fields[group-members]=&fields[users]=name&include=members.user";
    let answer = stage.bob.get(&format!("{GROUPS}/{g0}?{query}")).expect(200);
    let fields = |part: &Value| part.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>());
    let data = &answer.body["data"];
    assert_eq!(fields(&data["attributes"]), Some(vec!["properties".to_owned()]));
    assert_eq!(fields(&data["relationships"]), Some(vec!["members".to_owned()]));
    for companion in answer.body["included"].as_array().unwrap() {
        let (attributes, relationships) = (fields(&companion["attributes"]), fields(&companion["relationships"]));
        let expected = (companion["type"] == "users").then(|| vec!["name".to_owned()]);
        assert_eq!((attributes, relationships), (expected, None));
    }
    let answer = stage.bob.get(&format!("{MEMBERS}?fields[group-members]=member-type,group")).expect(200);
    let row = &answer.body["data"][0];
    assert_eq!(fields(&row["attributes"]), Some(vec!["member-type".to_owned()]));
    assert_eq!(fields(&row["relationships"]), Some(vec!["group".to_owned()]));
    for url in [GROUPS, MEMBERS, USERS, "/api/v2/user-relationships", "/api/v2/relationship-types"] {
        for field in ["fields[groups]", "fields[group-members]", "fields[users]", "fields[user-relationships]"] {
            stage.bob.get(&format!("{url}?{field}=")).expect(200);
            let refused = stage.bob.get(&format!("{url}?{field}=id")).refused(400, "unknown-field");
            assert_eq!(refused.source("parameter"), Some(field));
        }
    }
});

both!(what_is_not_there_or_not_asked_well_is_refused, |app| {
    let stage = Stage::set(app);
    let ([g0, ..], [m0, ..]) = (stage.groups, stage.members);
    for id in ["999", "0", "x", "01", "9223372036854775808"] {
        for base in [GROUPS, MEMBERS] {
            stage.bob.get(&format!("{base}/{id}")).refused(404, "not-found");
            stage.bob.patch(&format!("{base}/{id}"), &json!({})).refused(404, "not-found");
        }
        for rest in ["owner", "members", "relationships/owner"] {
            stage.bob.get(&format!("{GROUPS}/{id}/{rest}")).refused(404, "not-found");
        }
        for rest in ["group", "user", "relationships/group", "relationships/user"] {
            stage.bob.get(&format!("{MEMBERS}/{id}/{rest}")).refused(404, "not-found");
        }
    }
    for url in
        [format!("{GROUPS}/{g0}/other"), format!("{GROUPS}/{g0}/relationships/members"), format!("{MEMBERS}/{m0}/x")]
    {
        stage.bob.get(&url).refused(404, "not-found");
    }
    let many = (1..=51).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    let id = "invalid-parameter";
    for (url, parameter, code) in [
        (format!("{GROUPS}?filter[id]=x"), "filter[id]", id),
        (format!("{GROUPS}?filter[owner]=0"), "filter[owner]", id),
        (format!("{GROUPS}?filter[owner]={many}"), "filter[owner]", id),
        (format!("{GROUPS}?filter[group-type]="), "filter[group-type]", id),
        (format!("{GROUPS}?filter[group-type]={many}"), "filter[group-type]", id),
        (format!("{MEMBERS}?filter[group]=a"), "filter[group]", id),
        (format!("{MEMBERS}?filter[user]=-1"), "filter[user]", id),
        (format!("{MEMBERS}?limit=51"), "limit", id),
        (format!("{MEMBERS}?page[size]=51"), "page[size]", id),
        (format!("{GROUPS}?filter[user]=1"), "filter[user]", "unknown-parameter"),
        (format!("{GROUPS}?owner=1"), "owner", "unknown-parameter"),
        (format!("{MEMBERS}?user=1"), "user", "unknown-parameter"),
        (format!("{GROUPS}/{g0}/members?filter[group]=1"), "filter[group]", "unknown-parameter"),
        (format!("{GROUPS}/{g0}?limit=1"), "limit", "unknown-parameter"),
        (format!("{GROUPS}?sort=created-at"), "sort", "unsupported-sort"),
        (format!("{MEMBERS}?sort=name"), "sort", "unsupported-sort"),
        (format!("{GROUPS}?include=users"), "include", "unsupported-include"),
        (format!("{GROUPS}?include=members.group"), "include", "unsupported-include"),
        (format!("{MEMBERS}?include=members"), "include", "unsupported-include"),
        (format!("{GROUPS}/{g0}/owner?include=owner"), "include", "unsupported-include"),
        (format!("{GROUPS}/{g0}/relationships/owner?fields[users]="), "fields[users]", "unknown-parameter"),
    ] {
        let refused = stage.bob.get(&url).refused(400, code);
        assert_eq!(refused.source("parameter"), Some(parameter), "{url}");
    }
    let strict = [("prefer", "handling=strict")];
    stage.bob.send("GET", &format!("{GROUPS}?limit=1"), &strict, None).refused(400, "unknown-parameter");
    stage.bob.send("GET", &format!("{GROUPS}?page[limit]=1"), &strict, None).expect(200);
    stage.bob.send("GET", GROUPS, &[("accept", "text/html")], None).refused(406, "not-acceptable");
});

both!(groups_and_memberships_are_only_read_here, |app| {
    let stage = Stage::set(app);
    let ([g0, ..], [m0, ..]) = (stage.groups, stage.members);
    let with_patch = "GET, HEAD, PATCH, OPTIONS";
    let without = "GET, HEAD, OPTIONS";
    for (url, allowed) in [
        (GROUPS.to_owned(), without),
        (format!("{GROUPS}/{g0}"), with_patch),
        (format!("{GROUPS}/{g0}/owner"), with_patch),
        (format!("{GROUPS}/{g0}/relationships/owner"), with_patch),
        (format!("{GROUPS}/{g0}/members"), without),
        (MEMBERS.to_owned(), without),
        (format!("{MEMBERS}/{m0}"), with_patch),
        (format!("{MEMBERS}/{m0}/group"), with_patch),
        (format!("{MEMBERS}/{m0}/user"), with_patch),
        (format!("{MEMBERS}/{m0}/relationships/group"), with_patch),
        (format!("{MEMBERS}/{m0}/relationships/user"), with_patch),
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = stage.ann.put_in(method, &url, &[], &json!({"data": null}));
            if method == "PATCH" && allowed == with_patch {
                let code =
                    if url.contains("/relationships/") { "immutable-relationship" } else { "unsupported-update" };
                answer.refused(403, code);
            } else {
                assert_eq!(answer.refused(405, "method-not-allowed").header("allow"), Some(allowed), "{method} {url}");
            }
        }
        stage.ann.get(&format!("{url}/")).expect(200);
    }
});

both!(every_link_around_groups_can_be_fetched, |app| {
    let stage = Stage::set(app);
    let ext = stage.app.caller("ext");
    let own = new_group(app, ext.id, "{}");
    new_member(app, own, stage.cleo.id, "{}");
    new_member(app, stage.groups[0], ext.id, "{}");
    stage.app.admin().delete(&format!("{USERS}/{}", stage.bob.id)).expect(204);
    for client in [&stage.ann, &ext] {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![
            format!("{GROUPS}?include=owner,members.user&limit=1"),
            format!("{MEMBERS}?include=group.owner,user&page[size]=1"),
        ];
        while let Some(url) = waiting.pop() {
            let answer = client.get(&url).expect(200);
            waiting.extend(links_in(&answer.body).into_iter().filter(|link| seen.insert(link.clone())));
            assert!(seen.len() < 300, "the crawl ends");
        }
        assert!(seen.len() > 20, "{seen:?}");
    }
});

/// All links of a document, wherever they stand.
fn links_in(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let links = members.get("links").and_then(Value::as_object).into_iter().flat_map(|links| links.values());
            let own = links.filter_map(Value::as_str).map(str::to_owned);
            own.chain(members.values().flat_map(links_in)).collect()
        }
        Value::Array(items) => items.iter().flat_map(links_in).collect(),
        _ => Vec::new(),
    }
}
