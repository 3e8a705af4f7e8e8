//! What a transfer checks before it changes anything.

use crate::model::code::Code;
use crate::model::error::{ErrorSource, Problem, Result};
use crate::model::handover::MAX_MOVED;
use crate::model::id::UserId;
use crate::model::relationship::End;
use crate::store::{HeldType, Tx};

/// The problem of a successor who is the predecessor.
pub(super) fn same_user() -> Problem {
    Problem::new(Code::SelfRelationship, "the successor must be another user")
}

/// Refuses to hand over too many relationships.
///
/// # Errors
/// `transfer-too-large`.
pub(super) fn require_movable(count: i64, source: &ErrorSource) -> Result<()> {
    if count <= MAX_MOVED {
        return Ok(());
    }
    let detail = format!(
        "{count} relationships would be handed over, and one request hands over at most {MAX_MOVED}; move some of them \
         by the linkage of a role first"
    );
    Err(Problem::new(Code::TransferTooLarge, detail).at(source.clone()).with("count", count).into())
}

/// The number of relationships of a type that would be handed over.
///
/// # Errors
/// Those of the store.
pub(super) fn count_incoming(tx: &mut Tx<'_>, held: &HeldType, user: UserId) -> Result<i64> {
    let incoming = tx.count_edges(held, End::Target, user)?;
    // In a symmetric type it does not matter which of the two users is the owner.
    let outgoing = if held.rules.is_symmetric { tx.count_edges(held, End::User, user)? } else { 0 };
    Ok(incoming + outgoing)
}
