//! Fixtures for the tests: a service on either database, and users as its clients.

pub mod app;
pub mod balancer;
pub mod bare;
pub mod change_log;
pub mod changes;
pub mod citus;
pub mod client;
pub mod cluster;
pub mod counting;
pub mod demo;
pub mod endless_searches;
pub mod feed_copy;
pub mod forms;
pub mod graph;
pub mod groups;
pub mod hold;
pub mod import;
pub mod jwt;
pub mod kustomize;
pub mod load;
pub mod modules;
pub mod network_proxy;
pub mod past;
pub mod pgbouncer;
pub mod plan;
pub mod pooler;
pub mod process;
pub mod random;
pub mod replica;
pub mod scrape;
pub mod signing;
pub mod skip;
pub mod sources;
pub mod sql;
pub mod sqlite_copy;
pub mod statement_gate;
pub mod traversal;
pub mod uploads;

pub use app::{App, Engine};
pub use client::{Answer, Client};
pub use serde_json::{Value, json};

/// Defines a test on both databases: `both!(a_sentence, |app| { … })` makes `a_sentence::sqlite` and
/// `a_sentence::postgres`.
#[macro_export]
macro_rules! both {
    ($name:ident, |$app:ident| $body:block) => {
        $crate::both!($name, |_config| {}, |$app| $body);
    };
    ($name:ident, |$config:ident| $settings:block, |$app:ident| $body:block) => {
        pub mod $name {
            #[allow(unused_imports, reason = "not every test needs all of them")]
            use super::*;

            /// Runs the test on a database.
            pub fn on(engine: $crate::support::Engine) {
                $crate::support::app::run(engine, settings, test);
            }

            fn settings($config: &mut user_relationships::config::Config) $settings

            fn test($app: &$crate::support::App) $body

            #[test]
            fn sqlite() {
                on($crate::support::Engine::Sqlite);
            }

            #[test]
            fn postgres() {
                on($crate::support::Engine::Postgres);
            }
        }
    };
}

/// A text as the value of a parameter of a query.
pub fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A relationship without its authors, whom not every caller sees.
pub fn without_authors(resource: &Value) -> Value {
    let mut resource = resource.clone();
    if let Some(relationships) = resource.get_mut("relationships").and_then(Value::as_object_mut) {
        relationships.retain(|name, _| !matches!(name.as_str(), "created-by" | "updated-by"));
    }
    resource
}

/// The document of a create: an edge from `user` (the caller if `None`) to `target`.
pub fn edge(user: Option<i64>, relationship: &str, target: i64) -> Value {
    let mut relationships = json!({"target": {"data": {"type": "users", "id": target.to_string()}}});
    if let Some(user) = user {
        relationships["user"] = json!({"data": {"type": "users", "id": user.to_string()}});
    }
    json!({"data": {
        "type": "user-relationships",
        "attributes": {"relationship": relationship},
        "relationships": relationships,
    }})
}
