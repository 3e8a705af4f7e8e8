//! Documents whose data is the linkage of a relationship to users (JSON:API 1.1, "Updating Relationships").

use serde_json::Value;

use super::errors::{ApiProblem, Failure};
use super::input::parse_identifier;
use super::problems::Problems;
use crate::domain::operations::ResourceRef;
use crate::domain::roles::MAX_MEMBERS;
use crate::http::json;
use crate::model::code::Code;
use crate::model::id::UserId;

/// Parses a document with the linkage of a to-one relationship: a user, or null.
///
/// # Errors
/// 400 for a malformed document, 409 for an identifier of another type, 422 for any other value.
pub fn parse_to_one(body: &[u8]) -> Result<Option<UserId>, Failure> {
    Ok(to_one_of(&parse_data(body)?)?.as_ref().map(stored).transpose()?)
}

/// Parses a document with the linkage of a to-many relationship: a list of distinct users.
///
/// # Errors
/// As [`parse_to_one`].
pub fn parse_to_many(body: &[u8]) -> Result<Vec<UserId>, Failure> {
    let members = to_many_of(&parse_data(body)?)?;
    Ok(members.iter().map(stored).collect::<Result<_, _>>()?)
}

/// The user in the linkage of a to-one relationship.
///
/// # Errors
/// As [`parse_to_one`].
pub fn to_one_of(data: &Value) -> Result<Option<ResourceRef<UserId>>, ApiProblem> {
    match data {
        Value::Null => Ok(None),
        data => parse_identifier(data, |member| format!("/data{member}")).map(Some),
    }
}

/// The distinct users in the linkage of a to-many relationship.
///
/// # Errors
/// As [`parse_to_one`], with every invalid item.
pub fn to_many_of(data: &Value) -> Result<Vec<ResourceRef<UserId>>, Failure> {
    let invalid = |detail: String| ApiProblem::new(Code::InvalidRelationship, detail).pointer("/data");
    let Some(items) = data.as_array() else {
        return Err(invalid("`data` must be a list of resource identifiers".to_owned()).into());
    };
    if items.len() > MAX_MEMBERS {
        let detail = format!(
            "`data` has {} identifiers, and at most {MAX_MEMBERS} are allowed; send several requests",
            items.len()
        );
        return Err(invalid(detail).into());
    }
    let (mut members, mut seen, mut problems) = (Vec::new(), std::collections::HashSet::new(), Problems::default());
    for (index, item) in items.iter().enumerate() {
        match parse_identifier(item, |member| format!("/data/{index}{member}")) {
            Ok(member) if seen.insert(name_of(&member)) => members.push(member),
            Ok(_) => {
                let detail = "this identifier occurs before in `data`; send each once";
                problems.push(ApiProblem::new(Code::InvalidRelationship, detail).pointer(format!("/data/{index}")));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(members) } else { Err(problems.into()) }
}

/// What distinguishes a reference from others.
fn name_of(subject: &ResourceRef<UserId>) -> (Option<UserId>, Option<String>) {
    match subject {
        ResourceRef::Stored(id) => (Some(*id), None),
        ResourceRef::Lid(lid) => (None, Some(lid.clone())),
    }
}

fn parse_data(body: &[u8]) -> Result<Value, Failure> {
    let document: Value = json::parse(body)
        .map_err(|error| ApiProblem::new(Code::MalformedJson, format!("the request body is not JSON: {error}")))?;
    let malformed = |detail: &'static str| ApiProblem::new(Code::MalformedDocument, detail).pointer("");
    let Value::Object(mut document) = document else {
        return Err(malformed("the document must be an object").into());
    };
    document.remove("data").ok_or_else(|| malformed("the document needs `data` with the linkage").into())
}

/// The id in an identifier. Only operations may have local ids.
fn stored(subject: &ResourceRef<UserId>) -> Result<UserId, ApiProblem> {
    match subject {
        ResourceRef::Stored(id) => Ok(*id),
        ResourceRef::Lid(_) => {
            let detail = "the resource identifier needs an `id`";
            Err(ApiProblem::new(Code::InvalidRelationship, detail).pointer("/data"))
        }
    }
}
