//! Keys for people: what a search compares, and what a list of names is sorted by.

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};

use super::letters;

/// The most characters of the key of a name. Four bytes each fit into an entry of an index of PostgreSQL, which has at
/// most 2,704 bytes; only names in which one character stands for several reach the limit.
const MAX_NAME_CHARS: usize = 600;

/// The key of a text that people search for. Texts have the same key if they differ only in case, accents,
/// normalization, width, format characters, white space, or in letters that people replace when they type.
///
/// ```
/// use user_relationships::model::key::of_search_text;
///
/// assert_eq!(of_search_text("Dvořák"), "dvorak");
/// assert_eq!(of_search_text("Łódź, Straße, Æbelø"), "lodz, strasse, aebelo");
/// ```
#[must_use]
pub fn of_search_text(text: &str) -> String {
    if text.is_ascii() {
        return join_words(&text.to_ascii_lowercase());
    }
    let fold = CaseMapper::new();
    let decomposed = DecomposingNormalizer::new_nfkd().normalize(text);
    let mut folded = String::with_capacity(decomposed.len());
    for letter in decomposed.chars().filter(|letter| !letters::is_ignored(*letter)) {
        let letter = fold.simple_fold(letter);
        match letters::as_typed(letter) {
            Some(typed) => folded.push_str(typed),
            None => folded.push(letter),
        }
    }
    join_words(&ComposingNormalizer::new_nfc().normalize(&folded))
}

/// The key of a name, by which users are sorted and searched.
#[must_use]
pub fn of_name(name: &str) -> String {
    let mut key = of_search_text(name);
    if let Some((end, _)) = key.char_indices().nth(MAX_NAME_CHARS) {
        key.truncate(end);
    }
    key
}

/// Replaces white space and control characters by single spaces, and removes them at both ends.
fn join_words(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The attributes in [`of_attribute`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchedAttribute {
    /// An attribute that only searches read.
    Other,
    /// A unit.
    Unit,
    /// A job title.
    JobTitle,
}

/// The key of a value of an attribute, with a mark in front that names the attribute and one at the end: a column of
/// such keys contains it only if the attribute has the whole value. Keys of texts contain no such marks.
#[must_use]
pub fn of_attribute(attribute: SearchedAttribute, value: &str) -> String {
    let mark = match attribute {
        SearchedAttribute::Other => '\u{1}',
        SearchedAttribute::Unit => '\u{2}',
        SearchedAttribute::JobTitle => '\u{3}',
    };
    format!("{mark}{}\n", of_search_text(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_search_ignores_accents_case_and_normalization() {
        for (text, key) in [
            ("Dvořák", "dvorak"),
            ("Dvor\u{30C}a\u{301}k", "dvorak"),
            ("ÅNGSTRÖM", "angstrom"),
            ("Søren Ærø", "soren aero"),
            ("Łódź", "lodz"),
            ("Weiß GROẞ", "weiss gross"),
            ("Đặng Thị", "dang thi"),
            ("Iğdır İzmir", "igdir izmir"),
            ("þórr Guðrún", "thorr gudrun"),
            ("Œuvre ﬃ", "oeuvre ffi"),
            ("O’Brien–Smith", "o'brien-smith"),
            ("Col·legi", "collegi"),
            ("ΟΔΌΣ", "οδοσ"),
            ("οδός", "οδοσ"),
            ("Фёдор", "федор"),
            ("ＡＢＣ１２", "abc12"),
            ("ﾀﾞﾝ", "ダン"),
            ("ダン", "ダン"),
            ("김", "김"),
            ("\u{1100}\u{1161}", "가"),
            ("שָׁלוֹם", "שלום"),
            ("مُحَمَّد", "محمد"),
            ("soft\u{AD}hyphen \u{200E}x\u{FEFF}", "softhyphen x"),
            (" a\u{A0}\t b\u{1}c ", "a b c"),
            ("", ""),
        ] {
            assert_eq!(of_search_text(text), key, "{text}");
        }
    }

    #[test]
    fn vowels_and_syllables_of_other_scripts_are_letters() {
        for (one, other) in [("कि", "कु"), ("กิน", "กัน"), ("か", "が"), ("கி", "கு"), ("ខិ", "ខុ")]
        {
            assert_ne!(of_search_text(one), of_search_text(other), "{one} {other}");
        }
    }

    #[test]
    fn the_key_of_a_name_fits_into_an_index() {
        // One character that stands for eighteen.
        assert_eq!(of_name(&"\u{FDFA}".repeat(511)).chars().count(), MAX_NAME_CHARS);
        assert_eq!(of_name(&"É".repeat(511)), "e".repeat(511));
    }

    #[test]
    fn an_attribute_has_a_whole_value_only() {
        let stored =
            of_attribute(SearchedAttribute::Unit, "Büro Ost") + &of_attribute(SearchedAttribute::JobTitle, "Chef");
        assert!(stored.contains(&of_attribute(SearchedAttribute::Unit, "buro  OST")));
        for (attribute, value) in
            [(SearchedAttribute::Unit, "Büro"), (SearchedAttribute::Unit, "Chef"), (SearchedAttribute::Other, "Chef")]
        {
            assert!(!stored.contains(&of_attribute(attribute, value)), "{value}");
        }
    }

    #[test]
    fn the_search_key_of_every_character_is_stable() {
        // Beyond these are private and unassigned characters.
        for letter in '\0'..='\u{323AF}' {
            let key = of_search_text(&letter.to_string());
            assert_eq!(of_search_text(&key), key, "{letter:?}");
            assert_eq!(of_search_text(&letter.to_lowercase().to_string()), key, "{letter:?}");
        }
    }

    proptest! {
        #[test]
        fn the_search_key_of_every_text_is_stable(text: String, letters in "[A-Za-zßøłİıÅe\u{300}-\u{345}ΐᾳ\u{3099}か가 ]{0,12}") {
            for text in [text, letters] {
                let key = of_search_text(&text);
                prop_assert_eq!(of_search_text(&key), key.clone());
                let nfc = ComposingNormalizer::new_nfc().normalize(&text).into_owned();
                let nfd = DecomposingNormalizer::new_nfd().normalize(&text).into_owned();
                prop_assert_eq!(of_search_text(&nfc), key.clone());
                prop_assert_eq!(of_search_text(&nfd), key.clone());
                prop_assert!(!key.contains(|letter: char| letter.is_control()));
            }
        }
    }
}
