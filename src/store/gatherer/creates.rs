//! New relationships, stored with one statement and one commit, and only then answered.
//!
//! # Design
//! Who may create what was decided before; the statement leaves out whatever something stands in the way of, such as
//! the same relationship, a missing user or a lock. Rows are given to those who asked for them by what they are, never
//! by their place: they come back in any order.

use std::collections::{HashMap, HashSet};

use super::BatchQuery;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::relationship::{Edge, Relationship};
use crate::store::postgres::{Engine, Mode};
use crate::store::tx::Shared;

/// A relationship that somebody wants and may have, and who is to be noted as its author.
#[derive(Debug)]
pub(in crate::store) struct Create {
    pub edge: Edge,
    pub author: Option<UserId>,
}

impl BatchQuery for Create {
    type Answer = Relationship;
    const NAME: &'static str = "creates";
    const MAX_BATCH: usize = 256;
    const MODE: Mode = Mode::Gathered;

    fn answer(asked: &[&Self], engine: &Engine, shared: &Shared) -> Result<Vec<Option<Relationship>>> {
        // Of several who ask for the same one, the first is its author; an ordinary job tells the others that it is
        // there.
        let mut seen = HashSet::with_capacity(asked.len());
        let firsts: Vec<_> = asked.iter().filter(|asked| seen.insert(&asked.edge)).copied().collect();
        let stored = engine.run_gathered(Self::MODE, shared, &|tx| tx.insert_gathered(&firsts))?;
        if let Some(rows) = stored.as_ref().filter(|rows| !rows.is_empty()) {
            shared.measures.committed(rows.len());
        }
        let by_edge = |row: Relationship| {
            let edge = Edge { user: row.user, target: row.target, relationship: row.relationship.clone() };
            (edge, row)
        };
        let mut stored: HashMap<_, _> = stored.unwrap_or_default().into_iter().map(by_edge).collect();
        Ok(asked.iter().map(|asked| stored.remove(&asked.edge)).collect())
    }
}
