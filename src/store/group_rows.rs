//! Rows of groups and memberships, and their conversion to the model.

use diesel::Queryable;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::model::group::{Group, Member, Properties, StoredProperties};
use crate::model::id::{GroupId, MemberId, UserId};
use crate::model::time::Timestamp;

/// The columns of a [`GroupRow`], in order.
pub(super) const GROUP_COLUMNS: &str = "id, version, group_type, owner_id, properties, created_at, updated_at";
pub(super) type GroupColumns = (BigInt, BigInt, Text, Nullable<BigInt>, Text, BigInt, BigInt);

/// A row of `groups`.
#[derive(Debug, Queryable)]
pub(super) struct GroupRow {
    id: i64,
    version: i64,
    group_type: String,
    owner_id: Option<i64>,
    properties: String,
    created_at: i64,
    updated_at: i64,
}

impl From<GroupRow> for Group {
    fn from(row: GroupRow) -> Self {
        Self {
            id: GroupId::new(row.id),
            version: row.version,
            kind: row.group_type,
            owner: row.owner_id.map(UserId::new),
            properties: StoredProperties::of_text(row.properties),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}

/// The columns of a [`MemberRow`], in order.
pub(super) const MEMBER_COLUMNS: &str =
    "id, version, member_type, group_id, user_id, properties, created_at, updated_at";
pub(super) type MemberColumns = (BigInt, BigInt, Text, BigInt, BigInt, Text, BigInt, BigInt);

/// A row of `group_members`.
#[derive(Debug, Queryable)]
pub(super) struct MemberRow {
    id: i64,
    version: i64,
    member_type: String,
    group_id: i64,
    user_id: i64,
    properties: String,
    created_at: i64,
    updated_at: i64,
}

impl MemberRow {
    /// The approximate size of its resource, in bytes.
    pub fn size(&self) -> usize {
        1_024 + self.properties.len()
    }
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        Self {
            id: MemberId::new(row.id),
            version: row.version,
            kind: row.member_type,
            group: GroupId::new(row.group_id),
            user: UserId::new(row.user_id),
            properties: StoredProperties::of_text(row.properties),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}

/// The JSON text in which properties are stored.
pub(super) fn text_of_properties(properties: &Properties) -> String {
    serde_json::to_string(properties).unwrap_or_else(|_| "{}".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_come_back_as_they_were_kept() {
        let text = r#"{"group_name":"Ä \" 漢","level":-9223372036854775808,"ratio":1.5,"tags":["a",null,true]}"#;
        let stored = |text: &str| StoredProperties::of_text(text.to_owned());
        assert_eq!((text_of_properties(&stored(text).parse()).as_str(), stored(text).as_text()), (text, text));
        for none in ["{}", "", "[]", "{", "null", r#"{"a":}"#] {
            assert!(stored(none).parse().is_empty() && stored(none).as_text() == "{}", "{none}");
        }
    }
}
