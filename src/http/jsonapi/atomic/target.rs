//! What an operation is aimed at: by `ref`, by `href`, or by what an earlier operation has made.

use serde_json::{Map, Value};
use std::collections::HashSet;
use std::str::FromStr;

use crate::domain::operations::ResourceRef;
use crate::http::jsonapi::errors::{Failure, Problem};
use crate::http::jsonapi::resources::{USER_RELATIONSHIPS, USERS};
use crate::model::code::Code;
use crate::model::id::UserId;

/// What names without an id stand for.
#[derive(Debug)]
pub(super) struct Lids {
    /// Local ids that operations have given so far, with the type of what they name.
    given: HashSet<(&'static str, String)>,
    /// Who `me` is.
    caller: UserId,
}

/// The collections that operations are about.
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

/// What an operation is aimed at.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) kind: Kind,
    /// The id or local id, unless a whole collection is meant.
    pub(super) subject: Option<ResourceRef<String>>,
    pub(super) relationship: Option<String>,
}

/// What `ref` or `href` is aimed at; `None` if there is neither.
pub(super) fn target_of(operation: &Map<String, Value>, lids: &Lids) -> Result<Option<Target>, Failure> {
    match (operation.get("ref"), operation.get("href")) {
        (Some(_), Some(_)) => Err(malformed("", "an operation has `ref` or `href`, not both").into()),
        (Some(Value::Object(reference)), None) => of_reference(reference, lids).map(Some),
        (Some(_), None) => Err(malformed("/ref", "`ref` must be an object").into()),
        (None, Some(Value::String(href))) => {
            let nothing = || Problem::new(Code::NotFound, "the URL leads to no resource of this service");
            of_url(href, lids.caller).map(Some).ok_or_else(|| nothing().pointer("/href").into())
        }
        (None, Some(_)) => Err(malformed("/href", "`href` must be a string").into()),
        (None, None) => Ok(None),
    }
}

fn of_reference(reference: &Map<String, Value>, lids: &Lids) -> Result<Target, Failure> {
    let text = |name: &str| match reference.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(malformed(&format!("/ref/{name}"), "this member must be a string")),
    };
    let Some(name) = text("type")? else { return Err(malformed("/ref", "`ref` needs a `type`").into()) };
    let Some(kind) = Kind::of(&name) else {
        let detail = "operations are on `user-relationships` and `users`";
        return Err(Problem::new(Code::TypeMismatch, detail).pointer("/ref/type").into());
    };
    let subject = match (text("id")?, text("lid")?) {
        (Some(id), None) => ResourceRef::Stored(id),
        (None, Some(lid)) => ResourceRef::Lid(lid),
        _ => return Err(malformed("/ref", "`ref` needs one `id` or `lid`").into()),
    };
    lids.check_kind(kind, &subject, "/ref/lid")?;
    Ok(Target { kind, subject: Some(subject), relationship: text("relationship")? })
}

/// Reads a URL of this service, with or without scheme and host.
fn of_url(href: &str, caller: UserId) -> Option<Target> {
    let path = match href.split_once("://") {
        Some((_, rest)) => rest.get(rest.find('/')?..)?,
        None => href,
    };
    let mut parts = path.trim_end_matches('/').strip_prefix("/api/v2/")?.split('/');
    let kind = Kind::of(parts.next()?)?;
    let subject = parts.next().map(|id| match (kind, id) {
        (Kind::Users, "me") => ResourceRef::Stored(caller.to_string()),
        _ => ResourceRef::Stored(id.to_owned()),
    });
    let relationship = match (parts.next(), parts.next(), parts.next()) {
        (None, None, None) => None,
        (Some("relationships"), Some(name), None) => Some(name.to_owned()),
        _ => return None,
    };
    Some(Target { kind, subject, relationship })
}

/// A subject whose id is one; a malformed id names nothing.
pub(super) fn subject<Id: FromStr>(named: ResourceRef<String>) -> Result<ResourceRef<Id>, Failure> {
    match named {
        ResourceRef::Lid(lid) => Ok(ResourceRef::Lid(lid)),
        ResourceRef::Stored(id) => match id.parse() {
            Ok(id) => Ok(ResourceRef::Stored(id)),
            Err(_) => Err(Problem::new(Code::NotFound, "there is no such resource").pointer("").into()),
        },
    }
}

/// The problem of a document that is not one of operations, at `pointer` in it.
pub(super) fn malformed(pointer: &str, detail: &'static str) -> Problem {
    Problem::new(Code::MalformedDocument, detail).pointer(pointer)
}

impl Lids {
    /// None are given yet.
    pub(super) fn of(caller: UserId) -> Self {
        Self { given: HashSet::new(), caller }
    }

    /// Notes what an operation makes; `false` where the local id is given already.
    pub(super) fn give(&mut self, kind: Kind, lid: String) -> bool {
        self.given.insert((kind.name(), lid))
    }

    pub(super) fn check<Id>(&self, subject: Option<&ResourceRef<Id>>, pointer: &str) -> Result<(), Problem> {
        match subject {
            Some(ResourceRef::Lid(lid)) => self.require(USERS, lid, pointer),
            _ => Ok(()),
        }
    }

    pub(super) fn check_kind<Id>(&self, kind: Kind, subject: &ResourceRef<Id>, pointer: &str) -> Result<(), Problem> {
        match subject {
            ResourceRef::Lid(lid) => self.require(kind.name(), lid, pointer),
            ResourceRef::Stored(_) => Ok(()),
        }
    }

    fn require(&self, kind: &'static str, lid: &str, pointer: &str) -> Result<(), Problem> {
        if self.given.contains(&(kind, lid.to_owned())) {
            return Ok(());
        }
        Err(malformed(pointer, "no earlier operation made a resource of this type with this `lid`"))
    }
}
