//! The authorization matrix: every route and method for every kind of caller.

use std::collections::BTreeSet;

use user_relationships::http::routes::TABLE;
use user_relationships::model::id::UserId;
use user_relationships::model::time::Timestamp;

use crate::both;
use crate::support::groups::{new_group, new_member};
use crate::support::{Answer, App, Client, Value, edge, json};

const INDEX: &str = "/api/v2";
const EDGES: &str = "/api/v2/user-relationships";
const EDGE: &str = "/api/v2/user-relationships/{id}";
const END: &str = "/api/v2/user-relationships/{id}/{end}";
const LINKAGE: &str = "/api/v2/user-relationships/{id}/relationships/{end}";
const USERS: &str = "/api/v2/users";
const ME: &str = "/api/v2/users/me";
const USER: &str = "/api/v2/users/{id}";
const ROLE: &str = "/api/v2/users/{id}/{role}";
const ROLE_LINKAGE: &str = "/api/v2/users/{id}/relationships/{role}";
const EDGE_CHANGES: &str = "/api/v2/user-relationships/{id}/changes";
const USER_CHANGES: &str = "/api/v2/users/{id}/changes";
const CHANGES: &str = "/api/v2/changes";
const OPERATIONS: &str = "/api/v2/operations";
const TYPES: &str = "/api/v2/relationship-types";
const TYPE: &str = "/api/v2/relationship-types/{id}";
const TRANSFERS: &str = "/api/v2/transfers";
const TRANSFER: &str = "/api/v2/transfers/{id}";
const IMPORTS: &str = "/api/v2/imports";
const IMPORT: &str = "/api/v2/imports/{id}";
const IMPORT_ROWS: &str = "/api/v2/imports/{id}/rows";
const GROUPS: &str = "/api/v2/groups";
const GROUP: &str = "/api/v2/groups/{id}";
const GROUP_OWNER: &str = "/api/v2/groups/{id}/owner";
const OWNER_LINKAGE: &str = "/api/v2/groups/{id}/relationships/owner";
const GROUP_MEMBERS: &str = "/api/v2/groups/{id}/members";
const MEMBERS: &str = "/api/v2/group-members";
const MEMBER: &str = "/api/v2/group-members/{id}";
const MEMBER_GROUP: &str = "/api/v2/group-members/{id}/group";
const MEMBER_USER: &str = "/api/v2/group-members/{id}/user";
const GROUP_LINKAGE: &str = "/api/v2/group-members/{id}/relationships/group";
const USER_LINKAGE: &str = "/api/v2/group-members/{id}/relationships/user";

/// Callers that no route accepts, and the error that they get everywhere.
const CLOSED: [(&str, &str); 5] = [
    ("anonymous", "401 unauthenticated"),
    ("bad token", "401 unauthenticated"),
    ("expired", "401 unauthenticated"),
    ("disabled", "403 account-disabled"),
    ("excluded", "403 account-disabled"),
];

/// Accepted callers. The edge `{id}` goes from `owner` to `target`, the user `{id}` is `owner`, the group `{id}`
/// belongs to `owner` and has `target` as its member `{id}`; `other` is not part of them, and `ext` sees none of them.
const OPEN: [&str; 5] = ["ext", "owner", "other", "target", "admin"];

const NONE: &str = "404 not-found";
const OWNER: &str = "403 not-owner";
const ADMIN: &str = "403 not-admin";
const FIXED: &str = "403 immutable-relationship";
const READ_ONLY: &str = "403 unsupported-update";

