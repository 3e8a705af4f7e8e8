//! Every writer logs exactly its changes: what, who, with which request, why, and together.

use std::cell::Cell;

use user_relationships::domain::transfer::{self, ImportLine, ImportOptions, Record, UserLine};
use user_relationships::model::id::UserId;
use user_relationships::model::time::Timestamp;
use user_relationships::model::user::{Field, Value as FieldValue};
use user_relationships::store::Tx;

use crate::both;
use crate::forms::{form, group, member};
use crate::support::change_log::{changes_after, last_number, line};
use crate::support::graph::{
    EDGES, TRANSFERS, TYPES, add, create, import, kind, operate, register, remove, retype, set_rules, store, stored,
    transfer, tree, update, users,
};
use crate::support::{Answer, App, Client, Value, json};

const USERS: &str = "/api/v2/users";
const GROUPS: &str = "/api/user/relationships";
const MEMBERS: &str = "/api/user/relationship_users";

/// The log from where it was compared last.
struct Log<'a> {
    app: &'a App,
    last: Cell<i64>,
}

impl<'a> Log<'a> {
    fn new(app: &'a App) -> Self {
        Self { app, last: Cell::new(last_number(app)) }
    }

    /// Expects these changes of one transaction, made by an answered request.
    #[track_caller]
    fn expect(&self, client: &Client, answer: &Answer, expected: &[&str]) {
        self.compare(Some(client.id), answer.header("x-request-id"), expected);
    }

    /// Expects these changes of one transaction, made by the command line.
    #[track_caller]
    fn expect_of_command(&self, expected: &[&str]) {
        self.compare(None, None, expected);
    }

    #[track_caller]
    fn compare(&self, actor: Option<i64>, request_id: Option<&str>, expected: &[&str]) {
        let found = changes_after(self.app, self.last.get());
        let lines: Vec<_> = found.iter().map(|found| line(&found.change)).collect();
        assert_eq!(lines, expected);
        for (one, number) in found.iter().zip(self.last.get() + 1..) {
            assert_eq!((one.number, one.transaction), (number, self.last.get() + 1));
            assert_eq!(one.change.actor.map(UserId::get), actor);
            assert_eq!(one.change.request_id.as_deref(), request_id);
            assert_eq!(one.change.at, found[0].change.at, "a transaction has one time");
        }
        self.last.set(self.last.get() + i64::try_from(found.len()).expect("a number"));
    }
}

fn user(attributes: &Value) -> Value {
    json!({"data": {"type": "users", "attributes": attributes}})
}

fn linkage(user: i64) -> Value {
    json!({"data": {"type": "users", "id": user.to_string()}})
}

both!(changes_of_relationships_are_logged, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let [bob, cleo] = users(app, 2).try_into().expect("two");
    let me = ann.id;
    let log = Log::new(app);
    let answer = create(&ann, me, "mentor", bob).expect(201);
    let id = answer.id();
    log.expect(&ann, &answer, &[&format!("created user-relationships {id}: {me} mentor {bob}")]);
    create(&ann, me, "mentor", bob).refused(409, "already-exists");
    create(&ann, me, "mentor", 999_999).refused(404, "related-resource-not-found");
    create(&ann, bob, "mentor", cleo).refused(403, "not-owner");
    let answer = retype(&admin, id, "colleague").expect(200);
    log.expect(&admin, &answer, &[&format!("updated user-relationships {id}: {me} colleague {bob}, was mentor")]);
    retype(&admin, id, "colleague").expect(200);
    let answer = ann.delete(&format!("{EDGES}/{id}")).expect(204);
    log.expect(&ann, &answer, &[&format!("deleted user-relationships {id}: {me} colleague {bob}")]);
    // With a key the same job also stores a receipt; a repeated request changes nothing.
    let body = crate::support::edge(Some(me), "mentor", cleo).to_string();
    let headers = [("content-type", "application/vnd.api+json"), ("idempotency-key", "one")];
    let answer = ann.send("POST", EDGES, &headers, Some(body.as_bytes())).expect(201);
    let id = answer.id();
    log.expect(&ann, &answer, &[&format!("created user-relationships {id}: {me} mentor {cleo}")]);
    ann.send("POST", EDGES, &headers, Some(body.as_bytes())).expect(201);
    log.expect(&ann, &answer, &[]);
});

