//! Groups of users and their members.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::id::{GroupId, MemberId, UserId};
use super::json_size::json_size;
use super::time::Timestamp;

/// The most bytes of the properties of a record, as JSON.
const MAX_PROPERTIES_BYTES: usize = 64 * 1024;
/// The most levels of nested properties, the properties themselves included.
const MAX_PROPERTIES_DEPTH: usize = 8;

/// Configurable members of a group, a membership or a user: JSON values by name.
pub type Properties = serde_json::Map<String, Value>;

/// Properties as stored JSON text. Lists copy the text, because parsed values take up to sixteen times the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProperties(String);

impl StoredProperties {
    /// Takes a stored text. Any text but a JSON object means no properties.
    #[must_use]
    pub fn of_text(text: String) -> Self {
        let is_object = text.starts_with('{') && serde_json::from_str::<IgnoredAny>(&text).is_ok();
        Self(if is_object { text } else { "{}".to_owned() })
    }

    /// The text of properties.
    #[must_use]
    pub fn of(properties: &Properties) -> Self {
        Self(serde_json::to_string(properties).unwrap_or_else(|_| "{}".to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.0
    }

    /// The properties, by name.
    #[must_use]
    pub fn parse(&self) -> Properties {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// A stored group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The id, which is never reused.
    pub id: GroupId,
    /// The number of the version: each change raises it.
    pub version: i64,
    /// The name of its type.
    pub kind: String,
    /// The user who created it; `None` once that user is deleted.
    pub owner: Option<UserId>,
    /// The properties.
    pub properties: StoredProperties,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

/// A stored membership: one user in one group, at most once.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The id, which is never reused.
    pub id: MemberId,
    /// The number of the version: each change raises it.
    pub version: i64,
    /// The name of its type.
    pub kind: String,
    /// The group.
    pub group: GroupId,
    /// The user.
    pub user: UserId,
    /// The properties.
    pub properties: StoredProperties,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

/// What is wrong with the properties of a record as a whole.
#[must_use]
pub fn complaint_about_properties(properties: &Properties) -> Option<String> {
    if 1 + properties.values().map(depth).max().unwrap_or_default() > MAX_PROPERTIES_DEPTH {
        return Some(format!("is nested too deeply (maximum is {MAX_PROPERTIES_DEPTH} levels)"));
    }
    let bytes = json_size(properties);
    (bytes > MAX_PROPERTIES_BYTES).then(|| format!("is too large (maximum is {MAX_PROPERTIES_BYTES} bytes of JSON)"))
}

/// The same for properties that replace `old`, which may stay as large and as deep as they are.
#[must_use]
pub fn complaint_about_new_properties(old: &Properties, new: &Properties) -> Option<String> {
    let depth_of = |properties: &Properties| properties.values().map(depth).max().unwrap_or_default();
    let complaint = complaint_about_properties(new)?;
    (json_size(new) > json_size(old) || depth_of(new) > depth_of(old)).then_some(complaint)
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
        assert_eq!(of(nested(MAX_PROPERTIES_DEPTH)), None);
        assert!(of(nested(MAX_PROPERTIES_DEPTH + 1)).unwrap().contains("deeply"));
        let large = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
        assert_eq!(of(large(MAX_PROPERTIES_BYTES)), None);
        assert!(of(large(MAX_PROPERTIES_BYTES + 1)).unwrap().contains("large"));
    }
}
