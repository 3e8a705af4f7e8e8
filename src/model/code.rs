//! The catalogue of error codes, by status.

/// Makes [`Code`] of a table: variant, HTTP status, name, title, and help for the documentation.
macro_rules! catalogue {
    ($($variant:ident $status:literal $name:literal $title:literal $help:literal;)*) => {
        /// A kind of problem of a request. Clients match on its name, which is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $help] $variant,)*
        }

        impl Code {
            /// Every code, by status.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in kebab case, as clients see it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// A short summary, the same for every problem of this kind.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// The meaning of the code and what to do, for the documentation.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

catalogue! {
    MalformedJson 400 "malformed-json" "The body is not JSON"
        "The request body is not valid JSON. The detail has the line and the column.";
    MalformedDocument 400 "malformed-document" "The body is not a JSON:API document"
        "The body is JSON, but lacks members that JSON:API requires in a request: `data` with an object that has a `type`.";
    UnknownParameter 400 "unknown-parameter" "Unknown query parameter"
        "The resource has no such query parameter. Names are case-sensitive.";
    InvalidParameter 400 "invalid-parameter" "Invalid query parameter"
        "The value of a query parameter is malformed or out of range. The detail says which values are valid.";
    DuplicateParameter 400 "duplicate-parameter" "Repeated query parameter"
        "A parameter was sent twice, or under both of its names. Only `filter[…]` may be repeated.";
    InvalidCursor 400 "invalid-cursor" "Invalid cursor"
        "The cursor is malformed, or belongs to another list. Start again without a cursor.";
    TraversalTooLarge 400 "traversal-too-large" "The traversal would visit too many users"
        "A traversal visits at most 10,000 users; ask for fewer levels with `max-depth`, or start from another user.";
    UnsupportedInclude 400 "unsupported-include" "Unsupported inclusion"
        "The resource has no such relationship, or it cannot be included. The detail lists what can be included.";
    UnsupportedSort 400 "unsupported-sort" "Unsupported order"
        "The list cannot be sorted like this. The detail lists the supported orders.";
    UnknownField 400 "unknown-field" "Unknown field"
        "A `fields[…]` parameter names a field that the resource type does not have.";
    Unauthenticated 401 "unauthenticated" "Missing or invalid credentials"
        "Send a valid API token (`Authorization: Token token=…` or `Authorization: Bearer urt_…`) or a JWT (`Authorization: Bearer …`), or sign the request. Send only one credential.";
    NotOwner 403 "not-owner" "Only the owner or an admin may do this"
        "The relationship or user belongs to another user.";
    NotAdmin 403 "not-admin" "Only an admin may do this"
        "The request needs a caller with the access level `admin`.";
    AdminOnlyAttribute 403 "admin-only-attribute" "Only an admin may change this attribute"
        "Users may change their own profile, but not the attributes that identify them to credentials or give them rights.";
    ClientGeneratedId 403 "client-generated-id" "The server assigns ids"
        "Leave `data.id` out of the request.";
    ImmutableRelationship 403 "immutable-relationship" "This relationship cannot be changed"
        "The ends of a user relationship are fixed: delete it and create another one.";
    UnsupportedUpdate 403 "unsupported-update" "This resource cannot be changed"
        "The resource is read-only.";
    SignatureRejected 403 "signature-rejected" "Invalid request signature"
        "A header of the signature is missing or malformed, the client or user is unknown, the signature does not verify, or it was used before.";
    AccountDisabled 403 "account-disabled" "The account may not use the service"
        "The credential is valid, but its user is disabled or excluded.";
    NotFound 404 "not-found" "Not found"
        "The resource does not exist, or the caller may not see it.";
    RelatedResourceNotFound 404 "related-resource-not-found" "A related resource does not exist"
        "The request refers to a user that does not exist, or that the caller may not see.";
    MethodNotAllowed 405 "method-not-allowed" "Method not allowed"
        "The resource does not support the method; the `Allow` header lists the methods that it supports.";
    NotAcceptable 406 "not-acceptable" "Not acceptable"
        "No media type of the `Accept` header is available; send `application/vnd.api+json`.";
    AlreadyExists 409 "already-exists" "Already exists"
        "The same resource exists; `links.about` has its URL.";
    EmailTaken 409 "email-taken" "The e-mail address is taken"
        "Another user has this address. Addresses are compared without regard to case.";
    TypeInUse 409 "type-in-use" "The relationship type is in use"
        "Relationships of this type exist; delete or change them first.";
    TooManyTypes 409 "too-many-types" "Too many relationship types"
        "The maximum number of types is registered. Delete a type without relationships, and try again later.";
    RoleTaken 409 "role-taken" "Another relationship type has this role"
        "Roles are unique across all relationship types, and a role cannot be the name of another type.";
    RulesViolated 409 "rules-violated" "Stored relationships break the rule"
        "Nothing was changed. `meta.count` says how often the rule is broken and `meta.examples` where; mend these relationships first.";
    RelationshipCycle 409 "relationship-cycle" "The relationship would close a cycle"
        "The type allows no path that leads back to its start. `meta.path` has the users of the path.";
    TooManyRelationships 409 "too-many-relationships" "The user has the most relationships of this type"
        "The type limits how many relationships one user may own. `meta.max` is the limit, and `meta.existing-ids` has the relationships.";
    RelationshipTooDeep 409 "relationship-too-deep" "The chain of relationships would be too long"
        "In a type without cycles no path may have more than 64 relationships.";
    TransferTooLarge 409 "transfer-too-large" "Too many relationships to transfer"
        "One request moves at most 10,000 relationships. Nothing was moved; `meta.count` has the number.";
    ImportOutdated 409 "import-outdated" "The preview of the import is outdated"
        "What the import would change differs from its preview, because others changed users or relationships, or the preview is older than 24 hours. Upload the file again.";
    ImportRunning 409 "import-running" "An import is running"
        "One import runs at a time, and one that is being read or runs cannot be started or deleted. Wait for it, or cancel it.";
    ImportNotRunnable 409 "import-not-runnable" "The import cannot be run"
        "The import has ended, its synchronization has rejected lines, or it would delete and disable more than `import-max-changes` allows. The detail says which.";
    OwnAccount 409 "own-account" "Admins cannot delete themselves"
        "Ask another admin.";
    TypeMismatch 409 "type-mismatch" "Wrong resource type"
        "The `type` of a resource or a linkage does not fit the URL or the relationship.";
    IdMismatch 409 "id-mismatch" "Wrong resource id"
        "`data.id` differs from the id in the URL.";
    IdempotencyKeyInUse 409 "idempotency-key-in-use" "The first request is still running"
        "Another request with the same `Idempotency-Key` did not end in time. Repeat the request in a moment.";
    CursorExpired 410 "cursor-expired" "The cursor has expired"
        "The change log no longer has every change after the cursor, or the cursor comes from another history of the database. Read the lists again and start at `links.about`; `meta.oldest` says from when the log is complete.";
    PreconditionFailed 412 "precondition-failed" "The resource has changed"
        "`If-Match` does not match the present state of the resource. Fetch it again, then decide.";
    AnswerTooLarge 413 "answer-too-large" "The response is too large"
        "The response would be larger than 8 MiB, and nothing was written. Send fewer operations, ask for fewer `fields[…]`, or for a smaller page.";
    BodyTooLarge 413 "body-too-large" "The body is too large"
        "The request body is larger than `MAX_BODY`.";
    UriTooLong 414 "uri-too-long" "The URI is too long"
        "The request target is longer than 8 KiB.";
    UnsupportedMediaType 415 "unsupported-media-type" "Unsupported media type"
        "Send the body as `application/vnd.api+json` (or `application/json`).";
    MissingAttribute 422 "missing-attribute" "Missing attribute"
        "The request lacks a required attribute.";
    MissingRelationship 422 "missing-relationship" "Missing relationship"
        "The request lacks a required relationship.";
    InvalidAttribute 422 "invalid-attribute" "Invalid attribute"
        "The value has the wrong JSON type, is too long, or breaks another rule; the detail has the rule.";
    InvalidRelationship 422 "invalid-relationship" "Invalid relationship"
        "The linkage is null or a list, or has a malformed id.";
    UnknownAttribute 422 "unknown-attribute" "Unknown attribute"
        "The resource has no such attribute.";
    UnknownRelationship 422 "unknown-relationship" "Unknown relationship"
        "The resource has no such relationship.";
    SelfRelationship 422 "self-relationship" "A user cannot be its own target"
        "The two ends of a relationship must differ.";
    UnknownRelationshipType 422 "unknown-relationship-type" "The relationship type is not registered"
        "The detail lists up to 20 registered names. An admin can register types under `/api/v2/relationship-types`.";
    IdempotencyKeyReused 422 "idempotency-key-reused" "The key belongs to another request"
        "The same `Idempotency-Key` was sent with another method, path, query, media type or body.";
    RateLimited 429 "rate-limited" "Too many requests"
        "The caller or the address sent too many requests (`RATE_LIMIT`), or too many invalid credentials. Try again after `Retry-After` seconds.";
    HeadersTooLarge 431 "headers-too-large" "The header fields are too large"
        "The head of the request is larger than 64 KiB.";
    Internal 500 "internal" "Internal error"
        "A fault of the service. The `id` of the error identifies it in the log.";
    Unavailable 503 "unavailable" "Temporarily unavailable"
        "The database does not respond, or the service is overloaded. Try again after `Retry-After` seconds.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_in_the_order_of_their_status() {
        assert!(Code::ALL.is_sorted_by_key(|code| code.status()));
    }

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }
}
