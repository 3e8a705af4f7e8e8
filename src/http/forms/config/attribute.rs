//! Types of groups and members: the properties they define.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use serde_json::Value;

use crate::http::forms::config::diagnostics::{Diagnostics, quote_names};
use crate::http::forms::config::resource::FormResource;
use crate::http::forms::config::yaml::{Content, Node};

/// In bytes.
const MAX_TYPE_NAME_LENGTH: usize = 64;

/// A type of groups or of members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    /// The position of the type, from 1, among the types of its resource sorted by name. Adding a type can change it.
    pub id: u64,
    /// Its name in snake case, such as `special_group`. Stored with groups and members.
    pub name: String,
    /// `Relationship` for types of groups, `RelationshipUser` for types of members.
    pub resource: FormResource,
    attributes: BTreeMap<String, AttributeType>,
}

/// The kind of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeType {
    /// Any string.
    String,
    /// A 64-bit integer.
    Integer,
    /// Any number.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A string such as `2026-11-21`.
    Date,
    /// A string such as `2026-11-21T10:11:24+02:00` (RFC 3339).
    DateTime,
    /// An array of any values.
    Array,
}

impl AttributeType {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::String, Self::Integer, Self::Float, Self::Boolean, Self::Date, Self::DateTime, Self::Array];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Array => "array",
        }
    }

    /// The name with its article, for messages.
    #[must_use]
    pub fn with_article(self) -> String {
        let article = if matches!(self, Self::Integer | Self::Array) { "an" } else { "a" };
        format!("{article} {}", self.name())
    }

    /// The message for a value of another kind. Every kind accepts `null`.
    #[must_use]
    pub fn check(self, value: &Value) -> Option<&'static str> {
        let (is_valid, message) = match (self, value) {
            (_, Value::Null) => return None,
            (Self::String, value) => (value.is_string(), "is not a string"),
            (Self::Integer, value) => (value.is_i64() || value.is_u64(), "is not an integer"),
            (Self::Float, value) => (value.is_number(), "is not a number"),
            (Self::Boolean, value) => (value.is_boolean(), "is not true or false"),
            (Self::Date, value) => (value.as_str().is_some_and(is_date), "is not a date (YYYY-MM-DD)"),
            (Self::DateTime, value) => (value.as_str().is_some_and(is_date_time), "is not a date and time (RFC 3339)"),
            (Self::Array, value) => (value.is_array(), "is not an array"),
        };
        (!is_valid).then_some(message)
    }
}

fn is_date(text: &str) -> bool {
    // chrono also accepts signs and single digits.
    text.len() == 10
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn is_date_time(text: &str) -> bool {
    !text.contains(' ') && DateTime::parse_from_rfc3339(text).is_ok()
}

impl Type {
    /// The kind of a property; `None` if the type does not define it.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<AttributeType> {
        self.attributes.get(name).copied()
    }

    /// Reads a type. Its id is assigned when all types are read.
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics<'_>) -> Option<Self> {
        let [name, resource, attributes] =
            diagnostics.read_members(node, "a type", ["name", "resource", "custom_attributes"])?;
        let name = diagnostics.require_member(name, node.line, "a type", "name");
        let name = name.and_then(|node| to_type_name(node.line, diagnostics.read_string(node, "`name`")?, diagnostics));
        let resource = diagnostics.require_member(resource, node.line, "a type", "resource");
        let resource = resource.and_then(|node| FormResource::read(node, diagnostics));
        let has_types = resource.is_none_or(FormResource::has_types);
        if !has_types {
            diagnostics.report(node.line, "only `Relationship` and `RelationshipUser` have types");
        }
        let attributes = attributes.map(|(_, node)| read_attributes(node, diagnostics)).unwrap_or_default();
        Some(Self { id: 0, name: name?, resource: resource.filter(|_| has_types)?, attributes })
    }
}

/// Converts a name to snake case.
fn to_type_name(line: u64, text: &str, diagnostics: &mut Diagnostics<'_>) -> Option<String> {
    let name = text.to_ascii_lowercase().replace([' ', '-'], "_");
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= MAX_TYPE_NAME_LENGTH
        && name.chars().all(is_letter)
    {
        return Some(name);
    }
    // A name of digits only would look like an id.
    diagnostics.report(
        line,
        format!(
            "the name of a type must begin with a letter and have at most {MAX_TYPE_NAME_LENGTH} letters, digits, spaces, \
             hyphens and underscores"
        ),
    );
    None
}

fn read_attributes(node: &Node, diagnostics: &mut Diagnostics<'_>) -> BTreeMap<String, AttributeType> {
    let mut attributes = BTreeMap::new();
    let items = match &node.content {
        Content::List(items) => items.as_slice(),
        Content::Null => &[],
        _ => {
            diagnostics.report(node.line, "`custom_attributes` must be a list of `{ name: …, attribute_type: … }`");
            &[]
        }
    };
    for item in items {
        let Some([name, kind]) = diagnostics.read_members(item, "a custom attribute", ["name", "attribute_type"])
        else {
            continue;
        };
        let (Some((_, name)), Some((_, kind))) = (name, kind) else {
            diagnostics.report(item.line, "a custom attribute needs a `name` and an `attribute_type`");
            continue;
        };
        let (text, kind) = (diagnostics.read_string(name, "`name`"), read_kind(kind, diagnostics));
        let Some(text) = text.filter(|text| diagnostics.check_name(name.line, text, "the name of a custom attribute"))
        else {
            continue;
        };
        if kind.is_some_and(|kind| attributes.insert(text.to_owned(), kind).is_some()) {
            diagnostics.report(name.line, format!("the custom attribute `{text}` is defined twice"));
        }
    }
    attributes
}

fn read_kind(node: &Node, diagnostics: &mut Diagnostics<'_>) -> Option<AttributeType> {
    let text = diagnostics.read_string(node, "`attribute_type`")?;
    let kind = AttributeType::ALL.into_iter().find(|kind| kind.name() == text);
    if kind.is_none() {
        let known = quote_names(AttributeType::ALL.map(AttributeType::name));
        diagnostics.report(node.line, format!("unknown attribute type `{text}`; expected one of {known}"));
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_accepts_its_own_values_and_null() {
        let (noon, day) = ("2026-11-21T12:00:00.5+02:00", "2026-02-28");
        let cases = [
            (AttributeType::String, vec![json!(""), json!("x")], vec![json!(1), json!([])]),
            (AttributeType::Integer, vec![json!(-1), json!(u64::MAX)], vec![json!(1.0), json!("1"), json!(true)]),
            (AttributeType::Float, vec![json!(1), json!(1.5)], vec![json!("1.5")]),
            (AttributeType::Boolean, vec![json!(false)], vec![json!(0), json!("true")]),
            (
                AttributeType::Date,
                vec![json!(day)],
                vec![json!("2026-02-30"), json!("2026-2-28"), json!(noon), json!(1)],
            ),
            (AttributeType::DateTime, vec![json!(noon), json!("2026-11-21T12:00:00Z")], vec![json!(day), json!("x")]),
            (AttributeType::Array, vec![json!([]), json!([1, "a"])], vec![json!({}), json!("[]")]),
        ];
        for (kind, good, bad) in cases {
            assert_eq!(kind.check(&Value::Null), None);
            for (values, is_good) in [(good, true), (bad, false)] {
                for value in values {
                    assert_eq!(kind.check(&value).is_none(), is_good, "{kind:?} {value}");
                }
            }
        }
    }
}
