//! Refused requests write nothing, not even a dead row.

use crate::both;
use crate::forms::form;
use crate::support::process::run;
use crate::support::sql::Raw;
use crate::support::{App, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const TYPES: &str = "/api/v2/relationship-types";

/// The place of each row and the transactions that wrote it: any write moves a row on PostgreSQL. On SQLite the version
/// of the row must do. Rows of types may have been locked, as foreign keys lock them: writers keep the rules from changing.
fn traces(app: &App) -> Vec<String> {
    let mut raw = Raw::connect(&app.config.database_url);
    let columns = match raw {
        Raw::Sqlite(_) => "id || ' ' || version || ' ' || updated_at",
        Raw::Postgres(_) => "id || ' ' || version || ' ' || ctid::text || ' ' || xmin::text || ' ' || xmax::text",
    };
    let tables = ["users", "user_relationships", "relationship_types"];
    let columns_of = |table: &str| match table {
        "relationship_types" => columns.replace(" || ' ' || xmax::text", ""),
        _ => columns.to_owned(),
    };
    let query = |table: &&str| format!("SELECT {} AS line FROM {table} ORDER BY id", columns_of(table));
    tables.iter().flat_map(|table| raw.lines(&query(table))).collect()
}

fn change(kind: &str, id: &str, attributes: &Value) -> Value {
    json!({"data": {"type": kind, "id": id, "attributes": attributes}})
}

fn patch_if(client: &Client, url: &str, tag: &str, document: &Value) -> u16 {
    let headers = [("content-type", "application/vnd.api+json"), ("if-match", tag)];
    client.send("PATCH", url, &headers, Some(document.to_string().as_bytes())).status
}

both!(refused_updates_and_deletes_write_nothing, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    ann.post(EDGES, &edge(None, "colleague", bob.id)).expect(201);
    let (url, anns) = (format!("{EDGES}/{id}"), format!("{USERS}/{}", ann.id));
    let retyped = |name: &str| change("user-relationships", &id.to_string(), &json!({"relationship": name}));
    let renamed = change("users", &ann.id.to_string(), &json!({"first-name": "New"}));
    let described = change("relationship-types", "mentor", &json!({"description": "New"}));
    // Records the use of a token, in the background, before the comparison.
    for client in [&admin, &ann, &bob] {
        client.get(&url).expect(200);
    }
    let before = traces(app);

    bob.delete(&url).refused(403, "not-owner");
    bob.patch(&url, &retyped("subordinate")).refused(403, "not-owner");
    bob.delete(&format!("{EDGES}/999999")).refused(404, "not-found");
    ann.patch(&url, &retyped("foe")).refused(422, "unknown-relationship-type");
    ann.patch(&url, &retyped("colleague")).refused(409, "already-exists");
    ann.patch(&url, &retyped("mentor")).expect(200);
    assert_eq!(patch_if(&ann, &url, "\"1-zzz\"", &retyped("subordinate")), 412);
    ann.send("DELETE", &url, &[("if-match", "\"1-zzz\"")], None).refused(412, "precondition-failed");
    ann.send("DELETE", &url, &[("if-none-match", "*")], None).refused(412, "precondition-failed");

    bob.patch(&anns, &renamed).refused(403, "not-owner");
    bob.delete(&anns).refused(403, "not-admin");
    admin.delete(&format!("{USERS}/999999")).refused(404, "not-found");
    admin.send("DELETE", &anns, &[("if-match", "\"1-zzz\"")], None).refused(412, "precondition-failed");
    assert_eq!(patch_if(&admin, &anns, "\"1-zzz\"", &renamed), 412);
    let level = change("users", &ann.id.to_string(), &json!({"access-level": "admin"}));
    ann.patch(&anns, &level).refused(403, "admin-only-attribute");

    assert_eq!(patch_if(&admin, &format!("{TYPES}/mentor"), "\"1-zzz\"", &described), 412);
    admin
        .send("DELETE", &format!("{TYPES}/mentor"), &[("if-match", "\"1-zzz\"")], None)
        .refused(412, "precondition-failed");
    admin.post(TYPES, &json!({"data": {"type": "relationship-types", "id": "mentor"}})).refused(409, "already-exists");

    let operations = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
    let remove = json!({"op": "remove", "ref": {"type": "user-relationships", "id": id.to_string()}});
    let body = json!({"atomic:operations": [remove]}).to_string();
    let headers = [("content-type", operations)];
    bob.send("POST", "/api/v2/operations", &headers, Some(body.as_bytes())).refused(403, "not-owner");
    assert_eq!(traces(app), before);

    // Allowed writes still work.
    ann.delete(&url).expect(204);
    assert_ne!(traces(app), before);
});

both!(
    a_login_that_ends_in_a_5xx_is_not_a_failed_login,
    |config| {
        config.auth_failure_limit = 3;
    },
    |app| {
        let sign_in = |password: &str| {
            let values = json!({"email": "ann@example.com", "password": password});
            app.anonymous().form("POST", "/api/sessions", &form("create_session", &values)).status
        };
        let values = json!({"first_name": "A", "email": "ann@example.com", "password": "long enough"});
        app.admin().form("POST", "/api/users", &form("create_user", &values)).expect(201);
        let mut raw = Raw::connect(&app.config.database_url);
        // First the hasher fails, then the database.
        for (broken, mended) in [
            (
                "UPDATE users SET password_hash = '!' || password_hash",
                "UPDATE users SET password_hash = SUBSTR(password_hash, 2)",
            ),
            ("ALTER TABLE users RENAME TO away", "ALTER TABLE away RENAME TO users"),
        ] {
            raw.run(broken);
            for _ in 0..5 {
                let status = sign_in("long enough");
                assert!((500..600).contains(&status), "{broken}: {status}");
            }
            raw.run(mended);
        }
        assert_eq!(sign_in("long enough"), 201);
        for _ in 0..3 {
            assert_eq!(sign_in("wrong"), 401);
        }
        assert_eq!(sign_in("long enough"), 429, "failed logins are counted as before");
        run(&app.home().text(), &["check"]).expect(0);
    }
);
