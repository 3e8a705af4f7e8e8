//! Form configurations: the resource of a form, its users and its fields.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::http::forms::config::check;
use crate::http::forms::config::diagnostics::{Diagnostics, quote_names};
use crate::http::forms::config::resource::{FormField, FormResource};
use crate::http::forms::config::validation::{ValidationTarget, Validations};
use crate::http::forms::config::yaml::{Content, MappingKey, Node};
use crate::model::form::ResourceOwner;

/// A form configuration.
#[derive(Debug, Clone)]
pub struct Form {
    /// The name that requests use.
    pub name: String,
    /// The resource that it creates, changes or deletes.
    pub resource: FormResource,
    /// Who may use it.
    pub owner: ResourceOwner,
    /// The fields that it accepts.
    pub fields: BTreeMap<FormField, Validations>,
    /// The properties that it accepts; `None` if it rejects the member `properties`.
    pub properties: Option<PropertyRules>,
}

/// The properties that a form accepts.
#[derive(Debug, Clone)]
pub enum PropertyRules {
    /// All properties.
    Any,
    /// Only these, by name.
    Listed(BTreeMap<String, PropertyRule>),
}

/// A property that a form lists.
#[derive(Debug, Clone)]
pub struct PropertyRule {
    /// Its validations.
    pub validations: Validations,
    /// The value in a new record if the property is not sent.
    pub default: Option<Value>,
    /// Whether requests must not send it.
    pub is_readonly: bool,
    /// Its line in the file, from 1.
    pub line: u64,
}

impl Form {
    /// Whether an update by this form would let any caller take over any account.
    #[must_use]
    pub fn allows_account_takeover(&self) -> bool {
        let lists = |field| self.fields.contains_key(&field);
        self.resource == FormResource::User
            && self.owner == ResourceOwner::Anyone
            && (lists(FormField::Email) || lists(FormField::Password))
    }

    /// Reads a form and reports its problems.
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics<'_>) -> Option<Self> {
        let names = ["name", "resource", "resource_owner", "configuration"];
        let [name, resource, owner, configuration] = diagnostics.read_members(node, "a form", names)?;
        let name = diagnostics.require_member(name, node.line, "a form", "name").and_then(|node| {
            let name = diagnostics.read_string(node, "`name`")?;
            diagnostics.check_name(node.line, name, "the name of a form").then_some(name)
        });
        let resource = diagnostics.require_member(resource, node.line, "a form", "resource");
        let resource = resource.and_then(|node| FormResource::read(node, diagnostics));
        let owner_line = owner.map_or(node.line, |(_, node)| node.line);
        let owner = owner.and_then(|(_, node)| read_owner(node, diagnostics)).unwrap_or_default();
        // Continue without a name, so that all problems of the form are reported.
        let mut form = Self::empty(name.unwrap_or_default(), resource?, owner);
        let fields = configuration.and_then(|(_, node)| diagnostics.read_mapping(node, "`configuration`"));
        for (key, node) in fields.unwrap_or_default() {
            form.read_field(key, node, diagnostics);
        }
        // A form that creates users requires an e-mail address. One that is called an update does not create users.
        let requires_email = form.fields.get(&FormField::Email).is_some_and(|validations| validations.presence);
        let creates_users = requires_email && !form.name.contains("update");
        if form.allows_account_takeover() && !creates_users {
            diagnostics.report(
                owner_line,
                "`resource_owner: anyone` on a form that can change `email` or `password` of a user gives accounts \
                 away; a form that only creates users must require `email` and not have `update` in its name",
            );
        }
        name.map(|_| form)
    }

    fn empty(name: &str, resource: FormResource, owner: ResourceOwner) -> Self {
        Self { name: name.to_owned(), resource, owner, fields: BTreeMap::new(), properties: None }
    }

    fn read_field(&mut self, key: &MappingKey, node: &Node, diagnostics: &mut Diagnostics<'_>) {
        if key.name == "properties" && self.resource.has_properties() {
            self.properties = Some(PropertyRules::read(node, diagnostics));
            return;
        }
        let Some(field) = self.resource.fields().iter().copied().find(|field| field.name() == key.name) else {
            let own = self.resource.fields().iter().map(|field| field.name());
            let known = quote_names(own.chain(self.resource.has_properties().then_some("properties")));
            let reason = format!("a `{}` has no field `{}`; expected one of {known}", self.resource.name(), key.name);
            diagnostics.report(key.line, reason);
            return;
        };
        let what = format!("`{}`", key.name);
        let members = diagnostics.read_members(node, &what, ["validation", "property_options"]);
        let [validation, options] = members.unwrap_or_default();
        if let Some((key, _)) = options {
            diagnostics.report(key.line, "only properties can have `property_options`");
        }
        let target = ValidationTarget::Field(self.resource, field);
        let validations = validation.map(|(_, node)| Validations::read(node, target, diagnostics)).unwrap_or_default();
        self.fields.insert(field, validations);
    }
}

fn read_owner(node: &Node, diagnostics: &mut Diagnostics<'_>) -> Option<ResourceOwner> {
    match diagnostics.read_string(node, "`resource_owner`")? {
        "self" => Some(ResourceOwner::Own),
        "anyone" => Some(ResourceOwner::Anyone),
        other => {
            diagnostics.report(node.line, format!("`resource_owner` must be `self` or `anyone`; got `{other}`"));
            None
        }
    }
}

impl PropertyRules {
    /// Reads the value of the key `properties`.
    fn read(node: &Node, diagnostics: &mut Diagnostics<'_>) -> Self {
        let members = diagnostics.read_mapping(node, "`properties`").unwrap_or_default();
        if members.is_empty() {
            return Self::Any;
        }
        let mut listed = BTreeMap::new();
        for (key, node) in members {
            if diagnostics.check_name(key.line, &key.name, "the name of a property") {
                listed.insert(key.name.clone(), PropertyRule::read(key, node, diagnostics));
            }
        }
        for (name, property) in &listed {
            let confirmation = check::confirmation_of(name);
            if property.validations.confirmation && listed.contains_key(&confirmation) {
                let reason = format!("`{name}` is confirmed by `{confirmation}`, which is also listed as a property");
                diagnostics.report(property.line, reason);
            }
        }
        Self::Listed(listed)
    }
}

impl PropertyRule {
    fn read(key: &MappingKey, node: &Node, diagnostics: &mut Diagnostics<'_>) -> Self {
        let what = format!("`{}`", key.name);
        let members = diagnostics.read_members(node, &what, ["validation", "property_options"]);
        let [validation, options] = members.unwrap_or_default();
        let validations = validation
            .map(|(_, node)| Validations::read(node, ValidationTarget::Property, diagnostics))
            .unwrap_or_default();
        let (mut default, mut is_readonly) = (None, false);
        if let Some((_, node)) = options {
            let members = diagnostics.read_members(node, "`property_options`", ["default", "readonly"]);
            let [value, readonly] = members.unwrap_or_default();
            is_readonly = readonly.is_some_and(|(_, node)| diagnostics.read_bool(node, "`readonly`"));
            if let Some((_, node)) = value.filter(|(_, node)| !matches!(node.content, Content::Null)) {
                let value = node.to_json();
                for message in check::check_default(&validations, &value) {
                    diagnostics.report(node.line, format!("the default of `{}` {message}", key.name));
                }
                default = Some(value);
            }
        }
        if is_readonly && validations.presence && default.is_none() {
            let reason = format!("`{}` is required but read-only: give it a default", key.name);
            diagnostics.report(key.line, reason);
        }
        Self { validations, default, is_readonly, line: key.line }
    }
}
