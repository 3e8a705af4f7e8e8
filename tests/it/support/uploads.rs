//! Uploads to `/api/v2/imports`.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::process::until;

pub const IMPORTS: &str = "/api/v2/imports";
pub const CSV: &str = "text/csv";
pub const NDJSON: &str = "application/x-ndjson";

/// Sends a file; `query` begins with `?`, or is empty.
pub fn upload(client: &Client, query: &str, kind: &str, body: impl AsRef<[u8]>) -> Answer {
    client.send("POST", &format!("{IMPORTS}{query}"), &[("content-type", kind)], Some(body.as_ref()))
}

/// Sends a file and waits until it is read. Returns its id.
pub fn preview(client: &Client, query: &str, kind: &str, body: impl AsRef<[u8]>) -> i64 {
    let id = upload(client, query, kind, body).expect(202).id();
    wait_while(client, id, &["reading"]);
    id
}

/// The attributes of an import.
pub fn attributes(client: &Client, id: i64) -> Value {
    client.get(&format!("{IMPORTS}/{id}")).expect(200).body["data"]["attributes"].clone()
}

/// The state of an import.
pub fn state(client: &Client, id: i64) -> String {
    attributes(client, id)["state"].as_str().expect("a state").to_owned()
}

/// Waits while an import is in one of some states, and returns its attributes.
pub fn wait_while(client: &Client, id: i64, states: &[&str]) -> Value {
    let mut last = Value::Null;
    until("the import leaves its state", Duration::from_mins(1), || {
        last = attributes(client, id);
        !states.contains(&last["state"].as_str().expect("a state"))
    });
    last
}

/// Requests a state.
pub fn request(client: &Client, id: i64, state: &str) -> Answer {
    let document = json!({"data": {"type": "imports", "id": id.to_string(), "attributes": {"state": state}}});
    client.patch(&format!("{IMPORTS}/{id}"), &document)
}

/// Runs a preview to its end, and returns its attributes.
pub fn run(client: &Client, id: i64) -> Value {
    request(client, id, "running").expect(202);
    wait_while(client, id, &["running"])
}

/// The attributes of the rows with an outcome, or of all.
pub fn rows(client: &Client, id: i64, outcome: &str) -> Vec<Value> {
    let filter = if outcome.is_empty() { String::new() } else { format!("&filter[outcome]={outcome}") };
    let page = client.get(&format!("{IMPORTS}/{id}/rows?page[limit]=50{filter}")).expect(200);
    let rows = page.body["data"].as_array().expect("a list");
    assert_eq!(page.body["meta"]["total-count"], rows.len(), "{}", page.text);
    rows.iter().map(|row| row["attributes"].clone()).collect()
}

/// A table of users, each with the supervisor before it, and ids in another system.
pub fn company(users: i64) -> String {
    let mut table = "email,alt-id,unit,Supervisor\n".to_owned();
    for user in 1..=users {
        let boss = if user % 50 == 1 {
            String::new()
        } else {
            format!("user{}@firm.example", user - user % 50 + 1 - i64::from(user % 50 == 0) * 50)
        };
        writeln!(table, "user{user}@firm.example,{user},unit{},{boss}", user % 7).expect("room");
    }
    table
}
