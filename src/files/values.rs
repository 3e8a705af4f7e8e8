//! Parses the values of members.

use super::cell::Cell;
use crate::domain::transfer::UserReference;
use crate::model::boolean::{BOOLEAN_WORDS, parse_boolean};
use crate::model::group::Properties;
use crate::model::id::UserId;
use crate::model::text::excerpt;
use crate::model::time::Timestamp;
use crate::model::time_parser::{TIME_FORMATS, parse_time};
use crate::model::user::{FieldKind, Value};

/// The value of a member, or what is wrong with it.
pub type Parsed<T> = Result<T, String>;

/// The largest id in files, so that ids remain for new records.
pub const LARGEST_ID: i64 = i64::MAX / 2;

/// The most characters of the name of the type of a group or a membership.
const MAX_KIND_CHARS: usize = 255;

/// A positive id; `None` for null.
///
/// # Errors
/// What is wrong with it.
pub fn id(cell: &Cell<'_>) -> Parsed<Option<i64>> {
    let number = match cell {
        Cell::Null => return Ok(None),
        Cell::Number(number) => Some(*number),
        Cell::Text(text) => text.parse::<UserId>().ok().map(UserId::get),
        _ => None,
    };
    match number.filter(|number| (1..=LARGEST_ID).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(format!("must be an integer from 1 to {LARGEST_ID}")),
    }
}

/// The end of a relationship; `None` for null.
///
/// # Errors
/// What is wrong with it.
pub fn user_reference(cell: Cell<'_>) -> Parsed<Option<UserReference>> {
    let complaint = || Err("must be an id, `email:…` or `alt-id:…`".to_owned());
    match cell {
        Cell::Null => Ok(None),
        Cell::Number(number) if number > 0 => Ok(Some(UserReference::Id(UserId::new(number)))),
        Cell::Text(text) => match text.split_once(':') {
            _ if text.contains('\0') => complaint(),
            Some((kind, email)) if kind.trim() == "email" && !email.trim().is_empty() => {
                Ok(Some(UserReference::Email(email.trim().to_owned())))
            }
            Some(("alt-id", alt_id)) if !alt_id.is_empty() => Ok(Some(UserReference::AltId(alt_id.to_owned()))),
            Some(_) => complaint(),
            None => text.parse().map_or_else(|_| complaint(), |id| Ok(Some(UserReference::Id(id)))),
        },
        _ => complaint(),
    }
}

/// The properties that forms store, an object or its text as JSON; `None` for null.
///
/// # Errors
/// What is wrong with them.
pub fn properties(cell: Cell<'_>) -> Parsed<Option<Properties>> {
    let complaint = || Err("must be a JSON object, for example `{\"level\":3}`".to_owned());
    match cell {
        Cell::Null => Ok(None),
        Cell::Object(properties) => Ok(Some(properties)),
        Cell::Text(text) => serde_json::from_str(&text).map_or_else(|_| complaint(), |properties| Ok(Some(properties))),
        _ => complaint(),
    }
}

/// The name of the type of a group or a membership; `None` for null.
///
/// # Errors
/// What is wrong with it.
pub fn kind(cell: &Cell<'_>) -> Parsed<Option<String>> {
    match cell {
        Cell::Null => Ok(None),
        Cell::Text(text) if (1..=MAX_KIND_CHARS).contains(&text.chars().count()) && !text.contains('\0') => {
            Ok(Some(text.clone().into_owned()))
        }
        _ => Err(format!("must be a string of 1 to {MAX_KIND_CHARS} characters without U+0000")),
    }
}

/// A time; `None` for null.
///
/// # Errors
/// The accepted formats.
pub fn time(cell: &Cell<'_>) -> Parsed<Option<Timestamp>> {
    let complaint = |got: String| Err(format!("must be {TIME_FORMATS}{got}"));
    match cell {
        Cell::Null => Ok(None),
        Cell::Text(text) => {
            parse_time(text).map_or_else(|| complaint(format!("; got `{}`", excerpt(text))), |time| Ok(Some(time)))
        }
        _ => complaint(String::new()),
    }
}

/// The value of a boolean attribute. Spreadsheets write `TRUE`, databases 1 and people `yes`.
///
/// # Errors
/// The accepted words.
pub fn flag(cell: &Cell<'_>) -> Parsed<Value> {
    let flag = match cell {
        Cell::Flag(flag) => return Ok(Value::Flag(*flag)),
        Cell::Text(text) => parse_boolean(text.trim()),
        Cell::Number(number) => [(0, false), (1, true)].into_iter().find(|(known, _)| known == number).map(|it| it.1),
        // Reported with the other rules of the attribute.
        Cell::Null => return Ok(Value::Null),
        Cell::List(_) | Cell::Object(_) | Cell::Other => None,
    };
    let got = match cell {
        Cell::Text(text) => format!("; got `{}`", excerpt(text)),
        Cell::Number(number) => format!("; got `{number}`"),
        _ => String::new(),
    };
    flag.map(Value::Flag).ok_or_else(|| format!("must be {BOOLEAN_WORDS}{got}"))
}

/// The value of an attribute. It may not fit the attribute.
///
/// # Errors
/// Those of [`flag`].
pub fn value_of(kind: FieldKind, cell: Cell<'_>) -> Parsed<Value> {
    if kind == FieldKind::Flag {
        return flag(&cell);
    }
    let is_integer = matches!(kind, FieldKind::Integer { .. });
    Ok(match cell {
        Cell::Number(number) if is_integer => Value::Integer(number),
        Cell::Text(text) if is_integer => text.parse().map_or(Value::Other, Value::Integer),
        Cell::Null => Value::Null,
        Cell::Flag(flag) => Value::Flag(flag),
        Cell::Text(text) => Value::Text(text.into_owned()),
        Cell::List(list) => Value::List(list),
        Cell::Number(_) | Cell::Object(_) | Cell::Other => Value::Other,
    })
}
