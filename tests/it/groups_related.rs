//! Resources included with groups and memberships, who sees them, and the effect of deletions.

use std::collections::BTreeSet;

use crate::both;
use crate::conformance::Checked;
use crate::support::groups::{GROUPS, GroupFixture, MEMBERS, new_group, new_member};
use crate::support::sql::Raw;
use crate::support::{Answer, Client, Value, edge, json};

const USERS: &str = "/api/v2/users";

/// Type and id of each resource, in order.
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

both!(included_resources_are_linked_and_included_once, |app| {
    let fixture = GroupFixture::new(app);
    let GroupFixture { ann, bob, cleo, .. } = &fixture;
    let ([g0, g1, g2], [m0, m1, m2, m3]) = (fixture.groups, fixture.members);
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
        // The client checks full linkage.
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
    // A disabled user is missing in lists, but not among included resources.
    let off = json!({"data": {"attributes": {"is-enabled": false}}});
    fixture.app.admin().patch(&format!("{USERS}/{}", cleo.id), &off).expect(200);
    let answer = bob.get(&format!("{MEMBERS}/{m1}?include=user")).expect(200);
    assert_eq!(names(&answer.body["included"]), users(&[cleo]));
    bob.get(&format!("{MEMBERS}/{m1}/user")).expect(200);
});

both!(a_document_includes_at_most_1000_memberships, |app| {
    let fixture = GroupFixture::new(app);
    let [group, other, _] = fixture.groups;
    let mut raw = fixture.raw();
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
        fixture.ann.id
    ));
    // 999 in the first group and one in the second: 1,000 together.
    for url in [
        format!("{GROUPS}/{group}?include=members.user"),
        format!("{GROUPS}?include=members&filter[id]={group},{other}"),
    ] {
        let answer = fixture.bob.get(&url).expect(200);
        let members = names(&answer.body["included"]).iter().filter(|(kind, _)| kind == "group-members").count();
        assert_eq!(members, if url.contains("filter") { 1000 } else { 999 }, "{url}");
    }
    let refused = fixture.bob.get(&format!("{GROUPS}?include=members")).refused(400, "unsupported-include");
    assert_eq!(refused.source("parameter"), Some("include"));
    assert!(refused.text.contains("/api/v2/group-members?filter[group]="), "{}", refused.text);
    let url = format!("{MEMBERS}?filter[group]={group}&limit=50&offset=950&include=user");
    let listed = fixture.bob.get(&url).expect(200);
    assert_eq!((listed.ids().len(), listed.total()), (49, 999));
    // An ext caller in the group sees one membership, which is within the limit.
    let ext = fixture.app.caller("ext");
    new_member(app, group, ext.id, "{}");
    new_member(app, group, app.user().id, "{}");
    fixture.bob.get(&format!("{GROUPS}/{group}?include=members")).refused(400, "unsupported-include");
    assert_eq!(
        ext.get(&format!("{GROUPS}/{group}?include=members")).expect(200).body["included"][0]["type"],
        "group-members"
    );
});

