//! The names that a relationship may go by.

use std::fmt;
use std::sync::Arc;

use super::time::Timestamp;

/// A legal name of a relationship type: 1 to 64 characters of `a-z 0-9 -`, starting with a letter.
///
/// Cheap to clone: every relationship of a page shares one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeName(Arc<str>);

impl TypeName {
    /// The type that makes its target a supervisor.
    pub const SUBORDINATE: &'static str = "subordinate";
    /// What a legal name looks like, for people.
    pub const RULE: &'static str = "1 to 64 characters of `a-z`, `0-9` and `-`, starting with a letter";

    /// Takes a text that is a legal name, `None` for any other.
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
        let legal = (1..=64).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        legal.then(|| Self(text.into()))
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

/// A registered type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationshipType {
    /// What relationships call it.
    pub name: TypeName,
    /// Raised by each change.
    pub version: i64,
    /// What it means, for people.
    pub description: Option<String>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What became of the registration of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// It is registered.
    Registered(RelationshipType),
    /// Another type has the name.
    NameTaken,
    /// All [`MAX_TYPES`] numbers of types are in use, or were until a few minutes ago.
    Exhausted,
}

/// The most types that can be registered at a time: as many as there are positive 16-bit numbers, by which relationships
/// refer to them.
pub const MAX_TYPES: i16 = i16::MAX;

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
