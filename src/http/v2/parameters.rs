//! The query parameters of each resource.

use crate::domain::group_lists::IncludePath;
use crate::http::jsonapi::paging::{AFTER, BEFORE, LIMIT, NUMBER, NUMBERED_SIZE, OFFSET, SIZE};
use crate::http::jsonapi::parameter::{Parameter, Schema};
use crate::http::jsonapi::render_options::{
    FIELDS_OF_GROUPS, FIELDS_OF_MEMBERS, FIELDS_OF_RELATIONSHIPS, FIELDS_OF_TRANSFERS, FIELDS_OF_TYPES, FIELDS_OF_USERS,
};
use crate::model::page::SortBy;
use crate::model::relationship::End;

/// The description of `sort`, with a rule of the list.
macro_rules! sort_description {
    ($rule:literal) => {
        concat!(
            "Sort key; the prefix `-` reverses the order. ",
            $rule,
            "Ties are sorted by id in the same direction. Further keys after a comma are accepted where they cannot change \
             the order, as in `-created-at,-id`"
        )
    };
}

/// The values of a flag, for people.
pub const FLAG_RULE: &str = "`true` or `false`";

/// Filters relationships by owner.
pub const FILTER_USER: Parameter =
    Parameter::new("filter[user]", Schema::UserIds, "Only relationships that these users own; `me` is the caller")
        .with_alias("user");
/// Filters relationships by target.
pub const FILTER_TARGET: Parameter =
    Parameter::new("filter[target]", Schema::UserIds, "Only relationships that target these users; `me` is the caller")
        .with_alias("target");
/// Filters relationships by type.
pub const FILTER_RELATIONSHIP: Parameter =
    Parameter::new("filter[relationship]", Schema::TypeNames, "Only relationships of these types")
        .with_alias("relationship");
/// Filters relationships by the users at either end.
pub const FILTER_PARTICIPANT: Parameter = Parameter::new(
    "filter[participant]",
    Schema::UserIds,
    "Only relationships with one of these users at either end; `me` is the caller",
);
/// Filters relationships by the state of the owner.
pub const FILTER_USER_ENABLED: Parameter =
    Parameter::new("filter[user-enabled]", Schema::Flags, "Only relationships whose owner is enabled, or is disabled");
/// Filters relationships by the state of the target.
pub const FILTER_TARGET_ENABLED: Parameter = Parameter::new(
    "filter[target-enabled]",
    Schema::Flags,
    "Only relationships whose target is enabled, or is disabled: with `false`, the reports of people who left",
);
/// Sorts relationships.
pub const SORT_RELATIONSHIPS: Parameter = Parameter::new(
    "sort",
    Schema::Sort(&[("id", SortBy::Id), ("created-at", SortBy::CreatedAt), ("updated-at", SortBy::UpdatedAt)]),
    sort_description!("`created-at` and `updated-at` need filters that at most 10,000 relationships match. "),
);
/// Includes the users at the ends of relationships.
pub const INCLUDE_ENDS: Parameter = Parameter::new(
    "include",
    Schema::Paths(&[("user", IncludePath::End(End::User)), ("target", IncludePath::End(End::Target))]),
    "Adds the owners (`user`) or the targets to `included`",
);

/// Shows relationships, or the users with a role, as they were at a moment.
pub const FILTER_AS_OF: Parameter = Parameter::new(
    "filter[as-of]",
    Schema::Moment,
    "The state at this moment: ISO 8601 with an offset, at most 60 seconds in the future. Relationships need \
     `filter[user]`, `filter[target]` or `filter[participant]`. Users are shown as they are now; a deleted relationship has \
     no links, and a deleted user is `type`, `id` and `meta.is-deleted`. Not for callers with the access level `ext`",
);

/// Searches users by words.
pub const FILTER_QUERY: Parameter = Parameter::new(
    "filter[query]",
    Schema::Text,
    "Words that must all occur in the names, the e-mail address, `alt-id`, `unit` or `job-title`, ignoring case and \
     accents. White space and commas separate words",
)
.with_alias("query");
/// Filters users by id.
pub const FILTER_USER_ID: Parameter = Parameter::new("filter[id]", Schema::Ids, "Only these users");
/// Filters users by e-mail address.
pub const FILTER_EMAIL: Parameter =
    Parameter::new("filter[email]", Schema::Emails, "Only users with these e-mail addresses, ignoring case");
/// Filters users by their id in another system.
pub const FILTER_ALT_ID: Parameter =
    Parameter::new("filter[alt-id]", Schema::Texts, "Only users with these values of `alt-id`, compared exactly");
