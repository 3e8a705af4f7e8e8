//! Resource objects of requests (JSON:API 1.1, "Creating, Updating and Deleting Resources").
//!
//! Members that JSON:API does not define, and those that start with `@`, are ignored. So are members that the service sets,
//! wherever they are, because client libraries send whole records back and some turn all members into attributes. Other
//! unknown attributes and relationships are errors. All problems of a document are reported together.

use serde_json::{Map, Value};

use super::errors::{ApiProblem, Failure};
use super::problems::Problems;
use crate::domain::operations::ResourceRef;
use crate::http::json;
use crate::model::code::Code;
use crate::model::error;
use crate::model::id::UserId;
use crate::model::text::excerpt;

/// The members of resource objects that only responses have. Some client libraries send them back as attributes.
pub const RESPONSE_MEMBERS: [&str; 2] = ["links", "meta"];

/// The rules for `type` and `id` of a resource object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdPolicy<'a> {
    /// A new resource; the service assigns the id.
    New,
    /// A new resource; the client assigns the id.
    NewWithId,
    /// The resource with this id; `type` and `id` are required and must match.
    Existing(&'a str),
    /// The resource with this id; `type` and `id` are optional, as in the example of Skillhive's API, but must match.
    OptionalButMatching(&'a str),
}

/// The resource object of a request. Members are removed as they are parsed; [`finish`](Self::finish) reports the rest.
#[derive(Debug)]
pub struct Input {
    /// The `id`, if the client sent one.
    pub id: Option<String>,
    attributes: Map<String, Value>,
    relationships: Map<String, Value>,
    /// Pointers to the existing parents of attributes and of relationships, for missing members.
    parents: [&'static str; 2],
    /// Whether other resources may be referenced by `lid`.
    has_lids: bool,
    problems: Problems,
}

impl Input {
    /// Parses a document with a resource of type `kind`.
    ///
    /// # Errors
    /// 400 for a malformed document, 409 for another `type` or `id`, 403 for an `id` that the client may not assign.
    pub fn parse(body: &[u8], kind: &'static str, policy: IdPolicy<'_>) -> Result<Self, Failure> {
        let document: Value = json::parse(body)
            .map_err(|error| ApiProblem::new(Code::MalformedJson, format!("the request body is not JSON: {error}")))?;
        let malformed = |at: &str, detail: &'static str| ApiProblem::new(Code::MalformedDocument, detail).pointer(at);
        let Value::Object(mut document) = document else {
            return Err(malformed("", "the document must be an object").into());
        };
        match document.remove("data") {
            Some(Value::Object(data)) => Self::of_data(data, kind, policy),
            Some(_) => Err(malformed("/data", "`data` must be a single resource object").into()),
            None => Err(malformed("", "the document needs `data` with a resource object").into()),
        }
    }

    /// Parses a resource object of type `kind`. Pointers are those of a document with the object as its `data`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn of_data(mut data: Map<String, Value>, kind: &'static str, policy: IdPolicy<'_>) -> Result<Self, Failure> {
        let malformed = |at: &str, detail: &'static str| ApiProblem::new(Code::MalformedDocument, detail).pointer(at);
        let id = check_type_and_id(&mut data, kind, policy)?;
        let parent = |name: &str, at| if data.contains_key(name) { at } else { "/data" };
        let parents = [parent("attributes", "/data/attributes"), parent("relationships", "/data/relationships")];
        let mut object = |name: &str, at: &str| match data.remove(name) {
            None => Ok(Map::new()),
            Some(Value::Object(members)) => Ok(members),
            Some(_) => Err(malformed(at, "this member must be an object")),
        };
        Ok(Self {
            id,
            attributes: object("attributes", "/data/attributes")?,
            relationships: object("relationships", "/data/relationships")?,
            parents,
            has_lids: false,
            problems: Problems::default(),
        })
    }

    /// The same resource object in a document of operations, where `lid` may reference other resources.
    #[must_use]
    pub fn with_lids(self) -> Self {
        Self { has_lids: true, ..self }
    }

    /// Removes an attribute and returns its value.
    pub fn attribute(&mut self, name: &str) -> Option<Value> {
        self.attributes.remove(name)
    }

    /// Ignores members that only the service sets, among attributes and among relationships.
    pub fn ignore(&mut self, names: &[&str]) {
        for members in [&mut self.attributes, &mut self.relationships] {
            members.retain(|name, _| !names.contains(&name.as_str()));
        }
    }

    /// Ignores attributes with the names of relationships that clients cannot change.
    pub fn ignore_attributes(&mut self, names: &[&str]) {
        self.attributes.retain(|name, _| !names.contains(&name.as_str()));
    }

    /// Ignores a relationship whose linkage is null.
    pub fn ignore_null_linkage(&mut self, name: &str) {
        self.relationships.retain(|known, object| known != name || object.get("data") != Some(&Value::Null));
    }

    /// Reports a problem.
    pub fn push_error(&mut self, problem: ApiProblem) {
        self.problems.push(problem);
    }

    /// Reports problems of the domain.
    pub fn push_problems(&mut self, problems: Vec<error::Problem>) {
        self.problems.push_all(problems);
    }

    /// Reports a problem if a required attribute is missing.
    pub fn require_attribute(&mut self, name: &str) {
        if !self.attributes.contains_key(name) {
            let [at, _] = self.parents;
            self.push_error(ApiProblem::new(Code::MissingAttribute, format!("`{name}` is missing")).pointer(at));
        }
    }

    /// Reports a problem if a required relationship is missing.
    pub fn require_relationship(&mut self, name: &str) {
        if !self.relationships.contains_key(name) {
            let [_, at] = self.parents;
            self.push_error(ApiProblem::new(Code::MissingRelationship, format!("`{name}` is missing")).pointer(at));
        }
    }

    /// The names of the relationships.
    pub fn relationship_names(&self) -> impl Iterator<Item = &str> {
        self.relationships.keys().map(String::as_str)
    }

    /// Removes a relationship object and returns it.
    pub fn relationship(&mut self, name: &str) -> Option<Value> {
        self.relationships.remove(name)
    }

    /// Removes the to-one relationship `name` and returns the user that it references by `id`, or by `lid` in a document
    /// of operations. Reports a problem for anything else.
    pub fn linked_user(&mut self, name: &str) -> Option<ResourceRef<UserId>> {
        let object = self.relationship(name)?;
        let at = |member: &str| format!("/data/relationships/{name}{member}");
        let linked = parse_user(&object, at).and_then(|subject| match subject {
            ResourceRef::Lid(_) if !self.has_lids => {
                let problem = ApiProblem::new(Code::InvalidRelationship, "the resource identifier needs an `id`");
                Err(problem.pointer(at("/data")))
            }
            subject => Ok(subject),
        });
        linked.map_err(|problem| self.push_error(problem)).ok()
    }

    /// Reports all problems.
    ///
    /// # Errors
    /// 422 for every remaining attribute and relationship, and the problems reported before.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.ignore(&RESPONSE_MEMBERS);
        let unknown = [
            (Code::UnknownAttribute, "attribute", &self.attributes),
            (Code::UnknownRelationship, "relationship", &self.relationships),
        ];
        for (code, what, members) in unknown {
            for name in members.keys().filter(|name| !name.starts_with('@')) {
                self.problems.push_with(code, || {
                    let at = format!("/data/{what}s/{}", name.replace('~', "~0").replace('/', "~1"));
                    let detail = format!("there is no {what} `{}`; remove it", excerpt(name));
                    ApiProblem::new(code, detail).pointer(at)
                });
            }
        }
        if self.problems.is_empty() { Ok(()) } else { Err(self.problems.into()) }
    }
}

