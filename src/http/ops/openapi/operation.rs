//! An operation in words: a method of a path, what it takes and what it answers.

use serde_json::Value;

use crate::http::jsonapi::document::MEDIA_TYPE;
use crate::http::jsonapi::profile::Applied;
use crate::http::jsonapi::query::Parameter;
use crate::model::code::Code;
use crate::model::page::SortBy;

/// What a success brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 200 with one resource, or 304.
    Fetched(&'static str),
    /// 200 with a list, or 304.
    Listed(&'static str),
    /// 201 with the new resource.
    Created(&'static str),
    /// 200 with the changed resource.
    Changed(&'static str),
    /// 204, or 200 with `meta` alone.
    Deleted,
    /// 200 with the results of operations.
    Operated,
    /// 200 with another JSON:API document.
    Plain(&'static str),
    /// 200 with a page for people.
    Page,
    /// 200 with JSON that is no JSON:API.
    Json,
    /// 200 with lines of text.
    Text,
    /// There is no success.
    Refused,
}

/// What a request carries.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// The schema.
    pub schema: &'static str,
    /// A body that is accepted.
    pub example: fn() -> Value,
    /// Whether it follows the atomic extension.
    pub is_atomic: bool,
}

impl Body {
    /// Its media type.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        if self.is_atomic { Applied::AtomicExtension.media_type() } else { MEDIA_TYPE }
    }
}

/// A method of a path.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "OpenAPI's own words")]
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub id: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    pub about: &'static str,
    pub query: &'static [Parameter],
    /// A query to try, with its question mark.
    pub example: &'static str,
    /// What the list can be sorted by.
    pub orders: &'static [(&'static str, SortBy)],
    pub body: Option<Body>,
    pub answer: Answer,
    /// Beyond those that follow from everything else.
    pub codes: &'static [Code],
}

/// An operation without parameters, a body or codes of its own.
pub(super) const fn operation(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    answer: Answer,
) -> Operation {
    Operation {
        method,
        path,
        id,
        tag,
        summary,
        answer,
        about: "",
        query: &[],
        example: "",
        orders: &[],
        body: None,
        codes: &[],
    }
}

impl Operation {
    pub(super) const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    pub(super) const fn takes(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    pub(super) const fn tried(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    pub(super) const fn sorted(self, orders: &'static [(&'static str, SortBy)]) -> Self {
        Self { orders, ..self }
    }

    pub(super) const fn sends(self, schema: &'static str, example: fn() -> Value) -> Self {
        Self { body: Some(Body { schema, example, is_atomic: false }), ..self }
    }

    pub(super) const fn sends_operations(self, schema: &'static str, example: fn() -> Value) -> Self {
        Self { body: Some(Body { schema, example, is_atomic: true }), ..self }
    }

    pub(super) const fn may_be(self, codes: &'static [Code]) -> Self {
        Self { codes, ..self }
    }

    /// Whether an `Idempotency-Key` is looked at.
    #[must_use]
    pub const fn is_repeatable(&self) -> bool {
        matches!(self.answer, Answer::Created(_) | Answer::Operated)
    }

    /// Whether `If-Match` and `If-None-Match` are looked at.
    #[must_use]
    pub const fn is_conditional(&self) -> bool {
        matches!(self.answer, Answer::Fetched(_) | Answer::Listed(_) | Answer::Changed(_) | Answer::Deleted)
    }
}