/// Filters users by unit.
pub const FILTER_UNIT: Parameter =
    Parameter::new("filter[unit]", Schema::Texts, "Only users in one of these units, ignoring case and accents");
/// Filters users by job title.
pub const FILTER_JOB_TITLE: Parameter = Parameter::new(
    "filter[job-title]",
    Schema::Texts,
    "Only users with one of these job titles, ignoring case and accents",
);
/// Filters users by whether they are supervisors.
pub const FILTER_IS_SUPERVISOR: Parameter = Parameter::new(
    "filter[is-supervisor]",
    Schema::Flags,
    "Only users that are, or are not, the target of a `subordinate` relationship",
);
/// Filters users by whether they are enabled.
pub const FILTER_IS_ENABLED: Parameter = Parameter::new(
    "filter[is-enabled]",
    Schema::Flags,
    "Only enabled or only disabled users; the default is `true`. Only admins see disabled users",
);
/// Filters users by access level.
pub const FILTER_ACCESS_LEVEL: Parameter =
    Parameter::new("filter[access-level]", Schema::AccessLevels, "Only users with these access levels");
/// Filters users by roles that somebody has towards them.
pub const FILTER_HAS: Parameter = Parameter::new(
    "filter[has]",
    Schema::RoleNames,
    "Only users towards whom at least one user has one of these roles, such as `subordinates`",
);
/// Filters users by roles that nobody has towards them.
pub const FILTER_LACKS: Parameter = Parameter::new(
    "filter[lacks]",
    Schema::RoleNames,
    "Only users towards whom no user has any of these roles, such as `supervisors`",
);
/// Sorts users.
pub const SORT_USERS: Parameter = Parameter::new(
    "sort",
    Schema::Sort(&[
        ("name", SortBy::Name),
        ("id", SortBy::Id),
        ("created-at", SortBy::CreatedAt),
        ("updated-at", SortBy::UpdatedAt),
    ]),
    sort_description!("`name` ignores case and accents. `updated-at` needs filters that at most 10,000 users match. "),
);

/// How far to follow the relationships of a role.
pub const MAX_DEPTH: Parameter = Parameter::new(
    "max-depth",
    Schema::Depth,
    "Also users with the role at any distance: `all`, or at most this many relationships away, up to 64. Below a user of a \
     tree they come in pre-order, otherwise by distance and id",
);
/// Filters the users of a traversal by id.
pub const FILTER_REACHED: Parameter = Parameter::new(
    "filter[id]",
    Schema::UserIds,
    "Only these users; with `max-depth`. One id answers whether a user is above or below another one",
);
/// Filters the users of a traversal by other users that lead to them.
pub const FILTER_SHARED_WITH: Parameter = Parameter::new(
    "filter[shared-with]",
    Schema::UserIds,
    "Only users that all of these users have in common with the first one; with `max-depth`, for roles of targets. The \
     first row is the nearest one",
);
/// Includes users with roles.
pub const INCLUDE_ROLES: Parameter = Parameter::new(
    "include",
    Schema::Roles,
    "The roles towards each user, such as `supervisor`, whose users to add to `included`: at most 10 roles, and at most 50 \
     users of each",
);

/// Filters groups by id.
pub const FILTER_GROUP_ID: Parameter = Parameter::new("filter[id]", Schema::Ids, "Only these groups");
/// Filters groups by type.
pub const FILTER_GROUP_TYPE: Parameter =
    Parameter::new("filter[group-type]", Schema::Texts, "Only groups of these types");
/// Filters groups by owner.
pub const FILTER_OWNER: Parameter =
    Parameter::new("filter[owner]", Schema::UserIds, "Only groups that these users own; `me` is the caller");
/// Sorts groups, memberships or transfers.
pub const SORT_GROUPS: Parameter = Parameter::new("sort", Schema::Sort(&[("id", SortBy::Id)]), sort_description!(""));
/// Includes resources related to groups.
pub const INCLUDE_WITH_GROUPS: Parameter = Parameter::new(
    "include",
    Schema::Paths(&[
        ("owner", IncludePath::Owner),
        ("members", IncludePath::Members),
        ("members.user", IncludePath::MemberUsers),
    ]),
    "The related resources to add to `included`; up to 1,000 memberships",
);

/// Filters memberships by id.
pub const FILTER_MEMBER_ID: Parameter = Parameter::new("filter[id]", Schema::Ids, "Only these memberships");
/// Filters memberships by group.
pub const FILTER_GROUP: Parameter = Parameter::new("filter[group]", Schema::Ids, "Only memberships in these groups");
/// Filters memberships by user.
pub const FILTER_MEMBER_USER: Parameter =
    Parameter::new("filter[user]", Schema::UserIds, "Only memberships of these users; `me` is the caller");
