//! Imports lines with groups. The id decides whether a group is new.

use super::lines::{GroupLine, GroupOwner, complaint_about_times};
use super::memory::{PendingGroup, PendingRecords};
use super::outcome::ImportOutcome;
use super::references::ReferencedUsers;
use crate::model::error::Result;
use crate::model::group::{Group, Properties, StoredProperties, complaint_about_new_properties};
use crate::model::id::{GroupId, UserId};
use crate::model::time::Timestamp;
use crate::store::Tx;

pub(super) fn import(tx: &mut Tx<'_>, lines: &[(u64, &GroupLine)], outcome: &mut ImportOutcome) -> Result<()> {
    let mut pending = PendingRecords::default();
    dry_run(tx, lines, &mut pending, outcome)?;
    let mut groups: Vec<_> = pending.groups.into_values().collect();
    groups.sort_unstable_by_key(|group| group.wanted.id);
    let added: Vec<_> = groups.iter().filter(|group| group.stored.is_none()).map(|group| &group.wanted).collect();
    tx.insert_many_groups(&added)?;
    for PendingGroup { stored, wanted } in &groups {
        if let Some(old) = stored.as_ref().filter(|old| *old != wanted) {
            tx.replace_group(old, wanted)?;
        }
    }
    Ok(())
}

/// Adds the valid lines to the pending records.
pub(super) fn dry_run<'l>(
    tx: &mut Tx<'_>,
    lines: &[(u64, &'l GroupLine)],
    pending: &mut PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    let owner = |line: &'l GroupLine| if let GroupOwner::User(user) = &line.owner { Some(user) } else { None };
    let owners = lines.iter().filter_map(|(_, line)| owner(line)).collect();
    let owners = ReferencedUsers::look_up(tx, owners, pending, None)?;
    let ids: Vec<_> = lines.iter().map(|(_, line)| line.id).filter(|id| !pending.groups.contains_key(id)).collect();
    for group in tx.many_groups(&ids)? {
        pending.groups.insert(group.id, PendingGroup { stored: Some(group.clone()), wanted: group });
    }
    // Read after the groups, because another transaction may delete one between the two statements.
    let (newest, now) = (tx.newest_group_id()?, tx.now());
    for (number, line) in lines {
        let owner = owner_of(line, &owners);
        let complaints = [complaint_about_times(line.times(), now), owner.as_ref().err().cloned()];
        if outcome.reject_group_if(*number, complaints.into_iter().flatten()) {
            continue;
        }
        match owner.and_then(|owner| apply(line, owner, newest, now, pending)) {
            Err(complaint) => drop(outcome.reject_group_if(*number, [complaint])),
            Ok(None) => outcome.groups.added += 1,
            Ok(Some(true)) => outcome.groups.changed += 1,
            Ok(Some(false)) => outcome.groups.unchanged += 1,
        }
    }
    Ok(())
}

/// The owner after a line.
fn owner_of(line: &GroupLine, users: &ReferencedUsers) -> std::result::Result<GroupOwner<UserId>, String> {
    Ok(match &line.owner {
        GroupOwner::Absent => GroupOwner::Absent,
        GroupOwner::NoUser => GroupOwner::NoUser,
        GroupOwner::User(user) => {
            GroupOwner::User(users.find(user).map_err(|complaint| format!("`owner`: {complaint}"))?)
        }
    })
}

/// Adds a line to the pending records. Returns whether it changes an existing group; `None` for a new one.
fn apply(
    line: &GroupLine,
    owner: GroupOwner<UserId>,
    newest: GroupId,
    now: Timestamp,
    pending: &mut PendingRecords,
) -> std::result::Result<Option<bool>, String> {
    let Some(known) = pending.groups.get_mut(&line.id) else {
        if line.id <= newest {
            return Err(format!(
                "`id`: the group {} was deleted, or lines with larger ids came first; use an id above {newest}, or order \
                 the lines by id",
                line.id
            ));
        }
        let properties = checked_properties(line.properties.as_ref(), &Properties::new())?;
        let owner = if let GroupOwner::User(user) = owner { Some(user) } else { None };
        let wanted = new_group(line, owner, &properties.unwrap_or_default(), now);
        pending.groups.insert(line.id, PendingGroup { stored: None, wanted });
        return Ok(None);
    };
    if known.wanted.kind != line.kind {
        return Err(format!(
            "`group-type`: the group {} has the type `{}`, which cannot change",
            line.id, known.wanted.kind
        ));
    }
    let old = known.wanted.properties.parse();
    let properties = checked_properties(line.properties.as_ref(), &old)?.filter(|new| *new != old);
    let owner = match owner {
        GroupOwner::Absent => known.wanted.owner,
        GroupOwner::NoUser => None,
        GroupOwner::User(user) => Some(user),
    };
    let is_changed = properties.is_some() || owner != known.wanted.owner;
    if let Some(properties) = properties {
        known.wanted.properties = StoredProperties::of(&properties);
    }
    known.wanted.owner = owner;
    Ok(Some(is_changed))
}

/// The properties of a line, unless they are too large.
pub(super) fn checked_properties(
    sent: Option<&Properties>,
    old: &Properties,
) -> std::result::Result<Option<Properties>, String> {
    match sent.and_then(|sent| complaint_about_new_properties(old, sent)) {
        Some(complaint) => Err(format!("`properties`: {complaint}")),
        None => Ok(sent.cloned()),
    }
}

fn new_group(line: &GroupLine, owner: Option<UserId>, properties: &Properties, now: Timestamp) -> Group {
    let created_at = line.created_at.unwrap_or(now);
    Group {
        id: line.id,
        version: 1,
        kind: line.kind.clone(),
        owner,
        properties: StoredProperties::of(properties),
        created_at,
        updated_at: line.updated_at.unwrap_or(created_at),
    }
}
