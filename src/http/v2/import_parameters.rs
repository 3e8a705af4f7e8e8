//! The query parameters of imports.

use crate::domain::transfer::RowOutcome;
use crate::http::jsonapi::paging::{AFTER, BEFORE, LIMIT, NUMBER, OFFSET, SIZE};
use crate::http::jsonapi::parameter::{Parameter, Schema};
use crate::http::jsonapi::render_options::{FIELDS_OF_IMPORT_ROWS, FIELDS_OF_IMPORTS};
use crate::http::v2::parameters::SORT_GROUPS;
use crate::imports::settings::MISSING_CHOICES;

/// Whether the file is the truth.
pub const IMPORT_SYNC: Parameter = Parameter::new(
    "import-sync",
    Schema::Choice(flags),
    "With `true`, relationships that the file no longer names are deleted, for the users and types that it has",
);
/// What happens to users that a synchronized file does not have.
pub const IMPORT_MISSING: Parameter = Parameter::new(
    "import-missing",
    Schema::Choice(|| MISSING_CHOICES.map(|(name, _)| name).to_vec()),
    "With `import-sync=true`: what happens to enabled users with an `alt-id` that are not in the file. The default, \
     `report`, lists them",
);
/// How much a synchronization may delete and disable.
pub const IMPORT_MAX_CHANGES: Parameter = Parameter::new(
    "import-max-changes",
    Schema::ChangeLimit,
    "With `import-sync=true`: the most deletions and disablings, as a number, or as a percentage of the users concerned, \
     whose sign is written `%25`. The default is `20%`. A preview with more cannot be run",
);
/// What columns become.
pub const IMPORT_MAP: Parameter = Parameter::new(
    "import-map",
    Schema::NonEmptyText,
    "What columns of CSV become: a JSON object with a member for each heading, such as `{\"Work Email\": \"email\"}`. \
     `-` or null ignores a column",
);
/// Whether unknown columns are ignored.
pub const IMPORT_IGNORE_UNKNOWN: Parameter = Parameter::new(
    "import-ignore-unknown",
    Schema::Choice(flags),
    "With `true`, unknown columns of CSV are ignored; otherwise they are an error",
);
/// Filters rows by outcome.
pub const FILTER_OUTCOME: Parameter = Parameter::new(
    "filter[outcome]",
    Schema::Names(|| RowOutcome::ALL.map(RowOutcome::name).to_vec()),
    "Only rows with these outcomes",
);

fn flags() -> Vec<&'static str> {
    vec!["true", "false"]
}

/// The parameters of an upload.
pub const NEW_IMPORT: &[Parameter] =
    &[IMPORT_SYNC, IMPORT_MISSING, IMPORT_MAX_CHANGES, IMPORT_MAP, IMPORT_IGNORE_UNKNOWN, FIELDS_OF_IMPORTS];
/// The parameters of requests for one import.
pub const ONE_IMPORT: &[Parameter] = &[FIELDS_OF_IMPORTS];
/// The parameters of the list of imports.
pub const LIST_IMPORTS: &[Parameter] = &[OFFSET, LIMIT, NUMBER, SIZE, AFTER, BEFORE, SORT_GROUPS, FIELDS_OF_IMPORTS];
/// The parameters of the list of the rows of an import.
pub const LIST_IMPORT_ROWS: &[Parameter] =
    &[OFFSET, LIMIT, NUMBER, SIZE, AFTER, BEFORE, FILTER_OUTCOME, SORT_GROUPS, FIELDS_OF_IMPORT_ROWS];