/// Checks `type` and `id` and returns the `id`, if there is one.
fn check_type_and_id(
    data: &mut Map<String, Value>,
    kind: &'static str,
    policy: IdPolicy<'_>,
) -> Result<Option<String>, ApiProblem> {
    let malformed = |at: &str, detail: &'static str| ApiProblem::new(Code::MalformedDocument, detail).pointer(at);
    match data.remove("type") {
        Some(Value::String(sent)) if sent == kind => {}
        Some(Value::String(sent)) => {
            let detail = format!("`type` must be `{kind}`; got `{}`", excerpt(&sent));
            return Err(ApiProblem::new(Code::TypeMismatch, detail).pointer("/data/type"));
        }
        Some(_) => return Err(malformed("/data/type", "`type` must be a string")),
        None if matches!(policy, IdPolicy::OptionalButMatching(_)) => {}
        None => return Err(malformed("/data", "the resource object needs a `type`")),
    }
    let id = match data.remove("id") {
        Some(Value::String(id)) => Some(id),
        // Some client libraries send null for a new resource.
        Some(Value::Null) if matches!(policy, IdPolicy::New | IdPolicy::NewWithId) => None,
        Some(_) => return Err(malformed("/data/id", "`id` must be a string")),
        None => None,
    };
    match (policy, &id) {
        (IdPolicy::New, Some(_)) => {
            let detail = "the service assigns ids; remove `id`";
            Err(ApiProblem::new(Code::ClientGeneratedId, detail).pointer("/data/id"))
        }
        (IdPolicy::Existing(_), None) => Err(malformed("/data", "the resource object needs its `id`")),
        (IdPolicy::Existing(expected) | IdPolicy::OptionalButMatching(expected), Some(sent)) if sent != expected => {
            let detail = format!("`id` must be `{}`, as in the URL", excerpt(expected));
            Err(ApiProblem::new(Code::IdMismatch, detail).pointer("/data/id"))
        }
        _ => Ok(id),
    }
}

