//! The target of an operation: `ref` or `href`, which may reference the results of earlier operations.

use serde_json::{Map, Value};
use std::collections::HashSet;
use std::str::FromStr;

use crate::domain::operations::ResourceRef;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::resources::{USER_RELATIONSHIPS, USERS};
use crate::model::code::Code;
use crate::model::id::UserId;

/// The local ids of a document of operations.
#[derive(Debug)]
pub(super) struct Lids {
    /// The local ids of earlier operations, with the types of their resources.
    assigned: HashSet<(&'static str, String)>,
    /// The user that `me` stands for.
    caller: UserId,
    /// The path under which the service is served.
    base_path: String,
}

/// The resource types that operations support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Relationships,
    Users,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Relationships => USER_RELATIONSHIPS,
            Self::Users => USERS,
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::Relationships, Self::Users].into_iter().find(|kind| kind.name() == name)
    }
}

/// The target of an operation.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) kind: Kind,
    /// The id or local id; `None` for the whole collection.
    pub(super) resource: Option<ResourceRef<String>>,
    pub(super) relationship: Option<String>,
}

/// Parses `ref` or `href`; `None` if there is neither.
pub(super) fn parse_target(operation: &Map<String, Value>, lids: &Lids) -> Result<Option<Target>, Failure> {
    match (operation.get("ref"), operation.get("href")) {
        (Some(_), Some(_)) => Err(malformed("", "an operation must not have both `ref` and `href`").into()),
        (Some(Value::Object(reference)), None) => parse_reference(reference, lids).map(Some),
        (Some(_), None) => Err(malformed("/ref", "`ref` must be an object").into()),
        (None, Some(Value::String(href))) => {
            let not_found = || ApiProblem::new(Code::NotFound, "the URL is not that of a user or relationship");
            parse_url(href, lids).map(Some).ok_or_else(|| not_found().pointer("/href").into())
        }
        (None, Some(_)) => Err(malformed("/href", "`href` must be a string").into()),
        (None, None) => Ok(None),
    }
}

fn parse_reference(reference: &Map<String, Value>, lids: &Lids) -> Result<Target, Failure> {
    let text = |name: &str| match reference.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(malformed(&format!("/ref/{name}"), "this member must be a string")),
    };
    let Some(name) = text("type")? else { return Err(malformed("/ref", "`ref` needs a `type`").into()) };
    let Some(kind) = Kind::of(&name) else {
        let detail = "operations support `user-relationships` and `users` only";
        return Err(ApiProblem::new(Code::TypeMismatch, detail).pointer("/ref/type").into());
    };
    let resource = match (text("id")?, text("lid")?) {
        (Some(id), None) => ResourceRef::Stored(id),
        (None, Some(lid)) => ResourceRef::Lid(lid),
        _ => return Err(malformed("/ref", "`ref` needs one `id` or `lid`").into()),
    };
    lids.check_kind(kind, &resource, "/ref/lid")?;
    Ok(Target { kind, resource: Some(resource), relationship: text("relationship")? })
}

/// Parses a URL of this service, with or without scheme and host, and with or without the path of `PUBLIC_URL`.
fn parse_url(href: &str, lids: &Lids) -> Option<Target> {
    let path = match href.split_once("://") {
        Some((_, rest)) => rest.get(rest.find('/')?..)?,
        None => href,
    };
    let path = path.strip_prefix(&*lids.base_path).filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let mut parts = path.trim_end_matches('/').strip_prefix("/api/v2/")?.split('/');
    let kind = Kind::of(parts.next()?)?;
    let resource = parts.next().map(|id| match (kind, id) {
        (Kind::Users, "me") => ResourceRef::Stored(lids.caller.to_string()),
        _ => ResourceRef::Stored(id.to_owned()),
    });
    let relationship = match (parts.next(), parts.next(), parts.next()) {
        (None, None, None) => None,
        (Some("relationships"), Some(name), None) => Some(name.to_owned()),
        _ => return None,
    };
    Some(Target { kind, resource, relationship })
}

/// Parses the id of a reference. A malformed id is 404, like an unknown one.
pub(super) fn parse_id<Id: FromStr>(resource: ResourceRef<String>) -> Result<ResourceRef<Id>, Failure> {
    match resource {
        ResourceRef::Lid(lid) => Ok(ResourceRef::Lid(lid)),
        ResourceRef::Stored(id) => match id.parse() {
            Ok(id) => Ok(ResourceRef::Stored(id)),
            Err(_) => Err(ApiProblem::new(Code::NotFound, "there is no such resource").pointer("").into()),
        },
    }
}

/// The problem of a malformed document, at `pointer`.
pub(super) fn malformed(pointer: &str, detail: &'static str) -> ApiProblem {
    ApiProblem::new(Code::MalformedDocument, detail).pointer(pointer)
}

impl Lids {
    /// Starts without local ids.
    pub(super) fn of(caller: UserId, base_path: &str) -> Self {
        Self { assigned: HashSet::new(), caller, base_path: base_path.to_owned() }
    }

    /// Records the local id that an operation assigns; returns `false` if an earlier operation has assigned it.
    pub(super) fn assign(&mut self, kind: Kind, lid: String) -> bool {
        self.assigned.insert((kind.name(), lid))
    }

    /// Checks that the local id of a user, if it is one, is known.
    pub(super) fn check<Id>(&self, user: Option<&ResourceRef<Id>>, pointer: &str) -> Result<(), ApiProblem> {
        match user {
            Some(ResourceRef::Lid(lid)) => self.require(USERS, lid, pointer),
            _ => Ok(()),
        }
    }

    /// Checks that the local id of a resource, if it is one, is known.
    pub(super) fn check_kind<Id>(
        &self,
        kind: Kind,
        resource: &ResourceRef<Id>,
        pointer: &str,
    ) -> Result<(), ApiProblem> {
        match resource {
            ResourceRef::Lid(lid) => self.require(kind.name(), lid, pointer),
            ResourceRef::Stored(_) => Ok(()),
        }
    }

    fn require(&self, kind: &'static str, lid: &str, pointer: &str) -> Result<(), ApiProblem> {
        if self.assigned.contains(&(kind, lid.to_owned())) {
            return Ok(());
        }
        Err(malformed(pointer, "no earlier operation created a resource of this type with this `lid`"))
    }
}
