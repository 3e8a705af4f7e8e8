//! Documents of the atomic operations extension (<https://jsonapi.org/ext/atomic>).

mod target;

use serde_json::{Map, Value};

use super::errors::{Failure, Problem};
use super::input::{IdPolicy, Input};
use super::requests::{RequestedChange, RequestedRelationship, new_relationship, relationship_change, user_changes};
use crate::domain::operations::{Operation, ResourceRef};
use crate::model::code::Code;
use crate::model::id::UserId;
use target::{Kind, Lids, Target, malformed, subject, target_of};

/// The member that holds the operations.
pub const OPERATIONS: &str = "atomic:operations";
/// The most operations in one request.
pub const MOST: usize = 1_000;

/// Reads a document of operations; `caller` is who the URL `/api/v2/users/me` leads to.
///
/// # Errors
/// The problems of the document, or of the first operation that has any, with pointers into the document.
pub fn parse(body: &[u8], caller: UserId) -> Result<Vec<Operation>, Failure> {
    let document: Value = serde_json::from_slice(body)
        .map_err(|error| Problem::new(Code::MalformedJson, format!("the request body is not JSON: {error}")))?;
    let Value::Object(mut document) = document else {
        return Err(malformed("", "the document must be an object").into());
    };
    for forbidden in ["data", "included", "atomic:results", "errors"] {
        if document.contains_key(forbidden) {
            return Err(malformed(&format!("/{forbidden}"), "this member cannot stand beside operations").into());
        }
    }
    let operations = match document.remove(OPERATIONS) {
        Some(Value::Array(operations)) if (1..=MOST).contains(&operations.len()) => operations,
        Some(_) => {
            let detail = format!("an array of 1 to {MOST} operations is needed here");
            return Err(Problem::new(Code::MalformedDocument, detail).pointer(format!("/{OPERATIONS}")).into());
        }
        None => return Err(malformed("", "the document needs `atomic:operations`").into()),
    };
    let mut lids = Lids::of(caller);
    operations
        .into_iter()
        .enumerate()
        .map(|(place, operation)| {
            read(operation, &mut lids).map_err(|failure| failure.below(&format!("/{OPERATIONS}/{place}")))
        })
        .collect()
}

fn read(operation: Value, lids: &mut Lids) -> Result<Operation, Failure> {
    let Value::Object(mut operation) = operation else {
        return Err(malformed("", "an operation must be an object").into());
    };
    let target = target_of(&operation, lids)?;
    let data = operation.remove("data");
    match operation.get("op").map(Value::as_str) {
        Some(Some("add")) => add(target.as_ref(), data, lids),
        Some(Some("update")) => update(target, data, lids),
        Some(Some("remove")) => remove(target),
        Some(_) => Err(malformed("/op", "`op` is `add`, `update` or `remove`").into()),
        None => Err(malformed("", "an operation needs `op`: `add`, `update` or `remove`").into()),
    }
}

fn add(target: Option<&Target>, data: Option<Value>, lids: &mut Lids) -> Result<Operation, Failure> {
    if let Some(target) = target {
        if target.relationship.is_some() {
            return linkage(target);
        }
        if target.subject.is_some() {
            return Err(malformed("", "`add` is aimed at a collection, not at a resource").into());
        }
    }
    let data = object(data)?;
    let kind = kind_of(&data, target)?;
    let lid = match data.get("lid") {
        None => None,
        Some(Value::String(lid)) => Some(lid.clone()),
        Some(_) => return Err(malformed("/data/lid", "`lid` must be a string").into()),
    };
    let mut input = Input::of_data(data, kind.name(), IdPolicy::New)?.with_lids();
    let operation = match kind {
        Kind::Users => {
            input.require_attribute("email");
            Operation::AddUser { lid: lid.clone(), changes: user_changes(input)? }
        }
        Kind::Relationships => {
            let RequestedRelationship { user, target, relationship } = new_relationship(input)?;
            lids.check(user.as_ref(), "/data/relationships/user/data/lid")?;
            lids.check(Some(&target), "/data/relationships/target/data/lid")?;
            Operation::AddRelationship { lid: lid.clone(), user, target, relationship }
        }
    };
    if let Some(lid) = lid
        && !lids.give(kind, lid)
    {
        return Err(malformed("/data/lid", "an earlier operation has given this `lid` already").into());
    }
    Ok(operation)
}

