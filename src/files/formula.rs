//! Keeps spreadsheets from running a cell of a CSV file as a formula (OWASP, "CSV Injection").
//!
//! A cell that begins with a character that starts a formula gets an apostrophe in front, unless it is a number. A cell
//! that begins with apostrophes and then such a character gets one more, so that reading removes exactly what writing
//! added.

use std::borrow::Cow;

/// What is put in front of a cell.
const MARK: char = '\'';

/// Whether a spreadsheet takes a text that begins with this character for a formula. Tab and carriage return are skipped
/// by some.
const fn starts_formula(first: char) -> bool {
    matches!(first, '=' | '+' | '-' | '@' | '\t' | '\r')
}

/// Whether a text must be written in another form, because a spreadsheet may skip its first character or convert it to one
/// that starts a formula, and reading removes no apostrophe there.
#[must_use]
pub fn hides_formula(cell: &str) -> bool {
    cell.starts_with(['\n', '＝', '＋', '－', '＠'])
}

/// A cell as it is written.
#[must_use]
pub fn neutralize(cell: &str) -> Cow<'_, str> {
    if is_formula_after_marks(cell) && !is_number(cell) {
        return Cow::Owned(format!("{MARK}{cell}"));
    }
    Cow::Borrowed(cell)
}

/// A cell as it was before [`neutralize`].
#[must_use]
pub fn restore(cell: &str) -> &str {
    cell.strip_prefix(MARK).filter(|rest| is_formula_after_marks(rest)).unwrap_or(cell)
}

fn is_formula_after_marks(cell: &str) -> bool {
    cell.trim_start_matches(MARK).starts_with(starts_formula)
}

/// Whether a cell is a plain decimal number with a sign.
fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, fraction].into_iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_get_an_apostrophe_and_numbers_do_not() {
        for (cell, written) in [
            ("=1+1", "'=1+1"),
            ("+49 30 1234", "'+49 30 1234"),
            ("-x", "'-x"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "\n=1"),
            ("＝1", "＝1"),
            ("'=1", "''=1"),
            ("''-5", "'''-5"),
            ("-5", "-5"),
            ("+49301234", "+49301234"),
            ("-5.25", "-5.25"),
            ("-5.", "'-5."),
            ("-", "'-"),
            ("-1e5", "'-1e5"),
            ("-5+cmd", "'-5+cmd"),
            ("'", "'"),
            ("'90s", "'90s"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(neutralize(cell), written, "{cell:?}");
            assert_eq!(restore(written), cell, "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_restored_and_none_is_a_formula(text in "['=+@\\t\\n\\r＝0-9.-]{0,6}|\\PC{0,8}") {
            let written = neutralize(&text);
            prop_assert_eq!(restore(&written), &text);
            prop_assert!(is_number(&written) || !written.starts_with(starts_formula));
        }
    }
}
