//! Groups and memberships, stored past the service.

use user_relationships::model::id::{GroupId, UserId};

use super::App;

/// A new group of the type `special_group`, with properties in JSON.
pub fn new_group(app: &App, owner: i64, properties: &str) -> i64 {
    new_group_of(app, "special_group", owner, properties)
}

/// A new group of any type.
pub fn new_group_of(app: &App, kind: &'static str, owner: i64, properties: &str) -> i64 {
    let properties = serde_json::from_str(properties).expect("an object");
    app.write(move |tx| tx.insert_group(kind, UserId::new(owner), &properties)).get()
}

/// A new membership of the type `special_group_users`, with properties in JSON.
pub fn new_member(app: &App, group: i64, user: i64, properties: &str) -> i64 {
    let properties = serde_json::from_str(properties).expect("an object");
    let kind = "special_group_users";
    let insert = move |tx: &mut user_relationships::store::Tx<'_>| {
        tx.insert_group_member(kind, GroupId::new(group), UserId::new(user), &properties)
    };
    app.write(insert).expect("the user is no member yet").get()
}
