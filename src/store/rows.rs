//! Rows of queries, and their conversion to the model.

use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};
use diesel::{Insertable, Queryable};

use super::columns::declare_columns;
use super::schema::transfers;
use crate::model::error::{Error, Result};
use crate::model::filter::RelationshipFilter;
use crate::model::handover::{Moves, Transfer, TransferData};
use crate::model::id::{TransferId, UserId};
use crate::model::relationship_type::TypeName;
use crate::model::time::Timestamp;
use crate::model::user::{AccessLevel, Profile, User, UserData};

/// A token in a list: id; id and e-mail of the owner; name; creation, expiry, last use; whether it belongs to a session.
pub(super) type TokenRow = (i64, (i64, String), Option<String>, (i64, Option<i64>, Option<i64>), bool);

/// A filter on relationships, and its types by number: `None` for all types; an empty list matches nothing.
#[derive(Debug, Clone)]
pub(super) struct Shape<'f> {
    pub filter: &'f RelationshipFilter,
    pub types: Option<Vec<i16>>,
}

/// The columns of a [`UserRow`] before the profile, in order.
pub(super) const COLUMNS_BEFORE_PROFILE: &str =
    "id, version, email, first_name, last_name, access_level, is_enabled, alt_id, ";
/// The columns of a [`UserRow`] after the profile but the last, in order.
pub(super) const COLUMNS_AFTER_PROFILE: &str = " AS profile, created_at, updated_at";
macro_rules! subordinates {
    (@ first) => {
        "CAST(COALESCE((SELECT SUM(n) FROM counts_by_target WHERE counts_by_target.target_id = users.id"
    };
    (@ last) => {
        " AND counts_by_target.type_id = (SELECT id FROM relationship_types WHERE name = 'subordinate')), 0) AS BIGINT)"
    };
    () => {
        concat!(subordinates!(@ first), subordinates!(@ last))
    };
}

/// The last column of a [`UserRow`]: the number of subordinates of a user, by one index lookup. The type has its name,
/// since a cached number may belong to a type that another process has replaced.
pub(super) const SUBORDINATES: &str = subordinates!();
/// The same in two parts, between which a condition may be.
pub(super) const SUBORDINATES_PARTS: [&str; 2] = [subordinates!(@ first), subordinates!(@ last)];
const _: () = assert!(matches!(TypeName::SUBORDINATE.as_bytes(), b"subordinate"), "the name in the SQL");
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

/// Which profiles a query of users reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profiles {
    /// All.
    All,
    /// Those of a valid size. A larger one, stored by an earlier release, is read as an empty text
    /// ([`UserRow::has_profile`]).
    Legal,
    /// Those of at most 4 KiB, for many users at a time. A larger one is read as an empty text.
    Small,
    /// None: each is read as `{}`.
    Omitted,
}

impl Profiles {
    /// The SQL expression for the column.
    pub const fn sql(self) -> &'static str {
        const _: () = assert!(Profile::LARGEST == 65_536, "the number in the SQL");
        match self {
            Self::All => "profile",
            Self::Legal => "CASE WHEN octet_length(profile) <= 65536 THEN profile ELSE '' END",
            Self::Small => "CASE WHEN octet_length(profile) <= 4096 THEN profile ELSE '' END",
            Self::Omitted => "'{}'",
        }
    }
}

#[derive(Debug, Clone, Queryable)]
pub(super) struct UserRow {
    pub id: i64,
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

impl UserRow {
    /// Whether the profile was read; no profile is stored as an empty text.
    pub fn has_profile(&self) -> bool {
        !self.profile.is_empty()
    }

    /// An upper bound for the size of its resource, in bytes: names occur twice, and a character takes up to six bytes.
    pub fn size(&self) -> usize {
        let names = [self.first_name.as_ref(), self.last_name.as_ref(), self.alt_id.as_ref(), Some(&self.email)];
        2_048 + self.profile.len() + names.iter().flatten().map(|name| 12 * name.len()).sum::<usize>()
    }

    /// The user as lists show it: without its properties, which take up to sixteen times their size in memory when
    /// parsed.
    pub fn into_listed(self) -> User {
        let profile = listed_profile(&self.profile);
        self.into_user(profile)
    }

