//! Atomic operations on who has a role towards a user.

use crate::item;
use crate::support::{Answer, Client, Value, json};

const PATH: &str = "/api/v2/operations";
const MEDIA_TYPE: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
const TYPES: &str = "/api/v2/relationship-types";
const USERS: &str = "/api/v2/users";

fn send(client: &Client, operations: &Value) -> Answer {
    let document = json!({"atomic:operations": operations});
    client.send("POST", PATH, &[("content-type", MEDIA_TYPE)], Some(document.to_string().as_bytes()))
}

/// An operation on a role of a user.
fn of_role(op: &str, id: i64, role: &str, data: &Value) -> Value {
    json!({"op": op, "ref": {"type": "users", "id": id.to_string(), "relationship": role}, "data": data})
}

fn user(id: i64) -> Value {
    json!({"type": "users", "id": id.to_string()})
}

/// Makes `subordinate` a tree with the role `supervisor`.
fn organize(admin: &Client) {
    let attributes = json!({"is-acyclic": true, "max-per-user": 1, "target-role": "supervisor"});
    let document = json!({"data": {"type": "relationship-types", "id": "subordinate", "attributes": attributes}});
    admin.patch(&format!("{TYPES}/subordinate"), &document).expect(200);
}

item!(
    [A15, A5, A6],
    an_update_of_a_role_of_one_user_reassigns_it,
    plain
        | app
        | {
            let (admin, ann, bob, cleo) = (app.admin(), app.user(), app.user(), app.user());
            organize(&admin);
            let supervisor = |client: &Client| client.get(&format!("{USERS}/me/supervisor")).expect(200);
            let done = send(
                &ann,
                &json!([
                    of_role("update", ann.id, "supervisor", &user(bob.id)),
                    {"op": "update", "href": "/api/v2/users/me/relationships/supervisor", "data": user(cleo.id)},
                ]),
            );
            assert_eq!(done.expect(200).body["atomic:results"], json!([{}, {}]));
            assert_eq!(supervisor(&ann).id(), cleo.id);
            send(&ann, &json!([of_role("update", ann.id, "supervisor", &json!(null))])).expect(200);
            assert!(supervisor(&ann).body["data"].is_null());
            // A new user gets a supervisor by its local id, and a chain is turned around.
            let add = json!({"op": "add", "data": {"type": "users", "lid": "new", "attributes": {"email": "new@example.org"}}});
            let lid = json!({"type": "users", "lid": "new"});
            let of_new = json!({"op": "update", "ref": {"type": "users", "lid": "new", "relationship": "supervisor"}, "data": user(ann.id)});
            send(&admin, &json!([add, of_new, of_role("update", ann.id, "supervisor", &user(bob.id))])).expect(200);
            send(
                &admin,
                &json!([
                    of_role("update", ann.id, "supervisor", &json!(null)),
                    of_role("update", bob.id, "supervisor", &user(ann.id)),
                ]),
            )
            .expect(200);
            assert_eq!(supervisor(&bob).id(), ann.id);
            let cycle = send(
                &admin,
                &json!([
                    of_role("update", cleo.id, "supervisor", &user(bob.id)),
                    of_role("update", ann.id, "supervisor", &user(cleo.id)),
                ]),
            )
            .refused(409, "relationship-cycle");
            assert_eq!(cycle.source("pointer"), Some("/atomic:operations/1/data"));
            assert!(supervisor(&cleo).body["data"].is_null(), "all or none");
            send(&bob, &json!([of_role("update", ann.id, "supervisor", &user(bob.id))])).refused(403, "not-owner");
            let unknown = send(&admin, &json!([of_role("update", ann.id, "supervisor", &lid)]));
            assert_eq!(
                unknown.refused(400, "malformed-document").source("pointer"),
                Some("/atomic:operations/0/data/lid")
            );
            app.assert_no_drift();
        }
);

