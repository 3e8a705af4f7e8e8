//! Validates values of fields. Every problem is reported, not only the first.

use email_address::{EmailAddress, Options};

use crate::model::code::Code;
use crate::model::error::{ErrorSource, Problem};
use crate::model::user::{AccessLevel, Field, FieldKind, MAX_EMAIL_BYTES, MAX_ITEM_CHARS, MAX_LIST_ITEMS, Value};

/// The problems of the fields of a user.
pub(super) fn problems_of(changes: &[(Field, Value)]) -> Vec<Problem> {
    let problem = |(field, value): &(Field, Value)| {
        let complaint = complaint_about(field.kind(), value)?;
        Some(Problem::new(Code::InvalidAttribute, complaint).at(ErrorSource::Attribute(*field)))
    };
    changes.iter().filter_map(problem).collect()
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
        (FieldKind::Text { .. } | FieldKind::List, Value::Null) | (FieldKind::Flag, Value::Flag(_)) => None,
        (FieldKind::Text { max_chars }, Value::Text(text)) => complaint_about_text(text, max_chars),
        (FieldKind::Text { .. }, _) => Some("must be a string or null".to_owned()),
        (FieldKind::Email, Value::Text(text)) => complaint_about_email(text),
        (FieldKind::Email, _) => Some("must be an e-mail address".to_owned()),
        (FieldKind::List, Value::List(list)) if list.len() > MAX_LIST_ITEMS => {
            Some(format!("must have at most {MAX_LIST_ITEMS} strings"))
        }
        (FieldKind::List, Value::List(list)) => list.iter().find_map(|text| complaint_about_item(text)),
        (FieldKind::List, _) => Some("must be an array of strings or null".to_owned()),
        (FieldKind::Flag, _) => Some("must be `true` or `false`".to_owned()),
        (FieldKind::Level, Value::Text(text)) if AccessLevel::parse(text).is_some() => None,
        (FieldKind::Level, _) => Some(format!("must be one of {}", names_of_levels())),
    }
}

fn complaint_about_item(text: &str) -> Option<String> {
    complaint_about_text(text, MAX_ITEM_CHARS).map(|complaint| format!("each string {complaint}"))
}

fn names_of_levels() -> String {
    AccessLevel::ALL.map(|level| format!("`{}`", level.name())).join(", ")
}

fn complaint_about_email(text: &str) -> Option<String> {
    (!is_email(text)).then(|| "must be a valid e-mail address".to_owned())
}

/// Whether a text is a valid e-mail address of a user.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let options = Options::default().without_display_text().without_domain_literal();
    text.len() <= MAX_EMAIL_BYTES
        && !text.contains(char::is_control)
        && EmailAddress::parse_with_options(text, options).is_ok()
}
