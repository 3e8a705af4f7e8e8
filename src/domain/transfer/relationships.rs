//! Imports lines with relationships: new ones are added, existing ones stay as they are.

use std::collections::{HashMap, HashSet};

use super::super::admission;
use super::lines::{RelationshipLine, RequestedEdge, complaint_about_times};
use super::memory::{LoadMemory, PendingRecords};
use super::numbering::assign_ids;
use super::outcome::ImportOutcome;
use super::preview::edge_rows;
use super::references::ReferencedUsers;
use super::rules;
use super::types::{LineTypes, RefusedTypes};
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship::{Edge, Relationship};
use crate::model::relationship_type::TypeName;
use crate::model::time::Timestamp;
use crate::store::Tx;

pub(super) fn import(
    tx: &mut Tx<'_>,
    lines: &[(u64, &RelationshipLine)],
    types: &LineTypes,
    mut memory: Option<&mut LoadMemory>,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    let pending = PendingRecords::default();
    let mut requested = resolve(tx, lines, types, &pending, memory.as_deref_mut(), outcome)?;
    let mut judged = admission::Overlays::default();
    match &mut memory {
        Some(memory) => rules::judge(None, &mut memory.judged, &types.ruled, &mut requested, outcome)?,
        None => rules::judge(Some(tx), &mut judged, &types.ruled, &mut requested, outcome)?,
    }
    let taken = remove_existing(tx, &mut requested, memory.as_deref(), outcome)?;
    if outcome.rows.is_some() && memory.is_some() {
        let created: Vec<_> = requested.iter().map(|it| (it.number, it.edge.clone())).collect();
        list(tx, &created, &pending, outcome)?;
    }
    let numbers: HashMap<_, _> = match &outcome.rows {
        Some(_) => requested.iter().map(|it| (it.edge.clone(), it.number)).collect(),
        None => HashMap::new(),
    };
    let relationships = number(tx, requested, &taken)?;
    if let Some(memory) = memory {
        tx.load_relationships(&relationships)?;
        memory.largest = memory.largest.max(relationships.iter().map(|one| one.id).max());
        outcome.relationships.added += relationships.len() as u64;
        return Ok(());
    }
    let stored = store(tx, &relationships, outcome)?;
    if outcome.rows.is_some() {
        let created = relationships.iter().filter(|one| stored.contains(&one.id)).map(Relationship::key);
        let created: Vec<_> = created.filter_map(|edge| Some((*numbers.get(&edge)?, edge))).collect();
        list(tx, &created, &pending, outcome)?;
    }
    judged.record(tx)
}

/// Lists relationships that lines create.
fn list(tx: &mut Tx<'_>, created: &[(u64, Edge)], pending: &PendingRecords, outcome: &mut ImportOutcome) -> Result<()> {
    let listed = edge_rows(tx, created, pending)?;
    outcome.rows.iter_mut().for_each(|rows| rows.extend_from_slice(&listed));
    Ok(())
}

/// The relationships with their ids: the first line with an id gets it if it is free.
fn number(
    tx: &mut Tx<'_>,
    requested: Vec<RequestedEdge<'_>>,
    taken: &HashSet<RelationshipId>,
) -> Result<Vec<Relationship>> {
    let wanted: Vec<_> = requested.iter().map(|it| it.line.id).collect();
    let reserve = |relationships, largest: Option<_>| {
        tx.reserve_relationship_ids(relationships, largest.unwrap_or(RelationshipId::new(0)))
    };
    let ids = assign_ids(&wanted, |id| !taken.contains(&id), reserve)?;
    let now = tx.now();
    let mut relationships = Vec::with_capacity(requested.len());
    for (it, id) in requested.into_iter().zip(ids) {
        let created_at = it.line.created_at.unwrap_or(now);
        relationships.push(Relationship {
            id,
            version: 1,
            user: it.edge.user,
            target: it.edge.target,
            data: it.line.data.clone(),
            created_at,
            updated_at: it.line.updated_at.unwrap_or(created_at),
        });
    }
    Ok(relationships)
}

/// Stores those that do not exist. One of a type with rules that an instance of an earlier release, which does not wait,
/// has stored since it was judged counts below users like the others: earlier releases do not count these.
fn store(
    tx: &mut Tx<'_>,
    relationships: &[Relationship],
    outcome: &mut ImportOutcome,
) -> Result<HashSet<RelationshipId>> {
    let stored = tx.insert_many_relationships(relationships)?;
    outcome.relationships.added += stored.len() as u64;
    outcome.relationships.unchanged += (relationships.len() - stored.len()) as u64;
    Ok(stored)
}

