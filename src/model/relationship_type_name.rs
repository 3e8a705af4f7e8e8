//! Names of relationship types.

use std::fmt;
use std::sync::Arc;

/// A valid name of a relationship type: 1 to 64 characters of `a-z 0-9 -`, starting with a letter.
///
/// Clones share the text, so that all relationships of a page can have one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeName(Arc<str>);

impl TypeName {
    /// The name of the type whose targets are supervisors.
    pub const SUBORDINATE: &'static str = "subordinate";
    /// The syntax of names, for people.
    pub const RULE: &'static str = "1 to 64 characters of `a-z`, `0-9` and `-`, starting with a letter";

    /// Parses a name; `None` if it is invalid.
    ///
    /// ```
    /// use user_relationships::model::relationship_type::TypeName;
    ///
    /// assert!(TypeName::parse("mentor-2").is_some());
    /// for invalid in ["", "Mentor", "2nd-mentor", "mentor_2", &"m".repeat(65)] {
    ///     assert!(TypeName::parse(invalid).is_none(), "{invalid}");
    /// }
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_valid = (1..=64).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        is_valid.then(|| Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_name_is_short_lower_case_and_starts_with_a_letter() {
        let longest = "a".repeat(64);
        for good in ["a", "subordinate", "a-1", "x9-", &longest] {
            assert!(TypeName::parse(good).is_some(), "{good:?}");
        }
        let too_long = "a".repeat(65);
        for bad in ["", "1a", "-a", "A", "a_b", "a b", "ä", "a\0", &too_long] {
            assert!(TypeName::parse(bad).is_none(), "{bad:?}");
        }
    }
}
