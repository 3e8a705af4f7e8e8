//! Validates values of attributes. Every problem is reported, not only the first.

use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::code::Code;
use crate::model::email;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::field::{FieldKind, MAX_ITEM_CHARS, MAX_LIST_ITEMS, Value};
use crate::model::id::UserId;
use crate::model::manager::Manager;
use crate::model::page::MAX_SORTED_ROWS;
use crate::model::relationship_type::TypeName;
use crate::model::user::AccessLevel;

/// The problems of the values of attributes.
#[must_use]
pub fn problems_of<A: Attribute>(changes: &[(A, Value)]) -> Vec<Problem> {
    let problem = |(attribute, value): &(A, Value)| {
        let complaint = complaint_about(attribute.kind(), value)?;
        Some(Problem::new(Code::InvalidAttribute, complaint).at(ErrorSource::Attribute(attribute.member())))
    };
    changes.iter().filter_map(problem).collect()
}

/// Writes the values of attributes into a record, except those that it has already.
///
/// # Errors
/// `invalid-attribute` with every problem. Then the record is unchanged.
pub(super) fn apply<R: HasAttributes>(record: &mut R, changes: &[(R::Attribute, Value)]) -> Result<()> {
    Error::unless_empty(problems_of(changes))?;
    for (attribute, value) in changes {
        if !record.holds(*attribute, value) && !record.set(*attribute, value.clone()) {
            return Err(Error::Internal(format!("`{}` cannot hold its value", attribute.member())));
        }
    }
    Ok(())
}

/// What is wrong with a text.
pub(super) fn complaint_about_text(text: &str, max_chars: usize) -> Option<String> {
    if text.contains('\0') {
        Some("must not contain U+0000".to_owned())
    } else if text.chars().count() > max_chars {
        Some(format!("must have at most {max_chars} characters"))
    } else {
        None
    }
}

fn complaint_about(kind: FieldKind, value: &Value) -> Option<String> {
    match (kind, value) {
        // Names that are not registered have an error of their own.
        (FieldKind::Text { .. } | FieldKind::List | FieldKind::Role | FieldKind::Integer { .. }, Value::Null)
        | (FieldKind::Flag, Value::Flag(_))
        | (FieldKind::TypeName, Value::Text(_)) => None,
        (FieldKind::Text { max_chars }, Value::Text(text)) => complaint_about_text(text, max_chars),
        (FieldKind::Text { .. }, _) => Some("must be a string or null".to_owned()),
        (FieldKind::Email, Value::Text(text)) => {
            email::complaint_about(text).map(|reason| format!("must be a valid e-mail address: {reason}"))
        }
        (FieldKind::Email, _) => Some("must be an e-mail address".to_owned()),
        (FieldKind::List, Value::List(list)) if list.len() > MAX_LIST_ITEMS => {
            Some(format!("must have at most {MAX_LIST_ITEMS} strings"))
        }
        (FieldKind::List, Value::List(list)) => list.iter().find_map(|text| complaint_about_item(text)),
        (FieldKind::List, _) => Some("must be an array of strings or null".to_owned()),
        (FieldKind::Flag, _) => Some("must be `true` or `false`".to_owned()),
        (FieldKind::Level, Value::Text(text)) if AccessLevel::parse(text).is_some() => None,
        (FieldKind::Level, _) => Some(format!("must be one of {}", names(&AccessLevel::ALL.map(AccessLevel::name)))),
        (FieldKind::TypeName, _) => Some("must be a string".to_owned()),
        (FieldKind::Role, Value::Text(text)) if TypeName::parse(text).is_some() => None,
        (FieldKind::Role, _) => Some(format!("must be a name of {}, or null", TypeName::RULE)),
        (FieldKind::Integer { min, max }, Value::Integer(number)) if (min..=max).contains(number) => None,
        (FieldKind::Integer { min, max }, _) => Some(format!("must be an integer from {min} to {max}, or null")),
        (FieldKind::Manager, Value::Text(text)) if Manager::parse(text).is_some() => None,
        (FieldKind::Manager, _) => Some(format!("must be one of {}", names(&Manager::ALL.map(Manager::name)))),
    }
}

fn complaint_about_item(text: &str) -> Option<String> {
    complaint_about_text(text, MAX_ITEM_CHARS).map(|complaint| format!("each string {complaint}"))
}

fn names(values: &[&str]) -> String {
    values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}

/// Refuses to sort a list of `total` rows by an attribute without an index, if they are too many.
///
/// # Errors
/// `unsupported-sort`, with the limit and the cure.
pub(super) fn require_sortable(attribute: &str, total: i64, cure: &str) -> Result<()> {
    if total <= MAX_SORTED_ROWS {
        return Ok(());
    }
    let detail = format!(
        "only lists of at most {MAX_SORTED_ROWS} rows can be sorted by `{attribute}`, and {total} rows match; {cure}"
    );
    Err(Problem::new(Code::UnsupportedSort, detail).at(ErrorSource::Sort).into())
}

/// The message for an id of a deleted user.
pub(super) fn retired_id(id: UserId) -> String {
    format!("user {id} was deleted, and ids are not reused; choose another id or leave it out")
}