both!(changes_under_rules_are_logged, |app| {
    let admin = app.admin();
    let [a, b, c] = users(app, 3).try_into().expect("three");
    let log = Log::new(app);
    let answer = admin.post(TYPES, &kind("boss", &tree())).expect(201);
    log.expect(&admin, &answer, &["created relationship-types boss"]);
    let roles = json!({"user-role": "reports", "target-role": "bosses", "description": "x"});
    let answer = set_rules(&admin, "boss", &roles).expect(200);
    log.expect(&admin, &answer, &["updated relationship-types boss [description user-role target-role]"]);
    set_rules(&admin, "boss", &roles).expect(200);
    let answer = create(&admin, a, "boss", b).expect(201);
    let first = answer.id();
    log.expect(&admin, &answer, &[&format!("created user-relationships {first}: {a} boss {b}")]);
    create(&admin, b, "boss", a).refused(409, "relationship-cycle");
    let url = format!("{USERS}/{a}/relationships/bosses");
    let answer = admin.patch(&url, &linkage(c)).expect(200);
    let second = *stored(app, "boss").keys().next().expect("an edge");
    log.expect(
        &admin,
        &answer,
        &[
            &format!("deleted user-relationships {first}: {a} boss {b} (reassign)"),
            &format!("created user-relationships {second}: {a} boss {c} (reassign)"),
        ],
    );
    let answer = admin.patch(&url, &json!({"data": null})).expect(200);
    log.expect(&admin, &answer, &[&format!("deleted user-relationships {second}: {a} boss {c} (reassign)")]);
    let url = format!("{USERS}/{b}/relationships/reports");
    let both = json!({"data": [{"type": "users", "id": a.to_string()}, {"type": "users", "id": c.to_string()}]});
    let answer = admin.post(&url, &both).expect(200);
    let ids: Vec<_> = stored(app, "boss").into_keys().collect();
    let expected = [a, c].into_iter().zip(&ids).map(|(user, id)| format!("user-relationships {id}: {user} boss {b}"));
    let expected: Vec<_> = expected.collect();
    let of = |action: &str| expected.iter().map(|it| format!("{action} {it}")).collect::<Vec<_>>();
    log.expect(&admin, &answer, &of("created").iter().map(String::as_str).collect::<Vec<_>>());
    let json_api = [("content-type", "application/vnd.api+json")];
    let answer = admin.send("DELETE", &url, &json_api, Some(both.to_string().as_bytes())).expect(200);
    log.expect(&admin, &answer, &of("deleted").iter().map(String::as_str).collect::<Vec<_>>());
    let answer = admin.delete(&format!("{TYPES}/boss")).expect(204);
    log.expect(&admin, &answer, &["deleted relationship-types boss"]);
});

both!(operations_and_transfers_log_one_transaction_each, |app| {
    let admin = app.admin();
    let [a, b, c] = users(app, 3).try_into().expect("three");
    let log = Log::new(app);
    let answer = operate(&admin, &[add(a, "mentor", b), add(b, "mentor", c)]).expect(200);
    let [first, second] = <[i64; 2]>::try_from(stored(app, "mentor").into_keys().collect::<Vec<_>>()).expect("two");
    let created = [
        format!("created user-relationships {first}: {a} mentor {b}"),
        format!("created user-relationships {second}: {b} mentor {c}"),
    ];
    log.expect(&admin, &answer, &[&created[0], &created[1]]);
    // The third operation fails, and nothing of the document is stored.
    operate(&admin, &[remove(first), add(a, "mentor", c), add(a, "mentor", a)]).refused(422, "self-relationship");
    let answer = operate(&admin, &[update(first, "colleague"), remove(second), add(c, "mentor", b)]).expect(200);
    let third = *stored(app, "mentor").keys().next().expect("an edge");
    log.expect(
        &admin,
        &answer,
        &[
            &format!("updated user-relationships {first}: {a} colleague {b}, was mentor"),
            &format!("deleted user-relationships {second}: {b} mentor {c}"),
            &format!("created user-relationships {third}: {c} mentor {b}"),
        ],
    );
    let answer = admin.post(TRANSFERS, &transfer("mentor", b, a, false)).expect(201);
    let fourth = *stored(app, "mentor").keys().next().expect("an edge");
    log.expect(
        &admin,
        &answer,
        &[
            &format!("deleted user-relationships {third}: {c} mentor {b} (transfer)"),
            &format!("created user-relationships {fourth}: {c} mentor {a} (transfer)"),
        ],
    );
});

