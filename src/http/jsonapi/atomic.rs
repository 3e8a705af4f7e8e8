//! Parses documents of the atomic operations extension (<https://jsonapi.org/ext/atomic>).

mod linkage;
mod target;

use serde_json::{Map, Value};

use super::errors::{ApiProblem, Failure};
use super::input::{IdPolicy, Input};
use super::requests::{
    RequestedChange, RequestedRelationship, parse_new_relationship, parse_relationship_change, parse_user_changes,
};
use super::returned_roles::take_roles;
use crate::domain::operations::{Operation, ResourceRef};
use crate::http::json;
use crate::model::code::Code;
use crate::model::id::UserId;
use linkage::{LinkageOp, parse_linkage};
use target::{Kind, Lids, Target, malformed, parse_id, parse_target};

/// The member with the operations.
pub const OPERATIONS: &str = "atomic:operations";
/// The most operations in one request.
pub const MOST: usize = 1_000;

/// Parses a document of operations. `caller` is the user of the URL `/api/v2/users/me`; `base_path` is the path of
/// `PUBLIC_URL`.
///
/// # Errors
/// The problems of the document, or of the first invalid operation, with pointers into the document.
pub fn parse(body: &[u8], caller: UserId, base_path: &str) -> Result<Vec<Operation>, Failure> {
    let document: Value = json::parse(body)
        .map_err(|error| ApiProblem::new(Code::MalformedJson, format!("the request body is not JSON: {error}")))?;
    let Value::Object(mut document) = document else {
        return Err(malformed("", "the document must be an object").into());
    };
    for forbidden in ["data", "included", "atomic:results", "errors"] {
        if document.contains_key(forbidden) {
            return Err(
                malformed(&format!("/{forbidden}"), "this member is not allowed together with operations").into()
            );
        }
    }
    let operations = match document.remove(OPERATIONS) {
        Some(Value::Array(operations)) if (1..=MOST).contains(&operations.len()) => operations,
        Some(_) => {
            let detail = format!("`{OPERATIONS}` must be an array of 1 to {MOST} operations");
            return Err(ApiProblem::new(Code::MalformedDocument, detail).pointer(format!("/{OPERATIONS}")).into());
        }
        None => return Err(malformed("", "the document needs `atomic:operations`").into()),
    };
    let mut lids = Lids::of(caller, base_path);
    operations
        .into_iter()
        .enumerate()
        .map(|(index, operation)| {
            let pointer = || format!("/{OPERATIONS}/{index}");
            parse_operation(operation, &mut lids).map_err(|failure| failure.with_pointer_prefix(&pointer()))
        })
        .collect()
}

fn parse_operation(operation: Value, lids: &mut Lids) -> Result<Operation, Failure> {
    let Value::Object(mut operation) = operation else {
        return Err(malformed("", "an operation must be an object").into());
    };
    let target = parse_target(&operation, lids)?;
    let data = operation.remove("data");
    match operation.get("op").map(Value::as_str) {
        Some(Some("add")) => parse_add(target.as_ref(), data, lids),
        Some(Some("update")) => parse_update(target, data, lids),
        Some(Some("remove")) => parse_remove(target, data, lids),
        Some(_) => Err(malformed("/op", "`op` must be `add`, `update` or `remove`").into()),
        None => Err(malformed("", "an operation needs `op`: `add`, `update` or `remove`").into()),
    }
}

fn parse_add(target: Option<&Target>, data: Option<Value>, lids: &mut Lids) -> Result<Operation, Failure> {
    if let Some(target) = target {
        if target.relationship.is_some() {
            return parse_linkage(target, LinkageOp::Add, data, lids);
        }
        if target.resource.is_some() {
            return Err(malformed("", "the target of `add` must be a collection, not a resource").into());
        }
    }
    let data = parse_object(data)?;
    let kind = parse_kind(&data, target)?;
    let lid = match data.get("lid") {
        None => None,
        Some(Value::String(lid)) => Some(lid.clone()),
        Some(_) => return Err(malformed("/data/lid", "`lid` must be a string").into()),
    };
    let mut input = Input::of_data(data, kind.name(), IdPolicy::New)?.with_lids();
    let operation = match kind {
        Kind::Users => {
            input.require_attribute("email");
            Operation::AddUser { lid: lid.clone(), changes: parse_user_changes(input)? }
        }
        Kind::Relationships => {
            let RequestedRelationship { user, target, changes } = parse_new_relationship(input)?;
            lids.check(user.as_ref(), "/data/relationships/user/data/lid")?;
            lids.check(Some(&target), "/data/relationships/target/data/lid")?;
            Operation::AddRelationship { lid: lid.clone(), user, target, changes }
        }
    };
    if let Some(lid) = lid
        && !lids.assign(kind, lid)
    {
        return Err(malformed("/data/lid", "an earlier operation has the same `lid`; choose another one").into());
    }
    Ok(operation)
}