/// Parses the user that a relationship object references. `at` is the pointer to one of its members.
fn parse_user(object: &Value, at: impl Fn(&str) -> String) -> Result<ResourceRef<UserId>, ApiProblem> {
    let invalid =
        |member: &str, detail: &'static str| ApiProblem::new(Code::InvalidRelationship, detail).pointer(at(member));
    let data = object.as_object().and_then(|object| object.get("data"));
    let Some(data) = data else {
        return Err(invalid("", "the relationship needs `data` with one resource identifier"));
    };
    parse_identifier(data, |member| at(&format!("/data{member}")))
}

/// Parses the identifier of a user. `at` is the pointer to one of its members.
///
/// # Errors
/// 409 for another type, 422 for any other value.
pub(super) fn parse_identifier(data: &Value, at: impl Fn(&str) -> String) -> Result<ResourceRef<UserId>, ApiProblem> {
    let invalid =
        |member: &str, detail: &'static str| ApiProblem::new(Code::InvalidRelationship, detail).pointer(at(member));
    let Some(identifier) = data.as_object() else {
        return Err(invalid("", "this must be one resource identifier, an object with `type` and `id`"));
    };
    match identifier.get("type") {
        Some(Value::String(kind)) if kind == super::resources::USERS => {}
        Some(Value::String(_)) => {
            let detail = "`type` must be `users`";
            return Err(ApiProblem::new(Code::TypeMismatch, detail).pointer(at("/type")));
        }
        Some(_) => return Err(invalid("/type", "`type` must be a string")),
        None => return Err(invalid("", "the resource identifier needs a `type`")),
    }
    let id = match (identifier.get("id"), identifier.get("lid")) {
        (Some(id), _) => id,
        (None, Some(Value::String(lid))) => return Ok(ResourceRef::Lid(lid.clone())),
        (None, Some(_)) => return Err(invalid("/lid", "`lid` must be a string")),
        (None, None) => return Err(invalid("", "the resource identifier needs an `id`")),
    };
    let parsed = id.as_str().and_then(|id| id.parse().ok()).map(ResourceRef::Stored);
    parsed.ok_or_else(|| invalid("/id", "`id` must be a string with a positive decimal integer"))
}
