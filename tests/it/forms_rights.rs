//! Authorization of the forms dialect: every route with every kind of caller.

use std::collections::BTreeSet;

use user_relationships::http::routes::FORMS;
use user_relationships::model::id::UserId;
use user_relationships::model::time::Timestamp;

use crate::both;
use crate::forms::{form, group, member, typed};
use crate::support::{Answer, App, Client, Value, json};

const USERS: &str = "/api/users";
const USER: &str = "/api/users/{id}";
const SESSIONS: &str = "/api/sessions";
const GROUPS: &str = "/api/user/relationships";
const GROUP: &str = "/api/user/relationships/{id}";
const MEMBERS: &str = "/api/user/relationship_users";
const MEMBER: &str = "/api/user/relationship_users/{id}";

/// Callers that are rejected by every route, with the status. `POST /api/sessions` is an exception.
const CLOSED: [(&str, u16); 5] =
    [("anonymous", 401), ("bad token", 401), ("expired", 401), ("disabled", 403), ("excluded", 403)];

/// Authenticated callers. The user `{id}` and the user of the membership `{id}` are `member`; `owner` owns the group.
/// `other` is not related to them, and `ext` sees none of them.
const OPEN: [&str; 5] = ["ext", "owner", "other", "member", "admin"];

#[rustfmt::skip]
const MATRIX: &[(&str, &str, [u16; 5])] = &[
    // method  path      ext  owner other member admin
    ("POST",   USERS,    [403, 403, 403, 403, 201]),
    ("PUT",    USER,     [404, 403, 403, 204, 204]),
    // The credentials in the body are wrong for every caller.
    ("POST",   SESSIONS, [401, 401, 401, 401, 401]),
    // Their tokens do not belong to a session.
    ("DELETE", SESSIONS, [404, 404, 404, 404, 404]),
    ("POST",   GROUPS,   [201, 201, 201, 201, 201]),
    ("PUT",    GROUP,    [404, 204, 403, 403, 204]),
    ("DELETE", GROUP,    [404, 204, 403, 403, 204]),
    // For an `ext` caller, a group that it cannot see does not exist.
    ("POST",   MEMBERS,  [422, 201, 403, 403, 201]),
    ("PUT",    MEMBER,   [404, 204, 403, 204, 204]),
    ("DELETE", MEMBER,   [404, 204, 403, 204, 204]),
];

struct Cast {
    closed: [Client; 5],
    open: [Client; 5],
}

impl Cast {
    fn assemble(app: &App) -> Self {
        let expired = app.user();
        let token = app.token(UserId::new(expired.id), Some(Timestamp::from_micros(1)));
        let disabled = app.user();
        let document = json!({"data": {"attributes": {"is-enabled": false}}});
        app.admin().patch(&format!("/api/v2/users/{}", disabled.id), &document).expect(200);
        let closed = [
            app.anonymous(),
            app.anonymous().with_authorization("Token token=urt_wrong"),
            expired.with_authorization(&format!("Token token={token}")),
            disabled,
            app.caller("excluded"),
        ];
        Self { closed, open: [app.caller("ext"), app.user(), app.user(), app.user(), app.admin()] }
    }

    /// Sends a valid request about existing records.
    fn send(&self, client: &Client, method: &str, pattern: &str) -> Answer {
        let [_, owner, other, user, _] = &self.open;
        let id = match pattern {
            USER => user.id,
            GROUP | MEMBERS => group(owner, "Captains"),
            MEMBER => member(owner, group(owner, "Captains"), user.id),
            _ => 0,
        };
        let properties = |name: &str| json!({"properties": {name: "x"}});
        let body = match (method, pattern) {
            ("POST", USERS) => {
                let values = json!({"first_name": "A", "email": "new@example.com", "password": "long enough"});
                form("create_user", &values)
            }
            ("PUT", USER) => form("update_user", &json!({"first_name": "B"})),
            ("POST", SESSIONS) => {
                form("create_session", &json!({"email": "unknown@example.com", "password": "long enough"}))
            }
            ("DELETE", SESSIONS) => form("delete_session", &json!({})),
            ("POST", GROUPS) => typed("relationship_create", "special_group", &properties("group_name")),
            ("PUT", GROUP) => form("relationship_update", &properties("group_name")),
            ("DELETE", GROUP) => form("relationship_delete", &json!({})),
            ("POST", MEMBERS) => {
                let values = json!({"relationship_id": id, "user_id": other.id, "properties": {"status": "x"}});
                typed("relationship_user_create", "special_group_users", &values)
            }
            ("PUT", MEMBER) => form("relationship_user_update", &properties("status")),
            ("DELETE", MEMBER) => form("relationship_user_delete", &json!({})),
            _ => Value::Null,
        };
        client.form(method, &pattern.replace("{id}", &id.to_string()), &body)
    }
}

