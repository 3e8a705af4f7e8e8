//! Three letters in a row, by which an index finds texts.

/// The trigrams of letters and digits in a key, in order. Indexes leave out others, or find too many texts by them.
pub fn of_key(key: &str) -> impl Iterator<Item = &str> {
    let starts = key.char_indices().map(|(start, _)| start);
    let ends = key.char_indices().skip(3).map(|(end, _)| end).chain([key.len()]);
    let has_three = key.char_indices().nth(2).is_some();
    let all = starts.zip(ends).filter(move |_| has_three).filter_map(|(start, end)| key.get(start..end));
    all.filter(|trigram| trigram.chars().all(char::is_alphanumeric))
}

/// The trigrams by which an index finds few texts that contain `key`: at most two, and none if all are common.
#[must_use]
pub fn rare_trigrams(key: &str, is_common: impl Fn(&str) -> bool) -> Vec<&str> {
    let rare: Vec<_> = of_key(key).filter(|trigram| !is_common(trigram)).collect();
    match &*rare {
        // Neighbours have two letters in common, and so do most texts that they find.
        [first, .., last] => vec![first, last],
        [only] => vec![only],
        [] => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_has_the_trigrams_of_its_letters_and_digits() {
        let of = |key| of_key(key).collect::<Vec<_>>();
        assert_eq!(of("anna"), ["ann", "nna"]);
        assert_eq!(of("an"), [""; 0]);
        assert_eq!(of("ан5а"), ["ан5", "н5а"]);
        assert_eq!(of("o'brien-x"), ["bri", "rie", "ien"]);
        assert_eq!(of("\u{2}hr dept\n"), ["dep", "ept"]);
    }

    #[test]
    fn an_index_is_asked_for_rare_trigrams() {
        let is_common = |trigram: &str| ["fir", "irs", "rst"].contains(&trigram);
        assert_eq!(rare_trigrams("first1234", is_common), ["st1", "234"]);
        assert_eq!(rare_trigrams("first", is_common), [""; 0]);
        assert_eq!(rare_trigrams("firsto", is_common), ["sto"]);
    }

    proptest! {
        #[test]
        fn trigrams_are_parts_of_three_letters(key: String) {
            for trigram in of_key(&key) {
                prop_assert!(key.contains(trigram));
                prop_assert_eq!(trigram.chars().count(), 3);
            }
        }
    }
}
