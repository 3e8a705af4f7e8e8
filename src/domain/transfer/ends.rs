//! The users at the ends of lines with relationships.

use std::collections::{HashMap, HashSet};

use super::{Known, Load, Named, RelationshipLine};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::key;
use crate::store::Tx;

/// How many users a load remembers, in 10 MB: nobody can remove them meanwhile.
pub(super) const MOST_REMEMBERED: usize = 900_000;

/// Who is meant by the names in some lines.
#[derive(Debug, Default)]
pub(super) struct Ends {
    ids: HashSet<UserId>,
    emails: HashMap<String, UserId>,
    alt_ids: HashMap<String, HashSet<UserId>>,
}

impl Ends {
    /// Looks up everybody whom the lines name.
    pub fn look_up(
        tx: &mut Tx<'_>,
        lines: &[(u64, &RelationshipLine)],
        known: &Known,
        load: Option<&mut Load>,
    ) -> Result<Self> {
        let mut named: Vec<&Named> = lines.iter().flat_map(|(_, line)| [&line.user, &line.target]).collect();
        named.sort_unstable();
        named.dedup();
        let (mut ids, mut emails, mut alt_ids) = (Vec::new(), Vec::new(), Vec::new());
        for name in named {
            match name {
                Named::Id(id) => ids.push(*id),
                Named::Email(email) => emails.push(email.clone()),
                Named::AltId(alt_id) => alt_ids.push(alt_id.clone()),
            }
        }
        let mut ends = Self::default();
        if let Some(load) = load {
            ends.ids.extend(ids.iter().filter(|id| load.users.contains(id)));
            ids.retain(|id| !load.users.contains(id));
            let found = if ids.is_empty() { Vec::new() } else { tx.many_existing_users(&ids)? };
            let room = MOST_REMEMBERED.saturating_sub(load.users.len());
            load.users.extend(found.iter().take(room));
            ends.ids.extend(found);
        } else if !ids.is_empty() {
            ends.ids = tx.many_existing_users(&ids)?.into_iter().collect();
            ends.ids.extend(ids.iter().filter(|id| known.addresses.contains_key(id)));
        }
        if !emails.is_empty() {
            ends.emails = ids_of_emails(tx, emails, known)?;
        }
        if !alt_ids.is_empty() {
            let stored = tx.many_ids_of_alt_ids(&alt_ids)?.into_iter();
            let said = alt_ids.iter().filter_map(|alt_id| known.alt_ids.get_key_value(alt_id));
            let said = said.flat_map(|(alt_id, ids)| ids.iter().map(|id| (alt_id.clone(), *id)));
            for (alt_id, id) in stored.chain(said) {
                if known.may_have(id, &alt_id) {
                    ends.alt_ids.entry(alt_id).or_default().insert(id);
                }
            }
        }
        Ok(ends)
    }

    /// The user of that name, or what is wrong with the name.
    pub fn find(&self, name: &Named) -> std::result::Result<UserId, String> {
        match name {
            Named::Id(id) if self.ids.contains(id) => Ok(*id),
            Named::Id(id) => Err(format!("there is no user {id}")),
            Named::Email(email) => {
                self.emails.get(email).copied().ok_or_else(|| "no user has this e-mail address".to_owned())
            }
            Named::AltId(alt_id) => {
                let mut ids = self.alt_ids.get(alt_id).into_iter().flatten();
                match (ids.next(), ids.count()) {
                    (None, _) => Err("no user has this alt-id".to_owned()),
                    (Some(id), 0) => Ok(*id),
                    (Some(_), more) => Err(format!("{} users have this alt-id; name one by its id", more + 1)),
                }
            }
        }
    }
}

/// The users with these addresses. An earlier key that is stored for exactly an address comes first, as in
/// [`Tx::user_id_of_email`].
fn ids_of_emails(tx: &mut Tx<'_>, emails: Vec<String>, known: &Known) -> Result<HashMap<String, UserId>> {
    let mut keys: Vec<_> = emails.iter().flat_map(|email| key::stored_keys_of_email(email)).collect();
    keys.sort_unstable();
    keys.dedup();
    let stored: HashMap<_, _> = tx.many_ids_of_emails(&keys)?.into_iter().collect();
    let find = |email: &str| {
        let [key, earlier_key] = key::stored_keys_of_email(email);
        let theirs = || known.people.get(&key).map(|person| person.wanted.id);
        let shared = stored.get(&earlier_key).filter(|_| earlier_key != key).copied();
        shared.or_else(theirs).or_else(|| stored.get(&key).copied())
    };
    Ok(emails.into_iter().filter_map(|email| find(&email).map(|id| (email, id))).collect())
}

impl Known {
    /// Whether no line has taken that alt-id from a user.
    fn may_have(&self, id: UserId, alt_id: &str) -> bool {
        let person = self.addresses.get(&id).and_then(|email| self.people.get(email));
        person.is_none_or(|person| person.wanted.data.alt_id.as_deref() == Some(alt_id))
    }
}
