//! The limits of values in request documents and forms.

use super::{Boundary, Checks, ME, TYPES};
use crate::forms;
use crate::support::groups::new_group;
use crate::support::{Answer, App, Client, Value, json};

#[rustfmt::skip]
pub const CHECKS: Checks = &[
    ("characters of `first-name`, `last-name`", Boundary(|app, most| texts(app, "first-name", most))),
    ("characters of `description` of a user", Boundary(|app, most| texts(app, "description", most))),
    ("characters of `additional-info`", Boundary(|app, most| texts(app, "additional-info", most))),
    ("characters of `alt-id`", Boundary(|app, most| {
        let admin = app.admin();
        (patch(&admin, "alt-id", &json!("x".repeat(most))), patch(&admin, "alt-id", &json!("x".repeat(most + 1))))
    })),
    ("bytes of an e-mail address", Boundary(|app, most| {
        let admin = app.admin();
        let address = |size: usize| {
            // Parts have their own limits: 64 bytes before the `@`, 63 for a label.
            let start = format!("{}@{}.", "x".repeat(60), vec!["y".repeat(50); 3].join("."));
            json!(format!("{start}{}.org", "z".repeat(size - start.len() - 4)))
        };
        (patch(&admin, "email", &address(most)), patch(&admin, "email", &address(most + 1)))
    })),
    ("strings in a list of a profile", Boundary(|app, most| {
        let ann = app.user();
        (patch(&ann, "phone", &json!(vec!["1"; most])), patch(&ann, "phone", &json!(vec!["1"; most + 1])))
    })),
    ("characters of a string in a list of a profile", Boundary(|app, most| {
        let ann = app.user();
        (patch(&ann, "phone", &json!(["1".repeat(most)])), patch(&ann, "phone", &json!(["1".repeat(most + 1)])))
    })),
    ("characters of the name of a relationship type", Boundary(|app, most| {
        let admin = app.admin();
        let register = |size: usize| {
            admin.post(TYPES, &json!({"data": {"type": "relationship-types", "id": "t".repeat(size), "attributes": {}}}))
        };
        (register(most), register(most + 1))
    })),
    ("characters of a role of a relationship type", Boundary(|app, most| {
        let admin = app.admin();
        let change = |size: usize| {
            let attributes = json!({"user-role": "r".repeat(size)});
            admin.patch(&format!("{TYPES}/mentor"), &json!({"data": {"type": "relationship-types", "id": "mentor", "attributes": attributes}}))
        };
        (change(most), change(most + 1))
    })),
    ("`max-per-user` of a relationship type", Boundary(|app, most| {
        let admin = app.admin();
        let change = |max: usize| {
            let attributes = json!({"max-per-user": max});
            admin.patch(&format!("{TYPES}/mentor"), &json!({"data": {"type": "relationship-types", "id": "mentor", "attributes": attributes}}))
        };
        (change(most), change(most + 1))
    })),
    ("characters of `description` of a relationship type", Boundary(|app, most| {
        let admin = app.admin();
        let register = |size: usize| {
            let attributes = json!({"description": "x".repeat(size)});
            admin.post(TYPES, &json!({"data": {"type": "relationship-types", "id": "described", "attributes": attributes}}))
        };
        (register(most), register(most + 1))
    })),
    ("characters of a text in a form", Boundary(|app, most| {
        let admin = app.admin();
        let update = |size: usize| {
            let values = json!({"last_name": "x", "properties": {"note": "x".repeat(size)}});
            admin.form("PUT", &format!("/api/users/{}", admin.id), &forms::form("update_user", &values))
        };
        (update(most), update(most + 1))
    })),
    ("bytes of a password", Boundary(|app, most| {
        let admin = app.admin();
        let create = |size: usize| {
            let values = json!({"first_name": "A", "email": format!("p{size}@example.org"), "password": "p".repeat(size)});
            admin.form("POST", "/api/users", &forms::form("create_user", &values))
        };
        (create(most), create(most + 1))
    })),
    ("bytes of a password in a PATCH of a user", Boundary(|app, most| {
        let (admin, ann) = (app.admin(), app.user());
        let set = |size: usize| {
            let document = json!({"data": {"attributes": {"password": "p".repeat(size)}}});
            admin.patch(&format!("/api/v2/users/{}", ann.id), &document)
        };
        (set(most), set(most + 1))
    })),
    ("characters of the name of a property", Boundary(|app, most| {
        let admin = app.admin();
        let update = |size: usize| {
            let values = json!({"properties": {"n".repeat(size): "x"}});
            admin.form("PUT", &format!("/api/users/{}", admin.id), &forms::form("update_user", &values))
        };
        (update(most), update(most + 1))
    })),
    ("levels of the properties of a group", Boundary(|app, most| {
        let admin = app.admin();
        let update = |levels: usize| {
            // The object of all properties is the first level.
            let value = (1..levels).fold(json!(1), |value, _| json!([value]));
            let values = json!({"properties": {"deep": value}});
            admin.form("PUT", &format!("/api/users/{}", admin.id), &forms::form("update_user", &values))
        };
        (update(most), update(most + 1))
    })),
    ("bytes of a profile", Boundary(|app, most| {
        let ann = app.user();
        // The names of the attributes and the punctuation count, too.
        let texts = |bytes: usize| json!(vec!["x".repeat(1_000); bytes / 1_000]);
        (patch(&ann, "location", &texts(most - 2_000)), patch(&ann, "location", &texts(most + 1_000)))
    })),
    ("bytes of the properties of a group or a membership", Boundary(|app, most| {
        let ann = app.user();
        // A text alone may not be that long.
        let group = new_group(app, ann.id, &json!({"old": "x".repeat(most - 5_000)}).to_string());
        let update = |length: usize| {
            let values = json!({"properties": {"group_name": "x".repeat(length)}});
            let path = format!("/api/user/relationships/{group}");
            ann.form("PUT", &path, &forms::form("relationship_update", &values))
        };
        (update(4_900), update(5_000))
    })),
];

fn patch(client: &Client, attribute: &str, value: &Value) -> Answer {
    let attributes = json!({ attribute: value });
    client.patch(ME, &json!({"data": {"type": "users", "id": client.id.to_string(), "attributes": attributes}}))
}

fn texts(app: &App, attribute: &str, most: usize) -> (Answer, Answer) {
    let ann = app.user();
    // Characters, not bytes.
    (patch(&ann, attribute, &json!("é".repeat(most))), patch(&ann, attribute, &json!("é".repeat(most + 1))))
}
