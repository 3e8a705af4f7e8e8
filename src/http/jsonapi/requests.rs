//! Parses request documents, by resource type.

use actix_web::http::StatusCode;
use serde_json::Value as Json;

use super::errors::{ApiProblem, Failure};
use super::input::Input;
use crate::domain::operations::ResourceRef;
use crate::domain::users;
use crate::model::code::Code;
use crate::model::error::Error;
use crate::model::id::UserId;
use crate::model::user::{COMPUTED_ATTRIBUTES, Field, USER_RELATIONSHIP_MEMBERS, Value};

/// The times of a resource, which the service sets.
pub const TIMES: [&str; 2] = ["created-at", "updated-at"];

/// A relationship to create.
#[derive(Debug)]
pub struct RequestedRelationship {
    /// The owner; `None` stands for the caller.
    pub user: Option<ResourceRef<UserId>>,
    /// The target.
    pub target: ResourceRef<UserId>,
    /// The name of the relationship type, not validated.
    pub relationship: String,
}

/// A change of a relationship. Its ends cannot change; a client may send them back.
#[derive(Debug)]
pub struct RequestedChange {
    /// The owner, if sent.
    pub user: Option<ResourceRef<UserId>>,
    /// The target, if sent.
    pub target: Option<ResourceRef<UserId>>,
    /// The name of the new relationship type; `None` changes nothing.
    pub relationship: Option<String>,
}

/// Parses a relationship to create.
///
/// # Errors
/// 422 with everything that is invalid or missing.
pub fn parse_new_relationship(mut input: Input) -> Result<RequestedRelationship, Failure> {
    // Null, like no owner at all, stands for the caller.
    input.ignore_null_linkage("user");
    input.require_attribute("relationship");
    input.require_relationship("target");
    let RequestedChange { user, target, relationship } = parse_relationship_change(input)?;
    match (target, relationship) {
        (Some(target), Some(relationship)) => Ok(RequestedRelationship { user, target, relationship }),
        _ => Err(Failure::internal("a document without required members was accepted".to_owned())),
    }
}

/// Parses a change of a relationship.
///
/// # Errors
/// 422 with everything that is invalid.
pub fn parse_relationship_change(mut input: Input) -> Result<RequestedChange, Failure> {
    let relationship = input.text("relationship");
    let user = input.linked_user("user");
    let target = input.linked_user("target");
    input.ignore(&TIMES);
    input.finish()?;
    Ok(RequestedChange { user, target, relationship })
}

/// Parses the attributes of a user to create or change.
///
/// # Errors
/// 422 with everything that is invalid; 403 for relationships of the user, which have their own resource.
pub fn parse_user_changes(mut input: Input) -> Result<Vec<(Field, Value)>, Failure> {
    input.ignore(COMPUTED_ATTRIBUTES);
    input.ignore_attributes(USER_RELATIONSHIP_MEMBERS);
    let changes: Vec<_> =
        Field::ALL.into_iter().filter_map(|field| Some((field, value_of(input.attribute(field.member())?)))).collect();
    for name in USER_RELATIONSHIP_MEMBERS {
        // Client libraries send whole records back. A relationship object without `data` changes nothing.
        if input.relationship(name).is_some_and(|object| object.get("data").is_some()) {
            let detail = "relationships are created and deleted at `/api/v2/user-relationships`";
            let problem = ApiProblem::new(Code::ImmutableRelationship, detail);
            input.push_error(problem.pointer(format!("/data/relationships/{name}")));
        }
    }
    match input.finish() {
        Ok(()) => Ok(changes),
        // The job would report these problems next; reporting all together saves the client a round trip.
        Err(failure) if failure.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            Err(failure.merge(Failure::of(Error::Refused(users::problems_of(&changes)))))
        }
        Err(failure) => Err(failure),
    }
}

fn value_of(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Flag(flag),
        Json::String(text) => Value::Text(text),
        Json::Array(items) => {
            let texts: Option<Vec<_>> = items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect();
            texts.map_or(Value::Other, Value::List)
        }
        Json::Number(_) | Json::Object(_) => Value::Other,
    }
}
