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

/// The users of a page that is read to list them.
const PAGE: i64 = 50;

/// The users with a name.
#[derive(Debug, Default)]
struct NameMatches {
    /// The first of them: their ids, in order, and addresses.
    listed: BTreeMap<UserId, String>,
    /// How many more there are.
    more: u64,
}

/// The users with some names, by the key of the name. Very many may share one, so only a few of them are read.
#[derive(Debug, Default)]
pub(super) struct NamedUsers(HashMap<String, NameMatches>);

impl NamedUsers {
    /// Looks up the users with these names, also among those of earlier lines.
    pub fn look_up(tx: &mut Tx<'_>, names: &[&str], pending: &PendingRecords) -> Result<Self> {
        let mut keys: Vec<_> = names.iter().flat_map(|name| keys_of(name)).collect();
        keys.sort_unstable();
        keys.dedup();
        let (unique, shared): (Vec<_>, Vec<_>) =
            tx.count_users_of_names(&keys)?.into_iter().partition(|(_, users, _)| *users == 1);
        let mut found = Self::default();
        let ids: Vec<_> = unique.iter().map(|(_, _, id)| *id).collect();
        let emails: HashMap<_, _> = tx.many_emails(&ids)?.into_iter().collect();
        for (key, _, id) in unique {
            if let Some(email) = emails.get(&id).filter(|_| pending.may_have_name(id, &key)) {
                found.0.entry(key).or_default().listed.insert(id, email.clone());
            }
        }
        for (key, users, _) in shared {
            let matches = list_shared(tx, &key, users, pending)?;
            found.0.insert(key, matches);
        }
        for key in keys {
            for (id, email) in pending.users_of_name(&key) {
                found.0.entry(key.clone()).or_default().add_of_line(id, email);
            }
        }
        Ok(found)
    }

    /// The only user with a name, or what is wrong with the name.
    pub fn find(&self, name: &str) -> std::result::Result<UserId, String> {
        let keys = keys_of(name);
        let named = || keys.iter().filter_map(|key| self.0.get(key));
        let users: BTreeMap<_, _> = named().flat_map(|matches| &matches.listed).collect();
        let more = named().map(|matches| matches.more).sum::<u64>();
        match (users.first_key_value(), users.len() as u64 + more) {
            (Some((id, _)), 1) => Ok(**id),
            (None, _) => Err(format!(
                "no user has the name `{}`; use the name as in the file, or an e-mail address, alt-id or id in the whole \
                 column",
                excerpt(name)
            )),
            (_, total) => Err(ambiguous(name, &users, total)),
        }
    }
}

impl NameMatches {
    /// Adds a user of an earlier line, which may be stored.
    fn add_of_line(&mut self, id: UserId, email: String) {
        if self.listed.contains_key(&id) || (self.more > 0 && id.get() > 0) {
            return;
        }
        if self.listed.len() > MAX_LISTED {
            self.more += 1;
        } else {
            self.listed.insert(id, email);
        }
    }
}

/// The first of the stored users that share a name, without those to whom earlier lines give another one.
fn list_shared(tx: &mut Tx<'_>, key: &str, users: u64, pending: &PendingRecords) -> Result<NameMatches> {
    let (mut listed, mut last, mut renamed) = (BTreeMap::new(), UserId::new(0), 0);
    loop {
        let page = tx.users_of_name_after(key, last, PAGE)?;
        let Some((id, _)) = page.last() else { break };
        last = *id;
        let (named, others): (Vec<_>, Vec<_>) = page.into_iter().partition(|(id, _)| pending.may_have_name(*id, key));
        renamed += others.len() as u64;
        listed.extend(named.into_iter().take(MAX_LISTED - listed.len()));
        if listed.len() == MAX_LISTED {
            break;
        }
    }
    let more = users.saturating_sub(renamed + listed.len() as u64);
    Ok(NameMatches { listed, more })
}

fn ambiguous(name: &str, users: &BTreeMap<&UserId, &String>, total: u64) -> String {
    let one = |(id, email): (&&UserId, &&String)| match id.get() {
        1.. => format!("{} (user {id})", excerpt(email)),
        _ => format!("{} (a new user)", excerpt(email)),
    };
    let listed: Vec<_> = users.iter().map(one).take(MAX_LISTED).collect();
    let more = total - listed.len() as u64;
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "{total} people have the name `{}`: {}{more}; use an e-mail address, alt-id or id in the whole column",
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
