//! Compares the headings of columns with names.

/// The most edits between a heading and a name that is suggested for it.
const MAX_EDITS: usize = 2;
/// The most suggestions for a heading.
const MAX_SUGGESTIONS: usize = 3;

/// The form in which headings are compared: without regard to case, white space, `_` and `-`.
///
/// ```
/// use user_relationships::files::heading::normalize;
///
/// assert_eq!(normalize("First Name"), normalize("first_name"));
/// assert_eq!(normalize("Alt-ID"), normalize("altid"));
/// ```
#[must_use]
pub fn normalize(heading: &str) -> String {
    let letters = heading.chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, '_' | '-'));
    letters.flat_map(char::to_lowercase).collect()
}

/// The names that are almost a heading, the closest first.
#[must_use]
pub fn find_similar<'n>(heading: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let heading = normalize(heading);
    let mut found: Vec<_> = names.into_iter().filter_map(|name| Some((distance(&heading, name)?, name))).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|(_, name)| name).take(MAX_SUGGESTIONS).collect()
}

/// How far a name is from a normalized heading; `None` if too far.
fn distance(heading: &str, name: &str) -> Option<usize> {
    let name = normalize(name);
    let is_part = name.len() > MAX_EDITS && heading.contains(&name);
    let (heading_length, name_length) = (heading.chars().count(), name.chars().count());
    let most = MAX_EDITS.min(heading_length.min(name_length) / 3);
    // Each edit changes the length by one at most, and counting edits takes long.
    if !is_part && heading_length.abs_diff(name_length) > most {
        return None;
    }
    let edits = strsim::damerau_levenshtein(&clip(heading), &name);
    (is_part || edits <= most).then_some(edits)
}

/// The beginning of a heading, because the time to compare it grows with its length.
fn clip(heading: &str) -> String {
    heading.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn typing_errors_and_longer_headings_find_the_name() {
        let names = ["email", "first-name", "last-name", "id", "unit"];
        for (heading, similar) in [
            ("Emial", &["email"][..]),
            ("E-Mail Address", &["email"]),
            ("Frist Name", &["first-name"]),
            ("Shoe size", &[]),
            ("ib", &[]),
        ] {
            assert_eq!(find_similar(heading, names), similar, "{heading}");
        }
        assert!(find_similar(&"x".repeat(1 << 20), names).is_empty());
    }

    proptest! {
        #[test]
        fn spelling_does_not_matter_and_suggestions_are_names(heading in "\\PC{0,20}") {
            let spelled = format!(" _{}- ", heading.to_uppercase().replace('ß', "ss"));
            prop_assert_eq!(normalize(&normalize(&heading)), normalize(&heading));
            prop_assert_eq!(normalize(&spelled), normalize(&heading.to_uppercase().replace('ß', "ss")));
            let names = ["email", "first-name"];
            prop_assert!(find_similar(&heading, names).iter().all(|name| names.contains(name)));
        }
    }
}
