//! A copy of all relationships and users that is kept in step by the change feed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use user_relationships::store::url::DatabaseUrl;

use super::changes::{CHANGES, cursor};
use super::client::{Answer, Client};
use super::graph::EDGES;
use super::sql::Raw;

/// The type of relationships whose users may have one only, if a test has such a type.
pub const TREE: &str = "boss";

/// A relationship: owner, type and target.
pub type Edge = (i64, String, i64);

/// A copy, and the cursor from which it follows the feed.
#[derive(Debug, Clone, Default)]
pub struct Copy {
    /// The relationships by id.
    pub edges: BTreeMap<i64, Edge>,
    /// The users; `None` if the copy has relationships only.
    pub users: Option<BTreeSet<i64>>,
    /// Where it follows the feed.
    pub cursor: Option<String>,
}

/// Copies are equal if they have the same relationships.
impl PartialEq for Copy {
    fn eq(&self, other: &Self) -> bool {
        self.edges == other.edges
    }
}

/// The number in a member of text.
#[track_caller]
pub fn number(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no number: {value}"))
}

fn edge_of(name: &Value, ends: &Value) -> Edge {
    let end = |name: &str| number(&ends[name]["data"]["id"]);
    (end("user"), name.as_str().expect("a type").to_owned(), end("target"))
}

impl Copy {
    /// A copy of nothing, which the changes from the first one on fill.
    pub fn empty() -> Self {
        Self { users: Some(BTreeSet::new()), ..Self::default() }
    }

    /// Applies a change. One of something that the copy does not have, or has already, means that another one is missing,
    /// doubled or in the wrong place.
    #[track_caller]
    pub fn apply(&mut self, change: &Value) {
        let attributes = &change["attributes"];
        let action = attributes["action"].as_str().expect("an action");
        match attributes["subject-type"].as_str() {
            Some("user-relationships") => {
                let id = number(&attributes["subject-id"]);
                let edge = edge_of(&attributes["relationship"], &change["relationships"]);
                let old =
                    if action == "deleted" { self.edges.remove(&id) } else { self.edges.insert(id, edge.clone()) };
                assert_eq!(old.is_some(), action != "created", "{old:?} {change}");
                if let Some((user, name, target)) = old {
                    let before = attributes["previous-relationship"].as_str().unwrap_or(&edge.1);
                    assert_eq!((user, name.as_str(), target), (edge.0, before, edge.2), "{change}");
                }
            }
            Some("users") => {
                let Some(users) = &mut self.users else { return };
                let id = number(&attributes["subject-id"]);
                let is_consistent = match action {
                    "created" => users.insert(id),
                    "deleted" => users.remove(&id),
                    _ => users.contains(&id),
                };
                assert!(is_consistent, "{change}");
            }
            _ => {}
        }
    }

    /// Applies a change as a reader does that has copied a list meanwhile, which may show it already.
    fn apply_leniently(&mut self, change: &Value) {
        let attributes = &change["attributes"];
        let id = number(&attributes["subject-id"]);
        if attributes["action"] == "deleted" {
            self.edges.remove(&id);
        } else {
            self.edges.insert(id, edge_of(&attributes["relationship"], &change["relationships"]));
        }
    }

    /// Follows the feed to its end, as `docs/CHANGES.md` says.
    #[track_caller]
    pub fn follow(&mut self, client: &Client) {
        while self.follow_page(client, 500) {}
    }

    /// Follows the feed by one page. Returns whether there is more. A `loaded` or 410 makes the copy again.
    #[track_caller]
    pub fn follow_page(&mut self, client: &Client, size: usize) -> bool {
        let after = self.cursor.as_deref().expect("a cursor");
        let filter = "filter[subject-type]=user-relationships";
        let page = client.get(&format!("{CHANGES}?{filter}&page[size]={size}&page[after]={after}"));
        if page.status == 410 {
            let about = page.refused(410, "cursor-expired").body["errors"][0]["links"]["about"].clone();
            client.get(about.as_str().expect("a way back")).expect(200);
            *self = copy_again(client);
            return true;
        }
        let page = page.expect(200);
        for change in rows(&page) {
            if change["attributes"]["action"] == "loaded" {
                *self = copy_again(client);
                return true;
            }
            self.apply_leniently(change);
        }
        self.cursor = Some(cursor(&page));
        !rows(&page).is_empty() || page.body["links"]["next"].is_string()
    }
}

/// The rows of a list.
pub fn rows(page: &Answer) -> &Vec<Value> {
    page.body["data"].as_array().expect("a list")
}

/// A new copy: the position of now, and the list.
#[track_caller]
pub fn copy_again(client: &Client) -> Copy {
    let now = client.get(&format!("{CHANGES}?filter[from]=now")).expect(200);
    let mut copy = Copy { cursor: Some(cursor(&now)), ..Copy::default() };
    let mut next = Some(format!("{EDGES}?page[size]=50"));
    while let Some(url) = next {
        let page = client.get(&url).expect(200);
        for row in rows(&page) {
            copy.edges.insert(number(&row["id"]), edge_of(&row["attributes"]["relationship"], &row["relationships"]));
        }
        next = page.body["links"]["next"].as_str().map(str::to_owned);
    }
    copy.follow(client);
    copy
}

/// What the tables have.
pub fn stored_copy(url: &DatabaseUrl) -> Copy {
    let mut raw = Raw::connect(url);
    let rows = raw.lines(
        "SELECT e.id || ' ' || user_id || ' ' || t.name || ' ' || target_id AS line FROM user_relationships AS e \
         JOIN relationship_types AS t ON t.id = type_id",
    );
    let parse = |text: &str| text.parse::<i64>().expect("a number");
    let edge = |line: &String| {
        let [id, user, name, target] = line.split(' ').collect::<Vec<_>>().try_into().expect("four columns");
        (parse(id), (parse(user), name.to_owned(), parse(target)))
    };
    let users = raw.lines("SELECT CAST(id AS TEXT) AS line FROM users");
    Copy {
        edges: rows.iter().map(edge).collect(),
        users: Some(users.iter().map(|id| parse(id)).collect()),
        cursor: None,
    }
}
