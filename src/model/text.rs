//! Truncates text of clients, so that responses and log lines that repeat it stay short.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter, Write};

/// The most characters of a value that a response repeats.
const MAX_EXCERPT_CHARS: usize = 64;
/// The most names that [`list_names`] shows.
const MAX_NAMES: usize = 20;

/// Truncates a value to repeat it in a response.
#[must_use]
pub fn excerpt(text: &str) -> Cow<'_, str> {
    truncate(text, MAX_EXCERPT_CHARS)
}

/// Truncates a text to `max_chars` characters and an ellipsis, and removes control characters. The time depends on
/// `max_chars`, not on the length of the text.
#[must_use]
pub fn truncate(text: &str, max_chars: usize) -> Cow<'_, str> {
    let end = text.char_indices().nth(max_chars).map(|(end, _)| end);
    let start = end.and_then(|end| text.get(..end)).unwrap_or(text);
    if end.is_none() && !start.contains(char::is_control) {
        return start.into();
    }
    let ellipsis = end.map(|_| '…');
    start.chars().filter(|letter| !letter.is_control()).chain(ellipsis).collect()
}

/// A noun that fits a number: `user` for 1, otherwise `users`.
#[must_use]
pub fn noun_for(number: u64, singular: &str) -> Cow<'_, str> {
    if number == 1 { singular.into() } else { format!("{singular}s").into() }
}

/// Lists names in backticks, at most `MAX_NAMES` of them: `` `a`, `b` and 3 more ``.
#[must_use]
pub fn list_names(names: impl IntoIterator<Item = impl Display>) -> String {
    let mut names = names.into_iter();
    let shown: Vec<_> = names.by_ref().take(MAX_NAMES).map(|name| format!("`{name}`")).collect();
    let list = shown.join(", ");
    match names.count() {
        0 => list,
        more => format!("{list} and {more} more"),
    }
}

/// Displays the first bytes of a value, then the number of the rest. It does not allocate.
#[derive(Debug, Clone, Copy)]
pub struct Truncated<D> {
    value: D,
    limit: usize,
}

impl<D: Display> Truncated<D> {
    /// Displays the first `limit` bytes of `value`, or fewer where a character would be split.
    pub const fn new(value: D, limit: usize) -> Self {
        Self { value, limit }
    }
}

impl<D: Display> Display for Truncated<D> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let mut head = Head { out, left: self.limit, omitted: 0 };
        write!(head, "{}", self.value)?;
        match head.omitted {
            0 => Ok(()),
            omitted => write!(out, "… ({omitted} bytes cut)"),
        }
    }
}

/// Writes the first bytes and counts the rest.
struct Head<'o, 'f> {
    out: &'o mut Formatter<'f>,
    left: usize,
    omitted: usize,
}

impl Write for Head<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Once something is omitted, all that follows is: otherwise a short piece could fill the gap.
        let room = if self.omitted > 0 { 0 } else { self.left };
        let (head, rest) = text.split_at_checked(text.floor_char_boundary(room)).unwrap_or((text, ""));
        self.left = self.left.saturating_sub(head.len());
        self.omitted = self.omitted.saturating_add(rest.len());
        self.out.write_str(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_text_is_repeated_and_a_long_one_ends_in_an_ellipsis() {
        assert_eq!(excerpt("colour"), "colour");
        assert_eq!(excerpt("co\0lo\nur"), "colour");
        let longest = "ä".repeat(MAX_EXCERPT_CHARS);
        assert_eq!(excerpt(&longest), longest);
        assert_eq!(excerpt(&format!("{longest}x")), format!("{longest}…"));
    }

    #[test]
    fn a_list_of_names_ends_with_the_number_of_the_rest() {
        assert_eq!(list_names(["a", "b"]), "`a`, `b`");
        let list = list_names(0..MAX_NAMES + 3);
        assert!(list.starts_with("`0`, `1`, ") && list.ends_with("`19` and 3 more"), "{list}");
    }

    fn show(value: impl Display, limit: usize) -> String {
        Truncated::new(value, limit).to_string()
    }

    #[test]
    fn a_value_up_to_the_limit_is_shown_whole_and_a_longer_one_is_cut() {
        assert_eq!(show("abc", 3), "abc");
        assert_eq!(show("abcd", 3), "abc… (1 bytes cut)");
        assert_eq!(show("äöü", 3), "ä… (4 bytes cut)");
        assert_eq!(show(format_args!("{}{}{}", "ab", "ö", "c"), 3), "ab… (3 bytes cut)");
        assert_eq!(show("", 0), "");
    }

    proptest! {
        #[test]
        fn a_truncated_text_has_at_most_its_limit_and_an_ellipsis(text in any::<String>(), limit in 0usize..20) {
            let truncated = truncate(&text, limit);
            prop_assert!(truncated.chars().count() <= limit + 1 && !truncated.contains(char::is_control));
        }

        #[test]
        fn any_text_is_cut_at_a_character(text: String, limit in 0_usize..40) {
            let shown = show(&text, limit);
            let head = shown.split('…').next().unwrap_or_default();
            prop_assert!(text.len() <= limit || head.len() <= limit);
            prop_assert!(text.len() > limit || shown == text);
        }
    }
}
