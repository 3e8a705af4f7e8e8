//! Groups and memberships, inserted directly into the database.

use user_relationships::model::id::{GroupId, UserId};

use super::sql::Raw;
use super::{App, Client};
use crate::conformance::Checked;

/// The list of groups.
pub const GROUPS: &str = "/api/v2/groups";
/// The list of memberships.
pub const MEMBERS: &str = "/api/v2/group-members";

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
    app.write(insert).expect("the user is not a member yet").get()
}

/// Two groups of Ann and one of Bob. The first has Bob and Cleo as members, the second Cleo, Bob's has Ann.
pub struct GroupFixture<'a> {
    /// The service.
    pub app: Checked<&'a App>,
    /// Owns two groups.
    pub ann: Checked<Client>,
    /// Owns one.
    pub bob: Checked<Client>,
    /// Owns none.
    pub cleo: Checked<Client>,
    /// The groups.
    pub groups: [i64; 3],
    /// The memberships.
    pub members: [i64; 4],
}

impl<'a> GroupFixture<'a> {
    /// Creates users, groups and memberships.
    pub fn new(app: &'a App) -> Self {
        let app = Checked::new(app);
        let (ann, bob, cleo) = (app.user(), app.user(), app.user());
        let properties = r#"{"group_name":"Captains","level":3,"tags":["a",null]}"#;
        let first = new_group(&app, ann.id, properties);
        let second = new_group_of(&app, "team", ann.id, "{}");
        let third = new_group_of(&app, "team", bob.id, "{}");
        let members = [
            new_member(&app, first, bob.id, r#"{"status":"active"}"#),
            new_member(&app, first, cleo.id, "{}"),
            new_member(&app, second, cleo.id, "{}"),
            new_member(&app, third, ann.id, "{}"),
        ];
        Self { app, ann, bob, cleo, groups: [first, second, third], members }
    }

    /// A direct connection to the database.
    pub fn raw(&self) -> Raw {
        Raw::connect(&self.app.config.database_url)
    }
}
