//! Rows of `user_relationships`. Their columns are declared here, once for all queries of both databases.

use diesel::sql_types::{BigInt, Nullable, SmallInt};
use diesel::{Insertable, Queryable};

use super::columns::{Column, declare_columns};
use super::schema::user_relationships;
use crate::model::authors::Authors;
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship::{EdgeData, NewEdge, Relationship};
use crate::model::relationship_type::TypeName;
use crate::model::time::Timestamp;

/// Declares a row by its columns: the struct, which diesel inserts; `columns`, which turns rows into a table of values;
/// and a macro `$names` that expands to the names of the columns as an SQL text.
macro_rules! declare_row {
    (
        $(#[$meta:meta])*
        $row:ident, $names:ident, $first:ident: $first_type:ty, $($name:ident: $type:ty),+
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Insertable)]
        #[diesel(table_name = user_relationships, treat_none_as_default_value = false)]
        pub(super) struct $row {
            pub $first: $first_type,
            $(pub $name: $type,)+
        }

        impl $row {
            /// The values of rows, column by column.
            pub fn columns(rows: &[Self]) -> Vec<Column> {
                vec![
                    Column::from(rows.iter().map(|row| row.$first).collect::<Vec<$first_type>>()),
                    $(Column::from(rows.iter().map(|row| row.$name).collect::<Vec<$type>>()),)+
                ]
            }
        }

        macro_rules! $names {
            () => {
                concat!(stringify!($first), $(", ", stringify!($name)),+)
            };
        }
        pub(super) use $names;
    };
}

/// A `NULL` for each name, as an SQL text.
macro_rules! nulls {
    (@ $name:ident) => { ", NULL" };
    ($first:ident, $($name:ident),+) => { concat!("NULL", $(nulls!(@ $name)),+) };
}

/// Declares a row that queries return as well: also the columns for diesel, their SQL types, and a `NULL` for each.
macro_rules! declare_selected_row {
    ($(#[$meta:meta])* $row:ident, $names:ident, $($name:ident: $type:ty => $sql:ty),+ $(,)?) => {
        declare_row! { $(#[$meta])* #[derive(Queryable)] $row, $names, $($name: $type),+ }

        declare_columns!(user_relationships, COLUMNS, RelationshipColumns, RELATIONSHIP_COLUMNS, $($name: $sql),+);
        /// A `NULL` for each column.
        pub(super) const NULLS: &str = nulls!($($name),+);
    };
}

declare_selected_row! {
    /// A relationship with its type by number; [`Tx`](super::tx::Tx) knows the names.
    RelationshipRow, relationship_columns,
    id: i64 => BigInt,
    version: i64 => BigInt,
    user_id: i64 => BigInt,
    target_id: i64 => BigInt,
    type_id: i16 => SmallInt,
    created_at: i64 => BigInt,
    updated_at: i64 => BigInt,
}

declare_row! {
    /// A relationship to create, whose id and version the database sets.
    NewRelationshipRow, new_relationship_columns,
    user_id: i64,
    target_id: i64,
    type_id: i16,
    created_at: i64,
    updated_at: i64,
    created_by: Option<i64>,
    updated_by: Option<i64>
}

/// A relationship and who created and changed it last, which the indexes of lists do not have.
pub(super) type AuthoredRow = (RelationshipRow, Option<i64>, Option<i64>);
/// The SQL types of an [`AuthoredRow`].
pub(super) type AuthoredColumns = (RelationshipColumns, Nullable<BigInt>, Nullable<BigInt>);
/// The columns of an [`AuthoredRow`].
pub(super) const AUTHORED_COLUMNS: &str = concat!(relationship_columns!(), ", created_by, updated_by");

/// Who created a relationship and who changed it last.
pub(super) type AuthorColumns = (Option<i64>, Option<i64>);

/// The authors in these columns.
pub(super) fn authors_of((created_by, updated_by): AuthorColumns) -> Authors {
    Authors { created_by: created_by.map(UserId::new), updated_by: updated_by.map(UserId::new) }
}

impl RelationshipRow {
    /// The row of a relationship whose type has this number.
    pub fn of(relationship: &Relationship, type_id: i16) -> Self {
        Self {
            id: relationship.id.get(),
            version: relationship.version,
            user_id: relationship.user.get(),
            target_id: relationship.target.get(),
            type_id,
            created_at: relationship.created_at.micros(),
            updated_at: relationship.updated_at.micros(),
        }
    }

    /// The relationship in the row, whose type has this name.
    pub fn into_relationship(self, type_name: TypeName) -> Relationship {
        Relationship {
            id: RelationshipId::new(self.id),
            version: self.version,
            user: UserId::new(self.user_id),
            target: UserId::new(self.target_id),
            data: EdgeData { relationship: type_name },
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        }
    }
}

impl NewRelationshipRow {
    /// The row of a new edge whose type has this number. `now` is in microseconds since 1970.
    pub fn of(edge: &NewEdge, type_id: i16, author: Option<UserId>, now: i64) -> Self {
        Self::of_ends((edge.user, edge.target), type_id, author, now)
    }

    /// The row of a new edge from an owner to a target. `now` is in microseconds since 1970.
    pub fn of_ends((user, target): (UserId, UserId), type_id: i16, author: Option<UserId>, now: i64) -> Self {
        let author = author.map(UserId::get);
        Self {
            user_id: user.get(),
            target_id: target.get(),
            type_id,
            created_at: now,
            updated_at: now,
            created_by: author,
            updated_by: author,
        }
    }
}
