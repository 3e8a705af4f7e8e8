//! The validations of a field: how they are read, and which of them fit which field.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::http::forms::config::attribute::AttributeType;
use crate::http::forms::config::diagnostics::{Diagnostics, listed};
use crate::http::forms::config::numericality::Numericality;
use crate::http::forms::config::resource::{Field, Resource};
use crate::http::forms::config::yaml::{Content, Key, Node};

/// The longest regular expression, in characters.
const LONGEST_FORMAT: usize = 1_000;
/// The largest compiled regular expression, in bytes. What a text costs at most grows with it: the worst that was found
/// took a second for the longest text. `[\w-]{1,40}` just fits, since letters of all scripts are many.
const LARGEST_FORMAT: usize = 2 * 1024 * 1024;
/// The most groups in groups of a regular expression.
const DEEPEST_FORMAT: u32 = 32;
/// The longest text that anything takes, in characters.
pub const LONGEST_TEXT: usize = 10_000;

/// The names of all validations.
const NAMES: [&str; 8] =
    ["presence", "length", "inclusion", "format", "numericality", "email", "uniqueness", "confirmation"];

/// What must hold of a value. All but `presence` say nothing of a value that is not sent or `null`.
///
/// `uniqueness` leaves no trace here: e-mail addresses are unique, whatever a form says.
#[derive(Debug, Clone, Default)]
pub struct Validations {
    /// It must be there: not `null`, not blank, not empty.
    pub presence: bool,
    /// So many characters of a text, or elements of an array.
    pub length: Option<Length>,
    /// It must be one of these.
    pub inclusion: Option<Vec<Value>>,
    /// It must be a text in which this is found.
    pub format: Option<Regex>,
    /// It must be a number, or a text that is one.
    pub numericality: Option<Numericality>,
    /// It must be an e-mail address.
    pub email: bool,
    /// A second field, `…_confirmation`, must be equal to it when it is sent.
    pub confirmation: bool,
}

/// How long something may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Length {
    /// At least.
    pub minimum: Option<usize>,
    /// At most.
    pub maximum: Option<usize>,
    /// Exactly.
    pub is: Option<usize>,
}

/// Where a validation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// At a field of a resource.
    Field(Resource, Field),
    /// At a property.
    Property,
}

impl Target {
    /// Whether a validation of that name means something here.
    fn takes(self, validation: &str) -> bool {
        let Self::Field(resource, field) = self else { return validation != "uniqueness" };
        match validation {
            "presence" => true,
            "length" | "format" | "confirmation" => !field.is_id(),
            "inclusion" => field != Field::Password,
            "email" => !field.is_id() && field != Field::Password,
            "numericality" => field == Field::ExternalId,
            _ => field == Field::Email && resource == Resource::User,
        }
    }

    /// Whether a value of this kind can ever be sent here.
    fn may_be(self, value: &Value) -> bool {
        match self {
            Self::Property => value.is_string() || value.is_number() || value.is_boolean(),
            Self::Field(_, field) if field.is_id() => value.as_i64().is_some_and(|id| id > 0),
            Self::Field(..) => value.is_string(),
        }
    }
}

impl Validations {
    /// Reads the value of the key `validation`.
    pub(super) fn read(node: &Node, place: Target, findings: &mut Diagnostics<'_>) -> Self {
        let mut all = Self::default();
        for (key, node) in findings.mapping(node, "`validation`").unwrap_or_default() {
            if !NAMES.contains(&key.name.as_str()) {
                findings.note(key.line, format!("there is no validation `{}`, only {}", key.name, listed(NAMES)));
            } else if place.takes(&key.name) {
                all.read_one(key, node, place, findings);
            } else {
                findings.note(key.line, misfit(&key.name, place));
            }
        }
        all
    }