item!(
    [A16, A9, A11],
    add_and_remove_change_a_role_of_many_users,
    plain | app | {
        let (admin, ann, bob, cleo) = (app.admin(), app.user(), app.user(), app.user());
        organize(&admin);
        let mentors = || ann.get(&format!("{USERS}/me/mentors")).expect(200).ids();
        let both = json!([user(bob.id), user(cleo.id)]);
        send(
            &ann,
            &json!([
                of_role("add", ann.id, "mentors", &both),
                of_role("add", ann.id, "mentors", &both),
                of_role("remove", ann.id, "mentors", &json!([user(bob.id), user(999_999)])),
            ]),
        )
        .expect(200);
        assert_eq!(mentors(), [cleo.id]);
        send(&admin, &json!([of_role("add", cleo.id, "subordinates", &json!([user(ann.id), user(bob.id)]))]))
            .expect(200);
        assert_eq!(bob.get(&format!("{USERS}/me/supervisor")).expect(200).id(), cleo.id);
        for (operation, status, code, pointer) in [
            (of_role("update", ann.id, "mentors", &both), 403, "unsupported-update", ""),
            (of_role("update", ann.id, "mentors", &user(bob.id)), 403, "unsupported-update", ""),
            (of_role("update", ann.id, "supervisor", &both), 422, "invalid-relationship", "/data"),
            (of_role("add", ann.id, "supervisor", &both), 403, "unsupported-update", ""),
            (of_role("add", ann.id, "mentors", &user(bob.id)), 422, "invalid-relationship", "/data"),
            (
                of_role("add", ann.id, "mentors", &json!([user(bob.id), user(bob.id)])),
                422,
                "invalid-relationship",
                "/data/1",
            ),
            (
                of_role("add", ann.id, "mentors", &json!([user(bob.id), user(ann.id)])),
                422,
                "self-relationship",
                "/data/1",
            ),
            (of_role("add", ann.id, "mentors", &json!([user(999_999)])), 404, "related-resource-not-found", "/data/0"),
            (of_role("add", ann.id, "friends", &both), 404, "not-found", ""),
            (of_role("add", bob.id, "mentees", &json!([user(ann.id)])), 403, "not-owner", ""),
            (
                json!({"op": "add", "ref": {"type": "users", "id": ann.id.to_string(), "relationship": "mentors"}}),
                400,
                "malformed-document",
                "",
            ),
            (of_role("add", ann.id, "targeted-by", &both), 403, "immutable-relationship", ""),
        ] {
            let before = json!({"op": "update", "data": {"type": "users", "id": ann.id.to_string(), "attributes": {}}});
            let refused = send(&ann, &json!([before, operation])).refused(status, code);
            assert_eq!(refused.source("pointer"), Some(&*format!("/atomic:operations/1{pointer}")), "{}", refused.text);
        }
        assert_eq!(mentors(), [cleo.id]);
        app.assert_no_drift();
    }
);

item!(
    [A15, A5, A6],
    a_record_with_stored_roles_can_be_sent_back_as_an_update,
    plain | app | {
        let (admin, ann, bob, cleo) = (app.admin(), app.user(), app.user(), app.user());
        organize(&admin);
        send(&ann, &json!([of_role("update", ann.id, "supervisor", &user(bob.id))])).expect(200);
        let url = format!("{USERS}/{}?include=supervisor,mentors", ann.id);
        let mut record = ann.get(&url).expect(200).body["data"].clone();
        record["attributes"]["first-name"] = json!("Ann");
        let update = |record: &Value| json!({"op": "update", "data": record});
        let name = || ann.get(&url).expect(200).body["data"]["attributes"]["first-name"].clone();
        send(&ann, &json!([update(&record)])).expect(200);
        assert_eq!(name(), "Ann");
        // Compared with the state that earlier operations leave, also by local ids.
        let with = |role: &str, data: &Value| {
            let mut changed = record.clone();
            changed["attributes"]["first-name"] = json!("Other");
            changed["relationships"][role] = json!({ "data": data });
            changed
        };
        let moved = with("supervisor", &user(cleo.id));
        let refused = send(&ann, &json!([update(&record), update(&moved)])).refused(403, "unsupported-update");
        assert_eq!(refused.source("pointer"), Some("/atomic:operations/1/data/relationships/supervisor"));
        assert!(refused.text.contains(&format!("{USERS}/{}/relationships/supervisor", ann.id)), "{}", refused.text);
        let reassign = of_role("update", ann.id, "supervisor", &user(cleo.id));
        send(&ann, &json!([reassign, update(&record)])).refused(403, "unsupported-update");
        let add =
            json!({"op": "add", "data": {"type": "users", "lid": "new", "attributes": {"email": "new@example.org"}}});
        let lid = json!({"type": "users", "lid": "new"});
        let mut of_lid = with("supervisor", &lid);
        of_lid["attributes"] = json!({"first-name": "Other"});
        let to_new = of_role("update", ann.id, "supervisor", &lid);
        send(&admin, &json!([add.clone(), update(&of_lid)])).refused(403, "unsupported-update");
        send(&admin, &json!([add, to_new, update(&of_lid)])).expect(200);
        send(&admin, &json!([reassign, update(&moved)])).expect(200);
        assert_eq!(name(), "Other");
        send(&ann, &json!([of_role("update", ann.id, "supervisor", &user(bob.id))])).expect(200);
        for (record, status, code, pointer) in [
            (with("mentors", &json!([user(bob.id)])), 403, "unsupported-update", "/relationships/mentors"),
            (with("mentors", &json!(5)), 403, "unsupported-update", "/relationships/mentors"),
            (with("supervisor", &json!([user(cleo.id)])), 403, "unsupported-update", "/relationships/supervisor"),
            (with("friends", &json!([])), 422, "unknown-relationship", "/relationships/friends"),
            (with("Friends", &json!([])), 422, "unknown-relationship", "/relationships/Friends"),
        ] {
            let refused = send(&ann, &json!([update(&record)])).refused(status, code);
            assert_eq!(refused.source("pointer"), Some(&*format!("/atomic:operations/0/data{pointer}")));
        }
        send(&bob, &json!([update(&with("friends", &json!([])))])).refused(403, "not-owner");
    }
);
