//! Rows as both databases give them, and the model words they become.

use diesel::Queryable;
use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};

use crate::model::id::UserId;
use crate::model::time::Timestamp;
use crate::model::user::{AccessLevel, Profile, User, UserData};

/// The columns of a [`RelationshipRow`], in order.
pub(super) const RELATIONSHIP_COLUMNS: &str = "id, version, user_id, target_id, type_id, created_at, updated_at";
pub(super) type RelationshipColumns = (BigInt, BigInt, BigInt, BigInt, SmallInt, BigInt, BigInt);

/// A relationship with its type by number; `Tx` knows the names.
#[derive(Debug, Clone, Copy, Queryable)]
pub(super) struct RelationshipRow {
    pub id: i64,
    pub version: i64,
    pub user_id: i64,
    pub target_id: i64,
    pub type_id: i16,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A filter on relationships with its types by number: `None` narrows nothing, an empty list matches nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    pub users: Vec<i64>,
    pub targets: Vec<i64>,
    pub types: Option<Vec<i16>>,
    pub seen_by: Option<i64>,
}

/// A relationship type as it is stored.
#[derive(Debug, Queryable)]
pub(super) struct TypeRow {
    pub id: i16,
    pub version: i64,
    pub name: String,
    pub description: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// The columns of a [`UserRow`] but the last, in order.
pub(super) const USER_COLUMNS: &str =
    "id, version, email, first_name, last_name, access_level, is_enabled, alt_id, profile, created_at, updated_at";
/// The same, and what the order by name goes by.
pub(super) const USER_COLUMNS_AND_KEY: &str = "id, version, email, first_name, last_name, access_level, is_enabled, alt_id, profile, created_at, updated_at, name_key";
/// All columns of a [`UserRow`].
pub(super) const LISTED_COLUMNS: &str = "id, version, email, first_name, last_name, access_level, is_enabled, alt_id, profile, created_at, updated_at, subordinates";
pub(super) type UserColumns = (
    BigInt,
    BigInt,
    Text,
    Nullable<Text>,
    Nullable<Text>,
    SmallInt,
    Bool,
    Nullable<Text>,
    Text,
    BigInt,
    BigInt,
    BigInt,
);

#[derive(Debug, Queryable)]
pub(super) struct UserRow {
    id: i64,
    version: i64,
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
    access_level: i16,
    is_enabled: bool,
    alt_id: Option<String>,
    profile: String,
    created_at: i64,
    updated_at: i64,
    subordinates: i64,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: UserId::new(row.id),
            version: row.version,
            data: UserData {
                email: row.email,
                first_name: row.first_name,
                last_name: row.last_name,
                alt_id: row.alt_id,
                is_enabled: row.is_enabled,
                access_level: level_of(row.access_level),
                profile: profile_of(&row.profile),
            },
            is_supervisor: row.subordinates > 0,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}

/// The number under which a level is stored.
pub(super) const fn number_of(level: AccessLevel) -> i16 {
    match level {
        AccessLevel::User => 0,
        AccessLevel::Admin => 1,
        AccessLevel::Ext => 2,
        AccessLevel::Excluded => 3,
    }
}

/// The level stored under a number; one that a later release wrote gives no rights here.
pub(super) fn level_of(number: i16) -> AccessLevel {
    AccessLevel::ALL.into_iter().find(|level| number_of(*level) == number).unwrap_or(AccessLevel::Excluded)
}

/// The text that keeps a profile.
pub(super) fn text_of(profile: &Profile) -> String {
    serde_json::to_string(profile).unwrap_or_else(|_| "{}".to_owned())
}

/// The profile kept in a text; unknown members, which a later release may have written, are passed over.
fn profile_of(text: &str) -> Profile {
    if text == "{}" { Profile::default() } else { serde_json::from_str(text).unwrap_or_default() }
}

/// A client that signs: id, `Api-Id`, name, whether it may use SHA-1, whether it is enabled.
pub(super) type ClientRow = (i64, String, Option<String>, bool, bool);
/// A user as far as credentials are concerned: id, level, whether it is enabled.
pub(super) type AccountRow = (i64, i16, bool);

/// One count that is off: the key (a user, or 0 for all), the type, the kept count, and the true one.
pub(super) type Drift = (i64, i16, i64, i64);
/// One count of users that is off: enabled, level, the kept count, and the true one.
pub(super) type UserDrift = (bool, i16, i64, i64);

/// A column of a table of values that a statement brings along.
#[derive(Debug)]
pub(super) enum Column {
    Integers(Vec<i64>),
    Smalls(Vec<i16>),
    Flags(Vec<bool>),
    Texts(Vec<String>),
    OptionalTexts(Vec<Option<String>>),
}

impl Column {
    pub fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Smalls(values) => values.len(),
            Self::Flags(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::OptionalTexts(values) => values.len(),
        }
    }
}

/// A table whose rows an import may bring ids for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbered {
    Users,
    Relationships,
}

impl Numbered {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Relationships => "user_relationships",
        }
    }
}
