//! Boolean words, as people, spreadsheets and programs write them in settings and files.

/// The accepted words, for error messages.
pub const BOOLEAN_WORDS: &str = "`true`, `yes`, `on` or `1`, or `false`, `no`, `off` or `0`, in upper or lower case";

/// Parses a boolean word without regard to case; `None` for any other text. Surrounding spaces are not accepted.
///
/// ```
/// use user_relationships::model::boolean::parse_boolean;
///
/// assert_eq!(parse_boolean("TRUE"), Some(true));
/// assert_eq!(parse_boolean("No"), Some(false));
/// assert_eq!(parse_boolean("maybe"), None);
/// ```
#[must_use]
pub fn parse_boolean(text: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 4]| words.into_iter().any(|word| word.eq_ignore_ascii_case(text));
    if is_one_of(["true", "yes", "on", "1"]) {
        return Some(true);
    }
    is_one_of(["false", "no", "off", "0"]).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_case_of_a_boolean_word_does_not_matter(word in "(?i-u)(true|yes|on|1|false|no|off|0)") {
            let is_true = ["true", "yes", "on", "1"].contains(&&*word.to_ascii_lowercase());
            prop_assert_eq!(parse_boolean(&word), Some(is_true));
        }

        #[test]
        fn any_other_text_is_not_a_boolean(text in "\\PC{0,6}") {
            let is_word = BOOLEAN_WORDS.contains(&format!("`{}`", text.to_ascii_lowercase()));
            prop_assert_eq!(parse_boolean(&text).is_some(), is_word, "{}", text);
        }
    }
}
