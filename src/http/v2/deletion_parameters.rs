//! The query parameters of the deletion of a user.

use crate::http::jsonapi::parameter::{Parameter, Schema};

/// The user who takes over the relationships of a deleted user.
pub const TRANSFER_TO: Parameter = Parameter::new(
    "transfer-to",
    Schema::Id,
    "The id of the user to whom all relationships that target the deleted user are handed over, of every type of which a \
     user owns at most one relationship",
);
/// The types of these relationships.
pub const TRANSFER_TYPES: Parameter = Parameter::new(
    "transfer-types",
    Schema::TypeNames,
    "With `transfer-to`: the types of the relationships to hand over, instead of those of which a user owns at most one",
);

/// The parameters of the deletion of a user.
pub const DELETED_USER: &[Parameter] = &[TRANSFER_TO, TRANSFER_TYPES];
