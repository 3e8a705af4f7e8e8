//! Parses request documents, by resource type.

use actix_web::http::StatusCode;

use super::errors::{ApiProblem, Failure};
use super::fields::{RelationshipField, ResourceField, TransferField, TypeField, UserField};
use super::input::Input;
use crate::domain::operations::ResourceRef;
use crate::domain::validation;
use crate::model::attributes::Attribute;
use crate::model::code::Code;
use crate::model::error::Error;
use crate::model::field::Value;
use crate::model::handover::TransferAttribute;
use crate::model::id::UserId;
use crate::model::relationship::{EdgeAttribute, End};
use crate::model::relationship_type::TypeAttribute;
use crate::model::user::{Field, USER_RELATIONSHIP_MEMBERS};

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

/// Parses the attributes of a user to create or change.
///
/// # Errors
/// 422 with everything that is invalid; 403 for relationships of the user, which have their own resource.
pub fn parse_user_changes(mut input: Input) -> Result<Vec<(Field, Value)>, Failure> {
    input.ignore_attributes(USER_RELATIONSHIP_MEMBERS);
    let changes = take_attributes(&mut input, UserField::COMPUTED);
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
