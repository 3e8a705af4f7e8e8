//! JSON:API 1.1, the cursor profile and our own traps as numbered items, each held by tests that name it.

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

/// Makes a relationship.
pub fn make(owner: &Checked<Client>, relationship: &str, target: i64) -> Answer {
    owner.post(EDGES, &edge(None, relationship, target)).expect(201)
}

/// Makes a user with that first name.
pub fn make_user(admin: &Checked<Client>, first_name: &str, number: usize) -> i64 {
    let letters: String = first_name.chars().filter(char::is_ascii_alphanumeric).collect();
    let email = format!("{letters}{number}@people.example");
    let attributes = serde_json::json!({"email": email, "first-name": first_name});
    admin.post(USERS, &serde_json::json!({"data": {"type": "users", "attributes": attributes}})).expect(201).id()
}

/// The document that gives a relationship another type.
pub fn retyped(id: i64, relationship: &str) -> Value {
    let attributes = serde_json::json!({"relationship": relationship});
    serde_json::json!({"data": {"type": "user-relationships", "id": id.to_string(), "attributes": attributes}})
}

/// A test, on both databases, of numbered items: `item!([7, P3], a_sentence, |app| { … })`. `docs/CONFORMANCE.md` is
/// made from these lines. Every answer that the clients of `app` get is checked for what holds of every document.
#[macro_export]
macro_rules! item {
    // For answers that are no documents of the base standard, which is all that the checker knows.
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
