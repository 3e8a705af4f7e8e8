//! The validations of a field, and which of them each field can have.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::http::forms::config::attribute::AttributeType;
use crate::http::forms::config::diagnostics::{Diagnostics, quote_names};
use crate::http::forms::config::numericality::Numericality;
use crate::http::forms::config::resource::{FormField, FormResource};
use crate::http::forms::config::yaml::{Content, MappingKey, Node};

/// In characters.
const MAX_REGEX_LENGTH: usize = 1_000;
/// The compiled size, in bytes. It bounds the matching time: the worst expression found takes a second for the longest
/// string. `[\w-]{1,40}` just fits, because `\w` covers the letters of all scripts.
const MAX_REGEX_SIZE: usize = 2 * 1024 * 1024;
/// The nesting depth of groups.
const MAX_REGEX_NESTING: u32 = 32;
/// The longest string that any field accepts, in characters.
pub const MAX_TEXT_LENGTH: usize = 10_000;

/// The names of all validations.
const NAMES: [&str; 8] =
    ["presence", "length", "inclusion", "format", "numericality", "email", "uniqueness", "confirmation"];

/// The validations of a value. Only `presence` concerns values that are missing or `null`.
///
/// `uniqueness` has no field here, because e-mail addresses are always unique.
#[derive(Debug, Clone, Default)]
pub struct Validations {
    /// The value must not be missing, `null`, blank or empty.
    pub presence: bool,
    /// The number of characters of a string or elements of an array.
    pub length: Option<Length>,
    /// The accepted values.
    pub inclusion: Option<Vec<Value>>,
    /// The value must be a string with a match of this expression.
    pub format: Option<Regex>,
    /// The value must be a number or a decimal string.
    pub numericality: Option<Numericality>,
    /// The value must be an e-mail address.
    pub email: bool,
    /// The field `…_confirmation`, if sent, must have the same value.
    pub confirmation: bool,
}

/// The accepted lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Length {
    /// The smallest length.
    pub minimum: Option<usize>,
    /// The largest length.
    pub maximum: Option<usize>,
    /// The only length.
    pub is: Option<usize>,
}

/// What a validation applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidationTarget {
    /// A field of a resource.
    Field(FormResource, FormField),
    /// A property.
    Property,
}

impl ValidationTarget {
    /// Whether this validation applies to the target.
    fn allows(self, validation: &str) -> bool {
        let Self::Field(resource, field) = self else { return validation != "uniqueness" };
        match validation {
            "presence" => true,
            "length" | "format" | "confirmation" => !field.is_id(),
            "inclusion" => field != FormField::Password,
            "email" => !field.is_id() && field != FormField::Password,
            "numericality" => field == FormField::ExternalId,
            _ => field == FormField::Email && resource == FormResource::User,
        }
    }

    /// Whether the target can have a value of this kind.
    fn can_hold(self, value: &Value) -> bool {
        match self {
            Self::Property => value.is_string() || value.is_number() || value.is_boolean(),
            Self::Field(_, field) if field.is_id() => value.as_i64().is_some_and(|id| id > 0),
            Self::Field(..) => value.is_string(),
        }
    }
}

impl Validations {
    /// Reads the value of the key `validation`.
    pub(super) fn read(node: &Node, target: ValidationTarget, diagnostics: &mut Diagnostics<'_>) -> Self {
        let mut all = Self::default();
        for (key, node) in diagnostics.read_mapping(node, "`validation`").unwrap_or_default() {
            if !NAMES.contains(&key.name.as_str()) {
                diagnostics.report(
                    key.line,
                    format!("unknown validation `{}`; expected one of {}", key.name, quote_names(NAMES)),
                );
            } else if target.allows(&key.name) {
                all.read_one(key, node, target, diagnostics);
            } else {
                diagnostics.report(key.line, describe_incompatibility(&key.name, target));
            }
        }
        all
    }

