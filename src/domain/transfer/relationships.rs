//! Imports lines with relationships: new ones are added, existing ones stay as they are.

use std::collections::{HashMap, HashSet};

use super::lines::RelationshipLine;
use super::memory::{LoadMemory, PendingRecords};
use super::outcome::{ImportOptions, ImportOutcome, too_few_ids};
use super::references::ReferencedUsers;
use super::types::{self, RefusedTypes};
use crate::model::error::Result;
use crate::model::id::RelationshipId;
use crate::model::relationship::{Edge, Relationship};
use crate::store::Tx;

/// A relationship, and the first line that has it.
struct RequestedEdge<'a> {
    edge: Edge,
    line: &'a RelationshipLine,
}

pub(super) fn import(
    tx: &mut Tx<'_>,
    lines: &[(u64, &RelationshipLine)],
    options: ImportOptions,
    mut memory: Option<&mut LoadMemory>,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    let pending = PendingRecords::default();
    let refused = types::register(tx, lines, options, outcome)?;
    let mut requested = resolve(tx, lines, &refused, &pending, memory.as_deref_mut(), outcome)?;
    let taken = remove_existing(tx, &mut requested, memory.as_deref(), outcome)?;
    let largest = requested.iter().filter_map(|it| it.line.id).max().unwrap_or(RelationshipId::new(0));
    let has_id = |it: &RequestedEdge| it.line.id.is_some_and(|id| !taken.contains(&id));
    // The first line with an id gets it.
    let mut used = HashSet::new();
    let chosen: Vec<_> = requested.iter().map(|it| it.line.id.filter(|id| has_id(it) && used.insert(*id))).collect();
    let unnumbered = chosen.iter().filter(|id| id.is_none()).count();
    let mut ids = tx.reserve_relationship_ids(unnumbered, largest)?.into_iter();
    let now = tx.now();
    let mut relationships = Vec::with_capacity(requested.len());
    for (it, id) in requested.into_iter().zip(chosen) {
        let created_at = it.line.created_at.unwrap_or(now);
        relationships.push(Relationship {
            id: id.or_else(|| ids.next()).ok_or_else(too_few_ids)?,
            version: 1,
            user: it.edge.user,
            target: it.edge.target,
            data: it.line.data.clone(),
            created_at,
            updated_at: it.line.updated_at.unwrap_or(created_at),
        });
    }
    let added = match memory {
        Some(memory) => {
            tx.load_relationships(&relationships)?;
            memory.largest = memory.largest.max(relationships.iter().map(|one| one.id).max());
            relationships.len() as u64
        }
        None => tx.insert_many_relationships(&relationships)?,
    };
    outcome.relationships.added += added;
    outcome.relationships.unchanged += relationships.len() as u64 - added;
    Ok(())
}

pub(super) fn dry_run(
    tx: &mut Tx<'_>,
    lines: &[(u64, &RelationshipLine)],
    options: ImportOptions,
    pending: &mut PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    let refused = types::dry_run(tx, lines, options, pending, outcome)?;
    let requested = resolve(tx, lines, &refused, pending, None, outcome)?;
    let edges: Vec<_> = requested.into_iter().map(|it| it.edge).collect();
    let existing = tx.existing_edges(&edges)?;
    for edge in edges {
        if existing.contains(&edge) || !pending.edges.insert(edge) {
            outcome.relationships.unchanged += 1;
        } else {
            outcome.relationships.added += 1;
        }
    }
    Ok(())
}

/// The relationships of the lines, each once. Invalid lines are rejected.
fn resolve<'a>(
    tx: &mut Tx<'_>,
    lines: &[(u64, &'a RelationshipLine)],
    refused: &RefusedTypes,
    pending: &PendingRecords,
    memory: Option<&mut LoadMemory>,
    outcome: &mut ImportOutcome,
) -> Result<Vec<RequestedEdge<'a>>> {
    let users = ReferencedUsers::look_up(tx, lines, pending, memory)?;
    let mut seen = HashSet::with_capacity(lines.len());
    let mut requested = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        match edge_of(line, &users, refused) {
            Ok(edge) if seen.insert(edge.clone()) => requested.push(RequestedEdge { edge, line }),
            Ok(_) => outcome.relationships.unchanged += 1,
            Err(complaint) => outcome.reject_relationship(*number, complaint),
        }
    }
    Ok(requested)
}

fn edge_of(
    line: &RelationshipLine,
    users: &ReferencedUsers,
    refused: &RefusedTypes,
) -> std::result::Result<Edge, String> {
    let user = users.find(&line.user).map_err(|complaint| format!("`user`: {complaint}"))?;
    let target = users.find(&line.target).map_err(|complaint| format!("`target`: {complaint}"))?;
    if user == target {
        return Err("`target`: must be another user than `user`".to_owned());
    }
    if let Some(complaint) = refused.get(&line.data.relationship) {
        return Err(format!("`relationship`: {complaint}"));
    }
    Ok(Edge { user, target, relationship: line.data.relationship.clone() })
}

/// Removes the relationships that exist with the id of their line. Returns the ids that are not free, because other
/// relationships have them, or deleted ones may have had them.
fn remove_existing(
    tx: &mut Tx<'_>,
    requested: &mut Vec<RequestedEdge<'_>>,
    memory: Option<&LoadMemory>,
    outcome: &mut ImportOutcome,
) -> Result<HashSet<RelationshipId>> {
    // A load starts without relationships and knows the largest id since.
    let may_exist = |id: &RelationshipId| memory.is_none_or(|memory| Some(*id) <= memory.largest);
    let sent: Vec<_> = requested.iter().filter_map(|it| it.line.id).collect();
    if sent.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<_> = sent.iter().filter(|id| may_exist(id)).copied().collect();
    let found = if ids.is_empty() { Vec::new() } else { tx.many_relationships(&ids)? };
    let taken: HashMap<_, _> = found.into_iter().map(|one| (one.id, one)).collect();
    // Read after the relationships, because another transaction may delete one between the two statements.
    let newest_retired = tx.newest_retired_relationship()?;
    let exists = |it: &RequestedEdge| {
        let one = it.line.id.and_then(|id| taken.get(&id));
        one.is_some_and(|one| one.key() == it.edge)
    };
    let before = requested.len();
    requested.retain(|it| !exists(it));
    outcome.relationships.unchanged += (before - requested.len()) as u64;
    let retired = sent.into_iter().filter(|id| *id <= newest_retired);
    Ok(taken.into_keys().chain(retired).collect())
}