fn parse_update(target: Option<Target>, data: Option<Value>, lids: &Lids) -> Result<Operation, Failure> {
    if let Some(target) = target.as_ref().filter(|target| target.relationship.is_some()) {
        return parse_linkage(target, LinkageOp::Replace, data, lids);
    }
    let mut data = parse_object(data)?;
    let kind = parse_kind(&data, target.as_ref())?;
    let resource = match (target.and_then(|target| target.resource), data.get("lid"), data.get("id")) {
        (Some(resource), _, _) => resource,
        (None, Some(Value::String(lid)), None) => ResourceRef::Lid(lid.clone()),
        (None, None, Some(Value::String(id))) => ResourceRef::Stored(id.clone()),
        _ => return Err(malformed("/data", "`update` needs one `id` or `lid`, in `ref` or in `data`").into()),
    };
    lids.check_kind(kind, &resource, "/data/lid")?;
    // `data` must not contradict the target.
    let input = match &resource {
        ResourceRef::Stored(id) => {
            data.entry("id").or_insert_with(|| id.clone().into());
            Input::of_data(data, kind.name(), IdPolicy::Existing(id))?
        }
        ResourceRef::Lid(lid) => {
            if data.get("lid").is_some_and(|sent| sent != lid) {
                let detail = "`lid` must be the same as in `ref`";
                return Err(ApiProblem::new(Code::IdMismatch, detail).pointer("/data/lid").into());
            }
            Input::of_data(data, kind.name(), IdPolicy::OptionalButMatching(""))?
        }
    };
    match kind {
        Kind::Users => {
            let mut input = input;
            let roles = take_roles(&mut input);
            Ok(Operation::UpdateUser { subject: parse_id(resource)?, changes: parse_user_changes(input)?, roles })
        }
        Kind::Relationships => {
            let RequestedChange { user, target, changes } = parse_relationship_change(input.with_lids())?;
            Ok(Operation::UpdateRelationship { subject: parse_id(resource)?, changes, user, target })
        }
    }
}

fn parse_remove(target: Option<Target>, data: Option<Value>, lids: &Lids) -> Result<Operation, Failure> {
    let needed = "`remove` needs `ref` or `href` of a resource";
    let target = target.ok_or_else(|| malformed("", needed))?;
    if target.relationship.is_some() {
        return parse_linkage(&target, LinkageOp::Remove, data, lids);
    }
    let resource = target.resource.ok_or_else(|| malformed("", needed))?;
    match target.kind {
        Kind::Users => parse_id(resource).map(Operation::RemoveUser),
        Kind::Relationships => parse_id(resource).map(Operation::RemoveRelationship),
    }
}

fn parse_object(data: Option<Value>) -> Result<Map<String, Value>, ApiProblem> {
    match data {
        Some(Value::Object(data)) => Ok(data),
        Some(_) => Err(malformed("/data", "`data` must be a resource object")),
        None => Err(malformed("", "the operation needs `data` with a resource object")),
    }
}

/// Parses the type of `data`, which must be that of the target, if there is one.
fn parse_kind(data: &Map<String, Value>, target: Option<&Target>) -> Result<Kind, ApiProblem> {
    let sent = match data.get("type") {
        Some(Value::String(sent)) => sent,
        Some(_) => return Err(malformed("/data/type", "`type` must be a string")),
        None => return Err(malformed("/data", "the resource object needs a `type`")),
    };
    let mismatch = |detail: &'static str| ApiProblem::new(Code::TypeMismatch, detail).pointer("/data/type");
    let kind = Kind::of(sent).ok_or_else(|| mismatch("operations support `user-relationships` and `users` only"))?;
    match target {
        Some(target) if target.kind != kind => Err(mismatch("`type` must be that of the target")),
        _ => Ok(kind),
    }
}
