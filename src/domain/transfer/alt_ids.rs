//! Finds the users of lines by their ids in another system, such as employee numbers.
//!
//! # Design
//! A user whose e-mail address and `alt-id` are those of its line is known by its address. Only for other lines the
//! database is asked who has the `alt-id`.

use std::collections::HashMap;

use super::lines::UserLine;
use super::memory::LineUsers;
use super::packed_users::PendingUser;
use super::preview::describe_user;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::text::excerpt;
use crate::model::user::{Field, User, Value};
use crate::store::Tx;

/// The most users that a message about an `alt-id` lists.
const MAX_LISTED: usize = 10;

impl UserLine {
    /// The id in another system, if the line has one.
    #[must_use]
    pub fn alt_id(&self) -> Option<&str> {
        self.fields.iter().find_map(|(field, value)| match value {
            Value::Text(text) if *field == Field::AltId && !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Adds the stored users whom only the `alt-id` of a line names to the pending records, under the address of the line.
/// `keys` are those of the addresses, whose users are pending. Returns the numbers of the lines whose `alt-id` names
/// several users, or another user than the address, with the reasons.
pub(super) fn look_up(
    tx: &mut Tx<'_>,
    lines: &[(u64, &UserLine)],
    keys: &[String],
    pending: &mut LineUsers,
) -> Result<HashMap<u64, String>> {
    let is_known = |alt_id: &str, key: &String| {
        pending.users.get(key).is_some_and(|user| user.wanted.data.alt_id.as_deref() == Some(alt_id))
    };
    let sought = lines.iter().zip(keys).filter_map(|((number, line), key)| Some((*number, *line, line.alt_id()?, key)));
    let sought: Vec<_> = sought.filter(|(_, _, alt_id, key)| !is_known(alt_id, key)).collect();
    let mut conflicts = HashMap::new();
    if sought.is_empty() {
        return Ok(conflicts);
    }
    let holders = find_holders(tx, sought.iter().map(|(_, _, alt_id, _)| (*alt_id).to_owned()).collect())?;
    for (number, line, alt_id, key) in sought {
        let of_email = pending.users.get(key).and_then(|user| user.stored.as_ref());
        match (holders.get(alt_id).map(Vec::as_slice), of_email) {
            (None, _) => {}
            (Some([holder]), None) => {
                pending.keys.insert(holder.id, key.clone());
                let user = PendingUser { stored: Some(holder.clone()), wanted: holder.clone() };
                pending.users.insert(key.clone(), user);
            }
            (Some([holder]), Some(other)) if other.id == holder.id => {}
            (Some(holders), of_email) => {
                conflicts.insert(number, describe_conflict(alt_id, holders, of_email, &line.email));
            }
        }
    }
    Ok(conflicts)
}

/// The users with each of these ids in another system, by their ids.
fn find_holders(tx: &mut Tx<'_>, mut alt_ids: Vec<String>) -> Result<HashMap<String, Vec<User>>> {
    alt_ids.sort_unstable();
    alt_ids.dedup();
    let mut ids: Vec<UserId> = tx.many_ids_of_alt_ids(&alt_ids)?.into_iter().map(|(_, id)| id).collect();
    ids.sort_unstable();
    let mut users = if ids.is_empty() { Vec::new() } else { tx.many_users(&ids)? };
    users.sort_unstable_by_key(|user| user.id);
    let mut holders = HashMap::<_, Vec<_>>::new();
    for user in users {
        if let Some(alt_id) = user.data.alt_id.clone() {
            holders.entry(alt_id).or_default().push(user);
        }
    }
    Ok(holders)
}

fn describe_conflict(alt_id: &str, holders: &[User], of_email: Option<&User>, email: &str) -> String {
    let describe = |user: &User| format!("{} (user {})", excerpt(&describe_user(&user.data)), user.id);
    let listed: Vec<_> = holders.iter().take(MAX_LISTED).map(describe).collect();
    let more = holders.len() - listed.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (alt_id, email, listed) = (excerpt(alt_id), excerpt(email), listed.join(", "));
    match of_email {
        Some(other) => format!(
            "`alt-id`: `{alt_id}` is that of {listed}{more}, and the e-mail address `{email}` is that of {}; correct the \
             line, or change one of these users first",
            describe(other)
        ),
        None => format!(
            "`alt-id`: `{alt_id}` is that of {listed}{more}, and none of them has the e-mail address `{email}`; give each \
             an `alt-id` of its own first"
        ),
    }
}
