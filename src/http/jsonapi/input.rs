//! Request documents (JSON:API 1.1, "Creating, Updating and Deleting Resources").
//!
//! Members that JSON:API does not define, and those that begin with `@`, are ignored; unknown attributes and
//! relationships are refused. The problems of a document are reported together.

use serde_json::{Map, Value};

use super::errors::{Failure, Problem};
use super::problems::Problems;
use crate::domain::operations::ResourceRef;
use crate::model::code::Code;
use crate::model::id::UserId;
use crate::model::text::excerpt;

/// What a document must say of the resource that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdPolicy<'a> {
    /// A new resource, whose id the service gives.
    New,
    /// A new resource, whose id the client gives.
    NewWithId,
    /// The resource of this id: both `type` and `id` are required and must fit.
    Existing(&'a str),
    /// The resource of this id; `type` and `id` may be left out, as Skillhive's own example does.
    OptionalButMatching(&'a str),
}

/// The resource object of a request, its members not yet looked at.
#[derive(Debug)]
pub struct Input {
    /// The `id`, where the client gives one.
    pub id: Option<String>,
    attributes: Map<String, Value>,
    relationships: Map<String, Value>,
    /// Where a missing attribute, and a missing relationship, would stand: the nearest value that was sent.
    homes: [&'static str; 2],
    /// Whether other resources may be named by what earlier operations called them.
    has_lids: bool,
    problems: Problems,
}

impl Input {
    /// Reads a document about a resource of type `kind`.
    ///
    /// # Errors
    /// 400 for what is no such document, 409 for another `type` or `id`, 403 for an `id` that the client may not give.
    pub fn parse(body: &[u8], kind: &'static str, naming: IdPolicy<'_>) -> Result<Self, Failure> {
        let document: Value = serde_json::from_slice(body)
            .map_err(|error| Problem::new(Code::MalformedJson, format!("the request body is not JSON: {error}")))?;
        let malformed = |at: &str, detail: &'static str| Problem::new(Code::MalformedDocument, detail).pointer(at);
        let Value::Object(mut document) = document else {
            return Err(malformed("", "the document must be an object").into());
        };
        match document.remove("data") {
            Some(Value::Object(data)) => Self::of_data(data, kind, naming),
            Some(_) => Err(malformed("/data", "`data` must be a single resource object").into()),
            None => Err(malformed("", "the document needs `data` with a resource object").into()),
        }
    }

    /// Reads a resource object of type `kind`; pointers are those of a document that has it as its `data`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn of_data(mut data: Map<String, Value>, kind: &'static str, naming: IdPolicy<'_>) -> Result<Self, Failure> {
        let malformed = |at: &str, detail: &'static str| Problem::new(Code::MalformedDocument, detail).pointer(at);
        let id = check_names(&mut data, kind, naming)?;
        let home = |name: &str, at| if data.contains_key(name) { at } else { "/data" };
        let homes = [home("attributes", "/data/attributes"), home("relationships", "/data/relationships")];
        let mut object = |name: &str, at: &str| match data.remove(name) {
            None => Ok(Map::new()),
            Some(Value::Object(members)) => Ok(members),
            Some(_) => Err(malformed(at, "this member must be an object")),
        };
        Ok(Self {
            id,
            attributes: object("attributes", "/data/attributes")?,
            relationships: object("relationships", "/data/relationships")?,
            homes,
            has_lids: false,
            problems: Problems::default(),
        })
    }

    /// The same resource object as part of a document of operations, where others may be named by `lid`.
    #[must_use]
    pub fn with_lids(self) -> Self {
        Self { has_lids: true, ..self }
    }

    /// Takes an attribute out.
    pub fn attribute(&mut self, name: &str) -> Option<Value> {
        self.attributes.remove(name)
    }

    /// Passes over attributes that only the service sets.
    pub fn ignore(&mut self, names: &[&str]) {
        self.attributes.retain(|name, _| !names.contains(&name.as_str()));
    }

    /// Notes a problem.
    pub fn push_error(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The attribute `name`, which must be a string; a problem is noted for any other value.
    pub fn text(&mut self, name: &str) -> Option<String> {
        if let Value::String(text) = self.attribute(name)? {
            return Some(text);
        }
        let problem = Problem::new(Code::InvalidAttribute, "a string is needed here");
        self.push_error(problem.pointer(format!("/data/attributes/{name}")));
        None
    }

    /// Notes that a required attribute is missing, if it is.
    pub fn require_attribute(&mut self, name: &str) {
        if !self.attributes.contains_key(name) {
            let [at, _] = self.homes;
            self.push_error(Problem::new(Code::MissingAttribute, format!("`{name}` is missing")).pointer(at));
        }
    }

    /// Notes that a required relationship is missing, if it is.
    pub fn require_relationship(&mut self, name: &str) {
        if !self.relationships.contains_key(name) {
            let [_, at] = self.homes;
            self.push_error(Problem::new(Code::MissingRelationship, format!("`{name}` is missing")).pointer(at));
        }
    }

    /// Takes a relationship object out.
    pub fn relationship(&mut self, name: &str) -> Option<Value> {
        self.relationships.remove(name)
    }

    /// The user that the to-one relationship `name` links to: by `id`, or in a document of operations by `lid`.
    /// A problem is noted for anything but one user.
    pub fn linked_user(&mut self, name: &str) -> Option<ResourceRef<UserId>> {
        let object = self.relationship(name)?;
        let at = format!("/data/relationships/{name}");
        let linked = user_of(&object, &at).and_then(|subject| match subject {
            ResourceRef::Lid(_) if !self.has_lids => {
                let problem = Problem::new(Code::InvalidRelationship, "the resource identifier needs an `id`");
                Err(problem.pointer(format!("{at}/data")))
            }
            subject => Ok(subject),
        });
        linked.map_err(|problem| self.push_error(problem)).ok()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 for everything that is left over, together with all problems noted before.
    pub fn finish(mut self) -> Result<(), Failure> {
        let unknown = [
            (Code::UnknownAttribute, "attribute", &self.attributes),
            (Code::UnknownRelationship, "relationship", &self.relationships),
        ];
        for (code, what, members) in unknown {
            for name in members.keys().filter(|name| !name.starts_with('@')) {
                self.problems.push_with(code, || {
                    let at = format!("/data/{what}s/{}", name.replace('~', "~0").replace('/', "~1"));
                    let detail = format!("there is no {what} `{}` here; leave it out", excerpt(name));
                    Problem::new(code, detail).pointer(at)
                });
            }
        }
        if self.problems.is_empty() { Ok(()) } else { Err(self.problems.into()) }
    }
}

/// Checks `type` and `id` and gives the latter where it is the client's to give.
fn check_names(
    data: &mut Map<String, Value>,
    kind: &'static str,
    naming: IdPolicy<'_>,
) -> Result<Option<String>, Problem> {
    let malformed = |at: &str, detail: &'static str| Problem::new(Code::MalformedDocument, detail).pointer(at);
    match data.remove("type") {
        Some(Value::String(sent)) if sent == kind => {}
        Some(Value::String(_)) => {
            let detail = format!("only `{kind}` are taken here");
            return Err(Problem::new(Code::TypeMismatch, detail).pointer("/data/type"));
        }
        Some(_) => return Err(malformed("/data/type", "`type` must be a string")),
        None if matches!(naming, IdPolicy::OptionalButMatching(_)) => {}
        None => return Err(malformed("/data", "the resource object needs a `type`")),
    }
    let id = match data.remove("id") {
        Some(Value::String(id)) => Some(id),
        // Some client libraries say so that they have none yet.
        Some(Value::Null) if matches!(naming, IdPolicy::New | IdPolicy::NewWithId) => None,
        Some(_) => return Err(malformed("/data/id", "`id` must be a string")),
        None => None,
    };
    match (naming, &id) {
        (IdPolicy::New, Some(_)) => {
            let detail = "the service gives the ids; leave `id` out";
            Err(Problem::new(Code::ClientGeneratedId, detail).pointer("/data/id"))
        }
        (IdPolicy::Existing(_), None) => Err(malformed("/data", "the resource object needs its `id`")),
        (IdPolicy::Existing(expected) | IdPolicy::OptionalButMatching(expected), Some(sent)) if sent != expected => {
            let detail = format!("the URL names the resource `{}`", excerpt(expected));
            Err(Problem::new(Code::IdMismatch, detail).pointer("/data/id"))
        }
        _ => Ok(id),
    }
}

/// The user that a relationship object at `at` links to.
fn user_of(object: &Value, at: &str) -> Result<ResourceRef<UserId>, Problem> {
    let invalid = |at: String, detail: &'static str| Problem::new(Code::InvalidRelationship, detail).pointer(at);
    let data = object.as_object().and_then(|object| object.get("data"));
    let Some(data) = data else {
        return Err(invalid(at.to_owned(), "the relationship needs `data` with one resource identifier"));
    };
    let Some(identifier) = data.as_object() else {
        return Err(invalid(format!("{at}/data"), "one resource identifier is needed here"));
    };
    match identifier.get("type") {
        Some(Value::String(kind)) if kind == super::resources::USERS => {}
        Some(Value::String(_)) => {
            let detail = "this relationship links to `users`";
            return Err(Problem::new(Code::TypeMismatch, detail).pointer(format!("{at}/data/type")));
        }
        Some(_) => return Err(invalid(format!("{at}/data/type"), "`type` must be a string")),
        None => return Err(invalid(format!("{at}/data"), "the resource identifier needs a `type`")),
    }
    let id = match (identifier.get("id"), identifier.get("lid")) {
        (Some(id), _) => id,
        (None, Some(Value::String(lid))) => return Ok(ResourceRef::Lid(lid.clone())),
        (None, Some(_)) => return Err(invalid(format!("{at}/data/lid"), "`lid` must be a string")),
        (None, None) => return Err(invalid(format!("{at}/data"), "the resource identifier needs an `id`")),
    };
    let parsed = id.as_str().and_then(|id| id.parse().ok()).map(ResourceRef::Stored);
    parsed.ok_or_else(|| invalid(format!("{at}/data/id"), "an id is a string with a positive decimal integer"))
}