    /// The names of the validations that no value of this kind can satisfy, or that mean nothing for it.
    pub(super) fn misfits(&self, kind: AttributeType) -> Vec<&'static str> {
        let is_text = matches!(kind, AttributeType::String | AttributeType::Date | AttributeType::DateTime);
        let is_array = kind == AttributeType::Array;
        let is_number = matches!(kind, AttributeType::String | AttributeType::Integer | AttributeType::Float);
        let is_listable = |value: &Value| is_array || kind.complaint_about(value).is_none();
        let all = [
            ("length", self.length.is_some() && !is_text && !is_array),
            ("inclusion", self.inclusion.as_ref().is_some_and(|list| !list.iter().all(is_listable))),
            ("format", self.format.is_some() && !is_text),
            ("numericality", self.numericality.is_some() && !is_number),
            ("email", self.email && kind != AttributeType::String),
            ("confirmation", self.confirmation && !is_text),
        ];
        all.into_iter().filter(|(_, is_misfit)| *is_misfit).map(|(name, _)| name).collect()
    }

    fn read_one(&mut self, key: &Key, node: &Node, place: Target, findings: &mut Diagnostics<'_>) {
        match key.name.as_str() {
            "presence" => self.presence = findings.flag(node, "`presence`"),
            "length" => self.length = Length::read(node, findings),
            "inclusion" => self.inclusion = read_inclusion(node, place, findings),
            "format" => self.format = read_format(node, findings),
            "numericality" => self.numericality = Numericality::read(node, findings),
            "email" => self.email = findings.flag(node, "`email`"),
            "confirmation" => self.confirmation = findings.flag(node, "`confirmation`"),
            _ => drop(findings.flag(node, "`uniqueness`")),
        }
    }
}

fn misfit(validation: &str, place: Target) -> String {
    match (validation, place) {
        ("uniqueness", _) => "`uniqueness` fits the `email` of a `User` only".to_owned(),
        (_, Target::Field(_, field)) => format!("`{validation}` does not fit `{}`", field.name()),
        (_, Target::Property) => format!("`{validation}` does not fit a property"),
    }
}

impl Length {
    fn read(node: &Node, findings: &mut Diagnostics<'_>) -> Option<Self> {
        let [minimum, maximum, is] = findings.members(node, "`length`", ["minimum", "maximum", "is"])?;
        if minimum.or(maximum).or(is).is_none() {
            findings.note(node.line, "`length` needs `minimum`, `maximum` or `is`");
            return None;
        }
        let mut count = |member: Option<(&Key, &Node)>| {
            let (key, node) = member?;
            let count = findings.count(node, &format!("`{}`", key.name))?;
            if count > LONGEST_TEXT && key.name != "maximum" {
                findings.note(node.line, format!("nothing has more than {LONGEST_TEXT} characters"));
            }
            Some(count)
        };
        let length = Self { minimum: count(minimum), maximum: count(maximum), is: count(is) };
        if is.is_some() && minimum.or(maximum).is_some() {
            findings.note(node.line, "`is` leaves nothing to `minimum` and `maximum`");
        }
        if let (Some(minimum), Some(maximum)) = (length.minimum, length.maximum)
            && minimum > maximum
        {
            findings.note(node.line, "`minimum` is more than `maximum`");
        }
        Some(length)
    }
}

fn read_inclusion(node: &Node, place: Target, findings: &mut Diagnostics<'_>) -> Option<Vec<Value>> {
    let [list] = findings.members(node, "`inclusion`", ["in"])?;
    let items = match list.map(|(_, node)| &node.content) {
        Some(Content::List(items)) if !items.is_empty() => items,
        _ => {
            findings.note(node.line, "`inclusion` needs `in`, a list of what is accepted");
            return None;
        }
    };
    for item in items {
        if !place.may_be(&item.to_json()) {
            findings.note(item.line, "a value of this kind cannot be sent here, so it cannot be in the list");
        }
    }
    Some(items.iter().map(Node::to_json).collect())
}

fn read_format(node: &Node, findings: &mut Diagnostics<'_>) -> Option<Regex> {
    let [with] = findings.members(node, "`format`", ["with"])?;
    let Some((_, with)) = with else {
        findings.note(node.line, "`format` needs `with`, a regular expression");
        return None;
    };
    let text = findings.text(with, "`with`")?;
    if text.chars().count() > LONGEST_FORMAT {
        findings.note(with.line, format!("a regular expression has at most {LONGEST_FORMAT} characters"));
        return None;
    }
    let built = RegexBuilder::new(text)
        .size_limit(LARGEST_FORMAT)
        .dfa_size_limit(LARGEST_FORMAT)
        .nest_limit(DEEPEST_FORMAT)
        .build();
    built.map_err(|error| findings.note(with.line, complaint_about_format(&error))).ok()
}

fn complaint_about_format(error: &regex::Error) -> String {
    if matches!(error, regex::Error::CompiledTooBig(_)) {
        let cure = "write `+` or `*` for large repetitions, and the number of characters as a `length`";
        return format!("the regular expression is too large: {cure}");
    }
    // Several lines that point at the place; the last one says what it is.
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("this is no regular expression: {}", last.trim_start_matches("error: "))
}
