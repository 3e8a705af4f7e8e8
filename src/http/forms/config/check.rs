//! Checks values against validations. Messages never contain the value.

use serde_json::Value;

use crate::http::forms::config::numericality::compare;
use crate::http::forms::config::validation::{Length, MAX_TEXT_LENGTH, Validations};
use crate::model::email;

/// The message for a missing value.
pub const BLANK: &str = "can't be blank";

/// The name of the field that confirms another field.
#[must_use]
pub fn confirmation_of(name: &str) -> String {
    format!("{name}_confirmation")
}

/// Removes the spaces around an e-mail address, which arrive with text that was copied. Values that need not be addresses
/// (`is_email`) stay as they are.
#[must_use]
pub fn normalize(is_email: bool, value: &Value) -> Value {
    match value {
        Value::String(text) if is_email => text.trim().into(),
        value => value.clone(),
    }
}

/// The messages for a value that is not `null`.
#[must_use]
pub fn check_value(validations: &Validations, value: &Value) -> Vec<String> {
    let mut messages = Vec::new();
    if validations.presence && is_blank(value) {
        messages.push(BLANK.to_owned());
    }
    messages.extend(validations.length.and_then(|length| check_length(length, value)));
    if validations.inclusion.as_ref().is_some_and(|list| !is_included(list, value)) {
        messages.push("is not included in the list".to_owned());
    }
    let is_malformed =
        validations.format.as_ref().is_some_and(|format| !value.as_str().is_some_and(|text| format.is_match(text)))
            || validations.email && !value.as_str().is_some_and(email::is_valid);
    if is_malformed {
        messages.push("is invalid".to_owned());
    }
    if let Some(numericality) = &validations.numericality {
        messages.extend(numericality.check(value));
    }
    messages
}

/// The messages for the default of a property.
#[must_use]
pub fn check_default(validations: &Validations, value: &Value) -> Vec<String> {
    match check_text_lengths(value) {
        Some(message) => vec![message],
        None if has_null_character(value) => vec!["contains U+0000".to_owned()],
        None => check_value(validations, value),
    }
}

/// The message for a value in which a string exceeds the limit of all fields.
#[must_use]
pub fn check_text_lengths(value: &Value) -> Option<String> {
    let is_too_long = match value {
        Value::String(text) => text.len() > MAX_TEXT_LENGTH && text.chars().count() > MAX_TEXT_LENGTH,
        Value::Array(items) => items.iter().any(|item| check_text_lengths(item).is_some()),
        Value::Object(members) => members.values().any(|member| check_text_lengths(member).is_some()),
        _ => false,
    };
    is_too_long.then(|| format!("is too long (maximum is {})", count_of(MAX_TEXT_LENGTH, "character")))
}

/// Whether a string or a member name contains U+0000, which PostgreSQL cannot store.
#[must_use]
pub fn has_null_character(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_null_character),
        Value::Object(members) => {
            members.iter().any(|(name, member)| name.contains('\0') || has_null_character(member))
        }
        _ => false,
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn check_length(length: Length, value: &Value) -> Option<String> {
    let (count, unit) = match value {
        Value::String(text) => (text.chars().count(), "character"),
        Value::Array(items) => (items.len(), "element"),
        _ => return Some("is not a string".to_owned()),
    };
    if let Some(least) = length.minimum.filter(|least| count < *least) {
        return Some(format!("is too short (minimum is {})", count_of(least, unit)));
    }
    if let Some(most) = length.maximum.filter(|most| count > *most) {
        return Some(format!("is too long (maximum is {})", count_of(most, unit)));
    }
    let is = length.is.filter(|is| count != *is)?;
    Some(format!("is the wrong length (should be {})", count_of(is, unit)))
}

fn count_of(count: usize, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// As in Rails, each element of an array must be in the list.
fn is_included(list: &[Value], value: &Value) -> bool {
    let is_in_list = |value: &Value| {
        list.iter().any(|accepted| match (accepted, value) {
            (Value::Number(accepted), Value::Number(number)) => compare(accepted, number).is_eq(),
            (accepted, value) => accepted == value,
        })
    };
    match value {
        Value::Array(items) => items.iter().all(is_in_list),
        value => is_in_list(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn empty_values_are_blank() {
        for blank in [json!(null), json!(""), json!(" \t\u{3000}"), json!([]), json!({})] {
            assert!(is_blank(&blank), "{blank}");
        }
        for present in [json!("x"), json!(0), json!(false), json!([null]), json!({"a": null})] {
            assert!(!is_blank(&present), "{present}");
        }
    }

    #[test]
    fn lengths_count_characters_and_elements() {
        let length = Length { minimum: Some(2), maximum: Some(3), is: None };
        let cases = [
            (json!("ä"), Some("is too short (minimum is 2 characters)")),
            (json!("äöü"), None),
            (json!("abcd"), Some("is too long (maximum is 3 characters)")),
            (json!([1]), Some("is too short (minimum is 2 elements)")),
            (json!([1, 2]), None),
            (json!(12), Some("is not a string")),
        ];
        for (value, message) in cases {
            assert_eq!(check_length(length, &value).as_deref(), message, "{value}");
        }
        let one = Length { is: Some(1), ..Length::default() };
        let message = check_length(one, &json!("ab"));
        assert_eq!(message.as_deref(), Some("is the wrong length (should be 1 character)"));
    }
}
