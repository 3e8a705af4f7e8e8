//! JSON:API 1.1, the cursor profile and our own rules as numbered items, each covered by tests that name it.

pub mod checked;
pub mod document;
mod items;
mod report;

pub use checked::{Checked, JSON_API};

use crate::support::{Answer, Client, Value, edge};

/// The list of relationships.
pub const EDGES: &str = "/api/v2/user-relationships";
/// The list of users.
pub const USERS: &str = "/api/v2/users";
/// The list of relationship types.
pub const TYPES: &str = "/api/v2/relationship-types";
/// The URI of the cursor pagination profile.
pub const PROFILE: &str = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination";

/// Creates a relationship.
pub fn make(owner: &Checked<Client>, relationship: &str, target: i64) -> Answer {
    owner.post(EDGES, &edge(None, relationship, target)).expect(201)
}

/// Creates a user with that first name.
pub fn make_user(admin: &Checked<Client>, first_name: &str, number: usize) -> i64 {
    let letters: String = first_name.chars().filter(char::is_ascii_alphanumeric).collect();
    let email = format!("{letters}{number}@people.example");
    let attributes = serde_json::json!({"email": email, "first-name": first_name});
    admin.post(USERS, &serde_json::json!({"data": {"type": "users", "attributes": attributes}})).expect(201).id()
}

/// The document that changes the type of a relationship.
pub fn retyped(id: i64, relationship: &str) -> Value {
    let attributes = serde_json::json!({"relationship": relationship});
    serde_json::json!({"data": {"type": "user-relationships", "id": id.to_string(), "attributes": attributes}})
}

/// A test of numbered items on both databases: `item!([7, P3], a_sentence, |app| { … })`. `docs/CONFORMANCE.md` is
/// generated from these lines. Every response to the clients of `app` is checked against the rules for documents.
#[macro_export]
macro_rules! item {
    // For responses that are not documents of the base standard, which the checker does not know.
    ([$($item:tt),+ $(,)?], $name:ident, plain |$app:ident| $body:block) => {
        $crate::both!($name, |$app| $body);
    };
    ([$($item:tt),+ $(,)?], $name:ident, |$app:ident| $body:block) => {
        $crate::both!($name, |app| {
            let $app = $crate::conformance::Checked::new(app);
            $body
        });
    };
}
