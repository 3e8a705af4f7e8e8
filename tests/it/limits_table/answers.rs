//! The limits of responses: their sizes, their links and their errors.

use super::{ATOMIC, Alone, Asserts, Boundary, Checks, EDGES, JSON_API, ME, OPERATIONS, Setup, TYPES, USERS, send_raw};
use crate::forms;
use crate::operation_limits::{fill_profile, patient, update};
use crate::response_sizes::store_large_profile;
use crate::support::sql::Raw;
use crate::support::{Answer, Client, Value, edge, json};

#[rustfmt::skip]
pub const CHECKS: Checks = &[
    ("bytes of the URL of a list with several pages, percent-encoded and without pagination parameters", Boundary(|app, most| {
        let admin = app.admin();
        for email in ["first@example.com", "second@example.com"] {
            let attributes = json!({"email": email, "alt-id": "same"});
            admin.post(USERS, &json!({"data": {"type": "users", "attributes": attributes}})).expect(201);
        }
        let start = format!("{USERS}?filter%5Balt-id%5D=same%2C");
        let get = |size: usize| admin.get(&format!("{start}{}&limit=1", "x".repeat(size - start.len())));
        (get(most), get(most + 1))
    })),
    ("bytes of any other link in an answer", Asserts(Setup::DEFAULT, |app, most| {
        let ann = app.user();
        // HTTP allows characters unencoded that a URI does not, so `self` is longer than the request.
        let path = |characters: usize| format!("{USERS}?query={}", "|".repeat(characters));
        let links = |path: &str| send_plain(&ann, path).body["links"].clone();
        let whole = format!("{USERS}?query={}", "%7C".repeat(2_000));
        assert_eq!(links(&path(2_000))["self"], json!(whole));
        assert!(links(&path(most / 3))["self"].is_null());
    })),
    ("bytes of an answer", Alone(Setup::DEFAULT, |app, _| {
        let ann = app.user();
        (0..3).for_each(|_| store_large_profile(app, &app.user()));
        let get = |number: usize| ann.get(&format!("{USERS}?sort=-id&limit={number}"));
        (get(2), get(3))
    })),
    ("bytes that `include` reads", Alone(Setup::DEFAULT, |app, _| {
        let ann = app.user();
        for _ in 0..3 {
            let target = app.user();
            store_large_profile(app, &target);
            ann.post(EDGES, &edge(None, "mentor", target.id)).expect(201);
        }
        let get = |number: usize| ann.get(&format!("{EDGES}?include=target&limit={number}"));
        (get(2), get(3))
    })),
    ("errors in a document", Boundary(|app, most| {
        let names = |number: usize| (0..number).map(|n| format!("a{n}")).collect::<Vec<_>>().join("&");
        let get = |number: usize| app.user().get(&format!("{USERS}?{}", names(number)));
        (get(most), get(most + 1))
    })),
    ("bytes of an error document", Asserts(Setup::DEFAULT, |app, most| {
        let names: Vec<_> = (0..20).map(|number| format!("{number}{}", "%22".repeat(130))).collect();
        let id = "\"".repeat(128);
        let answer = app.user().send("GET", &format!("{USERS}?{}", names.join("&")), &[("x-request-id", &id)], None);
        let (shown, more) = (answer.codes().len() as u64, answer.body["meta"]["more"].as_u64().expect("errors that do not fit"));
        assert_eq!((answer.status, shown + more), (400, 20));
        assert!((most / 2..=most).contains(&answer.text.len()), "{} bytes", answer.text.len());
    })),
    ("characters of a value that an error repeats", Asserts(Setup::DEFAULT, |app, most| {
        let ann = app.user();
        let detail = |size: usize| {
            let refused = ann.get(&format!("{USERS}?limit={}", "y".repeat(size))).refused(400, "invalid-parameter");
            refused.body["errors"][0]["detail"].as_str().expect("a text").to_owned()
        };
        assert!(detail(most).contains(&format!("`{}`", "y".repeat(most))), "{}", detail(most));
        assert!(detail(most + 1).contains(&format!("`{}…`", "y".repeat(most))), "{}", detail(most + 1));
    })),
    ("bytes of `source.pointer`", Asserts(Setup::DEFAULT, |app, most| {
        let ann = app.user();
        let pointer = |size: usize| {
            let name = "x".repeat(size - "/data/attributes/".len());
            let refused = ann.patch(ME, &json!({"data": {"type": "users", "attributes": {name: 1}}}));
            refused.refused(422, "unknown-attribute").source("pointer").expect("a pointer").to_owned()
        };
        assert_eq!(pointer(most).len(), most);
        assert_eq!(pointer(most + 1), "/data/attributes");
    })),
    ("names that a `detail` lists", Alone(Setup::DEFAULT, |app, most| {
        let (admin, bob) = (app.admin(), app.user());
        // Three types exist.
        let register = |number: usize| {
            let new = json!({"data": {"type": "relationship-types", "id": format!("type-{number}")}});
            admin.post(TYPES, &new).expect(201);
        };
        (3..most).for_each(register);
        let ask = || admin.post(EDGES, &edge(None, "unknown", bob.id));
        let within = ask();
        register(most);
        (within, ask())
    })),
    ("messages in an answer of the forms dialect", Asserts(Setup::DEFAULT, |app, most| {
        let ann = app.user();
        let send = |number: usize| {
            // Names of properties contain no control characters.
            let properties = (0..number).map(|n| (format!("\u{1}{n}"), json!(0))).collect::<serde_json::Map<_, _>>();
            put_user(&ann, &json!({"properties": properties})).expect(422)
        };
        assert_eq!((send(most).fields(), messages(&send(most), "properties").len()), (vec!["properties"], most));
        assert_eq!(messages(&send(most + 1), "properties").len(), most);
        assert!(messages(&send(most + 1), "base")[0].as_str().expect("a text").starts_with("1 more error"));
    })),
    ("bytes of `model` in an answer of the forms dialect", Asserts(Setup::DEFAULT, |app, most| {
        let ann = app.user();
        let send = |size: usize| put_user(&ann, &json!({"first_name": 7, "last_name": "\u{1}".repeat(size)})).expect(422);
        // An escaped control character is six bytes long.
        assert_eq!(send(most / 6 - 100).body["model"].as_object().expect("values").len(), 2);
        assert_eq!(send(most / 6).body["model"], json!({"first_name": 7}));
    })),
    ("bytes of an answer to operations", Alone(Setup { settings: patient, ..Setup::DEFAULT }, |app, _| {
        let ann = app.user();
        fill_profile(&ann);
        (operate(&ann, &renames(&ann, 100)), operate(&ann, &renames(&ann, 138)))
    })),
    ("bytes of the profiles that operations read and write", Alone(Setup { settings: patient, ..Setup::DEFAULT }, |app, _| {
        let ann = app.user();
        fill_profile(&ann);
        // The response itself would be small.
        let shrink = || update(ann.id, &json!({"location": []}));
        let ask = |number| operate(&ann, &[renames(&ann, number), vec![shrink()]].concat());
        let beyond = ask(150);
        (ask(100), beyond)
    })),
    ("bytes of a response that an earlier release stored for an `Idempotency-Key`", Boundary(|app, most| {
        let (ann, bob) = (app.user(), app.user());
        let body = edge(None, "mentor", bob.id).to_string();
        let post = || ann.send("POST", EDGES, &[JSON_API, ("idempotency-key", "large")], Some(body.as_bytes()));
        let made = post().expect(201);
        let mut raw = Raw::connect(&app.home().url());
        let mut store = |size: usize| {
            let start = format!(r#"{{"data":{{"type":"user-relationships","id":"{}"}},"x":""#, made.id());
            let padding = size - start.len() - 2;
            let text = match raw {
                Raw::Sqlite(_) => format!("CAST('{start}' || replace(hex(zeroblob({})), '00', 'xx') || '{}\"}}' AS BLOB)", padding / 2, "x".repeat(padding % 2)),
                Raw::Postgres(_) => format!("convert_to('{start}' || repeat('x', {padding}) || '\"}}', 'UTF8')"),
            };
            raw.run(&format!("UPDATE idempotency_keys SET body = {text} WHERE key = 'large'"));
        };
        store(most);
        let within = post().expect(201);
        store(most + 1);
        (within, post())
    })),
];

/// Sends a GET request with a target that may contain any characters.
fn send_plain(client: &Client, target: &str) -> Answer {
    let authorization = client.authorization().expect("a token");
    let head =
        format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {authorization}\r\n\r\n");
    send_raw(client, head.as_bytes())
}

fn put_user(client: &Client, values: &Value) -> Answer {
    client.form("PUT", &format!("/api/users/{}", client.id), &forms::form("update_user", values))
}

fn messages<'a>(answer: &'a Answer, field: &str) -> &'a [Value] {
    answer.body["errors"][field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn renames(client: &Client, number: usize) -> Vec<Value> {
    (0..number).map(|n| update(client.id, &json!({"first-name": format!("Ann {n}")}))).collect()
}

fn operate(client: &Client, operations: &[Value]) -> Answer {
    let document = json!({"atomic:operations": operations}).to_string();
    client.send("POST", OPERATIONS, &[ATOMIC], Some(document.as_bytes()))
}
