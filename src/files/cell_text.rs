//! Converts the text of a cell of a table to a value.

use std::borrow::Cow;

use super::cell::Cell;
use super::formula;
use crate::model::user::FieldKind;

/// Separates the values of a list in a cell.
const LIST_SEPARATOR: char = '|';
/// The cell of an attribute of a relationship type that is null. In other tables it is a text.
pub const NULL: &str = "null";

/// What an empty cell does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmptyCells {
    /// It leaves the value alone.
    #[default]
    Keep,
    /// It clears a string or a list.
    Clear,
}

/// The text of a cell, without surrounding white space and without the apostrophe that an export put in front of a
/// formula.
#[must_use]
pub fn plain_text(text: &str) -> &str {
    formula::restore(text.trim())
}

/// The value of a cell; `None` if the row lacks it.
///
/// Lists are JSON, or values separated by `|`. A string that is empty, begins with a quotation mark, or has white space
/// at an end, is written as JSON.
///
/// # Errors
/// What is wrong with it.
pub fn parse_cell(kind: Option<FieldKind>, text: &str, empty: EmptyCells) -> Result<Option<Cell<'_>>, String> {
    let text = plain_text(text);
    if text.is_empty() {
        let is_clearable = matches!(
            kind,
            Some(FieldKind::Text { .. } | FieldKind::List | FieldKind::Role | FieldKind::Integer { .. })
        );
        return Ok((is_clearable && empty == EmptyCells::Clear).then_some(Cell::Null));
    }
    let json = |what: &str| serde_json::from_str(text).map_err(|_| format!("must be {what}"));
    match kind {
        Some(FieldKind::List) if text.starts_with('[') => {
            json("a JSON array of strings, for example `[\"a\",\"b\"]`, because it begins with `[`; or write `a|b`")
                .map(Some)
        }
        _ if text.starts_with('"') => {
            let cell = json("a JSON string, because it begins with a quotation mark")?;
            Ok(Some(if kind == Some(FieldKind::List) { to_list(cell) } else { cell }))
        }
        Some(FieldKind::List) => Ok(Some(Cell::List(split_list(text)))),
        _ => Ok(Some(Cell::Text(Cow::Borrowed(text)))),
    }
}

fn split_list(text: &str) -> Vec<String> {
    let values = text.split(LIST_SEPARATOR).map(str::trim);
    values.filter(|value| !value.is_empty()).map(ToOwned::to_owned).collect()
}

fn to_list(cell: Cell<'_>) -> Cell<'_> {
    match cell {
        Cell::Text(text) => Cell::List(vec![text.into_owned()]),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: Option<FieldKind> = Some(FieldKind::Text { max_chars: 9 });
    const LIST: Option<FieldKind> = Some(FieldKind::List);

    #[test]
    fn a_cell_is_read_by_the_kind_of_its_column() {
        let text = |text: &'static str| Ok(Some(Cell::Text(Cow::Borrowed(text))));
        let list = |values: &[&str]| Ok(Some(Cell::List(values.iter().map(ToString::to_string).collect())));
        for (kind, cell, expected) in [
            (TEXT, "Ann", text("Ann")),
            (TEXT, " \u{A0}Ann\t", text("Ann")),
            (TEXT, r#""""#, text("")),
            (TEXT, r#"" Ann ""#, text(" Ann ")),
            (TEXT, r#""\"A\"""#, text("\"A\"")),
            (Some(FieldKind::Flag), "TRUE", text("TRUE")),
            (TEXT, " '=1", text("=1")),
            (TEXT, "'x", text("'x")),
            (None, "7", text("7")),
            (LIST, r#"["1","2, 3"]"#, list(&["1", "2, 3"])),
            (LIST, "1, 2", list(&["1, 2"])),
            (LIST, "a | b||c", list(&["a", "b", "c"])),
            (LIST, r#""a|b""#, list(&["a|b"])),
            (LIST, "|", list(&[])),
        ] {
            assert_eq!(parse_cell(kind, cell, EmptyCells::Keep), expected, "{cell:?}");
        }
        for (kind, bad) in [(LIST, "[1, 2"), (TEXT, "\"A\" B")] {
            assert!(parse_cell(kind, bad, EmptyCells::Keep).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_empty_cell_clears_only_if_the_options_say_so() {
        for empty in ["", "  ", "\u{A0}"] {
            for kind in [TEXT, LIST, Some(FieldKind::Flag), Some(FieldKind::Level), None] {
                assert_eq!(parse_cell(kind, empty, EmptyCells::Keep), Ok(None));
                let is_clearable = kind == TEXT || kind == LIST;
                assert_eq!(parse_cell(kind, empty, EmptyCells::Clear), Ok(is_clearable.then_some(Cell::Null)));
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_nothing_or_a_problem(text in "[ \t'\"\\[\\]|a,=\u{A0}-]{0,12}|\\PC{0,12}") {
            for kind in [TEXT, LIST, Some(FieldKind::Flag), Some(FieldKind::Role), None] {
                match parse_cell(kind, &text, EmptyCells::Keep) {
                    Ok(None) => prop_assert!(plain_text(&text).is_empty()),
                    // An apostrophe keeps white space at the start; JSON keeps any.
                    Ok(Some(Cell::Text(value))) => {
                        let keeps_space = plain_text(&text).starts_with(['"', '\t', '\r']);
                        prop_assert!(keeps_space || value.trim() == value);
                    }
                    Ok(Some(Cell::List(list))) => {
                        let is_json = plain_text(&text).starts_with(['[', '"']);
                        prop_assert!(is_json || list.iter().all(|it| it.trim() == it && !it.is_empty() && !it.contains('|')));
                    }
                    Ok(Some(other)) => prop_assert!(false, "{other:?}"),
                    Err(problem) => prop_assert!(problem.starts_with("must be ")),
                }
            }
        }

        #[test]
        fn a_list_is_read_from_both_forms(list in prop::collection::vec("[a-c,;é ]{0,5}", 0..4)) {
            let json = serde_json::to_string(&list).unwrap();
            prop_assert_eq!(parse_cell(LIST, &json, EmptyCells::Keep), Ok(Some(Cell::List(list.clone()))));
            let values: Vec<_> = list.iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect();
            let joined = list.join("|");
            let expected = (!joined.trim().is_empty()).then_some(Cell::List(values));
            prop_assert_eq!(parse_cell(LIST, &joined, EmptyCells::Keep), Ok(expected));
        }
    }
}