#[test]
fn the_matrix_lists_exactly_the_routes_and_methods() {
    let served: BTreeSet<_> =
        FORMS.iter().flat_map(|(path, methods)| methods.iter().map(move |method| (*path, *method))).collect();
    let listed: BTreeSet<_> = MATRIX.iter().map(|(method, path, _)| (*path, *method)).collect();
    assert_eq!(served, listed);
    assert_eq!(listed.len(), MATRIX.len());
}

both!(
    every_caller_gets_the_status_of_the_matrix,
    |config| {
        config.auth_failure_limit = 1_000_000;
    },
    |app| {
        let cast = Cast::assemble(app);
        for (method, path, answers) in MATRIX {
            for (client, (kind, status)) in cast.closed.iter().zip(CLOSED) {
                let expected = if (*method, *path) == ("POST", SESSIONS) { 401 } else { status };
                let answer = cast.send(client, method, path);
                assert_eq!(answer.status, expected, "{kind}: {method} {path}: {}", answer.text);
                let challenge = answer.header("www-authenticate");
                assert_eq!(challenge, (expected == 401).then_some("Token"), "{kind}: {method} {path}");
                assert_eq!(answer.fields(), ["base"], "{kind}: {method} {path}");
            }
            for (client, (kind, expected)) in cast.open.iter().zip(OPEN.iter().zip(answers)) {
                let answer = cast.send(client, method, path);
                assert_eq!(answer.status, *expected, "{kind}: {method} {path}: {}", answer.text);
            }
        }
        app.assert_no_drift();
    }
);

both!(unauthenticated_requests_are_rejected_before_validation, |app| {
    let cast = Cast::assemble(app);
    let json: &[(&str, &str)] = &[("content-type", "application/json")];
    for (client, (kind, status)) in cast.closed.iter().zip(CLOSED) {
        for (method, path, body) in [
            ("POST", "/api/users", "{nonsense"),
            ("POST", "/api/users.json", ""),
            ("PATCH", "/api/users/1", "{}"),
            ("GET", "/api/users", ""),
            ("PUT", "/api/user/relationships/x", "[]"),
            ("DELETE", "/api/sessions", ""),
            ("PUT", "/api/sessions", "{}"),
            ("POST", "/api/sessions/1", "{}"),
            ("POST", "/api/user", "{}"),
            ("POST", "/%61pi/users", "{}"),
            ("POST", "//api//user/relationship_users", "{}"),
        ] {
            let answer = client.send(method, path, json, Some(body.as_bytes()));
            assert_eq!((answer.status, answer.fields()), (status, vec!["base"]), "{kind}: {method} {path}");
            assert_eq!(answer.header("allow"), None, "{kind}: {method} {path}");
        }
    }
});

both!(unknown_methods_and_paths_get_errors_of_the_dialect, |app| {
    let me = app.user();
    let answer = me.form("GET", "/api/users", &json!({})).expect(405);
    assert_eq!((answer.header("allow"), answer.fields()), (Some("POST, OPTIONS"), vec!["base"]));
    assert_eq!(me.form("POST", "/api/user/relationships/1/2", &json!({})).expect(404).fields(), ["base"]);
    assert_eq!(me.form("PUT", "/api/user/nothing.json", &json!({})).expect(404).fields(), ["base"]);
});

both!(no_user_can_change_records_of_another_user, |app| {
    let (owner, friend, thief, spy) = (app.user(), app.user(), app.user(), app.caller("ext"));
    let group = group(&owner, "Captains");
    let member = member(&owner, group, friend.id);
    let tried = [
        (format!("/api/users/{}", owner.id), "update_user", json!({"first_name": "x"})),
        (format!("{GROUPS}/{group}"), "relationship_update", json!({"properties": {"group_name": "x"}})),
        (format!("{MEMBERS}/{member}"), "relationship_user_update", json!({"properties": {"status": "x"}})),
        (format!("{MEMBERS}/{member}"), "relationship_update", json!({"properties": {"status": "x"}})),
    ];
    for (path, name, values) in &tried {
        thief.form("PUT", path, &form(name, values)).expect(403);
        let unseen = spy.form("PUT", path, &form(name, values)).expect(404);
        let id = path.rsplit('/').next().expect("an id");
        let missing = spy.form("PUT", &path.replace(id, "999999"), &form(name, values)).expect(404);
        assert_eq!(unseen.text, missing.text);
    }
    for (path, name) in [
        (format!("{GROUPS}/{group}"), "relationship_delete"),
        (format!("{MEMBERS}/{member}"), "relationship_user_delete"),
    ] {
        thief.form("DELETE", &path, &form(name, &json!({}))).expect(403);
        spy.form("DELETE", &path, &form(name, &json!({}))).expect(404);
    }
    assert_eq!(
        owner.get(&format!("/api/v2/groups/{group}")).expect(200).body["data"]["attributes"]["properties"],
        json!({"group_name": "Captains"})
    );
});
