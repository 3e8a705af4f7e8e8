//! All edges of a type, and the counts below, which are computed from them.

use super::{Tx, ask};
use crate::model::counts_below::CountBelow;
use crate::model::edge_graph::StoredEdge;
use crate::model::error::Result;
use crate::model::relationship_type::{RelationshipType, TypeName};

/// The number of edges that one query reads.
const BATCH: i64 = 50_000;

impl Tx<'_> {
    /// Locks a type, and reads it again, before its rules are changed: from now until the job ends no other job writes
    /// relationships of the type, and those that did have ended. `None` if there is no such type.
    pub fn lock_rules(&mut self, name: &TypeName) -> Result<Option<RelationshipType>> {
        if ask!(self, stored_edges::lock_rules(name.as_str()))?.is_none() {
            return Ok(None);
        }
        // The cached number may be that of a deleted type of this name.
        self.read_types()?;
        self.relationship_type(name)
    }

    /// All edges of a type, by id; `None` if there are more than `most`. The job must see one snapshot, or hold the locks
    /// of [`lock_rules`](Self::lock_rules).
    pub fn edges_of_type(&mut self, name: &TypeName, most: Option<u64>) -> Result<Option<Vec<StoredEdge>>> {
        let Some(kind) = self.type_id(name)? else { return Ok(Some(Vec::new())) };
        let is_too_many = |edges: u64| most.is_some_and(|most| edges > most);
        let counted = u64::try_from(ask!(self, counts::with_type(kind))?).unwrap_or_default();
        if is_too_many(counted) {
            return Ok(None);
        }
        let mut edges = Vec::new();
        let mut last = i64::MIN;
        loop {
            let rows = ask!(self, stored_edges::page(kind, last, BATCH))?;
            let Some((end, _, _)) = rows.last() else { return Ok(Some(edges)) };
            last = *end;
            edges.extend(rows.into_iter().map(|(id, user, target)| StoredEdge { id, user, target }));
            // The stored count may be wrong.
            if is_too_many(edges.len() as u64) {
                return Ok(None);
            }
        }
    }

    /// Visits all edges of a type, by id. The job must see one snapshot.
    pub fn visit_edges_of_type(&mut self, name: &TypeName, mut visit: impl FnMut(StoredEdge)) -> Result<()> {
        let Some(kind) = self.type_id(name)? else { return Ok(()) };
        let mut last = i64::MIN;
        loop {
            let rows = ask!(self, stored_edges::page(kind, last, BATCH))?;
            let Some((end, _, _)) = rows.last() else { return Ok(()) };
            last = *end;
            for (id, user, target) in rows {
                visit(StoredEdge { id, user, target });
            }
        }
    }

    /// The stored counts below of a type, by user.
    pub fn counts_below(&mut self, name: &TypeName) -> Result<Vec<(i64, CountBelow)>> {
        let Some(kind) = self.type_id(name)? else { return Ok(Vec::new()) };
        let rows = ask!(self, stored_edges::counts_below(kind))?;
        Ok(rows.into_iter().map(|(user, n, height)| (user, CountBelow { n, height })).collect())
    }

    /// Replaces the stored counts below of a type.
    pub fn replace_counts_below(&mut self, name: &TypeName, counts: &[(i64, CountBelow)]) -> Result<()> {
        let Some(kind) = self.type_id(name)? else { return Ok(()) };
        let rows: Vec<_> = counts.iter().map(|(user, count)| (*user, count.n, count.height)).collect();
        ask!(self, stored_edges::replace_counts_below(kind, &rows))
    }
}
