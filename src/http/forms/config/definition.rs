//! Form configurations: for which resource a form is, who may use it, and which fields it takes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::http::forms::config::check;
use crate::http::forms::config::diagnostics::{Diagnostics, listed};
use crate::http::forms::config::resource::{Field, Resource};
use crate::http::forms::config::validation::{Target, Validations};
use crate::http::forms::config::yaml::{Content, Key, Node};
use crate::model::form::ResourceOwner;

/// A form configuration.
#[derive(Debug, Clone)]
pub struct Form {
    /// What requests call it by.
    pub name: String,
    /// What it is for.
    pub resource: Resource,
    /// Who may use it.
    pub owner: ResourceOwner,
    /// The fields that it takes.
    pub fields: BTreeMap<Field, Validations>,
    /// The properties that it takes; `None` if it does not even take the member `properties`.
    pub properties: Option<Properties>,
}

/// The properties that a form takes.
#[derive(Debug, Clone)]
pub enum Properties {
    /// Any.
    Free,
    /// These.
    Listed(BTreeMap<String, Property>),
}

/// A property that a form lists.
#[derive(Debug, Clone)]
pub struct Property {
    /// What must hold of it.
    pub validations: Validations,
    /// What it is in a new record when it is not sent.
    pub default: Option<Value>,
    /// Whether it is refused when sent.
    pub is_readonly: bool,
    /// Where it stands in its file.
    pub line: u64,
}

impl Form {
    /// Whether an update by this form would let any caller take over any account.
    #[must_use]
    pub fn allows_account_takeover(&self) -> bool {
        let lists = |field| self.fields.contains_key(&field);
        self.resource == Resource::User
            && self.owner == ResourceOwner::Anyone
            && (lists(Field::Email) || lists(Field::Password))
    }

    /// Reads a form.
    pub(super) fn read(node: &Node, findings: &mut Diagnostics<'_>) -> Option<Self> {
        let names = ["name", "resource", "resource_owner", "configuration"];
        let [name, resource, owner, configuration] = findings.members(node, "a form", names)?;
        let name = findings.demanded(name, node.line, "a form", "name").and_then(|node| {
            let name = findings.text(node, "`name`")?;
            findings.is_name(node.line, name, "the name of a form").then_some(name)
        });
        let resource = findings.demanded(resource, node.line, "a form", "resource");
        let resource = resource.and_then(|node| Resource::read(node, findings));
        let owner_line = owner.map_or(node.line, |(_, node)| node.line);
        let owner = owner.and_then(|(_, node)| read_owner(node, findings)).unwrap_or_default();
        // A form without a name is read on, so that all else that is wrong with it can be told.
        let mut form = Self::empty(name.unwrap_or_default(), resource?, owner);
        let fields = configuration.and_then(|(_, node)| findings.mapping(node, "`configuration`"));
        for (key, node) in fields.unwrap_or_default() {
            form.read_field(key, node, findings);
        }
        // Only a form that creates users demands an address of every request; one that is called an update is none.
        let demands_email = form.fields.get(&Field::Email).is_some_and(|validations| validations.presence);
        let creates = demands_email && !form.name.contains("update");
        if form.allows_account_takeover() && !creates {
            findings.note(
                owner_line,
                "`resource_owner: anyone` on a form that can change `email` or `password` of a user gives accounts \
                 away; a form that creates users demands the presence of `email`, and is not called an update",
            );
        }
        name.map(|_| form)
    }

    fn empty(name: &str, resource: Resource, owner: ResourceOwner) -> Self {
        Self { name: name.to_owned(), resource, owner, fields: BTreeMap::new(), properties: None }
    }

    fn read_field(&mut self, key: &Key, node: &Node, findings: &mut Diagnostics<'_>) {
        if key.name == "properties" && self.resource.has_properties() {
            self.properties = Some(Properties::read(node, findings));
            return;
        }
        let Some(field) = self.resource.fields().iter().copied().find(|field| field.name() == key.name) else {
            let own = self.resource.fields().iter().map(|field| field.name());
            let known = listed(own.chain(self.resource.has_properties().then_some("properties")));
            let reason = format!("a `{}` has no field `{}`, only {known}", self.resource.name(), key.name);
            findings.note(key.line, reason);
            return;
        };
        let what = format!("`{}`", key.name);
        let members = findings.members(node, &what, ["validation", "property_options"]);
        let [validation, options] = members.unwrap_or_default();
        if let Some((key, _)) = options {
            findings.note(key.line, "only properties take `property_options`");
        }
        let place = Target::Field(self.resource, field);
        let validations = validation.map(|(_, node)| Validations::read(node, place, findings)).unwrap_or_default();
        self.fields.insert(field, validations);
    }
}

fn read_owner(node: &Node, findings: &mut Diagnostics<'_>) -> Option<ResourceOwner> {
    match findings.text(node, "`resource_owner`")? {
        "self" => Some(ResourceOwner::Own),
        "anyone" => Some(ResourceOwner::Anyone),
        other => {
            findings.note(node.line, format!("`resource_owner` is `self` or `anyone`, not `{other}`"));
            None
        }
    }
}

impl Properties {
    /// Reads the value of the key `properties`.
    fn read(node: &Node, findings: &mut Diagnostics<'_>) -> Self {
        let members = findings.mapping(node, "`properties`").unwrap_or_default();
        if members.is_empty() {
            return Self::Free;
        }
        let mut listed = BTreeMap::new();
        for (key, node) in members {
            if findings.is_name(key.line, &key.name, "the name of a property") {
                listed.insert(key.name.clone(), Property::read(key, node, findings));
            }
        }
        for (name, property) in &listed {
            let confirmation = check::confirmation_of(name);
            if property.validations.confirmation && listed.contains_key(&confirmation) {
                let reason = format!("`{name}` is confirmed by `{confirmation}`, which is a property of its own");
                findings.note(property.line, reason);
            }
        }
        Self::Listed(listed)
    }
}

impl Property {
    fn read(key: &Key, node: &Node, findings: &mut Diagnostics<'_>) -> Self {
        let what = format!("`{}`", key.name);
        let members = findings.members(node, &what, ["validation", "property_options"]);
        let [validation, options] = members.unwrap_or_default();
        let validations =
            validation.map(|(_, node)| Validations::read(node, Target::Property, findings)).unwrap_or_default();
        let (mut default, mut is_readonly) = (None, false);
        if let Some((_, node)) = options {
            let members = findings.members(node, "`property_options`", ["default", "readonly"]);
            let [value, readonly] = members.unwrap_or_default();
            is_readonly = readonly.is_some_and(|(_, node)| findings.flag(node, "`readonly`"));
            if let Some((_, node)) = value.filter(|(_, node)| !matches!(node.content, Content::Null)) {
                let value = node.to_json();
                for complaint in check::complaints_about_default(&validations, &value) {
                    findings.note(node.line, format!("the default of `{}` {complaint}", key.name));
                }
                default = Some(value);
            }
        }
        if is_readonly && validations.presence && default.is_none() {
            let reason = format!("`{}` must be there but is read-only: give it a default", key.name);
            findings.note(key.line, reason);
        }
        Self { validations, default, is_readonly, line: key.line }
    }
}