both!(changes_of_users_are_logged_with_names_and_not_values, |app| {
    let admin = app.admin();
    let log = Log::new(app);
    let answer = admin.post(USERS, &user(&json!({"email": "ann@example.com", "unit": ["x"]}))).expect(201);
    let ann = answer.id();
    log.expect(&admin, &answer, &[&format!("created users {ann}")]);
    let url = format!("{USERS}/{ann}");
    let answer = admin.patch(&url, &user(&json!({"email": "a@example.com", "unit": ["y"], "first-name": "A"})));
    log.expect(&admin, &answer.expect(200), &[&format!("updated users {ann} [first-name email unit]")]);
    admin.patch(&url, &user(&json!({"first-name": "A"}))).expect(200);
    let values = json!({"first_name": "Bob", "email": "bob@example.com", "password": "long enough"});
    let answer = admin.form("POST", "/api/users", &form("create_user", &values)).expect(201);
    let bob = answer.model_id();
    log.expect(&admin, &answer, &[&format!("created users {bob}")]);
    let answer = admin.form("PUT", &format!("/api/users/{bob}"), &form("update_user", &json!({"last_name": "B"})));
    log.expect(&admin, &answer.expect(204), &[&format!("updated users {bob} [last-name]")]);
    // A session is no change of the user.
    let credentials = json!({"email": "bob@example.com", "password": "long enough"});
    app.anonymous().form("POST", "/api/sessions", &form("create_session", &credentials)).expect(201);
    app.write(move |tx: &mut Tx<'_>| tx.set_password(UserId::new(bob), "hash"));
    log.expect_of_command(&[&format!("updated users {bob} [password]")]);
});

both!(groups_and_memberships_are_logged, |app| {
    let ann = app.user();
    let [bob] = users(app, 1).try_into().expect("one");
    let log = Log::new(app);
    let id = group(&ann, "Captains");
    let first = member(&ann, id, bob);
    let url = format!("{MEMBERS}/{first}");
    ann.form("PUT", &url, &form("relationship_user_update", &json!({"properties": {"status": "x"}}))).expect(204);
    let url = format!("{GROUPS}/{id}");
    ann.form("PUT", &url, &form("relationship_update", &json!({"properties": {"group_name": "H"}}))).expect(204);
    let found: Vec<_> = changes_after(app, log.last.get()).iter().map(|it| line(&it.change)).collect();
    assert_eq!(
        found,
        [
            format!("created groups {id}"),
            format!("created group-members {first}"),
            format!("updated group-members {first} [properties]"),
            format!("updated groups {id} [properties]"),
        ]
    );
    log.last.set(last_number(app));
    let query = "?form_configuration_name=reference_rest_api_relationship_delete";
    let answer = ann.delete(&format!("{url}{query}")).expect(204);
    log.expect(&ann, &answer, &[&format!("deleted group-members {first}"), &format!("deleted groups {id}")]);
});

both!(the_deletion_of_a_user_logs_all_that_goes_with_it, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let [bob, cleo] = users(app, 2).try_into().expect("two");
    let other = group(&admin, "Others");
    let own = group(&ann, "Captains");
    let membership = member(&admin, other, ann.id);
    register(&admin, "boss", &tree());
    store(app, "mentor", &[(ann.id, bob), (bob, ann.id), (bob, cleo)]);
    store(app, "boss", &[(cleo, ann.id)]);
    let mentors: Vec<_> = stored(app, "mentor").into_keys().collect();
    let reports: Vec<_> = stored(app, "boss").into_keys().collect();
    let me = ann.id;
    let log = Log::new(app);
    let answer = admin.delete(&format!("{USERS}/{me}?transfer-to={bob}&transfer-types=boss")).expect(204);
    let moved = *stored(app, "boss").keys().next().expect("an edge");
    log.expect(
        &admin,
        &answer,
        &[
            &format!("deleted user-relationships {}: {cleo} boss {me} (transfer)", reports[0]),
            &format!("created user-relationships {moved}: {cleo} boss {bob} (transfer)"),
            &format!("deleted user-relationships {}: {me} mentor {bob} (user-deleted)", mentors[0]),
            &format!("deleted user-relationships {}: {bob} mentor {me} (user-deleted)", mentors[1]),
            &format!("deleted group-members {membership} (user-deleted)"),
            &format!("updated groups {own} [owner] (user-deleted)"),
            &format!("deleted users {me}"),
        ],
    );
});

both!(an_import_batch_is_one_transaction, |app| {
    let [a, b] = users(app, 2).try_into().expect("two");
    store(app, "mentor", &[(a, b)]);
    let log = Log::new(app);
    import(app, "mentor", &[(a, b), (b, a)]);
    let id = *stored(app, "mentor").keys().next_back().expect("an edge");
    log.expect_of_command(&[&format!("created user-relationships {id}: {b} mentor {a} (import)")]);
    let line = |email: &str, name: &str| UserLine {
        id: None,
        email: email.to_owned(),
        fields: vec![(Field::FirstName, FieldValue::Text(name.to_owned()))],
        properties: None,
        created_at: Some(Timestamp::from_micros(1)),
        updated_at: None,
    };
    let lines = |name: &str| {
        let users = [line("x@example.com", name), line("y@example.com", "Y")];
        let record = |(number, user)| ImportLine { number, record: Record::User(Box::new(user)) };
        (1..).zip(users).map(record).collect::<Vec<_>>()
    };
    let write = |lines: Vec<ImportLine>| {
        app.write(move |tx: &mut Tx<'_>| transfer::import(tx, &lines, ImportOptions::default()));
    };
    write(lines("X"));
    let found = changes_after(app, log.last.get());
    let x: i64 = found[0].change.subject.id().expect("an id").parse().expect("a number");
    log.expect_of_command(&[&format!("created users {x} (import)"), &format!("created users {} (import)", x + 1)]);
    write(lines("Z"));
    log.expect_of_command(&[&format!("updated users {x} [first-name] (import)")]);
    write(lines("Z"));
    log.expect_of_command(&[]);
});