fn update(target: Option<Target>, data: Option<Value>, lids: &Lids) -> Result<Operation, Failure> {
    if let Some(target) = target.as_ref().filter(|target| target.relationship.is_some()) {
        return linkage(target);
    }
    let mut data = object(data)?;
    let kind = kind_of(&data, target.as_ref())?;
    let named = match (target.and_then(|target| target.subject), data.get("lid"), data.get("id")) {
        (Some(named), _, _) => named,
        (None, Some(Value::String(lid)), None) => ResourceRef::Lid(lid.clone()),
        (None, None, Some(Value::String(id))) => ResourceRef::Stored(id.clone()),
        _ => return Err(malformed("/data", "`update` needs one `id` or `lid`, in `ref` or in `data`").into()),
    };
    lids.check_kind(kind, &named, "/data/lid")?;
    // The resource is named by now; what `data` says of it must agree.
    let input = match &named {
        ResourceRef::Stored(id) => {
            data.entry("id").or_insert_with(|| id.clone().into());
            Input::of_data(data, kind.name(), IdPolicy::Existing(id))?
        }
        ResourceRef::Lid(lid) => {
            if data.get("lid").is_some_and(|sent| sent != lid) {
                return Err(Problem::new(Code::IdMismatch, "`ref` has another `lid`").pointer("/data/lid").into());
            }
            Input::of_data(data, kind.name(), IdPolicy::OptionalButMatching(""))?
        }
    };
    match kind {
        Kind::Users => Ok(Operation::UpdateUser { subject: subject(named)?, changes: user_changes(input)? }),
        Kind::Relationships => {
            let RequestedChange { user, target, relationship } = relationship_change(input.with_lids())?;
            Ok(Operation::UpdateRelationship { subject: subject(named)?, relationship, user, target })
        }
    }
}

fn remove(target: Option<Target>) -> Result<Operation, Failure> {
    let needed = "`remove` needs `ref` or `href` of a resource";
    let target = target.ok_or_else(|| malformed("", needed))?;
    if target.relationship.is_some() {
        return linkage(&target);
    }
    let named = target.subject.ok_or_else(|| malformed("", needed))?;
    match target.kind {
        Kind::Users => subject(named).map(Operation::RemoveUser),
        Kind::Relationships => subject(named).map(Operation::RemoveRelationship),
    }
}

/// An operation on a relationship of a resource: all of them are fixed, so that none can succeed.
fn linkage(target: &Target) -> Result<Operation, Failure> {
    match (target.kind, target.relationship.as_deref(), target.subject.clone()) {
        (Kind::Relationships, Some("user" | "target"), Some(named)) => subject(named).map(Operation::UpdateLinkage),
        (Kind::Users, Some("user-relationships" | "targeted-by"), Some(_)) => {
            let detail = "these are created and deleted as `user-relationships`";
            Err(Problem::new(Code::ImmutableRelationship, detail).pointer("").into())
        }
        _ => Err(Problem::new(Code::NotFound, "there is no such relationship").pointer("").into()),
    }
}

fn object(data: Option<Value>) -> Result<Map<String, Value>, Problem> {
    match data {
        Some(Value::Object(data)) => Ok(data),
        Some(_) => Err(malformed("/data", "`data` must be a resource object")),
        None => Err(malformed("", "the operation needs `data` with a resource object")),
    }
}

/// The type of what `data` describes, which must be that of the target if there is one.
fn kind_of(data: &Map<String, Value>, target: Option<&Target>) -> Result<Kind, Problem> {
    let sent = match data.get("type") {
        Some(Value::String(sent)) => sent,
        Some(_) => return Err(malformed("/data/type", "`type` must be a string")),
        None => return Err(malformed("/data", "the resource object needs a `type`")),
    };
    let mismatch = |detail: &'static str| Problem::new(Code::TypeMismatch, detail).pointer("/data/type");
    let kind = Kind::of(sent).ok_or_else(|| mismatch("operations are on `user-relationships` and `users`"))?;
    match target {
        Some(target) if target.kind != kind => Err(mismatch("the operation is aimed at another type")),
        _ => Ok(kind),
    }
}
