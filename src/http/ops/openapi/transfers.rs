//! Operations and schemas of transfers.

use serde_json::{Value, json};

use super::build::{ID, document, insert, list_document, resource, schema, user_linkage, written_schema};
use super::examples;
use super::operation::{ApiOperation, Success, operation};
use crate::http::jsonapi::fields::TransferField;
use crate::http::jsonapi::transfer_resource::TRANSFERS;
use crate::http::v2::parameters;
use crate::model::code::Code;
use crate::model::handover::TransferAttribute;

/// The tag.
pub const TAG: &str = "transfers";
/// The description of the tag.
pub const ABOUT: &str = "Relationships that were handed over from one target to another. For admins.";
/// An example of an id.
pub const EXAMPLE: &str = "7";

const HAND_OVER: &str = "All relationships of the type that target `from` get the target `to`, or none of them: at most \
10,000. They get new ids. Relationships that `to` targets already are merged. With `take-place`, `to` also gets the \
relationships that `from` owns; if users own at most one, it replaces that of `to`. The rules of the type apply.";
const MOVED: &[Code] = &[
    Code::NotAdmin,
    Code::ClientGeneratedId,
    Code::RelatedResourceNotFound,
    Code::MissingAttribute,
    Code::MissingRelationship,
    Code::InvalidRelationship,
    Code::UnknownRelationship,
    Code::SelfRelationship,
    Code::UnknownRelationshipType,
    Code::RelationshipCycle,
    Code::TooManyRelationships,
    Code::RelationshipTooDeep,
    Code::TransferTooLarge,
];

/// The operations on transfers.
#[rustfmt::skip]
pub const OF_TRANSFERS: [ApiOperation; 3] = [
    operation("GET", "/api/v2/transfers", "listTransfers", TAG, "List transfers (admin)", Success::Listed("TransferList"))
        .description("`meta.total-count` is the exact number of transfers on all pages.").query(parameters::LIST_TRANSFERS).example("?sort=-id&page[limit]=5")
        .error_codes(&[Code::NotAdmin, Code::InvalidCursor]),
    operation("POST", "/api/v2/transfers", "createTransfer", TAG, "Hand relationships over (admin)", Success::Created("TransferDocument"))
        .description(HAND_OVER).query(parameters::ONE_TRANSFER).body("NewTransfer", examples::new_transfer).error_codes(MOVED),
    operation("GET", "/api/v2/transfers/{id}", "getTransfer", TAG, "Fetch a transfer (admin)", Success::Fetched("TransferDocument"))
        .description("The users may be deleted.").query(parameters::ONE_TRANSFER).error_codes(&[Code::NotAdmin]),
];

/// Schemas of resources and documents.
pub fn schemas() -> Value {
    let user = |_: &str| user_linkage();
    let attribute = |name: &str| match name {
        "moved" => count("The relationships that got the new target"),
        "merged" => count("The relationships that were deleted because the new target had them already"),
        name => written_schema::<TransferAttribute>(name),
    };
    let mut transfer = resource::<TransferField>(TRANSFERS, ID, user, attribute);
    if let Some(attributes) = transfer.pointer_mut("/properties/attributes/properties") {
        insert(attributes, "created-at", schema("IsoTime"));
    }
    json!({
        "IsoTime": {
            "type": "string",
            "format": "date-time",
            "description": "ISO 8601 with microseconds, in UTC",
            "examples": ["2014-06-03T09:28:56.000000Z"],
        },
        "Transfer": transfer,
        "TransferDocument": document(schema("Transfer"), &["User"]),
        "TransferList": list_document("Transfer", &["User"]),
    })
}

fn count(about: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": about })
}
