//! Texts of clients, cut to a length at which they can be repeated in an answer or a log line.

use std::borrow::Cow;
use std::fmt::Display;

/// The most characters of a value that an answer repeats.
pub const LONGEST_EXCERPT: usize = 64;
/// The most names that a sentence lists.
const MOST_NAMES: usize = 20;

/// The start of a text, without control characters; an ellipsis stands for the rest.
#[must_use]
pub fn excerpt(text: &str) -> Cow<'_, str> {
    cut(text, LONGEST_EXCERPT)
}

/// At most `most` characters of a text, without control characters; an ellipsis stands for the rest. The work is
/// bounded by `most`, not by the length of the text.
#[must_use]
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let end = text.char_indices().nth(most).map(|(end, _)| end);
    let start = end.and_then(|end| text.get(..end)).unwrap_or(text);
    if end.is_none() && !start.contains(char::is_control) {
        return start.into();
    }
    let ellipsis = end.map(|_| '…');
    start.chars().filter(|letter| !letter.is_control()).chain(ellipsis).collect()
}

/// The first names of a list, each in backticks, and how many more there are: `` `a`, `b` and 3 more ``.
#[must_use]
pub fn list_names(names: impl IntoIterator<Item = impl Display>) -> String {
    let mut names = names.into_iter();
    let shown: Vec<_> = names.by_ref().take(MOST_NAMES).map(|name| format!("`{name}`")).collect();
    let list = shown.join(", ");
    match names.count() {
        0 => list,
        more => format!("{list} and {more} more"),
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
        let longest = "ä".repeat(LONGEST_EXCERPT);
        assert_eq!(excerpt(&longest), longest);
        assert_eq!(excerpt(&format!("{longest}x")), format!("{longest}…"));
    }

    #[test]
    fn a_list_of_names_ends_with_the_number_of_the_rest() {
        assert_eq!(list_names(["a", "b"]), "`a`, `b`");
        let list = list_names(0..MOST_NAMES + 3);
        assert!(list.starts_with("`0`, `1`, ") && list.ends_with("`19` and 3 more"), "{list}");
    }

    proptest! {
        #[test]
        fn an_excerpt_is_never_longer_than_its_bound(text in any::<String>(), most in 0usize..20) {
            let cut = cut(&text, most);
            prop_assert!(cut.chars().count() <= most + 1 && !cut.contains(char::is_control));
        }
    }
}