/// The statuses for the callers in [`OPEN`].
#[rustfmt::skip]
const MATRIX: &[(&str, &str, [&str; 5])] = &[
    // method   path      ext    owner  other  target admin
    ("GET",     INDEX,   ["200", "200", "200", "200", "200"]),
    ("GET",     EDGES,   ["200", "200", "200", "200", "200"]),
    ("POST",    EDGES,   [OWNER, "201", OWNER, OWNER, "201"]),
    ("GET",     EDGE,    [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   EDGE,    [NONE,  "200", OWNER, OWNER, "200"]),
    ("DELETE",  EDGE,    [NONE,  "204", OWNER, OWNER, "204"]),
    ("GET",     LINKAGE, [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   LINKAGE, [NONE,  FIXED, FIXED, FIXED, FIXED]),
    ("POST",    LINKAGE, [NONE,  FIXED, FIXED, FIXED, FIXED]),
    ("DELETE",  LINKAGE, [NONE,  FIXED, FIXED, FIXED, FIXED]),
    ("GET",     END,     [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   END,     [NONE,  READ_ONLY, READ_ONLY, READ_ONLY, READ_ONLY]),
    ("GET",     USERS,   ["200", "200", "200", "200", "200"]),
    ("POST",    USERS,   [ADMIN, ADMIN, ADMIN, ADMIN, "201"]),
    ("GET",     ME,      ["200", "200", "200", "200", "200"]),
    ("PATCH",   ME,      ["200", "200", "200", "200", "200"]),
    ("GET",     USER,    [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   USER,    [NONE,  "200", OWNER, OWNER, "200"]),
    ("DELETE",  USER,    [ADMIN, ADMIN, ADMIN, ADMIN, "204"]),
    ("GET",     ROLE,         [NONE,  "200", "200", "200", "200"]),
    ("GET",     ROLE_LINKAGE, [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   ROLE_LINKAGE, [NONE,  READ_ONLY, READ_ONLY, READ_ONLY, READ_ONLY]),
    ("POST",    ROLE_LINKAGE, [NONE,  "200", OWNER, OWNER, "200"]),
    ("DELETE",  ROLE_LINKAGE, [NONE,  "200", OWNER, OWNER, "200"]),
    ("POST",    OPERATIONS, [OWNER, "200", OWNER, OWNER, "200"]),
    ("GET",     TYPES,   ["200", "200", "200", "200", "200"]),
    ("POST",    TYPES,   [ADMIN, ADMIN, ADMIN, ADMIN, "201"]),
    ("GET",     TYPE,    ["200", "200", "200", "200", "200"]),
    ("PATCH",   TYPE,    [ADMIN, ADMIN, ADMIN, ADMIN, "200"]),
    ("DELETE",  TYPE,    [ADMIN, ADMIN, ADMIN, ADMIN, "204"]),
    ("GET",     TRANSFERS, [ADMIN, ADMIN, ADMIN, ADMIN, "200"]),
    ("POST",    TRANSFERS, [ADMIN, ADMIN, ADMIN, ADMIN, "201"]),
    ("GET",     TRANSFER,  [ADMIN, ADMIN, ADMIN, ADMIN, "200"]),
    ("GET",     IMPORTS,     [ADMIN, ADMIN, ADMIN, ADMIN, "200"]),
    ("POST",    IMPORTS,     [ADMIN, ADMIN, ADMIN, ADMIN, "202"]),
    ("GET",     IMPORT,      [ADMIN, ADMIN, ADMIN, ADMIN, "200"]),
    ("PATCH",   IMPORT,      [ADMIN, ADMIN, ADMIN, ADMIN, "202"]),
    ("DELETE",  IMPORT,      [ADMIN, ADMIN, ADMIN, ADMIN, "204"]),
    ("GET",     IMPORT_ROWS, [ADMIN, ADMIN, ADMIN, ADMIN, "200"]),
    ("GET",     CHANGES,      [ADMIN, ADMIN, ADMIN, ADMIN, "200"]),
    ("GET",     EDGE_CHANGES, [NONE,  "200", "200", "200", "200"]),
    ("GET",     USER_CHANGES, [NONE,  "200", OWNER, OWNER, "200"]),
    ("GET",     GROUPS,  ["200", "200", "200", "200", "200"]),
    ("GET",     GROUP,   [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   GROUP,   [NONE,  READ_ONLY, READ_ONLY, READ_ONLY, READ_ONLY]),
    ("GET",     GROUP_OWNER,   [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   GROUP_OWNER,   [NONE,  READ_ONLY, READ_ONLY, READ_ONLY, READ_ONLY]),
    ("GET",     OWNER_LINKAGE, [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   OWNER_LINKAGE, [NONE,  FIXED, FIXED, FIXED, FIXED]),
    ("GET",     GROUP_MEMBERS, [NONE,  "200", "200", "200", "200"]),
    ("GET",     MEMBERS, ["200", "200", "200", "200", "200"]),
    ("GET",     MEMBER,  [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   MEMBER,  [NONE,  READ_ONLY, READ_ONLY, READ_ONLY, READ_ONLY]),
    ("GET",     MEMBER_GROUP,  [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   MEMBER_GROUP,  [NONE,  READ_ONLY, READ_ONLY, READ_ONLY, READ_ONLY]),
    ("GET",     MEMBER_USER,   [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   MEMBER_USER,   [NONE,  READ_ONLY, READ_ONLY, READ_ONLY, READ_ONLY]),
    ("GET",     GROUP_LINKAGE, [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   GROUP_LINKAGE, [NONE,  FIXED, FIXED, FIXED, FIXED]),
    ("GET",     USER_LINKAGE,  [NONE,  "200", "200", "200", "200"]),
    ("PATCH",   USER_LINKAGE,  [NONE,  FIXED, FIXED, FIXED, FIXED]),
];

/// The document of a transfer.
fn transfer(from: i64, to: i64) -> Value {
    let user = |id: i64| json!({"data": {"type": "users", "id": id.to_string()}});
    json!({"data": {"type": "transfers", "attributes": {"relationship": "mentor"},
                    "relationships": {"from": user(from), "to": user(to)}}})
}

/// Sends a file.
fn upload(client: &Client) -> Answer {
    client.send("POST", IMPORTS, &[("content-type", "text/csv")], Some(b"email\n"))
}

/// Method, path, header fields and body of a request.
type Sent<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Option<&'a [u8]>);

/// One caller of each kind, and the records that the requests are about.
pub struct Callers {
    closed: [Client; 5],
    open: [Client; 5],
    admin: Client,
    group: i64,
    member: i64,
    transfer: i64,
}

impl Callers {
    pub fn assemble(app: &App) -> Self {
        let expired = app.user();
        let token = app.token(UserId::new(expired.id), Some(Timestamp::from_micros(1)));
        let disabled = app.user();
        let admin = app.admin();
        let document = json!({"data": {"attributes": {"is-enabled": false}}});
        admin.patch(&format!("{USERS}/{}", disabled.id), &document).expect(200);
        let closed = [
            app.anonymous(),
            app.anonymous().with_authorization("Token token=urt_wrong"),
            expired.with_authorization(&format!("Bearer {token}")),
            disabled,
            app.caller("excluded"),
        ];
        let open = [app.caller("ext"), app.user(), app.user(), app.user(), app.admin()];
        let group = new_group(app, open[1].id, "{}");
        let member = new_member(app, group, open[3].id, "{}");
        let transfer = admin.post(TRANSFERS, &transfer(open[1].id, open[3].id)).expect(201).id();
        Self { closed, open, admin, group, member, transfer }
    }

    /// Sends a valid request about existing records to a route of the matrix.
    fn send(&self, client: &Client, method: &str, pattern: &str) -> Answer {
        let [_, owner, _, target, _] = &self.open;
        let edge_id =
            if pattern.starts_with(EDGES) || pattern == OPERATIONS { self.fresh_edge(method, pattern) } else { 0 };
        let id = match pattern {
            USER | ROLE | ROLE_LINKAGE | USER_CHANGES => owner.id.to_string(),
            TYPE => self.fresh_type(),
            TRANSFER => self.transfer.to_string(),
            IMPORT | IMPORT_ROWS => upload(&self.admin).expect(202).id().to_string(),
            _ if pattern.starts_with(GROUPS) => self.group.to_string(),
            _ if pattern.starts_with(MEMBERS) => self.member.to_string(),
            _ => edge_id.to_string(),
        };
        let named = |kind: &str, id: &str, attributes: Value| json!({"data": {"type": kind, "id": id, "attributes": attributes}});
        let document = match (method, pattern) {
            ("POST", EDGES) => edge(Some(owner.id), "mentor", target.id),
            ("POST", OPERATIONS) => {
                let add = &edge(Some(owner.id), "mentor", target.id)["data"];
                json!({"atomic:operations": [{"op": "add", "data": add}]})
            }
            ("PATCH", EDGE) => named("user-relationships", &id, json!({"relationship": "colleague"})),
            (_, LINKAGE) => json!({"data": {"type": "users", "id": target.id.to_string()}}),
            (_, ROLE_LINKAGE) => json!({"data": [{"type": "users", "id": target.id.to_string()}]}),
            ("POST", USERS) => json!({"data": {"type": "users", "attributes": {"email": "new@example.com"}}}),
            ("PATCH", ME) => named("users", &client.id.to_string(), json!({"first-name": "Ann"})),
            ("PATCH", USER) => named("users", &id, json!({"first-name": "Ann"})),
            ("POST", TRANSFERS) => transfer(owner.id, target.id),
            ("PATCH", IMPORT) => named("imports", &id, json!({"state": "cancelled"})),
            ("POST", TYPES) => named("relationship-types", "new", json!({})),
            ("PATCH", TYPE) => named("relationship-types", &id, json!({"description": "x"})),
            _ => json!(null),
        };
        let path = pattern.replace("{id}", &id).replace("{end}", "target").replace("{role}", "mentors");
        let atomic = ("content-type", "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"");
        match method {
            _ if pattern == OPERATIONS => client.send(method, &path, &[atomic], Some(document.to_string().as_bytes())),
            "POST" if pattern == IMPORTS => upload(client),
            "POST" => client.post(&path, &document),
            "PATCH" => client.patch(&path, &document),
            "DELETE" if pattern == ROLE_LINKAGE => {
                let json_api = ("content-type", "application/vnd.api+json");
                client.send(method, &path, &[json_api], Some(document.to_string().as_bytes()))
            }
            _ => client.send(method, &path, &[], None),
        }
    }

    /// Returns the edge from owner to target, and creates it if it is missing; deletes it before a create.
    fn fresh_edge(&self, method: &str, pattern: &str) -> i64 {
        let [_, owner, _, target, _] = &self.open;
        for id in self.admin.get(&format!("{EDGES}?user={}", owner.id)).expect(200).ids() {
            self.admin.delete(&format!("{EDGES}/{id}")).expect(204);
        }
        let is_create = method == "POST" && [EDGES, OPERATIONS].contains(&pattern);
        if is_create { 0 } else { self.admin.post(EDGES, &edge(Some(owner.id), "mentor", target.id)).expect(201).id() }
    }

    fn fresh_type(&self) -> String {
        let document = json!({"data": {"type": "relationship-types", "id": "spare"}});
        self.admin.post(TYPES, &document);
        "spare".to_owned()
    }
}

#[track_caller]
fn assert_reported(answer: &Answer, expected: &str, what: &str) {
    let found = [answer.status.to_string()].into_iter().chain(answer.codes().into_iter().map(str::to_owned));
    assert_eq!(found.collect::<Vec<_>>().join(" "), expected, "{what}: {}", answer.text);
}

#[test]
fn the_matrix_has_exactly_the_routes_and_methods() {
    let served: BTreeSet<_> =
        TABLE.iter().flat_map(|(path, methods)| methods.iter().map(move |method| (*path, *method))).collect();
    let listed: BTreeSet<_> = MATRIX.iter().map(|(method, path, _)| (*path, *method)).collect();
    assert_eq!(served, listed);
    assert_eq!(listed.len(), MATRIX.len());
}

both!(every_caller_gets_the_status_in_the_matrix, |app| {
    let callers = Callers::assemble(app);
    for (method, path, _) in MATRIX {
        for (client, (kind, expected)) in callers.closed.iter().zip(CLOSED) {
            let what = format!("{kind}: {method} {path}");
            let answer = callers.send(client, method, path);
            assert_reported(&answer, expected, &what);
            assert_eq!(answer.header("www-authenticate").is_some(), answer.status == 401, "{what}");
        }
    }
    walk(&callers, Client::clone);
    app.assert_no_drift();
});

/// Sends every request of the matrix for every accepted caller, with the credential that `with_credential` adds. Returns the
/// number of requests that got the expected status.
pub fn walk(callers: &Callers, with_credential: impl Fn(&Client) -> Client) -> usize {
    let clients = callers.open.each_ref().map(with_credential);
    let mut cells = 0;
    // A deleted user cannot send further requests.
    let (last, others): (Vec<_>, Vec<_>) = MATRIX.iter().partition(|row| (row.0, row.1) == ("DELETE", USER));
    for (method, path, answers) in others.into_iter().chain(last) {
        for (client, (kind, expected)) in clients.iter().zip(OPEN.iter().zip(answers)) {
            cells += 1;
            assert_reported(&callers.send(client, method, path), expected, &format!("{kind}: {method} {path}"));
            if method == "GET" {
                cells += 1;
                let head = callers.send(client, "HEAD", path);
                assert_eq!(
                    (head.status.to_string().as_str(), head.text.as_str()),
                    (&expected[..3], ""),
                    "{kind}: HEAD {path}"
                );
            }
        }
    }
    cells
}

both!(unauthenticated_callers_get_401_for_malformed_requests_too, |app| {
    let callers = Callers::assemble(app);
    let long_path = format!("{USERS}?query={}", "x".repeat(9_000));
    let json_api: &[(&str, &str)] = &[("content-type", "application/vnd.api+json")];
    let requests: &[Sent] = &[
        ("POST", EDGES, json_api, Some(b"{nonsense")),
        ("POST", EDGES, json_api, Some(b"")),
        ("POST", EDGES, &[("content-type", "text/plain")], Some(b"x")),
        ("POST", EDGES, &[], None),
        ("PATCH", "/api/v2/users/me", json_api, Some(b"[]")),
        ("GET", "/api/v2/users?limit=x&foo=1", &[], None),
        ("GET", EDGES, &[("accept", "text/html")], None),
        ("GET", "/api/v2/user-relationships/x", &[], None),
        ("PUT", EDGES, &[], None),
        ("BREW", USERS, &[], None),
        ("GET", "/api", &[], None),
        ("GET", "/api/", &[], None),
        ("GET", "/api/v1/users", &[], None),
        ("POST", "/api/v2/nothing", json_api, Some(b"{}")),
        ("DELETE", "/api/v2/users/me/and/more", &[], None),
        ("GET", "//api/v2/nothing", &[], None),
        ("PUT", "//api//v2/users", &[], None),
        ("PUT", "/%61pi/v2/users", &[], None),
        ("GET", "/%61pi/v2/nothing", &[], None),
        ("GET", &long_path, &[], None),
    ];
    for (client, (kind, expected)) in callers.closed.iter().zip(CLOSED) {
        for (method, path, headers, body) in requests {
            let answer = client.send(method, path, headers, *body);
            assert_reported(&answer, expected, &format!("{kind}: {method} {path}"));
            assert_eq!(answer.header("allow"), None);
        }
    }
    // Authenticated callers get a response at the same paths.
    callers.admin.get("//api/v2/users").expect(200);
    callers.admin.get("/%61pi/v2/users").expect(200);
    callers.admin.get("//api/v2/nothing").refused(404, "not-found");
});

both!(an_ext_caller_sees_only_its_own_edges_and_their_ends, |app| {
    let (ext, friend, boss, stranger) = (app.caller("ext"), app.user(), app.user(), app.user());
    let own = app.admin().post(EDGES, &edge(Some(ext.id), "mentor", friend.id)).expect(201).id();
    let toward = boss.post(EDGES, &edge(None, "mentor", ext.id)).expect(201).id();
    let hidden = boss.post(EDGES, &edge(None, "mentor", friend.id)).expect(201).id();
    for (query, ids) in [
        ("", vec![own, toward]),
        (&*format!("user={}", boss.id), vec![toward]),
        (&*format!("target={}", friend.id), vec![own]),
        (&*format!("user={},{}&relationship=mentor", boss.id, ext.id), vec![own, toward]),
        (&*format!("user={}&target={}", boss.id, friend.id), vec![]),
        ("relationship=colleague", vec![]),
        ("limit=1&offset=1", vec![toward]),
    ] {
        let listed = ext.get(&format!("{EDGES}?{query}")).expect(200);
        let total = if query.contains("offset") { 2 } else { i64::try_from(ids.len()).unwrap() };
        assert_eq!((listed.ids(), listed.total()), (ids, total), "{query}");
    }
    let users = ext.get(USERS).expect(200);
    let seen: BTreeSet<_> = users.ids().into_iter().collect();
    assert_eq!((seen, users.total()), (BTreeSet::from([ext.id, friend.id, boss.id]), 3));
    assert_eq!(ext.get(&format!("{USERS}?filter[id]={},{}", boss.id, stranger.id)).expect(200).ids(), [boss.id]);
    for path in ["", "/user", "/target", "/relationships/user", "/relationships/target"] {
        for id in [own, toward] {
            ext.get(&format!("{EDGES}/{id}{path}")).expect(200);
        }
        let unseen = ext.get(&format!("{EDGES}/{hidden}{path}")).refused(404, "not-found");
        let missing = ext.get(&format!("{EDGES}/999999{path}")).refused(404, "not-found");
        assert_same_refusal(&unseen, &missing);
    }
    for client in [&friend, &boss] {
        ext.get(&format!("{USERS}/{}", client.id)).expect(200);
    }
    assert_same_refusal(&ext.get(&format!("{USERS}/{}", stranger.id)), &ext.get(&format!("{USERS}/999999")));
    ext.delete(&format!("{EDGES}/{toward}")).refused(403, "not-owner");
    ext.delete(&format!("{EDGES}/{own}")).expect(204);
    ext.get(&format!("{USERS}/{}", friend.id)).refused(404, "not-found");
});

both!(for_ext_callers_hidden_targets_are_like_missing_ones, |app| {
    let (ext, friend, stranger) = (app.caller("ext"), app.user(), app.user());
    let toward = friend.post(EDGES, &edge(None, "mentor", ext.id)).expect(201).id();
    for relationship in ["mentor", "foe"] {
        let unseen = ext.post(EDGES, &edge(None, relationship, stranger.id));
        let missing = ext.post(EDGES, &edge(None, relationship, 999_999));
        assert_same_refusal(&unseen, &missing);
    }
    ext.post(EDGES, &edge(None, "mentor", stranger.id)).refused(404, "related-resource-not-found");
    ext.post(EDGES, &edge(Some(stranger.id), "mentor", ext.id)).refused(403, "not-owner");
    let made = ext.post(EDGES, &edge(None, "colleague", friend.id)).expect(201).id();
    assert_eq!(app.admin().get(EDGES).expect(200).ids(), [toward, made]);
});

#[track_caller]
fn assert_same_refusal(one: &Answer, other: &Answer) {
    let without_id = |answer: &Answer| {
        let mut body = answer.body.clone();
        body["errors"][0]["id"].take();
        body
    };
    assert!(one.status >= 400, "{}", one.text);
    assert_eq!((one.status, without_id(one)), (other.status, without_id(other)));
}
