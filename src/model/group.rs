//! Groups of users and their members.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::id::{GroupId, MemberId, UserId};
use super::json_size::json_size;
use super::time::Timestamp;

/// The most bytes of all properties of a record, as JSON.
const LARGEST_PROPERTIES: usize = 64 * 1024;
/// The deepest nesting of properties; they are the first level themselves.
const DEEPEST_PROPERTIES: usize = 8;

/// What a configured type lets be said of a group, a member or a user: names and JSON values.
pub type Properties = serde_json::Map<String, Value>;

/// Properties as the JSON text in which they are stored. Lists show the text as it is: parsed, it takes up to sixteen
/// times the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProperties(String);

impl StoredProperties {
    /// Takes a stored text; one that is not a JSON object stands for no properties.
    #[must_use]
    pub fn of_text(text: String) -> Self {
        let is_object = text.starts_with('{') && serde_json::from_str::<IgnoredAny>(&text).is_ok();
        Self(if is_object { text } else { "{}".to_owned() })
    }

    /// The text.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.0
    }

    /// The properties, in the order of their names.
    #[must_use]
    pub fn parse(&self) -> Properties {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

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
    pub properties: StoredProperties,
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
    pub properties: StoredProperties,
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
    let bytes = json_size(properties);
    (bytes > LARGEST_PROPERTIES).then(|| format!("is too large (maximum is {LARGEST_PROPERTIES} bytes of JSON)"))
}

/// The same of properties that replace `old`: what is stored already may stay as large and as deep as it is.
#[must_use]
pub fn complaint_about_new_properties(old: &Properties, new: &Properties) -> Option<String> {
    let deepest = |properties: &Properties| properties.values().map(depth).max().unwrap_or_default();
    let complaint = complaint_about_properties(new)?;
    (json_size(new) > json_size(old) || deepest(new) > deepest(old)).then_some(complaint)
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
