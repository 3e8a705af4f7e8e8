//! Imports lines with memberships. Group and user decide whether a membership is new.

use std::collections::HashSet;

use super::groups::checked_properties;
use super::lines::{MemberLine, complaint_about_times};
use super::memory::{PendingMember, PendingRecords};
use super::numbering::assign_ids;
use super::outcome::ImportOutcome;
use super::references::ReferencedUsers;
use crate::model::error::Result;
use crate::model::group::{Member, Properties, StoredProperties};
use crate::model::id::{GroupId, MemberId, UserId};
use crate::model::time::Timestamp;
use crate::store::Tx;

/// The placeholder of an id that is not assigned yet.
const NO_ID: MemberId = MemberId::new(0);

/// The group and the user of a membership.
type Ends = (GroupId, UserId);

pub(super) fn import(tx: &mut Tx<'_>, lines: &[(u64, &MemberLine)], outcome: &mut ImportOutcome) -> Result<()> {
    let mut pending = PendingRecords::default();
    let new = collect(tx, lines, &mut pending, outcome)?;
    let mut added: Vec<Member> =
        new.iter().filter_map(|ends| pending.members.get(ends)).map(|member| member.wanted.clone()).collect();
    number(tx, &mut added)?;
    tx.insert_many_members(&added)?;
    for PendingMember { stored, wanted } in pending.members.into_values() {
        if let Some(old) = stored.filter(|old| *old != wanted) {
            tx.update_group_member(&old, (old.group, old.user), &wanted.properties.parse())?;
        }
    }
    Ok(())
}

/// Gives new memberships their ids: that of the line if it is free, otherwise a new one.
fn number(tx: &mut Tx<'_>, added: &mut [Member]) -> Result<()> {
    let newest = tx.newest_member_id()?;
    let wanted: Vec<_> = added.iter().map(|member| Some(member.id).filter(|id| *id != NO_ID)).collect();
    let reserve = |members, largest: Option<_>| tx.reserve_member_ids(members, largest.unwrap_or(NO_ID));
    let ids = assign_ids(&wanted, |id| id > newest, reserve)?;
    for (member, id) in added.iter_mut().zip(ids) {
        member.id = id;
    }
    Ok(())
}

pub(super) fn dry_run(
    tx: &mut Tx<'_>,
    lines: &[(u64, &MemberLine)],
    pending: &mut PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    collect(tx, lines, pending, outcome).map(drop)
}

/// Adds the valid lines to the pending records. Returns the new memberships, in order.
fn collect(
    tx: &mut Tx<'_>,
    lines: &[(u64, &MemberLine)],
    pending: &mut PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<Vec<Ends>> {
    let users = ReferencedUsers::look_up(tx, lines.iter().map(|(_, line)| &line.user).collect(), pending, None)?;
    let groups: Vec<_> =
        lines.iter().map(|(_, line)| line.group).filter(|id| !pending.groups.contains_key(id)).collect();
    let groups: HashSet<_> = tx.many_existing_groups(&groups)?.into_iter().collect();
    let ends_of = |line: &MemberLine| Some((line.group, users.find(&line.user).ok()?));
    let ends: Vec<_> = lines.iter().filter_map(|(_, line)| ends_of(line)).collect();
    for member in tx.many_memberships(&ends)? {
        let known = pending.members.entry((member.group, member.user));
        known.or_insert_with(|| PendingMember { stored: Some(member.clone()), wanted: member });
    }
    let now = tx.now();
    let mut new = Vec::new();
    for (number, line) in lines {
        let user = users.find(&line.user).map_err(|complaint| format!("`user`: {complaint}"));
        let is_group = groups.contains(&line.group) || pending.groups.contains_key(&line.group);
        let no_group = || format!("`group`: there is no group {}; import groups before their members", line.group);
        let complaints =
            [complaint_about_times(line.times(), now), user.as_ref().err().cloned(), (!is_group).then(no_group)];
        if outcome.reject_member_if(*number, complaints.into_iter().flatten()) {
            continue;
        }
        match user.and_then(|user| apply(line, user, now, pending)) {
            Err(complaint) => drop(outcome.reject_member_if(*number, [complaint])),
            Ok(Some(true)) => outcome.members.changed += 1,
            Ok(Some(false)) => outcome.members.unchanged += 1,
            Ok(None) => {
                outcome.members.added += 1;
                new.extend(ends_of(line));
            }
        }
    }
    Ok(new)
}

/// Adds a line to the pending records. Returns whether it changes an existing membership; `None` for a new one.
fn apply(
    line: &MemberLine,
    user: UserId,
    now: Timestamp,
    pending: &mut PendingRecords,
) -> std::result::Result<Option<bool>, String> {
    let Some(known) = pending.members.get_mut(&(line.group, user)) else {
        let properties = checked_properties(line.properties.as_ref(), &Properties::new())?;
        let wanted = new_member(line, user, &properties.unwrap_or_default(), now);
        pending.members.insert((line.group, user), PendingMember { stored: None, wanted });
        return Ok(None);
    };
    if known.wanted.kind != line.kind {
        return Err(format!("`member-type`: the membership has the type `{}`, which cannot change", known.wanted.kind));
    }
    let old = known.wanted.properties.parse();
    let properties = checked_properties(line.properties.as_ref(), &old)?.filter(|new| *new != old);
    let is_changed = properties.is_some();
    if let Some(properties) = properties {
        known.wanted.properties = StoredProperties::of(&properties);
    }
    Ok(Some(is_changed))
}

fn new_member(line: &MemberLine, user: UserId, properties: &Properties, now: Timestamp) -> Member {
    let created_at = line.created_at.unwrap_or(now);
    Member {
        id: line.id.unwrap_or(NO_ID),
        version: 1,
        kind: line.kind.clone(),
        group: line.group,
        user,
        properties: StoredProperties::of(properties),
        created_at,
        updated_at: line.updated_at.unwrap_or(created_at),
    }
}
