//! What values are legal. Every problem is reported, not only the first.

use email_address::{EmailAddress, Options};

use crate::model::code::Code;
use crate::model::error::{ErrorSource, Problem};
use crate::model::user::{AccessLevel, Field, Kind, Value};

/// The longest e-mail address (RFC 5321 §4.5.3.1.3 less the brackets).
pub const LONGEST_EMAIL: usize = 254;
/// The most texts in a list.
pub const MOST_ITEMS: usize = 100;
/// The most characters of a text in a list.
pub const LONGEST_ITEM: usize = 1_000;

/// The problems of values sent for a user.
pub(super) fn problems_of(changes: &[(Field, Value)]) -> Vec<Problem> {
    let problem = |(field, value): &(Field, Value)| {
        let complaint = complaint_about(field.kind(), value)?;
        Some(Problem::new(Code::InvalidAttribute, complaint).at(ErrorSource::Attribute(*field)))
    };
    changes.iter().filter_map(problem).collect()
}

/// What is wrong with a text that may have at most so many characters.
pub(super) fn complaint_about_text(text: &str, most: usize) -> Option<String> {
    if text.contains('\0') {
        Some("a text cannot contain U+0000".to_owned())
    } else if text.chars().count() > most {
        Some(format!("a text of at most {most} characters is accepted here"))
    } else {
        None
    }
}

fn complaint_about(kind: Kind, value: &Value) -> Option<String> {
    match (kind, value) {
        (Kind::Text { .. } | Kind::List, Value::Null) | (Kind::Flag, Value::Flag(_)) => None,
        (Kind::Text { most }, Value::Text(text)) => complaint_about_text(text, most),
        (Kind::Text { .. }, _) => Some("a string or null is accepted here".to_owned()),
        (Kind::Email, Value::Text(text)) => complaint_about_email(text),
        (Kind::Email, _) => Some("an e-mail address is needed here".to_owned()),
        (Kind::List, Value::List(list)) if list.len() > MOST_ITEMS => {
            Some(format!("a list of at most {MOST_ITEMS} strings is accepted here"))
        }
        (Kind::List, Value::List(list)) => list.iter().find_map(|text| complaint_about_text(text, LONGEST_ITEM)),
        (Kind::List, _) => Some("an array of strings, or null, is accepted here".to_owned()),
        (Kind::Flag, _) => Some("true or false is accepted here".to_owned()),
        (Kind::Level, Value::Text(text)) if AccessLevel::parse(text).is_some() => None,
        (Kind::Level, _) => Some(format!("one of {} is accepted here", names_of_levels())),
    }
}

fn names_of_levels() -> String {
    AccessLevel::ALL.map(|level| format!("`{}`", level.name())).join(", ")
}

fn complaint_about_email(text: &str) -> Option<String> {
    (!is_email(text)).then(|| "this is not a valid e-mail address".to_owned())
}

/// Whether a text is an e-mail address that a user can have.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let options = Options::default().without_display_text().without_domain_literal();
    text.len() <= LONGEST_EMAIL
        && !text.contains(char::is_control)
        && EmailAddress::parse_with_options(text, options).is_ok()
}
