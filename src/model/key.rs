//! Keys: the forms in which texts are compared, sorted and searched.
//!
//! The key of an address decides whose address it is, so it ignores only what never makes a difference: it is the
//! canonical caseless form (Unicode 16, definition D145) with simple case folding: decompose, fold each character,
//! compose. The domain is also read as UTS 46 reads it, so that `bücher.example` and `xn--bcher-kva.example` have the
//! same key. The key keeps the Unicode form of the domain: then a search finds a part of it, and releases that compare
//! lower case still find most users.
//!
//! The key of a name and of a search ([`of_search_text`]) ignores more: accents, compatibility forms, and letters that
//! people replace when they type.
//!
//! The key of a key is the key itself, and a text in lower case has the key of the text. Stored keys rely on both.

mod letters;
mod search;
mod trigrams;

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use idna::AsciiDenyList;
use idna::uts46::{Hyphens, Uts46};

pub use search::{SearchedAttribute, of_attribute, of_name, of_search_text};
pub use trigrams::{of_key as trigrams_of_key, rare_trigrams};

/// The version of the functions in this module. A change of what they return must raise it; the next migration then
/// computes the stored keys again.
pub const VERSION: i64 = 2;

/// The canonical caseless form of a text: equal for texts that differ only in case or normal form.
#[must_use]
pub fn of_text(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let fold = CaseMapper::new();
    let decomposed = DecomposingNormalizer::new_nfd().normalize(text);
    let folded: String = decomposed.chars().map(|letter| fold.simple_fold(letter)).collect();
    match ComposingNormalizer::new_nfc().normalize(&folded) {
        Cow::Borrowed(_) => folded,
        Cow::Owned(composed) => composed,
    }
}

/// The keys of the words of a search. White space and commas separate words, so that "Last, First" finds a name.
#[must_use]
pub fn words_of_search(text: &str) -> Vec<String> {
    let is_separator = |letter: char| letter.is_whitespace() || letters::is_comma(letter);
    let folded = of_search_text(text);
    folded.split(is_separator).filter(|word| !word.is_empty()).map(of_word).collect()
}

/// The key of a folded word, which may be a part of an address.
fn of_word(word: &str) -> String {
    if !word.contains(PUNYCODE) {
        return word.to_owned();
    }
    let start = word.rfind('@').map_or(0, |at| at + 1);
    of_search_text(&with_unicode_domain(word.to_owned(), start))
}

/// The key of an e-mail address, without the spaces around it. Addresses with equal keys belong to the same user.
///
/// ```
/// use user_relationships::model::key::of_email;
///
/// assert_eq!(of_email("Ann@Example.com"), "ann@example.com");
/// // Both sigmas, and both forms of an internationalized domain, have the same key.
/// assert_eq!(of_email("ΟΔΟΣ@example.com"), of_email("οδος@example.com"));
/// assert_eq!(of_email("ann@xn--bcher-kva.example"), "ann@bücher.example");
/// ```
#[must_use]
pub fn of_email(email: &str) -> String {
    let key = of_text(email.trim());
    match key.rfind('@') {
        Some(at) => with_unicode_domain(key, at + 1),
        None => key,
    }
}

/// The key that releases before version 1 gave an address. Rows keep it where two users would have the same key, and
/// instances of such a release write it during a rolling upgrade.
#[must_use]
pub fn of_email_before(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The keys under which the user with an address may be stored: the key of this release first, then that of earlier
/// ones. For most addresses they are equal.
#[must_use]
pub fn stored_keys_of_email(email: &str) -> [String; 2] {
    [of_email(email), of_email_before(email)]
}

/// Whether a credential that presents the address `presented` may name the user with the address `stored`, whose keys
/// are equal.
///
/// An ASCII name or domain matches only the same ASCII one, without regard to case: the issuer of a credential may have
/// verified another mailbox when the address contains a character that only folds to ASCII, such as U+212A KELVIN SIGN.
/// The two forms of an internationalized domain are one domain (RFC 5890).
///
/// ```
/// use user_relationships::model::key::{may_authenticate, of_email};
///
/// // KELVIN SIGN folds to `k`: the keys are equal, but the mailboxes may be different.
/// let (credential, stored) = ("mar\u{212a}@example.com", "mark@example.com");
/// assert_eq!(of_email(credential), of_email(stored));
/// assert!(!may_authenticate(credential, stored));
/// assert!(may_authenticate("Mark@example.com", stored));
/// assert!(may_authenticate("ann@bücher.example", "ann@xn--bcher-kva.example"));
/// ```
#[must_use]
pub fn may_authenticate(presented: &str, stored: &str) -> bool {
    let ((name, domain), (stored_name, stored_domain)) = (split_address(presented.trim()), split_address(stored));
    is_equal_if_ascii(name, stored_name) && is_equal_if_ascii(&in_unicode(domain), &in_unicode(stored_domain))
}

/// The name and the domain of an address.
fn split_address(address: &str) -> (&str, &str) {
    address.rsplit_once('@').unwrap_or((address, ""))
}

/// A domain in Unicode if it is the ASCII form of an internationalized one, otherwise unchanged.
fn in_unicode(domain: &str) -> Cow<'_, str> {
    let folded = domain.to_ascii_lowercase();
    let is_ascii_form = domain.is_ascii() && folded.contains(PUNYCODE);
    is_ascii_form.then(|| of_domain(&folded)).flatten().map_or(Cow::Borrowed(domain), Cow::Owned)
}

/// Whether two texts with equal keys are equal without regard to case, unless both have characters beyond ASCII.
fn is_equal_if_ascii(one: &str, other: &str) -> bool {
    let is_ascii = one.is_ascii() || other.is_ascii();
    !is_ascii || one.eq_ignore_ascii_case(other)
}

