//! Types of groups and members: which properties they have, and of which kind each is.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use serde_json::Value;

use crate::http::forms::config::diagnostics::{Diagnostics, listed};
use crate::http::forms::config::resource::Resource;
use crate::http::forms::config::yaml::{Content, Node};

/// The longest name of a type.
const LONGEST_NAME: usize = 64;

/// A type of groups or of members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    /// Its place, from 1, among the types of its resource in the order of their names. It changes when a type is added
    /// before it; the name does not.
    pub id: u64,
    /// Its underscored name, `special_group`: what is stored with groups and members.
    pub name: String,
    /// Whether it is one of groups (`Relationship`) or of members (`RelationshipUser`).
    pub resource: Resource,
    attributes: BTreeMap<String, AttributeType>,
}

/// What a property may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeType {
    /// A text.
    String,
    /// A whole number of 64 bits.
    Integer,
    /// Any number.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A text like `2026-11-21`.
    Date,
    /// A text like `2026-11-21T10:11:24+02:00` (RFC 3339).
    DateTime,
    /// An array of anything.
    Array,
}

impl AttributeType {
    /// Every type.
    pub const ALL: [Self; 7] =
        [Self::String, Self::Integer, Self::Float, Self::Boolean, Self::Date, Self::DateTime, Self::Array];

    /// Its name in files.
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

    /// Its name in a sentence.
    #[must_use]
    pub fn with_article(self) -> String {
        let article = if matches!(self, Self::Integer | Self::Array) { "an" } else { "a" };
        format!("{article} {}", self.name())
    }

    /// What a client is told of a value of another kind. `null` is of every kind.
    #[must_use]
    pub fn complaint_about(self, value: &Value) -> Option<&'static str> {
        let (is_right, complaint) = match (self, value) {
            (_, Value::Null) => return None,
            (Self::String, value) => (value.is_string(), "is not a text"),
            (Self::Integer, value) => (value.is_i64() || value.is_u64(), "is not an integer"),
            (Self::Float, value) => (value.is_number(), "is not a number"),
            (Self::Boolean, value) => (value.is_boolean(), "is not true or false"),
            (Self::Date, value) => (value.as_str().is_some_and(is_date), "is not a date (YYYY-MM-DD)"),
            (Self::DateTime, value) => (value.as_str().is_some_and(is_date_time), "is not a date and time (RFC 3339)"),
            (Self::Array, value) => (value.is_array(), "is not an array"),
        };
        (!is_right).then_some(complaint)
    }
}

fn is_date(text: &str) -> bool {
    // chrono takes signs and single digits, too.
    text.len() == 10
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn is_date_time(text: &str) -> bool {
    !text.contains(' ') && DateTime::parse_from_rfc3339(text).is_ok()
}

impl Type {
    /// The kind of a property; `None` if groups or members of this type do not have it.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<AttributeType> {
        self.attributes.get(name).copied()
    }

    /// Reads a type, whose id is not known before all are read.
    pub(super) fn read(node: &Node, findings: &mut Diagnostics<'_>) -> Option<Self> {
        let [name, resource, attributes] =
            findings.members(node, "a type", ["name", "resource", "custom_attributes"])?;
        let name = findings.demanded(name, node.line, "a type", "name");
        let name = name.and_then(|node| type_name(node.line, findings.text(node, "`name`")?, findings));
        let resource = findings.demanded(resource, node.line, "a type", "resource");
        let resource = resource.and_then(|node| Resource::read(node, findings));
        let is_fit = resource.is_none_or(Resource::has_types);
        if !is_fit {
            findings.note(node.line, "only `Relationship` and `RelationshipUser` have types");
        }
        let attributes = attributes.map(|(_, node)| read_attributes(node, findings)).unwrap_or_default();
        Some(Self { id: 0, name: name?, resource: resource.filter(|_| is_fit)?, attributes })
    }
}

/// The underscored form of a name.
fn type_name(line: u64, text: &str, findings: &mut Diagnostics<'_>) -> Option<String> {
    let name = text.to_ascii_lowercase().replace([' ', '-'], "_");
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= LONGEST_NAME
        && name.chars().all(is_letter)
    {
        return Some(name);
    }
    // A name of digits could not be told from an id.
    findings.note(
        line,
        format!(
            "the name of a type begins with a letter and has up to {LONGEST_NAME} letters, digits, spaces, hyphens and \
             underscores"
        ),
    );
    None
}

fn read_attributes(node: &Node, findings: &mut Diagnostics<'_>) -> BTreeMap<String, AttributeType> {
    let mut attributes = BTreeMap::new();
    let items = match &node.content {
        Content::List(items) => items.as_slice(),
        Content::Null => &[],
        _ => {
            findings.note(node.line, "`custom_attributes` must be a list of `{ name: …, attribute_type: … }`");
            &[]
        }
    };
    for item in items {
        let Some([name, kind]) = findings.members(item, "a custom attribute", ["name", "attribute_type"]) else {
            continue;
        };
        let (Some((_, name)), Some((_, kind))) = (name, kind) else {
            findings.note(item.line, "a custom attribute needs a `name` and an `attribute_type`");
            continue;
        };
        let (text, kind) = (findings.text(name, "`name`"), read_kind(kind, findings));
        let Some(text) = text.filter(|text| findings.is_name(name.line, text, "the name of a custom attribute")) else {
            continue;
        };
        if kind.is_some_and(|kind| attributes.insert(text.to_owned(), kind).is_some()) {
            findings.note(name.line, format!("the custom attribute `{text}` stands here twice"));
        }
    }
    attributes
}

fn read_kind(node: &Node, findings: &mut Diagnostics<'_>) -> Option<AttributeType> {
    let text = findings.text(node, "`attribute_type`")?;
    let kind = AttributeType::ALL.into_iter().find(|kind| kind.name() == text);
    if kind.is_none() {
        let known = listed(AttributeType::ALL.map(AttributeType::name));
        findings.note(node.line, format!("there is no attribute type `{text}`, only {known}"));
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_takes_its_own_json_and_null() {
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
            assert_eq!(kind.complaint_about(&Value::Null), None);
            for (values, is_good) in [(good, true), (bad, false)] {
                for value in values {
                    assert_eq!(kind.complaint_about(&value).is_none(), is_good, "{kind:?} {value}");
                }
            }
        }
    }
}
