//! Rows of `relationship_types`. Their columns are declared here, once for all queries of both databases.

use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};
use diesel::{AsChangeset, Insertable, Queryable};

use super::columns::declare_columns;
use super::schema::relationship_types;
use crate::model::manager::Manager;
use crate::model::relationship_type::{RelationshipType, TypeData, TypeName};
use crate::model::rules::Rules;
use crate::model::time::Timestamp;

/// Declares the rows by their columns: those that the service sets, then those that admins can write.
macro_rules! declare_type_rows {
    ($($name:ident: $type:ty => $sql:ty),+; $($written:ident: $written_type:ty => $written_sql:ty),+ $(,)?) => {
        /// A registered type.
        #[derive(Debug, Queryable)]
        pub(super) struct TypeRow {
            $($name: $type,)+
            $($written: $written_type,)+
        }

        /// What admins can write.
        #[derive(Debug, Insertable, AsChangeset)]
        #[diesel(table_name = relationship_types, treat_none_as_default_value = false, treat_none_as_null = true)]
        pub(super) struct TypeDataRow {
            $($written: $written_type,)+
        }

        declare_columns!(
            relationship_types, TYPE_COLUMNS, TypeColumns, TYPE_COLUMN_NAMES, $($name: $sql),+, $($written: $written_sql),+
        );
    };
}

declare_type_rows! {
    name: String => Text,
    version: i64 => BigInt,
    created_at: i64 => BigInt,
    updated_at: i64 => BigInt;
    description: Option<String> => Nullable<Text>,
    user_role: Option<String> => Nullable<Text>,
    target_role: Option<String> => Nullable<Text>,
    is_symmetric: bool => Bool,
    is_acyclic: bool => Bool,
    max_per_user: Option<i16> => Nullable<SmallInt>,
    managed_by: String => Text,
}

impl TypeRow {
    /// The type in the row; `None` if a later release allows its name and this one does not.
    pub fn into_type(self) -> Option<RelationshipType> {
        Some(RelationshipType {
            name: TypeName::parse(&self.name)?,
            version: self.version,
            data: TypeData {
                description: self.description,
                user_role: self.user_role.as_deref().and_then(TypeName::parse),
                target_role: self.target_role.as_deref().and_then(TypeName::parse),
                is_symmetric: self.is_symmetric,
                is_acyclic: self.is_acyclic,
                max_per_user: self.max_per_user,
                managed_by: manager_of(&self.managed_by),
            },
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

/// The rules of a type: whether it is symmetric and acyclic, the limit per user, and who manages it.
pub(super) type RulesRow = (bool, bool, Option<i16>, String);
/// A type with a role: its id, its name, its `user-role` and its rules.
pub(super) type RoleRow = (i16, String, Option<String>, RulesRow);
/// The columns of the rules.
pub(super) const RULES_COLUMNS: &str = "is_symmetric, is_acyclic, max_per_user, managed_by";
/// The SQL types of these columns.
pub(super) type RulesColumns = (Bool, Bool, Nullable<SmallInt>, Text);

/// The rules in a row.
pub(super) fn rules_of((is_symmetric, is_acyclic, max_per_user, managed_by): RulesRow) -> Rules {
    Rules { is_symmetric, is_acyclic, max_per_user, managed_by: manager_of(&managed_by) }
}

impl From<&TypeData> for TypeDataRow {
    fn from(data: &TypeData) -> Self {
        let text = |role: &Option<TypeName>| role.as_ref().map(ToString::to_string);
        Self {
            description: data.description.clone(),
            user_role: text(&data.user_role),
            target_role: text(&data.target_role),
            is_symmetric: data.is_symmetric,
            is_acyclic: data.is_acyclic,
            max_per_user: data.max_per_user,
            managed_by: data.managed_by.name().to_owned(),
        }
    }
}

/// The manager with a stored name. A name that a later release has added restricts the type to admins.
fn manager_of(name: &str) -> Manager {
    Manager::parse(name).unwrap_or(Manager::Admin)
}
