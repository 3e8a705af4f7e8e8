//! Lines with users: matched by e-mail address, added, changed, or left as they are.

use super::super::users::retired_id;
use super::{Known, Outcome, UserLine, too_few, unsuitable};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::key;
use crate::model::time::Timestamp;
use crate::model::user::{Field, Profile, User, UserData, Value};
use crate::store::Tx;

/// A user that lines have named.
#[derive(Debug)]
pub(super) struct Person {
    /// As it is in the database.
    stored: Option<User>,
    /// As the lines want it; the id is 0 until it has one.
    pub wanted: User,
}

/// Stands for an id that is still to be given.
const NO_ID: UserId = UserId::new(0);

pub(super) fn import(
    tx: &mut Tx<'_>,
    lines: &[(u64, &UserLine)],
    known: &mut Known,
    outcome: &mut Outcome,
) -> Result<()> {
    let order = walk(tx, lines, known, outcome)?;
    let added = || known.people.values().filter(|person| person.stored.is_none());
    if let Some(largest) = added().map(|person| person.wanted.id).max() {
        let unnumbered = added().filter(|person| person.wanted.id == NO_ID).count();
        let mut ids = tx.reserve_user_ids(unnumbered, largest)?.into_iter();
        for key in &order {
            if let Some(person) = known.people.get_mut(key).filter(|person| person.wanted.id == NO_ID) {
                person.wanted.id = ids.next().ok_or_else(too_few)?;
            }
        }
        let mut added: Vec<_> =
            known.people.values().filter(|person| person.stored.is_none()).map(|person| &person.wanted).collect();
        added.sort_unstable_by_key(|user| user.id);
        tx.insert_many_users(&added)?;
    }
    let mut changed: Vec<_> = known.people.values().filter_map(changed).collect();
    changed.sort_unstable_by_key(|(old, _)| old.id);
    for (old, data) in changed {
        tx.update_user(old, data)?;
    }
    Ok(())
}

fn changed(person: &Person) -> Option<(&User, &UserData)> {
    let old = person.stored.as_ref()?;
    (old.data != person.wanted.data).then_some((old, &person.wanted.data))
}

pub(super) fn dry_run(
    tx: &mut Tx<'_>,
    lines: &[(u64, &UserLine)],
    known: &mut Known,
    outcome: &mut Outcome,
) -> Result<()> {
    for key in walk(tx, lines, known, outcome)? {
        let Some(person) = known.people.get_mut(&key).filter(|person| person.wanted.id == NO_ID) else { continue };
        known.last_made_up -= 1;
        person.wanted.id = UserId::new(known.last_made_up);
    }
    for (_, line) in lines {
        let Some(person) = known.people.get(&key::of_email(&line.email)) else { continue };
        if let Some(alt_id) = &person.wanted.data.alt_id {
            known.alt_ids.entry(alt_id.clone()).or_default().insert(person.wanted.id);
        }
    }
    Ok(())
}

/// Goes through the lines; gives the addresses of those that are new, in order.
fn walk(tx: &mut Tx<'_>, lines: &[(u64, &UserLine)], known: &mut Known, outcome: &mut Outcome) -> Result<Vec<String>> {
    let keys: Vec<String> = lines.iter().map(|(_, line)| key::of_email(&line.email)).collect();
    look_up(tx, lines, &keys, known)?;
    let now = tx.now();
    let mut new = Vec::new();
    for ((number, line), key) in lines.iter().zip(keys) {
        let old = known.people.get(&key).map(|person| &person.wanted.data);
        let data = wanted_data(line, old)?;
        let complaint = complaint_about_user(line, &key, known).or_else(|| {
            let profile = &data.as_ref()?.profile;
            profile.complaint_about_size(old.map_or(&Profile::default(), |old| &old.profile))
        });
        if let Some(complaint) = complaint {
            outcome.reject_user(*number, complaint);
            continue;
        }
        if let Some(id) = line.id {
            known.addresses.insert(id, key.clone());
        }
        match (known.people.get_mut(&key), data) {
            (Some(person), data) => {
                if let (NO_ID, Some(id)) = (person.wanted.id, line.id) {
                    person.wanted.id = id;
                }
                match data {
                    Some(data) => {
                        person.wanted.data = data;
                        outcome.users.changed += 1;
                    }
                    None => outcome.users.unchanged += 1,
                }
            }
            (None, data) => {
                let data = data.unwrap_or_else(|| UserData::new(line.email.clone()));
                known.people.insert(key.clone(), Person { stored: None, wanted: new_user(line, data, now) });
                new.push(key);
                outcome.users.added += 1;
            }
        }
    }
    Ok(new)
}

/// What a user is to be after a line; `None` where it is like this already.
fn wanted_data(line: &UserLine, old: Option<&UserData>) -> Result<Option<UserData>> {
    let is_held = |field: Field, value: &Value| old.is_some_and(|old| old.holds(field, value));
    let different: Vec<_> = line.fields.iter().filter(|(field, value)| !is_held(*field, value)).collect();
    if old.is_some() && different.is_empty() {
        return Ok(None);
    }
    let mut data = old.cloned().unwrap_or_else(|| UserData::new(line.email.clone()));
    for (field, value) in different {
        put(&mut data, *field, value)?;
    }
    Ok(Some(data))
}

/// Reads all users that the lines name and that are not known yet.
fn look_up(tx: &mut Tx<'_>, lines: &[(u64, &UserLine)], keys: &[String], known: &mut Known) -> Result<()> {
    let mut emails = Vec::with_capacity(keys.len());
    for ((_, line), key) in lines.iter().zip(keys).filter(|(_, key)| !known.people.contains_key(*key)) {
        let earlier = key::of_email_before(&line.email);
        emails.extend((earlier != *key).then_some(earlier));
        emails.push(key.clone());
    }
    for user in tx.many_users_of_emails(&emails)? {
        let key = user.data.email_key();
        known.addresses.insert(user.id, key.clone());
        let person = Person { stored: Some(user.clone()), wanted: user };
        if known.people.insert(key.clone(), person).is_some() {
            known.shared.insert(key);
        }
    }
    let ids = lines.iter().filter_map(|(_, line)| line.id);
    let ids: Vec<_> = ids.filter(|id| !known.addresses.contains_key(id)).collect();
    if !ids.is_empty() {
        for user in tx.many_users(&ids)? {
            known.addresses.insert(user.id, user.data.email_key());
        }
        // After the users that are there: others may delete one between the two questions.
        known.retired.extend(tx.retired_users(&ids)?);
    }
    Ok(())
}

fn complaint_about_user(line: &UserLine, key: &str, known: &Known) -> Option<String> {
    if known.shared.contains(key) {
        return Some("`email`: two users have this address, spelled differently; `check` names them".to_owned());
    }
    let id = line.id?;
    if known.retired.contains(&id) {
        return Some(format!("`id`: {}", retired_id(id)));
    }
    if known.addresses.get(&id).is_some_and(|other| other != key) {
        return Some(format!("`id`: user {id} has another e-mail address"));
    }
    let has = known.people.get(key)?.wanted.id;
    (has != NO_ID && has != id).then(|| match has.get() {
        1.. => format!("`id`: the user with this e-mail address is {has}, not {id}"),
        _ => format!("`id`: an earlier line has this e-mail address, and another id than {id}"),
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
    if data.set(field, value.clone()) { Ok(()) } else { Err(unsuitable(field)) }
}
