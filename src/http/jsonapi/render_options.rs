//! How responses render resources: sparse fieldsets, inclusion and the time zone
//! (JSON:API 1.1, "Sparse Fieldsets", "Inclusion of Related Resources").

use chrono_tz::Tz;

use super::fields::{
    self, ChangeField, FieldSet, GroupField, MemberField, RelationshipField, TransferField, TypeField, UserField,
};
use super::import_fields::{ImportField, ImportRowField};
use super::parameter::{Parameter, Schema};
use super::query::Query;
use crate::domain::group_lists::{IncludePath, Inclusion};
use crate::domain::roles::RoleInclusion;
use crate::http::urls::BaseUrl;
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::End;
use crate::model::relationship_type::TypeName;
use crate::model::user::Field;

/// Selects fields of relationships.
pub const FIELDS_OF_RELATIONSHIPS: Parameter = Parameter::new(
    "fields[user-relationships]",
    Schema::Fields(fields::names::<RelationshipField>),
    "The attributes and relationships of `user-relationships` to return; an empty value returns none",
);
/// Selects fields of users, and roles towards them.
pub const FIELDS_OF_USERS: Parameter = Parameter::new(
    "fields[users]",
    Schema::FieldsAndRoles(fields::names::<UserField>),
    "The attributes, relationships and roles of `users` to return; an empty value returns none. A role is returned only if \
     `include` names it",
);
/// Selects fields of relationship types.
pub const FIELDS_OF_TYPES: Parameter = Parameter::new(
    "fields[relationship-types]",
    Schema::Fields(fields::names::<TypeField>),
    "The attributes of `relationship-types` to return; an empty value returns none",
);
/// Selects fields of groups.
pub const FIELDS_OF_GROUPS: Parameter = Parameter::new(
    "fields[groups]",
    Schema::Fields(fields::names::<GroupField>),
    "The attributes and relationships of `groups` to return; an empty value returns none",
);
/// Selects fields of memberships.
pub const FIELDS_OF_MEMBERS: Parameter = Parameter::new(
    "fields[group-members]",
    Schema::Fields(fields::names::<MemberField>),
    "The attributes and relationships of `group-members` to return; an empty value returns none",
);

/// Selects fields of transfers.
pub const FIELDS_OF_TRANSFERS: Parameter = Parameter::new(
    "fields[transfers]",
    Schema::Fields(fields::names::<TransferField>),
    "The attributes and relationships of `transfers` to return; an empty value returns none",
);

/// Selects fields of imports.
pub const FIELDS_OF_IMPORTS: Parameter = Parameter::new(
    "fields[imports]",
    Schema::Fields(fields::names::<ImportField>),
    "The attributes and relationships of `imports` to return; an empty value returns none",
);

/// Selects fields of the rows of imports.
pub const FIELDS_OF_IMPORT_ROWS: Parameter = Parameter::new(
    "fields[import-rows]",
    Schema::Fields(fields::names::<ImportRowField>),
    "The attributes of `import-rows` to return; an empty value returns none",
);

/// Selects fields of changes.
pub const FIELDS_OF_CHANGES: Parameter = Parameter::new(
    "fields[changes]",
    Schema::Fields(fields::names::<ChangeField>),
    "The attributes and relationships of `changes` to return; an empty value returns none",
);

/// How the documents of a response render resources.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// The start of all URLs.
    pub base: BaseUrl,
    /// The time zone of timestamps.
    pub zone: Tz,
    /// The fields of relationships.
    pub relationships: FieldSet<RelationshipField>,
    /// The fields of users.
    pub users: FieldSet<UserField>,
    /// The fields of relationship types.
    pub types: FieldSet<TypeField>,
    /// The fields of groups.
    pub groups: FieldSet<GroupField>,
    /// The fields of memberships.
    pub members: FieldSet<MemberField>,
    /// The fields of transfers.
    pub transfers: FieldSet<TransferField>,
    /// The fields of imports.
    pub imports: FieldSet<ImportField>,
    /// The fields of the rows of imports.
    pub import_rows: FieldSet<ImportRowField>,
    /// The fields of changes.
    pub changes: FieldSet<ChangeField>,
    /// What is included; `None` without `include`.
    pub included: Option<Vec<IncludePath>>,
    /// The roles towards users that are included; `None` without `include`.
    pub roles: Option<Vec<TypeName>>,
    /// The roles among the selected fields of users; `None` if all fields are shown.
    pub role_fields: Option<Vec<TypeName>>,
}