pub(super) fn dry_run(
    tx: &mut Tx<'_>,
    lines: &[(u64, &RelationshipLine)],
    types: &LineTypes,
    pending: &mut PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    let mut requested = resolve(tx, lines, types, pending, None, outcome)?;
    rules::judge(Some(tx), &mut pending.judged, &types.ruled, &mut requested, outcome)?;
    let edges = requested.into_iter().map(|it| (it.number, it.edge));
    let (mut created, others): (Vec<_>, Vec<_>) = edges.partition(|(_, edge)| types.has_rules(&edge.relationship));
    let unruled: Vec<_> = others.iter().map(|(_, edge)| edge.clone()).collect();
    let existing = tx.existing_edges(&unruled)?;
    for (number, edge) in others {
        if existing.contains(&edge) || !pending.edges.insert(edge.clone()) {
            outcome.relationships.unchanged += 1;
        } else {
            created.push((number, edge));
        }
    }
    outcome.relationships.added += created.len() as u64;
    if outcome.rows.is_some() { list(tx, &created, pending, outcome) } else { Ok(()) }
}

/// The ends of relationships of lines.
#[derive(Debug, Default)]
pub struct ResolvedEdges {
    /// The relationships, each with the number of its line.
    pub edges: Vec<(u64, Edge)>,
    /// The users of rejected lines, and the types of the relationships.
    pub doubtful: Vec<(UserId, TypeName)>,
}

/// Finds the ends of the relationships of lines; rules are not applied. Invalid lines are rejected.
pub(super) fn find_ends(
    tx: &mut Tx<'_>,
    lines: &[(u64, &RelationshipLine)],
    types: &LineTypes,
    pending: &PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<ResolvedEdges> {
    let ends = lines.iter().flat_map(|(_, line)| [&line.user, &line.target]).collect();
    let users = ReferencedUsers::look_up(tx, ends, pending, None)?;
    let now = tx.now();
    let mut found = ResolvedEdges::default();
    for (number, line) in lines {
        match edge_of(line, &users, &types.refused, now) {
            Ok(edge) => found.edges.push((*number, edge)),
            Err(complaints) => {
                outcome.reject_relationship(*number, complaints);
                found.doubtful.extend(users.find(&line.user).ok().map(|user| (user, line.data.relationship.clone())));
            }
        }
    }
    Ok(found)
}

/// The relationships of the lines, each once in types without rules. Invalid lines are rejected.
fn resolve<'a>(
    tx: &mut Tx<'_>,
    lines: &[(u64, &'a RelationshipLine)],
    types: &LineTypes,
    pending: &PendingRecords,
    memory: Option<&mut LoadMemory>,
    outcome: &mut ImportOutcome,
) -> Result<Vec<RequestedEdge<'a>>> {
    let ends = lines.iter().flat_map(|(_, line)| [&line.user, &line.target]).collect();
    let users = ReferencedUsers::look_up(tx, ends, pending, memory)?;
    let now = tx.now();
    let mut seen = HashSet::with_capacity(lines.len());
    let mut requested = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        match edge_of(line, &users, &types.refused, now) {
            // A rule may refuse a relationship whose line occurs twice.
            Ok(edge) if types.has_rules(&edge.relationship) || seen.insert(edge.clone()) => {
                requested.push(RequestedEdge { edge, number: *number, line });
            }
            Ok(_) => outcome.relationships.unchanged += 1,
            Err(complaints) => outcome.reject_relationship(*number, complaints),
        }
    }
    Ok(requested)
}

/// The relationship of a line, or everything that is wrong with the line.
fn edge_of(
    line: &RelationshipLine,
    users: &ReferencedUsers,
    refused: &RefusedTypes,
    now: Timestamp,
) -> std::result::Result<Edge, Vec<String>> {
    let relationship = &line.data.relationship;
    let mut complaints: Vec<_> = complaint_about_times(line.times(), now).into_iter().collect();
    let mut note = |member: &str, complaint: &str| complaints.push(format!("`{member}`: {complaint}"));
    let user = users.find(&line.user).map_err(|complaint| note("user", &complaint)).ok();
    let target = users.find(&line.target).map_err(|complaint| note("target", &complaint)).ok();
    if user.is_some() && user == target {
        note("target", "must be another user than `user`");
    }
    if let Some(complaint) = refused.get(relationship) {
        note("relationship", complaint);
    }
    match (user, target) {
        (Some(user), Some(target)) if complaints.is_empty() => {
            Ok(Edge { user, target, relationship: relationship.clone() })
        }
        _ => Err(complaints),
    }
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
