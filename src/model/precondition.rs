//! What a change demands of the present state of what it changes.

use super::state::{State, Stateful};

/// Why a weak tag in `If-Match` is refused (RFC 9110 §13.1.1).
pub const WEAK_TAG: &str = "`If-Match` has a weak tag (`W/`), and weak tags never match; send the tag as the service sent \
                            it, without `W/`, which a proxy on the way may have added";

/// Which states of a row a change may be applied to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// Any.
    #[default]
    None,
    /// Only these (`If-Match`); none at all if the list is empty.
    Match {
        /// The states.
        states: Vec<State>,
        /// Whether the request also names a weak tag, which never matches.
        has_weak_tag: bool,
    },
    /// All but these (`If-None-Match`); none at all if there is no list, but `*`.
    Except(Option<Vec<State>>),
}

impl Precondition {
    /// Whether this row may be changed.
    #[must_use]
    pub fn holds(&self, row: &impl Stateful) -> bool {
        match self {
            Self::None => true,
            Self::Match { states, .. } => states.contains(&State::of(row)),
            Self::Except(states) => states.as_ref().is_some_and(|states| !states.contains(&State::of(row))),
        }
    }
}