impl RenderOptions {
    /// Shows all fields and includes nothing.
    #[must_use]
    pub fn whole(zone: Tz) -> Self {
        Self {
            base: BaseUrl::default(),
            zone,
            relationships: FieldSet::ALL,
            users: FieldSet::ALL,
            types: FieldSet::ALL,
            groups: FieldSet::ALL,
            members: FieldSet::ALL,
            transfers: FieldSet::ALL,
            imports: FieldSet::ALL,
            import_rows: FieldSet::ALL,
            changes: FieldSet::ALL,
            included: None,
            roles: None,
            role_fields: None,
        }
    }

    /// The options that a query selects. Problems are reported by the query.
    pub fn of(query: &mut Query, zone: Tz) -> Self {
        Self {
            base: BaseUrl::default(),
            zone,
            relationships: query.fields(&FIELDS_OF_RELATIONSHIPS),
            users: query.fields(&FIELDS_OF_USERS),
            types: query.fields(&FIELDS_OF_TYPES),
            groups: query.fields(&FIELDS_OF_GROUPS),
            members: query.fields(&FIELDS_OF_MEMBERS),
            transfers: query.fields(&FIELDS_OF_TRANSFERS),
            imports: query.fields(&FIELDS_OF_IMPORTS),
            import_rows: query.fields(&FIELDS_OF_IMPORT_ROWS),
            changes: query.fields(&FIELDS_OF_CHANGES),
            included: query.included(),
            roles: query.included_roles(),
            role_fields: query.role_fields(),
        }
    }

    /// The same options with URLs that start with `base`.
    #[must_use]
    pub fn with_base(self, base: BaseUrl) -> Self {
        Self { base, ..self }
    }

    /// How much a job may read for a response that renders users with these options.
    #[must_use]
    pub fn read_budget(&self) -> ReadBudget {
        let mut profile = Field::ALL.into_iter().filter(|field| field.is_in_profile());
        ReadBudget::for_answer(profile.any(|field| self.users.has(UserField::Attribute(field))))
    }

    /// What to include with groups or memberships, and how many bytes of it.
    #[must_use]
    pub fn inclusion(&self) -> Inclusion {
        Inclusion { paths: self.included_paths().to_vec(), budget: self.read_budget() }
    }

    /// Whether the query names the authors of relationships, which lists return only then.
    #[must_use]
    pub fn names_authors(&self) -> bool {
        self.relationships.names_any(&[RelationshipField::CreatedBy, RelationshipField::UpdatedBy])
    }

    /// Whether the query has `include`.
    #[must_use]
    pub fn has_include(&self) -> bool {
        self.included.is_some() || self.roles.is_some()
    }

    /// The roles to include; `None` if there are none.
    #[must_use]
    pub fn role_inclusion(&self) -> Option<RoleInclusion> {
        let roles = self.roles.as_ref().filter(|roles| !roles.is_empty())?.clone();
        Some(RoleInclusion { roles, budget: self.read_budget() })
    }

    /// Whether an included role is among the selected fields of users.
    #[must_use]
    pub fn shows_role(&self, role: &TypeName) -> bool {
        self.role_fields.as_ref().is_none_or(|fields| fields.contains(role))
    }

    /// What to include.
    #[must_use]
    pub fn included_paths(&self) -> &[IncludePath] {
        self.included.as_deref().unwrap_or_default()
    }

    /// The ends of relationships whose users to include.
    #[must_use]
    pub fn included_ends(&self) -> Vec<End> {
        let end = |path: &IncludePath| if let IncludePath::End(end) = path { Some(*end) } else { None };
        self.included_paths().iter().filter_map(end).collect()
    }
}
