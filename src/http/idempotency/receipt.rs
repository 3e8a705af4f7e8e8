//! The receipt of a request, which is stored for repeated requests. It contains identifiers but no personal data.
//!
//! # Design
//! The stored body is a small JSON:API document of resource identifiers, so an earlier release on the same database can
//! send it as a response. That release stored whole documents; only types and ids are read from those.

use serde::{Deserialize, Serialize};

use crate::http::jsonapi::profile::Applied;
use crate::model::error::{Error, Result};
use crate::model::idempotency::StoredAnswer;

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The HTTP status.
    pub status: u16,
    /// The URL of the created resource.
    pub location: Option<String>,
    /// The created or changed resources.
    pub done: Done,
}

/// The resources that a request created or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// One resource.
    #[serde(rename = "data")]
    One(Named),
    /// A result for each operation.
    #[serde(rename = "atomic:results")]
    Results(Vec<DoneOperation>),
}

/// The resource that one operation created or changed; empty for a removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneOperation {
    /// The resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Named>,
}

/// A resource identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// The members of a stored document that matter.
#[derive(Deserialize)]
struct StoredDocument {
    data: Option<Named>,
    #[serde(rename = "atomic:results")]
    results: Option<Vec<DoneOperation>>,
}

impl Receipt {
    /// Serializes the receipt.
    ///
    /// # Errors
    /// If it cannot be serialized, which would be a bug.
    pub fn to_stored(&self) -> serde_json::Result<StoredAnswer> {
        let applied = match self.done {
            Done::One(_) => Applied::Nothing,
            Done::Results(_) => Applied::AtomicExtension,
        };
        let location = self.location.as_ref().map(|location| format!("location:{location}\n"));
        let headers = format!("content-type:{}\n{}", applied.media_type(), location.unwrap_or_default());
        Ok(StoredAnswer { status: self.status, headers, body: serde_json::to_vec(&self.done)? })
    }

    /// Parses what this or an earlier release has stored.
    ///
    /// # Errors
    /// 500 for anything else.
    pub fn from_stored(answer: &StoredAnswer) -> Result<Self> {
        let invalid = || Error::Internal("a stored response is invalid".to_owned());
        let document: StoredDocument = serde_json::from_slice(&answer.body).map_err(|_| invalid())?;
        let done = match document {
            StoredDocument { data: Some(named), results: None } => Done::One(named),
            StoredDocument { data: None, results: Some(results) } => Done::Results(results),
            _ => return Err(invalid()),
        };
        let mut headers = answer.headers.lines().filter_map(|line| line.split_once(':'));
        let location = headers.find(|(name, _)| name.eq_ignore_ascii_case("location"));
        let location = location.map(|(_, value)| value.trim().to_owned());
        Ok(Self { status: answer.status, location, done })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::MAX_STORED_ANSWER;

    fn user(id: &str) -> Named {
        Named { kind: "users".to_owned(), id: id.to_owned() }
    }

    #[test]
    fn a_stored_receipt_can_be_parsed() {
        let created = Receipt { status: 201, location: Some("/api/v2/users/5".to_owned()), done: Done::One(user("5")) };
        let stored = created.to_stored().unwrap();
        assert_eq!(stored.body, br#"{"data":{"type":"users","id":"5"}}"#);
        assert_eq!(stored.headers, "content-type:application/vnd.api+json\nlocation:/api/v2/users/5\n");
        assert_eq!(Receipt::from_stored(&stored), Ok(created));
        let results = vec![DoneOperation { data: Some(user("5")) }, DoneOperation { data: None }];
        let operated = Receipt { status: 200, location: None, done: Done::Results(results) };
        let stored = operated.to_stored().unwrap();
        assert_eq!(stored.body, br#"{"atomic:results":[{"data":{"type":"users","id":"5"}},{}]}"#);
        assert_eq!(Receipt::from_stored(&stored), Ok(operated));
    }

    #[test]
    fn only_identifiers_are_read_of_a_whole_document() {
        let body = br#"{"jsonapi":{"version":"1.1"},"data":{"type":"users","id":"5","attributes":{"name":"A"}},"included":[]}"#;
        let headers = "etag:\"1-x\"\nlocation:/api/v2/users/5\n".to_owned();
        let stored = StoredAnswer { status: 201, headers, body: body.to_vec() };
        let read = Receipt::from_stored(&stored).unwrap();
        assert_eq!((read.done, read.location.as_deref()), (Done::One(user("5")), Some("/api/v2/users/5")));
        let invalid = StoredAnswer { body: b"<html>".to_vec(), ..stored };
        assert!(Receipt::from_stored(&invalid).is_err());
    }

    #[test]
    fn the_largest_receipt_can_be_stored() {
        // The longest name of a type, in the longest identifier.
        let named = Named { kind: "relationship-types".to_owned(), id: "t".repeat(64) };
        let results = vec![DoneOperation { data: Some(named) }; 1_000];
        let receipt = Receipt { status: 200, location: None, done: Done::Results(results) };
        assert!(receipt.to_stored().unwrap().body.len() <= MAX_STORED_ANSWER);
    }
}
