//! Query parameters: each is declared once, as a constant. [`Query`](super::query::Query) parses values by the
//! declaration, and the OpenAPI document describes it.

use crate::domain::group_lists::IncludePath;
use crate::model::page::SortBy;

/// The value of a filter that stands for the caller.
pub const ME: &str = "me";
/// The value of a filter that stands for the time of the request.
pub const NOW: &str = "now";

/// A query parameter of a resource.
#[derive(Debug)]
pub struct Parameter {
    /// The name that JSON:API prescribes or recommends.
    pub name: &'static str,
    /// The name in Skillhive's API, if it differs.
    pub alias: Option<&'static str>,
    /// The values.
    pub schema: Schema,
    /// What the parameter does: a sentence without its full stop.
    pub description: &'static str,
}

/// The values of a parameter.
#[derive(Debug, Clone, Copy)]
pub enum Schema {
    /// Any text.
    Text,
    /// Any text, also an empty one; only its presence matters.
    Presence,
    /// A text that is not empty.
    NonEmptyText,
    /// An integer.
    Integer {
        /// The smallest value.
        min: i64,
        /// The largest value; `None` if a setting decides it.
        max: Option<i64>,
        /// The value without the parameter.
        default: i64,
    },
    /// How far a traversal goes: `all`, or a number of levels.
    Depth,
    /// How much a synchronization may change: a number, or a percentage.
    ChangeLimit,
    /// One id.
    Id,
    /// A list of ids.
    Ids,
    /// A list of ids of users, or [`ME`].
    UserIds,
    /// A list of names of relationship types.
    TypeNames,
    /// A list of names of roles.
    RoleNames,
    /// A list of texts that are not empty.
    Texts,
    /// A list of e-mail addresses.
    Emails,
    /// A list of `true` and `false`.
    Flags,
    /// A time in the format of ISO 8601.
    Moment,
    /// The word [`NOW`].
    Now,
    /// A list of these names.
    Names(fn() -> Vec<&'static str>),
    /// One of these names.
    Choice(fn() -> Vec<&'static str>),
    /// A list of access levels.
    AccessLevels,
    /// One of these names, or one of them after `-`. Further names are valid where they cannot change the order.
    Sort(&'static [(&'static str, SortBy)]),
    /// A list of relationship paths.
    Paths(&'static [(&'static str, IncludePath)]),
    /// A list of roles of users.
    Roles,
    /// A list of fields of users, and of roles.
    FieldsAndRoles(fn() -> Vec<&'static str>),
    /// A list of fields of a resource type.
    Fields(fn() -> Vec<&'static str>),
}

impl Parameter {
    /// A parameter without an alias.
    #[must_use]
    pub const fn new(name: &'static str, schema: Schema, description: &'static str) -> Self {
        Self { name, alias: None, schema, description }
    }

    /// The same parameter with an alias.
    #[must_use]
    pub const fn with_alias(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    /// Whether the parameter may be sent several times, which has the same meaning as a comma-separated list.
    #[must_use]
    pub fn allows_repetition(&self) -> bool {
        self.name.starts_with("filter[") && !matches!(self.schema, Schema::Moment | Schema::Now)
    }

    /// Whether a name in a query denotes this parameter: its name or, if `is_alias_known`, its alias. The name of a filter
    /// may end in `[]` or in an index, `[0]`, as clients write the items of an array.
    #[must_use]
    pub fn has_name(&self, name: &str, is_alias_known: bool) -> bool {
        let item = || self.allows_repetition() && name.strip_prefix(self.name).is_some_and(is_item);
        name == self.name || (is_alias_known && self.alias == Some(name)) || item()
    }

    /// Whether an empty value is valid.
    #[must_use]
    pub const fn allows_empty(&self) -> bool {
        matches!(
            self.schema,
            Schema::Fields(_) | Schema::FieldsAndRoles(_) | Schema::Paths(_) | Schema::Roles | Schema::Presence
        )
    }
}

/// Whether the end of a name marks an item of an array: `[]` or `[0]`.
fn is_item(end: &str) -> bool {
    let index = end.strip_prefix('[').and_then(|end| end.strip_suffix(']'));
    index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}
