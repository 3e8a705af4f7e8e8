//! The letters of a key for search: which characters it ignores, and which letters people replace when they type.

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, Script};

/// Marks that change a Japanese syllable into another one.
const VOICED_SOUND_MARKS: [char; 2] = ['\u{3099}', '\u{309A}'];
/// Lengthens an Arabic word.
const TATWEEL: char = '\u{640}';
/// Between the two letters of a Catalan `l·l`, which many keyboards lack.
const MIDDLE_DOT: char = '\u{B7}';

/// Whether a search ignores a character: an accent, a vowel point that is usually left out, a format character.
///
/// The signs of other scripts, such as the vowels of Hindi and Thai, are letters to their readers and are kept.
pub(super) fn is_ignored(letter: char) -> bool {
    if letter.is_ascii() {
        return false;
    }
    match CodePointMapData::<GeneralCategory>::new().get(letter) {
        GeneralCategory::Format => true,
        GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark => is_accent(letter),
        _ => matches!(letter, TATWEEL | MIDDLE_DOT),
    }
}

fn is_accent(mark: char) -> bool {
    let script = CodePointMapData::<Script>::new().get(mark);
    let is_optional = matches!(script, Script::Inherited | Script::Cyrillic | Script::Hebrew | Script::Arabic);
    is_optional && !VOICED_SOUND_MARKS.contains(&mark)
}

/// Whether a decomposed character is a comma.
pub(super) const fn is_comma(letter: char) -> bool {
    matches!(letter, ',' | '、' | '،')
}

/// What people type for a letter in lower case that has no decomposition, if that is something else.
pub(super) const fn as_typed(letter: char) -> Option<&'static str> {
    let typed = match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ⱥ' => "a",
        'ƀ' | 'ɓ' => "b",
        'ƈ' | 'ȼ' | 'ɕ' => "c",
        'đ' | 'ð' | 'ɖ' | 'ɗ' => "d",
        'ɇ' | 'ə' | 'ǝ' | 'ɛ' => "e",
        'ƒ' => "f",
        'ǥ' | 'ɠ' => "g",
        'ħ' | 'ⱨ' => "h",
        'ı' | 'ɨ' | 'ɩ' => "i",
        'ȷ' | 'ɉ' => "j",
        'ĸ' | 'ƙ' | 'ⱪ' => "k",
        'ł' | 'ƚ' | 'ɫ' | 'ⱡ' => "l",
        'ŋ' | 'ƞ' | 'ɲ' => "n",
        'ø' | 'ɔ' | 'ɵ' => "o",
        'ƥ' | 'ᵽ' => "p",
        'ɍ' | 'ɽ' => "r",
        'ȿ' => "s",
        'ŧ' | 'ƭ' | 'ʈ' | 'ⱦ' => "t",
        'ʉ' => "u",
        'ʋ' => "v",
        'ⱳ' => "w",
        'ƴ' | 'ɏ' => "y",
        'ƶ' | 'ȥ' | 'ɀ' | 'ⱬ' => "z",
        // Arabic and Persian keyboards have different letters for the same sound.
        'ى' | 'ی' => "ي",
        'ک' => "ك",
        // Telephones and word processors replace what was typed.
        '‘' | '’' | '‛' | 'ʹ' | 'ʻ' | 'ʼ' | 'ʽ' | '′' => "'",
        '“' | '”' | '„' | '‟' | '″' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '−' => "-",
        _ => return None,
    };
    Some(typed)
}
