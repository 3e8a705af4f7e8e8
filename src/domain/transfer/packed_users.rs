//! The users that earlier lines create or change, in few bytes each.
//!
//! # Design
//! A dry run remembers every new user of a file: a later line may repeat it, or refer to it. The values are packed, and
//! the indexes hold hashes instead of the texts, so a match is compared with the values before it counts.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};

use crate::model::error::{Error, Result};
use crate::model::id::UserId;
use crate::model::packed_user::PackedUser;
use crate::model::time::Timestamp;
use crate::model::user::{User, UserData};

/// Users by address, id, name and id in another system.
#[derive(Debug, Default)]
pub(super) struct PackedUsers {
    slots: Vec<Slot>,
    by_id: HashMap<UserId, u32>,
    /// Slots by the hash of the key of the address.
    keys: BTreeSet<(u64, u32)>,
    /// Slots by the hash of a name that the user has or had.
    names: BTreeSet<(u64, u32)>,
    /// Slots by the hash of an id in another system that the user has or had.
    alt_ids: BTreeSet<(u64, u32)>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Slot {
    id: UserId,
    /// Whether the database does not have the user.
    is_new: bool,
    user: PackedUser,
}

/// A user that lines contain.
#[derive(Debug)]
pub(super) struct PendingUser {
    /// The user in the database.
    pub stored: Option<User>,
    /// The user after the lines; its id is 0 until one is assigned.
    pub wanted: User,
}

impl PendingUser {
    /// A user of earlier lines of a dry run, which needs neither version nor times.
    pub fn of_earlier_line(user: KnownUser, now: Timestamp) -> Self {
        let KnownUser { id, is_new, data, .. } = user;
        let wanted = User { id, version: 1, data, is_supervisor: false, created_at: now, updated_at: now };
        Self { stored: (!is_new).then(|| wanted.clone()), wanted }
    }

    /// Whether the lines create or change it.
    pub fn is_changed(&self) -> bool {
        self.stored.as_ref().is_none_or(|stored| stored.data != self.wanted.data)
    }
}

/// A user of earlier lines.
#[derive(Debug)]
pub(super) struct KnownUser {
    pub id: UserId,
    pub is_new: bool,
    /// The key of the address by which lines name it.
    pub key: String,
    pub data: UserData,
}

impl PackedUsers {
    /// How many users there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds a user, or replaces what is known of it.
    ///
    /// # Errors
    /// An internal one if there is no room, or if the values cannot be packed.
    pub fn put(&mut self, key: String, user: PendingUser) -> Result<()> {
        let number = match self.find_key(&key) {
            Some((number, _)) => number,
            None => u32::try_from(self.slots.len()).map_err(|_| failure("too many users"))?,
        };
        let PendingUser { stored, wanted } = user;
        let entry = self.entry(number, &key);
        self.keys.insert(entry);
        let name = wanted.data.name_key();
        if !name.is_empty() {
            let entry = self.entry(number, &name);
            self.names.insert(entry);
        }
        if let Some(alt_id) = &wanted.data.alt_id {
            let entry = self.entry(number, alt_id);
            self.alt_ids.insert(entry);
        }
        self.by_id.insert(wanted.id, number);
        let user = PackedUser::pack(key, wanted.data).ok_or_else(|| failure("a user cannot be packed"))?;
        let slot = Slot { id: wanted.id, is_new: stored.is_none(), user };
        match usize::try_from(number).ok().and_then(|number| self.slots.get_mut(number)) {
            Some(known) => *known = slot,
            None => self.slots.push(slot),
        }
        Ok(())
    }

    fn entry(&self, number: u32, text: &str) -> (u64, u32) {
        (self.hash(text), number)
    }

    fn hash(&self, text: impl Hash) -> u64 {
        self.hasher.hash_one(text)
    }

    fn slots_of<'a>(&'a self, index: &'a BTreeSet<(u64, u32)>, text: &str) -> impl Iterator<Item = u32> + use<'a> {
        let hash = self.hash(text);
        index.range((hash, 0)..=(hash, u32::MAX)).map(|(_, number)| *number)
    }

    fn find_key(&self, key: &str) -> Option<(u32, KnownUser)> {
        let mut users = self.slots_of(&self.keys, key).filter_map(|number| Some((number, self.known(number)?)));
        users.find(|(_, user)| user.key == key)
    }

    fn known(&self, number: u32) -> Option<KnownUser> {
        let slot = self.slots.get(usize::try_from(number).ok()?)?;
        let (key, data) = slot.user.unpack()?;
        Some(KnownUser { id: slot.id, is_new: slot.is_new, key, data })
    }

    /// The user of an address.
    pub fn of_key(&self, key: &str) -> Option<KnownUser> {
        self.find_key(key).map(|(_, user)| user)
    }

    /// Whether a user has an id.
    pub fn has_id(&self, id: UserId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// The user with an id.
    pub fn of_id(&self, id: UserId) -> Option<KnownUser> {
        self.known(*self.by_id.get(&id)?)
    }

    /// The users with a name, by its key.
    pub fn of_name(&self, name: &str) -> impl Iterator<Item = KnownUser> {
        let users = self.slots_of(&self.names, name).filter_map(|number| self.known(number));
        users.filter(move |user| user.data.name_key() == name)
    }

    /// The users with an id in another system.
    pub fn of_alt_id(&self, alt_id: &str) -> impl Iterator<Item = KnownUser> {
        let users = self.slots_of(&self.alt_ids, alt_id).filter_map(|number| self.known(number));
        users.filter(move |user| user.data.alt_id.as_deref() == Some(alt_id))
    }

    /// The users that the database does not have, in the order of their lines: ids, and keys of addresses.
    pub fn new_users(&self) -> impl Iterator<Item = (UserId, String)> {
        let new = self.slots.iter().filter(|slot| slot.is_new);
        new.filter_map(|slot| Some((slot.id, slot.user.unpack()?.0)))
    }
}

fn failure(what: &str) -> Error {
    Error::Internal(format!("a dry run cannot remember a user: {what}"))
}
