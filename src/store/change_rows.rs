//! Rows of `changes` and `unnumbered_changes`, and their conversion to the model.

use diesel::Queryable;
use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};

use crate::model::change::{
    Change, ChangeAction, ChangeLogState, ChangePosition, ChangeReason, ChangeSubject, ChangeSubjectType, EdgeChange,
    Horizon, NumberedChange, PreviousEdge,
};
use crate::model::error::{Error, Result};
use crate::model::id::{GroupId, MemberId, RelationshipId, UserId};
use crate::model::relationship_type::TypeName;
use crate::model::time::Timestamp;

/// Declares a change as it is stored, without its number.
macro_rules! declare_change_row {
    ($first:ident: $first_type:ty => $first_sql:ty, $($name:ident: $type:ty => $sql:ty),+ $(,)?) => {
        /// A change as it is stored.
        #[derive(Debug, Clone, Queryable)]
        pub(super) struct ChangeRow {
            /// Its number; 0 if it has none yet.
            pub n: i64,
            pub $first: $first_type,
            $(pub $name: $type,)+
        }

        /// The SQL types of the number and of all other columns.
        pub(super) type ChangeColumns = (BigInt, $first_sql, $($sql),+);

        /// The names of the columns but the number, as an SQL text.
        macro_rules! change_columns {
            () => {
                concat!(stringify!($first), $(", ", stringify!($name)),+)
            };
        }
        pub(super) use change_columns;
    };
}

declare_change_row! {
    place: i64 => BigInt,
    at: i64 => BigInt,
    action: i16 => SmallInt,
    subject_type: i16 => SmallInt,
    subject_id: Option<i64> => Nullable<BigInt>,
    user_id: Option<i64> => Nullable<BigInt>,
    target_id: Option<i64> => Nullable<BigInt>,
    relationship: Option<String> => Nullable<Text>,
    previous_relationship: Option<String> => Nullable<Text>,
    edge_created_at: Option<i64> => Nullable<BigInt>,
    edge_created_by: Option<i64> => Nullable<BigInt>,
    previous_version: Option<i64> => Nullable<BigInt>,
    previous_updated_at: Option<i64> => Nullable<BigInt>,
    previous_updated_by: Option<i64> => Nullable<BigInt>,
    changed: Option<String> => Nullable<Text>,
    actor_id: Option<i64> => Nullable<BigInt>,
    request_id: Option<String> => Nullable<Text>,
    reason: Option<i16> => Nullable<SmallInt>,
}

/// The row of `change_log`.
#[derive(Debug, Clone, Copy, Queryable)]
pub(super) struct ChangeLogRow {
    is_on: bool,
    last_number: i64,
    horizon_number: i64,
    horizon_at: i64,
    horizon_fingerprint: i64,
}

/// The SQL types of a [`ChangeLogRow`].
pub(super) type ChangeLogColumns = (Bool, BigInt, BigInt, BigInt, BigInt);

impl From<ChangeLogRow> for ChangeLogState {
    fn from(row: ChangeLogRow) -> Self {
        let position = ChangePosition { number: row.horizon_number, fingerprint: row.horizon_fingerprint };
        Self {
            is_on: row.is_on,
            last_number: row.last_number,
            horizon: Horizon { position, at: Timestamp::from_micros(row.horizon_at) },
        }
    }
}

impl ChangeRow {
    /// The change with its place in the log.
    ///
    /// # Errors
    /// If the row has a value that this release does not know.
    pub fn into_numbered(self) -> Result<NumberedChange> {
        Ok(NumberedChange { number: self.n, transaction: self.n - self.place, change: self.into_change()? })
    }

    /// The change without its place in the log.
    ///
    /// # Errors
    /// If the row has a value that this release does not know.
    pub fn into_change(self) -> Result<Change> {
        let unknown = |what| move || Error::Internal(format!("a change has an unknown {what}"));
        let action = ChangeAction::of_number(self.action).ok_or_else(unknown("action"))?;
        let subject = self.subject(action).ok_or_else(unknown("subject"))?;
        Ok(Change {
            at: Timestamp::from_micros(self.at),
            action,
            subject,
            changed: self.changed.iter().flat_map(|names| names.split(' ')).map(ToOwned::to_owned).collect(),
            actor: self.actor_id.map(UserId::new),
            request_id: self.request_id,
            reason: self.reason.and_then(ChangeReason::of_number),
        })
    }

    fn subject(&self, action: ChangeAction) -> Option<ChangeSubject> {
        let subject_type = ChangeSubjectType::of_number(self.subject_type)?;
        if action == ChangeAction::Loaded {
            return Some(ChangeSubject::Many(subject_type));
        }
        Some(match subject_type {
            ChangeSubjectType::Relationship => ChangeSubject::Relationship(self.edge()?),
            ChangeSubjectType::User => ChangeSubject::User(UserId::new(self.subject_id?)),
            ChangeSubjectType::RelationshipType => {
                ChangeSubject::RelationshipType(parse(self.relationship.as_deref())?)
            }
            ChangeSubjectType::Group => ChangeSubject::Group(GroupId::new(self.subject_id?)),
            ChangeSubjectType::GroupMember => ChangeSubject::GroupMember(MemberId::new(self.subject_id?)),
        })
    }

    fn edge(&self) -> Option<EdgeChange> {
        let previous = self.previous_version.zip(self.previous_updated_at);
        Some(EdgeChange {
            id: RelationshipId::new(self.subject_id?),
            user: UserId::new(self.user_id?),
            target: UserId::new(self.target_id?),
            relationship: parse(self.relationship.as_deref())?,
            previous_relationship: parse(self.previous_relationship.as_deref()),
            created_at: Timestamp::from_micros(self.edge_created_at?),
            created_by: self.edge_created_by.map(UserId::new),
            previous: previous.map(|(version, updated_at)| PreviousEdge {
                version,
                updated_at: Timestamp::from_micros(updated_at),
                updated_by: self.previous_updated_by.map(UserId::new),
            }),
        })
    }
}

fn parse(name: Option<&str>) -> Option<TypeName> {
    name.and_then(TypeName::parse)
}
