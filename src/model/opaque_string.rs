//! Passwords as people type them on different devices: the profile `OpaqueString` of RFC 8265 section 4.2.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizer;

/// Normalizes a password: every space outside ASCII becomes a space, and characters are composed (NFC). Case and width
/// stay.
///
/// ```
/// use user_relationships::model::opaque_string::normalize_password;
///
/// // Two forms of `é`, which look the same and come from different keyboards.
/// assert_eq!(normalize_password("cafe\u{301}\u{a0}noir"), normalize_password("café noir"));
/// assert_ne!(normalize_password("Café"), normalize_password("café"));
/// ```
#[must_use]
pub fn normalize_password(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return password.into();
    }
    let spaced: Cow<'_, str> =
        if password.contains(is_wide_space) { password.replace(is_wide_space, " ").into() } else { password.into() };
    match spaced {
        Cow::Borrowed(text) => ComposingNormalizer::new_nfc().normalize(text),
        Cow::Owned(text) => ComposingNormalizer::new_nfc().normalize(&text).into_owned().into(),
    }
}

/// A character of Unicode's category Zs outside ASCII.
const fn is_wide_space(letter: char) -> bool {
    matches!(letter, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use icu_normalizer::DecomposingNormalizer;
    use proptest::prelude::*;

    #[test]
    fn spaces_and_normal_forms_do_not_change_a_password() {
        for (typed, normalized) in [
            ("correct horse", "correct horse"),
            ("correct\u{a0}horse", "correct horse"),
            ("correct\u{3000}horse", "correct horse"),
            ("e\u{301}té", "été"),
            ("한국어", "한국어"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("Ω\u{2126}", "ΩΩ"),
            ("ﬁ", "ﬁ"),
            ("Ａ", "Ａ"),
            ("ß", "ß"),
            ("🦀", "🦀"),
        ] {
            assert_eq!(normalize_password(typed), normalized, "{typed}");
        }
    }

    proptest! {
        #[test]
        fn a_normalized_password_is_stable_and_not_empty(password in "\\PC{1,20}") {
            let normalized = normalize_password(&password).into_owned();
            prop_assert!(!normalized.is_empty() && !normalized.contains(is_wide_space));
            prop_assert_eq!(normalize_password(&normalized), normalized.as_str());
            let decomposed = DecomposingNormalizer::new_nfd().normalize(&password);
            prop_assert_eq!(normalize_password(&decomposed), normalized.as_str());
        }

        #[test]
        fn an_ascii_password_stays_as_it_is(password in "[ -~]{0,20}") {
            prop_assert!(matches!(normalize_password(&password), Cow::Borrowed(same) if same == password));
        }
    }
}
