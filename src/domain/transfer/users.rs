//! Imports lines with users. The e-mail address decides whether a user is new, in a synchronization after the id in
//! another system.

use std::collections::HashMap;

use super::super::validation::retired_id;
use super::alt_ids;
use super::lines::{UserLine, complaint_about_times};
use super::memory::{LineUsers, PendingRecords};
use super::outcome::{ImportOptions, ImportOutcome, too_few_ids, unsuitable_value};
use super::packed_users::{PackedUsers, PendingUser};
use crate::model::attributes::HasAttributes;
use crate::model::error::Result;
use crate::model::group::complaint_about_new_properties;
use crate::model::id::UserId;
use crate::model::key;
use crate::model::time::Timestamp;
use crate::model::user::{Field, Profile, User, UserData, Value};
use crate::store::Tx;

/// The placeholder of an id that is not assigned yet.
const NO_ID: UserId = UserId::new(0);

pub(super) fn import(
    tx: &mut Tx<'_>,
    lines: &[(u64, &UserLine)],
    options: ImportOptions,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    let pending = &mut LineUsers::default();
    let order = collect(tx, lines, options, &PackedUsers::default(), pending, outcome)?;
    let added = || pending.users.values().filter(|user| user.stored.is_none());
    if let Some(largest) = added().map(|user| user.wanted.id).max() {
        let unnumbered = added().filter(|user| user.wanted.id == NO_ID).count();
        let mut ids = tx.reserve_user_ids(unnumbered, largest)?.into_iter();
        for key in &order {
            if let Some(user) = pending.users.get_mut(key).filter(|user| user.wanted.id == NO_ID) {
                user.wanted.id = ids.next().ok_or_else(too_few_ids)?;
            }
        }
        let mut added: Vec<_> =
            pending.users.values().filter(|user| user.stored.is_none()).map(|user| &user.wanted).collect();
        added.sort_unstable_by_key(|user| user.id);
        tx.insert_many_users(&added)?;
    }
    let mut changed: Vec<_> = pending.users.values().filter_map(change_of).collect();
    changed.sort_unstable_by_key(|(old, _)| old.id);
    for (old, data) in changed {
        tx.update_user(old, data)?;
    }
    Ok(())
}

fn change_of(user: &PendingUser) -> Option<(&User, &UserData)> {
    user.stored.as_ref().filter(|_| user.is_changed()).map(|old| (old, &user.wanted.data))
}

