//! The values of members, as JSON and as text of cells.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::files::cell_text::NULL;
use crate::files::formula::hides_formula;
use crate::model::group::Properties;
use crate::model::time::Rfc2822;
use crate::model::user::Held;

/// The value of a member.
pub enum RowValue<'a> {
    /// An id; `None` for no record.
    Id(Option<i64>),
    /// A name.
    Name(&'a str),
    /// An attribute.
    Attribute(Held<'a>),
    /// The properties that forms store.
    Properties(&'a Properties),
    /// A time.
    Time(Rfc2822),
}

impl RowValue<'_> {
    /// The id of a record.
    #[must_use]
    pub const fn id(id: i64) -> Self {
        Self::Id(Some(id))
    }

    /// Whether a line of NDJSON leaves it out, which means the same.
    #[must_use]
    pub fn is_omitted(&self) -> bool {
        matches!(self, Self::Properties(properties) if properties.is_empty())
    }

    /// The text of the cell. With `has_nulls`, an attribute that is null is written as `null`, because an empty cell
    /// leaves a value alone.
    #[must_use]
    pub fn to_cell(&self, has_nulls: bool) -> Cow<'_, str> {
        let json = |text: serde_json::Result<String>| Cow::Owned(text.unwrap_or_default());
        match self {
            Self::Id(id) => Cow::Owned(id.map(|id| id.to_string()).unwrap_or_default()),
            Self::Name(name) if needs_json(name) => json(serde_json::to_string(name)),
            Self::Name(name) => Cow::Borrowed(name),
            Self::Attribute(held) => attribute_cell(*held, has_nulls),
            Self::Properties(properties) if properties.is_empty() => Cow::Borrowed(""),
            Self::Properties(properties) => json(serde_json::to_string(properties)),
            Self::Time(time) => Cow::Borrowed(time.as_str()),
        }
    }
}

impl Serialize for RowValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Id(id) => id.serialize(serializer),
            Self::Name(name) => name.serialize(serializer),
            Self::Attribute(held) => held.serialize(serializer),
            Self::Properties(properties) => properties.serialize(serializer),
            Self::Time(time) => time.as_str().serialize(serializer),
        }
    }
}

fn attribute_cell(held: Held<'_>, has_nulls: bool) -> Cow<'_, str> {
    let json = |text: serde_json::Result<String>| Cow::Owned(text.unwrap_or_default());
    match held {
        Held::Text(None) | Held::Integer(None) if has_nulls => Cow::Borrowed(NULL),
        Held::Text(None) | Held::List([]) | Held::Integer(None) => Cow::Borrowed(""),
        Held::Text(Some(text)) if needs_json(text) || (has_nulls && text == NULL) => json(serde_json::to_string(text)),
        Held::Text(Some(text)) => Cow::Borrowed(text),
        Held::List(list) => json(serde_json::to_string(list)),
        Held::Integer(Some(number)) => Cow::Owned(number.to_string()),
        Held::Flag(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
    }
}

/// Whether a text is written as JSON: an empty cell means no value, a quotation mark begins JSON, and cells are trimmed
/// when they are read. A tab or carriage return at the start comes after an apostrophe, which keeps it.
fn needs_json(text: &str) -> bool {
    let is_trimmed = text.trim_end() == text && (text.trim_start() == text || text.starts_with(['\t', '\r']));
    text.is_empty() || text.starts_with('"') || !is_trimmed || hides_formula(text)
}