both!(an_ext_caller_sees_only_its_own_groups_and_memberships, |app| {
    let fixture = GroupFixture::new(app);
    let ext = fixture.app.caller("ext");
    let ([g0, g1, g2], [m0, ..]) = (fixture.groups, fixture.members);
    for list in [GROUPS, MEMBERS] {
        let listed = ext.get(&format!("{list}?include=")).expect(200);
        assert_eq!((listed.ids(), listed.total()), (vec![], 0));
    }
    let own = new_group(app, ext.id, "{}");
    let inside = new_member(app, own, fixture.cleo.id, "{}");
    let me_too = new_member(app, own, ext.id, "{}");
    let mine = new_member(app, g0, ext.id, "{}");
    for (url, expected) in [
        (GROUPS.to_owned(), vec![g0, own]),
        (format!("{GROUPS}?sort=-id&filter[owner]={},{}", ext.id, fixture.ann.id), vec![own, g0]),
        (format!("{GROUPS}?filter[group-type]=team"), vec![]),
        (format!("{GROUPS}?filter[id]={g0},{g1},{g2}"), vec![g0]),
        (MEMBERS.to_owned(), vec![inside, me_too, mine]),
        (format!("{MEMBERS}?filter[group]={g0}"), vec![mine]),
        (format!("{MEMBERS}?filter[user]={}", fixture.cleo.id), vec![inside]),
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

    // The owner and the members are not included where no edge relates them to the caller, and no link leads to them.
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

    fixture.ann.post("/api/v2/user-relationships", &edge(None, "mentor", ext.id)).expect(201);
    let known = ext.get(&format!("{GROUPS}/{g0}?include=owner")).expect(200);
    assert_eq!(names(&known.body["included"]), users(&[&fixture.ann]));
    assert_ne!(tag(&ext.get(&format!("{GROUPS}/{g0}"))), tag(&group), "it has one link more");
    ext.get(links(&known, "owner")["related"].as_str().expect("a link")).expect(200);
});

both!(group_responses_are_304_until_a_shown_record_changes, |app| {
    let fixture = GroupFixture::new(app);
    let ([g0, ..], [m0, ..]) = (fixture.groups, fixture.members);
    let urls = [
        format!("{GROUPS}/{g0}"),
        format!("{GROUPS}/{g0}?include=members"),
        GROUPS.to_owned(),
        format!("{GROUPS}/{g0}/members?include=user"),
        format!("{MEMBERS}/{m0}?include=group"),
        format!("{MEMBERS}?filter[group]={g0}"),
    ];
    let tags = || urls.iter().map(|url| tag(&fixture.ann.get(url).expect(200))).collect::<Vec<_>>();
    let first = tags();
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len());
    for (url, tag) in urls.iter().zip(&first) {
        let known = fixture.ann.send("GET", url, &[("if-none-match", tag)], None).expect(304);
        assert_eq!((known.header("etag"), known.text.as_str()), (Some(tag.as_str()), ""));
        let head = fixture.ann.send("HEAD", url, &[], None).expect(200);
        assert_eq!((head.header("etag"), head.text.as_str()), (Some(tag.as_str()), ""));
    }
    let changed = |before: &[String], after: &[String]| -> Vec<bool> {
        before.iter().zip(after).map(|(before, after)| before != after).collect()
    };
    fixture.raw().run(&format!("UPDATE group_members SET version = version + 1 WHERE id = {m0}"));
    let second = tags();
    assert_eq!(changed(&first, &second), [false, true, false, true, true, true]);
    // The foreign key does this for a release that does not know groups; it keeps the version.
    fixture.raw().run(&format!("UPDATE groups SET owner_id = NULL WHERE id = {g0}"));
    assert_eq!(changed(&second, &tags()), [true, true, true, false, true, false]);
});

both!(deleting_a_user_removes_memberships_and_keeps_its_groups, |app| {
    let fixture = GroupFixture::new(app);
    let ([g0, g1, g2], [m0, ..]) = (fixture.groups, fixture.members);
    let admin = fixture.app.admin();
    fixture.raw().run("UPDATE groups SET updated_at = 0");
    let before = tag(&fixture.bob.get(&format!("{GROUPS}/{g0}")).expect(200));
    admin.delete(&format!("{USERS}/{}", fixture.ann.id)).expect(204);
    for group in [g0, g1] {
        let url = format!("{GROUPS}/{group}");
        let shown = fixture.bob.get(&format!("{url}?include=owner")).expect(200);
        assert_eq!(shown.body["data"]["relationships"]["owner"]["data"], Value::Null);
        assert_eq!(shown.body["included"], json!([]));
        assert_ne!(shown.body["data"]["attributes"]["updated-at"], "Thu, 01 Jan 1970 00:00:00 +0000");
        let number = |column: &str| {
            fixture.raw().number(&format!("SELECT CAST({column} AS BIGINT) AS number FROM groups WHERE id = {group}"))
        };
        assert_eq!(number("version"), 2);
        let owner = fixture.bob.get(&format!("{url}/owner")).expect(200);
        assert_eq!(owner.body, json!({"jsonapi": {"version": "1.1"}, "data": null}));
        let linkage = fixture.bob.get(&format!("{url}/relationships/owner")).expect(200);
        assert_eq!(linkage.body["data"], Value::Null);
        let links = json!({"self": format!("{url}/relationships/owner"), "related": format!("{url}/owner")});
        assert_eq!(linkage.body["links"], links);
    }
    assert_ne!(tag(&fixture.bob.get(&format!("{GROUPS}/{g0}")).expect(200)), before);
    assert_eq!(fixture.raw().number(&format!("SELECT version AS number FROM groups WHERE id = {g2}")), 1);
    assert_eq!(fixture.bob.get(&format!("{GROUPS}/{g2}/members")).expect(200).total(), 0);
    assert_eq!(fixture.bob.get(&format!("{MEMBERS}/{m0}")).expect(200).id(), m0);
    app.assert_no_drift();
});

both!(every_link_around_groups_can_be_fetched, |app| {
    let fixture = GroupFixture::new(app);
    let ext = fixture.app.caller("ext");
    let own = new_group(app, ext.id, "{}");
    new_member(app, own, fixture.cleo.id, "{}");
    new_member(app, fixture.groups[0], ext.id, "{}");
    fixture.app.admin().delete(&format!("{USERS}/{}", fixture.bob.id)).expect(204);
    for client in [&fixture.ann, &ext] {
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

/// All links of a document, at any depth.
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
