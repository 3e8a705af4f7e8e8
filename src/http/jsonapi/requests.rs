//! Parses request documents, by resource type.

use actix_web::http::StatusCode;
use serde_json::Value as Json;

use super::errors::{ApiProblem, Failure};
use super::fields::{RelationshipField, ResourceField, TransferField, TypeField, UserField};
use super::input::Input;
use crate::domain::accounts::CURRENT_PASSWORD;
use crate::domain::operations::ResourceRef;
use crate::domain::validation;
use crate::model::attributes::Attribute;
use crate::model::code::Code;
use crate::model::error::Error;
use crate::model::field::Value;
use crate::model::handover::TransferAttribute;
use crate::model::id::UserId;
use crate::model::password::{MAX_PASSWORD_BYTES, complaint_about_password};
use crate::model::relationship::{EdgeAttribute, End};
use crate::model::relationship_type::TypeAttribute;
use crate::model::user::{Field, USER_RELATIONSHIP_MEMBERS};

/// The attributes that change the password of a user: the new one, and the current one.
pub const PASSWORD_MEMBERS: [&str; 2] = ["password", CURRENT_PASSWORD];

/// A relationship to create.
#[derive(Debug)]
pub struct RequestedRelationship {
    /// The owner; `None` stands for the caller.
    pub user: Option<ResourceRef<UserId>>,
    /// The target.
    pub target: ResourceRef<UserId>,
    /// The attributes, not validated.
    pub changes: Vec<(EdgeAttribute, Value)>,
}

/// A change of a relationship. Its ends cannot change; a client may send them back.
#[derive(Debug)]
pub struct RequestedChange {
    /// The owner, if sent.
    pub user: Option<ResourceRef<UserId>>,
    /// The target, if sent.
    pub target: Option<ResourceRef<UserId>>,
    /// The attributes to change, not validated.
    pub changes: Vec<(EdgeAttribute, Value)>,
}

/// A transfer to make.
#[derive(Debug)]
pub struct RequestedTransfer {
    /// The predecessor.
    pub from: ResourceRef<UserId>,
    /// The successor.
    pub to: ResourceRef<UserId>,
    /// The attributes, not validated.
    pub changes: Vec<(TransferAttribute, Value)>,
}

/// Parses a transfer to make.
///
/// # Errors
/// 422 with everything that is invalid or missing.
pub fn parse_new_transfer(mut input: Input) -> Result<RequestedTransfer, Failure> {
    input.require_attribute(TransferAttribute::Relationship.member());
    let [from, to] = [TransferField::From, TransferField::To].map(|field| {
        input.require_relationship(field.name());
        input.linked_user(field.name())
    });
    let changes = take_attributes(&mut input, TransferField::COMPUTED);
    input.ignore(&[TransferField::Actor.name()]);
    let changes = finish(input, changes)?;
    let missing = || Failure::internal("a document without a required member was accepted".to_owned());
    Ok(RequestedTransfer { from: from.ok_or_else(missing)?, to: to.ok_or_else(missing)?, changes })
}

/// Parses a relationship to create.
///
/// # Errors
/// 422 with everything that is invalid or missing.
pub fn parse_new_relationship(mut input: Input) -> Result<RequestedRelationship, Failure> {
    // Null, like no owner at all, stands for the caller.
    input.ignore_null_linkage(End::User.name());
    input.require_attribute(EdgeAttribute::Relationship.member());
    input.require_relationship(End::Target.name());
    let RequestedChange { user, target, changes } = parse_relationship_change(input)?;
    let target =
        target.ok_or_else(|| Failure::internal("a document without a required member was accepted".to_owned()))?;
    Ok(RequestedRelationship { user, target, changes })
}

/// Parses a change of a relationship.
///
/// # Errors
/// 422 with everything that is invalid.
pub fn parse_relationship_change(mut input: Input) -> Result<RequestedChange, Failure> {
    let changes = take_attributes(&mut input, RelationshipField::COMPUTED);
    input.ignore(&[RelationshipField::CreatedBy, RelationshipField::UpdatedBy].map(ResourceField::name));
    let user = input.linked_user(End::User.name());
    let target = input.linked_user(End::Target.name());
    finish(input, changes).map(|changes| RequestedChange { user, target, changes })
}

/// Parses the attributes of a relationship type to create or change.
///
/// # Errors
/// 422 with everything that is invalid.
pub fn parse_type_changes(mut input: Input) -> Result<Vec<(TypeAttribute, Value)>, Failure> {
    let changes = take_attributes(&mut input, TypeField::COMPUTED);
    finish(input, changes)
}