/// Chooses the account that a credential with the address `presented` names; `candidates` are those stored under its
/// keys, each with key and address.
///
/// Two candidates are two users whose keys became equal, of which one keeps its earlier key. Each is named by the
/// addresses that named it before; other spellings name the user that has the key.
#[must_use]
pub fn choose_account<T>(presented: &str, mut candidates: Vec<(String, String, T)>) -> Option<T> {
    let earlier = of_email_before(presented);
    candidates.sort_by_key(|(key, _, _)| *key != earlier);
    let (_, stored, account) = candidates.into_iter().next()?;
    may_authenticate(presented, &stored).then_some(account)
}

/// The prefix of a label in its ASCII form (RFC 5890, "A-label").
const PUNYCODE: &str = "xn--";

/// Puts the domain that begins at `start` into its Unicode form.
fn with_unicode_domain(mut key: String, start: usize) -> String {
    if let Some(domain) = key.get(start..)
        && (!domain.is_ascii() || domain.contains(PUNYCODE))
        && let Some(unicode) = of_domain(domain)
    {
        key.truncate(start);
        key.push_str(&unicode);
    }
    key
}

/// A folded domain in Unicode; `None` if it is not a valid internationalized domain.
fn of_domain(folded: &str) -> Option<String> {
    let (unicode, result) = Uts46::new().to_unicode(folded.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow);
    // A dot or an `@` that the mapping makes would move the borders of the address.
    let is_domain = result.is_ok() && !unicode.is_empty() && !unicode.contains('@');
    is_domain.then(|| of_text(&unicode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_and_normal_form_do_not_change_a_key() {
        for (one, other) in [
            ("Ann", "aNN"),
            ("ΟΔΟΣ", "οδος"),
            ("οδοσ", "οδος"),
            ("É", "e\u{301}"),
            ("\u{212A}", "k"),
            ("\u{17F}", "s"),
            ("İ", "i\u{307}"),
            ("\u{1E9E}", "ß"),
            ("ﬀ", "ﬀ"),
        ] {
            assert_eq!(of_text(one), of_text(other), "{one} {other}");
        }
        for (one, other) in [("ı", "i"), ("İ", "i"), ("Ａ", "a"), ("ß", "ss"), ("é", "e"), ("ﬀ", "ff")] {
            assert_ne!(of_text(one), of_text(other), "{one} {other}");
        }
    }

    #[test]
    fn the_forms_of_an_internationalized_domain_have_one_key() {
        for (email, key) in [
            ("Ann@Example.COM", "ann@example.com"),
            ("ann@BÜCHER.example", "ann@bücher.example"),
            ("ann@XN--BCHER-kva.example", "ann@bücher.example"),
            ("ann@ｅxample。com", "ann@example.com"),
            ("ａnn@example.com", "ａnn@example.com"),
            ("x@ΟΔΟΣ.gr", "x@οδοσ.gr"),
            ("\"a@B\"@bücher.example", "\"a@b\"@bücher.example"),
            ("ann@xn--a.example", "ann@xn--a.example"),
            ("no address", "no address"),
            ("ann@", "ann@"),
        ] {
            assert_eq!(of_email(email), key, "{email}");
        }
    }

    #[test]
    fn an_ascii_name_or_domain_authenticates_only_itself() {
        for (presented, stored) in [
            ("Mark@Example.com", "mARK@example.com"),
            ("ΟΔΟΣ@example.com", "οδος@example.com"),
            ("mark@XN--BCHER-kva.example", "mark@bücher.example"),
            (" mark@bücher.example", "Mark@xn--bcher-kva.example"),
        ] {
            assert_eq!(of_email(presented), of_email(stored), "{presented}");
            assert!(may_authenticate(presented, stored), "{presented}");
        }
        for (presented, stored) in [
            ("mar\u{212A}@example.com", "mark@example.com"),
            ("mark@example.com", "mar\u{212A}@example.com"),
            ("ma\u{17F}k@example.com", "mask@example.com"),
            ("mark@ｅxample.com", "mark@example.com"),
            ("mar\u{212A}@bücher.example", "mark@bücher.example"),
            ("mar\u{212A}@xn--bcher-kva.example", "mark@bücher.example"),
        ] {
            assert_eq!(of_email(presented), of_email(stored), "{presented}");
            assert!(!may_authenticate(presented, stored), "{presented}");
        }
    }

    fn assert_is_stable(key: fn(&str) -> String, text: &str) {
        let made = key(text);
        assert_eq!(key(&made), made, "the key of a key: {text:?}");
        assert_eq!(key(&text.to_lowercase()), made, "lower case: {text:?}");
        assert_eq!(key(&of_text(text)), made, "folded: {text:?}");
    }

    #[test]
    fn the_key_of_every_character_is_stable() {
        // No character beyond has a case or a decomposition that differs in case.
        for letter in '\0'..='\u{1FFFF}' {
            assert_is_stable(of_text, &letter.to_string());
            assert_is_stable(of_email, &format!("a{letter}@b{letter}.example"));
        }
    }

    proptest! {
        #[test]
        fn the_key_of_every_text_is_stable(text: String, label in "[a-zA-ZΣσςİıßẞéK-]{1,8}", tail in "\\PC{0,4}") {
            assert_is_stable(of_text, &text);
            assert_is_stable(of_email, &text);
            assert_is_stable(of_email, &format!("{text}@{label}{tail}.example"));
            assert_is_stable(of_email, &format!("a@xn--{label}.example"));
        }
    }
}
