//! Operations and schemas of imports.

use serde_json::{Value, json};

use super::build::{ID, constant, enumeration, insert, object, resource, schema, user_linkage};
use super::operation::{ApiOperation, Success, operation};
use super::requests::{closed, with_ignored};
use crate::domain::transfer::RowOutcome;
use crate::http::jsonapi::fields::{self, ResourceField};
use crate::http::jsonapi::import_fields::{ImportField, ImportRowField};
use crate::http::jsonapi::import_resources::{IMPORT_ROWS, IMPORTS};
use crate::http::v2::import_parameters::{LIST_IMPORT_ROWS, LIST_IMPORTS, NEW_IMPORT, ONE_IMPORT};
use crate::model::code::Code;
use crate::model::import::ImportState;

/// The tag.
pub const TAG: &str = "imports";
/// The description of the tag.
pub const ABOUT: &str = "Uploads of users and relationships, with a preview before anything is written. For admins.";
/// An example of an id.
pub const EXAMPLE: &str = "7";

const UPLOAD: &str = "The body is the file: CSV with users and their relationships, or with the columns `user`, `target` \
and `relationship`, as its header says; or NDJSON. It may have up to `MAX_IMPORT` bytes and take `IMPORT_TIMEOUT`; a signed \
request is limited to `MAX_BODY`. The import is `reading`, then a `preview`: nothing is written until it is run. A file that \
cannot be read makes it `failed`, with a `problem`.";
const CHANGE: &str = "`running` runs what the preview shows: it is compared with what is stored again, and 409 \
`import-outdated` says that they differ. One import runs at a time. `cancelled` ends the import; a run stops between two \
transactions, and what it has written stays.";

/// The operations on imports.
#[rustfmt::skip]
pub const OF_IMPORTS: [ApiOperation; 6] = [
    operation("GET", "/api/v2/imports", "listImports", TAG, "List imports (admin)", Success::Listed("ImportList"))
        .description("`meta.total-count` is the exact number of imports on all pages.").query(LIST_IMPORTS).example("?sort=-id&page[limit]=5")
        .error_codes(&[Code::NotAdmin, Code::InvalidCursor]),
    operation("POST", "/api/v2/imports", "createImport", TAG, "Upload a file (admin)", Success::Accepted("ImportDocument"))
        .description(UPLOAD).query(NEW_IMPORT).upload(example)
        .error_codes(&[Code::NotAdmin, Code::MalformedDocument, Code::BodyTooLarge, Code::UnsupportedMediaType, Code::ImportRunning]),
    operation("GET", "/api/v2/imports/{id}", "getImport", TAG, "Fetch an import (admin)", Success::Fetched("ImportDocument"))
        .description("`counts` are those of the preview, later of what is written. `progress` is the share of the work of its state.")
        .query(ONE_IMPORT).error_codes(&[Code::NotAdmin]),
    operation("PATCH", "/api/v2/imports/{id}", "updateImport", TAG, "Run or cancel an import (admin)", Success::Accepted("ImportDocument"))
        .description(CHANGE).query(ONE_IMPORT).body("ChangedImport", changed)
        .error_codes(&[Code::NotAdmin, Code::IdMismatch, Code::MissingAttribute, Code::UnknownRelationship, Code::ImportOutdated, Code::ImportRunning, Code::ImportNotRunnable]),
    operation("DELETE", "/api/v2/imports/{id}", "deleteImport", TAG, "Delete an import (admin)", Success::Deleted)
        .description("Deletes the record and its rows, not what was imported.").error_codes(&[Code::NotAdmin, Code::ImportRunning]),
    operation("GET", "/api/v2/imports/{id}/rows", "listImportRows", TAG, "List the rows of an import (admin)", Success::Listed("ImportRowList"))
        .description("What a run does, or has done, in the order of the file. Lines that change nothing have no row. Rows that a run rejects are added at the end.")
        .query(LIST_IMPORT_ROWS).error_codes(&[Code::NotAdmin, Code::InvalidCursor]),
];

fn example() -> Value {
    "email,first-name,last-name,subordinate\neero.laine@example.com,Eero,Laine,\nmari.heino@example.com,Mari,Heino,eero.laine@example.com\n".into()
}

fn changed() -> Value {
    json!({ "data": { "type": IMPORTS, "id": EXAMPLE, "attributes": { "state": ImportState::Running.name() } } })
}

