//! The error catalogue: every code that an answer can carry, once.

/// Which of the two meanings of a code's status applies is told by the code alone, so clients match on it.
macro_rules! catalogue {
    ($($variant:ident $status:literal $name:literal $title:literal $help:literal;)*) => {
        /// A stable, kebab-case name of one way in which a request can fail.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $help] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as clients see it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// A short summary, the same for every use.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What it means and what to do, for the documentation.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

catalogue! {
    MalformedJson 400 "malformed-json" "The body is not JSON"
        "The request body could not be read as JSON. The detail names line and column.";
    MalformedDocument 400 "malformed-document" "The body is not a JSON:API document"
        "The body is JSON, but lacks the members that JSON:API demands of a request: `data` with an object that has a `type`.";
    UnknownParameter 400 "unknown-parameter" "Unknown query parameter"
        "The resource has no such query parameter. Names are case-sensitive.";
    InvalidParameter 400 "invalid-parameter" "Invalid query parameter"
        "The value of a query parameter is malformed or out of range. The detail says what is accepted.";
    DuplicateParameter 400 "duplicate-parameter" "Repeated query parameter"
        "A parameter was given twice, or under both of its names. Only `filter[…]` may be repeated.";
    InvalidCursor 400 "invalid-cursor" "Invalid cursor"
        "The cursor was not made by this service, or for another list. Start again without one.";
    UnsupportedInclude 400 "unsupported-include" "This cannot be included"
        "The resource has no such relationship, or it cannot be included. The detail lists what can.";
    UnsupportedSort 400 "unsupported-sort" "This order is not supported"
        "The list cannot be sorted like this. The detail says which orders there are.";
    UnknownField 400 "unknown-field" "Unknown field"
        "A `fields[…]` parameter names a field that the resource type does not have.";
    Unauthenticated 401 "unauthenticated" "Credentials are missing or not valid"
        "Send a valid API token (`Authorization: Token token=…` or `Authorization: Bearer urt_…`) or a JWT (`Authorization: Bearer …`), or sign the request; one of these, not two.";
    NotOwner 403 "not-owner" "Only the owner or an admin may do this"
        "The relationship or user belongs to somebody else.";
    NotAdmin 403 "not-admin" "Only an admin may do this"
        "The request needs a caller whose access level is `admin`.";
    AdminOnlyAttribute 403 "admin-only-attribute" "Only an admin may change this attribute"
        "Users may change their own profile, but not what names them to credentials or gives them rights.";
    ClientGeneratedId 403 "client-generated-id" "The server gives the ids"
        "Leave `data.id` out of the request.";
    ImmutableRelationship 403 "immutable-relationship" "This relationship cannot be changed"
        "The ends of a user relationship are fixed: delete it and create another.";
    UnsupportedUpdate 403 "unsupported-update" "This resource cannot be changed"
        "The resource is read-only.";
    SignatureRejected 403 "signature-rejected" "The signature of the request is not valid"
        "A header of the signature is missing or malformed, the client or user is unknown, the signature does not verify, or it was seen before.";
    AccountDisabled 403 "account-disabled" "The account may not use the service"
        "The credential is valid, but its user is disabled or excluded.";
    NotFound 404 "not-found" "Not found"
        "Nothing is there, or nothing that the caller may see.";
    RelatedResourceNotFound 404 "related-resource-not-found" "A related resource does not exist"
        "The request refers to a user that does not exist, or that the caller may not see.";
    MethodNotAllowed 405 "method-not-allowed" "Method not allowed"
        "The resource does not know the method; the `Allow` header lists those it knows.";
    NotAcceptable 406 "not-acceptable" "Not acceptable"
        "The `Accept` header takes nothing that is served here; send `application/vnd.api+json`.";
    UnsupportedMediaType 415 "unsupported-media-type" "Unsupported media type"
        "Send the body as `application/vnd.api+json` (or `application/json`).";
    AlreadyExists 409 "already-exists" "It exists already"
        "The same thing is stored already; `links.about` leads to it.";
    EmailTaken 409 "email-taken" "The e-mail address is taken"
        "Another user has this address. Addresses are compared without regard to case.";
    TypeInUse 409 "type-in-use" "The relationship type is in use"
        "Relationships of this type exist; delete or change them first.";
    TooManyTypes 409 "too-many-types" "Too many relationship types"
        "As many types are registered as there can be. Remove one that no relationship has, and try again later.";
    OwnAccount 409 "own-account" "An admin cannot delete itself"
        "Ask another admin.";
    TypeMismatch 409 "type-mismatch" "The type does not fit"
        "A resource or a linkage has another `type` than the place it stands in.";
    IdMismatch 409 "id-mismatch" "The id does not fit"
        "`data.id` differs from the id in the URL.";
    PreconditionFailed 412 "precondition-failed" "It has changed meanwhile"
        "`If-Match` does not name the present state of this resource. Fetch it again, then decide.";
    IdempotencyKeyInUse 409 "idempotency-key-in-use" "The first request is still running"
        "Another request with the same `Idempotency-Key` has not ended within the time that this one could wait.";
    AnswerTooLarge 413 "answer-too-large" "The answer is too large"
        "The answer would be larger than 8 MiB, and nothing was written. Send fewer operations, ask for fewer `fields[…]`, or for a smaller page.";
    BodyTooLarge 413 "body-too-large" "The body is too large"
        "The request body is larger than the service accepts (`MAX_BODY`).";
    UriTooLong 414 "uri-too-long" "The URI is too long"
        "The request target is longer than 8 KiB.";
    HeadersTooLarge 431 "headers-too-large" "The header fields are too large"
        "The head of the request is larger than 64 KiB.";
    MissingAttribute 422 "missing-attribute" "An attribute is missing"
        "The request lacks an attribute that must be there.";
    MissingRelationship 422 "missing-relationship" "A relationship is missing"
        "The request lacks a relationship that must be there.";
    InvalidAttribute 422 "invalid-attribute" "An attribute is not valid"
        "The value has the wrong JSON type, is too long, or breaks another rule that the detail names.";
    InvalidRelationship 422 "invalid-relationship" "A relationship is not valid"
        "The linkage is null, a list, or has a malformed id.";
    UnknownAttribute 422 "unknown-attribute" "Unknown attribute"
        "The resource has no such attribute.";
    UnknownRelationship 422 "unknown-relationship" "Unknown relationship"
        "The resource has no such relationship.";
    SelfRelationship 422 "self-relationship" "A user cannot be its own target"
        "The two ends of a relationship must differ.";
    UnknownRelationshipType 422 "unknown-relationship-type" "The relationship type is not registered"
        "The detail lists up to 20 names that are. An admin can register more under `/api/v2/relationship-types`.";
    IdempotencyKeyReused 422 "idempotency-key-reused" "The key belongs to another request"
        "The same `Idempotency-Key` was sent with another method, path, query, media type or body.";
    RateLimited 429 "rate-limited" "Too many requests"
        "Too many requests came from this caller or address (`RATE_LIMIT`), or too many credentials that are not valid. Try again after `Retry-After` seconds.";
    Internal 500 "internal" "Internal error"
        "A fault of the service. The `id` of the error finds it in the log.";
    Unavailable 503 "unavailable" "Temporarily unavailable"
        "The database does not answer, or the service is overloaded. Try again after `Retry-After` seconds.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }
}