    fn into_user(self, profile: Profile) -> User {
        User {
            id: UserId::new(self.id),
            version: self.version,
            data: UserData {
                email: self.email,
                first_name: self.first_name,
                last_name: self.last_name,
                alt_id: self.alt_id,
                is_enabled: self.is_enabled,
                access_level: level_of(self.access_level),
                profile,
            },
            is_supervisor: self.subordinates > 0,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        }
    }
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let profile = profile_of(&row.profile);
        row.into_user(profile)
    }
}

/// The number that represents a level in the database.
pub(super) const fn number_of(level: AccessLevel) -> i16 {
    match level {
        AccessLevel::User => 0,
        AccessLevel::Admin => 1,
        AccessLevel::Ext => 2,
        AccessLevel::Excluded => 3,
    }
}

/// The level of a number; an unknown number, written by a later release, gives no rights.
pub(super) fn level_of(number: i16) -> AccessLevel {
    AccessLevel::ALL.into_iter().find(|level| number_of(*level) == number).unwrap_or(AccessLevel::Excluded)
}

/// The JSON text in which a profile is stored.
pub(super) fn text_of(profile: &Profile) -> String {
    serde_json::to_string(profile).unwrap_or_else(|_| "{}".to_owned())
}

/// Parses a stored profile; unknown members, which a later release may have written, are ignored.
fn profile_of(text: &str) -> Profile {
    if text == "{}" { Profile::default() } else { serde_json::from_str(text).unwrap_or_default() }
}

/// Parses a stored profile without its properties.
pub(super) fn listed_profile(text: &str) -> Profile {
    if text == "{}" {
        return Profile::default();
    }
    Profile::deserialize_listed(&mut serde_json::Deserializer::from_str(text)).unwrap_or_default()
}

/// A signing client: id, `Api-Id`, name, whether it may use SHA-1, whether it is enabled.
pub(super) type ClientRow = (i64, String, Option<String>, bool, bool);
/// The account of a user: id, level, whether it is enabled.
pub(super) type AccountRow = (i64, i16, bool);

/// A wrong count: the key (a user, or 0 for all), the type, the stored count, and the actual one.
pub(super) type Drift = (i64, i16, i64, i64);
/// A count below: the user, the number of users below it, and the height.
pub(super) type CountBelowRow = (i64, i64, i32);
/// A wrong count of users: enabled, level, the stored count, and the actual one.
pub(super) type UserDrift = (bool, i16, i64, i64);

/// A table for whose rows an import may choose ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbered {
    Users,
    Relationships,
    Groups,
    Members,
}

impl Numbered {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Relationships => "user_relationships",
            Self::Groups => "groups",
            Self::Members => "group_members",
        }
    }
}

declare_columns!(
    transfers, STORED_TRANSFER, TransferColumns, TRANSFER_COLUMNS,
    id: BigInt, relationship: Text, take_place: Bool, from_id: BigInt, to_id: BigInt, actor_id: BigInt, moved: BigInt,
    merged: BigInt, created_at: BigInt
);

/// A row of `transfers`.
#[derive(Debug, Queryable)]
pub(super) struct TransferRow {
    id: i64,
    relationship: String,
    take_place: bool,
    from_id: i64,
    to_id: i64,
    actor_id: i64,
    moved: i64,
    merged: i64,
    created_at: i64,
}

/// A row to store, whose id the database sets.
#[derive(Debug, Insertable)]
#[diesel(table_name = transfers)]
pub(super) struct NewTransferRow<'a> {
    pub relationship: &'a str,
    pub take_place: bool,
    pub from_id: i64,
    pub to_id: i64,
    pub actor_id: i64,
    pub moved: i64,
    pub merged: i64,
    pub created_at: i64,
}

impl TransferRow {
    /// The transfer in the row.
    ///
    /// # Errors
    /// If its type has a name that no type can have.
    pub fn into_transfer(self) -> Result<Transfer> {
        let relationship = TypeName::parse(&self.relationship)
            .ok_or_else(|| Error::Internal(format!("the transfer {} has an unknown type", self.id)))?;
        Ok(Transfer {
            id: TransferId::new(self.id),
            data: TransferData::new(relationship, self.take_place),
            from: UserId::new(self.from_id),
            to: UserId::new(self.to_id),
            actor: UserId::new(self.actor_id),
            moves: Moves { moved: self.moved, merged: self.merged },
            created_at: Timestamp::from_micros(self.created_at),
        })
    }
}
