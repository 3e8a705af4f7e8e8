//! Parses the roles in a record of a user that a client sends back.

use serde_json::Value;

use super::errors::ApiProblem;
use super::fields::{ResourceField, UserField};
use super::input::{Input, RESPONSE_MEMBERS};
use super::linkage::{to_many_of, to_one_of};
use crate::domain::operations::ResourceRef;
use crate::domain::roles::{MAX_INCLUDED_ROLES, ReturnedLinkage, ReturnedRole};
use crate::model::code::Code;
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;
use crate::model::user::USER_RELATIONSHIP_MEMBERS;

/// Removes the relationships of a record that may be roles, and returns them. Reports a problem if there are more than
/// `include` can have returned.
pub fn take_roles(input: &mut Input) -> Vec<ReturnedRole<ResourceRef<UserId>>> {
    input.ignore(UserField::COMPUTED);
    input.ignore(&RESPONSE_MEMBERS);
    let is_other = |name: &&str| !USER_RELATIONSHIP_MEMBERS.contains(name);
    let names: Vec<_> = input.relationship_names().filter(is_other).filter_map(TypeName::parse).collect();
    let linkage_of = |object: Value| object.get("data").map(parse_linkage);
    let mut role = |name: &TypeName| {
        let linkage = input.relationship(name.as_str()).and_then(linkage_of);
        ReturnedRole { name: name.clone(), linkage }
    };
    let roles: Vec<_> = names.iter().map(&mut role).collect();
    if roles.len() <= MAX_INCLUDED_ROLES {
        return roles;
    }
    let detail = format!(
        "a record of a user has at most {MAX_INCLUDED_ROLES} roles, as many as `include` accepts; got {}; leave roles out",
        roles.len()
    );
    input.push_error(ApiProblem::new(Code::UnknownRelationship, detail).pointer("/data/relationships"));
    Vec::new()
}

fn parse_linkage(data: &Value) -> ReturnedLinkage<ResourceRef<UserId>> {
    let parsed = if data.is_array() {
        to_many_of(data).ok().map(ReturnedLinkage::Many)
    } else {
        to_one_of(data).ok().map(ReturnedLinkage::One)
    };
    parsed.unwrap_or(ReturnedLinkage::Invalid)
}
