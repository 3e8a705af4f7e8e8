//! An operation: a method of a path with its parameters, body, responses and description.

use serde_json::Value;

use crate::http::jsonapi::media_type::MEDIA_TYPE;
use crate::http::jsonapi::parameter::Parameter;
use crate::http::jsonapi::profile::Applied;
use crate::model::code::Code;

/// The successful responses of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Success {
    /// 200 with one resource, or 304.
    Fetched(&'static str),
    /// 200 with a list, or 304.
    Listed(&'static str),
    /// 200 with a list of changes, or 304.
    Changes,
    /// 202 with a resource whose work is not done yet.
    Accepted(&'static str),
    /// 201 with the new resource.
    Created(&'static str),
    /// 200 with the changed resource.
    Changed(&'static str),
    /// 204, or 200 with only `meta`.
    Deleted,
    /// 200 with the results of operations.
    OperationResults,
    /// 200 with another JSON:API document.
    Document(&'static str),
    /// 200 with an HTML page.
    Page,
    /// 200 with JSON that is not a JSON:API document.
    Json,
    /// 200 with plain text.
    Text,
    /// No successful response.
    AlwaysFails,
}

/// The body of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestBody {
    /// The name of its schema.
    pub schema: &'static str,
    /// A valid body.
    pub example: fn() -> Value,
    /// What it contains.
    pub content: BodyContent,
}

/// What the body of a request contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyContent {
    /// A resource.
    Resource,
    /// A document of the atomic operations extension.
    Operations,
    /// A file of an import.
    File,
}

impl RequestBody {
    /// Its media type.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self.content {
            BodyContent::Resource => MEDIA_TYPE,
            BodyContent::Operations => Applied::AtomicExtension.media_type(),
            BodyContent::File => "text/csv",
        }
    }
}

/// A method of a path.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names are those of OpenAPI")]
pub struct ApiOperation {
    pub method: &'static str,
    pub path: &'static str,
    pub id: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    pub description: &'static str,
    pub query: &'static [Parameter],
    /// An example query, with its question mark.
    pub example: &'static str,
    pub body: Option<RequestBody>,
    pub success: Success,
    /// The codes that do not follow from the other members.
    pub error_codes: &'static [Code],
}

/// An operation without parameters, body or error codes.
pub(super) const fn operation(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    success: Success,
) -> ApiOperation {
    ApiOperation {
        method,
        path,
        id,
        tag,
        summary,
        success,
        description: "",
        query: &[],
        example: "",
        body: None,
        error_codes: &[],
    }
}

impl ApiOperation {
    pub(super) const fn description(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    pub(super) const fn query(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    pub(super) const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    pub(super) const fn body(self, schema: &'static str, example: fn() -> Value) -> Self {
        Self { body: Some(RequestBody { schema, example, content: BodyContent::Resource }), ..self }
    }

    pub(super) const fn atomic_body(self, schema: &'static str, example: fn() -> Value) -> Self {
        Self { body: Some(RequestBody { schema, example, content: BodyContent::Operations }), ..self }
    }

    pub(super) const fn upload(self, example: fn() -> Value) -> Self {
        Self { body: Some(RequestBody { schema: "ImportUpload", example, content: BodyContent::File }), ..self }
    }

    pub(super) const fn error_codes(self, error_codes: &'static [Code]) -> Self {
        Self { error_codes, ..self }
    }

    /// Whether it may change something.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.method != "GET"
    }

    /// Whether `Idempotency-Key` is supported.
    #[must_use]
    pub const fn allows_idempotency_key(&self) -> bool {
        matches!(self.success, Success::Created(_) | Success::OperationResults)
    }

    /// Whether it changes a resource, and the response comes before all of the change is made.
    const fn changes_later(&self) -> bool {
        matches!((&self.success, self.method.as_bytes()), (Success::Accepted(_), b"PATCH"))
    }

    /// Whether `If-Match` and `If-None-Match` are supported.
    #[must_use]
    pub const fn allows_preconditions(&self) -> bool {
        matches!(
            self.success,
            Success::Fetched(_) | Success::Listed(_) | Success::Changes | Success::Changed(_) | Success::Deleted
        ) || self.changes_later()
    }
}
