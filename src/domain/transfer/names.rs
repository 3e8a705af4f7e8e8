//! The users that lines refer to by name.

use std::collections::{BTreeMap, HashMap};

use super::memory::PendingRecords;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::key;
use crate::model::text::excerpt;
use crate::store::Tx;

/// The most people that a message about an ambiguous name lists.
const MAX_LISTED: usize = 10;

/// The users with some names, by the key of the name: their ids, in order, and addresses.
#[derive(Debug, Default)]
pub(super) struct NamedUsers(HashMap<String, BTreeMap<UserId, String>>);

impl NamedUsers {
    /// Looks up the users with these names, also among those of earlier lines.
    pub fn look_up(tx: &mut Tx<'_>, names: &[&str], pending: &PendingRecords) -> Result<Self> {
        let mut keys: Vec<_> = names.iter().flat_map(|name| keys_of(name)).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut found = Self::default();
        for (key, id, email) in tx.many_users_of_names(&keys)? {
            if pending.may_have_name(id, &key) {
                found.0.entry(key).or_default().insert(id, email);
            }
        }
        for key in keys {
            let of_lines: Vec<_> = pending.users_of_name(&key).collect();
            if !of_lines.is_empty() {
                found.0.entry(key).or_default().extend(of_lines);
            }
        }
        Ok(found)
    }

    /// The only user with a name, or what is wrong with the name.
    pub fn find(&self, name: &str) -> std::result::Result<UserId, String> {
        let named = keys_of(name).into_iter().filter_map(|key| self.0.get(&key)).flatten();
        let users: BTreeMap<_, _> = named.collect();
        match (users.first_key_value(), users.len()) {
            (Some((id, _)), 1) => Ok(**id),
            (None, _) => Err(format!(
                "no user has the name `{}`; use the name as in the file, or an e-mail address, alt-id or id in the whole \
                 column",
                excerpt(name)
            )),
            _ => Err(ambiguous(name, &users)),
        }
    }
}

fn ambiguous(name: &str, users: &BTreeMap<&UserId, &String>) -> String {
    let one = |(id, email): (&&UserId, &&String)| match id.get() {
        1.. => format!("{} (user {id})", excerpt(email)),
        _ => format!("{} (a new user)", excerpt(email)),
    };
    let listed: Vec<_> = users.iter().map(one).take(MAX_LISTED).collect();
    let more = users.len() - listed.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "{} people have the name `{}`: {}{more}; use an e-mail address, alt-id or id in the whole column",
        users.len(),
        excerpt(name),
        listed.join(", ")
    )
}

/// The keys of a name that is written as `First Last` or as `Last, First`.
fn keys_of(name: &str) -> Vec<String> {
    let swap = |(last, first): (&str, &str)| format!("{} {}", first.trim(), last.trim());
    let swapped = [name.split_once(','), name.rsplit_once(',')].into_iter().flatten().map(swap);
    let mut keys: Vec<_> = swapped.chain([name.to_owned()]).map(|name| key::of_name(&name)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| !key.is_empty());
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_both_orders() {
        let key = key::of_name("Ann Marie Smith");
        for name in ["Ann Marie Smith", "Smith, Ann Marie", " smith ,ann  marie", "ANN MARIE SMITH"] {
            assert!(keys_of(name).contains(&key), "{name}");
        }
        assert!(keys_of("Smith, Jr., John").contains(&key::of_name("John Smith, Jr.")));
        assert!(keys_of("John Smith, Jr.").contains(&key::of_name("John Smith, Jr.")));
        assert!(keys_of("\u{200B}").is_empty());
    }
}