pub(super) fn dry_run(
    tx: &mut Tx<'_>,
    lines: &[(u64, &UserLine)],
    options: ImportOptions,
    pending: &mut PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<HashMap<String, UserId>> {
    let mut users = LineUsers::default();
    for key in collect(tx, lines, options, &pending.users, &mut users, outcome)? {
        let Some(user) = users.users.get_mut(&key).filter(|user| user.wanted.id == NO_ID) else { continue };
        pending.last_placeholder -= 1;
        user.wanted.id = UserId::new(pending.last_placeholder);
    }
    let ids = users.users.iter().map(|(key, user)| (key.clone(), user.wanted.id)).collect();
    let mut users: Vec<_> = users.users.into_iter().filter(|(_, user)| user.is_changed()).collect();
    // In the order of the lines, so that two previews of a file are equal.
    users.sort_unstable_by_key(|(_, user)| std::cmp::Reverse(user.wanted.id));
    for (key, user) in users {
        pending.users.put(key, user)?;
    }
    pending.require_room().map(|()| ids)
}

/// Adds the valid lines to `pending`. `earlier` are the users of earlier lines. Returns the keys of new users, in order.
fn collect(
    tx: &mut Tx<'_>,
    lines: &[(u64, &UserLine)],
    options: ImportOptions,
    earlier: &PackedUsers,
    pending: &mut LineUsers,
    outcome: &mut ImportOutcome,
) -> Result<Vec<String>> {
    let keys: Vec<String> = lines.iter().map(|(_, line)| key::of_email(&line.email)).collect();
    look_up_emails(tx, lines, &keys, earlier, pending)?;
    let conflicts = if options.matches_alt_ids { alt_ids::look_up(tx, lines, &keys, pending)? } else { HashMap::new() };
    look_up_ids(tx, lines, earlier, pending)?;
    let (now, no_profile) = (tx.now(), Profile::default());
    let mut new = Vec::new();
    for ((number, line), key) in lines.iter().zip(keys) {
        let old = pending.users.get(&key).map(|user| &user.wanted.data);
        let data = wanted_data(line, old)?;
        let of_profile = data
            .as_ref()
            .and_then(|data| complaint_about_profile(old.map_or(&no_profile, |old| &old.profile), &data.profile));
        let complaints = [
            conflicts.get(number).cloned(),
            complaint_about_times(line.times(), now),
            complaint_about_user(line, &key, pending),
            of_profile,
        ];
        if outcome.reject_user_if(*number, complaints.into_iter().flatten()) {
            continue;
        }
        if let Some(id) = line.id {
            pending.keys.insert(id, key.clone());
        }
        match (pending.users.get_mut(&key), data) {
            (Some(user), data) => {
                if let (NO_ID, Some(id)) = (user.wanted.id, line.id) {
                    user.wanted.id = id;
                }
                match data {
                    Some(data) => {
                        outcome.note_user(*number, Some(&user.wanted.data), &data);
                        user.wanted.data = data;
                    }
                    None => outcome.users.unchanged += 1,
                }
            }
            (None, data) => {
                let data = data.unwrap_or_else(|| UserData::new(line.email.clone()));
                outcome.note_user(*number, None, &data);
                pending.users.insert(key.clone(), PendingUser { stored: None, wanted: new_user(line, data, now) });
                new.push(key);
            }
        }
    }
    Ok(new)
}

/// The data of a user after a line; `None` if the line changes nothing.
fn wanted_data(line: &UserLine, old: Option<&UserData>) -> Result<Option<UserData>> {
    let is_held = |field: Field, value: &Value| old.is_some_and(|old| old.holds(field, value));
    let different: Vec<_> = line.fields.iter().filter(|(field, value)| !is_held(*field, value)).collect();
    let properties = line.properties.as_ref().filter(|new| old.is_none_or(|old| old.profile.properties != **new));
    if old.is_some() && different.is_empty() && properties.is_none() {
        return Ok(None);
    }
    let mut data = old.cloned().unwrap_or_else(|| UserData::new(line.email.clone()));
    for (field, value) in different {
        put(&mut data, *field, value)?;
    }
    if let Some(properties) = properties {
        data.profile.properties.clone_from(properties);
    }
    Ok(Some(data))
}

/// Finds the users of the lines, among those of earlier lines and in the database.
fn look_up_emails(
    tx: &mut Tx<'_>,
    lines: &[(u64, &UserLine)],
    keys: &[String],
    earlier: &PackedUsers,
    pending: &mut LineUsers,
) -> Result<()> {
    for key in keys {
        if let Some(user) = earlier.of_key(key) {
            pending.keys.insert(user.id, key.clone());
            pending.users.insert(key.clone(), PendingUser::of_earlier_line(user, tx.now()));
        }
    }
    let mut emails = Vec::with_capacity(keys.len());
    for ((_, line), key) in lines.iter().zip(keys).filter(|(_, key)| !pending.users.contains_key(*key)) {
        let earlier = key::of_email_before(&line.email);
        emails.extend((earlier != *key).then_some(earlier));
        emails.push(key.clone());
    }
    for user in tx.many_users_of_emails(&emails)? {
        let key = user.data.email_key();
        pending.keys.insert(user.id, key.clone());
        let user = PendingUser { stored: Some(user.clone()), wanted: user };
        if pending.users.insert(key.clone(), user).is_some() {
            pending.shared_keys.insert(key);
        }
    }
    Ok(())
}

/// Reads what is stored under the ids of the lines.
fn look_up_ids(
    tx: &mut Tx<'_>,
    lines: &[(u64, &UserLine)],
    earlier: &PackedUsers,
    pending: &mut LineUsers,
) -> Result<()> {
    let ids = lines.iter().filter_map(|(_, line)| line.id);
    let (known, ids): (Vec<_>, Vec<_>) =
        ids.filter(|id| !pending.keys.contains_key(id)).partition(|id| earlier.has_id(*id));
    pending.keys.extend(known.into_iter().filter_map(|id| Some((id, earlier.of_id(id)?.key))));
    if !ids.is_empty() {
        for user in tx.many_users(&ids)? {
            pending.keys.insert(user.id, user.data.email_key());
        }
        // Read after the users, because another transaction may delete one between the two statements.
        pending.retired.extend(tx.retired_users(&ids)?);
    }
    Ok(())
}

fn complaint_about_profile(before: &Profile, profile: &Profile) -> Option<String> {
    let complaint = complaint_about_new_properties(&before.properties, &profile.properties);
    complaint.map(|complaint| format!("`properties`: {complaint}")).or_else(|| profile.complaint_about_size(before))
}

fn complaint_about_user(line: &UserLine, key: &str, pending: &LineUsers) -> Option<String> {
    if pending.shared_keys.contains(key) {
        return Some(
            "`email`: two users have this address in different spellings; run `check` to find them".to_owned(),
        );
    }
    let id = line.id?;
    if pending.retired.contains(&id) {
        return Some(format!("`id`: {}", retired_id(id)));
    }
    if pending.keys.get(&id).is_some_and(|other| other != key) {
        return Some(format!("`id`: user {id} has another e-mail address"));
    }
    let own_id = pending.users.get(key)?.wanted.id;
    (own_id != NO_ID && own_id != id).then(|| match own_id.get() {
        1.. => format!("`id`: the user with this e-mail address is {own_id}, not {id}"),
        _ => format!("`id`: an earlier line has this e-mail address and another id than {id}"),
    })
}

/// A new user.
fn new_user(line: &UserLine, data: UserData, now: Timestamp) -> User {
    let created_at = line.created_at.unwrap_or(now);
    User {
        id: line.id.unwrap_or(NO_ID),
        version: 1,
        data,
        is_supervisor: false,
        created_at,
        updated_at: line.updated_at.unwrap_or(created_at),
    }
}

fn put(data: &mut UserData, field: Field, value: &Value) -> Result<()> {
    if data.set(field, value.clone()) { Ok(()) } else { Err(unsuitable_value(field)) }
}
