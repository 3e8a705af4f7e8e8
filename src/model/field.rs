//! Kinds, values and storage of attributes that clients can write.

use serde::Serialize;
use serde_json::Value as Json;

use super::access_level::AccessLevel;
use super::manager::Manager;
use super::relationship_type_name::TypeName;

/// The most bytes of an e-mail address (RFC 5321 §4.5.3.1.3 without the brackets).
pub const MAX_EMAIL_BYTES: usize = 254;
/// The most texts in a list.
pub const MAX_LIST_ITEMS: usize = 100;
/// The most characters of a text in a list.
pub const MAX_ITEM_CHARS: usize = 1_000;

/// What a field can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A text; null clears it.
    Text {
        /// The most characters (not bytes).
        max_chars: usize,
    },
    /// An e-mail address of at most [`MAX_EMAIL_BYTES`]; never null.
    Email,
    /// A list of at most [`MAX_LIST_ITEMS`] texts of at most [`MAX_ITEM_CHARS`]; null empties it.
    List,
    /// True or false; never null.
    Flag,
    /// The name of an [`AccessLevel`]; never null.
    Level,
    /// The name of a registered relationship type; never null.
    TypeName,
    /// A role: a name by the rule for names of relationship types; null clears it.
    Role,
    /// A whole number in a range; null clears it.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// Who manages relationships of a type, the name of a [`Manager`]; never null.
    Manager,
}

impl FieldKind {
    /// Removes the spaces around an address, which arrive with text that was copied. Other values stay as they are.
    #[must_use]
    pub fn normalize(self, value: Value) -> Value {
        match value {
            Value::Text(text) if self == Self::Email => Value::Text(text.trim().to_owned()),
            value => value,
        }
    }
}

/// Who may write a field of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldWriter {
    /// The user itself, and admins.
    Owner,
    /// Only admins: the field names the user to credentials, or gives it rights.
    Admin,
}

/// A value that a client sends for a field. It may not fit the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Clears the field.
    Null,
    /// A text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
    /// True or false.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// Another number, an object or any other value that no field can hold.
    Other,
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Flag(flag),
            Json::String(text) => Self::Text(text),
            Json::Array(items) => {
                let texts = items.into_iter().map(|item| if let Json::String(text) = item { Some(text) } else { None });
                texts.collect::<Option<_>>().map_or(Self::Other, Self::List)
            }
            Json::Number(number) => whole(&number).map_or(Self::Other, Self::Integer),
            Json::Object(_) => Self::Other,
        }
    }
}

/// A number as an integer. To JSON Schema, `2.0` is one too.
fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| format!("{:.0}", number.as_f64().filter(|it| it.fract() == 0.0)?).parse().ok())
}

/// The present value of a field. It serializes as the JSON of documents and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Held<'a> {
    /// A text or null.
    Text(Option<&'a str>),
    /// A list, possibly empty.
    List(&'a [String]),
    /// True or false.
    Flag(bool),
    /// A whole number or null.
    Integer(Option<i64>),
}

impl Held<'_> {
    /// Whether this is the value that a client sends.
    #[must_use]
    pub fn equals(&self, sent: &Value) -> bool {
        match (self, sent) {
            (Self::Text(None) | Self::Integer(None), Value::Null) => true,
            (Self::Text(Some(held)), Value::Text(sent)) => held == sent,
            (Self::List(held), Value::List(sent)) => *held == sent.as_slice(),
            (Self::List(held), Value::Null) => held.is_empty(),
            (Self::Flag(held), Value::Flag(sent)) => held == sent,
            (Self::Integer(Some(held)), Value::Integer(sent)) => held == sent,
            _ => false,
        }
    }
}

/// A type in which a field is stored.
pub trait FieldStorage {
    /// The present value.
    fn held(&self) -> Held<'_>;

    /// Replaces the value. Returns `false`, and changes nothing, if the type cannot hold `value`.
    fn set(&mut self, value: Value) -> bool;

    /// Whether the field is left out of the stored profile.
    fn is_absent(&self) -> bool {
        matches!(self.held(), Held::Text(None) | Held::List([]) | Held::Integer(None))
    }
}

fn replace<T>(place: &mut T, value: Option<T>) -> bool {
    value.map(|value| *place = value).is_some()
}

impl FieldStorage for Option<String> {
    fn held(&self) -> Held<'_> {
        Held::Text(self.as_deref())
    }

    fn set(&mut self, value: Value) -> bool {
        match value {
            Value::Null => replace(self, Some(None)),
            Value::Text(text) => replace(self, Some(Some(text))),
            _ => false,
        }
    }
}

impl FieldStorage for Vec<String> {
    fn held(&self) -> Held<'_> {
        Held::List(self)
    }

    fn set(&mut self, value: Value) -> bool {
        match value {
            Value::Null => replace(self, Some(Self::new())),
            Value::List(list) => replace(self, Some(list)),
            _ => false,
        }
    }
}

impl FieldStorage for String {
    fn held(&self) -> Held<'_> {
        Held::Text(Some(self))
    }

    fn set(&mut self, value: Value) -> bool {
        match value {
            Value::Text(text) => replace(self, Some(text)),
            _ => false,
        }
    }
}

impl FieldStorage for bool {
    fn held(&self) -> Held<'_> {
        Held::Flag(*self)
    }

    fn set(&mut self, value: Value) -> bool {
        match value {
            Value::Flag(flag) => replace(self, Some(flag)),
            _ => false,
        }
    }
}

impl FieldStorage for AccessLevel {
    fn held(&self) -> Held<'_> {
        Held::Text(Some(self.name()))
    }

    fn set(&mut self, value: Value) -> bool {
        match value {
            Value::Text(text) => replace(self, Self::parse(&text)),
            _ => false,
        }
    }
}

impl FieldStorage for TypeName {
    fn held(&self) -> Held<'_> {
        Held::Text(Some(self.as_str()))
    }

    fn set(&mut self, value: Value) -> bool {
        match value {
            Value::Text(text) => replace(self, Self::parse(&text)),
            _ => false,
        }
    }
}

impl FieldStorage for Option<TypeName> {
    fn held(&self) -> Held<'_> {
        Held::Text(self.as_ref().map(TypeName::as_str))
    }

    fn set(&mut self, value: Value) -> bool {
        match value {
            Value::Null => replace(self, Some(None)),
            Value::Text(text) => replace(self, TypeName::parse(&text).map(Some)),
            _ => false,
        }
    }
}

impl FieldStorage for Option<i16> {
    fn held(&self) -> Held<'_> {
        Held::Integer(self.map(i64::from))
    }

    fn set(&mut self, value: Value) -> bool {
        match value {
            Value::Null => replace(self, Some(None)),
            Value::Integer(number) => replace(self, i16::try_from(number).ok().map(Some)),
            _ => false,
        }
    }
}

impl FieldStorage for Manager {
    fn held(&self) -> Held<'_> {
        Held::Text(Some(self.name()))
    }

    fn set(&mut self, value: Value) -> bool {
        match value {
            Value::Text(text) => replace(self, Self::parse(&text)),
            _ => false,
        }
    }
}