/// A new password of a user, and the one that it replaces. Not printable, so that no log can contain it.
pub struct RequestedPassword {
    /// The new password, which satisfies [`complaint_about_password`].
    pub new: String,
    /// The current password, for a user that changes its own.
    pub current: Option<String>,
}

/// Removes the password from a change of a user; `is_own` if the user is the caller, who must send the current password
/// as well. Reports what is invalid.
pub fn take_password(input: &mut Input, is_own: bool) -> Option<RequestedPassword> {
    let [new, current] = PASSWORD_MEMBERS.map(|name| input.attribute(name));
    let mut push = |name: &str, detail: String| {
        let problem = ApiProblem::new(Code::InvalidAttribute, detail);
        input.push_error(problem.pointer(format!("/data/attributes/{name}")));
    };
    let [member, current_member] = PASSWORD_MEMBERS;
    if new.is_none() && current.is_some() {
        push(current_member, format!("`{current_member}` is sent together with a new `{member}` only"));
    }
    let Json::String(new) = new? else {
        push(member, format!("`{member}` must be a string; it cannot be removed"));
        return None;
    };
    if let Some(complaint) = complaint_about_password(&new) {
        push(member, complaint);
    }
    match (is_own, &current) {
        (false, Some(_)) => {
            let detail = format!("`{current_member}` is for the own account only; leave it out");
            push(current_member, detail);
        }
        (true, Some(value)) if !value.is_string() => {
            push(current_member, format!("`{current_member}` must be a string"));
        }
        (true, Some(Json::String(text))) if text.len() > MAX_PASSWORD_BYTES => {
            push(current_member, format!("a password has at most {MAX_PASSWORD_BYTES} bytes"));
        }
        (true, None) => {
            let detail = format!("send `{current_member}` as well, because this is your own account");
            input.push_error(ApiProblem::new(Code::MissingAttribute, detail).pointer("/data/attributes"));
        }
        _ => {}
    }
    let current = current.and_then(|value| value.as_str().map(ToOwned::to_owned));
    Some(RequestedPassword { new, current })
}

/// Parses the attributes of a user to create or change. A password is not among them: [`take_password`] removes it from
/// the one request that can change it.
///
/// # Errors
/// 422 with everything that is invalid; 403 for relationships of the user, which have their own resource.
pub fn parse_user_changes(mut input: Input) -> Result<Vec<(Field, Value)>, Failure> {
    input.ignore_attributes(USER_RELATIONSHIP_MEMBERS);
    let changes = take_attributes(&mut input, UserField::COMPUTED);
    for name in PASSWORD_MEMBERS {
        if input.attribute(name).is_some() {
            let detail = format!("`{name}` can be sent with `PATCH /api/v2/users/{{id}}` only");
            let problem = ApiProblem::new(Code::UnknownAttribute, detail);
            input.push_error(problem.pointer(format!("/data/attributes/{name}")));
        }
    }
    for name in USER_RELATIONSHIP_MEMBERS {
        // Client libraries send whole records back. A relationship object without `data` changes nothing.
        if input.relationship(name).is_some_and(|object| object.get("data").is_some()) {
            let detail = "relationships are created and deleted at `/api/v2/user-relationships`";
            let problem = ApiProblem::new(Code::ImmutableRelationship, detail);
            input.push_error(problem.pointer(format!("/data/relationships/{name}")));
        }
    }
    finish(input, changes)
}

/// Removes the attributes that clients can write, and returns their values. Ignores those that the service computes.
fn take_attributes<A: Attribute>(input: &mut Input, computed: &[&str]) -> Vec<(A, Value)> {
    input.ignore(computed);
    let changes = A::all().iter().filter_map(|it| {
        let value = input.attribute(it.member())?;
        Some((*it, it.kind().normalize(value.into())))
    });
    changes.collect()
}

/// Reports the problems of a document.
///
/// # Errors
/// Those of the document. The job would report invalid values next; they are reported with them, which saves the client a
/// round trip, unless the client lacks a permission.
fn finish<A: Attribute>(input: Input, changes: Vec<(A, Value)>) -> Result<Vec<(A, Value)>, Failure> {
    match input.finish() {
        Ok(()) => Ok(changes),
        Err(failure) if failure.status() == StatusCode::FORBIDDEN => Err(failure),
        Err(failure) => Err(failure.merge(Failure::of(Error::Refused(validation::problems_of(&changes))))),
    }
}
