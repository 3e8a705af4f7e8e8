//! What the document of a request asks for, resource by resource.

use actix_web::http::StatusCode;
use serde_json::Value as Json;

use super::errors::{Failure, Problem};
use super::input::Input;
use crate::domain::operations::ResourceRef;
use crate::domain::users;
use crate::model::code::Code;
use crate::model::error::Error;
use crate::model::id::UserId;
use crate::model::user::{COMPUTED_ATTRIBUTES, Field, USER_RELATIONSHIP_MEMBERS, Value};

/// A relationship that is to be: its ends, the owner unless it is the caller, and its type as sent.
#[derive(Debug)]
pub struct RequestedRelationship {
    /// The owner.
    pub user: Option<ResourceRef<UserId>>,
    /// The other end.
    pub target: ResourceRef<UserId>,
    /// The name of a type.
    pub relationship: String,
}

/// What is to change of a relationship, and the ends that the client believes it to have.
#[derive(Debug)]
pub struct RequestedChange {
    /// The owner.
    pub user: Option<ResourceRef<UserId>>,
    /// The other end.
    pub target: Option<ResourceRef<UserId>>,
    /// The name of a type; `None` changes nothing.
    pub relationship: Option<String>,
}

/// The relationship that a create asks for.
///
/// # Errors
/// 422 with everything that is wrong or missing.
pub fn new_relationship(mut input: Input) -> Result<RequestedRelationship, Failure> {
    input.require_attribute("relationship");
    input.require_relationship("target");
    let RequestedChange { user, target, relationship } = relationship_change(input)?;
    match (target, relationship) {
        (Some(target), Some(relationship)) => Ok(RequestedRelationship { user, target, relationship }),
        _ => Err(Failure::internal("a create without its members was not refused".to_owned())),
    }
}

/// The change of a relationship that an update asks for.
///
/// # Errors
/// 422 with everything that is wrong.
pub fn relationship_change(mut input: Input) -> Result<RequestedChange, Failure> {
    let relationship = input.text("relationship");
    let user = input.linked_user("user");
    let target = input.linked_user("target");
    input.ignore(&["created-at", "updated-at"]);
    input.finish()?;
    Ok(RequestedChange { user, target, relationship })
}

/// The values of a user that a create or an update sends.
///
/// # Errors
/// 422 with everything that is wrong, or 403 for an attempt to set what is created elsewhere.
pub fn user_changes(mut input: Input) -> Result<Vec<(Field, Value)>, Failure> {
    input.ignore(COMPUTED_ATTRIBUTES);
    let changes: Vec<_> =
        Field::ALL.into_iter().filter_map(|field| Some((field, value_of(input.attribute(field.member())?)))).collect();
    for name in USER_RELATIONSHIP_MEMBERS {
        // Client libraries send whole records back; without `data` a relationship object asks for nothing.
        if input.relationship(name).is_some_and(|object| object.get("data").is_some()) {
            let detail = "these are created and deleted under `/api/v2/user-relationships`";
            let problem = Problem::new(Code::ImmutableRelationship, detail);
            input.push_error(problem.pointer(format!("/data/relationships/{name}")));
        }
    }
    match input.finish() {
        Ok(()) => Ok(changes),
        // What the job would say of the values, once there was nothing else to say.
        Err(failure) if failure.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            Err(failure.and(Failure::of(Error::Refused(users::problems_of(&changes)))))
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