/// Schemas of resources and documents.
pub fn schemas() -> Value {
    let link = |name: &str| if name == "actor" { user_linkage() } else { rows_link() };
    let mut import = resource::<ImportField>(IMPORTS, ID, link, import_attribute);
    if let Some(attributes) = import.pointer_mut("/properties/attributes/properties") {
        insert(attributes, "created-at", schema("IsoTime"));
    }
    let shown = [ImportState::Reading, ImportState::Preview, ImportState::Running].into_iter();
    let states = shown.chain(ImportState::ALL.iter().copied().filter(|state| state.is_final()));
    let mut attributes = with_ignored(std::iter::empty(), ImportField::COMPUTED);
    attributes.insert(ImportField::State.name().to_owned(), enumeration(["running", "cancelled"]));
    let relationships = with_ignored(std::iter::empty(), &fields::relationship_names::<ImportField>());
    let mut changed = object(
        &["type", "id", "attributes"],
        json!({
            "type": constant(IMPORTS),
            "id": schema(ID),
            "attributes": closed(&[ImportField::State.name()], attributes),
            "relationships": closed(&[], relationships),
        }),
    );
    insert(&mut changed, "description", "Members that the service sets are ignored");
    json!({
        "Import": import,
        "ImportState": enumeration(states.map(ImportState::name)),
        "ImportRow": row(),
        "ImportRowOutcome": enumeration(RowOutcome::ALL.map(RowOutcome::name)),
        "ImportDocument": object(&["jsonapi", "data"], json!({ "jsonapi": schema("JsonApi"), "data": schema("Import") })),
        "ImportList": list("Import"),
        "ImportRowList": list("ImportRow"),
        "ChangedImport": object(&["data"], json!({ "data": changed })),
        "ImportUpload": {
            "type": "string",
            "description": "CSV or NDJSON, in UTF-8 unless a byte order mark or `charset` says something else",
        },
    })
}

fn rows_link() -> Value {
    object(
        &["links"],
        json!({ "links": object(&["related"], json!({ "related": { "type": "string", "format": "uri-reference" } })) }),
    )
}

fn import_attribute(name: &str) -> Value {
    match name {
        "state" => schema("ImportState"),
        "counts" => {
            let names = ["created", "changed", "moved", "disabled", "unchanged", "rejected"];
            let counts = names.into_iter().map(|name| (name.to_owned(), json!({ "type": "integer", "minimum": 0 })));
            object(&names, counts.collect::<serde_json::Map<_, _>>().into())
        }
        "deleted" => count("The users whose relationships of a type are deleted and not replaced"),
        "missing" => count("The users that a synchronized file does not have, and to whom nothing happens"),
        "progress" => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        "problem" => json!({
            "type": ["string", "null"],
            "description": "Why it failed, or why the preview cannot be run",
        }),
        _ => json!({ "oneOf": [schema("IsoTime"), { "type": "null" }] }),
    }
}

fn count(about: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": about })
}

/// A row has no URL of its own, and so no links.
fn row() -> Value {
    let mut attributes = json!({});
    for name in fields::names::<ImportRowField>() {
        insert(&mut attributes, name, row_attribute(name));
    }
    object(
        &["type", "id"],
        json!({
            "type": constant(IMPORT_ROWS),
            "id": { "type": "string" },
            "attributes": { "type": "object", "properties": attributes },
            "meta": schema("ResourceMeta"),
        }),
    )
}

fn row_attribute(name: &str) -> Value {
    let values = |about: &str| {
        json!({
            "type": ["object", "null"],
            "additionalProperties": { "type": ["string", "null"] },
            "description": about,
        })
    };
    match name {
        "line" => json!({ "type": ["integer", "null"], "description": "Null for a user whom no line names" }),
        "outcome" => schema("ImportRowOutcome"),
        "subject" => json!({ "type": ["string", "null"], "description": "The user: name and address" }),
        "before" => values("The values before, by attribute of the user or by relationship type"),
        "after" => values("The values after, likewise"),
        _ => json!({ "type": "array", "items": { "type": "string" }, "description": "What is wrong and what to do" }),
    }
}

fn list(name: &str) -> Value {
    object(
        &["jsonapi", "data", "links", "meta"],
        json!({
            "jsonapi": schema("JsonApi"),
            "data": { "type": "array", "items": schema(name) },
            "links": schema("PageLinks"),
            "meta": schema("ListMeta"),
        }),
    )
}
