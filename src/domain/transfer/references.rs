//! The users that lines refer to.

use std::collections::{HashMap, HashSet};

use super::lines::UserReference;
use super::memory::{LoadMemory, MAX_REMEMBERED_USERS, PendingRecords};
use super::names::NamedUsers;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::key;
use crate::store::Tx;

/// The users that some lines refer to.
#[derive(Debug, Default)]
pub(super) struct ReferencedUsers {
    ids: HashSet<UserId>,
    emails: HashMap<String, UserId>,
    alt_ids: HashMap<String, HashSet<UserId>>,
    names: NamedUsers,
}

impl ReferencedUsers {
    /// Looks up the users of references.
    pub fn look_up(
        tx: &mut Tx<'_>,
        mut references: Vec<&UserReference>,
        pending: &PendingRecords,
        memory: Option<&mut LoadMemory>,
    ) -> Result<Self> {
        references.sort_unstable();
        references.dedup();
        let (mut ids, mut emails, mut alt_ids, mut names) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for reference in references {
            match reference {
                UserReference::Id(id) => ids.push(*id),
                UserReference::Email(email) => emails.push(email.clone()),
                UserReference::AltId(alt_id) => alt_ids.push(alt_id.clone()),
                UserReference::Name(name) => names.push(name.as_str()),
            }
        }
        let mut found = Self::default();
        if let Some(memory) = memory {
            found.ids.extend(ids.iter().filter(|id| memory.users.contains(id)));
            ids.retain(|id| !memory.users.contains(id));
            let stored = if ids.is_empty() { Vec::new() } else { tx.many_existing_users(&ids)? };
            let room = MAX_REMEMBERED_USERS.saturating_sub(memory.users.len());
            memory.users.extend(stored.iter().take(room));
            found.ids.extend(stored);
        } else if !ids.is_empty() {
            found.ids = tx.many_existing_users(&ids)?.into_iter().collect();
            found.ids.extend(ids.iter().filter(|id| pending.users.has_id(**id)));
        }
        if !emails.is_empty() {
            found.emails = ids_of_emails(tx, emails, pending)?;
        }
        if !alt_ids.is_empty() {
            let stored = tx.many_ids_of_alt_ids(&alt_ids)?.into_iter();
            let stored = stored.filter(|(alt_id, id)| pending.may_have_alt_id(*id, alt_id));
            let of_lines =
                alt_ids.iter().flat_map(|alt_id| pending.users.of_alt_id(alt_id).map(|user| (alt_id.clone(), user.id)));
            for (alt_id, id) in stored.chain(of_lines) {
                found.alt_ids.entry(alt_id).or_default().insert(id);
            }
        }
        if !names.is_empty() {
            found.names = NamedUsers::look_up(tx, &names, pending)?;
        }
        Ok(found)
    }

    /// The user of a reference, or what is wrong with the reference.
    pub fn find(&self, reference: &UserReference) -> std::result::Result<UserId, String> {
        match reference {
            UserReference::Id(id) if self.ids.contains(id) => Ok(*id),
            UserReference::Id(id) => Err(format!("there is no user {id}")),
            UserReference::Email(email) => {
                self.emails.get(email).copied().ok_or_else(|| "no user has this e-mail address".to_owned())
            }
            UserReference::AltId(alt_id) => {
                let mut ids = self.alt_ids.get(alt_id).into_iter().flatten();
                match (ids.next(), ids.count()) {
                    (None, _) => Err("no user has this alt-id".to_owned()),
                    (Some(id), 0) => Ok(*id),
                    (Some(_), more) => Err(format!("{} users have this alt-id; refer to one by its id", more + 1)),
                }
            }
            UserReference::Name(name) => self.names.find(name),
        }
    }
}

/// The users with these addresses. An earlier key that is stored for exactly an address comes first, as in
/// [`Tx::user_id_of_email`].
fn ids_of_emails(tx: &mut Tx<'_>, emails: Vec<String>, pending: &PendingRecords) -> Result<HashMap<String, UserId>> {
    let mut keys: Vec<_> = emails.iter().flat_map(|email| key::stored_keys_of_email(email)).collect();
    keys.sort_unstable();
    keys.dedup();
    let stored: HashMap<_, _> = tx.many_ids_of_emails(&keys)?.into_iter().collect();
    let find = |email: &str| {
        let [key, earlier_key] = key::stored_keys_of_email(email);
        let of_lines = || pending.users.of_key(&key).map(|user| user.id);
        let shared = stored.get(&earlier_key).filter(|_| earlier_key != key).copied();
        let still_stored = || stored.get(&key).copied().filter(|id| pending.may_have_email(*id, &key));
        shared.or_else(of_lines).or_else(still_stored)
    };
    Ok(emails.into_iter().filter_map(|email| find(&email).map(|id| (email, id))).collect())
}
