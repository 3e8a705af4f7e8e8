//! Groups of users and their members.

use serde_json::Value;

use super::id::{GroupId, MemberId, UserId};
use super::time::Timestamp;

/// The most bytes of all properties of a record, as JSON.
const LARGEST_PROPERTIES: usize = 64 * 1024;
/// The deepest nesting of properties; they are the first level themselves.
const DEEPEST_PROPERTIES: usize = 8;

/// What a configured type lets be said of a group, a member or a user: names and JSON values.
pub type Properties = serde_json::Map<String, Value>;

/// A stored group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Given by the store, never reused.
    pub id: GroupId,
    /// Raised by each change.
    pub version: i64,
    /// The name of its type.
    pub kind: String,
    /// Whoever created it; nobody once that user is deleted.
    pub owner: Option<UserId>,
    /// What is said of it.
    pub properties: Properties,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A stored membership: one user in one group, at most once.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Given by the store, never reused.
    pub id: MemberId,
    /// Raised by each change.
    pub version: i64,
    /// The name of its type.
    pub kind: String,
    /// The group.
    pub group: GroupId,
    /// The user.
    pub user: UserId,
    /// What is said of it.
    pub properties: Properties,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What is wrong with all properties of a record together; ask it of what is to be stored.
#[must_use]
pub fn complaint_about_properties(properties: &Properties) -> Option<String> {
    if 1 + properties.values().map(depth).max().unwrap_or_default() > DEEPEST_PROPERTIES {
        return Some(format!("is nested too deeply (maximum is {DEEPEST_PROPERTIES} levels)"));
    }
    let bytes = serde_json::to_vec(properties).map_or(usize::MAX, |bytes| bytes.len());
    (bytes > LARGEST_PROPERTIES).then(|| format!("is too large (maximum is {LARGEST_PROPERTIES} bytes of JSON)"))
}

fn depth(value: &Value) -> usize {
    let deepest = |depths: &mut dyn Iterator<Item = usize>| 1 + depths.max().unwrap_or_default();
    match value {
        Value::Array(items) => deepest(&mut items.iter().map(depth)),
        Value::Object(members) => deepest(&mut members.values().map(depth)),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn properties_have_a_depth_and_a_size() {
        let nested = |levels: usize| (1..levels).fold(json!({"a": 1}), |inner, _| json!({"a": inner}));
        let of = |value: Value| complaint_about_properties(value.as_object().unwrap());
        assert_eq!(of(nested(DEEPEST_PROPERTIES)), None);
        assert!(of(nested(DEEPEST_PROPERTIES + 1)).unwrap().contains("deeply"));
        let large = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
        assert_eq!(of(large(LARGEST_PROPERTIES)), None);
        assert!(of(large(LARGEST_PROPERTIES + 1)).unwrap().contains("large"));
    }
}
