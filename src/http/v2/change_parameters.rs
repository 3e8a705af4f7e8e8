//! The query parameters of lists of changes.

use crate::http::jsonapi::change_paging::{CHANGES_SIZE, FILTER_FROM};
use crate::http::jsonapi::change_resource::{actions, subject_types};
use crate::http::jsonapi::paging::{AFTER, BEFORE};
use crate::http::jsonapi::parameter::{Parameter, Schema};
use crate::http::jsonapi::render_options::FIELDS_OF_CHANGES;
use crate::model::page::SortBy;

/// Filters changes by what changed.
pub const FILTER_SUBJECT_TYPE: Parameter =
    Parameter::new("filter[subject-type]", Schema::Names(subject_types), "Only changes of resources of these types");
/// Filters changes by what happened.
pub const FILTER_ACTION: Parameter =
    Parameter::new("filter[action]", Schema::Names(actions), "Only changes with these actions");
/// Filters changes by types of relationships.
pub const FILTER_RELATIONSHIP: Parameter = Parameter::new(
    "filter[relationship]",
    Schema::TypeNames,
    "Only changes of relationships that had one of these types before or after the change",
);
/// Filters changes by users.
pub const FILTER_USER: Parameter = Parameter::new(
    "filter[user]",
    Schema::UserIds,
    "Only changes of these users and of relationships with one of them at either end; `me` is the caller",
);
/// Filters changes by who made them.
pub const FILTER_ACTOR: Parameter =
    Parameter::new("filter[actor]", Schema::UserIds, "Only changes that these users made; `me` is the caller");
/// Filters changes by their earliest time.
pub const FILTER_SINCE: Parameter =
    Parameter::new("filter[since]", Schema::Moment, "Only changes at this time or later; ISO 8601 with an offset");
/// Filters changes by their latest time.
pub const FILTER_UNTIL: Parameter =
    Parameter::new("filter[until]", Schema::Moment, "Only changes before this time; ISO 8601 with an offset");
/// Sorts changes.
pub const SORT_CHANGES: Parameter = Parameter::new(
    "sort",
    Schema::Sort(&[("id", SortBy::Id)]),
    "`-id` shows the latest changes first, without `meta.cursor`",
);

/// The parameters of the feed.
pub const LIST_CHANGES: &[Parameter] = &[
    CHANGES_SIZE,
    AFTER,
    BEFORE,
    FILTER_FROM,
    FILTER_SUBJECT_TYPE,
    FILTER_ACTION,
    FILTER_RELATIONSHIP,
    FILTER_USER,
    FILTER_ACTOR,
    FILTER_SINCE,
    FILTER_UNTIL,
    SORT_CHANGES,
    FIELDS_OF_CHANGES,
];
/// The parameters of the history of a relationship. Not `filter[actor]`, which would reveal an actor that the caller may
/// not see.
pub const HISTORY_OF_RELATIONSHIP: &[Parameter] = &[
    CHANGES_SIZE,
    AFTER,
    BEFORE,
    FILTER_FROM,
    FILTER_ACTION,
    FILTER_SINCE,
    FILTER_UNTIL,
    SORT_CHANGES,
    FIELDS_OF_CHANGES,
];
/// The parameters of the history of a user.
pub const HISTORY_OF_USER: &[Parameter] = &[
    CHANGES_SIZE,
    AFTER,
    BEFORE,
    FILTER_FROM,
    FILTER_SUBJECT_TYPE,
    FILTER_ACTION,
    FILTER_RELATIONSHIP,
    FILTER_SINCE,
    FILTER_UNTIL,
    SORT_CHANGES,
    FIELDS_OF_CHANGES,
];
