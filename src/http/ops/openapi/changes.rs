//! Operations and schemas of changes.

use serde_json::{Value, json};

use super::build::{ID, constant, enumeration, insert, object, optional_user_linkage, schema, user_linkage};
use super::operation::{ApiOperation, Success, operation};
use crate::http::jsonapi::change_resource::{CHANGES, actions, reasons, subject_types};
use crate::http::jsonapi::fields::{self, ChangeField};
use crate::http::v2::change_parameters;
use crate::model::code::Code;

/// The tag.
pub const TAG: &str = "changes";
/// The description of the tag.
pub const ABOUT: &str = "What changed, when, and who changed it, in the order in which it happened.";
/// The schema of a list of changes.
pub const LIST: &str = "ChangeList";

const FEED: &str = "Numbers are dense and never change: a reader that goes on from `meta.cursor` gets every committed change \
exactly once. A page may have fewer changes than `page[size]`, even none, while `links.next` is not null. With `Prefer: wait=20` \
and no changes, the response waits up to 20 seconds for the next one. 410 `cursor-expired` says that changes after the cursor are \
missing: read the lists again and start at `links.about`. 404 if changes are not logged.";
const OF_EDGE: &str = "For callers who may see the relationship; the history of a deleted relationship is for admins. Only admins \
and the owner see `actor`. 404 if changes are not logged.";
const OF_USER: &str = "The changes of the user and of the relationships with it at either end, for this user and admins. Only \
admins and the owner of a relationship see `actor`. `me` is the caller. 404 if changes are not logged.";

/// The operations on changes.
#[rustfmt::skip]
pub const OF_CHANGES: [ApiOperation; 3] = [
    operation("GET", "/api/v2/changes", "listChanges", TAG, "List and follow changes (admin)", Success::Changes)
        .description(FEED).query(change_parameters::LIST_CHANGES).example("?filter[from]=now")
        .error_codes(&[Code::NotAdmin, Code::NotFound, Code::InvalidCursor, Code::CursorExpired]),
    operation("GET", "/api/v2/user-relationships/{id}/changes", "listChangesOfUserRelationship", TAG, "List the changes of a relationship", Success::Changes)
        .description(OF_EDGE).query(change_parameters::HISTORY_OF_RELATIONSHIP).example("?sort=-id")
        .error_codes(&[Code::InvalidCursor, Code::CursorExpired]),
    operation("GET", "/api/v2/users/{id}/changes", "listChangesOfUser", TAG, "List the changes of a user and its relationships", Success::Changes)
        .description(OF_USER).query(change_parameters::HISTORY_OF_USER)
        .error_codes(&[Code::NotOwner, Code::InvalidCursor, Code::CursorExpired]),
];

/// Schemas of resources and documents.
pub fn schemas() -> Value {
    json!({
        "Change": change(),
        "ChangeReason": enumeration(reasons()),
        LIST: object(&["jsonapi", "data", "links", "meta"], json!({
            "jsonapi": schema("JsonApi"),
            "data": { "type": "array", "items": schema("Change") },
            "links": schema("PageLinks"),
            "meta": object(&[], json!({
                "cursor": { "type": "string", "description": "Where a reader of these changes goes on, with `page[after]`. Not with `sort=-id`" },
            })),
        })),
    })
}

fn change() -> Value {
    let (mut attributes, mut relationships) = (json!({}), json!({}));
    let links = fields::relationship_names::<ChangeField>();
    for name in fields::names::<ChangeField>() {
        if links.contains(&name) {
            insert(&mut relationships, name, linkage(name));
        } else {
            insert(&mut attributes, name, attribute(name));
        }
    }
    object(
        &["type", "id"],
        json!({
            "type": constant(CHANGES),
            "id": schema(ID),
            "attributes": { "type": "object", "properties": attributes },
            "relationships": { "type": "object", "properties": relationships },
        }),
    )
}

fn linkage(name: &str) -> Value {
    if name == "actor" { optional_user_linkage() } else { user_linkage() }
}

fn attribute(name: &str) -> Value {
    let text = |about: &str| json!({ "type": ["string", "null"], "description": about });
    match name {
        "action" => enumeration(actions()),
        "subject-type" => enumeration(subject_types()),
        "subject-id" => text("The id of what changed; null if many resources were loaded"),
        "relationship" => text("The name of the type, of a relationship"),
        "previous-relationship" => text("The name of the type before an update, of a relationship"),
        "changed" => json!({
            "type": ["array", "null"],
            "items": { "type": "string" },
            "description": "The names of what changed; null for relationships",
        }),
        "at" => schema("IsoTime"),
        "transaction" => {
            json!({ "type": "string", "description": "The same for all changes that succeeded together" })
        }
        "request-id" => text("The id of the request; null for the command line"),
        _ => json!({ "oneOf": [schema("ChangeReason"), { "type": "null" }] }),
    }
}
