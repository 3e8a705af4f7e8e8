//! The indexes and keys that a bulk load has dropped.

/// The indexes and keys that a bulk load has dropped, as the statements that create them.
#[derive(Debug)]
pub struct DroppedIndexes(pub(in crate::store) Vec<String>);