    /// The names of the validations that no value of this kind can satisfy, or that do not apply to it.
    pub(super) fn find_incompatible(&self, kind: AttributeType) -> Vec<&'static str> {
        let is_string = matches!(kind, AttributeType::String | AttributeType::Date | AttributeType::DateTime);
        let is_array = kind == AttributeType::Array;
        let is_number = matches!(kind, AttributeType::String | AttributeType::Integer | AttributeType::Float);
        let is_listable = |value: &Value| is_array || kind.check(value).is_none();
        let all = [
            ("length", self.length.is_some() && !is_string && !is_array),
            ("inclusion", self.inclusion.as_ref().is_some_and(|list| !list.iter().all(is_listable))),
            ("format", self.format.is_some() && !is_string),
            ("numericality", self.numericality.is_some() && !is_number),
            ("email", self.email && kind != AttributeType::String),
            ("confirmation", self.confirmation && !is_string),
        ];
        all.into_iter().filter(|(_, is_incompatible)| *is_incompatible).map(|(name, _)| name).collect()
    }

    fn read_one(&mut self, key: &MappingKey, node: &Node, target: ValidationTarget, diagnostics: &mut Diagnostics<'_>) {
        match key.name.as_str() {
            "presence" => self.presence = diagnostics.read_bool(node, "`presence`"),
            "length" => self.length = Length::read(node, diagnostics),
            "inclusion" => self.inclusion = read_inclusion(node, target, diagnostics),
            "format" => self.format = read_format(node, diagnostics),
            "numericality" => self.numericality = Numericality::read(node, diagnostics),
            "email" => self.email = diagnostics.read_bool(node, "`email`"),
            "confirmation" => self.confirmation = diagnostics.read_bool(node, "`confirmation`"),
            _ => drop(diagnostics.read_bool(node, "`uniqueness`")),
        }
    }
}

fn describe_incompatibility(validation: &str, target: ValidationTarget) -> String {
    match (validation, target) {
        ("uniqueness", _) => "only the `email` of a `User` can have `uniqueness`".to_owned(),
        (_, ValidationTarget::Field(_, field)) => format!("`{}` cannot have `{validation}`", field.name()),
        (_, ValidationTarget::Property) => format!("properties cannot have `{validation}`"),
    }
}

impl Length {
    fn read(node: &Node, diagnostics: &mut Diagnostics<'_>) -> Option<Self> {
        let [minimum, maximum, is] = diagnostics.read_members(node, "`length`", ["minimum", "maximum", "is"])?;
        if minimum.or(maximum).or(is).is_none() {
            diagnostics.report(node.line, "`length` needs `minimum`, `maximum` or `is`");
            return None;
        }
        let mut count = |member: Option<(&MappingKey, &Node)>| {
            let (key, node) = member?;
            let count = diagnostics.read_count(node, &format!("`{}`", key.name))?;
            if count > MAX_TEXT_LENGTH && key.name != "maximum" {
                diagnostics.report(node.line, format!("must be at most {MAX_TEXT_LENGTH}, the limit of all fields"));
            }
            Some(count)
        };
        let length = Self { minimum: count(minimum), maximum: count(maximum), is: count(is) };
        if is.is_some() && minimum.or(maximum).is_some() {
            diagnostics.report(node.line, "`is` cannot be combined with `minimum` or `maximum`");
        }
        if let (Some(minimum), Some(maximum)) = (length.minimum, length.maximum)
            && minimum > maximum
        {
            diagnostics.report(node.line, "`minimum` must not be greater than `maximum`");
        }
        Some(length)
    }
}

fn read_inclusion(node: &Node, target: ValidationTarget, diagnostics: &mut Diagnostics<'_>) -> Option<Vec<Value>> {
    let [list] = diagnostics.read_members(node, "`inclusion`", ["in"])?;
    let items = match list.map(|(_, node)| &node.content) {
        Some(Content::List(items)) if !items.is_empty() => items,
        _ => {
            diagnostics.report(node.line, "`inclusion` needs `in`, a list of accepted values");
            return None;
        }
    };
    for item in items {
        if !target.can_hold(&item.to_json()) {
            diagnostics
                .report(item.line, "the field cannot have a value of this kind, so the list must not contain it");
        }
    }
    Some(items.iter().map(Node::to_json).collect())
}

fn read_format(node: &Node, diagnostics: &mut Diagnostics<'_>) -> Option<Regex> {
    let [with] = diagnostics.read_members(node, "`format`", ["with"])?;
    let Some((_, with)) = with else {
        diagnostics.report(node.line, "`format` needs `with`, a regular expression");
        return None;
    };
    let text = diagnostics.read_string(with, "`with`")?;
    if text.chars().count() > MAX_REGEX_LENGTH {
        diagnostics.report(with.line, format!("a regular expression must have at most {MAX_REGEX_LENGTH} characters"));
        return None;
    }
    let built = RegexBuilder::new(text)
        .size_limit(MAX_REGEX_SIZE)
        .dfa_size_limit(MAX_REGEX_SIZE)
        .nest_limit(MAX_REGEX_NESTING)
        .build();
    built.map_err(|error| diagnostics.report(with.line, describe_format_error(&error))).ok()
}

fn describe_format_error(error: &regex::Error) -> String {
    if matches!(error, regex::Error::CompiledTooBig(_)) {
        let cure = "use `+` or `*` instead of large repetitions, and limit the number of characters with `length`";
        return format!("the regular expression is too large: {cure}");
    }
    // The message has several lines that point at the position; the last one describes the error.
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("not a regular expression: {}", last.trim_start_matches("error: "))
}
