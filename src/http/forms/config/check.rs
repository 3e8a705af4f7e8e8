//! Whether a value that was sent satisfies validations, and what clients are told if not. No value is ever repeated.

use serde_json::Value;

use crate::domain::validation::is_email;
use crate::http::forms::config::numericality::compare;
use crate::http::forms::config::validation::{LONGEST_TEXT, Length, Validations};

/// What clients are told of something that must be there and is not.
pub const BLANK: &str = "can't be blank";

/// The name of the field in which another one is repeated.
#[must_use]
pub fn confirmation_of(name: &str) -> String {
    format!("{name}_confirmation")
}

/// What is wrong with a value that was sent and is not `null`.
#[must_use]
pub fn complaints(validations: &Validations, value: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    if validations.presence && is_blank(value) {
        complaints.push(BLANK.to_owned());
    }
    complaints.extend(validations.length.and_then(|length| complaint_about_length(length, value)));
    if validations.inclusion.as_ref().is_some_and(|list| !is_included(list, value)) {
        complaints.push("is not included in the list".to_owned());
    }
    let is_malformed =
        validations.format.as_ref().is_some_and(|format| !value.as_str().is_some_and(|text| format.is_match(text)))
            || validations.email && !value.as_str().is_some_and(is_email);
    if is_malformed {
        complaints.push("is invalid".to_owned());
    }
    if let Some(numericality) = &validations.numericality {
        complaints.extend(numericality.complaints_about(value));
    }
    complaints
}

/// What is wrong with the default of a property.
#[must_use]
pub fn complaints_about_default(validations: &Validations, value: &Value) -> Vec<String> {
    match complaint_about_texts(value) {
        Some(complaint) => vec![complaint],
        None if has_null_character(value) => vec!["contains U+0000".to_owned()],
        None => complaints(validations, value),
    }
}

/// What is wrong with a value if one of its texts is too long for anything.
#[must_use]
pub fn complaint_about_texts(value: &Value) -> Option<String> {
    let is_too_long = match value {
        Value::String(text) => text.len() > LONGEST_TEXT && text.chars().count() > LONGEST_TEXT,
        Value::Array(items) => items.iter().any(|item| complaint_about_texts(item).is_some()),
        Value::Object(members) => members.values().any(|member| complaint_about_texts(member).is_some()),
        _ => false,
    };
    is_too_long.then(|| format!("is too long (maximum is {})", many(LONGEST_TEXT, "character")))
}

/// Whether U+0000, which PostgreSQL cannot store, stands in a text or a name.
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

fn complaint_about_length(length: Length, value: &Value) -> Option<String> {
    let (count, unit) = match value {
        Value::String(text) => (text.chars().count(), "character"),
        Value::Array(items) => (items.len(), "element"),
        _ => return Some("is not a text".to_owned()),
    };
    if let Some(least) = length.minimum.filter(|least| count < *least) {
        return Some(format!("is too short (minimum is {})", many(least, unit)));
    }
    if let Some(most) = length.maximum.filter(|most| count > *most) {
        return Some(format!("is too long (maximum is {})", many(most, unit)));
    }
    let is = length.is.filter(|is| count != *is)?;
    Some(format!("is the wrong length (should be {})", many(is, unit)))
}

fn many(count: usize, unit: &str) -> String {
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
    fn blank_is_what_says_nothing() {
        for blank in [json!(null), json!(""), json!(" \t\u{3000}"), json!([]), json!({})] {
            assert!(is_blank(&blank), "{blank}");
        }
        for told in [json!("x"), json!(0), json!(false), json!([null]), json!({"a": null})] {
            assert!(!is_blank(&told), "{told}");
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
            (json!(12), Some("is not a text")),
        ];
        for (value, complaint) in cases {
            assert_eq!(complaint_about_length(length, &value).as_deref(), complaint, "{value}");
        }
        let one = Length { is: Some(1), ..Length::default() };
        let complaint = complaint_about_length(one, &json!("ab"));
        assert_eq!(complaint.as_deref(), Some("is the wrong length (should be 1 character)"));
    }
}
