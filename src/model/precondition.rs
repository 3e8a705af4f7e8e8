//! Preconditions of changes (RFC 9110 §13.1).

use super::state::{HasState, RowState};

/// The message for a weak tag in `If-Match` (RFC 9110 §13.1.1).
pub const WEAK_TAG: &str = "`If-Match` has a weak tag (`W/`), which never matches: send the `ETag` as the service sent it, \
                            without `W/`. A proxy that changes responses adds `W/`: turn compression and other changes off \
                            there (nginx: `gzip off`; Cloudflare: \"Respect strong ETags\"); `docs/OPERATIONS.md` shows how";

/// The states of a row that a change may be applied to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// Every state.
    #[default]
    None,
    /// Only these states (`If-Match`); no state if the list is empty.
    Match {
        /// The states.
        states: Vec<RowState>,
        /// Whether the request also has a weak tag, which never matches.
        has_weak_tag: bool,
    },
    /// All states but these (`If-None-Match`); no state for `*`, which is `None`.
    Except(Option<Vec<RowState>>),
}

impl Precondition {
    /// Whether the row may be changed.
    #[must_use]
    pub fn holds(&self, row: &impl HasState) -> bool {
        match self {
            Self::None => true,
            Self::Match { states, .. } => states.contains(&RowState::of(row)),
            Self::Except(states) => states.as_ref().is_some_and(|states| !states.contains(&RowState::of(row))),
        }
    }
}
