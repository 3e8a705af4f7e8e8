//! Lines with relationships: added, or left as they are.

use std::collections::{HashMap, HashSet};

use super::super::relationship_types;
use super::ends::Ends;
use super::{Known, Load, Options, Outcome, RelationshipLine, too_few};
use crate::model::error::Result;
use crate::model::id::RelationshipId;
use crate::model::relationship::{Edge, Relationship};
use crate::model::relationship_type::{Registration, TypeName};
use crate::store::Tx;

/// A relationship that some line asks for first.
struct Asked<'a> {
    edge: Edge,
    line: &'a RelationshipLine,
}

pub(super) fn import(
    tx: &mut Tx<'_>,
    lines: &[(u64, &RelationshipLine)],
    options: Options,
    mut load: Option<&mut Load>,
    outcome: &mut Outcome,
) -> Result<()> {
    let known = Known::default();
    let unknown = unknown_types(tx, lines, &known)?;
    let types = if options.creates_types {
        for name in &unknown {
            match tx.insert_type(name, None)? {
                Registration::Registered(_) => outcome.types_added += 1,
                Registration::NameTaken => {}
                Registration::Exhausted => return Err(relationship_types::too_many()),
            }
        }
        HashSet::new()
    } else {
        unknown
    };
    let mut asked = ask_for(tx, lines, &types, &known, load.as_deref_mut(), outcome)?;
    let taken = free_ids(tx, &mut asked, load.as_deref(), outcome)?;
    let largest = asked.iter().filter_map(|it| it.line.id).max().unwrap_or(RelationshipId::new(0));
    let has_id = |it: &Asked| it.line.id.is_some_and(|id| !taken.contains(&id));
    // An id serves the first line that brings it.
    let mut used = HashSet::new();
    let chosen: Vec<_> = asked.iter().map(|it| it.line.id.filter(|id| has_id(it) && used.insert(*id))).collect();
    let unnumbered = chosen.iter().filter(|id| id.is_none()).count();
    let mut ids = tx.reserve_relationship_ids(unnumbered, largest)?.into_iter();
    let now = tx.now();
    let mut relationships = Vec::with_capacity(asked.len());
    for (it, id) in asked.into_iter().zip(chosen) {
        let created_at = it.line.created_at.unwrap_or(now);
        relationships.push(Relationship {
            id: id.or_else(|| ids.next()).ok_or_else(too_few)?,
            version: 1,
            user: it.edge.user,
            target: it.edge.target,
            relationship: it.edge.relationship,
            created_at,
            updated_at: it.line.updated_at.unwrap_or(created_at),
        });
    }
    let added = match load {
        Some(load) => {
            tx.load_relationships(&relationships)?;
            load.largest = load.largest.max(relationships.iter().map(|one| one.id).max());
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
    options: Options,
    known: &mut Known,
    outcome: &mut Outcome,
) -> Result<()> {
    let unknown = unknown_types(tx, lines, known)?;
    let types = if options.creates_types {
        outcome.types_added += unknown.len() as u64;
        known.types.extend(unknown);
        HashSet::new()
    } else {
        unknown
    };
    let asked = ask_for(tx, lines, &types, known, None, outcome)?;
    let edges: Vec<_> = asked.into_iter().map(|it| it.edge).collect();
    let there = tx.existing_edges(&edges)?;
    for edge in edges {
        if there.contains(&edge) || !known.edges.insert(edge) {
            outcome.relationships.unchanged += 1;
        } else {
            outcome.relationships.added += 1;
        }
    }
    Ok(())
}

/// Types that the lines name and nobody has registered.
fn unknown_types(tx: &mut Tx<'_>, lines: &[(u64, &RelationshipLine)], known: &Known) -> Result<HashSet<TypeName>> {
    let named: HashSet<_> = lines.iter().map(|(_, line)| &line.relationship).collect();
    let mut unknown = HashSet::new();
    for name in named {
        if !known.types.contains(name) && !tx.has_type(name)? {
            unknown.insert(name.clone());
        }
    }
    Ok(unknown)
}

/// What the lines ask for, each relationship once.
fn ask_for<'a>(
    tx: &mut Tx<'_>,
    lines: &[(u64, &'a RelationshipLine)],
    unknown: &HashSet<TypeName>,
    known: &Known,
    load: Option<&mut Load>,
    outcome: &mut Outcome,
) -> Result<Vec<Asked<'a>>> {
    let ends = Ends::look_up(tx, lines, known, load)?;
    let mut seen = HashSet::with_capacity(lines.len());
    let mut asked = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        match edge_of(line, &ends, unknown) {
            Ok(edge) if seen.insert(edge.clone()) => asked.push(Asked { edge, line }),
            Ok(_) => outcome.relationships.unchanged += 1,
            Err(complaint) => outcome.reject_relationship(*number, complaint),
        }
    }
    Ok(asked)
}

fn edge_of(line: &RelationshipLine, ends: &Ends, unknown: &HashSet<TypeName>) -> std::result::Result<Edge, String> {
    let user = ends.find(&line.user).map_err(|complaint| format!("`user`: {complaint}"))?;
    let target = ends.find(&line.target).map_err(|complaint| format!("`target`: {complaint}"))?;
    if user == target {
        return Err("`target`: it is the user itself; a relationship joins two users".to_owned());
    }
    if unknown.contains(&line.relationship) {
        let name = &line.relationship;
        return Err(format!("`relationship`: there is no type `{name}`; register it, or import with `--create-types`"));
    }
    Ok(Edge { user, target, relationship: line.relationship.clone() })
}

/// Leaves out what is there under the very id that its line brings; gives the ids that are not free, because other
/// relationships have them, or deleted ones may have had them.
fn free_ids(
    tx: &mut Tx<'_>,
    asked: &mut Vec<Asked<'_>>,
    load: Option<&Load>,
    outcome: &mut Outcome,
) -> Result<HashSet<RelationshipId>> {
    // A load has begun with none, and knows the largest.
    let may_be_there = |id: &RelationshipId| load.is_none_or(|load| Some(*id) <= load.largest);
    let sent: Vec<_> = asked.iter().filter_map(|it| it.line.id).collect();
    if sent.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<_> = sent.iter().filter(|id| may_be_there(id)).copied().collect();
    let there = if ids.is_empty() { Vec::new() } else { tx.many_relationships(&ids)? };
    let taken: HashMap<_, _> = there.into_iter().map(|one| (one.id, one)).collect();
    // After the relationships that are there: others may delete one between the two questions.
    let newest_retired = tx.newest_retired_relationship()?;
    let is_there = |it: &Asked| {
        let one = it.line.id.and_then(|id| taken.get(&id));
        one.is_some_and(|one| {
            (one.user, one.target, &one.relationship) == (it.edge.user, it.edge.target, &it.edge.relationship)
        })
    };
    let before = asked.len();
    asked.retain(|it| !is_there(it));
    outcome.relationships.unchanged += (before - asked.len()) as u64;
    let retired = sent.into_iter().filter(|id| *id <= newest_retired);
    Ok(taken.into_keys().chain(retired).collect())
}
