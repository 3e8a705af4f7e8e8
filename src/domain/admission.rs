//! Decides which relationships the rules of their type admit. Every writer that adds relationships to a type asks here.
//!
//! # Design
//! The caller [holds](Tx::hold_types) the type. If the rules restrict data, [`admit`] makes other writers of the type
//! wait until the job ends, and only then reads what the rules depend on. So what it reads stays true until the
//! relationships are stored. Several relationships are judged in order, as if each were stored before the next. An
//! import does the same with [`Overlays`]: it adds relationships of several types, and may judge them long before they
//! are stored or counted.

mod overlay;

pub(super) use overlay::{Ends, Overlays, Verdict};
use overlay::{Overlay, StoredGraph};

use crate::model::error::Result;
use crate::store::{HeldType, Tx};

/// The verdicts on some relationships of one type.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// One verdict for each relationship, in order.
    pub verdicts: Vec<Verdict>,
    admitted: Overlay,
}

impl Admission {
    /// Counts the admitted relationships below the users above them. All of them must be stored.
    ///
    /// # Errors
    /// Those of the store.
    pub fn record(&self, tx: &mut Tx<'_>, held: &HeldType) -> Result<()> {
        self.admitted.record(tx, held)
    }
}

/// As [`admit`], without the rule that limits the length of paths: a synchronization applies that to its final state.
///
/// # Errors
/// Those of the store.
pub(super) fn admit_moves(tx: &mut Tx<'_>, held: &HeldType, edges: &[Ends]) -> Result<Admission> {
    judge(tx, held, edges, Overlay::of_any_depth())
}

/// Judges new relationships of a held type, in order.
///
/// # Errors
/// Those of the store.
pub(super) fn admit(tx: &mut Tx<'_>, held: &HeldType, edges: &[Ends]) -> Result<Admission> {
    judge(tx, held, edges, Overlay::default())
}

fn judge(tx: &mut Tx<'_>, held: &HeldType, edges: &[Ends], mut admitted: Overlay) -> Result<Admission> {
    if !held.rules.restrict_data() {
        return Ok(Admission { verdicts: vec![Verdict::Admitted; edges.len()], admitted });
    }
    tx.lock_writers(std::slice::from_ref(held))?;
    let verdicts = admitted.judge(&mut StoredGraph::of(tx, held), edges)?;
    Ok(Admission { verdicts, admitted })
}