/// Includes resources related to memberships.
pub const INCLUDE_WITH_MEMBERS: Parameter = Parameter::new(
    "include",
    Schema::Paths(&[
        ("group", IncludePath::Group),
        ("group.owner", IncludePath::GroupOwner),
        ("user", IncludePath::User),
    ]),
    "The related resources to add to `included`",
);

/// These parameters, then the sparse fieldsets.
macro_rules! with_fieldsets {
    ($($parameter:expr),* $(,)?) => {
        &[
            $($parameter,)*
            FIELDS_OF_RELATIONSHIPS,
            FIELDS_OF_USERS,
            FIELDS_OF_TYPES,
            FIELDS_OF_GROUPS,
            FIELDS_OF_MEMBERS,
        ]
    };
}

/// The pagination parameters, these parameters, then the sparse fieldsets.
macro_rules! with_pages {
    ($($parameter:expr),* $(,)?) => {
        with_fieldsets![OFFSET, LIMIT, NUMBER, SIZE, AFTER, BEFORE, $($parameter),*]
    };
}

/// The parameters of requests for one user or relationship type.
pub const ONE_USER: &[Parameter] = with_fieldsets![];
/// The parameters of fetches of one user.
pub const SHOWN_USER: &[Parameter] = with_fieldsets![INCLUDE_ROLES];
/// The parameters of requests for one relationship.
pub const ONE_RELATIONSHIP: &[Parameter] = with_fieldsets![INCLUDE_ENDS];
/// The parameters of requests for one group.
pub const ONE_GROUP: &[Parameter] = with_fieldsets![INCLUDE_WITH_GROUPS];
/// The parameters of requests for one membership.
pub const ONE_MEMBER: &[Parameter] = with_fieldsets![INCLUDE_WITH_MEMBERS];
/// The parameters of the list of relationships.
pub const LIST_RELATIONSHIPS: &[Parameter] = with_pages![
    FILTER_USER,
    FILTER_TARGET,
    FILTER_PARTICIPANT,
    FILTER_RELATIONSHIP,
    FILTER_USER_ENABLED,
    FILTER_TARGET_ENABLED,
    SORT_RELATIONSHIPS,
    INCLUDE_ENDS,
    FILTER_AS_OF
];
/// The parameters of the list of users.
pub const LIST_USERS: &[Parameter] = with_pages![
    FILTER_QUERY,
    FILTER_USER_ID,
    FILTER_EMAIL,
    FILTER_ALT_ID,
    FILTER_UNIT,
    FILTER_JOB_TITLE,
    FILTER_IS_SUPERVISOR,
    FILTER_IS_ENABLED,
    FILTER_ACCESS_LEVEL,
    FILTER_HAS,
    FILTER_LACKS,
    SORT_USERS,
    INCLUDE_ROLES
];
/// The parameters of the users with a role towards a user.
pub const LIST_ROLE_USERS: &[Parameter] =
    with_pages![MAX_DEPTH, FILTER_REACHED, FILTER_SHARED_WITH, INCLUDE_ROLES, FILTER_AS_OF];
/// The parameters of the linkage to these users.
pub const LIST_ROLE_LINKAGE: &[Parameter] = &[OFFSET, LIMIT, NUMBER, SIZE, AFTER, BEFORE];
/// The parameters of requests for one transfer.
pub const ONE_TRANSFER: &[Parameter] = with_fieldsets![FIELDS_OF_TRANSFERS];
/// The parameters of the list of transfers.
pub const LIST_TRANSFERS: &[Parameter] = with_pages![SORT_GROUPS, FIELDS_OF_TRANSFERS];
/// The parameters of the list of relationship types.
pub const LIST_TYPES: &[Parameter] = with_fieldsets![OFFSET, LIMIT, NUMBER, NUMBERED_SIZE];
/// The parameters of the list of groups.
pub const LIST_GROUPS: &[Parameter] =
    with_pages![FILTER_GROUP_ID, FILTER_GROUP_TYPE, FILTER_OWNER, SORT_GROUPS, INCLUDE_WITH_GROUPS];
/// The parameters of the list of all memberships.
pub const LIST_MEMBERS: &[Parameter] =
    with_pages![FILTER_MEMBER_ID, FILTER_GROUP, FILTER_MEMBER_USER, SORT_GROUPS, INCLUDE_WITH_MEMBERS];
/// The parameters of the list of the members of one group.
pub const LIST_MEMBERS_OF_GROUP: &[Parameter] =
    with_pages![FILTER_MEMBER_ID, FILTER_MEMBER_USER, SORT_GROUPS, INCLUDE_WITH_MEMBERS];
