//! Traversal of the relationships of one type, at any depth.

pub mod levels;
pub mod page;
pub mod preorder;

use super::id::{RelationshipId, UserId};
use super::rules::MAX_DEPTH;

/// How far a traversal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// As far as there are relationships.
    All,
    /// At most this many relationships from its start, from 1 to [`MAX_DEPTH`].
    Levels(usize),
}

impl Depth {
    /// Parses `all`, or a number from 1 to [`MAX_DEPTH`] without a sign and without leading zeros.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "all" {
            return Some(Self::All);
        }
        let levels = text.parse::<usize>().ok().filter(|levels| (1..=MAX_DEPTH).contains(levels))?;
        (text == levels.to_string()).then_some(Self::Levels(levels))
    }

    /// The largest distance from the start that is visited.
    #[must_use]
    pub const fn levels(self) -> usize {
        match self {
            Self::All => usize::MAX,
            Self::Levels(levels) => levels,
        }
    }
}

/// The place of a user in the order of a traversal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Pre-order in a tree: the ids of the relationships from the start.
    Path(Vec<i64>),
    /// By the distance from the start, and then by the id of the user.
    Level(i64, i64),
}

/// A user that a traversal reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachedUser {
    /// The user.
    pub member: UserId,
    /// How the traversal reaches it.
    pub step: TraversalStep,
}

/// The last relationship on the way from the start of a traversal to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraversalStep {
    /// The relationship.
    pub edge: RelationshipId,
    /// The user at its end towards the start.
    pub via: UserId,
    /// The number of relationships on the way.
    pub depth: usize,
    /// How many users are below the reached user in a tree; `None` if that is not shown.
    pub below: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_depth_is_all_or_a_number_from_1_to_64() {
        assert_eq!(Depth::parse("all"), Some(Depth::All));
        assert_eq!(Depth::parse("1"), Some(Depth::Levels(1)));
        assert_eq!(Depth::parse("64"), Some(Depth::Levels(64)));
        for text in ["", "0", "65", "ALL", "-1", "+1", "01", " 1", "1.0", "1,2", "99999999999999999999"] {
            assert_eq!(Depth::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_other_text_is_no_depth(text in ".{0,8}") {
            let is_depth = text == "all" || (1..=64).any(|number: u32| number.to_string() == text);
            prop_assert_eq!(Depth::parse(&text).is_some(), is_depth);
        }
    }
}
